// Command probe tells the test scripts what a server is good for, so that they
// need no database clients.
//
//	probe mysql DSN      its version, if databases may be created there
//	probe postgres DSN   the same
//	probe redis URL      its version
//	probe port           a free TCP port on 127.0.0.1
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("probe: ")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := run(ctx, os.Args[1:])
	if err != nil {
		cancel()
		log.Fatal(err)
	}
	fmt.Println(answer)
}

func run(ctx context.Context, args []string) (string, error) {
	switch {
	case len(args) == 1 && args[0] == "port":
		return freePort(ctx)
	case len(args) == 2 && args[0] == "mysql":
		if err := mysql.SetLogger(mysql.Logger(&mysql.NopLogger{})); err != nil {
			return "", err
		}
		return database(ctx, "mysql", args[1], "SELECT version()")
	case len(args) == 2 && args[0] == "postgres":
		return database(ctx, "pgx", args[1], "SHOW server_version")
	case len(args) == 2 && args[0] == "redis":
		return redis(ctx, args[1])
	}
	return "", errors.New("usage: probe mysql DSN | postgres DSN | redis URL | port")
}

// database makes a database, drops it again and returns the server's version.
func database(ctx context.Context, driver, dsn, ask string) (version string, err error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, ask).Scan(&version); err != nil {
		return "", err
	}
	name := fmt.Sprintf("one_api_probe_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	_, err = db.ExecContext(ctx, "DROP DATABASE "+name)
	return version, err
}

// redis asks for the server section of INFO and returns redis_version.
func redis(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if u.Scheme != "redis" || u.Port() == "" {
		return "", errors.New("want redis://[:password@]host:port[/database]")
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return "", err
	}
	if password, ok := u.User.Password(); ok {
		command := []string{"AUTH", password}
		if name := u.User.Username(); name != "" {
			command = []string{"AUTH", name, password}
		}
		if err := send(c, command...); err != nil {
			return "", err
		}
	}
	if err := send(c, "INFO", "server"); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if version, ok := strings.CutPrefix(line, "redis_version:"); ok {
			return version, nil
		}
		if strings.HasPrefix(line, "-") {
			return "", errors.New(line[1:])
		}
	}
	return "", errors.Join(errors.New("no redis_version in the answer"), lines.Err())
}

// send writes a command as an array of bulk strings.
func send(c net.Conn, words ...string) error {
	text := fmt.Sprintf("*%d\r\n", len(words))
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	_, err := c.Write([]byte(text))
	return err
}

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
