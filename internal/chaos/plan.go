package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// strikes are the kinds of things that happen to a campaign, by the names that
// -faults takes. Lost, doubled, reordered and delayed callbacks, forged ones,
// and an upstream that errs or loses its answers happen all the time; "upstream"
// and "forge" switch them.
var strikes = []string{
	"kill", "pause", "clock", "database", "redis", "flush", "disk", "stall", "cut", "half-close", "upstream", "forge",
}

// weights are how many strikes of a kind come with a hundred kills.
var weights = map[string]int{
	"pause": 14, "clock": 5, "database": 4, "redis": 4, "flush": 4, "disk": 2, "stall": 5, "cut": 6, "half-close": 6,
}

// event is one strike and when it comes: orders are let go, some of them are
// waited for, a moment passes, and it strikes into those that are under way.
type event struct {
	kind   string
	orders int
	wait   int // answers
	moment time.Duration
	node   int
	lasts  time.Duration
	offset time.Duration // of the clock
}

// plan is the schedule that a seed makes.
func plan(o options) []event {
	allowed := func(kind string) bool { return o.faults == nil || slices.Contains(o.faults, kind) }
	dice := dice(o.seed, "plan "+o.db)
	var kinds []string
	for range o.kills {
		if allowed("kill") {
			kinds = append(kinds, "kill")
		}
	}
	for _, kind := range strikes {
		if weights[kind] == 0 || !allowed(kind) || kind == "database" && o.db == "sqlite" {
			continue
		}
		n := (o.kills*weights[kind] + 99) / 100
		for range n {
			kinds = append(kinds, kind)
		}
	}
	dice.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	most := 1
	if len(kinds) > 0 {
		most = max(1, 2*o.tasks/len(kinds))
	}
	out := make([]event, len(kinds))
	for i, kind := range kinds {
		e := event{kind: kind, orders: 1 + dice.IntN(most), node: dice.IntN(max(1, o.nodes))}
		e.wait = dice.IntN(e.orders + 1)
		e.moment = time.Duration(dice.IntN(40_000)) * time.Microsecond
		switch kind {
		case "kill":
			e.lasts = time.Duration(dice.IntN(300)) * time.Millisecond // until it is started again
		case "pause":
			e.lasts = time.Duration(50+dice.IntN(1500)) * time.Millisecond
			if o.nodes > 1 && dice.IntN(8) == 0 {
				e.lasts = time.Duration(float64(40*time.Second) / o.scale) // longer than any lease of a create call
			}
		case "clock":
			e.offset = []time.Duration{-90, -40, -8, 8, 40, 90}[dice.IntN(6)] * time.Second
		case "disk":
			e.lasts = time.Duration(300+dice.IntN(1500)) * time.Millisecond
		case "stall":
			e.lasts = time.Duration(100+dice.IntN(3400)) * time.Millisecond // the create call's time-out is 2 s
		}
		out[i] = e
	}
	return out
}

// fingerprint names a schedule, so that two runs can be compared.
func fingerprint(events []event) string {
	h := sha256.New()
	for _, e := range events {
		_, _ = fmt.Fprintln(h, e)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// dice are loaded by the seed and what they are thrown for.
func dice(seed uint64, what string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(what))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// order is what the n-th order of a campaign says.
type order struct {
	n        int
	user     int
	token    int
	body     string
	key      string // Idempotency-Key
	external string
	callback string // path at the receiver, "" for none
	again    bool   // ask again after the answer
	cancel   bool   // cancel it if it waits
	look     bool   // read it after the answer
}

// makeOrder throws the dice of the n-th order.
func makeOrder(seed uint64, n int, receiver string) order {
	d := dice(seed, fmt.Sprint("order ", n))
	o := order{n: n, user: d.IntN(users), token: d.IntN(tokensOfUser), key: fmt.Sprintf("order %d", n)}
	model := []string{"kling-v1-5-std", "kling-v1-6-std", "kling-v1-6-pro"}[d.IntN(3)]
	o.cancel = d.IntN(3) == 0
	if d.IntN(16) == 0 {
		model = queuedModel
	}
	prompt := "a cat"
	switch d.IntN(24) {
	case 0, 1:
		prompt = "simfail"
	case 2:
		prompt = "forbidden"
	}
	o.body = fmt.Sprintf(`{"model":%q,"prompt":"%s %d","duration":%d,"aspect_ratio":%q`, model, prompt, n,
		[]int{5, 5, 5, 10}[d.IntN(4)], []string{"16:9", "1:1"}[d.IntN(2)])
	if d.IntN(4) == 0 {
		o.external = fmt.Sprintf("mine-%d", n)
		o.body += fmt.Sprintf(`,"external_task_id":%q`, o.external)
	}
	if d.IntN(3) == 0 {
		o.callback = fmt.Sprintf("/hook/%d/%d", o.user, n)
		o.body += fmt.Sprintf(`,"callback_url":%q`, receiver+o.callback)
	}
	o.body += "}"
	o.again, o.look = d.IntN(6) == 0, d.IntN(4) == 0
	return o
}
