// Package store is all SQL: the database is the truth, and this is the only
// room that speaks to it. One code base serves SQLite, MySQL/MariaDB and
// PostgreSQL; package storetest runs the same suite on each.
//
// A public method owns its transaction; no transaction object leaves the
// package. Money and state change only by guarded statements: the expected old
// state stands in the WHERE, and the count of rows decides who won. What the
// hot path writes goes through one group-commit writer, see hot.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/groupcommit"
	"one-api/internal/secret"
	"one-api/internal/telemetry"
)

// Options say which database and how to use it. Zero limits take the defaults
// of package config.
type Options struct {
	DSN             string // see DialectOf
	MaxOpenConns    int
	MaxIdleConns    int
	ConnMaxLifetime time.Duration
	Keys            *secret.Keyring
	Log             *slog.Logger
	// Now is the node's clock; nil: time.Now.
	Now     func() time.Time
	Metrics *telemetry.Metrics // nil: none
	// Batch is the most writes of the hot path in one transaction, Queue the
	// most that may wait. Zero: 256 and 8192.
	Batch, Queue int
}

// Store is the database. Close it last.
type Store struct {
	dialect Dialect
	wdb     *sql.DB // writes; one connection on SQLite
	rdb     *sql.DB // reads
	write   *bun.DB // the same, for statements that are not hot
	read    *bun.DB
	keys    *secret.Keyring
	log     *slog.Logger
	now     func() time.Time
	metrics *telemetry.Metrics
	offset  atomic.Int64 // database clock minus ours, nanoseconds

	hot       *groupcommit.Writer[*op]
	prepared  sync.Map // query text -> *sql.Stmt, on SQLite
	rebound   sync.Map // query text -> text with $n, on PostgreSQL
	directory directory.Directory
	viewMu    sync.Mutex // one reload at a time
	viewState viewState

	refreshed atomic.Int64                        // when the directory was last found or made current, our clock, ns
	onEnd     atomic.Pointer[func(taskID string)] // see OnEnd
	onChange  atomic.Pointer[func()]              // see OnChange
	writes    atomic.Int64                        // of the hot path
	commits   atomic.Int64                        // transactions that held them
}

// Open connects, migrates under a lock, seals plain keys and loads the
// directory.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.MaxOpenConns == 0 {
		o.MaxOpenConns = 100
	}
	if o.MaxIdleConns == 0 {
		o.MaxIdleConns = 10
	}
	if o.ConnMaxLifetime == 0 {
		o.ConnMaxLifetime = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = faultpoint.Now
	}
	if o.Batch == 0 {
		o.Batch = 256
	}
	if o.Queue == 0 {
		o.Queue = 8192
	}
	d := DialectOf(o.DSN)
	wdb, rdb, err := d.pools(ctx, o.DSN, o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dialect: d, wdb: wdb, rdb: rdb,
		// A newer node may have added columns already.
		write: bun.NewDB(wdb, d.bun(), bun.WithDiscardUnknownColumns()), read: bun.NewDB(rdb, d.bun(), bun.WithDiscardUnknownColumns()),
		keys: o.Keys, log: o.Log, now: o.Now, metrics: o.Metrics,
	}
	if err := s.start(ctx); err != nil {
		s.closePools()
		return nil, err
	}
	s.hot = groupcommit.New(o.Batch, o.Queue, s.commit)
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	if err := s.wdb.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	if err := s.syncClock(ctx); err != nil {
		return err
	}
	if err := s.checkKey(ctx); err != nil {
		return err
	}
	if err := s.seed(ctx); err != nil {
		return err
	}
	return s.Refresh(ctx)
}

// Close commits what waits and closes the connections.
func (s *Store) Close() {
	s.hot.Close()
	s.closePools()
}

func (s *Store) closePools() {
	s.prepared.Range(func(_, v any) bool { _ = v.(*sql.Stmt).Close(); return true })
	if s.rdb != s.wdb {
		_ = s.rdb.Close()
	}
	_ = s.wdb.Close()
}

// Dialect tells which database this is.
func (s *Store) Dialect() Dialect { return s.dialect }

// DirectoryAge is the time since this node last looked for changes.
func (s *Store) DirectoryAge() time.Duration { return s.now().Sub(time.Unix(0, s.refreshed.Load())) }

// Directory is the node's view of who may call and who may serve.
func (s *Store) Directory() *directory.Directory { return &s.directory }

// Writes counts the hot path's writes since Open, and the transactions that
// held them.
func (s *Store) Writes() (writes, commits int64) { return s.writes.Load(), s.commits.Load() }

// Now is the database's time as this node knows it: deadlines of several nodes
// compare.
func (s *Store) Now() time.Time {
	return s.now().Add(time.Duration(s.offset.Load())).UTC().Truncate(time.Millisecond)
}

// ClockOffset is how far the database's clock is ahead of this node's.
func (s *Store) ClockOffset() time.Duration { return time.Duration(s.offset.Load()) }

func (s *Store) syncClock(ctx context.Context) error {
	if s.dialect == SQLite {
		return nil // the same machine, the same clock
	}
	before := s.now()
	var ms int64
	if err := s.rdb.QueryRowContext(ctx, s.dialect.unixMillis()).Scan(&ms); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	after := s.now()
	off := time.UnixMilli(ms).Sub(before.Add(after.Sub(before) / 2))
	if off.Abs() < 50*time.Millisecond {
		off = 0 // the round trip's own uncertainty
	}
	s.offset.Store(int64(off))
	return nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.rdb.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return unavailable(err)
	}
	return nil
}

// unavailable is the refusal while the database is away. Nothing was promised.
func unavailable(err error) error {
	return fault.New(fault.Unavailable, "The database is not reachable. Try again shortly.").
		Named("database_unavailable").After(2 * time.Second).Because(err)
}

// failure turns an error of a statement into what callers should see: a
// refusal passes, an absent database is Unavailable, the rest is ours.
func failure(err error) error {
	var f *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return err
	case isStatementError(err), errors.Is(err, context.Canceled):
		return err
	}
	return unavailable(err)
}

// transact runs f in one write transaction and commits it. Deadlocks and
// serialization failures are repeated whole, at most five times. The context
// is not handed to the transaction on SQLite, where an interrupted write is
// not worth its trouble.
func (s *Store) transact(ctx context.Context, f func(tx bun.Tx) error) error {
	if s.dialect == SQLite {
		ctx = context.WithoutCancel(ctx)
	}
	for try := 0; ; try++ {
		err := s.write.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error { return f(tx) })
		if err == nil || !isTransient(err) || try == 5 {
			return failure(err)
		}
		pause(try)
	}
}

// pause waits a moment that grows with the tries, with full jitter.
func pause(try int) {
	time.Sleep(time.Duration(rand.Int64N(int64(5*time.Millisecond) << min(try, 5))))
}

// millis is a moment as tables keep it; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is what millis wrote.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// text is NULL for an empty text.
func text(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
