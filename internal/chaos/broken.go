package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mutation is a gateway with one promise taken out of its code, and what a
// campaign must say of it.
type mutation struct {
	name  string
	edits []edit
	// options make a short campaign that comes where the mistake is.
	options func(*options)
	reports []string // one of these violations
}

// edit replaces a text that occurs exactly once in a file.
type edit struct{ file, old, new string }

// migration is an edit of the same line in the schema of each database.
func migration(name, old, changed string) (out []edit) {
	for _, d := range []string{"sqlite", "mysql", "postgres"} {
		out = append(out, edit{"internal/store/migrations/" + d + "/" + name, old, changed})
	}
	return out
}

// mutations are the mistakes that a campaign must notice. Most promises are
// guarded twice, by a statement and by the schema; then both guards are gone.
var mutations = []mutation{
	{
		name: "settle without guard",
		edits: append([]edit{
			{"internal/store/hot.go", `" = ? WHERE task_id = ? AND epoch = ? AND status = ?"`, `" = ? WHERE task_id = ? AND (1 = 1 OR epoch = ? AND status = ?)"`},
			{"internal/store/dialect.go", ` WHERE v.task_id = x.guard_id AND v.epoch = x.guard_epoch AND v.status = x.guard_status")`, ` WHERE v.task_id = x.guard_id")`},
			{"internal/store/dialect.go", "	b.WriteString(\" AND epoch = \")\n	pick(epoch)\n	b.WriteString(\" AND status = \")\n	pick(status)\n", "	_, _ = epoch, status\n"},
		}, slices.Concat(migration("0001_core.sql", "    UNIQUE (task_id, phase),\n", ""), migration("0001_core.sql", "    CHECK (balance >= 0)\n", "    CHECK (1 = 1)\n"),
			migration("0001_core.sql", ",\n    CHECK (held >= 0)", ""), migration("0001_core.sql", ",\n    UNIQUE (task_id, type)", ""))...),
		options: func(o *options) { o.drills, o.callbacks = []string{"callbacks"}, 300 },
		reports: []string{vSettle},
	},
	{
		name: "blind retry on 504",
		edits: []edit{{
			"internal/provider/kling/refusal.go",
			"	if status/100 != 2 && status/100 != 4 {\n		return provider.Unsure",
			"	if status == http.StatusGatewayTimeout {\n		return provider.Throttled\n	}\n	if status/100 != 2 && status/100 != 4 {\n		return provider.Unsure",
		}},
		options: func(o *options) { o.tasks, o.kills, o.faults = 1500, 0, []string{"upstream"} },
		reports: []string{vOrders},
	},
	{
		name: "hold without condition",
		edits: append([]edit{
			{"internal/store/hot.go", `"UPDATE accounts SET balance = balance - ? WHERE id = ? AND balance >= ?"`, `"UPDATE accounts SET balance = balance - ? WHERE id = ? AND (1 = 1 OR balance >= ?)"`},
		}, migration("0001_core.sql", "    CHECK (balance >= 0)\n", "    CHECK (1 = 1)\n")...),
		options: func(o *options) { o.drills, o.burst = []string{"burst"}, 400 },
		reports: []string{vOverspent, vNegative},
	},
	{
		name: "event outside the transaction",
		edits: []edit{
			{"internal/store/hot.go", `			events.add(e.ID, e.TaskID, e.Type, e.UserID, string(e.Payload), text(string(e.Body)), millis(e.CreatedAt))
			if e.URL != "" {
				deliveries.add(e.ID, 0, e.UserID, e.URL, receiverOf(e.UserID, 0, e.URL), "pending", millis(e.CreatedAt))
			}`, `			_ = e`},
			{"internal/store/hot.go", `		if m.err == nil && m.change.Settle != nil {
			b.s.ended(m.id)`, `		if e := m.change.Event; m.err == nil && e != nil {
			go func(s *Store) {
				_ = s.transact(context.Background(), func(tx bun.Tx) error {
					_, err := tx.ExecContext(context.Background(), "INSERT INTO events (id, task_id, type, user_id, payload, body, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
						e.ID, e.TaskID, e.Type, e.UserID, string(e.Payload), text(string(e.Body)), millis(e.CreatedAt))
					if err == nil {
						_, err = tx.ExecContext(context.Background(), "INSERT INTO deliveries (event_id, endpoint_id, user_id, url, receiver, status, next_try_at) VALUES (?, 0, ?, ?, ?, 'pending', ?)",
							e.ID, e.UserID, e.URL, receiverOf(e.UserID, 0, e.URL), millis(e.CreatedAt))
					}
					return err
				})
			}(b.s)
		}
		if m.err == nil && m.change.Settle != nil {
			b.s.ended(m.id)`},
			{"internal/store/hot.go", "	\"one-api/internal/fault\"\n", "	\"github.com/uptrace/bun\"\n\n	\"one-api/internal/fault\"\n"},
		},
		options: func(o *options) { o.tasks, o.kills, o.faults = 2500, 50, []string{"kill"} },
		reports: []string{vEvent},
	},
	{
		name: "idempotency key not kept",
		edits: []edit{
			{"internal/store/hot.go", `			keys.add(t.UserID, i.Key, i.Hash, t.ID, 0, nil, millis(t.CreatedAt))`, `			_ = i`},
		},
		options: func(o *options) { o.tasks, o.kills, o.faults = 300, 5, []string{"kill"} },
		reports: []string{vAnswer},
	},
	{
		name: "a callback's word settles",
		edits: []edit{{
			"internal/callback/callback.go",
			"	c.Nudge(id)\n	return ok200(w)\n}\n\n// late has",
			"	if report.Status == provider.Succeeded && t.Status != task.Submitting {\n		if len(report.Assets) == 0 {\n			report.Assets = append(report.Assets, video.Asset{ID: \"x\", URL: \"https://example.com/x.mp4\"})\n		}\n		if report.UpstreamID == \"\" {\n			report.UpstreamID = t.UpstreamID\n		}\n		_, _ = c.Generations.Observe(r.Context(), t, report)\n	}\n	c.Nudge(id)\n	return ok200(w)\n}\n\n// late has",
		}, {"internal/callback/callback.go", "	\"one-api/internal/task\"\n", "	\"one-api/internal/task\"\n	\"one-api/internal/video\"\n"}},
		options: func(o *options) { o.tasks, o.kills, o.faults = 4000, 0, []string{"forge", "stall"} },
		reports: []string{vUnmade},
	},
}

// root is the module's directory.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// texts are the files of a module with the mistake in them.
func (m *mutation) texts(base string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		path := filepath.Join(base, filepath.FromSlash(e.file))
		text, ok := texts[path]
		if !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: the text to be replaced occurs %d times in %s:\n%s", m.name, n, e.file, e.old)
		}
		texts[path] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}

// build builds the gateway with the mistake in it, as a rehearsal build.
func (m *mutation) build(ctx context.Context, dir string) (binary string, err error) {
	base, err := root(ctx)
	if err != nil {
		return "", err
	}
	texts, err := m.texts(base)
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	n := 0
	for path, text := range texts {
		n++
		to := filepath.Join(dir, fmt.Sprintf("%d-%s", n, filepath.Base(path)))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[path] = to
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "one-api")
	return binary, build(ctx, binary, "-tags", "chaos", "-overlay", file)
}

// try runs the short campaign against the mistake.
func (m *mutation) try(ctx context.Context, o options, dir string) (*report, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	binary, err := m.build(ctx, dir)
	if err != nil {
		return nil, err
	}
	o.db, o.nodes, o.scale, o.drills, o.tasks, o.kills, o.faults = "sqlite", 1, 10, nil, 0, 0, []string{}
	o.clients = max(o.clients, 1)
	o.binary, o.rehearsal = binary, binary
	m.options(&o)
	return run(ctx, o)
}

// noticed tells whether a report names the mistake.
func (m *mutation) noticed(r *report) bool {
	for _, kind := range m.reports {
		if r.of(kind) > 0 {
			return true
		}
	}
	return false
}

// checkBroken runs the campaign against each broken gateway.
func checkBroken(ctx context.Context, o options, dir string) error {
	var missed []string
	for i := range mutations {
		m := &mutations[i]
		r, err := m.try(ctx, o, filepath.Join(dir, fmt.Sprint("broken-", i)))
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r.title = "broken on purpose: " + m.name
		if !m.noticed(r) {
			missed = append(missed, m.name)
			r.note("NOT NOTICED: %s is missing", strings.Join(m.reports, " or "))
		}
		r.print(o.out)
	}
	if len(missed) > 0 {
		return fmt.Errorf("not noticed: %s", strings.Join(missed, ", "))
	}
	_, _ = fmt.Fprintf(o.out, "\nall %d broken builds were noticed\n", len(mutations))
	return nil
}
