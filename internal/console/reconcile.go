package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

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

type reconcileChannel struct {
	ChannelID
	From time.Time `query:"from" required:"true" doc:"Begin of the window."`
	To   time.Time `query:"to" required:"true" doc:"End of the window."`
}

// Limits of calls that upstreams count.
const (
	packsKept    = time.Minute
	packsTime    = 20 * time.Second
	compareTime  = 2 * time.Minute
	comparesMost = 6 // a minute and channel
)

// packCache keeps what upstreams allow to be asked rarely.
type packCache struct {
	mu sync.Mutex
	by map[int64]Packs
}

func (c *Console) reconciliation() {
	tags := []string{"channels"}
	register(c, admin, huma.Operation{OperationID: "reconcile-channel", Method: http.MethodGet, Path: "/api/channels/{id}/reconcile",
		Summary: "Compare the upstream's bills with our charges", Tags: tags, Description: "Changes nothing. Needs an API key on the channel. A charge belongs to the window by the time of its deduction, a task by its end."}, c.reconcileChannel)
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
	c.packs.mu.Lock()
	defer c.packs.mu.Unlock()
	if kept, ok := c.packs.by[ch.ID]; ok && time.Since(kept.ReadAt) < packsKept {
		return &One[Packs]{Body: kept}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, packsTime)
	defer cancel()
	list, err := p.(provider.Biller).Packs(ctx, provider.Credential{BaseURL: ch.BaseURL, Key: ch.Keys[0].Text})
	if err != nil {
		e := provider.AsError(err)
		return nil, fault.New(fault.Unavailable, "The upstream did not tell its packs: %s", e.Error()).Named("packs_unavailable").Because(err)
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
	if c.packs.by == nil {
		c.packs.by = map[int64]Packs{}
	}
	c.packs.by[ch.ID] = out
	return &One[Packs]{Body: out}, nil
}
