package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// atOnce is how many tests run beside each other when nobody says -parallel.
// Most of their time they wait for a poll that is due in seconds.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the command, built once for the tests that kill it.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// binary builds cmd/one-api and returns its path.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "one-api-e2e-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "one-api")
		out, err := exec.Command("go", "build", "-o", built.path, "one-api/cmd/one-api").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("build the command: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// onEachDatabase runs a test where the database could make a difference.
func onEachDatabase(t *testing.T, f func(t *testing.T, d store.Dialect)) {
	t.Parallel()
	for _, d := range storetest.Databases {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			f(t, d)
		})
	}
}
