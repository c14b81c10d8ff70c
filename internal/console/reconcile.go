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
	mu    sync.Mutex
	by    map[int64]Packs
	asked map[int64]time.Time
}

// due reports whether a channel has not been asked within a time, and notes that
// it is asked now.
func (k *packCache) due(channelID int64, within time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.asked[channelID]) < within {
		return false
	}
	if k.asked == nil {
		k.asked = map[int64]time.Time{}
	}
	k.asked[channelID] = time.Now()
	return true
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

// askPacks has the packs of some channels read, a few at a time, unless they were
// asked for lately. Nobody waits for them: lists show what was told last.
func (c *Console) askPacks(list []store.Channel) {
	var due []store.Channel
	for i := range list {
		if list[i].Status != channel.Disabled && c.packs.due(list[i].ID, packsListed) {
			due = append(due, list[i])
		}
	}
	if len(due) == 0 {
		return
	}
	stop := c.streams.stopping()
	ctx, cancel := context.WithTimeout(context.Background(), packsTime)
	go func() {
		defer cancel()
		var asking errgroup.Group
		asking.SetLimit(packsAtOnce)
		for i := range due {
			asking.Go(func() error {
				ch, p, err := c.biller(ctx, due[i].ID)
				if err == nil {
					_, err = c.readPacks(ctx, &ch, p, 0)
				}
				if err != nil {
					c.Log.DebugContext(ctx, "an account did not tell its packs", "channel", due[i].ID, "err", err)
				}
				return nil
			})
		}
		_ = asking.Wait()
	}()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
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
