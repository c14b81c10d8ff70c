package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"one-api/internal/cli"
)

type settings struct {
	Port string `env:"CLI_TEST_PORT" default:"3000" help:"Port." group:"Server"`
}

type page struct {
	Limit int `default:"50" help:"Most rows."`
}

func (p *page) Validate() error {
	if p.Limit < 1 {
		return errors.New("--limit must be above 0")
	}
	return nil
}

type tree struct {
	Serve struct {
		settings `embed:""`
	} `cmd:"" default:"withargs" help:"Serve." example:"x serve"`
	Pay struct {
		To    string        `arg:"" help:"To whom."`
		Note  string        `arg:"" optional:"" help:"Why."`
		USD   string        `name:"usd" xor:"amount" required:"" placeholder:"USD" help:"Dollars."`
		Quota *int64        `xor:"amount" required:"" help:"Quota."`
		Wait  time.Duration `default:"3s" help:"How long."`
		Share float64       `help:"Share."`
		Tag   []string      `help:"Tags."`
		Test  *bool         `negatable:"" help:"Test."`
		Yes   bool          `short:"y" help:"Do not ask."`
		File  string        `type:"existingfile" help:"File."`
	} `cmd:"" help:"Pay somebody." example:"x pay alice --usd 1"`
	User struct {
		List listCmd `cmd:"" help:"List users." example:"x user list"`
	} `cmd:"" help:"Users." example:"x user list"`
}

type listCmd struct {
	page
	settings
	Status string `default:"" enum:",on,off" help:"Only these."`
}

func parse(t *testing.T, args ...string) (*tree, *cli.Command, error) {
	t.Helper()
	var c tree
	root, err := cli.New("x", "A test.", &c)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := root.Parse(args, io.Discard)
	return &c, chosen, err
}

func TestFlagsFillTheStruct(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, chosen, err := parse(t, "pay", "alice", "--quota=-7", "--wait", "1m", "--share=0.5", "--tag", "a,b", "--tag=c", "--no-test", "-y", "--file", file, "thanks")
	p := c.Pay
	if err != nil || chosen.Path() != "x pay" || p.To != "alice" || p.Note != "thanks" || p.USD != "" || *p.Quota != -7 || p.Wait != time.Minute ||
		p.Share != 0.5 || !slices.Equal(p.Tag, []string{"a", "b", "c"}) || p.Test == nil || *p.Test || !p.Yes || p.File != file {
		t.Errorf("%+v, %v", p, err)
	}
	c, _, err = parse(t, "pay", "--usd", "-2", "--", "-alice")
	if err != nil || c.Pay.To != "-alice" || c.Pay.USD != "-2" || c.Pay.Wait != 3*time.Second || c.Pay.Quota != nil || c.Pay.Test != nil || c.Pay.Tag != nil {
		t.Errorf("%+v, %v", c.Pay, err)
	}
}

func TestFlagsWinOverTheEnvironmentOverDefaults(t *testing.T) {
	for _, args := range [][]string{nil, {"serve"}} {
		if c, _, err := parse(t, args...); err != nil || c.Serve.Port != "3000" {
			t.Errorf("%q: %+v, %v", args, c.Serve, err)
		}
	}
	t.Setenv("CLI_TEST_PORT", "4000")
	if c, chosen, err := parse(t); err != nil || c.Serve.Port != "4000" || chosen.Name != "serve" {
		t.Errorf("%+v, %v", c.Serve, err)
	}
	if c, _, err := parse(t, "--port", "5000"); err != nil || c.Serve.Port != "5000" {
		t.Errorf("%+v, %v", c.Serve, err)
	}
	t.Setenv("CLI_TEST_PORT", "") // set, though empty
	if c, _, err := parse(t, "user", "list"); err != nil || c.User.List.Port != "" {
		t.Errorf("%+v, %v", c.User.List, err)
	}
}

func TestAMistakeIsNamed(t *testing.T) {
	for line, want := range map[string]string{
		"pay":                          `expected "<to>"`,
		"pay a":                        "missing flags: --usd=USD or --quota=INT",
		"pay a --usd 1 --quota 2":      "--usd and --quota can't be used together",
		"pay a b c":                    "unexpected argument c",
		"pay a --usd":                  "--usd needs a value",
		"pay a --usd --yes":            "--usd needs a value",
		"pay a --usd -y":               "--usd needs a value",
		"pay a --quota many":           `--quota: expected a whole number but got "many"`,
		"pay a --usd 1 --wait 3":       `--wait: expected a time like 30s or 15m but got "3"`,
		"pay a --usd 1 --share x":      "--share: expected a number",
		"pay a --usd 1 --yes=perhaps":  "--yes: expected true or false",
		"pay a --usd 1 --file no/such": "--file: ",
		"pay a --usd 1 --file .":       "is a directory",
		"pay a --us 1":                 `unknown flag --us, did you mean one of "--usd", `,
		"pay a -z":                     "unknown flag -z",
		"user":                         `expected one of "list"`,
		"user lst":                     `unexpected argument lst, did you mean "list"?`,
		"user list --limit 0":          "--limit must be above 0",
		"user list --status none":      `--status: must be one of "on", "off" but got "none"`,
		"serve now":                    "unexpected argument now",
		"--prot 1":                     `unknown flag --prot, did you mean "--port"?`,
		"user list --limit 1e3":        "--limit: expected a whole number",
	} {
		_, chosen, err := parse(t, strings.Fields(line)...)
		var wrong *cli.Error
		if !errors.As(err, &wrong) || chosen != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
			continue
		}
		words := strings.Fields(line)
		if path := strings.TrimPrefix(wrong.Command.Path(), "x"); words[0][0] != '-' && !strings.HasPrefix(" "+line, path) || path == "" && words[0][0] != '-' {
			t.Errorf("%q is explained by %q", line, wrong.Command.Path())
		}
	}
}

func TestHelpTellsUseGroupsDefaultsAndVariables(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	var c tree
	root, err := cli.New("x", "A test.", &c)
	if err != nil {
		t.Fatal(err)
	}
	for args, wants := range map[string][]string{
		"--help":           {"Usage: x <command>\n\nA test.\n", "\n  user list    List users.\n"},
		"serve -h":         {"Usage: x serve [flags]\n\nServe.\n\nExample:\n\n    x serve\n", "\nServer\n  --port=\"3000\"    Port ($CLI_TEST_PORT).\n"},
		"pay --help":       {"Usage: x pay (--usd=USD | --quota=INT) <to> [<note>] [flags]", "  -y, --yes", "--wait=3s", "--tag=STRING,...", "--[no-]test", "\n  [<note>]    Why.\n"},
		"user --help":      {"Usage: x user <command>", "\nCommands:\n  user list    List users.\n"},
		"user list --help": {"--status=\"\""},
	} {
		var out bytes.Buffer
		chosen, err := root.Parse(strings.Fields(args), &out)
		if err != nil || chosen != nil {
			t.Errorf("%s: %v, %v", args, chosen, err)
		}
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", args, want, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if len(line) > 61 && !strings.HasPrefix(line, "Usage:") {
				t.Errorf("%s has a line of %d: %s", args, len(line), line)
			}
		}
	}
}

func TestCompletionKnowsCommandsFlagsAndWords(t *testing.T) {
	for line, want := range map[string]string{
		"x ":                          "pay serve user",
		"x p":                         "pay",
		"x user ":                     "list",
		"x user list --st":            "--status",
		"x user list --status ":       "off on",
		"x user list --status=":       "",
		"x pay a --no-":               "--no-test",
		"x":                           "",
		"":                            "",
		"x user list --limit 1 --por": "--port",
	} {
		var c tree
		root, err := cli.New("x", "A test.", &c)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := root.Complete(line, &out); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		got := strings.Fields(out.String())
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}

func TestAFieldThatNoFlagCanSetStopsTheStart(t *testing.T) {
	for _, root := range []any{
		&struct{ Ports []int }{},
		&struct{ When time.Time }{},
		&struct {
			N int `default:"many"`
		}{},
		&struct {
			Do struct{} `cmd:"" help:"Without an example."`
		}{},
	} {
		if _, err := cli.New("x", "", root); err == nil {
			t.Errorf("%T is accepted", root)
		}
	}
}
