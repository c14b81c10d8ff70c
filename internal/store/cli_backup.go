package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"one-api/internal/fault"
)

// sqlitePath is the file that a DSN of SQLite names.
func sqlitePath(dsn string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "file:"), "//")
	path, _, _ = strings.Cut(path, "?")
	return path
}

func sqliteFile(path string, pragmas ...string) string {
	file := strings.ReplaceAll((&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String(), "%2F", "/")
	return file + "?" + url.Values{"_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}.Encode()
}

// Backup copies a SQLite database to a file, which it replaces, and returns its
// size. The copy is the state of one moment, however much is written meanwhile;
// it is checked, and on disk when Backup returns. The database is not migrated
// first, so that an old one can be kept before an upgrade. progress is told the
// bytes written and about how many there will be.
func Backup(ctx context.Context, dsn, to string, progress func(written, total int64)) (int64, error) {
	from := sqlitePath(dsn)
	if _, err := os.Stat(from); err != nil {
		return 0, fmt.Errorf("there is no database to copy: %w", err)
	}
	if same(from, to) {
		return 0, errors.New("the copy must not be the database itself")
	}
	db, err := sql.Open("sqlite", sqliteFile(from)) // query_only would forbid the copy too
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	var pages, free, size int64
	for pragma, into := range map[string]*int64{"page_count": &pages, "freelist_count": &free, "page_size": &size} {
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(into); err != nil {
			return 0, fmt.Errorf("read %s: %w", from, err)
		}
	}
	// Made by us, empty and ours alone: SQLite takes an empty file, and nobody
	// else ever reads the half of a copy.
	part, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*.part") // mode 0600
	if err != nil {
		return 0, err
	}
	name := part.Name()
	defer func() { _ = part.Close(); _ = os.Remove(name) }()
	stop := watchSize(name, (pages-free)*size, progress)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", name)
	stop()
	if err != nil {
		return 0, fmt.Errorf("copy %s: %w", from, err)
	}
	if err := soundCopy(ctx, name); err != nil {
		return 0, err
	}
	if err := part.Sync(); err != nil {
		return 0, err
	}
	info, err := part.Stat()
	if err != nil {
		return 0, err
	}
	if err := os.Rename(name, to); err != nil {
		return 0, err
	}
	return info.Size(), syncDir(filepath.Dir(to))
}

// same reports whether two paths lead to one file.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// watchSize tells how a file grows until the returned function is called.
func watchSize(name string, total int64, progress func(written, total int64)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if info, err := os.Stat(name); err == nil && progress != nil {
					progress(info.Size(), total)
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

// soundCopy asks SQLite whether a copy is whole.
func soundCopy(ctx context.Context, name string) error {
	db, err := sql.Open("sqlite", sqliteFile(name, "query_only(1)"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("the copy is damaged: %s", verdict)
	}
	return nil
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, fs.ErrInvalid) {
		err = nil // a file system that cannot
	}
	return errors.Join(err, d.Close())
}

// Restore puts a copy made by Backup in the place of a SQLite database and turns
// recovery on in it: the gateway sends nothing until it has found out what
// happened since. What was there is kept beside it under the returned name, ""
// when there was nothing. Conflict means that somebody uses the database.
func Restore(ctx context.Context, o Options, from string) (kept string, err error) {
	to := sqlitePath(o.DSN)
	if same(from, to) {
		return "", errors.New("the copy must not be the database itself")
	}
	if err := soundCopy(ctx, from); err != nil {
		return "", err
	}
	free, err := alone(ctx, to)
	if err != nil {
		return "", err
	}
	defer free()
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return "", err
	}
	part := to + ".restoring"
	for _, old := range []string{part, part + "-wal", part + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	defer func() { _ = os.Remove(part) }()
	if _, err := Backup(ctx, "sqlite://"+from, part, nil); err != nil {
		return "", err
	}
	// Before it is in place: from its first moment on there nothing is sent.
	at := o
	at.DSN = "sqlite://" + part
	s, err := Open(ctx, at)
	if err != nil {
		return "", err
	}
	err = s.EnterRecovery(ctx, CLI, "restored from "+filepath.Base(from))
	s.Close()
	if err != nil && !fault.Is(err, fault.Conflict) {
		return "", err
	}
	// The last connection has moved everything into the file and removed these.
	for _, rest := range []string{part + "-wal", part + "-shm"} {
		if _, err := os.Stat(rest); err == nil {
			return "", fmt.Errorf("%s is left behind: the copy is not whole", rest)
		}
	}
	if _, err := os.Stat(to); err == nil {
		kept = to + ".replaced-" + time.Now().UTC().Format("20060102-150405")
		for _, suffix := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(to+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	if err := os.Rename(part, to); err != nil {
		return kept, err
	}
	return kept, syncDir(filepath.Dir(to))
}

// alone makes sure that nobody has a SQLite database open until the returned
// function is called. A file that is no sound database is nobody's.
func alone(ctx context.Context, path string) (free func(), err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	file := strings.Replace(sqliteFile(path, "locking_mode(EXCLUSIVE)"), "busy_timeout%2810000%29", "busy_timeout%28500%29", 1)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	free = func() { _ = db.Close() }
	// Leaving WAL mode takes a lock that every open connection denies.
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err == nil {
		_, err = db.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if isTransient(err) || err == nil && mode == "wal" {
		free()
		return nil, fault.New(fault.Conflict, "Somebody has %s open. Stop the gateway first.", path).Named("database_in_use")
	}
	return free, nil
}
