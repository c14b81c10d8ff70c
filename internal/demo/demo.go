// Package demo is the main job in one command: a gateway and a simulated Kling
// on this machine, one task from order to charge, told as it happens.
package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"one-api/internal/account"
	"one-api/internal/app"
	"one-api/internal/auth"
	"one-api/internal/channel"
	"one-api/internal/console"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// Options say where the demonstration runs.
type Options struct {
	Addr    string // of the gateway, "127.0.0.1:3000"; another port is taken when this one is in use
	Once    bool   // end after the task
	Out     io.Writer
	Log     *slog.Logger
	Version string
	// Pace is how long the simulated Kling works on a task.
	Pace time.Duration
}

// balance is what the demonstration's user starts with.
const balance = 10 * money.QuotaPerUSD

// Run demonstrates until the context ends, or until the task has when Once is
// set. Nothing leaves the machine, and nothing is left on it.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "one-api-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	sim, simURL, stopSim, err := startSim(o)
	if err != nil {
		return err
	}
	defer stopSim()
	l, err := listen(o.Addr)
	if err != nil {
		return err
	}
	base := "http://" + l.Addr().String()
	keys, err := secret.NewKeyring(secret.NewMasterKey())
	if err != nil {
		return err
	}
	gateway, err := app.New(ctx, app.Options{
		Store: store.Options{DSN: "sqlite://" + filepath.Join(dir, "one-api.db")},
		Keys:  keys, Log: o.Log, ServerAddress: base, Version: o.Version,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- gateway.Serve(ctx, l) }()
	defer func() {
		stop()
		err = errors.Join(err, <-served)
	}()

	s := &story{Options: o, base: base, app: gateway}
	s.say("one-api demo: a gateway and a simulated Kling. Nothing leaves this machine.\n")
	if err := s.open(ctx); err != nil {
		return err
	}
	s.say("  gateway           %s", base)
	s.say("  simulated Kling   %s\n", simURL)
	if err := s.prepare(ctx, sim, simURL); err != nil {
		return err
	}
	if err := s.order(ctx); err != nil {
		return err
	}
	if o.Once {
		return nil
	}
	s.next()
	select {
	case <-ctx.Done():
		s.say("\nStopped; the demonstration's data is gone.")
		return nil
	case err := <-served:
		served <- nil
		return err
	}
}

// startSim starts the simulated Kling with one account.
func startSim(o Options) (klingsim.Account, string, func(), error) {
	acc := klingsim.DemoAccount()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return acc, "", nil, err
	}
	u := "http://" + l.Addr().String()
	sim := klingsim.New(klingsim.Options{
		Accounts: []klingsim.Account{acc}, ToProcessing: o.Pace / 3, ToEnd: o.Pace, PublicURL: u, Logger: o.Log,
	})
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }()
	return acc, u, func() { _ = srv.Close(); sim.Close() }, nil
}

// listen takes the address, or any free port when it is in use.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	host, _, splitErr := net.SplitHostPort(addr)
	if splitErr != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// story is the demonstration as it is told.
type story struct {
	Options
	base  string
	app   *app.App
	user  account.User
	token secret.Text
}

func (s *story) say(format string, args ...any) { _, _ = fmt.Fprintf(s.Out, format+"\n", args...) }

// open makes the administrator and says how to open the console.
func (s *story) open(ctx context.Context) error {
	n := store.NewUser{Name: "root", Role: account.Root}
	password := ""
	if !s.Once {
		password = strings.ToLower(rand.Text()[:16])
		n.PasswordHash = auth.HashPassword(secret.Text(password))
	}
	var err error
	if s.user, err = s.app.Store.CreateUser(ctx, n); err != nil || s.Once {
		return err
	}
	link, err := console.NewSignInLink(ctx, s.app.Store, s.user.ID, s.base)
	if err != nil {
		return err
	}
	s.say("  console           %s", link)
	s.say("                    opens signed in, once, within an hour")
	s.say("                    or sign in at %s as %s with %s\n", s.base, s.user.Name, password)
	return nil
}

// prepare makes what an operator makes: a balance, a channel, a token.
func (s *story) prepare(ctx context.Context, acc klingsim.Account, simURL string) error {
	st := s.app.Store
	if err := st.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, s.user.ID, balance, "demo", "gateway", "demonstration", st.Now())); err != nil {
		return err
	}
	s.say("✓ administrator  %s, balance %s USD", s.user.Name, balance.USD())
	c, err := st.CreateChannel(ctx, store.NewChannel{
		Type: channel.TypeKling, Name: "Kling (simulated)", BaseURL: simURL,
		Keys: secret.Text(acc.AccessKey + "|" + acc.SecretKey.Reveal()), Models: []string{"kling-*"},
	})
	if err != nil {
		return err
	}
	s.say("✓ channel        #%d %s, %s", c.ID, c.Name, c.BaseURL)
	tok, text, err := st.CreateToken(ctx, store.NewToken{UserID: s.user.ID, Name: "demo"})
	if err != nil {
		return err
	}
	s.token = text
	s.say("✓ token          %s… (shown whole below)\n", tok.Prefix)
	return nil
}

const orderBody = `{"model":"kling-v1-5-std","prompt":"一只可爱的小猫在草地上玩耍","duration":5,"aspect_ratio":"16:9"}`

// state is what the demonstration reads of an answer.
type state struct {
	TaskID      string `json:"task_id"`
	KlingTaskID string `json:"kling_task_id"`
	Status      string `json:"status"`
	Quota       int64  `json:"quota"`
	VideoURL    string `json:"video_url"`
	FailReason  string `json:"fail_reason"`
	Message     string `json:"message"`
}

func (s *story) call(ctx context.Context, method, path, body string) (state, error) {
	var out state
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, err
	}
	if resp.StatusCode != http.StatusOK {
		return out, fmt.Errorf("%s %s answered %d: %s", method, path, resp.StatusCode, out.Message)
	}
	return out, nil
}

// order sends one task and tells what happens to it.
func (s *story) order(ctx context.Context) error {
	s.say("→ POST /kling/v1/videos/text2video")
	s.say("  %s", orderBody)
	started := time.Now()
	tell := func(what string, args ...any) {
		s.say("  %5.2f s  %s", time.Since(started).Seconds(), fmt.Sprintf(what, args...))
	}
	t, err := s.call(ctx, http.MethodPost, "/kling/v1/videos/text2video", orderBody)
	if err != nil {
		return err
	}
	tell("%-10s  %s, Kling's %s", t.Status, t.TaskID, t.KlingTaskID)
	tell("%-10s  %d quota (%s USD) set aside", "held", t.Quota, money.Quota(t.Quota).USD())
	last := t.Status
	glance := time.NewTicker(100 * time.Millisecond)
	defer glance.Stop()
	for last != "succeed" && last != "failed" {
		select {
		case <-ctx.Done():
			return nil
		case <-glance.C:
		}
		if t, err = s.call(ctx, http.MethodGet, "/kling/v1/videos/"+t.TaskID, ""); err != nil {
			return err
		}
		if t.Status != last {
			last = t.Status
			tell("%s", last)
		}
	}
	if last == "failed" {
		return fmt.Errorf("the task failed: %s", t.FailReason)
	}
	lines, err := s.app.Store.TaskLines(ctx, t.TaskID)
	if err != nil {
		return err
	}
	s.say("\nLedger of the task")
	for _, l := range lines {
		s.say("  %-8s %-18s → %-18s %8d quota  %s USD", l.Kind, l.From, l.To, l.Amount, l.Amount.USD())
	}
	b, err := s.app.Store.Balance(ctx, s.user.ID, false)
	if err != nil {
		return err
	}
	s.say("  balance  %s USD available, %s USD held", b.Available.USD(), b.Held.USD())
	found, err := s.app.Store.Verify(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("the books do not agree: %+v", found)
	}
	s.say("  verified: every balance is the sum of its postings")
	s.say("\nVideo\n  %s", t.VideoURL)
	return nil
}

// next says what to try.
func (s *story) next() {
	s.say("\nTry next")
	s.say("  curl -s %s/kling/v1/videos/text2video \\", s.base)
	s.say("    -H 'Authorization: Bearer %s' \\", s.token.Reveal())
	s.say("    -H 'Content-Type: application/json' \\")
	s.say("    -d '%s'", orderBody)
	s.say("\nThe gateway stays up until Ctrl-C; the console's link is at the top.")
}
