// Package channel is an upstream account that the operator lends us, and the
// order in which such accounts are tried.
package channel

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"one-api/internal/model"
	"one-api/internal/secret"
)

// TypeKling is channels.type of a Kling account ("Keling" in the incumbent).
const TypeKling = 41

// TestID is the channel of test tasks: the simulated upstream, which has no row
// in table channels. 0 is no channel at all.
const TestID int64 = -1

// Status is channels.status, with the incumbent's numbers.
type Status int

const (
	Enabled  Status = 1
	Disabled Status = 2 // by hand
	Broken   Status = 3 // by the gateway, for an account fault; a free probe brings it back
	Draining Status = 4 // no new tasks; its live ones go on
)

// Channel is one upstream account.
type Channel struct {
	ID       int64
	Type     int
	Name     string
	Status   Status
	Reason   string // why it is Broken
	BaseURL  string
	Keys     []Key
	Models   []string // names, base names or patterns ending in "*"
	Groups   []string
	Priority int // higher tiers are tried first
	Weight   int // share within a tier; 0 counts as 1
	MaxLive  int // most live tasks per upstream model, 0: no limit
	// WebhookSecrets verify the upstream's own callback signatures.
	WebhookSecrets []secret.Text
	Circuit        Circuit
	Version        int64
}

// Key is one of a channel's keys. Its ID is stored with each task, so that the
// task is asked for with the key that made it, whatever is added or removed.
type Key struct {
	ID   string
	Text secret.Text
}

// SplitKeys reads channels.key: one key a line, blank lines ignored.
func SplitKeys(keys *secret.Keyring, text secret.Text) []Key {
	var out []Key
	for line := range strings.Lines(text.Reveal()) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, Key{ID: KeyID(keys, secret.Text(line)), Text: secret.Text(line)})
		}
	}
	return out
}

// TrimBaseURL takes off the slashes that people leave at the end.
func TrimBaseURL(u string) string { return strings.TrimRight(strings.TrimSpace(u), "/") }

// KeyID names a key without telling it.
func KeyID(keys *secret.Keyring, key secret.Text) string {
	return hex.EncodeToString(secret.MAC(keys.Derive("channel key id"), key.Reveal())[:6])
}

// KeyByID finds the key that made a task. When it was removed since, the first
// key stands in: keys of one channel belong to one account.
func (c *Channel) KeyByID(id string) (Key, bool) {
	if i := slices.IndexFunc(c.Keys, func(k Key) bool { return k.ID == id }); i >= 0 {
		return c.Keys[i], true
	}
	if len(c.Keys) > 0 {
		return c.Keys[0], true
	}
	return Key{}, false
}

// Offers reports whether the channel lists the model.
func (c *Channel) Offers(name string) bool {
	return slices.ContainsFunc(c.Models, func(m string) bool { return model.Covers(m, name) })
}

// Serves reports whether users of a group may use the channel.
func (c *Channel) Serves(group string) bool { return slices.Contains(c.Groups, group) }

// Need is what an order asks of a channel.
type Need struct {
	Type  int
	Model string
	Group string
	// Pinned is the channel that holds a resource the order names; 0: any.
	Pinned int64
	// CanServe tells which keys can make the call; nil: all.
	CanServe func(secret.Text) bool
}

// Candidate is a channel with the key to use.
type Candidate struct {
	Channel *Channel
	Key     Key
}

// Order lists the channels that can serve a need, best first: by priority,
// and within a tier at random by weight. busy tells of channels that should
// not be tried now (nil: none); random is a source of dice (nil: the global
// one).
func Order(channels []*Channel, n Need, busy func(*Channel) bool, random func() float64) []Candidate {
	if random == nil {
		random = rand.Float64
	}
	type scored struct {
		Candidate
		draw float64
	}
	var fit []scored
	for _, c := range channels {
		if c.Status != Enabled || c.Type != n.Type || !c.Offers(n.Model) || !c.Serves(n.Group) {
			continue
		}
		if n.Pinned != 0 && c.ID != n.Pinned || busy != nil && busy(c) {
			continue
		}
		var usable []Key
		for _, k := range c.Keys {
			if n.CanServe == nil || n.CanServe(k.Text) {
				usable = append(usable, k)
			}
		}
		if len(usable) == 0 {
			continue
		}
		key := usable[int(random()*float64(len(usable)))%len(usable)]
		// Exponential draws divided by the weight order a list as repeated
		// weighted picks would.
		fit = append(fit, scored{Candidate{c, key}, draw(random) / float64(max(1, c.Weight))})
	}
	slices.SortStableFunc(fit, func(a, b scored) int {
		if a.Channel.Priority != b.Channel.Priority {
			return b.Channel.Priority - a.Channel.Priority
		}
		switch {
		case a.draw < b.draw:
			return -1
		case a.draw > b.draw:
			return 1
		}
		return 0
	})
	out := make([]Candidate, len(fit))
	for i := range fit {
		out[i] = fit[i].Candidate
	}
	return out
}

func draw(random func() float64) float64 { return -math.Log(1 - random()) }

// Circuit is a channel's rest after accidents in a row, as all nodes see it.
// The zero value is closed.
type Circuit struct {
	Until time.Time // no order is sent before; then one node tries one
	Opens int       // how often it has opened since it was last closed
}
