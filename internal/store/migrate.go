package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to date. One node migrates, the others wait: on
// PostgreSQL by goose's session lock, on MySQL by GET_LOCK, on SQLite by the
// file's write lock.
func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations/"+string(s.dialect))
	if err != nil {
		return err
	}
	var opts []goose.ProviderOption
	gd := database.DialectSQLite3
	switch s.dialect {
	case Postgres:
		gd = database.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	case MySQL:
		gd = database.DialectMySQL
		unlock, err := mysqlLock(ctx, s.wdb)
		if err != nil {
			return err
		}
		defer unlock()
	}
	p, err := goose.NewProvider(gd, s.wdb, dir, opts...)
	if err != nil {
		return err
	}
	results, err := p.Up(ctx)
	// On SQLite nothing keeps two starts from finding the same step undone. The
	// second then fails at what is there already, whole, and finds it done.
	for try := 0; err != nil && s.dialect == SQLite && try < 5; try++ {
		pause(try)
		results, err = p.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w (restart repeats the unfinished step)", err)
	}
	for _, r := range results {
		s.log.Info("migrated the database", "file", r.Source.Path, "took", r.Duration)
	}
	if s.dialect == MySQL {
		s.protectLedger(ctx)
	}
	return nil
}

// mysqlLock takes a named lock on one connection until the returned function
// gives it back.
func mysqlLock(ctx context.Context, db *sql.DB) (func(), error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const name = "CONCAT('one-api migrate ', DATABASE())"
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", int((5 * time.Minute).Seconds())).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = errors.New("another node has been migrating for five minutes; wait for it or stop it")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK("+name+")")
		_ = conn.Close()
	}, nil
}

// protectLedger makes ledger and audit append-only on MySQL too. There a
// trigger may need a right that the operator's account lacks, so it is tried
// at each start and not required.
func (s *Store) protectLedger(ctx context.Context) {
	for _, table := range []string{"journal", "postings", "audit"} {
		for _, op := range []string{"UPDATE", "DELETE"} {
			name := table + "_no_" + op
			var n int
			err := s.wdb.QueryRowContext(ctx, `SELECT COUNT(*) FROM information_schema.triggers
				WHERE trigger_schema = DATABASE() AND trigger_name = ?`, name).Scan(&n)
			if err == nil && n == 0 {
				_, err = s.wdb.ExecContext(ctx, "CREATE TRIGGER "+name+" BEFORE "+op+" ON "+table+
					" FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '"+table+" is append-only'")
			}
			if err != nil {
				s.log.Warn("the database account may not create triggers; the ledger is protected by the gateway alone",
					"table", table, "err", err)
				return
			}
		}
	}
}
