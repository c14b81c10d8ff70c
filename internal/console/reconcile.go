package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/reconciliation"
	"one-api/internal/store"
)

// Packs are the resource packs of a channel's account.
type Packs struct {
	Items  []Pack    `json:"items" nullable:"false"`
	ReadAt time.Time `json:"read_at" doc:"The upstream is asked once a minute at most, and its figures are up to 12 hours behind."`
}

// Pack is units bought in advance.
type Pack struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Total     string     `json:"total" example:"1000"`
	Remaining string     `json:"remaining" doc:"In the pack's own unit."`
	Status    string     `json:"status" doc:"The upstream's word." example:"online"`
	StartsAt  *time.Time `json:"starts_at,omitempty"`
	EndsAt    *time.Time `json:"ends_at,omitempty"`
}

// ChannelPacks are the packs of a channel's account in a list of channels.
type ChannelPacks struct {
	ChannelID int64  `json:"channel_id"`
	Packs     *Packs `json:"packs,omitempty"`
	Problem   string `json:"problem,omitempty" doc:"Why the upstream did not tell."`
}

type reconcileChannel struct {
	ChannelID
	From time.Time `query:"from" required:"true" doc:"Begin of the window."`
	To   time.Time `query:"to" required:"true" doc:"End of the window."`
}

// Limits of calls that upstreams count.
const (
	packsKept    = time.Minute
	packsListed  = 10 * time.Minute // for lists, which are looked at often
	packsAtOnce  = 4
	packsTime    = 20 * time.Second
	compareTime  = 2 * time.Minute
	comparesMost = 6 // a minute and channel
)

// packCache keeps what upstreams allow to be asked rarely.
type packCache struct {
	mu sync.Mutex
	by map[int64]Packs
}

func (k *packCache) get(channelID int64) (Packs, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.by[channelID]
	return p, ok
}

func (k *packCache) keep(channelID int64, p Packs) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = map[int64]Packs{}
	}
	k.by[channelID] = p
}

func (c *Console) reconciliation() {
	tags := []string{"channels"}
	register(c, admin, huma.Operation{OperationID: "reconcile-channel", Method: http.MethodGet, Path: "/api/channels/{id}/reconcile",
		Summary: "Compare the upstream's bills with our charges", Tags: tags, Description: "Changes nothing. Needs an API key on the channel. A charge belongs to the window by the time of its deduction, a task by its end."}, c.reconcileChannel)
	register(c, admin, huma.Operation{OperationID: "list-packs", Method: http.MethodGet, Path: "/api/channels/packs",
		Summary: "List the resource packs of all channels", Tags: tags, Description: "Each account is asked every ten minutes at most."}, c.listPacks)
	register(c, admin, huma.Operation{OperationID: "list-channel-packs", Method: http.MethodGet, Path: "/api/channels/{id}/packs",
		Summary: "List the account's resource packs", Tags: tags}, c.channelPacks)
}

// biller finds a channel with a key that can be read, and its upstream.
func (c *Console) biller(ctx context.Context, id int64) (store.Channel, provider.Provider, error) {
	ch, err := c.Store.Channel(ctx, id)
	if err != nil {
		return ch, nil, err
	}
	p, ok := c.Generations.Upstreams.OfType(ch.Type)
	if _, bills := p.(provider.Biller); !ok || !bills {
		return ch, nil, fault.New(fault.Unprocessable, "The upstream of channel %d does not tell what it billed.", ch.ID).Named("no_bills")
	}
	if ch.KeyProblem != "" || len(ch.Keys) == 0 {
		return ch, nil, fault.New(fault.Unprocessable, "Channel %d has no key that can be read. Send its keys again.", ch.ID).Named("no_key")
	}
	return ch, p, nil
}

func (c *Console) reconcileChannel(ctx context.Context, _ *Viewer, in *reconcileChannel) (*One[reconciliation.Reconciliation], error) {
	ch, p, err := c.biller(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if wait, ok := c.Limit.Allow("reconcile", comparesMost, comparesMost); !ok {
		return nil, fault.New(fault.Throttled, "Bills were compared a moment ago. The upstream limits such calls.").Named("rate_limited").After(wait)
	}
	ctx, cancel := context.WithTimeout(ctx, compareTime)
	defer cancel()
	d, _ := c.driver(ch.Type)
	r, err := reconciliation.Compare(ctx, c.Store, p, d.Name, &ch.Channel, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return &One[reconciliation.Reconciliation]{Body: r}, nil
}

func (c *Console) channelPacks(ctx context.Context, _ *Viewer, in *ChannelID) (*One[Packs], error) {
	ch, p, err := c.biller(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out, err := c.readPacks(ctx, &ch, p, packsKept)
	if err != nil {
		return nil, err
	}
	return &One[Packs]{Body: out}, nil
}

// listPacks asks for the packs of all channels that take tasks, a few at a
// time. What one account does not tell says so and leaves the others alone.
func (c *Console) listPacks(ctx context.Context, _ *Viewer, _ *struct{}) (*PageOut[ChannelPacks], error) {
	out := &PageOut[ChannelPacks]{}
	out.Body.Items = []ChannelPacks{}
	ctx, cancel := context.WithTimeout(ctx, packsTime)
	defer cancel()
	for _, seen := range c.Directory.View().Channels {
		if p, ok := c.Generations.Upstreams.OfType(seen.Type); ok && seen.Status != channel.Disabled {
			if _, bills := p.(provider.Biller); bills {
				out.Body.Items = append(out.Body.Items, ChannelPacks{ChannelID: seen.ID})
			}
		}
	}
	var asking errgroup.Group
	asking.SetLimit(packsAtOnce)
	for i := range out.Body.Items {
		asking.Go(func() error {
			of := &out.Body.Items[i]
			ch, p, err := c.biller(ctx, of.ChannelID)
			if err == nil {
				var packs Packs
				if packs, err = c.readPacks(ctx, &ch, p, packsListed); err == nil {
					of.Packs = &packs
				}
			}
			if err != nil {
				of.Problem = fault.From(err).Message
			}
			return nil
		})
	}
	return out, asking.Wait()
}

// readPacks asks a channel's account for its packs, unless it was asked within
// a time.
func (c *Console) readPacks(ctx context.Context, ch *store.Channel, p provider.Provider, kept time.Duration) (Packs, error) {
	if have, ok := c.packs.get(ch.ID); ok && time.Since(have.ReadAt) < kept {
		return have, nil
	}
	ctx, cancel := context.WithTimeout(ctx, packsTime)
	defer cancel()
	list, err := p.(provider.Biller).Packs(ctx, provider.Credential{BaseURL: ch.BaseURL, Key: ch.Keys[0].Text})
	if err != nil {
		e := provider.AsError(err)
		return Packs{}, fault.New(fault.Unavailable, "The upstream did not tell its packs: %s", e.Error()).Named("packs_unavailable").Because(err)
	}
	out := Packs{Items: []Pack{}, ReadAt: time.Now().UTC()}
	for _, k := range list {
		v := Pack{ID: k.ID, Name: k.Name, Total: k.Total, Remaining: k.Remaining, Status: k.Status}
		if !k.StartsAt.IsZero() {
			v.StartsAt = &k.StartsAt
		}
		if !k.EndsAt.IsZero() {
			v.EndsAt = &k.EndsAt
		}
		out.Items = append(out.Items, v)
	}
	c.packs.keep(ch.ID, out)
	return out, nil
}
