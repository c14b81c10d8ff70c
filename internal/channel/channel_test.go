package channel_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/channel"
	"one-api/internal/secret"
)

func keyring(t *testing.T) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newChannel is one that serves need.
func newChannel(id int64) *channel.Channel {
	return &channel.Channel{
		ID: id, Type: channel.TypeKling, Status: channel.Enabled, BaseURL: "https://kling.example",
		Keys: []channel.Key{{ID: "k1", Text: "key one"}}, Models: []string{"kling-v1-6"}, Groups: []string{"default"}, Weight: 1,
	}
}

var need = channel.Need{Type: channel.TypeKling, Model: "kling-v1-6-pro", Group: "default"}

// dice always fall the same way.
func dice() func() float64 { return rand.New(rand.NewPCG(1, 2)).Float64 }

func ids(list []channel.Candidate) []int64 {
	out := []int64{}
	for _, c := range list {
		out = append(out, c.Channel.ID)
	}
	return out
}

func TestOrderSkipsWhatCannotServe(t *testing.T) {
	for name, change := range map[string]func(*channel.Channel, *channel.Need){
		"disabled":              func(c *channel.Channel, _ *channel.Need) { c.Status = channel.Disabled },
		"broken":                func(c *channel.Channel, _ *channel.Need) { c.Status = channel.Broken },
		"draining":              func(c *channel.Channel, _ *channel.Need) { c.Status = channel.Draining },
		"no status":             func(c *channel.Channel, _ *channel.Need) { c.Status = 0 },
		"another provider":      func(c *channel.Channel, _ *channel.Need) { c.Type = 1 },
		"another model":         func(c *channel.Channel, _ *channel.Need) { c.Models = []string{"kling-v2", "kling-v1-6-std"} },
		"no models":             func(c *channel.Channel, _ *channel.Need) { c.Models = nil },
		"another group":         func(c *channel.Channel, _ *channel.Need) { c.Groups = []string{"vip"} },
		"no key":                func(c *channel.Channel, _ *channel.Need) { c.Keys = nil },
		"pinned elsewhere":      func(_ *channel.Channel, n *channel.Need) { n.Pinned = 99 },
		"no key that can serve": func(_ *channel.Channel, n *channel.Need) { n.CanServe = func(secret.Text) bool { return false } },
	} {
		t.Run(name, func(t *testing.T) {
			c, n := newChannel(1), need
			if got := channel.Order([]*channel.Channel{c}, n, nil, dice()); len(got) != 1 {
				t.Fatalf("before the change %v can serve", ids(got))
			}
			change(c, &n)
			if got := channel.Order([]*channel.Channel{c}, n, nil, dice()); len(got) != 0 {
				t.Errorf("%v can serve", ids(got))
			}
		})
	}
}

func TestOrderSkipsTheBusy(t *testing.T) {
	list := []*channel.Channel{newChannel(1), newChannel(2), newChannel(3)}
	got := channel.Order(list, need, func(c *channel.Channel) bool { return c.ID != 2 }, dice())
	if diff := cmp.Diff([]int64{2}, ids(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOrderKeepsToThePinnedChannel(t *testing.T) {
	n := need
	n.Pinned = 3
	got := channel.Order([]*channel.Channel{newChannel(1), newChannel(2), newChannel(3)}, n, nil, dice())
	if diff := cmp.Diff([]int64{3}, ids(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOrderReadsModelPatterns(t *testing.T) {
	for entry, want := range map[string]bool{
		"*": true, "kling-v1*": true, "kling-v1-6": true, "kling-v1-6-pro": true, "kling-v1-6-std": false, "kling-v2*": false,
	} {
		c := newChannel(1)
		c.Models = []string{"something-else", entry}
		if got := len(channel.Order([]*channel.Channel{c}, need, nil, dice())) == 1; got != want {
			t.Errorf("a channel with %q serves %s: %t, want %t", entry, need.Model, got, want)
		}
	}
}

func TestHigherPrioritiesComeFirst(t *testing.T) {
	random := dice()
	list := []*channel.Channel{newChannel(1), newChannel(2), newChannel(3), newChannel(4)}
	list[0].Priority, list[1].Priority, list[2].Priority, list[3].Priority = -5, 10, 0, 10
	list[0].Weight = 1000 // counts within a tier only
	for range 200 {
		got := ids(channel.Order(list, need, nil, random))
		if len(got) != 4 || got[0]+got[1] != 6 || got[2] != 3 || got[3] != 1 {
			t.Fatalf("order %v, want 2 and 4, then 3, then 1", got)
		}
	}
}

func TestWeightsShareATier(t *testing.T) {
	random := dice()
	list := []*channel.Channel{newChannel(1), newChannel(2), newChannel(3)}
	list[0].Weight, list[1].Weight, list[2].Weight = 6, 3, 0 // 0 counts as 1
	const rounds = 20_000
	first, second := map[int64]int{}, map[int64]int{}
	for range rounds {
		got := ids(channel.Order(list, need, nil, random))
		first[got[0]]++
		second[got[1]]++
	}
	for id, want := range map[int64]float64{1: 0.6, 2: 0.3, 3: 0.1} {
		if got := float64(first[id]) / rounds; got < want-0.015 || got > want+0.015 {
			t.Errorf("channel %d was first in %.3f of the rounds, want %.2f", id, got, want)
		}
	}
	// Of those that come second, channel 2 is drawn 0.6×3/4 + 0.1×3/9 of the time.
	if got, want := float64(second[2])/rounds, 0.6*0.75+0.1/3; got < want-0.015 || got > want+0.015 {
		t.Errorf("channel 2 was second in %.3f of the rounds, want %.3f", got, want)
	}
}

func TestOrderTakesAKeyThatCanServe(t *testing.T) {
	random := dice()
	c := newChannel(1)
	c.Keys = []channel.Key{{"pair", "ak|sk"}, {"api1", "api-one"}, {"api2", "api-two"}}
	n := need
	n.CanServe = func(k secret.Text) bool { return strings.HasPrefix(k.Reveal(), "api-") }
	used := map[string]int{}
	for range 1000 {
		used[channel.Order([]*channel.Channel{c}, n, nil, random)[0].Key.ID]++
	}
	if used["pair"] != 0 || used["api1"] < 400 || used["api2"] < 400 {
		t.Errorf("keys were used %v, want about half each of api1 and api2", used)
	}
}

func TestOrderLeavesTheListAlone(t *testing.T) {
	list := []*channel.Channel{newChannel(1), newChannel(2), newChannel(3)}
	list[2].Priority = 9
	channel.Order(list, need, nil, dice())
	if list[0].ID != 1 || list[1].ID != 2 || list[2].ID != 3 {
		t.Error("the shared list was sorted in place")
	}
}

func TestSplitKeysReadsOneKeyALine(t *testing.T) {
	k := keyring(t)
	got := channel.SplitKeys(k, "  ak|sk \r\n\n\tapi-key\n")
	if len(got) != 2 || got[0].Text != "ak|sk" || got[1].Text != "api-key" {
		t.Fatalf("%d keys", len(got))
	}
	if got[0].ID == got[1].ID || got[0].ID != channel.KeyID(k, "ak|sk") {
		t.Errorf("ids %q and %q", got[0].ID, got[1].ID)
	}
	if strings.Contains(got[0].ID, "ak") || len(got[0].ID) != 12 {
		t.Errorf("id %q", got[0].ID)
	}
	if len(channel.SplitKeys(k, " \n\n")) != 0 {
		t.Error("blank lines are keys")
	}
}

func TestKeyByIDFallsBackToTheFirst(t *testing.T) {
	c := newChannel(1)
	c.Keys = []channel.Key{{"a", "first"}, {"b", "second"}}
	for id, want := range map[string]secret.Text{"a": "first", "b": "second", "removed": "first", "": "first"} {
		if k, ok := c.KeyByID(id); !ok || k.Text != want {
			t.Errorf("KeyByID(%q) = %q, %t, want %q", id, k.Text.Reveal(), ok, want.Reveal())
		}
	}
	c.Keys = nil
	if _, ok := c.KeyByID("a"); ok {
		t.Error("a channel without keys has one")
	}
}

func TestTrimBaseURL(t *testing.T) {
	for in, want := range map[string]string{" https://x.example// ": "https://x.example", "https://x.example/a/": "https://x.example/a", "": ""} {
		if got := channel.TrimBaseURL(in); got != want {
			t.Errorf("TrimBaseURL(%q) = %q, want %q", in, got, want)
		}
	}
}
