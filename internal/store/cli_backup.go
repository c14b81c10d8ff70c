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
