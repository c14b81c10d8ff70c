// Package config is one struct of settings from flags, environment and .env,
// checked at start. A wrong value stops the start with one line that says what
// is right.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-sql-driver/mysql"
	"github.com/joho/godotenv"
	"github.com/redis/go-redis/v9"

	"one-api/internal/secret"
)

// Config is how a gateway runs. The tags are those of package cli: each field is a flag and
// an environment variable. Flags win over the environment, the environment over
// .env, .env over the default.
type Config struct {
	Host          string `env:"HOST" default:"" help:"Address to listen on; empty: all." group:"Server"`
	Port          string `env:"PORT" default:"3000" help:"Port to listen on." group:"Server"`
	ServerAddress string `env:"SERVER_ADDRESS" default:"" help:"Public address of this gateway, for upstream callbacks: https://gateway.example.com. Empty: upstreams are polled only." group:"Server"`
	DataDir       string `env:"DATA_DIR" default:"data" help:"Directory of the SQLite database and generated keys." group:"Server"`

	SQLDSN             string `name:"sql-dsn" env:"SQL_DSN" default:"" help:"Database: empty for SQLite in the data directory, user:password@tcp(host:3306)/oneapi for MySQL or MariaDB, postgres://user:password@host/oneapi for PostgreSQL." group:"Database"`
	SQLMaxOpenConns    string `name:"sql-max-open-conns" env:"SQL_MAX_OPEN_CONNS" default:"100" help:"Most connections to the database." group:"Database"`
	SQLMaxIdleConns    string `name:"sql-max-idle-conns" env:"SQL_MAX_IDLE_CONNS" default:"10" help:"Most idle connections kept." group:"Database"`
	SQLConnMaxLifetime string `name:"sql-conn-max-lifetime" env:"SQL_CONN_MAX_LIFETIME" default:"1h" help:"Longest life of a connection." group:"Database"`
	RedisConnString    string `env:"REDIS_CONN_STRING" default:"" help:"Redis, optional, makes several nodes faster: redis://localhost:6379/0." group:"Database"`

	MetricsAddr string `env:"METRICS_ADDR" default:"" help:"Address for /metrics, on a listener of its own: 127.0.0.1:9090. Empty: none." group:"Server"`

	LogLevel string `env:"LOG_LEVEL" default:"info" help:"debug, info, warn or error." group:"Log"`
	LogDir   string `env:"LOG_DIR" default:"logs" help:"Directory of oneapi.log; - writes no file." group:"Log"`

	SessionSecret     secret.Text `env:"SESSION_SECRET" default:"" help:"Reserved: sessions live in the database." group:"Security"`
	EncryptionKey     secret.Text `env:"ENCRYPTION_KEY" default:"" help:"Master key that seals provider keys; the same on every node. Empty: generated into the data directory." group:"Security"`
	WebhookAllowCIDRs string      `name:"webhook-allow-cidrs" env:"WEBHOOK_ALLOW_CIDRS" default:"" help:"Private networks that callers' webhooks may reach: 10.1.0.0/16,127.0.0.1/32." group:"Security"`
	TrustedProxies    string      `env:"TRUSTED_PROXIES" default:"" help:"Proxies whose X-Forwarded-For counts: 127.0.0.1/32." group:"Security"`

	OIDCIssuer       string      `name:"oidc-issuer" env:"OIDC_ISSUER" default:"" help:"OpenID Connect provider to sign in with: https://login.example.com. Empty: none." group:"Sign-in"`
	OIDCClientID     string      `name:"oidc-client-id" env:"OIDC_CLIENT_ID" default:"" help:"This gateway's client id at the provider; its redirect address there is SERVER_ADDRESS/api/session/oidc/callback." group:"Sign-in"`
	OIDCClientSecret secret.Text `name:"oidc-client-secret" env:"OIDC_CLIENT_SECRET" default:"" help:"This gateway's client secret at the provider." group:"Sign-in"`
	OIDCName         string      `name:"oidc-name" env:"OIDC_NAME" default:"" help:"Name of the provider on the button; default: its host." group:"Sign-in"`

	InitialRootPassword secret.Text `env:"INITIAL_ROOT_PASSWORD" default:"" help:"Makes the first administrator, root, at the first start." group:"First start"`
	InitialRootToken    secret.Text `env:"INITIAL_ROOT_TOKEN" default:"" help:"Makes the first administrator's token at the first start: sk-…" group:"First start"`

	MaxBodyMB     string `name:"max-body-mb" env:"MAX_BODY_MB" default:"32" help:"Largest request in MB; larger pictures go by URL." group:"Limits"`
	CreateTimeout string `env:"CREATE_TIMEOUT" default:"30s" help:"Longest wait for an upstream to accept a task." group:"Limits"`
	QueueDeadline string `env:"QUEUE_DEADLINE" default:"15m" help:"Longest wait of a task for a free channel." group:"Limits"`
	TaskDeadline  string `env:"TASK_DEADLINE" default:"24h" help:"A task without an outcome expires after this." group:"Limits"`
}

// Settings are the parsed values.
type Settings struct {
	Addr                                       string
	ServerAddress                              string
	DataDir                                    string
	DSN                                        string
	Redis                                      secret.Text // "": none
	MetricsAddr                                string      // "": none
	MaxOpenConns, MaxIdleConns                 int
	ConnMaxLifetime                            time.Duration
	LogLevel, LogDir                           string
	EncryptionKey                              secret.Text
	WebhookAllow, TrustedProxies               []netip.Prefix
	RootPassword, RootToken                    secret.Text
	OIDCIssuer, OIDCClientID, OIDCName         string // an empty issuer: no such sign-in
	OIDCClientSecret                           secret.Text
	MaxBody                                    int64
	CreateTimeout, QueueDeadline, TaskDeadline time.Duration
}

// LoadEnvFile puts the values of a .env file into the environment where it
// does not have them already, and returns the names it set. A missing file is
// no error.
func LoadEnvFile(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as some editors begin a file
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		// The parser's own message quotes the file, secrets and all.
		return nil, fmt.Errorf("%s is wrong at line %d or below: lines must be NAME=value, NAME=\"value\" or # a comment", path, wrongLine(text))
	}
	var set []string
	for name, value := range values {
		if _, ok := os.LookupEnv(name); ok {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		set = append(set, name)
	}
	slices.Sort(set)
	return set, nil
}

// wrongLine is the first line of a .env text at which it stops being right.
func wrongLine(text []byte) int {
	right, n := 0, 0
	var head []byte
	for line := range bytes.Lines(text) {
		n++
		head = append(head, line...)
		if _, err := godotenv.UnmarshalBytes(head); err == nil {
			right = n // before it may lie lines of a value that spans several
		}
	}
	return right + 1
}

// wrong is the one line about a wrong value.
func wrong(name, value, must string) error {
	return fmt.Errorf("%s is %q: it must be %s", name, value, must)
}

// Parse checks every value and returns the first that is wrong.
func (c *Config) Parse() (Settings, error) {
	s := Settings{
		DataDir: c.DataDir, LogDir: c.LogDir, EncryptionKey: c.EncryptionKey,
		RootPassword: c.InitialRootPassword, RootToken: c.InitialRootToken, ServerAddress: strings.TrimRight(c.ServerAddress, "/"),
	}
	for _, check := range []func(*Settings) error{c.parseServer, c.parseDatabase, c.parseLog, c.parseSecurity, c.parseSignIn, c.parseLimits} {
		if err := check(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (c *Config) parseServer(s *Settings) error {
	port, err := strconv.Atoi(c.Port)
	if err != nil || port < 0 || port > 65535 {
		return wrong("PORT", c.Port, "a number from 0 to 65535 (usually 3000)")
	}
	s.Addr = c.Host + ":" + c.Port
	if strings.Contains(c.Host, ":") && !strings.HasPrefix(c.Host, "[") {
		s.Addr = "[" + c.Host + "]:" + c.Port
	}
	if c.DataDir == "" {
		return wrong("DATA_DIR", "", "a directory (usually data)")
	}
	if c.MetricsAddr != "" {
		host, port, err := net.SplitHostPort(c.MetricsAddr)
		if n, numErr := strconv.Atoi(port); err != nil || numErr != nil || n < 0 || n > 65535 || strings.ContainsAny(host, " /") {
			return wrong("METRICS_ADDR", c.MetricsAddr, "an address with a port, like 127.0.0.1:9090")
		}
		s.MetricsAddr = c.MetricsAddr
	}
	if c.ServerAddress == "" {
		return nil
	}
	u, err := url.Parse(c.ServerAddress)
	switch {
	case err == nil && u.Scheme == "" || err != nil || u.Host == "" && !strings.Contains(c.ServerAddress, "://"):
		must := "an address with its scheme, like https://gateway.example.com"
		if host := strings.Trim(c.ServerAddress, "/"); host != "" && !strings.ContainsFunc(host, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
			must = "an address with its scheme; did you mean https://" + host + "?"
		}
		return wrong("SERVER_ADDRESS", c.ServerAddress, must)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
		return wrong("SERVER_ADDRESS", c.ServerAddress, "like https://gateway.example.com, without user, query or fragment")
	}
	return nil
}

var (
	// scheme begins an address; a MySQL DSN has none, though "://" may stand in
	// its password.
	scheme            = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	passwordParameter = regexp.MustCompile(`([?&](?:ssl)?password=)[^&]*`)
)

func (c *Config) parseDatabase(s *Settings) error {
	var err error
	if s.MaxOpenConns, err = whole("SQL_MAX_OPEN_CONNS", c.SQLMaxOpenConns, 1, 10000); err != nil {
		return err
	}
	if s.MaxIdleConns, err = whole("SQL_MAX_IDLE_CONNS", c.SQLMaxIdleConns, 0, 10000); err != nil {
		return err
	}
	if s.ConnMaxLifetime, err = duration("SQL_CONN_MAX_LIFETIME", c.SQLConnMaxLifetime, time.Second, 24*time.Hour*365); err != nil {
		return err
	}
	switch d := c.SQLDSN; {
	case d == "":
		s.DSN = "sqlite://" + filepath.Join(c.DataDir, "one-api.db")
	case strings.HasPrefix(d, "postgres://"), strings.HasPrefix(d, "postgresql://"):
		if u, err := url.Parse(d); err != nil || u.Host == "" {
			return wrong("SQL_DSN", "(hidden)", "like postgres://user:password@host:5432/oneapi")
		}
		s.DSN = d
	case strings.HasPrefix(d, "sqlite:"), strings.HasPrefix(d, "file:"):
		s.DSN = d
	case scheme.MatchString(d):
		return wrong("SQL_DSN", scheme.FindString(d)+"…", "MySQL's user:password@tcp(host:3306)/oneapi, postgres://…, or empty for SQLite")
	default:
		if cfg, err := mysql.ParseDSN(d); err != nil || cfg.DBName == "" {
			return wrong("SQL_DSN", "(hidden)", "like user:password@tcp(host:3306)/oneapi?charset=utf8mb4 (or postgres://…, or empty for SQLite)")
		}
		s.DSN = d
	}
	if _, err := redis.ParseURL(c.RedisConnString); c.RedisConnString != "" && (err != nil || !strings.HasPrefix(c.RedisConnString, "redis")) {
		return wrong("REDIS_CONN_STRING", "(hidden)", "like redis://localhost:6379/0")
	}
	s.Redis = secret.Text(c.RedisConnString)
	return nil
}

var levels = []string{"debug", "info", "warn", "error"}

func (c *Config) parseLog(s *Settings) error {
	s.LogLevel = strings.ToLower(c.LogLevel)
	if s.LogLevel == "warning" {
		s.LogLevel = "warn"
	}
	if !slices.Contains(levels, s.LogLevel) {
		return wrong("LOG_LEVEL", c.LogLevel, "debug, info, warn or error"+didYouMean(s.LogLevel, levels))
	}
	if c.LogDir == "-" {
		s.LogDir = ""
	}
	return nil
}

func (c *Config) parseSecurity(s *Settings) error {
	var err error
	if s.WebhookAllow, err = prefixes("WEBHOOK_ALLOW_CIDRS", c.WebhookAllowCIDRs); err != nil {
		return err
	}
	if s.TrustedProxies, err = prefixes("TRUSTED_PROXIES", c.TrustedProxies); err != nil {
		return err
	}
	if c.EncryptionKey != "" {
		if _, err := secret.NewKeyring(c.EncryptionKey.Reveal()); err != nil {
			return wrong("ENCRYPTION_KEY", "(hidden)", "32 bytes in base64 or hex, e.g. from: openssl rand -base64 32")
		}
	}
	if t := c.InitialRootToken.Reveal(); t != "" && (!strings.HasPrefix(t, "sk-") || len(t) < 20) {
		return wrong("INITIAL_ROOT_TOKEN", "(hidden)", "sk- and at least 17 more characters")
	}
	if p := c.InitialRootPassword.Reveal(); p != "" && len(p) < 10 {
		return wrong("INITIAL_ROOT_PASSWORD", "(hidden)", "at least 10 characters")
	}
	return nil
}

// parseSignIn checks the OpenID Connect provider. Its answers decide who signs
// in, so they must not come over plain http from elsewhere.
func (c *Config) parseSignIn(s *Settings) error {
	if c.OIDCIssuer == "" {
		if c.OIDCClientID != "" {
			return wrong("OIDC_CLIENT_ID", c.OIDCClientID, "set together with OIDC_ISSUER, the provider's address")
		}
		return nil
	}
	u, err := url.Parse(c.OIDCIssuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return wrong("OIDC_ISSUER", addressWithoutPassword(c.OIDCIssuer), "an address like https://login.example.com, without user, query or fragment")
	}
	host := u.Hostname()
	if a, err := netip.ParseAddr(host); u.Scheme != "https" && (u.Scheme != "http" || host != "localhost" && (err != nil || !a.IsLoopback())) {
		return wrong("OIDC_ISSUER", c.OIDCIssuer, "an https address (http only on this machine)")
	}
	if c.OIDCClientID == "" {
		return wrong("OIDC_ISSUER", c.OIDCIssuer, "set together with OIDC_CLIENT_ID, this gateway's client id there")
	}
	if c.ServerAddress == "" && u.Scheme == "https" {
		return wrong("OIDC_ISSUER", c.OIDCIssuer, "set together with SERVER_ADDRESS, where the provider sends people back")
	}
	s.OIDCIssuer, s.OIDCClientID, s.OIDCClientSecret, s.OIDCName = c.OIDCIssuer, c.OIDCClientID, c.OIDCClientSecret, c.OIDCName
	if s.OIDCName == "" {
		s.OIDCName = host
	}
	if len([]rune(s.OIDCName)) > 64 || strings.ContainsFunc(s.OIDCName, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return wrong("OIDC_NAME", c.OIDCName, "at most 64 printable characters")
	}
	return nil
}

func (c *Config) parseLimits(s *Settings) error {
	mb, err := whole("MAX_BODY_MB", c.MaxBodyMB, 1, 1024)
	if err != nil {
		return err
	}
	s.MaxBody = int64(mb) << 20
	for _, d := range []struct {
		name, value string
		least, most time.Duration
		into        *time.Duration
	}{
		{"CREATE_TIMEOUT", c.CreateTimeout, time.Second, 10 * time.Minute, &s.CreateTimeout},
		{"QUEUE_DEADLINE", c.QueueDeadline, time.Second, 24 * time.Hour, &s.QueueDeadline},
		{"TASK_DEADLINE", c.TaskDeadline, time.Minute, 30 * 24 * time.Hour, &s.TaskDeadline},
	} {
		if *d.into, err = duration(d.name, d.value, d.least, d.most); err != nil {
			return err
		}
	}
	return nil
}

func whole(name, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < least || n > most {
		return 0, wrong(name, value, fmt.Sprintf("a whole number from %d to %d", least, most))
	}
	return n, nil
}

func duration(name, value string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(value))
	if n, numErr := strconv.Atoi(strings.TrimSpace(value)); err != nil && numErr == nil {
		return 0, wrong(name, value, fmt.Sprintf("a time with its unit; did you mean %ds?", n))
	}
	if err != nil || d < least || d > most {
		return 0, wrong(name, value, fmt.Sprintf("a time like 30s, 15m or 24h, from %s to %s", least, most))
	}
	return d, nil
}

func prefixes(name, value string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		p, err := netip.ParsePrefix(part)
		if a, addrErr := netip.ParseAddr(part); err != nil && addrErr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, wrong(name, part, "addresses or networks like 10.1.0.0/16, separated by commas")
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// didYouMean names the nearest right word when it is near enough.
func didYouMean(word string, right []string) string {
	best, at := "", 3
	for _, r := range right {
		if d := distance(word, r); d < at {
			best, at = r, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the number of edits (Levenshtein) between two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// names are the variables that the gateway reads.
var names = []string{
	"HOST", "PORT", "SERVER_ADDRESS", "DATA_DIR", "SQL_DSN", "SQL_MAX_OPEN_CONNS", "SQL_MAX_IDLE_CONNS", "SQL_CONN_MAX_LIFETIME",
	"REDIS_CONN_STRING", "METRICS_ADDR", "LOG_LEVEL", "LOG_DIR", "SESSION_SECRET", "ENCRYPTION_KEY", "WEBHOOK_ALLOW_CIDRS", "TRUSTED_PROXIES",
	"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_NAME", "INITIAL_ROOT_PASSWORD", "INITIAL_ROOT_TOKEN", "MAX_BODY_MB", "CREATE_TIMEOUT", "QUEUE_DEADLINE", "TASK_DEADLINE",
}

// Misspelt names variables in .env that look like one of ours and are not, as
// "SERVER_ADRESS (did you mean SERVER_ADDRESS?)".
func Misspelt(given []string) []string {
	var out []string
	for _, g := range given {
		if slices.Contains(names, g) || len(g) < 5 {
			continue
		}
		if hint := didYouMean(g, names); hint != "" {
			out = append(out, g+" ("+strings.TrimPrefix(hint, "; ")+")")
		}
	}
	return out
}

// keyFile is where a generated master key is kept.
const keyFile = "encryption.key"

// MasterKey is the configured key, or the one in the data directory, which is
// made at the first start.
func (s *Settings) MasterKey() (*secret.Keyring, error) {
	if s.EncryptionKey != "" {
		return secret.NewKeyring(s.EncryptionKey.Reveal())
	}
	if err := os.MkdirAll(s.DataDir, 0o750); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	path := filepath.Join(s.DataDir, keyFile)
	// O_EXCL: of two processes that start at once, one makes the key.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(secret.NewMasterKey() + "\n")
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := secret.NewKeyring(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return k, nil
}

// addressWithoutPassword masks what stands between the first colon after the
// scheme and the last @, and passwords given as parameters.
func addressWithoutPassword(dsn string) string {
	if start, at := len(scheme.FindString(dsn)), strings.LastIndex(dsn, "@"); at > start {
		if colon := strings.Index(dsn[start:at], ":"); colon >= 0 {
			dsn = dsn[:start+colon+1] + "[redacted]" + dsn[at:]
		}
	}
	return passwordParameter.ReplaceAllString(dsn, "${1}[redacted]")
}
