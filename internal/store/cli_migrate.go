package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migration is one step of the tables.
type Migration struct {
	Version   int64
	Name      string // of its file
	Applied   bool
	AppliedAt time.Time
}

// Migrations lists the steps that this program knows and which of them a
// database has. It changes nothing, and needs no database file yet.
func Migrations(ctx context.Context, dsn string) ([]Migration, error) {
	d := DialectOf(dsn)
	dir, err := fs.Sub(migrations, "migrations/"+string(d))
	if err != nil {
		return nil, err
	}
	if d == SQLite {
		if _, err := os.Stat(sqlitePath(dsn)); errors.Is(err, fs.ErrNotExist) {
			return known(dir)
		}
	}
	wdb, rdb, err := d.pools(ctx, dsn, Options{MaxOpenConns: 2})
	if err != nil {
		return nil, err
	}
	defer func() {
		if rdb != wdb {
			_ = rdb.Close()
		}
		_ = wdb.Close()
	}()
	if err := wdb.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	list, err := known(dir)
	if err != nil {
		return nil, err
	}
	gd := map[Dialect]database.Dialect{SQLite: database.DialectSQLite3, MySQL: database.DialectMySQL, Postgres: database.DialectPostgres}[d]
	table, err := database.NewStore(gd, goose.DefaultTablename)
	if err != nil {
		return nil, err
	}
	for i := range list {
		// Before the first migration there is no such table: nothing is applied.
		r, err := table.GetMigration(ctx, rdb, list[i].Version)
		if err == nil && r.IsApplied {
			list[i].Applied, list[i].AppliedAt = true, r.Timestamp.UTC()
		}
		if err != nil && !errors.Is(err, database.ErrVersionNotFound) && !isStatementError(err) {
			return nil, err
		}
	}
	return list, nil
}

// known lists the steps of a folder.
func known(dir fs.FS) ([]Migration, error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, n := range names { // sorted, and numbered
		v, err := goose.NumericComponent(n)
		if err != nil {
			return nil, err
		}
		out = append(out, Migration{Version: v, Name: path.Base(n)})
	}
	return out, nil
}
