package worker

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/channel"
	"one-api/internal/generation"
	"one-api/internal/provider/all"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

func TestAChannelThatStaysBrokenIsProbedLessAndLess(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	var p patience
	var probed []time.Duration
	for at := time.Duration(0); at <= 40*time.Minute; at += probeTick {
		if p.broken(start.Add(at)) {
			probed = append(probed, at)
		}
	}
	want := []time.Duration{time.Minute, 3 * time.Minute, 7 * time.Minute, 15 * time.Minute, 25 * time.Minute, 35 * time.Minute}
	if d := cmp.Diff(want, probed); d != "" {
		t.Errorf("probed at (-want +got):\n%s", d)
	}
}

func TestAChannelThatBreaksAgainSoonWaitsLonger(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var p patience
	gap := func() time.Duration {
		p.broken(now)
		g := p.due.Sub(now)
		now = p.due
		if !p.broken(now) {
			t.Fatal("not probed when due")
		}
		p.works(now)
		return g
	}
	var got []time.Duration
	for range 6 {
		got = append(got, gap())
	}
	now = now.Add(probeTrust)
	got = append(got, gap())
	want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Minute}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
}

// clock is a node's clock, moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestABrokenChannelComesBackWhenAllKeysWork(t *testing.T) {
	ctx := context.Background()
	acct := klingsim.DemoAccount()
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acct}})
	srv := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		srv.Close()
	})
	c := &clock{at: time.Now()}
	s, err := store.Open(ctx, store.Options{DSN: storetest.NewDatabase(t, store.SQLite), Keys: storetest.Keys(t), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var up generation.Upstreams
	for _, d := range all.Drivers() {
		up.Add(d, d.Open(outbound.New(outbound.Options{})))
	}
	log := slog.New(slog.DiscardHandler)
	w := &Worker{Store: s, Generations: &generation.Service{Upstreams: up}, Directory: s.Directory(), Log: log}
	add := func(name, keys string) *channel.Channel {
		ch, err := s.CreateChannel(ctx, store.NewChannel{Type: channel.TypeKling, Name: name, BaseURL: srv.URL, Keys: secret.Text(keys)})
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	pair := acct.AccessKey + "|" + acct.SecretKey.Reveal()
	good, half, off := add("good", pair), add("half", pair+"\nrevoked"), add("off", pair)
	for _, ch := range []*channel.Channel{good, half, off} {
		if err := s.SetChannelStatus(ctx, ch.ID, channel.Enabled, channel.Broken, "bad_key"); err != nil {
			t.Fatal(err)
		}
	}
	known := map[int64]*patience{}
	w.probeDue(ctx, known)
	if n := len(sim.Requests()); n != 0 {
		t.Errorf("probed at once: %v", sim.Requests())
	}
	if _, err := s.SwitchChannel(ctx, store.CLI, off.ID, channel.Disabled); err != nil {
		t.Fatal(err)
	}
	c.pass(probeFirst)
	w.probeDue(ctx, known)
	status := func(id int64) channel.Status {
		ch, err := s.Channel(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return ch.Status
	}
	if got := []channel.Status{status(good.ID), status(half.ID), status(off.ID)}; !cmp.Equal(got, []channel.Status{channel.Enabled, channel.Broken, channel.Disabled}) {
		t.Errorf("after the first probe %v", got)
	}
	if _, err := s.UpdateChannel(ctx, store.CLI, half.ID, store.ChannelPatch{Version: 2, RemoveKeys: []string{half.Keys[1].ID}}); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * probeFirst)
	w.probeDue(ctx, known)
	if got := status(half.ID); got != channel.Enabled {
		t.Errorf("after its bad key was taken away it is %v", got)
	}
}
