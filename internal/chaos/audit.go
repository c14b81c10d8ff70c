package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"one-api/internal/provider/kling/klingsim"
)

// row is a task as the database has it.
type row struct {
	id, status, upstream, code, callback string
	user, token, quota, charged          int64
}

// audit compares what clients, receivers and Kling saw with what the books say.
// It reads the database by itself; the gateway's own audit comes last.
func (c *campaign) audit(ctx context.Context) error {
	db, err := c.server.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	rows, err := c.rows(ctx, db)
	if err != nil {
		return err
	}
	c.auditTold(rows)
	c.auditUpstream(rows)
	for _, check := range []func(context.Context, *sql.DB, map[string]row) error{c.auditSettles, c.auditBalances, c.auditEvents} {
		if err := check(ctx, db, rows); err != nil {
			return err
		}
	}
	if out, err := c.nodes[0].command(ctx, "", "verify"); err != nil {
		c.report.violated(vVerify, "%v%s", err, out)
	}
	return c.auditLogs()
}

func (c *campaign) rows(ctx context.Context, db *sql.DB) (map[string]row, error) {
	list, err := db.QueryContext(ctx, `SELECT task_id, status, COALESCE(upstream_task_id, ''), fail_code, COALESCE(callback_url, ''), user_id, token_id, quota, charged FROM videos`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = list.Close() }()
	out := map[string]row{}
	for list.Next() {
		var r row
		if err := list.Scan(&r.id, &r.status, &r.upstream, &r.code, &r.callback, &r.user, &r.token, &r.quota, &r.charged); err != nil {
			return nil, err
		}
		out[r.id] = r
	}
	return out, list.Err()
}

func (r row) ended() bool { return r.status == "succeed" || r.status == "failed" }

// auditTold: what a client was told of exists and has ended, as it was read.
func (c *campaign) auditTold(rows map[string]row) {
	w := c.work
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, o := range w.told {
		r, ok := rows[id]
		switch {
		case !ok:
			c.report.violated(vLost, "task %s was accepted for order %d and does not exist", id, o.n)
		case !r.ended():
			c.report.violated(vLive, "task %s is %s", id, r.status)
		case w.ended[id] != "" && w.ended[id] != r.status:
			c.report.violated(vReversed, "task %s read %s and is %s", id, w.ended[id], r.status)
		case o.n > 0 && r.user != c.people[o.user].id:
			c.report.violated(vStranger, "task %s of order %d belongs to user %d, not %d", id, o.n, r.user, c.people[o.user].id)
		}
		delete(w.ended, id)
	}
	for id := range w.cancelled {
		if r := rows[id]; r.status != "failed" || r.code != "cancelled" {
			c.report.violated(vReversed, "task %s was cancelled and is %s %s", id, r.status, r.code)
		}
	}
	codes := map[string]int64{}
	made := int64(0)
	for _, r := range rows {
		if r.status == "succeed" {
			made++
		} else {
			codes[r.code]++
		}
	}
	c.report.add("tasks", int64(len(rows)))
	c.report.add("tasks accepted, as clients know", int64(len(w.told)))
	c.report.add("tasks that succeeded", made)
	for _, code := range []string{"rejected", "upstream_failed", "no_channel", "expired", "cancelled", "unproven"} {
		c.report.add("tasks that failed: "+code, codes[code])
	}
}

// auditUpstream: one order upstream for a task at most; made is charged, by id.
func (c *campaign) auditUpstream(rows map[string]row) {
	known := map[string]klingsim.Task{} // by our task id
	for _, u := range c.sim.Tasks() {
		id, _, _ := strings.Cut(u.ExternalID, "-")
		if other, twice := known[id]; twice {
			c.report.violated(vOrders, "Kling has %s (%s) and %s (%s) for task %s", other.ID, other.ExternalID, u.ID, u.ExternalID, id)
		}
		known[id] = u
	}
	for id, u := range known {
		r, ok := rows[id]
		switch {
		case !ok:
			c.report.violated(vStranger, "Kling has an order %s for %q, which does not exist", u.ID, id)
		case u.Status == klingsim.Succeeded && (r.status != "succeed" || r.charged != r.quota || r.upstream != u.ID):
			c.report.violated(vUnpaid, "Kling made %s; task %s is %s %s, charged %d of %d, upstream %s", u.ID, id, r.status, r.code, r.charged, r.quota, r.upstream)
		}
	}
	for id, r := range rows {
		u, ok := known[id]
		if (r.status == "succeed" || r.charged != 0) && (!ok || u.Status != klingsim.Succeeded) {
			c.report.violated(vUnmade, "task %s is %s and charged %d; Kling says %q", id, r.status, r.charged, u.Status)
		}
	}
	faults := map[klingsim.FaultKind]int64{}
	for request, n := range c.sim.Requests() {
		if request.Fault != "" {
			faults[request.Fault] += int64(n)
		}
	}
	for kind, figure := range map[klingsim.FaultKind]string{klingsim.LoseAnswer: "upstream answers lost", klingsim.CutAnswer: "upstream answers cut in the middle"} {
		c.report.add(figure, faults[kind])
		delete(faults, kind)
	}
	var others int64
	for _, n := range faults {
		others += n
	}
	c.report.add("other upstream faults", others)
	c.post.mu.Lock()
	c.report.add("callbacks carried", c.post.sent)
	c.report.add("callbacks delayed", c.post.delayed)
	c.post.mu.Unlock()
}

// auditSettles: one hold a task, one settle an ended one, a capture of its price
// if it succeeded and a release otherwise.
func (c *campaign) auditSettles(ctx context.Context, db *sql.DB, rows map[string]row) error {
	list, err := db.QueryContext(ctx, `SELECT j.task_id, COALESCE(j.phase, ''), j.kind, SUM(CASE WHEN p.to_account = 3 THEN p.amount ELSE 0 END)
		FROM journal j JOIN postings p ON p.journal_id = j.id WHERE j.task_id IS NOT NULL GROUP BY j.id, j.task_id, j.phase, j.kind`)
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	type books struct {
		holds, settles int
		kind           string
		revenue        int64
	}
	of := map[string]*books{}
	for list.Next() {
		var id, phase, kind string
		var revenue int64
		if err := list.Scan(&id, &phase, &kind, &revenue); err != nil {
			return err
		}
		b := of[id]
		if b == nil {
			b = &books{}
			of[id] = b
		}
		if phase == "hold" {
			b.holds++
			continue
		}
		b.settles++
		b.kind = kind
		b.revenue += revenue
	}
	if err := list.Err(); err != nil {
		return err
	}
	for id, r := range rows {
		b := of[id]
		if b == nil {
			b = &books{}
		}
		delete(of, id)
		want, wantKind := 0, ""
		if r.ended() {
			want, wantKind = 1, "release"
		}
		if r.status == "succeed" {
			wantKind = "capture"
		}
		if b.holds != 1 || b.settles != want || want == 1 && (b.kind != wantKind || b.revenue != r.charged) {
			c.report.violated(vSettle, "task %s is %s, charged %d: %d holds, %d settles (%s), revenue %d", id, r.status, r.charged, b.holds, b.settles, b.kind, b.revenue)
		}
	}
	for id := range of {
		c.report.violated(vSettle, "the journal has entries of task %s, which does not exist", id)
	}
	return nil
}

// auditBalances: every balance is the sum of its postings, none is below zero,
// and what a person has left is what was granted less what was charged.
func (c *campaign) auditBalances(ctx context.Context, db *sql.DB, rows map[string]row) error {
	stored, sums := map[int64]int64{}, map[int64]int64{}
	if err := pairs(ctx, db, "SELECT id, balance FROM accounts", stored); err != nil {
		return err
	}
	in, out := map[int64]int64{}, map[int64]int64{}
	if err := pairs(ctx, db, "SELECT to_account, SUM(amount) FROM postings GROUP BY to_account", in); err != nil {
		return err
	}
	if err := pairs(ctx, db, "SELECT from_account, SUM(amount) FROM postings GROUP BY from_account", out); err != nil {
		return err
	}
	total := int64(0)
	for a, n := range in {
		sums[a] += n
		total += n
	}
	for a, n := range out {
		sums[a] -= n
		total -= n
	}
	if total != 0 {
		c.report.violated(vBooks, "the postings sum to %d", total)
	}
	for a, n := range stored {
		if n != sums[a] {
			c.report.violated(vBooks, "account %d has %d, its postings sum to %d", a, n, sums[a])
		}
		if n < 0 {
			c.report.violated(vNegative, "account %d has %d", a, n)
		}
	}
	charged, used, live := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}
	var revenue int64
	for _, r := range rows {
		charged[r.user] += r.charged
		used[r.token] += r.charged
		revenue += r.charged
		if !r.ended() {
			live[r.user] += r.quota
		}
	}
	// What the operator lost on late finds came out of revenue.
	if lost := sums[7]; sums[3]+lost != revenue {
		c.report.violated(vBooks, "revenue is %d and %d was lost, the tasks were charged %d", sums[3], lost, revenue)
	}
	for _, p := range c.people {
		available, held := stored[p.id*16+1], stored[p.id*16+2]
		if held != live[p.id] || available != p.granted-charged[p.id]-live[p.id] {
			c.report.violated(vBooks, "user %d was granted %d and charged %d, and has %d with %d held", p.id, p.granted, charged[p.id], available, held)
		}
	}
	budgets, spent := map[int64]int64{}, map[int64]int64{}
	if err := pairs(ctx, db, "SELECT token_id, held FROM token_budgets", budgets); err != nil {
		return err
	}
	if err := pairs(ctx, db, "SELECT token_id, used FROM token_budgets", spent); err != nil {
		return err
	}
	if len(live) == 0 {
		for id, held := range budgets {
			if held != 0 || spent[id] != used[id] {
				c.report.violated(vBooks, "token %d holds %d and has used %d, its tasks were charged %d", id, held, spent[id], used[id])
			}
		}
		loads := map[int64]int64{}
		if err := pairs(ctx, db, "SELECT channel_id, SUM(live) FROM channel_loads GROUP BY channel_id", loads); err != nil {
			return err
		}
		for id, n := range loads {
			if n != 0 {
				c.report.violated(vBooks, "channel %d counts %d live tasks, there are none", id, n)
			}
		}
	}
	return nil
}

// pairs reads two numbers a row.
func pairs(ctx context.Context, db *sql.DB, query string, into map[int64]int64) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b int64
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		into[a] = b
	}
	return rows.Err()
}

// auditEvents: every ended task that asked for it, or whose user has an
// endpoint, has one event, and each receiver has it, with one id however often.
func (c *campaign) auditEvents(ctx context.Context, db *sql.DB, rows map[string]row) error {
	list, err := db.QueryContext(ctx, "SELECT id, task_id FROM events")
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	events := map[string][]string{}
	for list.Next() {
		var id, taskID string
		if err := list.Scan(&id, &taskID); err != nil {
			return err
		}
		events[taskID] = append(events[taskID], id)
	}
	if err := list.Err(); err != nil {
		return err
	}
	h := c.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	told := int64(0)
	for id, r := range rows {
		path, asked := strings.CutPrefix(r.callback, h.url)
		all := r.user == c.people[0].id // the user with an endpoint
		if !asked && !all || !r.ended() {
			if len(events[id]) > 0 && r.callback == "" {
				c.report.violated(vEvent, "task %s has %d events, nobody asked", id, len(events[id]))
			}
			continue
		}
		if n := len(events[id]); n != 1 {
			c.report.violated(vEvent, "task %s is %s and has %d events", id, r.status, n)
			continue
		}
		if all {
			told++
			if event := events[id][0]; h.taken[event] == 0 {
				c.report.violated(vDelivery, "the event %s of task %s never reached the endpoint of its user", event, id)
			}
			delete(h.ids, events[id][0])
		}
		if !asked {
			continue
		}
		if h.taken[path] == 0 {
			c.report.violated(vDelivery, "the event %s of task %s never reached %s", events[id][0], id, path)
		} else if _, right := h.ids[path][events[id][0]]; !right || len(h.ids[path]) != 1 {
			c.report.violated(vEvent, "task %s has the event %s, its receiver saw %v", id, events[id][0], h.ids[path])
		}
		told++
		delete(h.ids, path)
	}
	for path := range h.ids {
		c.report.violated(vStranger, "somebody delivered to %s, for which there is no ended task", path)
	}
	c.report.add("events to be told", told)
	c.report.add("event deliveries, repetitions too", h.tries)
	return nil
}

// auditLogs stops the nodes in order and reads what they printed.
func (c *campaign) auditLogs() error {
	secrets := []string{rootToken, rootPassword, masterKey}
	for _, p := range c.people {
		secrets = append(secrets, p.tokens...)
	}
	for _, a := range c.accounts {
		secrets = append(secrets, a.SecretKey.Reveal())
	}
	var exits int64
	for _, n := range c.nodes {
		if !n.stop() {
			c.report.violated(vAccident, "%s did not stop after SIGTERM", n.name)
		}
		exits += n.exits.Load()
		if err := n.lines(func(line string) {
			for _, a := range accidents {
				if strings.Contains(line, a) {
					c.report.violated(vAccident, "%s printed %.400s", n.name, line)
				}
			}
			for _, s := range secrets {
				if strings.Contains(line, s) {
					c.report.violated(vAccident, "%s printed a secret: %.6s…", n.name, s)
				}
			}
		}); err != nil {
			return err
		}
	}
	c.report.add("nodes that ended by themselves", exits)
	if c.o.db != "sqlite" {
		c.report.add("database servers that died of it", c.server.deaths.Load())
	}
	if exits > 0 && c.o.db == "sqlite" && !c.may("disk") {
		return fmt.Errorf("a node ended by itself")
	}
	return nil
}
