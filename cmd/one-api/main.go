// Command one-api is the gateway.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"one-api/internal/config"
)

// version is set by the build.
var version = "dev"

type cli struct {
	Serve    serveCmd    `cmd:"" default:"withargs" help:"Run the gateway (the default)."`
	Demo     demoCmd     `cmd:"" help:"Show a task from order to charge, with a simulated Kling. Needs no network."`
	Setup    setupCmd    `cmd:"" help:"Make the first administrator and a token."`
	Channel  channelCmd  `cmd:"" help:"Lend the gateway an upstream account."`
	Token    tokenCmd    `cmd:"" help:"Make a token for a user."`
	User     userCmd     `cmd:"" help:"Make a user, or change a balance."`
	Verify   verifyCmd   `cmd:"" help:"Recompute the books and name every mismatch."`
	Config   configCmd   `cmd:"" help:"Show the settings in force and where each comes from."`
	Klingsim klingsimCmd `cmd:"" help:"Run a simulated Kling, to rehearse against."`
	Version  versionCmd  `cmd:"" help:"Show the version."`
}

type versionCmd struct{}

func (versionCmd) Run() error {
	_, err := fmt.Println("one-api", version)
	return err
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration.
func run(args []string) int {
	fromFile, err := config.LoadEnvFile(".env")
	if err != nil {
		return complain(err, 2)
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("one-api"), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Description("A gateway in front of generative-video APIs: one token, one bill, one console.\n\nStart with: one-api demo"))
	if err != nil {
		return complain(err, 2)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return complain(err, 2)
	}
	// The first signal stops in order; a second one ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(envFile(fromFile))
	if err := command.Run(); err != nil {
		code := 1
		if isConfig(err) {
			code = 2
		}
		return complain(err, code)
	}
	return 0
}

// envFile are the names that .env set.
type envFile []string

func complain(err error, code int) int {
	_, _ = fmt.Fprintln(os.Stderr, "one-api:", err)
	return code
}
