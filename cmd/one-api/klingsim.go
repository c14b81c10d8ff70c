package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/telemetry"
)

type klingsimCmd struct {
	Addr         string        `default:"127.0.0.1:3100" help:"Address to listen on."`
	AccessKey    string        `help:"AccessKey of its account; default: a random one."`
	SecretKey    secret.Text   `help:"SecretKey of its account."`
	APIKey       secret.Text   `name:"api-key" help:"API key of its account; default: a random one."`
	Delay        time.Duration `default:"5s" help:"How long a task takes."`
	FailureShare float64       `help:"Share of tasks that fail, 0 to 1."`
	NoCallbacks  bool          `help:"Send no callbacks."`
	Admin        bool          `help:"Serve /_sim/tasks and /_sim/faults."`
}

func (c *klingsimCmd) Run(ctx context.Context, t *terminal) error {
	acc := klingsim.DemoAccount()
	if c.AccessKey != "" {
		acc.AccessKey, acc.SecretKey = c.AccessKey, c.SecretKey
	}
	if c.APIKey != "" {
		acc.APIKeys = []secret.Text{c.APIKey}
	}
	log, err := telemetry.Open(telemetry.Options{})
	if err != nil {
		return err
	}
	o := klingsim.Options{
		Accounts: []klingsim.Account{acc}, ToProcessing: c.Delay / 3, ToEnd: c.Delay, FailureShare: c.FailureShare,
		NoCallbacks: c.NoCallbacks, Admin: c.Admin, Logger: log.Logger,
	}
	if err := o.Validate(); err != nil {
		return configError{err}
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	sim := klingsim.New(o)
	defer sim.Close()
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := t.print("simulated Kling at http://%s\nAccessKey|SecretKey  %s|%s\nAPI key              %s\n", l.Addr(), acc.AccessKey, acc.SecretKey.Reveal(), acc.APIKeys[0].Reveal()); err != nil {
		return err
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
