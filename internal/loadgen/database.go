package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// database is one that loadgen made and drops again.
type database struct {
	kind string
	dsn  string // as the gateway takes it
	sql  *sql.DB
	drop func()
}

var databases atomic.Int64

// newDatabase makes an empty one.
func newDatabase(o options) (*database, error) {
	name := fmt.Sprintf("oneapi_bench_%d_%d", os.Getpid(), databases.Add(1))
	d := &database{kind: o.db, drop: func() {}}
	var driver, address, server string
	switch o.db {
	case "sqlite":
		file := filepath.Join(o.dir, name+".db")
		d.dsn, driver, address = "sqlite://"+file, "sqlite", "file:"+file+"?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)"
		d.drop = func() {
			for _, tail := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(file + tail)
			}
		}
	case "mysql":
		cfg, err := mysql.ParseDSN(o.dsn)
		if err != nil {
			return nil, err
		}
		cfg.DBName = name
		driver, d.dsn, server = "mysql", cfg.FormatDSN(), o.dsn
		address = d.dsn
	case "postgres":
		u, err := url.Parse(o.dsn)
		if err != nil {
			return nil, err
		}
		u.Path = "/" + name
		driver, d.dsn, server = "pgx", u.String(), o.dsn
		address = d.dsn
	default:
		return nil, fmt.Errorf("-db %s: use sqlite, mysql or postgres", o.db)
	}
	if server != "" {
		admin, err := sql.Open(driver, server)
		if err != nil {
			return nil, err
		}
		if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
			_ = admin.Close()
			return nil, err
		}
		drop := "DROP DATABASE " + name
		if o.db == "postgres" {
			drop += " WITH (FORCE)"
		}
		d.drop = func() { _, _ = admin.Exec(drop); _ = admin.Close() }
	}
	var err error
	if d.sql, err = sql.Open(driver, address); err != nil {
		d.drop()
		return nil, err
	}
	return d, nil
}

func (d *database) close() {
	_ = d.sql.Close()
	d.drop()
}

// number reads one number.
func (d *database) number(ctx context.Context, query string, args ...any) (int64, error) {
	var n sql.NullInt64
	err := d.sql.QueryRowContext(ctx, query, args...).Scan(&n)
	return n.Int64, err
}

// live counts the tasks that have not ended.
func (d *database) live(ctx context.Context) (int64, error) {
	return d.number(ctx, "SELECT COUNT(*) FROM videos WHERE next_check_at IS NOT NULL")
}

// insert writes rows of literals, many with a statement; row appends the i-th
// as "(1, 'text')".
func (d *database) insert(ctx context.Context, into string, rows int, row func(b *strings.Builder, i int)) error {
	const statement, transaction = 400, 40_000
	var tx *sql.Tx
	var err error
	for i := 0; i < rows; {
		if tx == nil {
			if tx, err = d.sql.BeginTx(ctx, nil); err != nil {
				return err
			}
		}
		var b strings.Builder
		b.WriteString("INSERT INTO " + into + " VALUES ")
		for n := range min(statement, rows-i) {
			if n > 0 {
				b.WriteByte(',')
			}
			row(&b, i+n)
		}
		if _, err := tx.ExecContext(ctx, b.String()); err != nil {
			_ = tx.Rollback()
			return err
		}
		if i += statement; i%transaction == 0 || i >= rows {
			if err := tx.Commit(); err != nil {
				return err
			}
			tx = nil
		}
	}
	return nil
}

// analyze has the server count what was filled in at once; in service it does
// so by itself.
func (d *database) analyze(ctx context.Context, tables ...string) error {
	word := map[string]string{"mysql": "ANALYZE TABLE ", "postgres": "VACUUM ANALYZE "}[d.kind]
	if word == "" {
		return nil
	}
	for _, t := range tables {
		rows, err := d.sql.QueryContext(ctx, word+t)
		if err != nil {
			return err
		}
		for rows.Next() { // MariaDB answers with a table
		}
		if err := rows.Err(); err != nil {
			return err
		}
		_ = rows.Close()
	}
	return nil
}
