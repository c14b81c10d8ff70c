// Package reconciliation compares what an upstream billed an account with what
// the gateway charged for it, and names each difference. It changes nothing.
package reconciliation

import (
	"cmp"
	"context"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/task"
	"one-api/internal/video"
)

// Margin is how much later than a task's end its deduction may be listed, and
// how far beyond the window partners are looked for.
const Margin = 12 * time.Hour

// MaxWindow is the longest time that one comparison covers.
const MaxWindow = 93 * 24 * time.Hour

// Store is what a comparison reads of our side.
type Store interface {
	// SettledTasks are the tasks of a channel that succeeded from since until
	// until, test tasks aside.
	SettledTasks(ctx context.Context, channelID int64, provider string, since, until time.Time) ([]task.Task, error)
	// TasksAtUpstream finds a channel's tasks by the upstream's ids.
	TasksAtUpstream(ctx context.Context, channelID int64, upstreamIDs []string) ([]task.Task, error)
	// TasksElsewhere are those of the upstream's ids that are tasks of other
	// channels of a type.
	TasksElsewhere(ctx context.Context, channelType int, channelID int64, upstreamIDs []string) (map[string]bool, error)
	// CapturesWithoutRow are the tasks, by the upstream's ids, that were charged
	// within a time and whose rows are gone.
	CapturesWithoutRow(ctx context.Context, since, until time.Time) (map[string]string, error)
	LossBooked(ctx context.Context, ref string) (bool, error)
	Now() time.Time
}

// UpstreamCharge is what an upstream billed for one of its tasks.
type UpstreamCharge struct {
	UpstreamID string       `json:"upstream_task_id"`
	Model      string       `json:"model" doc:"The upstream's word."`
	Product    string       `json:"product,omitempty" doc:"Likewise."`
	KeyName    string       `json:"api_key_name,omitempty" doc:"Which of the account's keys made it."`
	At         time.Time    `json:"at" doc:"Of the last deduction."`
	Costs      []video.Cost `json:"costs" nullable:"false" doc:"By unit; an empty unit is one that the upstream does not name."`
}

// Uncharged is an upstream charge for a task of ours that nobody paid for.
type Uncharged struct {
	UpstreamCharge
	TaskID string `json:"task_id"`
	Status string `json:"status"`
	// LossBooked tells that the books have it as the operator's loss.
	LossBooked bool `json:"loss_booked"`
}

// Unbilled is a task of ours that was charged and that the upstream did not
// bill.
type Unbilled struct {
	TaskID     string      `json:"task_id"`
	UpstreamID string      `json:"upstream_task_id"`
	Model      string      `json:"model"`
	SettledAt  time.Time   `json:"settled_at"`
	Charged    money.Quota `json:"charged"`
	// Recent tells that the deduction may still come: it is no difference.
	Recent bool `json:"recent"`
}

// OtherAmount is a task for which the upstream billed another amount than its own
// answer about the task said.
type OtherAmount struct {
	TaskID     string       `json:"task_id"`
	UpstreamID string       `json:"upstream_task_id"`
	Model      string       `json:"model"`
	Stored     []video.Cost `json:"stored" nullable:"false" doc:"From the task's own answer."`
	Billed     []video.Cost `json:"billed" nullable:"false"`
}

// ModelTotal is one model within the window.
type ModelTotal struct {
	Model   string       `json:"model" doc:"Ours, or the upstream's word in brackets for what is not ours."`
	Tasks   int          `json:"tasks" doc:"Of ours, charged."`
	Charges int          `json:"charges" doc:"Of the upstream."`
	Charged money.Quota  `json:"charged" doc:"By us, quota."`
	Billed  []video.Cost `json:"billed" nullable:"false" doc:"By the upstream, each in its unit."`
	Cost    money.Quota  `json:"cost" doc:"Value of billed in quota, as far as it is known."`
	// CostKnown is false when a unit has no known value in dollars.
	CostKnown bool        `json:"cost_known"`
	Margin    money.Quota `json:"margin" doc:"charged less cost."`
}

// Reconciliation is a comparison. Agree is false when one of the four lists has a
// difference.
type Reconciliation struct {
	ChannelID    int64            `json:"channel_id"`
	From         time.Time        `json:"from"`
	To           time.Time        `json:"to"`
	Agree        bool             `json:"agree"`
	Differences  int              `json:"differences"`
	Tasks        int              `json:"tasks" doc:"Of ours, charged within the window."`
	Charges      int              `json:"charges" doc:"Upstream tasks billed within the window."`
	Elsewhere    int              `json:"elsewhere" doc:"Billed to the same account for tasks of other channels that lend it; compared there."`
	UpstreamOnly []UpstreamCharge `json:"upstream_only" nullable:"false" doc:"Billed without a task of ours: somebody else uses the account, or tasks were lost."`
	Uncharged    []Uncharged      `json:"uncharged" nullable:"false" doc:"Billed for a task of ours that nobody paid for. One whose loss is booked is no difference."`
	Unbilled     []Unbilled       `json:"unbilled" nullable:"false" doc:"Charged by us and not billed. One that is recent is no difference: deductions are listed up to 12 hours late."`
	Amounts      []OtherAmount    `json:"amounts" nullable:"false" doc:"Billed differently from what the task's own answer said."`
	Totals       []ModelTotal     `json:"totals" nullable:"false"`
	Note         string           `json:"note"`
}

const note = "Deductions are listed up to 12 hours late. A task without one is a difference only when it ended longer ago than that."

// Compare reads both sides. It refuses with Invalid for a window that makes no
// sense, with Unprocessable when no key of the channel may read the bills, and
// with Unavailable when the upstream does not tell all of them.
func Compare(ctx context.Context, s Store, p provider.Provider, providerName string, ch *channel.Channel, from, to time.Time) (Reconciliation, error) {
	out := Reconciliation{
		ChannelID: ch.ID, From: from.UTC(), To: to.UTC(), Note: note,
		UpstreamOnly: []UpstreamCharge{}, Uncharged: []Uncharged{}, Unbilled: []Unbilled{}, Amounts: []OtherAmount{}, Totals: []ModelTotal{},
	}
	if !from.Before(to) {
		return out, fault.New(fault.Invalid, "The end of the window must be later than its begin.").At("to")
	}
	if to.Sub(from) > MaxWindow {
		return out, fault.New(fault.Invalid, "The window is longer than %d days.", int(MaxWindow.Hours()/24)).At("to")
	}
	billed, err := charges(ctx, p, ch, from.Add(-Margin), to.Add(Margin))
	if err != nil {
		return out, err
	}
	settled, err := s.SettledTasks(ctx, ch.ID, providerName, from, to)
	if err != nil {
		return out, err
	}
	ours, err := s.TasksAtUpstream(ctx, ch.ID, slices.Sorted(maps.Keys(billed)))
	if err != nil {
		return out, err
	}
	elsewhere, err := s.TasksElsewhere(ctx, ch.Type, ch.ID, slices.Sorted(maps.Keys(billed)))
	if err != nil {
		return out, err
	}
	gone, err := s.CapturesWithoutRow(ctx, from.Add(-2*Margin), to.Add(2*Margin))
	if err != nil {
		return out, err
	}
	known := make(map[string]*task.Task, len(ours))
	for i := range ours {
		known[ours[i].UpstreamID] = &ours[i]
	}
	totals := totals{}
	for _, id := range slices.Sorted(maps.Keys(billed)) {
		b := billed[id]
		if b.At.Before(from) || b.At.After(to) {
			continue
		}
		t := known[id]
		if t == nil && elsewhere[id] {
			out.Elsewhere++
			continue
		}
		out.Charges++
		switch {
		case t == nil && gone[id] != "":
			totals.billed("("+b.Model+")", b)
		case t == nil:
			out.UpstreamOnly = append(out.UpstreamOnly, *b)
			totals.billed("("+b.Model+")", b)
		case t.Status != task.Succeeded:
			totals.billed(t.Model, b)
			u := Uncharged{UpstreamCharge: *b, TaskID: t.ID, Status: string(t.Status)}
			if u.LossBooked, err = s.LossBooked(ctx, t.Ref); err != nil {
				return out, err
			}
			out.Uncharged = append(out.Uncharged, u)
		default:
			totals.billed(t.Model, b)
			if len(t.Costs) > 0 && !same(t.Costs, b.Costs) {
				out.Amounts = append(out.Amounts, OtherAmount{TaskID: t.ID, UpstreamID: id, Model: t.Model, Stored: t.Costs, Billed: b.Costs})
			}
		}
	}
	now := s.Now()
	for i := range settled {
		t := &settled[i]
		out.Tasks++
		totals.charged(t)
		if billed[t.UpstreamID] == nil {
			out.Unbilled = append(out.Unbilled, Unbilled{
				TaskID: t.ID, UpstreamID: t.UpstreamID, Model: t.Model, SettledAt: t.FinishedAt, Charged: t.Charged, Recent: now.Sub(t.FinishedAt) < Margin,
			})
		}
	}
	out.Totals = totals.list()
	out.Differences = len(out.UpstreamOnly) + len(out.Amounts)
	for _, u := range out.Uncharged {
		if !u.LossBooked {
			out.Differences++
		}
	}
	for _, u := range out.Unbilled {
		if !u.Recent {
			out.Differences++
		}
	}
	out.Agree = out.Differences == 0
	return out, nil
}

// charges reads the bills with each key that may, and adds up the deductions of
// each upstream task. Keys of one account show the same rows, which count once.
func charges(ctx context.Context, p provider.Provider, ch *channel.Channel, since, until time.Time) (map[string]*UpstreamCharge, error) {
	b, ok := p.(provider.Biller)
	if !ok {
		return nil, fault.New(fault.Unprocessable, "The upstream of channel %d does not tell what it billed.", ch.ID).Named("no_bills")
	}
	out := map[string]*UpstreamCharge{}
	earlier := map[provider.Deduction]int{}
	asked := false
	for _, k := range ch.Keys {
		if !b.CanBill(k.Text) {
			continue
		}
		asked = true
		seen := map[provider.Deduction]int{}
		err := b.Deductions(ctx, provider.Credential{BaseURL: ch.BaseURL, Key: k.Text}, since, until, func(d provider.Deduction) error {
			if seen[d]++; seen[d] <= earlier[d] {
				return nil
			}
			earlier[d] = seen[d]
			c, ok := out[d.UpstreamID]
			if !ok {
				c = &UpstreamCharge{UpstreamID: d.UpstreamID, Model: d.Model, Product: d.Product, KeyName: d.KeyName}
				out[d.UpstreamID] = c
			}
			if d.At.After(c.At) {
				c.At = d.At
			}
			c.Costs = append(c.Costs, d.Cost)
			return nil
		})
		if err != nil {
			e := provider.AsError(err)
			return nil, fault.New(fault.Unavailable, "The upstream did not tell what it billed channel %d: %s", ch.ID, e.Error()).Named("bills_unavailable").Because(err)
		}
	}
	if !asked {
		return nil, fault.New(fault.Unprocessable, "Channel %d has no API key, and the bills take no AccessKey|SecretKey. Make an API key in the upstream's console and add it.", ch.ID).
			Named("no_bill_key")
	}
	for _, c := range out {
		c.Costs = sums(c.Costs)
	}
	return out, nil
}

// sums adds amounts of one unit exactly.
func sums(costs []video.Cost) []video.Cost {
	by := map[string]*big.Rat{}
	for _, c := range costs {
		r, ok := new(big.Rat).SetString(c.Amount)
		if !ok {
			continue // the provider has checked that it is a decimal number
		}
		if by[c.Unit] == nil {
			by[c.Unit] = new(big.Rat)
		}
		by[c.Unit].Add(by[c.Unit], r)
	}
	out := []video.Cost{}
	for _, u := range slices.Sorted(maps.Keys(by)) {
		out = append(out, video.Cost{Unit: u, Amount: decimal(by[u])})
	}
	return out
}

// decimal writes a sum of decimals without needless zeros.
func decimal(r *big.Rat) string {
	text := r.FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// same compares amounts unit by unit. Units without a name stand for whatever
// the task's own answer called them, when it named one only.
func same(stored, billed []video.Cost) bool {
	a, b := sums(stored), sums(billed)
	if len(a) == 1 && len(b) == 1 && b[0].Unit == "" {
		b[0].Unit = a[0].Unit
	}
	return slices.Equal(a, b)
}

type totals map[string]*ModelTotal

func (t totals) of(model string) *ModelTotal {
	if t[model] == nil {
		t[model] = &ModelTotal{Model: model}
	}
	return t[model]
}

func (t totals) billed(model string, c *UpstreamCharge) {
	row := t.of(model)
	row.Charges++
	row.Billed = append(row.Billed, c.Costs...)
}

func (t totals) charged(k *task.Task) {
	row := t.of(k.Model)
	row.Tasks++
	row.Charged += k.Charged
}

func (t totals) list() []ModelTotal {
	out := []ModelTotal{}
	for _, row := range t {
		row.Billed = sums(row.Billed)
		bill := price.Billed(row.Billed)
		perQuota := int64(1_000_000 / money.QuotaPerUSD) // millionths of a dollar in a quota
		row.Cost, row.CostKnown = money.Quota((bill.USD+perQuota-1)/perQuota), !bill.Unknown
		row.Margin = row.Charged - row.Cost
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b ModelTotal) int { return cmp.Compare(a.Model, b.Model) })
	return out
}
