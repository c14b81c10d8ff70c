package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"one-api/internal/task"
)

// rootID is the administrator, whom the first start makes, with token 1, and
// who owns part of the rows.
const rootID = 1

// seed is a database full of tasks that ended and of their ledger entries, one
// a second up to now.
type seed struct {
	since time.Time // of the first
	mine  []string  // tasks of the administrator: three in ten
}

// fill writes rows tasks and as many ledger entries. One in a thousand tasks
// has failed, the newest are live and not due before tomorrow; one in ten
// thousand entries is a top-up.
func fill(ctx context.Context, d *database, rows int) (*seed, error) {
	s := &seed{since: time.Now().Add(-time.Duration(rows) * time.Second).Truncate(time.Second)}
	at := func(i int) time.Time { return s.since.Add(time.Duration(i) * time.Second) }
	owner := func(i int) int {
		if i%10 < 3 {
			return rootID
		}
		return 1000 + i%50
	}
	prompt := strings.Repeat("in the morning light, ", 10)
	result := `{"videos":[{"id":"` + strings.Repeat("7", 18) + `","url":"https://example.com/` + strings.Repeat("v", 120) + `.mp4","duration":"5.041"}]}`
	live, tomorrow := min(1000, rows/10), strconv.FormatInt(time.Now().Add(24*time.Hour).UnixMilli(), 10)
	ids := make([]string, rows)
	err := d.insert(ctx, `videos (task_id, user_id, token_id, channel_id, model, provider, type, status, quota, charged, prompt, duration, store_url,
		fail_code, fail_reason, created_at, updated_at, submitted_at, finished_at, deadline_at, send_before, next_check_at, epoch, attempt, ref, upstream_task_id, route,
		mode, aspect_ratio, price_rule, price_version, tags, result)`, rows, func(b *strings.Builder, i int) {
		ids[i] = task.NewID(task.IDPrefix("kling"), at(i))
		if owner(i) == rootID {
			s.mine = append(s.mine, ids[i])
		}
		status, charged, code, reason, next := "succeed", 300_000, "", "NULL", "NULL"
		switch {
		case i >= rows-live:
			status, charged, next = "submitted", 0, tomorrow
		case i%1000 == 7:
			status, charged, code, reason = "failed", 0, "upstream", "'Generation failed'"
		}
		ms := at(i).UnixMilli()
		fmt.Fprintf(b, `('%s',%d,%d,%d,'kling-v1-6-pro','kling','text2video','%s',300000,%d,'cat number %d %s',5,'https://example.com/%d.mp4',
			'%s',%s,%d,%d,%d,%d,%s,%s,%s,4,1,'%s','%d','/v1/videos/text2video','pro','16:9','price.kling-v1-6-pro',1,'{"team":"t%d"}','%s')`,
			ids[i], owner(i), 1+i%97, 1+i%5, status, charged, i, prompt, i, code, reason, ms/1000, ms, ms, ms, tomorrow, tomorrow, next, ids[i], int64(1e17)+int64(i), i%20, result)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]string, rows)
	err = d.insert(ctx, "journal (id, kind, task_id, phase, reference, user_id, token_id, actor, created_at)", rows, func(b *strings.Builder, i int) {
		entries[i] = task.NewID("j_", at(i))
		switch {
		case i%10_000 == 5000:
			fmt.Fprintf(b, "('%s','topup',NULL,NULL,'payment %d',%d,0,'root',%d)", entries[i], i, owner(i), at(i).UnixMilli())
		case i%2 == 0:
			fmt.Fprintf(b, "('%s','hold','%s','hold',NULL,%d,%d,'gateway',%d)", entries[i], ids[i], owner(i), 1+i%97, at(i).UnixMilli())
		default:
			fmt.Fprintf(b, "('%s','capture','%s','settle',NULL,%d,%d,'gateway',%d)", entries[i], ids[i], owner(i), 1+i%97, at(i).UnixMilli())
		}
	})
	if err != nil {
		return nil, err
	}
	err = d.insert(ctx, "postings (journal_id, n, from_account, to_account, amount)", rows, func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "('%s',0,%d,%d,300000)", entries[i], owner(i)*16, owner(i)*16+1)
	})
	if err != nil {
		return nil, err
	}
	return s, d.analyze(ctx, "videos", "journal", "postings")
}

// folded waits until the gateway has folded what fill wrote into hours, as it
// does after an upgrade.
func folded(ctx context.Context, d *database, s *seed) error {
	marks := map[string]time.Duration{"folded": 10 * time.Minute, "tagged": 10 * time.Minute}
	if ledger := 3 * time.Hour; time.Since(s.since) > ledger+time.Hour { // it has whole hours
		marks["ledger"] = ledger
	}
	return until(ctx, time.Second, 20*time.Minute, "the hours are folded", func() (bool, error) {
		for name, behind := range marks {
			var mark string
			at := task.NewID("j_", time.Now().Add(-behind))[:len("j_")+10]
			err := d.sql.QueryRowContext(ctx, "SELECT mark FROM usage_marks WHERE name = '"+name+"'").Scan(&mark)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return false, err
			}
			if mark < at {
				return false, nil
			}
		}
		return true, d.analyze(ctx, "usage_hours", "usage_tag_hours", "ledger_hours")
	})
}

// few is the size of a database that counts as empty.
const few = 1000

// lists reads pages over many rows, and statuses beside a gateway whose database
// is all but empty.
func lists(ctx context.Context, o options) error {
	var seeds [2]*seed
	var gateways [2]*gateway
	var db *database // in the end the large one
	for i, rows := range []int{min(few, o.rows), o.rows} {
		var err error
		if db, err = newDatabase(o); err != nil {
			return err
		}
		defer db.close()
		g, err := startGateway(ctx, o, db) // makes the tables
		if err != nil {
			return err
		}
		_, _, err = g.stop()
		if err != nil {
			return err
		}
		began := time.Now()
		if seeds[i], err = fill(ctx, db, rows); err != nil {
			return err
		}
		o.line("filled", "%d tasks and ledger entries in %.0f s", rows, time.Since(began).Seconds())
		if rows == o.rows {
			if err := startAgain(ctx, o, db, fmt.Sprintf("with %d rows", rows)); err != nil {
				return err
			}
		}
		if gateways[i], err = startGateway(ctx, o, db); err != nil {
			return err
		}
		defer gateways[i].kill()
		if err := gateways[i].signIn(); err != nil {
			return err
		}
		if err := gateways[i].quiet(ctx); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := folded(ctx, db, seeds[1]); err != nil {
		return err
	}
	o.line("folded", "%d tasks and ledger entries into hours in %.0f s, of which up to 60 s waited for", o.rows, time.Since(began).Seconds())
	if err := gateways[1].quiet(ctx); err != nil {
		return err
	}
	if err := readPages(ctx, o, gateways[1], seeds[1]); err != nil {
		return err
	}
	return compareReads(ctx, o, gateways, seeds)
}

// readPages reads each list o.pages times, one after the other.
func readPages(ctx context.Context, o options, g *gateway, s *seed) error {
	client := newClient(1)
	middle := s.since.Add(time.Duration(o.rows/2) * time.Second).Format(time.RFC3339)
	month := time.Now().Add(-29 * 24 * time.Hour).UTC().Format(time.RFC3339)
	caller := func(path string) *http.Request { return g.request(http.MethodGet, path, "") }
	managed := func(path string) *http.Request { return g.managed(http.MethodGet, path, "") }
	var slowest time.Duration
	for _, l := range []struct {
		name    string
		request func() *http.Request
		empty   bool // finds nothing
	}{
		{"tasks", func() *http.Request { return managed("/api/tasks") }, false},
		{"tasks, 100 a page", func() *http.Request { return managed("/api/tasks?limit=100") }, false},
		{"tasks before the middle", func() *http.Request { return managed("/api/tasks?until=" + middle) }, false},
		{"tasks of a user", func() *http.Request { return managed("/api/tasks?user_id=1") }, false},
		{"tasks of a channel", func() *http.Request { return managed("/api/tasks?channel_id=3") }, false},
		{"tasks of a token", func() *http.Request { return managed("/api/tasks?token_id=1") }, false},
		{"failed tasks", func() *http.Request { return managed("/api/tasks?status=failed") }, false},
		{"failed tasks of a user", func() *http.Request { return managed("/api/tasks?status=failed&user_id=1007") }, o.rows <= 10_000},
		{"live tasks", func() *http.Request { return managed("/api/tasks?status=submitted") }, false},
		{"live tasks of a user", func() *http.Request { return managed("/api/tasks?status=submitted&user_id=1") }, false},
		{"pending tasks", func() *http.Request { return managed("/api/tasks?status=pending") }, true},
		{"tasks by prompt", func() *http.Request { return managed("/api/tasks?q=number+" + strconv.Itoa(o.rows-501)) }, false},
		{"tasks by absent prompt", func() *http.Request { return managed("/api/tasks?q=nowhere") }, true},
		{"tasks by tag", func() *http.Request { return managed("/api/tasks?tag=team%3Dt7") }, false},
		{"ledger", func() *http.Request { return managed("/api/ledger") }, false},
		{"ledger, 100 a page", func() *http.Request { return managed("/api/ledger?limit=100") }, false},
		{"ledger before the middle", func() *http.Request { return managed("/api/ledger?until=" + middle) }, false},
		{"ledger of a user", func() *http.Request { return managed("/api/ledger?user_id=1") }, false},
		{"ledger of a token", func() *http.Request { return managed("/api/ledger?token_id=1") }, false},
		{"captures", func() *http.Request { return managed("/api/ledger?kind=capture") }, false},
		{"top-ups", func() *http.Request { return managed("/api/ledger?kind=topup") }, o.rows <= 5000},
		{"top-ups of a user", func() *http.Request { return managed("/api/ledger?kind=topup&user_id=1") }, o.rows <= 5000},
		{"caller's first page", func() *http.Request { return caller(legacyRoute + "?pageNum=1&pageSize=30") }, false},
		{"caller's page 100", func() *http.Request { return caller(legacyRoute + "?pageNum=100&pageSize=30") }, len(s.mine) <= 99*30},
		{"caller's page 1000", func() *http.Request { return caller(legacyRoute + "?pageNum=1000&pageSize=30") }, len(s.mine) <= 999*30},
		{"a task's page", func() *http.Request { return managed("/api/tasks/" + s.mine[len(s.mine)/2]) }, false},
		{"overview, 30 days", func() *http.Request { return managed("/api/stats?since=" + month) }, true},
		{"spend by tag, 30 days", func() *http.Request { return managed("/api/stats/tags?since=" + month) }, true},
		{"spend by team, 30 days", func() *http.Request { return managed("/api/stats/tags?tag=team&since=" + month) }, true},
		{"an account's months", func() *http.Request { return managed("/api/ledger/months?months=12") }, true},
		{"caller's list, new form", func() *http.Request { return g.request(http.MethodPost, "/kling/tasks", `{"limit":100}`) }, false},
	} {
		found := 0
		r, err := load(ctx, client, 1, o.pages, func(int) *http.Request { return l.request() }, func(body []byte) error {
			found += strings.Count(string(body), `"id":"kling_`) + strings.Count(string(body), `"task_id":"kling_`) + strings.Count(string(body), `"id":"j_`)
			return nil
		})
		if err != nil {
			return err
		}
		if found == 0 && !l.empty {
			return fmt.Errorf("the list %q is empty", l.name)
		}
		o.line(l.name, "p50 %5.1f ms   p99 %5.1f ms", ms(r.at(50)), ms(r.at(99)))
		slowest = max(slowest, r.at(50))
	}
	o.line("slowest of the medians", "%.1f ms", ms(slowest))
	return nil
}

// compareReads reads statuses from both gateways in turns, so that whatever
// slows the machine down slows both.
func compareReads(ctx context.Context, o options, gateways [2]*gateway, seeds [2]*seed) error {
	const rounds = 10
	var medians, spent [2][]float64
	client := newClient(o.clients)
	n := max(1, o.reads/rounds)
	for round := range rounds {
		for i, g := range gateways {
			mine := seeds[i].mine
			cpu := g.cpu()
			r, err := load(ctx, client, 8, n, func(k int) *http.Request {
				return g.request(http.MethodGet, "/kling/v1/videos/"+mine[(round*n+k)*7919%len(mine)], "")
			}, nil)
			if err != nil {
				return err
			}
			medians[i] = append(medians[i], ms(r.at(50)))
			spent[i] = append(spent[i], ms(g.cpu()-cpu)/float64(n))
		}
	}
	middle := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	for i, what := range []string{"status read, few tasks", "status read, many tasks"} {
		o.line(what, "p50 %.2f ms, gateway CPU %.3f ms, %d tasks of the reader", middle(medians[i]), middle(spent[i]), len(seeds[i].mine))
	}
	o.line("ratio", "%.2f of the medians over %d rounds in turns", middle(medians[1])/middle(medians[0]), rounds)
	return nil
}
