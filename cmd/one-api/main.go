// Command one-api is the gateway, and what an operator needs beside it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"one-api/internal/cli"
	"one-api/internal/config"
	"one-api/internal/fault"
)

// version is set by the build.
var version = "dev"

// commands is the tree of commands. Tag example is shown in a command's own
// help; a command without one does not start, see package cli.
type commands struct {
	Serve  serveCmd  `cmd:"" default:"withargs" group:"Run" help:"Run the gateway (the default)." example:"one-api\none-api serve --port 8080\nSQL_DSN='user:password@tcp(localhost:3306)/oneapi' one-api"`
	Demo   demoCmd   `cmd:"" group:"Run" help:"Show a task from order to charge, with a simulated Kling, and the console. Needs no network." example:"one-api demo"`
	Setup  setupCmd  `cmd:"" group:"Run" help:"Make the first administrator and a token." example:"one-api setup\necho 'a long password' | one-api setup --password-stdin"`
	Config configCmd `cmd:"" group:"Run" help:"Show the settings in force and where each comes from." example:"one-api config\none-api config --json"`

	User    userCmd    `cmd:"" group:"Manage" help:"Users and their balances." example:"one-api user create alice\none-api user grant alice --usd 10 --reason welcome"`
	Group   groupCmd   `cmd:"" group:"Manage" help:"Groups of users: which channels they may use, and their price ratio." example:"one-api group create vip --ratio 0.8"`
	Token   tokenCmd   `cmd:"" group:"Manage" help:"Tokens that callers send." example:"one-api token create --user alice --name laptop --budget-usd 20"`
	Channel channelCmd `cmd:"" group:"Manage" help:"Upstream accounts that orders are sent with." example:"one-api channel add --base-url https://api-singapore.klingai.com --key-stdin\none-api channel test 1"`
	Price   priceCmd   `cmd:"" group:"Manage" help:"What orders cost." example:"one-api price quote --model kling-v1-6-pro --duration 10\none-api price set price.kling-v1-6-pro --amount 1.10 --note 'spring sale'"`
	Task    taskCmd    `cmd:"" group:"Manage" help:"Accepted orders." example:"one-api task list --status failed --since 24h\none-api task show kling_…"`
	Webhook webhookCmd `cmd:"" group:"Manage" help:"Addresses that are told of the end of tasks." example:"one-api webhook add --user alice https://example.com/hooks/video\none-api webhook deliveries --status failed"`
	Ledger  ledgerCmd  `cmd:"" group:"Manage" help:"Every change of every balance." example:"one-api ledger list --user alice --since 7d"`

	Verify     verifyCmd     `cmd:"" group:"Look after" help:"Recompute the books and name every mismatch." example:"one-api verify"`
	Reconcile  reconcileCmd  `cmd:"" group:"Look after" help:"Compare the upstream's bills with our charges." example:"one-api reconcile --channel 1 --from 2026-01-01 --to 2026-02-01\none-api reconcile --channel 1 --from 7d --json"`
	Backup     backupCmd     `cmd:"" group:"Look after" help:"Copy the SQLite database while the gateway runs." example:"one-api backup one-api-$(date +%Y%m%d).db"`
	Restore    restoreCmd    `cmd:"" group:"Look after" help:"Put a backup in the place of the SQLite database, and begin recovery." example:"one-api restore --from one-api-20260131.db"`
	Recovery   recoveryCmd   `cmd:"" group:"Look after" help:"Find out what happened since the backup that was restored, before anything is sent." example:"one-api recovery status\none-api recovery off"`
	Migrate    migrateCmd    `cmd:"" group:"Look after" help:"Bring the database's tables up to date." example:"one-api migrate --status\none-api migrate"`
	Klingsim   klingsimCmd   `cmd:"" group:"Look after" help:"Run a simulated Kling, to rehearse against." example:"one-api klingsim --access-key AK --secret-key SK\none-api channel add --base-url http://127.0.0.1:3100 --key 'AK|SK'"`
	Completion completionCmd `cmd:"" group:"Look after" help:"Print what makes a shell complete these commands." example:"one-api completion bash >> ~/.bashrc\none-api completion zsh >> ~/.zshrc\none-api completion fish > ~/.config/fish/completions/one-api.fish"`
	Version    versionCmd    `cmd:"" group:"Look after" help:"Show the version." example:"one-api version"`
}

type versionCmd struct {
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c *versionCmd) Run(t *terminal) error {
	if c.JSON {
		return t.json(map[string]string{"version": version})
	}
	return t.print("one-api %s\n", version)
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// newParser builds the tree of commands.
func newParser(c *commands) (*cli.Command, error) {
	root, err := cli.New("one-api", description, c)
	if err == nil {
		root.Visit(hideSettings)
	}
	return root, err
}

// run returns the exit code, see exitCode.
func run(args []string) int {
	var c commands
	parser, err := newParser(&c)
	if err != nil {
		return complain(err)
	}
	if line, asked := os.LookupEnv("COMP_LINE"); asked { // a shell that completes
		if at, err := strconv.Atoi(os.Getenv("COMP_POINT")); err == nil && at >= 0 && at < len(line) {
			line = line[:at]
		}
		if err := parser.Complete(line, os.Stdout); err != nil {
			return complain(err)
		}
		return 0
	}
	fromFile, err := config.LoadEnvFile(".env")
	if err != nil {
		return complain(configError{err})
	}
	if err := known(parser, args); err != nil {
		return complain(err)
	}
	chosen, err := parser.Parse(args, os.Stdout)
	if err != nil {
		return complain(usageError{fmt.Errorf("%w; %s explains", err, helpOf(err))})
	}
	if chosen == nil { // it has shown help
		return 0
	}
	// The first signal stops in order; a second one ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	if err := runs(ctx, chosen.Target, fromFile, standardTerminal())(); err != nil { // a test knows that each has one
		return complain(err)
	}
	return 0
}

// runs is a command's Run, which has few forms: finding it by name through
// reflection would make the binary larger by 10 MB, see package cli. It is nil
// for a command without one.
func runs(ctx context.Context, command any, fromFile envFile, t *terminal) func() error {
	switch c := command.(type) {
	case interface {
		Run(context.Context, *terminal) error
	}:
		return func() error { return c.Run(ctx, t) }
	case interface{ Run(*terminal) error }:
		return func() error { return c.Run(t) }
	case interface{ Run(context.Context) error }:
		return func() error { return c.Run(ctx) }
	case interface {
		Run(context.Context, envFile) error
	}:
		return func() error { return c.Run(ctx, fromFile) }
	case interface {
		Run(*terminal, envFile) error
	}:
		return func() error { return c.Run(t, fromFile) }
	}
	return nil
}

// known refuses a first word that is no command: the default one would take it
// for an argument of its own.
func known(parser *cli.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || parser.Child(args[0]) != nil {
		return nil
	}
	return misused("there is no command %q; one-api --help lists them", args[0])
}

// helpOf is the command that explains what was mistyped.
func helpOf(err error) string {
	var wrong *cli.Error
	if errors.As(err, &wrong) && wrong.Command != nil {
		return wrong.Command.Path() + " --help"
	}
	return "one-api --help"
}

// envFile are the names that .env set.
type envFile []string

// usageError is a command line that is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is what a command that failed ends with; the description tells it.
func exitCode(err error) int {
	var usage usageError
	switch {
	case isConfig(err), errors.As(err, &usage), fault.Is(err, fault.Invalid):
		return 2
	case fault.Is(err, fault.NotFound):
		return 3
	case fault.Is(err, fault.Conflict):
		return 4
	}
	return 1
}

func complain(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "one-api:", strings.Join(strings.Fields(err.Error()), " "))
	return exitCode(err)
}
