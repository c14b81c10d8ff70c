package worker

import (
	"context"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider"
)

const (
	probeTick    = 5 * time.Second
	probeTimeout = 15 * time.Second
	// A channel that breaks is probed after probeFirst, then after twice as long
	// each time.
	probeFirst = time.Minute
	probeMost  = 10 * time.Minute
	// probeTrust is how long a channel must have worked before its next break
	// begins with probeFirst again: a free probe does not show that an account
	// has credit, and one without would come back each minute.
	probeTrust = time.Hour
)

// patience is when a broken channel is probed next. Each node keeps its own: a
// probe is free, and whoever succeeds first tells the others by the row.
type patience struct {
	due    time.Time     // zero: the channel works
	gap    time.Duration // before due
	backAt time.Time     // when it last came back
}

// broken plans the next probe of a channel that is seen broken, and reports
// whether it is due now.
func (p *patience) broken(now time.Time) bool {
	switch {
	case p.due.IsZero():
		if p.gap == 0 || now.Sub(p.backAt) >= probeTrust {
			p.gap = probeFirst
		} else {
			p.gap = min(2*p.gap, probeMost)
		}
		p.due = now.Add(p.gap)
	case !now.Before(p.due):
		p.gap = min(2*p.gap, probeMost)
		p.due = now.Add(p.gap)
		return true
	}
	return false
}

// works notes that a channel is seen working.
func (p *patience) works(now time.Time) {
	if !p.due.IsZero() {
		p.due, p.backAt = time.Time{}, now
		p.gap = max(probeFirst, p.gap/2) // broken doubled it for a probe that was not needed
	}
}

// probe asks broken channels for something free and takes them back in when
// the account answers as it should.
func (w *Worker) probe(ctx context.Context) {
	known := map[int64]*patience{}
	for rest(ctx, probeTick, nil) {
		w.probeDue(ctx, known)
	}
}

// probeDue probes the channels whose time has come.
func (w *Worker) probeDue(ctx context.Context, known map[int64]*patience) {
	now := w.Store.Now()
	channels := w.Directory.View().ChannelIDs
	for id := range known {
		if _, ok := channels[id]; !ok {
			delete(known, id)
		}
	}
	for id, c := range channels {
		p, ok := known[id]
		switch {
		case c.Status != channel.Broken:
			if ok {
				p.works(now)
			}
			continue
		case !ok:
			p = &patience{}
			known[id] = p
		}
		if p.broken(now) && ctx.Err() == nil {
			w.probeOne(ctx, c)
		}
	}
}

// probeOne brings a channel back when all of its keys work: one that does not
// would break it again.
func (w *Worker) probeOne(ctx context.Context, c *channel.Channel) {
	p, ok := w.Generations.Upstreams.OfType(c.Type)
	if !ok {
		return
	}
	prober, ok := p.(provider.Prober)
	if !ok || len(c.Keys) == 0 {
		return
	}
	var said string
	for _, k := range c.Keys {
		var err error
		one, cancel := context.WithTimeout(ctx, probeTimeout)
		said, err = prober.Probe(one, provider.Credential{BaseURL: c.BaseURL, Key: k.Text})
		cancel()
		if err != nil {
			w.Log.InfoContext(ctx, "a broken channel is still broken", "channel", c.ID, "key", k.ID, "tried", said, "err", err)
			return
		}
	}
	if err := w.Store.SetChannelStatus(ctx, c.ID, channel.Broken, channel.Enabled, ""); err == nil {
		w.Log.InfoContext(ctx, "channel back in service", "channel", c.ID, "probe", said)
		w.Wake()
	}
}
