package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// server is the database of a campaign: a private server with durable
// settings, or a file for SQLite.
type server struct {
	kind  string
	dir   string
	disk  *disk
	port  string
	log   *os.File
	owner *user.User // runs PostgreSQL when we are root

	deaths atomic.Int64 // by itself, e.g. of a full disk
	mu     sync.Mutex
	cmd    *exec.Cmd
	gone   chan struct{}
	quiet  bool // ends by our hand
	closed bool
	done   sync.WaitGroup
}

// program finds an installed program.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", &missingError{names[0] + " is not installed"}
}

// postgresProgram finds the newest of PostgreSQL's programs, which Debian keeps
// out of the PATH.
func postgresProgram(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1], nil
	}
	return program(name)
}

// newServer makes an empty database and starts its server.
func newServer(ctx context.Context, kind, dir string, d *disk) (*server, error) {
	s := &server{kind: kind, dir: dir, disk: d}
	if kind == "sqlite" {
		return s, nil
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if _, s.port, err = net.SplitHostPort(addr); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(dir, kind+".log")); err != nil {
		return nil, err
	}
	if err := s.initialise(ctx); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	db, err := s.admin()
	if err == nil {
		_, err = db.ExecContext(ctx, "CREATE DATABASE oneapi")
		_ = db.Close()
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("make the database: %w", err)
	}
	return s, nil
}

func (s *server) data() string { return filepath.Join(s.disk.path, s.kind) }

func (s *server) initialise(ctx context.Context) error {
	var cmd *exec.Cmd
	switch s.kind {
	case "mysql":
		path, err := program("mariadb-install-db")
		if err == nil {
			cmd = exec.CommandContext(ctx, path, "--no-defaults", "--user=root", "--datadir="+s.data(), "--auth-root-authentication-method=normal", "--skip-test-db")
			break
		}
		if path, err = program("mysqld"); err != nil {
			return err
		}
		cmd = exec.CommandContext(ctx, path, "--no-defaults", "--user=root", "--datadir="+s.data(), "--initialize-insecure")
	case "postgres":
		path, err := postgresProgram("initdb")
		if err != nil {
			return err
		}
		if os.Getuid() == 0 { // it refuses to run as root
			if s.owner, err = user.Lookup("postgres"); err != nil {
				if s.owner, err = user.Lookup("nobody"); err != nil {
					return err
				}
			}
		}
		cmd = exec.CommandContext(ctx, path, "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	default:
		return fmt.Errorf("there is no database %q; use sqlite, mysql or postgres", s.kind)
	}
	if err := os.Mkdir(s.data(), 0o700); err != nil {
		return err
	}
	if err := s.as(cmd); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the data directory: %w, see %s", err, s.log.Name())
	}
	return nil
}

// as makes a command run as the server's owner.
func (s *server) as(cmd *exec.Cmd) error {
	cmd.Dir = s.data()
	if s.owner == nil {
		return nil
	}
	uid, err := strconv.Atoi(s.owner.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(s.owner.Gid)
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	for dir := s.disk.path; dir != "/" && dir != os.TempDir() && dir != "."; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return os.Chown(s.data(), uid, gid)
}

func (s *server) command() (*exec.Cmd, error) {
	var cmd *exec.Cmd
	if s.kind == "mysql" {
		path, err := program("mariadbd", "mysqld")
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(path, "--no-defaults", "--user=root", "--datadir="+s.data(), "--bind-address=127.0.0.1", "--port="+s.port,
			"--socket="+filepath.Join(s.dir, "mysql.sock"), "--pid-file="+filepath.Join(s.dir, "mysql.pid"),
			"--innodb-flush-log-at-trx-commit=1", "--skip-log-bin", "--innodb-buffer-pool-size=128M", "--max-connections=200")
	} else {
		path, err := postgresProgram("postgres")
		if err != nil {
			return nil, err
		}
		cmd = exec.Command(path, "-D", s.data(), "-h", "127.0.0.1", "-p", s.port, "-k", "", "-c", "fsync=on", "-c", "synchronous_commit=on",
			"-c", "max_wal_size=128MB", "-c", "max_connections=100")
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	return cmd, s.as(cmd)
}

// start starts the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	cmd, err := s.command()
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.New("closed")
	}
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		return err
	}
	gone := make(chan struct{})
	s.cmd, s.gone, s.quiet = cmd, gone, false
	s.mu.Unlock()
	s.done.Go(func() {
		_ = cmd.Wait()
		close(gone)
		s.mu.Lock()
		again := !s.quiet && !s.closed
		s.mu.Unlock()
		if again { // as an init system does
			s.deaths.Add(1)
			s.done.Go(func() { s.startAgain(context.WithoutCancel(ctx)) })
		}
	})
	db, err := s.admin()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return until(ctx, 60*time.Second, 20*time.Millisecond, s.kind+" to answer", func() bool {
		select {
		case <-gone:
			return true
		default:
			return db.PingContext(ctx) == nil
		}
	})
}

// startAgain starts the server until it stays: the disk may be full still, or
// children of the one that was killed may be around.
func (s *server) startAgain(ctx context.Context) {
	for range 300 {
		time.Sleep(200 * time.Millisecond)
		s.mu.Lock()
		closed, gone := s.closed, s.gone
		s.mu.Unlock()
		if closed {
			return
		}
		select {
		case <-gone:
		default:
			return // somebody else has started it
		}
		s.mu.Lock()
		s.quiet = true
		s.mu.Unlock()
		cmd, err := s.command()
		if err != nil || cmd.Start() != nil {
			continue
		}
		ended := make(chan struct{})
		s.mu.Lock()
		s.cmd, s.gone = cmd, ended
		s.mu.Unlock()
		s.done.Go(func() { _ = cmd.Wait(); close(ended) })
		db, err := s.admin()
		if err != nil {
			return
		}
		_ = until(ctx, 60*time.Second, 20*time.Millisecond, s.kind, func() bool {
			select {
			case <-ended:
				return true
			default:
				return db.PingContext(ctx) == nil
			}
		})
		_ = db.Close()
		select {
		case <-ended:
			continue
		default:
		}
		s.mu.Lock()
		s.quiet = false
		s.mu.Unlock()
		s.done.Go(func() { // it may die once more
			<-ended
			s.mu.Lock()
			again := !s.quiet && !s.closed && s.gone == ended
			s.mu.Unlock()
			if again {
				s.deaths.Add(1)
				s.startAgain(ctx)
			}
		})
		return
	}
}

// crash kills the server as a power cut does, and starts it again.
func (s *server) crash(ctx context.Context) {
	s.mu.Lock()
	cmd, gone := s.cmd, s.gone
	s.quiet = true
	s.mu.Unlock()
	_ = cmd.Process.Kill()
	<-gone
	s.startAgain(ctx)
}

// dsn is the gateway's address of the database.
func (s *server) dsn() string {
	switch s.kind {
	case "sqlite":
		return "sqlite://" + filepath.Join(s.disk.path, "one-api.db")
	case "mysql":
		return "root@tcp(127.0.0.1:" + s.port + ")/oneapi?charset=utf8mb4"
	}
	return "postgres://postgres@127.0.0.1:" + s.port + "/oneapi?sslmode=disable"
}

func (s *server) admin() (*sql.DB, error) {
	if s.kind == "mysql" {
		return openDatabase("root@tcp(127.0.0.1:" + s.port + ")/")
	}
	return sql.Open("pgx", "postgres://postgres@127.0.0.1:"+s.port+"/postgres?sslmode=disable")
}

// open is the auditor's own way into the database.
func (s *server) open() (*sql.DB, error) { return openDatabase(s.dsn()) }

// openDatabase opens a DSN of the gateway's.
func openDatabase(dsn string) (*sql.DB, error) {
	var db *sql.DB
	var err error
	switch {
	case strings.HasPrefix(dsn, "sqlite://"):
		db, err = sql.Open("sqlite", "file:"+strings.TrimPrefix(dsn, "sqlite://")+"?_pragma=busy_timeout(20000)&_txlock=immediate")
	case strings.HasPrefix(dsn, "postgres"):
		db, err = sql.Open("pgx", dsn)
	default:
		cfg, perr := mysql.ParseDSN(dsn)
		if perr != nil {
			return nil, perr
		}
		cfg.Logger = &mysql.NopLogger{} // it dies often here
		var conn driver.Connector
		if conn, err = mysql.NewConnector(cfg); err == nil {
			db = sql.OpenDB(conn)
		}
	}
	if err == nil {
		db.SetMaxOpenConns(2)
	}
	return db, err
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	cmd := s.cmd
	s.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Signal(map[string]syscall.Signal{"mysql": syscall.SIGTERM, "postgres": syscall.SIGINT}[s.kind])
		kill := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		s.done.Wait()
		kill.Stop()
	}
	if s.log != nil {
		_ = s.log.Close()
	}
}

// disk is where a database's files lie: a small file system of its own where we
// may mount one, otherwise a directory.
type disk struct {
	path  string
	small bool
}

// newDisk mounts a file system of so many megabytes.
func newDisk(ctx context.Context, path string, megabytes int) (*disk, error) {
	if err := os.Mkdir(path, 0o711); err != nil {
		return nil, err
	}
	d := &disk{path: path}
	if os.Getuid() == 0 {
		err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0711", megabytes), "one-api-chaos", path).Run()
		d.small = err == nil
	}
	return d, nil
}

func (d *disk) ballast() string { return filepath.Join(d.path, "ballast") }

// fill leaves no byte free.
func (d *disk) fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 1<<20)
	for size := len(block); size >= 512; {
		if _, err := f.Write(block[:size]); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		size /= 2
	}
	return nil
}

// free takes the ballast away.
func (d *disk) free() error {
	if err := os.Remove(d.ballast()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d *disk) close() {
	if d.small {
		_ = exec.Command("umount", "-l", d.path).Run()
	}
}

// redis is a private Redis. It keeps nothing.
type redis struct {
	path string
	port string
	dir  string
	log  *os.File
	mu   sync.Mutex
	cmd  *exec.Cmd
}

func newRedis(dir string) (*redis, error) {
	path, err := program("redis-server", "valkey-server")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	r := &redis{path: path, dir: dir}
	if _, r.port, err = net.SplitHostPort(addr); err != nil {
		return nil, err
	}
	if r.log, err = os.Create(filepath.Join(dir, "redis.log")); err != nil {
		return nil, err
	}
	return r, r.start()
}

func (r *redis) url() string { return "redis://127.0.0.1:" + r.port + "/0" }

func (r *redis) start() error {
	cmd := exec.Command(r.path, "--bind", "127.0.0.1", "--port", r.port, "--dir", r.dir, "--save", "", "--appendonly", "no", "--daemonize", "no")
	cmd.Stdout, cmd.Stderr = r.log, r.log
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = cmd
	return cmd.Start()
}

// crash kills Redis and starts it again, empty, after a while.
func (r *redis) crash(away time.Duration) error {
	r.close()
	time.Sleep(away)
	return r.start()
}

// flush empties Redis.
func (r *redis) flush() error {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+r.port, 2*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		return err
	}
	said, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && said != "+OK\r\n" {
		err = fmt.Errorf("redis answered %q", said)
	}
	return err
}

func (r *redis) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}
