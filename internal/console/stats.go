package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"
	_ "time/tzdata" // zones by name, on systems without them too

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/task"
)

// Usage is what came of the tasks that ended.
type Usage struct {
	Tasks       int64    `json:"tasks"`
	Succeeded   int64    `json:"succeeded"`
	Failed      int64    `json:"failed"`
	SuccessRate *float64 `json:"success_rate,omitempty" doc:"Between 0 and 1; absent without tasks."`
	Spend       Amount   `json:"spend" doc:"Charged."`
	Seconds     int64    `json:"seconds" doc:"Length of the results, as ordered."`
	P50         float64  `json:"p50_seconds" doc:"Half of the successes came within this time; an estimate from classes."`
	P95         float64  `json:"p95_seconds"`

	Cost *UsageCost `json:"cost,omitempty" doc:"For administrators."`
}

// UsageCost is what upstreams billed, against what was charged.
type UsageCost struct {
	USD     string `json:"usd" doc:"Of the tasks whose cost is known."`
	Margin  string `json:"margin_usd" doc:"Charged for those less their cost."`
	CNY     string `json:"cny,omitempty" doc:"Billed in yuan; only shown."`
	Known   int64  `json:"tasks" doc:"Tasks whose cost is known."`
	Unknown int64  `json:"tasks_unknown" doc:"Tasks that the upstream has not told the cost of, or not in units with a value in dollars."`
}

// UsageAt is the usage of an hour or a day.
type UsageAt struct {
	At time.Time `json:"at" doc:"Beginning of the hour or day, in the time zone asked for."`
	Usage
}

// UsageOf is the usage of a model, a user or a channel.
type UsageOf struct {
	ID   int64  `json:"id,omitempty"`
	Name string `json:"name"`
	Usage
}

// LiveTasks are tasks in a state now.
type LiveTasks struct {
	Status string      `json:"status"`
	Tasks  int64       `json:"tasks"`
	Held   money.Quota `json:"held"`
}

// Waiting is the task that has waited longest to be sent.
type Waiting struct {
	TaskID string    `json:"task_id"`
	Since  time.Time `json:"since"`
}

// Stats are what happened in a time, and what lives now.
type Stats struct {
	Since         time.Time  `json:"since" doc:"The time asked for, widened to whole hours."`
	Until         time.Time  `json:"until"`
	TimeZone      string     `json:"time_zone"`
	Interval      string     `json:"interval" enum:"hour,day"`
	CompleteUntil *time.Time `json:"complete_until,omitempty" doc:"Set while the figures behind this time are still being counted."`

	Total    Usage       `json:"total" doc:"Of the tasks that ended in this time."`
	Series   []UsageAt   `json:"series" nullable:"false" doc:"Hours or days with tasks."`
	Models   []UsageOf   `json:"models" nullable:"false"`
	Users    []UsageOf   `json:"users,omitempty" doc:"For administrators; the 100 with the highest spend."`
	Channels []UsageOf   `json:"channels,omitempty" doc:"For administrators."`
	Live     []LiveTasks `json:"live" nullable:"false" doc:"Now, by status."`
	Waiting  *Waiting    `json:"oldest_waiting,omitempty"`

	Health []ChannelHealth `json:"health,omitempty" doc:"For administrators: every channel as it is now, whatever the filters."`
}

// ChannelHealth is how a channel does, in short; get-channel has the rest.
type ChannelHealth struct {
	ID        int64       `json:"id"`
	Name      string      `json:"name"`
	Status    string      `json:"status" enum:"enabled,disabled,broken,draining"`
	Reason    string      `json:"reason,omitempty" doc:"Why it is broken."`
	Advice    string      `json:"advice,omitempty" doc:"What to do about the reason."`
	LiveTasks int64       `json:"live_tasks"`
	MaxLive   int         `json:"max_live" doc:"Most live tasks per upstream model; 0: no limit."`
	Circuit   string      `json:"circuit" enum:"closed,half-open,open"`
	Recent    RecentCalls `json:"recent"`
}

// TagUsage is the usage under a tag.
type TagUsage struct {
	Tag   string `json:"tag"`
	Value string `json:"value,omitempty" doc:"Absent when tags are listed by name."`
	Usage
}

// TagStats are the spend by tag.
type TagStats struct {
	Since         time.Time  `json:"since" doc:"The time asked for, widened to whole hours."`
	Until         time.Time  `json:"until"`
	CompleteUntil *time.Time `json:"complete_until,omitempty" doc:"Set while the figures behind this time are still being counted."`
	Items         []TagUsage `json:"items" nullable:"false" doc:"Highest spend first, at most 1000."`
	Rest          *Usage     `json:"rest,omitempty" doc:"Of all values that are no items, when there are any: beyond 1000, and beyond the first 100 that a user had in an hour, as ids of jobs may be. For a name of a tag beyond 100 no values are kept."`
}

// StatsRange is the time that statistics are about.
type StatsRange struct {
	Since  time.Time `query:"since" doc:"A week ago when left out."`
	Until  time.Time `query:"until" doc:"Now when left out."`
	UserID int64     `query:"user_id" minimum:"1" doc:"For administrators; all users when left out."`
	Test   bool      `query:"test" doc:"Of test mode, with play money, instead."`
}

type getStats struct {
	StatsRange
	Model     string `query:"model" maxLength:"64" doc:"Only of this model."`
	ChannelID int64  `query:"channel_id" minimum:"1" doc:"Only of this channel; for administrators."`
	TimeZone  string `query:"tz" default:"UTC" maxLength:"64" example:"Asia/Shanghai" doc:"IANA name. Hours are whole hours UTC; where a zone is half an hour off, a day begins with the first of them that begins in it."`
	Interval  string `query:"interval" enum:"hour,day" doc:"By default hours up to three days, else days."`
}

type getTagStats struct {
	StatsRange
	Tag string `query:"tag" maxLength:"64" doc:"Spend by the values of this tag; by the names of tags when left out."`
}

func (c *Console) stats() {
	tags := []string{"stats"}
	register(c, signed, huma.Operation{OperationID: "get-stats", Method: http.MethodGet, Path: "/api/stats", Summary: "Spend, success, speed and margin", Tags: tags}, c.getStats)
	register(c, signed, huma.Operation{OperationID: "get-tag-stats", Method: http.MethodGet, Path: "/api/stats/tags", Summary: "Spend by tag", Tags: tags}, c.getTagStats)
}

// Longest times of statistics.
const (
	longestByHour = 32 * 24 * time.Hour
	longestByDay  = 400 * 24 * time.Hour
	hoursUpTo     = 3 * 24 * time.Hour
	mostUsers     = 100
)

// usageQuery is what a range means for a viewer.
func (c *Console) usageQuery(v *Viewer, in *StatsRange, longest time.Duration) (store.UsageQuery, error) {
	q := store.UsageQuery{Since: in.Since, Until: in.Until, Test: in.Test}
	var err error
	if q.UserID, err = v.onlyOwn(in.UserID); err != nil {
		return q, err
	}
	if q.Until.IsZero() {
		q.Until = c.Store.Now()
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-7 * 24 * time.Hour)
	}
	if !q.Since.Before(q.Until) {
		return q, fault.New(fault.Invalid, "until must be later than since.").Named("invalid_range").At("query.until")
	}
	if q.Until.Sub(q.Since) > longest {
		return q, fault.New(fault.Invalid, "The time from since to until may be at most %d days.", int(longest.Hours()/24)).Named("range_too_large").At("query.since")
	}
	return q, nil
}

// tally adds up by status.
type tally struct {
	succeeded, failed store.Usage
}

func (t *tally) add(st task.Status, u *store.Usage) {
	if st == task.Succeeded {
		t.succeeded.Add(u)
	} else {
		t.failed.Add(u)
	}
}

func (t *tally) show(v *Viewer) Usage {
	all := t.succeeded
	all.Add(&t.failed)
	out := Usage{
		Tasks: all.Tasks, Succeeded: t.succeeded.Tasks, Failed: t.failed.Tasks, Spend: amount(all.Charged), Seconds: t.succeeded.Seconds,
		P50: t.succeeded.Wait(0.5).Round(100 * time.Millisecond).Seconds(), P95: t.succeeded.Wait(0.95).Round(100 * time.Millisecond).Seconds(),
	}
	if all.Tasks > 0 {
		rate := float64(t.succeeded.Tasks) / float64(all.Tasks)
		out.SuccessRate = &rate
	}
	if v.IsAdmin() {
		out.Cost = &UsageCost{
			USD: microsText(all.CostMicros), Margin: microsText(microsOf(all.CostedCharged) - all.CostMicros),
			Known: all.Costed, Unknown: all.Tasks - all.Costed,
		}
		if all.CNYMicros > 0 {
			out.Cost.CNY = microsText(all.CNYMicros)
		}
	}
	return out
}

// tallies adds up rows that mean the same thing, and keeps the order in which
// things first occur.
func tallies[K comparable](rows []store.UsageBy, key func(*store.UsageBy) K) ([]K, map[K]*tally) {
	var keys []K
	sums := map[K]*tally{}
	for i := range rows {
		k := key(&rows[i])
		t, ok := sums[k]
		if !ok {
			t = &tally{}
			sums[k] = t
			keys = append(keys, k)
		}
		t.add(rows[i].Status, &rows[i].Usage)
	}
	return keys, sums
}

func bySpend(list []UsageOf) []UsageOf {
	slices.SortStableFunc(list, func(a, b UsageOf) int {
		return cmp.Or(cmp.Compare(b.Spend.Quota, a.Spend.Quota), cmp.Compare(b.Tasks, a.Tasks))
	})
	return list
}

func (c *Console) getStats(ctx context.Context, v *Viewer, in *getStats) (*One[Stats], error) {
	longest := longestByDay
	if in.Interval == "hour" {
		longest = longestByHour
	}
	q, err := c.usageQuery(v, &in.StatsRange, longest)
	if err != nil {
		return nil, err
	}
	if err := plain("model", in.Model); err != nil {
		return nil, err
	}
	if in.ChannelID != 0 && !v.IsAdmin() {
		return nil, forAdmins("channel_id")
	}
	q.Model, q.ChannelID = in.Model, in.ChannelID
	loc, err := zone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	r, err := c.Store.Usage(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &One[Stats]{Stats{Since: r.Since, Until: r.Until, TimeZone: loc.String(), Interval: in.Interval}}
	s := &out.Body
	if s.Interval == "" {
		s.Interval = "day"
		if r.Until.Sub(r.Since) <= hoursUpTo {
			s.Interval = "hour"
		}
	}
	if r.CompleteUntil.Before(r.Until) {
		s.CompleteUntil = &r.CompleteUntil
	}
	begin := func(b *store.UsageBy) time.Time {
		at := b.Hour.In(loc)
		if s.Interval == "day" {
			y, m, d := at.Date()
			at = time.Date(y, m, d, 0, 0, 0, 0, loc)
		}
		return at
	}
	s.Series, s.Models = []UsageAt{}, []UsageOf{}
	var whole tally
	times, sums := tallies(r.Hours, begin)
	for _, at := range times {
		s.Series = append(s.Series, UsageAt{at, sums[at].show(v)})
		whole.add(task.Succeeded, &sums[at].succeeded)
		whole.add(task.Failed, &sums[at].failed)
	}
	s.Total = whole.show(v)
	models, byModel := tallies(r.Models, func(b *store.UsageBy) string { return b.Model })
	for _, m := range models {
		s.Models = append(s.Models, UsageOf{Name: m, Usage: byModel[m].show(v)})
	}
	bySpend(s.Models)
	if v.IsAdmin() {
		c.forOperators(v, s, &r)
		if s.Health, err = c.health(ctx); err != nil {
			return nil, err
		}
	}
	return out, c.live(ctx, q, s)
}

// forOperators adds what only administrators see.
func (c *Console) forOperators(v *Viewer, s *Stats, r *store.UsageReport) {
	view := c.Directory.View()
	users, byUser := tallies(r.Users, func(b *store.UsageBy) int64 { return b.UserID })
	for _, id := range users {
		o := UsageOf{ID: id, Usage: byUser[id].show(v)}
		if u, ok := view.Users[id]; ok {
			o.Name = u.Name
		}
		s.Users = append(s.Users, o)
	}
	s.Users = bySpend(s.Users)
	s.Users = s.Users[:min(mostUsers, len(s.Users))]
	channels, byChannel := tallies(r.Channels, func(b *store.UsageBy) int64 { return b.ChannelID })
	for _, id := range channels {
		o := UsageOf{ID: id, Usage: byChannel[id].show(v)}
		if ch, ok := view.Channel(id); ok {
			o.Name = ch.Name
		}
		s.Channels = append(s.Channels, o)
	}
	s.Channels = bySpend(s.Channels)
}

// health is how all channels do.
func (c *Console) health(ctx context.Context) ([]ChannelHealth, error) {
	all, err := c.Store.Channels(ctx)
	if err != nil {
		return nil, err
	}
	recent, err := c.recentCalls(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]ChannelHealth, len(all))
	for i := range all {
		ch := c.showChannel(&all[i], recent)
		out[i] = ChannelHealth{
			ID: ch.ID, Name: ch.Name, Status: ch.Status, Reason: ch.Reason, Advice: ch.Advice, LiveTasks: ch.LiveTasks, MaxLive: ch.MaxLive,
			Circuit: ch.Circuit, Recent: ch.Recent,
		}
	}
	return out, nil
}

// live adds what lives now, in the words that callers see.
func (c *Console) live(ctx context.Context, q store.UsageQuery, s *Stats) error {
	list, err := c.Store.Live(ctx, q)
	if err != nil {
		return err
	}
	s.Live = []LiveTasks{}
	for _, l := range list {
		i := slices.IndexFunc(s.Live, func(have LiveTasks) bool { return have.Status == l.Status.Public() })
		if i < 0 {
			i = len(s.Live)
			s.Live = append(s.Live, LiveTasks{Status: l.Status.Public()})
		}
		s.Live[i].Tasks += l.Tasks
		s.Live[i].Held += l.Held
		if l.Status == task.Pending {
			t, err := c.Store.Task(ctx, l.Oldest)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			s.Waiting = &Waiting{TaskID: t.ID, Since: t.CreatedAt}
		}
	}
	return nil
}

func (c *Console) getTagStats(ctx context.Context, v *Viewer, in *getTagStats) (*One[TagStats], error) {
	q, err := c.usageQuery(v, &in.StatsRange, longestByDay)
	if err != nil {
		return nil, err
	}
	r, err := c.Store.SpendByTag(ctx, q, in.Tag)
	if err != nil {
		return nil, err
	}
	out := &One[TagStats]{TagStats{Since: r.Since, Until: r.Until, Items: []TagUsage{}}}
	if r.CompleteUntil.Before(r.Until) {
		out.Body.CompleteUntil = &r.CompleteUntil
	}
	show := func(s *store.TagSpend) Usage {
		t := tally{s.Succeeded, s.Failed}
		return t.show(v)
	}
	for i := range r.Items {
		s := &r.Items[i]
		out.Body.Items = append(out.Body.Items, TagUsage{Tag: s.Tag, Value: s.Value, Usage: show(s)})
	}
	if rest := show(&r.Rest); rest.Tasks > 0 {
		out.Body.Rest = &rest
	}
	return out, nil
}
