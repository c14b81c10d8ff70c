// Package faultpoint names the moments at which a rehearsal makes a node die
// or stand still, and shifts its clock. All of it is built with the tag chaos
// only; without the tag every call compiles to nothing.
//
// A rehearsal build reads from its environment:
//
//	ONE_API_FAULTPOINT    name[:n][=act]: what happens at the n-th passage (the
//	                      first, without n). Acts are kill (SIGKILL to itself,
//	                      the default) and stop (SIGSTOP to itself, until
//	                      somebody sends SIGCONT)
//	ONE_API_CLOCK_OFFSET  90s or -40s: how far the node's clock is wrong
//	ONE_API_TIME_SCALE    20: leases and proofs of absence take a twentieth
package faultpoint
