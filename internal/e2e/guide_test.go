package e2e_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// The SQL of the deployment guide, with what each database calls its clock.

const guideChannel = `
INSERT INTO channels (
    type, name, KEY, status, base_url, models, created_time
) VALUES (
    41, 
    'Kling AI', 
    'YOUR_API_KEY_HERE', 
    1, 
    'https://api.klingai.com', 
    'kling-v1-5-std,kling-v1-5-pro,kling-v1-6-std,kling-v1-6-pro',
    UNIX_TIMESTAMP()
);`

const (
	guideStatistics = `
SELECT 
    status, 
    COUNT(*) as count,
    SUM(quota) as total_quota
FROM videos 
WHERE provider = 'kling'
GROUP BY status;`

	guideRecent = `
SELECT * FROM videos 
WHERE provider = 'kling' 
ORDER BY created_at DESC 
LIMIT 10;`

	guideFailed = `
SELECT task_id, fail_reason, created_at 
FROM videos 
WHERE provider = 'kling' AND status = 'failed'
ORDER BY created_at DESC 
LIMIT 20;`

	guideCleanup = `
DELETE FROM videos 
WHERE provider = 'kling' 
AND status IN ('succeed', 'failed')
AND created_at < UNIX_TIMESTAMP(DATE_SUB(NOW(), INTERVAL 30 DAY));`
)

// guideSQL is a statement of the guide for a database.
func guideSQL(d store.Dialect, statement string) string {
	words := map[store.Dialect][]string{
		store.MySQL: {"KEY, status", "`key`, status"}, // a reserved word there
		store.SQLite: {
			"KEY, status", "key, status", "UNIX_TIMESTAMP(DATE_SUB(NOW(), INTERVAL 30 DAY))", "unixepoch('now', '-30 days')", "UNIX_TIMESTAMP()", "unixepoch()",
		},
		store.Postgres: {
			"KEY, status", "key, status", "UNIX_TIMESTAMP(DATE_SUB(NOW(), INTERVAL 30 DAY))", "EXTRACT(EPOCH FROM NOW() - INTERVAL '30 days')",
			"UNIX_TIMESTAMP()", "EXTRACT(EPOCH FROM NOW())",
		},
	}
	return strings.NewReplacer(words[d]...).Replace(statement)
}

func TestTheGuidesSQLWorks(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		const key = "the-key-from-the-platform"
		w := newWorld(t, setup{
			dialect: d, noChan: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond},
			account: func(a *klingsim.Account) { a.APIKeys = append(a.APIKeys, key) },
		})
		c := w.user
		if a := c.do("POST", text2video, guideOrder); a.status != 503 || a.text("error.code") != "no_channel" {
			t.Errorf("without a channel an order answered %s", a)
		}

		describe := map[store.Dialect]string{
			store.MySQL:    "DESCRIBE videos;",
			store.SQLite:   "SELECT name, pk FROM pragma_table_info('videos')",
			store.Postgres: "SELECT column_name, '' FROM information_schema.columns WHERE table_name = 'videos' AND table_schema = 'public'",
		}
		var columns []string
		for _, r := range w.rows("%s", describe[d]) {
			columns = append(columns, r[0])
			if r[0] == "task_id" && d == store.MySQL && r[3] != "PRI" {
				t.Errorf("task_id is not the primary key: %v", r)
			}
		}
		for _, want := range strings.Fields(`task_id video_id user_id channel_id model provider type status quota prompt
			duration store_url fail_reason created_at`) {
			if !slices.Contains(columns, want) {
				t.Errorf("videos has no column %s", want)
			}
		}

		insert := strings.NewReplacer("YOUR_API_KEY_HERE", key, "https://api.klingai.com", w.kling).Replace(guideSQL(d, guideChannel))
		w.log.hide(key)
		if err := w.books.Exec(t.Context(), insert); err != nil {
			t.Fatalf("%s\n%v", insert, err)
		}
		inserted := time.Now()
		var first answer
		w.until("the gateway to serve with the new channel", func() bool {
			first = c.do("POST", text2video, guideOrder)
			return first.status == 200
		})
		if took := time.Since(inserted); took > 5*time.Second {
			t.Errorf("a running gateway saw the channel after %s, want seconds", took)
		}
		id := first.text("task_id")
		c.succeeded(id)
		column := map[store.Dialect]string{store.MySQL: "`key`"}[d]
		if column == "" {
			column = "key"
		}
		w.until("the key to be sealed", func() bool {
			kept := w.rows("SELECT %s FROM channels", column)[0][0]
			return kept != key && !strings.Contains(kept, key) && kept != ""
		})
		if a := c.do("POST", text2video, `{"model":"kling-v3-std","prompt":"a cat"}`); a.status != 503 {
			t.Errorf("a model that the row does not list answered %s", a)
		}
		failed := c.order(orderOf("simfail"))
		c.failed(failed, "upstream_failed")
		live := c.order(orderOf("simstuck"))
		w.setup.unsettle = true

		stats := map[string]string{}
		for _, r := range w.rows("%s", guideStatistics) {
			n, err := strconv.ParseFloat(r[2], 64) // a sum may be a decimal
			if err != nil {
				t.Fatal(err)
			}
			stats[r[0]] = r[1] + " " + strconv.FormatFloat(n, 'f', -1, 64)
		}
		if stats["succeed"] != "1 300000" || stats["failed"] != "1 300000" || len(stats) != 3 {
			t.Errorf("the guide's statistics are %v", stats)
		}
		if n := len(w.rows("%s", guideRecent)); n != 3 {
			t.Errorf("the recent tasks are %d, want 3", n)
		}
		if got := w.rows("%s", guideFailed); len(got) != 1 || got[0][0] != failed || got[0][1] == "NULL" || got[0][1] == "" {
			t.Errorf("the failed tasks are %v", got)
		} else if at, err := strconv.ParseInt(got[0][2], 10, 64); err != nil || at < inserted.Unix()-60 || at > time.Now().Unix()+60 {
			t.Errorf("created_at is %s, want Unix seconds", got[0][2])
		}

		before, err := w.books.TaskLines(t.Context(), id)
		if err != nil || len(before) != 2 {
			t.Fatalf("ledger of the task: %v, %v", before, err)
		}
		if err := w.books.Exec(t.Context(), guideSQL(d, guideCleanup)); err != nil {
			t.Fatal(err)
		}
		if n := w.number("SELECT COUNT(*) FROM videos"); n != 3 {
			t.Errorf("the clean-up took young tasks: %d are left of 3", n)
		}
		if err := w.books.Exec(t.Context(), "UPDATE videos SET created_at = created_at - 31 * 86400"); err != nil {
			t.Fatal(err)
		}
		if err := w.books.Exec(t.Context(), guideSQL(d, guideCleanup)); err != nil {
			t.Fatal(err)
		}
		if got := w.rows("SELECT task_id FROM videos"); len(got) != 1 || got[0][0] != live {
			t.Errorf("after the clean-up there are %v, want the live task %s", got, live)
		}
		if a := c.read(id); a.status != 404 {
			t.Errorf("a deleted task reads %s", a)
		}
		after, err := w.books.TaskLines(t.Context(), id)
		if err != nil || len(after) != len(before) {
			t.Errorf("the ledger of a deleted task has %d lines, %v; want %d", len(after), err, len(before))
		}
		c.balance(w.setup.balance-2*guidePrice, guidePrice)
		if a := c.do("POST", text2video, guideOrder); a.status != 200 {
			t.Errorf("after the clean-up an order answered %s", a)
		}
		w.forget(id, failed)
	})
}

// Rows of the ledger cannot be changed by hand, whoever tries.
func TestTheLedgerIsAppendOnly(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d})
		w.user.succeeded(w.user.order(guideOrder))
		for _, q := range []string{
			"UPDATE postings SET amount = 1", "DELETE FROM postings", "UPDATE journal SET memo = 'x'", "DELETE FROM journal",
		} {
			if err := w.books.Exec(t.Context(), q); err == nil {
				t.Errorf("%s was allowed", q)
			}
		}
		for _, q := range []string{
			"UPDATE accounts SET balance = -1 WHERE user_id = 1", "UPDATE videos SET charged = quota + 1",
		} {
			if err := w.books.Exec(t.Context(), q); err == nil {
				t.Errorf("%s was allowed", q)
			}
		}
	})
}
