//go:build !(chaos && unix)

package faultpoint

import "time"

// Built tells a rehearsal build.
const Built = false

// Here is a moment at which a rehearsal may strike.
func Here(string) {}

// Now is the node's clock.
func Now() time.Time { return time.Now() }

// Wait is how long a wait of the use case takes here.
func Wait(d time.Duration) time.Duration { return d }
