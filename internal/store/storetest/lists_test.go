package storetest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"one-api/internal/ledger"
	"one-api/internal/store"
	"one-api/internal/task"
)

// BenchmarkLists reads pages of lists over many tasks and ledger entries on
// SQLite: 200 000, or LIST_ROWS of them. A third belongs to one user, one in a
// thousand has failed, the newest 1 000 are live.
func BenchmarkLists(b *testing.B) {
	ctx := context.Background()
	rows := 200_000
	if n, err := strconv.Atoi(os.Getenv("LIST_ROWS")); err == nil {
		rows = n
	}
	f := NewFixture(b, Open(b, store.SQLite), 1000, nil)
	for _, q := range []string{
		fmt.Sprintf(`INSERT INTO videos (task_id, user_id, token_id, channel_id, model, provider, type, status, quota, charged, prompt, created_at, updated_at,
			deadline_at, send_before, next_check_at, route, tags, result, price_version)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT 'kling_' || printf('%%010d', i) || hex(randomblob(13)), CASE WHEN i %% 3 = 0 THEN %d ELSE 1000 + i %% 50 END, 1 + i %% 97, 1 + i %% 5,
			'kling-v1-6-pro', 'kling', 'text2video', CASE WHEN i > %d THEN 'submitted' WHEN i %% 1000 = 7 THEN 'failed' ELSE 'succeed' END,
			300000, CASE WHEN i > %d THEN 0 ELSE 300000 END, 'a cat number ' || i || ' ' || hex(randomblob(100)), 1760000000 + i, 0, 0, 0,
			CASE WHEN i > %d THEN 1 END, '/v1/videos/text2video', '{"team":"t' || (i %% 20) || '"}', hex(randomblob(150)), 1 FROM n`,
			rows-1, f.User.ID, rows-1001, rows-1001, rows-1001),
		fmt.Sprintf(`INSERT INTO journal (id, kind, task_id, phase, user_id, token_id, actor, created_at)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT 'j_' || printf('%%010d', i) || hex(randomblob(13)), 'hold', 't' || i, 'hold', CASE WHEN i %% 3 = 0 THEN %d ELSE 1000 + i %% 50 END, 1 + i %% 97, 'gateway', i FROM n`,
			rows-1, f.User.ID),
		`INSERT INTO postings SELECT id, 0, 17, 18, 1 FROM journal WHERE kind = 'hold'`,
	} {
		if err := f.Exec(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	live := []task.Status{task.Submitting, task.Unknown, task.Submitted}
	for _, c := range []struct {
		name string
		q    store.TaskQuery
	}{
		{"all", store.TaskQuery{}},
		{"deep", store.TaskQuery{Before: fmt.Sprintf("kling_%010d", rows/2)}},
		{"user", store.TaskQuery{UserID: f.User.ID}},
		{"failed", store.TaskQuery{Statuses: []task.Status{task.Failed}}},
		{"failed_of_user", store.TaskQuery{Statuses: []task.Status{task.Failed}, UserID: f.User.ID}},
		{"live", store.TaskQuery{Statuses: live}},
		{"live_of_user", store.TaskQuery{Statuses: live, UserID: f.User.ID}},
		{"pending", store.TaskQuery{Statuses: []task.Status{task.Pending}}},
		{"succeed", store.TaskQuery{Statuses: []task.Status{task.Succeeded}}},
		{"channel", store.TaskQuery{ChannelID: 3}},
		{"text", store.TaskQuery{Text: "number 19"}},
		{"text_nowhere", store.TaskQuery{Text: "no such words"}},
		{"tag", store.TaskQuery{Tag: "team"}},
	} {
		c.q.Limit = 20
		b.Run("tasks/"+c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := f.FindTasks(ctx, c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, c := range []struct {
		name string
		q    store.EntryFilter
	}{
		{"all", store.EntryFilter{}},
		{"user", store.EntryFilter{UserID: f.User.ID}},
		{"hold", store.EntryFilter{Kind: ledger.KindHold}},
		{"topup", store.EntryFilter{Kind: ledger.KindTopUp}},
		{"topup_of_user", store.EntryFilter{Kind: ledger.KindTopUp, UserID: f.User.ID}},
		{"token", store.EntryFilter{TokenID: f.Token.ID}},
	} {
		c.q.Limit = 20
		b.Run("ledger/"+c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := f.Entries(ctx, c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("live", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Live(ctx, store.UsageQuery{UserID: f.User.ID}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("usage", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Usage(ctx, store.UsageQuery{Since: f.Now().Add(-7 * 24 * time.Hour), Until: f.Now()}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
