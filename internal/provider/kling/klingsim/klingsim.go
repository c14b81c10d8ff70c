// Package klingsim is a simulated Kling: an HTTP handler that takes, refuses,
// runs, reports and bills tasks as Kling's open platform documents it, and that
// can be told to misbehave.
//
// It follows Kling's pages at https://kling.ai/document-api (authentication,
// error codes, concurrency rules, callbacks, the model pages, account usage and
// billing), in both of its API generations: the legacy one names the model in
// the body (`/v1/videos/...`), the new one in the path
// (`/text-to-video/{model}`, `/tasks`). It shares no code with the gateway's
// own kling package: an upstream that does would agree with every mistake.
//
// Words in a prompt decide a task's fate: "forbidden" is refused at once,
// "riskcontrol" fails later for content policy, "simfail" fails later for an
// ordinary reason, and "simstuck" never ends.
package klingsim

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/secret"
)

// Options says how the simulator behaves. The zero value of every field is
// usable; without Accounts nobody can call it.
type Options struct {
	Accounts []Account

	ToProcessing time.Duration // from a create to `processing`; 0: at once
	ToEnd        time.Duration // from a create to the end; never before `processing`
	Jitter       float64       // share by which both delays vary from task to task, 0 to 1
	FailureShare float64       // share of the tasks that fail at the end, 0 to 1
	Seed         uint64        // loads the dice: the n-th create has the same fate in every run with one seed

	NoCallbacks          bool          // send none, whatever the creates ask for
	CallbackRepeat       int           // times each callback is sent; 0 is 1
	CallbackDropShare    float64       // share of the callbacks that are lost, 0 to 1
	CallbackReorderShare float64       // share of the tasks whose callbacks all come after the end, last state first
	CallbackTimeout      time.Duration // for one callback; 0 is 5 s
	CallbackConcurrency  int           // callbacks in flight at most; 0 is 64
	HTTPClient           *http.Client  // sends the callbacks; nil is a client of its own that follows no redirect

	FaultShare      map[FaultKind]float64 // share of the creates that suffer a fault, by kind
	QueryFaultShare map[FaultKind]float64 // the same for queries

	// UnifiedTasks makes GET and POST /tasks show legacy tasks too. Kling was
	// seen doing so, but does not promise it, so that clients should not rely on
	// it.
	UnifiedTasks bool
	Retention    time.Duration // ended tasks are forgotten after this; 0 is Kling's 30 days
	PublicURL    string        // prefix of result links, without a trailing slash; "" is the host that the create was sent to
	Admin        bool          // serve /_sim/..., to whoever asks: for loopback addresses only
	Logger       *slog.Logger  // nil is silent
	// Now is the clock, time.Now when nil. With a clock that a test moves by
	// hand, states are right at every request; call Tick for the callbacks.
	Now func() time.Time
}

// Validate says what New would not accept. Call it on what a person typed.
func (o Options) Validate() error {
	names := map[string]bool{}
	keys := map[string]bool{}
	for i, a := range o.Accounts {
		if a.Name == "" || names[a.Name] {
			return fmt.Errorf("account %d needs a name of its own", i+1)
		}
		names[a.Name] = true
		if err := a.validate(); err != nil {
			return fmt.Errorf("account %s: %w", a.Name, err)
		}
		for _, k := range append([]secret.Text{secret.Text(a.AccessKey)}, a.APIKeys...) {
			if k != "" && keys[k.Reveal()] {
				return fmt.Errorf("account %s has a key that another one has too", a.Name)
			}
			keys[k.Reveal()] = true
		}
	}
	shares := map[string]float64{
		"jitter": o.Jitter, "failure share": o.FailureShare,
		"callback drop share": o.CallbackDropShare, "callback reorder share": o.CallbackReorderShare,
	}
	for name, v := range shares {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("the %s must be between 0 and 1, not %v", name, v)
		}
	}
	if o.ToProcessing < 0 || o.ToEnd < 0 || o.CallbackTimeout < 0 || o.Retention < 0 {
		return errors.New("a delay is negative")
	}
	if o.CallbackRepeat < 0 || o.CallbackConcurrency < 0 {
		return errors.New("a number of callbacks is negative")
	}
	if o.PublicURL != "" && !webURL(o.PublicURL) {
		return fmt.Errorf("the public URL must start with http:// or https://, not %q", o.PublicURL)
	}
	if _, err := newShares(o.FaultShare, forCreates); err != nil {
		return err
	}
	_, err := newShares(o.QueryFaultShare, forQueries)
	return err
}

// Account is one customer of the simulated Kling. It needs an AccessKey with
// its SecretKey, an API key, or both.
type Account struct {
	Name          string
	AccessKey     string
	SecretKey     secret.Text
	APIKeys       []secret.Text
	WebhookSecret secret.Text // "whsec_<base64>"; "" leaves callbacks unsigned, as Kling does

	Concurrency int      // live tasks for each model at most; 0 is 20, negative is no limit
	Suspended   int      // 0, or 1100, 1101, 1102: the code that every create is refused with
	Models      []string // the model_names and path ids it may use; nil is all
	PackUnits   float64  // units it has bought; 0 is no limit
	// Currency makes the account post-paid in "USD" or "CNY": tasks are billed
	// as cash, and PackUnits is what its balance is worth. "" is a resource pack.
	Currency string
}

func (a *Account) validate() error {
	switch {
	case a.AccessKey == "" && len(a.APIKeys) == 0:
		return errors.New("it has neither an access key nor an API key")
	case (a.AccessKey == "") != (a.SecretKey == ""):
		return errors.New("an access key and a secret key belong together")
	case a.Suspended != 0 && suspensions[a.Suspended] == "":
		return fmt.Errorf("it can be suspended with code 1100, 1101 or 1102, not %d", a.Suspended)
	case a.PackUnits < 0 || math.IsNaN(a.PackUnits) || a.PackUnits > 1e12:
		return fmt.Errorf("%v is not a number of units", a.PackUnits)
	case a.Currency != "" && unitPrice[a.Currency] == 0:
		return fmt.Errorf("its currency must be USD, CNY or none, not %q", a.Currency)
	}
	for _, k := range a.APIKeys {
		if k == "" || strings.Count(k.Reveal(), ".") == 2 {
			return errors.New("an API key is empty or looks like a JWT")
		}
	}
	if a.WebhookSecret != "" {
		if _, err := standardwebhooks.NewWebhook(a.WebhookSecret.Reveal()); err != nil {
			return errors.New("its webhook secret is not whsec_ and base64")
		}
	}
	return nil
}

// DemoAccount returns an account named "demo" with random keys: an
// AccessKey/SecretKey pair and one API key. Its callbacks are unsigned.
func DemoAccount() Account {
	return Account{
		Name:      "demo",
		AccessKey: "sim-ak-" + rand.Text(),
		SecretKey: secret.Text(rand.Text()),
		APIKeys:   []secret.Text{secret.Text("sim-key-" + rand.Text())},
	}
}

// NewWebhookSecret returns a random secret in the form that Kling's console
// shows, for Account.WebhookSecret.
func NewWebhookSecret() secret.Text {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return secret.Text("whsec_" + base64.StdEncoding.EncodeToString(b))
}

// Sim is the simulated Kling. It is an http.Handler and safe for concurrent use.
type Sim struct {
	opt       Options
	ownClient bool // HTTPClient is ours to tidy up
	mux       *http.ServeMux
	log       *slog.Logger
	now       func() time.Time
	fileKey   []byte // signs result links
	directory atomic.Pointer[directory]
	faulty    atomic.Bool // there may be faults; spares the hot path a look

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	done sync.WaitGroup // the goroutines that Close waits for
	wake chan struct{}  // tells the clock of an earlier transition

	mu         sync.Mutex
	closed     bool
	accounts   map[string]*account
	tasks      []*task          // oldest first
	byID       map[string]*task // by Kling's id
	due        transitions
	createSeq  uint64 // create calls that arrived
	querySeq   uint64
	taskSeq    uint64
	creates    map[string]int // create calls by external id, refused ones too
	requests   map[Request]int
	faults     []*injected
	shares     shares // random faults on creates
	viewShares shares // and on queries
	changed    chan struct{}
	ready      []*task // have a callback to send
	senders    int     // goroutines that send callbacks
	pipes      *http.Server
	pipe       *pipeListener
}

// account is an Account with what has happened to it; all but conf is guarded
// by Sim.mu.
type account struct {
	conf       atomic.Pointer[Account]
	live       map[string]int   // tasks that hold a slot, by model
	byExternal map[string]*task // every task that has an external id
	spent      int64            // thousandths of a unit, billed
	reserved   int64            // thousandths of a unit, of live tasks
	deductions []deduction      // oldest first
	costsAt    time.Time        // of the last /account/costs that was answered
	bornAt     time.Time
}

// New starts a simulator. Close ends it. New panics on options that
// Options.Validate refuses.
func New(o Options) *Sim {
	if err := o.Validate(); err != nil {
		panic("klingsim: " + err.Error())
	}
	if o.CallbackRepeat == 0 {
		o.CallbackRepeat = 1
	}
	if o.CallbackTimeout == 0 {
		o.CallbackTimeout = 5 * time.Second
	}
	if o.CallbackConcurrency == 0 {
		o.CallbackConcurrency = 64
	}
	if o.Retention == 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	ownClient := o.HTTPClient == nil
	if ownClient {
		o.HTTPClient = callbackClient(o.CallbackConcurrency)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	s := &Sim{
		opt:       o,
		ownClient: ownClient,
		mux:       http.NewServeMux(),
		log:       o.Logger,
		now:       o.Now,
		fileKey:   make([]byte, 32),
		wake:      make(chan struct{}, 1),
		accounts:  map[string]*account{},
		byID:      map[string]*task{},
		creates:   map[string]int{},
		requests:  map[Request]int{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	_, _ = rand.Read(s.fileKey) // never fails, see crypto/rand
	s.ctx, s.stop = context.WithCancel(context.Background())
	for _, a := range o.Accounts {
		acct := &account{live: map[string]int{}, byExternal: map[string]*task{}, bornAt: s.now()}
		acct.conf.Store(a.clone())
		s.accounts[a.Name] = acct
	}
	s.directory.Store(newDirectory(s.accounts))
	s.SetFaultShare(o.FaultShare, o.QueryFaultShare)
	s.routes()
	s.done.Go(s.clock)
	return s
}

func (a *Account) clone() *Account {
	c := *a
	c.APIKeys = append([]secret.Text(nil), a.APIKeys...)
	c.Models = append([]string(nil), a.Models...)
	if a.Models == nil {
		c.Models = nil
	}
	return &c
}

// Update changes an account while the simulator runs: keys, a suspension, a
// limit. The name stays. An unknown name and an account that Options.Validate
// would refuse are errors.
func (s *Sim) Update(name string, change func(*Account)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	acct := s.accounts[name]
	if acct == nil {
		return fmt.Errorf("there is no account %q", name)
	}
	conf := acct.conf.Load().clone()
	change(conf)
	conf.Name = name
	var all []Account
	for n, a := range s.accounts {
		if n == name {
			all = append(all, *conf)
		} else {
			all = append(all, *a.conf.Load())
		}
	}
	if err := (Options{Accounts: all}).Validate(); err != nil {
		return err
	}
	acct.conf.Store(conf)
	s.directory.Store(newDirectory(s.accounts))
	return nil
}

// Close ends the simulator: callbacks that are not sent yet are dropped, hanging
// answers are cut, and its goroutines are gone when Close returns.
func (s *Sim) Close() {
	s.mu.Lock()
	s.closed = true
	pipes := s.pipes
	s.mu.Unlock()
	s.stop()
	if pipes != nil {
		_ = pipes.Close() // the listener's error means nothing any more
	}
	s.done.Wait()
	if s.ownClient {
		s.opt.HTTPClient.CloseIdleConnections()
	}
}

// ServeHTTP answers as Kling would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// draw throws the loaded dice: a number in [0, 1) that depends on the seed, the
// purpose and the count alone. The mixing is that of SplitMix64.
func (s *Sim) draw(purpose, n uint64) float64 {
	z := s.opt.Seed + purpose*0xd1342543de82ef95 + n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

// What the dice are thrown for.
const (
	drawJitter = iota + 1
	drawFailure
	drawDrop
	drawReorder
	drawCreateFault
	drawQueryFault
	drawServerError
)

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
