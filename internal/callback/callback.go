// Package callback is what upstreams call. A callback is used, never trusted:
// with the address that only we and the upstream know it makes us ask the
// upstream at once; without it, it is a hint that may do the same, rarely. What
// it says settles nothing.
package callback

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
)

// Store is what callbacks touch.
type Store interface {
	Task(ctx context.Context, id string) (task.Task, error)
	RecordCallback(c store.Callback) error
	Attempts(ctx context.Context, taskID string) ([]task.Attempt, error)
	AskLate(ctx context.Context, t task.Task) error
	Now() time.Time
}

// Receiver serves the callback address. Fill the fields before Routes.
type Receiver struct {
	Store       Store
	Generations *generation.Service
	Keys        *secret.Keyring
	Limit       *limit.Limiter
	Log         *slog.Logger
	Trusted     []netip.Prefix
	// Nudge asks the upstream about a task now.
	Nudge func(taskID string)
	// Late has ended tasks asked for now; nil: when they are looked for next.
	Late func()
	// Fail writes a refusal.
	Fail httpkit.Failer

	key []byte
}

// URL is where an upstream reports an attempt, "" without a public base
// address. The mac in it proves the sender.
func URL(base string, keys *secret.Keyring) func(taskID string, attempt int) string {
	if base == "" {
		return nil
	}
	key := macKey(keys)
	base = strings.TrimRight(base, "/")
	return func(taskID string, attempt int) string {
		return base + "/kling/callback/" + url.PathEscape(taskID) + "?k=" + proof(key, taskID, attempt)
	}
}

func macKey(keys *secret.Keyring) []byte { return keys.Derive("callback") }

// proof is "<attempt>.<mac>".
func proof(key []byte, taskID string, attempt int) string {
	n := strconv.Itoa(attempt)
	return n + "." + base64.RawURLEncoding.EncodeToString(secret.MAC(key, "cb1", taskID, n))
}

// proven checks a proof without looking anything up.
func (c *Receiver) proven(taskID, k string) (attempt int, ok bool) {
	n, _, found := strings.Cut(k, ".")
	attempt, err := strconv.Atoi(n)
	if !found || err != nil {
		return 0, false
	}
	return attempt, secret.Equal(k, proof(c.key, taskID, attempt))
}

// maxBody bounds a callback; real ones have a few kilobytes.
const maxBody = 256 << 10

// Hints without proof: per task and per address, a minute.
const (
	hintsPerTask    = 6
	hintsPerAddress = 60
)

var idPattern = regexp.MustCompile(`^[a-z]{1,16}_[0-9a-z]{20,60}$`)

// Routes is the table of contents.
func (c *Receiver) Routes(mux *http.ServeMux) {
	c.key = macKey(c.Keys)
	mux.Handle("POST /kling/callback/{id}", httpkit.Handle(c.Log, c.Fail, c.receive))
	mux.Handle("GET /kling/callback/{id}", httpkit.Handle(c.Log, c.Fail, func(http.ResponseWriter, *http.Request) error { return unknown() }))
}

// unknown is the one answer to everything that is not a callback of ours.
func unknown() error {
	return fault.New(fault.NotFound, "There is no such callback.").Named("callback_not_found")
}

type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (c *Receiver) receive(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !idPattern.MatchString(id) {
		return unknown()
	}
	k := r.URL.Query().Get("k")
	if k == "" {
		return c.hint(w, r, id)
	}
	attempt, ok := c.proven(id, k)
	if !ok {
		return unknown()
	}
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	t, err := c.Store.Task(r.Context(), id)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return unknown()
		}
		return err
	}
	report, signed, err := c.report(&t, r.Header, body)
	if errors.Is(err, provider.ErrSaysNothing) {
		// The address has proven the sender, and asking is all that any body brings.
		report, err = provider.Report{}, nil
	}
	if err != nil {
		c.Log.WarnContext(r.Context(), "refused a callback whose signature is wrong", "task", id, "provider", t.Provider, "err", err)
		return fault.New(fault.Unauthenticated, "The callback's signature is not valid.").Named("invalid_signature")
	}
	if report.UpstreamID != "" && t.UpstreamID != "" && report.UpstreamID != t.UpstreamID {
		c.Log.WarnContext(r.Context(), "a callback names another upstream task; only our own query counts", "task", id,
			"provider", t.Provider, "says", report.UpstreamID, "ours", t.UpstreamID)
	}
	if t.Status.Terminal() {
		if err := c.late(r.Context(), t, attempt, report.Status); err != nil {
			return err
		}
		return ok200(w)
	}
	faultpoint.Here("callback.before-record")
	sum := sha256.Sum256(body)
	if err := c.Store.RecordCallback(store.Callback{
		TaskID: id, Attempt: attempt, Hash: hex.EncodeToString(sum[:]), Signed: signed,
		Status: string(report.Status), Body: printable(body),
	}); err != nil {
		return err
	}
	c.Log.InfoContext(r.Context(), "callback", "task", id, "provider", t.Provider, "attempt", attempt, "says", report.Status, "signed", signed)
	c.Nudge(id)
	return ok200(w)
}

// late has the upstream asked once about an attempt that it reports, though
// its task has ended without charge: what it made is the operator's loss. A
// report of failure bills nothing, and most of them only come after our own
// question.
func (c *Receiver) late(ctx context.Context, t task.Task, attempt int, says provider.Status) error {
	if t.Status != task.Failed || t.Test || says == provider.Failed {
		return nil
	}
	if attempt != t.Attempt {
		attempts, err := c.Store.Attempts(ctx, t.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(attempts, func(a task.Attempt) bool { return a.N == attempt })
		if i < 0 {
			return nil
		}
		a := attempts[i]
		t.Ref, t.ChannelID, t.KeyID, t.UpstreamID = a.Ref, a.ChannelID, a.KeyID, a.UpstreamID
	}
	if t.Ref == "" || t.ChannelID == 0 {
		return nil
	}
	c.Log.InfoContext(ctx, "callback for a task that has ended without charge; the upstream is asked once", "task", t.ID, "provider", t.Provider, "attempt", attempt, "says", says)
	if err := c.Store.AskLate(ctx, t); err != nil {
		return err
	}
	if c.Late != nil {
		c.Late()
	}
	return nil
}

// hint serves callbacks without proof.
func (c *Receiver) hint(w http.ResponseWriter, r *http.Request, id string) error {
	from := httpkit.ClientAddr(r, c.Trusted)
	if wait, ok := c.Limit.Allow("hint from "+from.String(), hintsPerAddress, hintsPerAddress); !ok {
		return fault.New(fault.Throttled, "Too many callbacks without proof from this address.").Named("rate_limited").After(wait)
	}
	if _, err := readJSON(w, r); err != nil {
		return err
	}
	t, err := c.Store.Task(r.Context(), id)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return unknown()
		}
		return err
	}
	_, often := c.Limit.Allow("hint for "+id, hintsPerTask, 2)
	c.Log.InfoContext(r.Context(), "callback without proof; the upstream is asked instead", "task", id, "provider", t.Provider, "from", from, "asked", often)
	if often && !t.Status.Terminal() {
		c.Nudge(id)
	}
	return ok200(w)
}

// report reads what the callback says, as its provider understands it.
func (c *Receiver) report(t *task.Task, h http.Header, body []byte) (provider.Report, bool, error) {
	p, _ := c.Generations.Upstreams.Provider(t.Provider)
	reader, ok := p.(provider.CallbackReader)
	if !ok {
		return provider.Report{}, false, nil
	}
	cred, err := c.Generations.Credential(t)
	if err != nil {
		cred = provider.Credential{} // the channel is gone; the body is a hint anyway
	}
	return reader.ReadCallback(cred, c.Store.Now(), h, body)
}

func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := httpkit.Body(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	if !json.Valid(body) || len(strings.TrimSpace(string(body))) == 0 || strings.TrimSpace(string(body))[0] != '{' {
		return nil, fault.New(fault.Invalid, "A callback is one JSON object.").Named("invalid_json")
	}
	return body, nil
}

// printable bounds what is kept of a body and makes it valid text.
func printable(body []byte) string {
	const most = 8 << 10
	if len(body) > most {
		body = body[:most]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(string(body), "\x00", ""), "")
}

func ok200(w http.ResponseWriter) error {
	return httpkit.JSON(w, http.StatusOK, answer{Message: "success"})
}
