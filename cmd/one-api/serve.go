package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"one-api/internal/app"
	"one-api/internal/auth"
	"one-api/internal/config"
	"one-api/internal/demo"
	"one-api/internal/faultpoint"
	"one-api/internal/generation"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// configError is a setting that is wrong.
type configError struct{ error }

func isConfig(err error) bool {
	var c configError
	return errors.As(err, &c)
}

type serveCmd struct {
	config.Config `embed:""`
}

func (c *serveCmd) Run(ctx context.Context, fromFile envFile) error {
	s, err := c.Parse()
	if err != nil {
		return configError{err}
	}
	level, err := telemetry.ParseLevel(s.LogLevel)
	if err != nil {
		return configError{err}
	}
	log, err := telemetry.Open(telemetry.Options{Level: level, Dir: s.LogDir})
	if err != nil {
		return configError{err}
	}
	defer func() { _ = log.Close() }()
	for _, m := range config.Misspelt(fromFile) {
		log.Warn(".env sets a name that nothing reads", "name", m)
	}
	keys, err := s.MasterKey()
	if err != nil {
		return configError{err}
	}
	// Taking the port first: a second start by mistake must not touch the
	// database.
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("listen on port %s: %w", c.Port, err)
	}
	o := appOptions(s, keys, log)
	if s.MetricsAddr != "" {
		if o.Metrics, err = net.Listen("tcp", s.MetricsAddr); err != nil {
			return errors.Join(configError{fmt.Errorf("METRICS_ADDR: %w", err)}, l.Close())
		}
	}
	a, err := app.New(ctx, o)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := tellSetup(ctx, a, l.Addr()); err != nil {
		a.Store.Close()
		return errors.Join(err, l.Close())
	}
	if s.ServerAddress == "" {
		log.Warn("SERVER_ADDRESS is not set: upstreams cannot call back, tasks are polled")
	}
	log.Info("one-api serves", "version", version, "addr", l.Addr().String(), "database", a.Store.Dialect())
	return a.Serve(ctx, l)
}

// tellSetup prints the link that makes the first administrator. It goes to the
// terminal alone: the log file is kept and read by others.
func tellSetup(ctx context.Context, a *app.App, listens net.Addr) error {
	link, err := a.SetupLink(ctx, listens)
	if err != nil || link == "" {
		return err
	}
	_, err = fmt.Printf("\nThis gateway has no administrator yet. Open this link within an hour to make one:\n\n  %s\n\nA restart makes a new link. Without a browser: one-api setup\n\n", link)
	return err
}

func appOptions(s config.Settings, keys *secret.Keyring, log *telemetry.Log) app.Options {
	timing := generation.DefaultTiming()
	timing.Lease, timing.AbsenceSpan = faultpoint.Wait(timing.Lease), faultpoint.Wait(timing.AbsenceSpan)
	timing.CreateTimeout, timing.QueueFor, timing.Deadline = s.CreateTimeout, s.QueueDeadline, s.TaskDeadline
	var provider *auth.OIDC
	if s.OIDCIssuer != "" {
		provider = &auth.OIDC{Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: s.OIDCClientSecret, Name: s.OIDCName}
	}
	return app.Options{
		OIDC: provider,
		Store: store.Options{
			DSN: s.DSN, MaxOpenConns: s.MaxOpenConns, MaxIdleConns: s.MaxIdleConns, ConnMaxLifetime: s.ConnMaxLifetime,
		},
		Keys: keys, Log: log.Logger, Level: log.Level, ServerAddress: s.ServerAddress, WebhookAllow: s.WebhookAllow, TrustedProxies: s.TrustedProxies,
		MaxBody: s.MaxBody, Timing: timing, Version: version, RootPassword: s.RootPassword, RootToken: s.RootToken,
		Redis:    s.Redis,
		MarkFile: filepath.Join(s.DataDir, "high-water.json"),
	}
}

type demoCmd struct {
	Once bool          `help:"End after the task."`
	Port string        `default:"3000" help:"Port of the gateway; another is taken when it is in use."`
	Pace time.Duration `default:"3s" help:"How long the simulated Kling works on a task."`
	Log  bool          `help:"Show the gateway's log lines too."`
}

func (c *demoCmd) Run(ctx context.Context) error {
	o := demo.Options{Addr: net.JoinHostPort("127.0.0.1", c.Port), Once: c.Once, Out: os.Stdout, Pace: c.Pace, Version: version}
	if c.Log {
		log, err := telemetry.Open(telemetry.Options{Stdout: os.Stderr})
		if err != nil {
			return err
		}
		o.Log = log.Logger
	}
	return demo.Run(ctx, o)
}
