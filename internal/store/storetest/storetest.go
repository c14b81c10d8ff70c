// Package storetest is one suite for every database, and the way tests get a
// database of their own.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx" for making databases

	"one-api/internal/account"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/video"
)

// Keys is the master key of test databases.
func Keys(t testing.TB) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(strings.Repeat("test key ", 5))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Databases are the kinds that this machine can test, by the DSN that
// NewDatabase starts from. Servers are found by TEST_MYSQL_DSN and
// TEST_POSTGRES_DSN.
var Databases = []store.Dialect{store.SQLite, store.MySQL, store.Postgres}

// NewDatabase makes an empty database and drops it when the test ends. It
// skips the test when no server of that kind is given.
func NewDatabase(t testing.TB, d store.Dialect) string {
	t.Helper()
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	name := "oneapi_test_" + hex.EncodeToString(b)
	switch d {
	case store.SQLite:
		return "sqlite://" + filepath.Join(t.TempDir(), "one-api.db")
	case store.MySQL:
		admin := os.Getenv("TEST_MYSQL_DSN")
		if admin == "" {
			t.Skip("no MySQL or MariaDB: TEST_MYSQL_DSN is not set")
		}
		cfg, err := mysql.ParseDSN(admin)
		if err != nil {
			t.Fatal(err)
		}
		makeDatabase(t, "mysql", admin, name)
		cfg.DBName = name
		return cfg.FormatDSN()
	default:
		admin := os.Getenv("TEST_POSTGRES_DSN")
		if admin == "" {
			t.Skip("no PostgreSQL: TEST_POSTGRES_DSN is not set")
		}
		u, err := url.Parse(admin)
		if err != nil {
			t.Fatal(err)
		}
		makeDatabase(t, "pgx", admin, name)
		u.Path = "/" + name
		return u.String()
	}
}

func makeDatabase(t testing.TB, driver, dsn, name string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() {
		drop := "DROP DATABASE " + name
		if driver == "pgx" {
			drop += " WITH (FORCE)"
		}
		if _, err := db.Exec(drop); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
		_ = db.Close()
	})
}

// Open opens a store on a new database.
func Open(t testing.TB, d store.Dialect) *store.Store {
	t.Helper()
	return OpenAt(t, NewDatabase(t, d))
}

// OpenAt opens a store, as one more node of the same database.
func OpenAt(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DSN: dsn, Keys: Keys(t), MaxOpenConns: 20})
	if err != nil {
		t.Fatalf("open %s: %v", store.DialectOf(dsn), err)
	}
	t.Cleanup(s.Close)
	return s
}

// Fixture is a user with a token and a balance.
type Fixture struct {
	*store.Store
	User  account.User
	Token account.Token
}

// NewFixture makes a user with a balance.
func NewFixture(t testing.TB, s *store.Store, balance money.Quota, limit *money.Quota) Fixture {
	t.Helper()
	ctx := context.Background()
	b := make([]byte, 4)
	_, _ = rand.Read(b)
	u, err := s.CreateUser(ctx, store.NewUser{Name: "user-" + hex.EncodeToString(b)})
	if err != nil {
		t.Fatal(err)
	}
	tok, _, err := s.CreateToken(ctx, store.NewToken{UserID: u.ID, Name: "token", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	if balance > 0 {
		e := ledger.Change(ledger.KindGrant, u.ID, balance, fmt.Sprintf("fixture %d", u.ID), "test", "", s.Now())
		if err := s.ChangeBalance(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	return Fixture{Store: s, User: u, Token: tok}
}

// Order is an acceptance of a task that costs a price, already on a channel.
func (f Fixture) Order(price money.Quota) task.Acceptance {
	now := f.Now()
	t := task.Task{
		ID: task.NewID("kling_", now), UserID: f.User.ID, TokenID: f.Token.ID, Provider: "kling", Type: video.Text2Video,
		Model: "kling-v1-6-pro", Route: "/v1/videos/text2video", Prompt: "一只猫 a cat 🐈", Duration: 5, Quota: price,
		Status: task.Pending, NextCheckAt: now, CreatedAt: now, UpdatedAt: now,
		DeadlineAt: now.Add(time.Hour), SendBefore: now.Add(time.Minute), PriceRule: "r", PriceVersion: 1,
	}
	return task.Acceptance{Task: t, Body: []byte(`{"prompt":"x"}`), Hold: ledger.Hold(t.Order(), now)}
}

// OnChannel is Order, beginning on a channel with a limit of live tasks.
func (f Fixture) OnChannel(t testing.TB, price money.Quota, channelID int64, limit int) task.Acceptance {
	t.Helper()
	a := f.Order(price)
	var err error
	if a.Task, err = a.Task.Begin(channelID, "k1", task.Timing{CreateTimeout: time.Minute}, f.Now()); err != nil {
		t.Fatal(err)
	}
	a.MaxLive = limit
	return a
}

// Verified fails the test when the books do not agree with the rows.
func Verified(t testing.TB, s *store.Store) {
	t.Helper()
	found, err := s.Verify(context.Background())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	for _, m := range found {
		t.Errorf("mismatch: %s %s: %s", m.Kind, m.ID, m.Detail)
	}
}
