package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
)

// The deployment guide's statement, as each database writes it.
var insertChannel = map[store.Dialect]string{
	store.SQLite:   "INSERT INTO channels (type, name, key, status, base_url, models, created_time) VALUES (41, 'Kling AI', 'AK|SK', 1, 'https://api.klingai.com', 'kling-v1-5-std', 1700000000)",
	store.MySQL:    "INSERT INTO channels (type, name, `key`, status, base_url, models, created_time) VALUES (41, 'Kling AI', 'AK|SK', 1, 'https://api.klingai.com', 'kling-v1-5-std', UNIX_TIMESTAMP())",
	store.Postgres: "INSERT INTO channels (type, name, key, status, base_url, models, created_time) VALUES (41, 'Kling AI', 'AK|SK', 1, 'https://api.klingai.com', 'kling-v1-5-std', 1700000000)",
}

func TestAChannelWrittenByHandCanBeEdited(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		s := Open(t, d)
		if err := s.Exec(ctx, insertChannel[d]); err != nil {
			t.Fatal(err)
		}
		list, err := s.Channels(ctx) // before any node has sealed its key
		if err != nil || len(list) != 1 || len(list[0].Keys) != 1 || list[0].Version != 1 {
			t.Fatalf("channels %+v, %v", list, err)
		}
		id, name, more := list[0].ID, "edited", secret.Text("key-2")
		c, err := s.UpdateChannel(ctx, store.CLI, id, store.ChannelPatch{Version: 1, Name: &name, AddKeys: more, WebhookSecrets: &more})
		if err != nil || c.Name != name || len(c.Keys) != 2 || len(c.WebhookSecrets) != 1 || c.Version != 2 {
			t.Errorf("edited %+v, %v", c, err)
		}
		raw, err := s.QueryText(ctx, "SELECT webhook_secret FROM channels")
		if err != nil || !secret.Sealed(raw[0][0]) {
			t.Errorf("stored as %q, %v", raw, err)
		}
		if err := s.ChannelTested(ctx, id, "ok"); err != nil {
			t.Fatal(err)
		}
		if c, err = s.Channel(ctx, id); err != nil || c.TestedAt.IsZero() || c.TestResult != "ok" || c.Version != 2 {
			t.Errorf("tested %+v, %v", c, err)
		}
		if err := s.DeleteChannel(ctx, store.CLI, id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Channel(ctx, id); !fault.Is(err, fault.NotFound) {
			t.Errorf("after deletion %v", err)
		}
	})
}

func TestOfTwoEditsOfAChannelOneWins(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		c, err := nodes[0].CreateChannel(ctx, store.NewChannel{Type: channel.TypeKling, Name: "a", BaseURL: "https://api.example.com", Keys: "k"})
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				_, err := nodes[i%2].UpdateChannel(ctx, store.CLI, c.ID, store.ChannelPatch{Version: 1, Priority: &i})
				switch {
				case err == nil:
					won.Add(1)
				case fault.From(err).Word() != "version_conflict":
					t.Errorf("edit: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d edits of version 1 won", won.Load())
		}
	})
}

func TestAChannelWithLiveTasksIsNotDeleted(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		c, err := f.CreateChannel(ctx, store.NewChannel{Type: channel.TypeKling, Name: "a", BaseURL: "https://api.example.com", Keys: "k"})
		if err != nil {
			t.Fatal(err)
		}
		from := accept(t, f, f.OnChannel(t, 1000, c.ID, 0))
		if err := f.DeleteChannel(ctx, store.CLI, c.ID); fault.From(err).Word() != "in_use" {
			t.Errorf("deleting with a live task = %v", err)
		}
		to, entry, err := from.Fail(task.Rejected, "no", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		at := &task.Attempt{TaskID: from.ID, N: 1, ChannelID: c.ID, KeyID: "k", Ref: from.Ref, Outcome: "rejected", Code: 1301, Message: "no", SentAt: f.Now(), AnsweredAt: f.Now()}
		if err := f.Advance(task.Change{From: from, To: to, Settle: &entry, Attempt: at}); err != nil {
			t.Fatal(err)
		}
		calls, err := f.RecentAttempts(ctx, "kling", f.Now().Add(-time.Hour), 10)
		if err != nil || len(calls) != 1 || calls[0].Code != 1301 {
			t.Errorf("recent calls %+v, %v", calls, err)
		}
		if calls, err := f.RecentAttempts(ctx, "kling", f.Now().Add(time.Minute), 10); err != nil || len(calls) != 0 {
			t.Errorf("calls since later %+v, %v", calls, err)
		}
		if err := f.DeleteChannel(ctx, store.CLI, c.ID); err != nil {
			t.Errorf("deleting after its end = %v", err)
		}
	})
}

// A budget is lowered while orders come in: what is held and used never exceeds
// the budget in force.
func TestABudgetIsLoweredUnderLoad(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		limit := money.Quota(10_000)
		f := NewFixture(t, OpenAt(t, dsn), 1_000_000, &limit)
		other := OpenAt(t, dsn)
		var wg sync.WaitGroup
		for range 20 {
			a := f.Order(1000)
			wg.Go(func() {
				if _, err := f.Accept(a); err != nil && !fault.Is(err, fault.InsufficientQuota) {
					t.Errorf("accept: %v", err)
				}
			})
		}
		wg.Go(func() {
			for version, to := int64(1), money.Quota(9000); to > 0; to -= 1000 {
				_, err := other.UpdateToken(ctx, store.CLI, 0, f.Token.ID, store.TokenPatch{Version: version, Limit: &store.Limit{To: &to}})
				if fault.Is(err, fault.Unprocessable) {
					return // more than that is held
				}
				if err != nil {
					t.Errorf("lower to %d: %v", to, err)
					return
				}
				version++
			}
		})
		wg.Wait()
		got, err := f.Store.Token(ctx, f.User.ID, f.Token.ID)
		if err != nil || got.Held+got.Used > *got.Limit {
			t.Errorf("held %d and used %d of %d, %v", got.Held, got.Used, *got.Limit, err)
		}
		tooLow := got.Held - 1
		if _, err := f.UpdateToken(ctx, store.CLI, 0, f.Token.ID, store.TokenPatch{Version: got.Version, Limit: &store.Limit{To: &tooLow}}); fault.From(err).Word() != "budget_below_spent" {
			t.Errorf("a budget below what is held = %v", err)
		}
		Verified(t, f.Store)
	})
}

func TestTokensOfOthersDoNotExist(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		other := NewFixture(t, f.Store, 0, nil)
		name := "x"
		if _, err := f.Store.Token(ctx, other.User.ID, f.Token.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("read = %v", err)
		}
		if _, err := f.UpdateToken(ctx, store.CLI, other.User.ID, f.Token.ID, store.TokenPatch{Version: 1, Name: &name}); !fault.Is(err, fault.NotFound) {
			t.Errorf("edit = %v", err)
		}
		if err := f.DeleteToken(ctx, store.CLI, other.User.ID, f.Token.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("deletion = %v", err)
		}
		if err := f.DeleteToken(ctx, store.CLI, f.User.ID, f.Token.ID); err != nil {
			t.Error(err)
		}
		list, err := f.Tokens(ctx, store.TokenFilter{Name: "TOK", Status: account.Enabled, Limit: 10})
		if err != nil || len(list) != 1 || list[0].UserID != other.User.ID {
			t.Errorf("tokens left %+v, %v", list, err)
		}
	})
}

func TestTheUseOfManyTokensIsRecordedAtOnce(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		at := f.Now()
		if err := f.TokensUsed(ctx, map[int64]time.Time{f.Token.ID: at, f.Token.ID + 1: at}); err != nil {
			t.Fatal(err)
		}
		if err := f.TokensUsed(ctx, map[int64]time.Time{f.Token.ID: at.Add(-time.Minute)}); err != nil { // a node that is late
			t.Fatal(err)
		}
		got, err := f.Store.Token(ctx, 0, f.Token.ID)
		if err != nil || !got.LastUsedAt.Equal(at) || got.Version != 1 {
			t.Errorf("last used %v, want %v; version %d, %v", got.LastUsedAt, at, got.Version, err)
		}
	})
}

// Tokens of test mode made at once fill the play account once, and the play
// ledger is verified like the real one.
func TestPlayMoneyIsGivenOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 500, nil)
		nodes := []*store.Store{f.Store, OpenAt(t, dsn)}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				tok, text, err := nodes[i%2].CreateToken(ctx, store.NewToken{UserID: f.User.ID, Name: fmt.Sprint(i), Test: true})
				if err != nil || !tok.Test || !account.TestToken(text.Reveal()) {
					t.Errorf("made %+v, %v", tok, err)
				}
			})
		}
		wg.Wait()
		play, err := f.Balance(ctx, f.User.ID, true)
		if err != nil || play.Available != store.PlayBalance {
			t.Errorf("play balance %+v, %v", play, err)
		}
		mustBalance(t, f, 500, 0)
		a := f.Order(1000) // more than the real balance
		a.Task.Test = true
		a.Hold = ledger.Hold(a.Task.Order(), f.Now())
		accept(t, f, a)
		if play, err = f.Balance(ctx, f.User.ID, true); err != nil || play.Held != 1000 {
			t.Errorf("play balance with an order %+v, %v", play, err)
		}
		Verified(t, f.Store)
	})
}

func TestSettingsChangeTogether(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		_, version, err := nodes[0].Settings(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				err := nodes[i%2].UpdateSettings(ctx, store.CLI, version, map[string]any{"default_rate": i, "notice": fmt.Sprint(i)})
				switch {
				case err == nil:
					won.Add(1)
				case fault.From(err).Word() != "version_conflict":
					t.Errorf("edit: %v", err)
				}
			})
		}
		wg.Wait()
		got, next, err := nodes[1].Settings(ctx)
		if err != nil || won.Load() != 1 || next != version+1 || got.Notice != fmt.Sprint(got.DefaultRate) {
			t.Errorf("%d edits won; settings %+v, version %d, %v", won.Load(), got, next, err)
		}
		if err := nodes[0].UpdateSettings(ctx, store.CLI, next, map[string]any{"default_rate": -1}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a negative rate = %v", err)
		}
		if err := nodes[0].UpdateSettings(ctx, store.CLI, next, map[string]any{"key_id": "x"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("a setting that is none = %v", err)
		}
	})
}
