package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"

	"one-api/internal/config"
	"one-api/internal/fault"
	"one-api/internal/store"
)

type backupCmd struct {
	database
	File string `arg:"" help:"File to write."`
	destroying
}

func (c *backupCmd) Help() string {
	return "The copy is one moment's state, checked and on disk when the command ends; the gateway goes on meanwhile. To go back: stop the gateway, one-api restore --from FILE, start. MySQL, MariaDB and PostgreSQL have tools of their own; the command then says which."
}

func (c *backupCmd) Run(ctx context.Context, t *terminal) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	if store.DialectOf(s.DSN) != store.SQLite {
		return fault.New(fault.Unprocessable, "This database is not SQLite; back it up with: %s", dumpCommand(s.DSN))
	}
	if _, err := os.Stat(c.File); err == nil {
		if err := t.confirm(c.destroying, "%s exists. Replace it?", c.File); err != nil {
			return err
		}
	}
	say, done := t.progress("copying")
	n, err := store.Backup(ctx, s.DSN, c.File, func(written, total int64) { say("%d of about %d MB", written>>20, total>>20) })
	done()
	if err != nil {
		return err
	}
	if err := t.print("%s holds the database, %.1f MB\n", c.File, float64(n)/(1<<20)); err != nil {
		return err
	}
	t.note("Keep the encryption key with it, in another place: %s. Without it the channels' keys cannot be read.", whereKey(s))
	return nil
}

// whereKey is where the master key is.
func whereKey(s config.Settings) string {
	if s.EncryptionKey != "" {
		return "the value of ENCRYPTION_KEY"
	}
	return "the file " + filepath.Join(s.DataDir, "encryption.key")
}

// dumpCommand is how a database that is no file is backed up, without its
// password.
func dumpCommand(dsn string) string {
	if store.DialectOf(dsn) == store.Postgres {
		address := "ADDRESS"
		if u, err := url.Parse(dsn); err == nil {
			if u.User != nil {
				u.User = url.User(u.User.Username())
			}
			u.RawQuery = ""
			address = u.String()
		}
		return fmt.Sprintf("pg_dump --format=custom --file=one-api.dump %s", shellQuote(address))
	}
	words := []string{"mysqldump", "--single-transaction"}
	name := "oneapi"
	if cfg, err := mysql.ParseDSN(dsn); err == nil {
		name = cfg.DBName
		if host, port, err := net.SplitHostPort(cfg.Addr); err == nil && cfg.Net == "tcp" {
			words = append(words, "-h", shellQuote(host), "-P", port)
		} else if cfg.Net == "unix" {
			words = append(words, "-S", shellQuote(cfg.Addr))
		}
		words = append(words, "-u", shellQuote(cfg.User))
	}
	return strings.Join(append(words, "-p", shellQuote(name), "> one-api.sql"), " ")
}

// shellQuote quotes a word for a shell when it needs that.
func shellQuote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
