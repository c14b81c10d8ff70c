package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"one-api/internal/account"
	"one-api/internal/app"
	"one-api/internal/channel"
	"one-api/internal/config"
	"one-api/internal/ledger"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// database is the settings of commands that work on the gateway's database,
// beside a running server or without one.
type database struct {
	config.Config `embed:"" hidden:""`
}

// open opens the database as a node does; the caller closes it.
func (d *database) open(ctx context.Context) (*store.Store, *secret.Keyring, error) {
	s, err := d.Parse()
	if err != nil {
		return nil, nil, configError{err}
	}
	keys, err := s.MasterKey()
	if err != nil {
		return nil, nil, configError{err}
	}
	st, err := store.Open(ctx, store.Options{
		DSN: s.DSN, MaxOpenConns: 4, MaxIdleConns: 2, ConnMaxLifetime: s.ConnMaxLifetime, Keys: keys, Log: slog.New(slog.DiscardHandler),
	})
	return st, keys, err
}

type setupCmd struct {
	database
}

func (c *setupCmd) Help() string {
	return "Example:\n  one-api setup\n\nMakes user root with an opening balance and prints a token, once."
}

func (c *setupCmd) Run(ctx context.Context) error {
	st, keys, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	n, err := st.UserCount(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		return errors.New("there are users already; make a token with: one-api token create --user 1 --name NAME")
	}
	text := account.NewTokenText(false)
	u, err := app.MakeRoot(ctx, st, app.Options{RootToken: text})
	if err != nil {
		return err
	}
	fmt.Printf("user   %d %s\ntoken  %s\n", u.ID, u.Name, text.Reveal())
	printPair(st, keys, text)
	fmt.Println("\nThe token is shown this once.")
	return nil
}

// printPair shows what Kling's own clients sign with.
func printPair(st *store.Store, keys *secret.Keyring, text secret.Text) {
	if t, ok := st.Directory().View().Tokens[account.HashToken(text.Reveal())]; ok {
		fmt.Printf("AccessKey  %s\nSecretKey  %s\n", t.AccessKey, account.SecretKey(keys, t.Hash).Reveal())
	}
}

type channelCmd struct {
	Add  channelAddCmd  `cmd:"" help:"Add a Kling account."`
	List channelListCmd `cmd:"" help:"List the channels."`
}

type channelAddCmd struct {
	database
	Name          string      `default:"Kling AI" help:"Name of the channel."`
	BaseURL       string      `required:"" help:"https://api-singapore.klingai.com for accounts of the world, https://api-beijing.klingai.com for China."`
	Key           secret.Text `required:"" env:"KLING_KEY" help:"API key, or AccessKey|SecretKey."`
	Models        string      `default:"kling-*" help:"Comma list of models, base names or patterns."`
	Groups        string      `default:"default" help:"Comma list of user groups."`
	Priority      int         `help:"Higher ones are tried first."`
	Weight        int         `default:"1" help:"Share among channels of one priority."`
	MaxLive       int         `help:"Most live tasks per model; 0: no limit."`
	WebhookSecret secret.Text `help:"Kling's webhook secret, whsec_…"`
}

func (c *channelAddCmd) Help() string {
	return "Example:\n  one-api channel add --base-url https://api-singapore.klingai.com --key 'AK|SK'"
}

func (c *channelAddCmd) Run(ctx context.Context) error {
	st, _, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	ch, err := st.CreateChannel(ctx, store.NewChannel{
		Type: channel.TypeKling, Name: c.Name, BaseURL: c.BaseURL, Keys: c.Key, Models: model.List(c.Models), Groups: model.List(c.Groups),
		Priority: c.Priority, Weight: c.Weight, MaxLive: c.MaxLive, WebhookSecrets: c.WebhookSecret,
	})
	if err != nil {
		return err
	}
	fmt.Printf("channel  %d %s\n", ch.ID, ch.Name)
	return nil
}

type channelListCmd struct {
	database
}

var channelStatus = map[channel.Status]string{
	channel.Enabled: "enabled", channel.Disabled: "disabled", channel.Broken: "broken", channel.Draining: "draining",
}

func (c *channelListCmd) Run(ctx context.Context) error {
	st, _, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	loads, err := st.Loads(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 2, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tNAME\tSTATUS\tLIVE\tKEYS\tBASE URL\tREASON")
	for _, ch := range st.Directory().View().Channels {
		_, _ = fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%s\n", ch.ID, ch.Name, channelStatus[ch.Status], loads[ch.ID], len(ch.Keys), ch.BaseURL, ch.Reason)
	}
	return w.Flush()
}

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token."`
}

type tokenCreateCmd struct {
	database
	User   int64  `required:"" help:"Id of the user."`
	Name   string `required:"" help:"Name of the token."`
	Budget string `help:"Most that it may spend over its life, in USD."`
	Models string `help:"Comma list of models it may use; empty: all."`
}

func (c *tokenCreateCmd) Help() string {
	return "Example:\n  one-api token create --user 1 --name laptop --budget 20"
}

func (c *tokenCreateCmd) Run(ctx context.Context) error {
	n := store.NewToken{UserID: c.User, Name: c.Name, Models: model.List(c.Models)}
	if c.Budget != "" {
		q, err := money.ParseUSD(c.Budget)
		if err != nil {
			return fmt.Errorf("--budget: %w", err)
		}
		n.Limit = &q
	}
	st, keys, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	t, text, err := st.CreateToken(ctx, n)
	if err != nil {
		return err
	}
	fmt.Printf("token  %d %s\n%s\n", t.ID, t.Name, text.Reveal())
	printPair(st, keys, text)
	fmt.Println("\nThe token is shown this once.")
	return nil
}

type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Make a user."`
	Grant  userGrantCmd  `cmd:"" help:"Give a user quota."`
}

type userCreateCmd struct {
	database
	Name  string `required:"" help:"Sign-in name."`
	Group string `default:"default" help:"Group: channels and price ratio."`
}

func (c *userCreateCmd) Help() string { return "Example:\n  one-api user create --name alice" }

func (c *userCreateCmd) Run(ctx context.Context) error {
	st, _, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	u, err := st.CreateUser(ctx, store.NewUser{Name: c.Name, Group: c.Group})
	if err != nil {
		return err
	}
	fmt.Printf("user  %d %s\n", u.ID, u.Name)
	return nil
}

type userGrantCmd struct {
	database
	User      int64  `required:"" help:"Id of the user."`
	USD       string `name:"usd" required:"" help:"Amount in USD."`
	Reason    string `required:"" help:"Why; kept in the ledger."`
	Reference string `help:"Makes a repetition harmless; default: the time."`
}

func (c *userGrantCmd) Help() string {
	return "Example:\n  one-api user grant --user 2 --usd 10 --reason 'welcome'"
}

func (c *userGrantCmd) Run(ctx context.Context) error {
	q, err := money.ParseUSD(c.USD)
	if err != nil || q <= 0 {
		return fmt.Errorf("--usd: %q is not an amount like 10 or 2.50", c.USD)
	}
	st, _, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	if c.Reference == "" {
		c.Reference = "cli " + st.Now().Format(time.RFC3339Nano)
	}
	if err := st.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, c.User, q, c.Reference, "cli", c.Reason, st.Now())); err != nil {
		return err
	}
	b, err := st.Balance(ctx, c.User, false)
	if err != nil {
		return err
	}
	fmt.Printf("user %d has %s USD available and %s USD held\n", c.User, b.Available.USD(), b.Held.USD())
	return nil
}

type verifyCmd struct {
	database
}

func (c *verifyCmd) Run(ctx context.Context) error {
	st, _, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	found, err := st.Verify(ctx)
	if err != nil {
		return err
	}
	for _, m := range found {
		fmt.Printf("%s %s: %s\n", m.Kind, m.ID, m.Detail)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d mismatches", len(found))
	}
	fmt.Println("The books agree.")
	return nil
}

type configCmd struct {
	config.Config `embed:""`
}

func (c *configCmd) Run(fromFile envFile) error {
	w := tabwriter.NewWriter(os.Stdout, 2, 4, 2, ' ', 0)
	for _, v := range c.InForce(fromFile) {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, v.Value, v.Source)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := c.Parse(); err != nil {
		return configError{err}
	}
	return nil
}

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

func (c *klingsimCmd) Help() string {
	return "Example:\n  one-api klingsim --access-key AK --secret-key SK\n  one-api channel add --base-url http://127.0.0.1:3100 --key 'AK|SK'"
}

func (c *klingsimCmd) Run(ctx context.Context) error {
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
	fmt.Printf("simulated Kling at http://%s\nAccessKey|SecretKey  %s|%s\nAPI key              %s\n", l.Addr(), acc.AccessKey, acc.SecretKey.Reveal(), acc.APIKeys[0].Reveal())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
