package config_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"one-api/internal/cli"
	"one-api/internal/config"
	"one-api/internal/secret"
)

// parse reads flags as the command line does, with an environment of its own.
func parse(t *testing.T, env map[string]string, args ...string) (config.Config, config.Settings, error) {
	t.Helper()
	for _, name := range os.Environ() {
		name, _, _ = strings.Cut(name, "=")
		if slices.ContainsFunc((&config.Config{}).InForce(nil), func(v config.Value) bool { return v.Name == name }) {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	for k, v := range env {
		t.Setenv(k, v)
	}
	var c config.Config
	p, err := cli.New("one-api", "", &c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(args, io.Discard); err != nil {
		return c, config.Settings{}, err
	}
	s, err := c.Parse()
	return c, s, err
}

func TestDefaultsRun(t *testing.T) {
	_, s, err := parse(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr != ":3000" || s.DSN != "sqlite://data/one-api.db" || s.MaxOpenConns != 100 || s.MaxIdleConns != 10 ||
		s.ConnMaxLifetime.Hours() != 1 || s.LogLevel != "info" || s.MaxBody != 32<<20 {
		t.Errorf("settings %+v", s)
	}
}

func TestTheGuidesEnvironmentRuns(t *testing.T) {
	_, s, err := parse(t, map[string]string{
		"SERVER_ADDRESS":    "https://your-domain.com",
		"SQL_DSN":           "root:password@tcp(localhost:3306)/oneapi?charset=utf8mb4&parseTime=True&loc=Local",
		"REDIS_CONN_STRING": "redis://localhost:6379", "LOG_LEVEL": "info",
	})
	if err != nil || s.ServerAddress != "https://your-domain.com" || !strings.HasPrefix(s.DSN, "root:") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAWrongValueIsNamedWithTheRightOne(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"LOG_LEVEL", "inof", "did you mean info?"},
		{"PORT", "http", "a number from 0 to 65535"},
		{"PORT", "70000", "a number from 0 to 65535"},
		{"SERVER_ADDRESS", "gw.example.com", "did you mean https://gw.example.com?"},
		{"SERVER_ADDRESS", "ftp://gw.example.com", "like https://gateway.example.com"},
		{"SQL_DSN", "mysql://u:hunter2@h/db", "user:password@tcp(host:3306)/oneapi"},
		{"SQL_DSN", "u:hunter2@h/db", "user:password@tcp(host:3306)/oneapi"},
		{"SQL_CONN_MAX_LIFETIME", "60", "did you mean 60s?"},
		{"SQL_MAX_OPEN_CONNS", "many", "a whole number"},
		{"MAX_BODY_MB", "0", "a whole number from 1"},
		{"TRUSTED_PROXIES", "nginx", "10.1.0.0/16"},
		{"ENCRYPTION_KEY", "hunter2", "32 bytes in base64"},
		{"INITIAL_ROOT_PASSWORD", "hunter2", "at least 10 characters"},
		{"INITIAL_ROOT_TOKEN", "hunter2", "sk-"},
		{"REDIS_CONN_STRING", "localhost:6379", "redis://"},
		{"TASK_DEADLINE", "forever", "a time like"},
		{"OIDC_ISSUER", "login.example.com", "like https://login.example.com"},
		{"OIDC_ISSUER", "http://login.example.com", "an https address"},
		{"OIDC_ISSUER", "https://u:hunter2@login.example.com", "without user"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			_, _, err := parse(t, map[string]string{c.name: c.value})
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), c.name+" is ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line naming %s with %q", err, c.name, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q tells a secret", err)
			}
		})
	}
}

func TestFlagsWinOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("LOG_LEVEL=debug\nLOG_DIR=from-file\nSERVER_ADRESS=https://x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOG_DIR", "from-env")
	t.Setenv("LOG_LEVEL", "")
	_ = os.Unsetenv("LOG_LEVEL")
	t.Setenv("PORT", "4000")
	set, err := config.LoadEnvFile(file)
	if err != nil || !slices.Equal(set, []string{"LOG_LEVEL", "SERVER_ADRESS"}) {
		t.Fatalf("set %v, %v", set, err)
	}
	t.Cleanup(func() { _ = os.Unsetenv("LOG_LEVEL"); _ = os.Unsetenv("SERVER_ADRESS") })
	var c config.Config
	p, err := cli.New("one-api", "", &c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse([]string{"--port=5000"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	got := map[string]config.Value{}
	for _, v := range c.InForce(set) {
		got[v.Name] = v
	}
	for name, want := range map[string][2]string{
		"PORT": {"5000", "flag"}, "LOG_DIR": {"from-env", "environment"}, "LOG_LEVEL": {"debug", ".env"}, "MAX_BODY_MB": {"32", "default"},
	} {
		if got[name].Value != want[0] || got[name].Source != want[1] {
			t.Errorf("%s = %+v, want %v", name, got[name], want)
		}
	}
	if m := config.Misspelt(set); len(m) != 1 || m[0] != "SERVER_ADRESS (did you mean SERVER_ADDRESS?)" {
		t.Errorf("misspelt %v", m)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for _, c := range []config.Config{
		{EncryptionKey: "hunter2"},
		{InitialRootToken: "hunter2"},
		{SQLDSN: "root:hunter2:w@rd@tcp(db:3306)/x"},
		{SQLDSN: "root:p://hunter2@tcp(db:3306)/x"},
		{SQLDSN: "postgres://one:hunter2@db/x"},
		{SQLDSN: "postgres://one@db/x?sslmode=disable&password=hunter2"},
		{RedisConnString: "redis://:hunter2@r:6379"},
	} {
		for _, v := range c.InForce(nil) {
			if strings.Contains(v.Value, "hunter2") {
				t.Errorf("%s shows %q", v.Name, v.Value)
			}
		}
	}
}

func TestAPasswordMayLookLikeAnAddress(t *testing.T) {
	if _, _, err := parse(t, map[string]string{"SQL_DSN": "root:p://w@tcp(db:3306)/oneapi"}); err != nil {
		t.Error(err)
	}
}

func TestTheMasterKeyIsMadeOnceAndKept(t *testing.T) {
	s := config.Settings{DataDir: filepath.Join(t.TempDir(), "data")}
	a, err := s.MasterKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.MasterKey()
	if err != nil || a.ID() != b.ID() {
		t.Errorf("second start has key %v, %v; want %v", b, err, a.ID())
	}
	st, err := os.Stat(filepath.Join(s.DataDir, "encryption.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key file %v, %v", st, err)
	}
	s.EncryptionKey = secret.Text(strings.Repeat("k", 40))
	if c, err := s.MasterKey(); err != nil || c.ID() == a.ID() {
		t.Errorf("the configured key does not win: %v", err)
	}
}

func TestAWrongEnvFileIsNamedByItsLineAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("# mine\nONE_API_TEST_A=\"two\nlines\"\nENCRYPTION-KEY=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.LoadEnvFile(file)
	if err == nil || !strings.Contains(err.Error(), "line 4") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestAnEnvFileMayBeginWithAMark(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("\ufeffONE_API_TEST_MARK=x\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Unsetenv("ONE_API_TEST_MARK") })
	set, err := config.LoadEnvFile(file)
	if err != nil || !slices.Equal(set, []string{"ONE_API_TEST_MARK"}) || os.Getenv("ONE_API_TEST_MARK") != "x" {
		t.Errorf("set %q, %v, value %q", set, err, os.Getenv("ONE_API_TEST_MARK"))
	}
}

// Whatever stands in a variable, the answer is settings or one line that does
// not tell a password.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "3000", "inof", "1h", "root:hunter2@tcp(db)/x", "postgres://u:hunter2@h", "10.0.0.0/8", "::1", "https://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var defaults config.Config
		p, err := cli.New("one-api", "", &defaults)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Parse(nil, io.Discard); err != nil {
			t.Skip(err)
		}
		for i := range reflect.TypeFor[config.Config]().NumField() {
			c := defaults
			reflect.ValueOf(&c).Elem().Field(i).SetString(value)
			_, err := c.Parse()
			name := reflect.TypeFor[config.Config]().Field(i).Tag.Get("env")
			if err != nil && (!strings.HasPrefix(err.Error(), name+" is ") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") && (name == "SQL_DSN" || name == "REDIS_CONN_STRING")) {
				t.Errorf("%s=%q: %v", name, value, err)
			}
		}
	})
}

func TestASignInProviderNeedsAllThatNamesIt(t *testing.T) {
	whole := map[string]string{"OIDC_ISSUER": "https://login.example.com/realm", "OIDC_CLIENT_ID": "gateway", "OIDC_CLIENT_SECRET": "hunter2", "SERVER_ADDRESS": "https://gw.example.com"}
	_, s, err := parse(t, whole)
	if err != nil || s.OIDCIssuer != "https://login.example.com/realm" || s.OIDCClientID != "gateway" || s.OIDCClientSecret != "hunter2" || s.OIDCName != "login.example.com" {
		t.Errorf("settings %+v, %v", s, err)
	}
	for _, missing := range []string{"OIDC_ISSUER", "OIDC_CLIENT_ID", "SERVER_ADDRESS"} {
		t.Run("without "+missing, func(t *testing.T) {
			part := maps.Clone(whole)
			delete(part, missing)
			if _, _, err := parse(t, part); err == nil || !strings.HasPrefix(err.Error(), "OIDC_") || !strings.Contains(err.Error(), "set together with "+missing) {
				t.Errorf("error %v, want one naming %s", err, missing)
			}
		})
	}
	if c, _, err := parse(t, map[string]string{"OIDC_ISSUER": "http://127.0.0.1:8080", "OIDC_CLIENT_ID": "gateway", "OIDC_CLIENT_SECRET": "hunter2"}); err != nil || strings.Contains(fmt.Sprint(c.InForce(nil)), "hunter2") {
		t.Errorf("a provider on this machine: %v", err)
	}
}
