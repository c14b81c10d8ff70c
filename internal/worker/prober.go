package worker

import (
	"context"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider"
)

const probeGap = time.Minute

// probe asks broken channels for something free and takes them back in when
// the account answers as it should.
func (w *Worker) probe(ctx context.Context) {
	for rest(ctx, probeGap, nil) {
		for _, c := range w.Directory.View().Channels {
			if c.Status == channel.Broken && ctx.Err() == nil {
				w.probeOne(ctx, c)
			}
		}
	}
}

func (w *Worker) probeOne(ctx context.Context, c *channel.Channel) {
	p, ok := w.Generations.Upstreams.OfType(c.Type)
	if !ok {
		return
	}
	prober, ok := p.(provider.Prober)
	if !ok || len(c.Keys) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	said, err := prober.Probe(ctx, provider.Credential{BaseURL: c.BaseURL, Key: c.Keys[0].Text})
	if err != nil {
		w.Log.InfoContext(ctx, "a broken channel is still broken", "channel", c.ID, "err", err)
		return
	}
	if err := w.Store.SetChannelStatus(ctx, c.ID, channel.Broken, channel.Enabled, ""); err == nil {
		w.Log.InfoContext(ctx, "channel back in service", "channel", c.ID, "probe", said)
		w.Wake()
	}
}
