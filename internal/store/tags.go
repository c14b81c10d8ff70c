package store

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/task"
)

const (
	// TagValues is how many values of a tag a user has of their own in an hour,
	// and how many names of tags; all further ones are one, the rest. Callers
	// write ids of jobs into tags, a new one with each order.
	TagValues = 100
	// MostTagSpends is the longest list of a report by tags.
	MostTagSpends = 1000

	longestTag, longestTagValue = 256, 2048 // bytes, as far as the columns go
)

// tagKey is what tasks that have ended are counted by, for each of their tags.
// The names of tags are the values of tag "".
type tagKey struct {
	tag    string
	hour   int64
	userID int64
	test   int
	rest   int // 1: the values without a row of their own
	value  string
	status task.Status
}

func (k tagKey) compare(l tagKey) int {
	return cmp.Or(strings.Compare(k.tag, l.tag), cmp.Compare(k.hour, l.hour), cmp.Compare(k.userID, l.userID), cmp.Compare(k.test, l.test),
		cmp.Compare(k.rest, l.rest), strings.Compare(k.value, l.value), strings.Compare(string(k.status), string(l.status)))
}

type tagMap map[tagKey]*Usage

func (m tagMap) add(k tagKey, u *Usage) {
	if have, ok := m[k]; ok {
		have.Add(u)
		return
	}
	c := *u
	m[k] = &c
}

// addEnded counts a task under its tags.
func (m tagMap) addEnded(e *ended, u *Usage) {
	for name, value := range e.tagged() {
		k := tagKey{hour: e.key.hour, userID: e.key.userID, test: e.key.test, value: name, status: e.key.status}
		if name == "" || !keepsTag(name, longestTag) {
			k.rest, k.value = 1, ""
			m.add(k, u)
			continue // a name without a row has no values either
		}
		m.add(k, u)
		k.tag, k.value = name, value
		if !keepsTag(value, longestTagValue) {
			k.rest, k.value = 1, ""
		}
		m.add(k, u)
	}
}

// tagged are the tags of a task; what was written by hand may have none.
func (e *ended) tagged() map[string]string {
	var tags map[string]string
	if e.tags.Valid {
		_ = json.Unmarshal([]byte(e.tags.String), &tags)
	}
	return tags
}

// keepsTag reports whether every database keeps a text. The API takes no other.
func keepsTag(text string, most int) bool {
	return len(text) <= most && !strings.Contains(text, "\x00")
}

// tagHour is what has a bounded number of values.
type tagHour struct {
	tag    string
	hour   int64
	userID int64
	test   int
}

// addTags adds sums to their rows. Values that are new in an hour and do not
// fit any more go to the rest, those with the least spend first.
func (s *Store) addTags(ctx context.Context, tx bun.Tx, sums tagMap) error {
	query := s.dialect.addUsage("usage_tag_hours", "tag, hour, user_id, test, rest, value, status")
	var read struct {
		tag  string
		hour int64
	}
	listed := map[tagHour]map[string]bool{} // of the last hour of a tag, and of all names
	keys := slices.SortedFunc(maps.Keys(sums), tagKey.compare)
	for len(keys) > 0 {
		h := tagHour{keys[0].tag, keys[0].hour, keys[0].userID, keys[0].test}
		n := 1
		for n < len(keys) && (tagHour{keys[n].tag, keys[n].hour, keys[n].userID, keys[n].test}) == h {
			n++
		}
		group := keys[:n]
		keys = keys[n:]
		if h.tag != "" && !listed[tagHour{"", h.hour, h.userID, h.test}][h.tag] {
			continue // the name is part of the rest
		}
		if read.tag != h.tag || read.hour != h.hour {
			read.tag, read.hour = h.tag, h.hour
			maps.DeleteFunc(listed, func(l tagHour, _ map[string]bool) bool { return l.tag != "" })
			if err := tagValues(ctx, tx, h.tag, h.hour, listed); err != nil {
				return err
			}
		}
		if listed[h] == nil {
			listed[h] = map[string]bool{}
		}
		for k, u := range within(group, sums, listed[h]) {
			if err := execUsage(ctx, tx, query, u, k.tag, k.hour, k.userID, k.test, k.rest, k.value, string(k.status)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tagValues reads which values of a tag have rows in an hour.
func tagValues(ctx context.Context, tx bun.Tx, tag string, hour int64, into map[tagHour]map[string]bool) error {
	rows, err := tx.QueryContext(ctx, "SELECT user_id, test, value FROM usage_tag_hours WHERE tag = ? AND hour = ? AND rest = 0", tag, hour)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		h := tagHour{tag: tag, hour: hour}
		var value string
		if err := rows.Scan(&h.userID, &h.test, &value); err != nil {
			return err
		}
		if into[h] == nil {
			into[h] = map[string]bool{}
		}
		into[h][value] = true
	}
	return rows.Err()
}

// within yields the sums of one hour, user and tag under the keys of their
// rows, in an order that is the same on all nodes, and lists new values.
func within(group []tagKey, sums tagMap, listed map[string]bool) func(func(tagKey, *Usage) bool) {
	charged := map[string]int64{}
	for _, k := range group {
		if k.rest == 0 && !listed[k.value] {
			charged[k.value] += int64(sums[k].Charged)
		}
	}
	for _, v := range slices.SortedFunc(maps.Keys(charged), func(a, b string) int {
		return cmp.Or(cmp.Compare(charged[b], charged[a]), strings.Compare(a, b))
	}) {
		if len(listed) == TagValues {
			break
		}
		listed[v] = true
	}
	rows := tagMap{}
	for _, k := range group {
		u := sums[k]
		if k.rest == 0 && !listed[k.value] {
			k.rest, k.value = 1, ""
		}
		rows.add(k, u)
	}
	return func(yield func(tagKey, *Usage) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(rows), tagKey.compare) {
			if !yield(k, rows[k]) {
				return
			}
		}
	}
}

// replaceTags replaces an hour's rows that were counted again. An hour whose
// tags are not folded yet stays for that.
func (s *Store) replaceTags(ctx context.Context, tx bun.Tx, hour time.Time, sums tagMap) error {
	tagged, err := markIn(ctx, tx, markTagged)
	if err != nil || tagged < journalAt(hour.Add(time.Hour)) {
		return err
	}
	var names []string
	if err := tx.NewSelect().TableExpr("usage_tag_hours").ColumnExpr("DISTINCT value").
		Where("tag = '' AND hour = ? AND rest = 0", hour.Unix()).Scan(ctx, &names); err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range append([]string{""}, names...) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM usage_tag_hours WHERE tag = ? AND hour = ?", name, hour.Unix()); err != nil {
			return err
		}
	}
	return s.addTags(ctx, tx, sums)
}

// TagSpend is what ended under one value of a tag, or under any, when tags
// themselves are listed.
type TagSpend struct {
	Tag, Value        string
	Succeeded, Failed Usage
}

func (t *TagSpend) add(st task.Status, u *Usage) {
	if st == task.Succeeded {
		t.Succeeded.Add(u)
	} else {
		t.Failed.Add(u)
	}
}

func (t *TagSpend) addAll(u *TagSpend) {
	t.Succeeded.Add(&u.Succeeded)
	t.Failed.Add(&u.Failed)
}

// TagReport is what ended within a time, by tag.
type TagReport struct {
	Since, Until time.Time
	Items        []TagSpend // biggest spenders first, at most MostTagSpends
	// Rest is what is in no item: values beyond the longest list, and beyond
	// TagValues in an hour.
	Rest TagSpend
	// CompleteUntil is before Until only while folding is far behind.
	CompleteUntil time.Time
}

// SpendByTag reports what ended within a time by the values of a tag, or, with
// an empty name, by the names of tags: folded hours, and what has ended since
// from the journal.
func (s *Store) SpendByTag(ctx context.Context, q UsageQuery, name string) (TagReport, error) {
	var out TagReport
	err := s.snapshot(ctx, func(tx bun.Tx) error {
		out = TagReport{}
		out.Since, out.Until = q.hours()
		tagged, err := markIn(ctx, tx, markTagged)
		if err != nil {
			return err
		}
		open := tagMap{}
		if out.CompleteUntil, err = s.eachOpen(ctx, tx, q, tagged, " AND v.tags IS NOT NULL", func(e *ended) {
			u := e.usage()
			for t, v := range e.tagged() {
				switch {
				case name == "":
					open.add(tagKey{value: t, status: e.key.status}, &u)
				case t == name:
					open.add(tagKey{value: v, status: e.key.status}, &u)
				}
			}
		}); err != nil {
			return err
		}
		return s.foldedTags(ctx, tx, q, name, open, &out)
	})
	return out, err
}

// foldedTags reads a tag's rows, joins what is not folded yet to them, and keeps
// the biggest. It holds a bounded number of them, however many there are.
func (s *Store) foldedTags(ctx context.Context, tx bun.Tx, q UsageQuery, name string, open tagMap, out *TagReport) error {
	sel := tx.NewSelect().TableExpr("usage_tag_hours").ColumnExpr("rest, value, status").GroupExpr("rest, value, status").OrderExpr("rest, value").
		Where("tag = ? AND hour >= ? AND hour < ? AND test = ?", name, out.Since.Unix(), out.Until.Unix(), flag(q.Test))
	for _, c := range usageColumns {
		sel.ColumnExpr(s.dialect.sumOf(c))
	}
	if q.UserID != 0 {
		sel.Where("user_id = ?", q.UserID)
	}
	rows, err := sel.Rows(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	item := func(value string) TagSpend {
		if name == "" {
			return TagSpend{Tag: value}
		}
		return TagSpend{Tag: name, Value: value}
	}
	last := "" // the value of the newest item
	for rows.Next() {
		var k tagKey
		var u Usage
		into := []any{&k.rest, &k.value, &k.status}
		for _, f := range u.fields() {
			into = append(into, f)
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if k.rest != 0 {
			out.Rest.add(k.status, &u)
			continue
		}
		if len(out.Items) == 0 || k.value != last {
			out.shorten(2 * MostTagSpends)
			out.Items = append(out.Items, item(k.value))
			last = k.value
			for _, st := range []task.Status{task.Succeeded, task.Failed} {
				o := tagKey{value: k.value, status: st}
				if u, ok := open[o]; ok {
					out.Items[len(out.Items)-1].add(st, u)
					delete(open, o)
				}
			}
		}
		out.Items[len(out.Items)-1].add(k.status, &u)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	fresh := map[string]*TagSpend{}
	for k, u := range open {
		if fresh[k.value] == nil {
			i := item(k.value)
			fresh[k.value] = &i
		}
		fresh[k.value].add(k.status, u)
	}
	for _, i := range fresh {
		out.Items = append(out.Items, *i)
	}
	out.shorten(0)
	return nil
}

// shorten moves the smallest items to the rest when there are more than a
// number of them and more than a report has; 0 sorts them in any case.
func (r *TagReport) shorten(from int) {
	if len(r.Items) < from {
		return
	}
	slices.SortFunc(r.Items, func(a, b TagSpend) int {
		return cmp.Or(cmp.Compare(b.Succeeded.Charged, a.Succeeded.Charged), strings.Compare(a.Tag, b.Tag), strings.Compare(a.Value, b.Value))
	})
	for len(r.Items) > MostTagSpends {
		i := len(r.Items) - 1
		r.Rest.addAll(&r.Items[i])
		r.Items = r.Items[:i]
	}
}
