package store

import (
	"context"
	"path/filepath"
)

// About is what runs below the gateway.
type About struct {
	Database Dialect
	Version  string // of the database server or library, as it says it
	// Of SQLite only: the size of the database and what is free beside it, in
	// bytes; 0: not known.
	Size, Free int64
}

// About asks the database what it is.
func (s *Store) About(ctx context.Context) (About, error) {
	out := About{Database: s.dialect}
	query := map[Dialect]string{SQLite: "SELECT sqlite_version()", MySQL: "SELECT VERSION()", Postgres: "SHOW server_version"}[s.dialect]
	if err := s.rdb.QueryRowContext(ctx, query).Scan(&out.Version); err != nil {
		return out, failure(err)
	}
	if s.dialect != SQLite {
		return out, nil
	}
	var n int
	var name, file string
	if err := s.rdb.QueryRowContext(ctx, "PRAGMA database_list").Scan(&n, &name, &file); err != nil {
		return out, failure(err)
	}
	var count, size int64
	if err := s.rdb.QueryRowContext(ctx, "PRAGMA page_count").Scan(&count); err != nil {
		return out, failure(err)
	}
	if err := s.rdb.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return out, failure(err)
	}
	out.Size = count * size
	if file != "" {
		out.Free = freeBytes(filepath.Dir(file))
	}
	return out, nil
}
