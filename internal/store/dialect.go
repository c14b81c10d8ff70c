package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect is what differs between the three databases. Everything else is one
// text for all.
type Dialect string

const (
	SQLite   Dialect = "sqlite"
	MySQL    Dialect = "mysql" // and MariaDB
	Postgres Dialect = "postgres"
)

// DialectOf reads the kind of database from a DSN: "sqlite://path" or
// "file:path", "postgres://…", or anything else as go-sql-driver's MySQL form.
func DialectOf(dsn string) Dialect {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"), strings.HasPrefix(dsn, "file:"):
		return SQLite
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return Postgres
	}
	return MySQL
}

// Addresses are the host:port that a DSN leads to, none for a file or a socket.
func Addresses(dsn string) []string {
	switch DialectOf(dsn) {
	case SQLite:
		return nil
	case Postgres:
		cfg, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil
		}
		out := []string{net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))}
		for _, f := range cfg.Fallbacks {
			out = append(out, net.JoinHostPort(f.Host, strconv.Itoa(int(f.Port))))
		}
		return slices.Compact(out)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.Net != "tcp" {
		return nil
	}
	return []string{cfg.Addr}
}

func (d Dialect) bun() schema.Dialect {
	switch d {
	case SQLite:
		return sqlitedialect.New()
	case Postgres:
		return pgdialect.New()
	}
	return mysqldialect.New()
}

// rebind turns ? into $1, $2… where the database wants it. The texts have no
// question mark inside quotes.
func (d Dialect) rebind(query string) string {
	if d != Postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteByte(query[i])
	}
	return b.String()
}

// insertIgnore begins an insert that leaves an existing row alone.
func (d Dialect) insertIgnore(into string) (head, tail string) {
	if d == MySQL {
		return "INSERT IGNORE INTO " + into, ""
	}
	return "INSERT INTO " + into, " ON CONFLICT DO NOTHING"
}

// insertSize is how many of the rows go into the next statement. Statements
// that are kept compiled come in few sizes; on MySQL any size does, up to what
// fits well into a packet.
func (d Dialect) insertSize(r rows) int {
	if d == MySQL {
		size := 0
		for i, row := range r {
			for _, v := range row {
				switch v := v.(type) {
				case []byte:
					size += len(v)
				case string:
					size += len(v)
				case sql.NullString:
					size += len(v.String)
				}
			}
			if size > 1<<20 && i > 0 {
				return i
			}
		}
		return len(r)
	}
	return statementSize(len(r))
}

// statementSize is how many of n rows go into one statement that is kept
// compiled: few sizes, few texts.
func statementSize(n int) int {
	for _, size := range []int{64, 32, 16, 8, 4, 2} {
		if n >= size {
			return size
		}
	}
	return 1
}

// columnTypes are PostgreSQL's types of the columns in steps: a VALUES list
// has none of its own.
var columnTypes = map[string]string{
	"channel_id": "bigint", "attempt": "int", "resent": "int", "next_check_at": "bigint", "checks": "int", "absences": "int",
	"first_absent_at": "bigint", "submitted_at": "bigint", "updated_at": "bigint", "finished_at": "bigint", "charged": "bigint",
	"guard_epoch": "bigint",
}

// stepMany is stepOne for several steps in one statement: values are those of
// each step's columns and its guard, see stepValues, and before what the columns
// hold where that is known. The count of matched rows tells whether all passed
// their guards.
func (d Dialect) stepMany(columns []string, values, before [][]any) (string, []any) {
	if d == Postgres {
		return stepManyPostgres(columns, len(values)), slices.Concat(values...)
	}
	return stepManyMySQL(columns, values, before)
}

// stepManyPostgres joins the rows with a list of values.
func stepManyPostgres(columns []string, n int) string {
	key := insertShape{"steps " + columns[1], n, len(columns)}
	if v, ok := insertTexts.Load(key); ok {
		return v.(string)
	}
	names := append(slices.Clone(columns), "guard_id", "guard_epoch", "guard_status")
	var b strings.Builder
	b.WriteString("UPDATE videos v SET epoch = v.epoch + 1")
	for _, c := range columns {
		b.WriteString(", " + c + " = x." + c)
	}
	b.WriteString(" FROM (VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(")
		for j, name := range names {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString("?")
			if i == 0 {
				t := columnTypes[name]
				if t == "" {
					t = "text"
				}
				b.WriteString("::" + t)
			}
		}
		b.WriteString(")")
	}
	b.WriteString(") AS x (" + strings.Join(names, ", ") + ") WHERE v.task_id = x.guard_id AND v.epoch = x.guard_epoch AND v.status = x.guard_status")
	insertTexts.Store(key, b.String())
	return b.String()
}

// stepManyMySQL picks each row's values by its id. A join with a list of values
// would be shorter, but goes through a temporary table, over which a MariaDB
// 10.11 has crashed. Columns that no step changes are left out: each costs the
// text of every id.
func stepManyMySQL(columns []string, values, before [][]any) (string, []any) {
	id, epoch, status := len(columns), len(columns)+1, len(columns)+2
	var b strings.Builder
	var args []any
	all := func(is func(i int) bool) bool {
		for i := range values {
			if !is(i) {
				return false
			}
		}
		return true
	}
	pick := func(column int) {
		if all(func(i int) bool { return values[i][column] == values[0][column] }) {
			b.WriteString("?")
			args = append(args, values[0][column])
			return
		}
		b.WriteString("CASE task_id")
		for _, v := range values {
			b.WriteString(" WHEN ? THEN ?")
			args = append(args, v[id], v[column])
		}
		b.WriteString(" END")
	}
	b.WriteString("UPDATE videos SET epoch = epoch + 1")
	// The guard reads the state before the step; the assignments are made from
	// left to right, and none reads what another has written.
	for column, name := range columns {
		if all(func(i int) bool { return before[i] != nil && values[i][column] == before[i][column] }) {
			continue
		}
		b.WriteString(", " + name + " = ")
		pick(column)
	}
	b.WriteString(" WHERE task_id IN (?" + strings.Repeat(", ?", len(values)-1) + ")")
	for _, v := range values {
		args = append(args, v[id])
	}
	b.WriteString(" AND epoch = ")
	pick(epoch)
	b.WriteString(" AND status = ")
	pick(status)
	return b.String(), args
}

// skipLocked makes a claiming SELECT pass by rows that another node is
// claiming. SQLite has one writer and needs none.
func (d Dialect) skipLocked() string {
	if d == SQLite {
		return ""
	}
	return " FOR UPDATE SKIP LOCKED"
}

// forUpdate makes a SELECT lock its rows until the transaction ends. SQLite has
// one writer and needs none.
func (d Dialect) forUpdate() string {
	if d == SQLite {
		return ""
	}
	return " FOR UPDATE"
}

// jitter is an integer expression from 0 to n-1.
func (d Dialect) jitter(n int) string {
	switch d {
	case SQLite:
		return fmt.Sprintf("(abs(random()) %% %d)", n)
	case Postgres:
		return fmt.Sprintf("CAST(floor(random() * %d) AS BIGINT)", n)
	}
	return fmt.Sprintf("FLOOR(RAND() * %d)", n)
}

// unixMillis asks the database for its clock.
func (d Dialect) unixMillis() string {
	switch d {
	case SQLite:
		return "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
	case Postgres:
		return "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
	}
	return "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
}

// pools opens the database: one pool for writes and one for reads. On SQLite
// the first is a single connection, whose transactions never wait for a lock
// of this process; on servers both are the same.
func (d Dialect) pools(ctx context.Context, dsn string, o Options) (write, read *sql.DB, err error) {
	switch d {
	case SQLite:
		return openSQLite(ctx, dsn)
	case Postgres:
		cfg, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, nil, errors.New("SQL_DSN is not a PostgreSQL address: postgres://user:password@host:5432/database")
		}
		if cfg.ConnectTimeout == 0 {
			cfg.ConnectTimeout = 5 * time.Second
		}
		// Durable whatever the server's default is; an operator who wants less
		// can say so in the DSN.
		if _, set := cfg.RuntimeParams["synchronous_commit"]; !set {
			cfg.RuntimeParams["synchronous_commit"] = "on"
		}
		cfg.RuntimeParams["default_transaction_isolation"] = "read committed"
		if _, set := cfg.RuntimeParams["idle_in_transaction_session_timeout"]; !set {
			cfg.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(idleTransaction.Milliseconds(), 10)
		}
		write = stdlib.OpenDB(*cfg)
	default:
		cfg, err := mysqlConfig(ctx, dsn, o.Log)
		if err != nil {
			return nil, nil, err
		}
		conn, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, nil, err
		}
		write = sql.OpenDB(conn)
	}
	write.SetMaxOpenConns(o.MaxOpenConns)
	write.SetMaxIdleConns(o.MaxIdleConns)
	write.SetConnMaxLifetime(o.ConnMaxLifetime)
	return write, write, nil
}

// idleTransaction is how long a transaction may stand still between two
// statements before the server ends it: a node that was paused in the middle of
// one holds rows for which the others wait. MySQL has no such limit.
const idleTransaction = 5 * time.Second

func openSQLite(ctx context.Context, dsn string) (write, read *sql.DB, err error) {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "file:"), "//")
	path, _, _ = strings.Cut(path, "?")
	if path == "" {
		return nil, nil, errors.New("SQL_DSN names no SQLite file: sqlite://data/one-api.db")
	}
	common := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "cache_size(-16000)"}}
	w := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"synchronous(FULL)"}, common["_pragma"]...)}
	r := url.Values{"_pragma": append([]string{"query_only(1)"}, common["_pragma"]...)}
	file := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()
	file = strings.ReplaceAll(file, "%2F", "/")
	if write, err = sql.Open("sqlite", file+"?"+w.Encode()); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	// Opening the writer first makes the file and its WAL mode.
	if err := write.PingContext(ctx); err != nil {
		_ = write.Close()
		return nil, nil, fmt.Errorf("open %s: %w", path, err)
	}
	if read, err = sql.Open("sqlite", file+"?"+r.Encode()); err != nil {
		_ = write.Close()
		return nil, nil, err
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	return write, read, nil
}

// driverLog takes the driver's own lines, which repeat errors that callers get
// anyway.
type driverLog struct{ *slog.Logger }

func (l driverLog) Print(v ...any) { l.Debug("mysql driver", "said", fmt.Sprint(v...)) }

var charsetPattern = regexp.MustCompile(`[?&]charset=([^&]*)`)

// mysqlConfig sets what correctness needs: matched instead of changed rows,
// READ COMMITTED, strict mode, UTC. It asks the server which of the two names
// for the isolation level it knows, and whether it can end idle transactions.
func mysqlConfig(ctx context.Context, dsn string, log *slog.Logger) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("SQL_DSN is not a MySQL address: user:password@tcp(host:3306)/database?charset=utf8mb4")
	}
	cfg.ParseTime, cfg.Loc = true, time.UTC
	cfg.ClientFoundRows = true
	// A server that has gone silent is away, not slow.
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = 5*time.Second, time.Minute, 30*time.Second
	if m := charsetPattern.FindStringSubmatch(dsn); m != nil && !strings.HasPrefix(strings.ToLower(m[1]), "utf8") {
		return nil, errors.New("SQL_DSN asks for a charset other than utf8mb4, which is not supported")
	}
	cfg.InterpolateParams = true // one round trip a statement; the charset is UTF-8
	cfg.MultiStatements = false
	cfg.MaxAllowedPacket = 0 // as the server says
	cfg.Logger = driverLog{log}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = "'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
	probe, err := mysql.NewConnector(cfg.Clone())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(probe)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(ctx, "SHOW VARIABLES WHERE Variable_name IN ('transaction_isolation', 'idle_transaction_timeout')")
	if err != nil {
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	defer func() { _ = rows.Close() }()
	isolation := "tx_isolation"
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		switch name {
		case "transaction_isolation":
			isolation = name
		case "idle_transaction_timeout":
			if _, set := cfg.Params[name]; !set {
				cfg.Params[name] = strconv.Itoa(int(idleTransaction.Seconds()))
			}
		}
	}
	cfg.Params[isolation] = "'READ-COMMITTED'"
	return cfg, rows.Err()
}

// isDuplicate reports a unique key that was violated.
func isDuplicate(err error) bool {
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &my):
		return my.Number == 1062
	case errors.As(err, &pg):
		return pg.Code == "23505"
	case errors.As(err, &lite):
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// isTransient reports a transaction that the database gave up for reasons of
// its own (deadlock, serialization, lock wait) and that may simply be repeated.
func isTransient(err error) bool {
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &my):
		return my.Number == 1213 || my.Number == 1205 || my.Number == 1020
	case errors.As(err, &pg):
		return pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03"
	case errors.As(err, &lite):
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY || lite.Code()&0xff == sqlite3.SQLITE_LOCKED
	}
	return false
}

// isStatementError reports that the database understood the statement and
// refused it, as opposed to being away.
func isStatementError(err error) bool {
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &my):
		// Refusals for the server's own state: shutting down, read-only, full.
		return my.Number != 1053 && my.Number != 1290 && my.Number != 1021 && my.Number != 1040 && my.Number != 1114
	case errors.As(err, &pg):
		class := pg.Code[:min(2, len(pg.Code))]
		return class != "57" && class != "53" && class != "58" && class != "08" && class != "25"
	case errors.As(err, &lite):
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
			return false
		}
		return true
	}
	return false
}
