// Package provider is the seam between the gateway and an upstream. A provider
// translates and says truly what happened; retrying, charging, choosing and
// waiting are the gateway's. It keeps no state that matters and reads no
// database.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"one-api/internal/secret"
	"one-api/internal/video"
)

// Credential is one upstream account as a call needs it. The key is sent to
// BaseURL's host and to no other.
type Credential struct {
	BaseURL string      // "https://api-singapore.klingai.com", without a trailing slash
	Key     secret.Text // one key in the provider's own notation
	// WebhookSecrets verify the provider's own callback signatures; more than
	// one during a rotation, none when signing is off.
	WebhookSecrets []secret.Text
}

// Submission is one create call.
type Submission struct {
	Request     video.Request
	Ref         string // our external id for this attempt; unique at the upstream account
	CallbackURL string // "" asks for no callbacks
}

// Accepted is the upstream's word that it took the order.
type Accepted struct {
	UpstreamID string
	Status     Status // usually Submitted
}

// TaskRef names a task at the upstream: by its own id, or by our external id
// when UpstreamID is empty.
type TaskRef struct {
	Route      string // video.Request.Route of the order
	UpstreamID string
	Ref        string
}

// Status is an upstream's word for a task, mapped to four.
type Status string

const (
	Submitted  Status = "submitted"
	Processing Status = "processing"
	Succeeded  Status = "succeed"
	Failed     Status = "failed"
)

// Terminal reports whether the upstream will not change its word again.
func (s Status) Terminal() bool { return s == Succeeded || s == Failed }

// Report is what the upstream says of a task. A Report with Succeeded has at
// least one asset with a URL; a provider that sees a success without one
// returns Processing with a Note instead.
type Report struct {
	UpstreamID string
	Ref        string // external id as the upstream echoes it, "" when it does not
	Status     Status
	Message    string // the upstream's text, for the caller
	Note       string // something odd about the answer, for the operator's log
	Assets     []video.Asset
	Result     json.RawMessage // the upstream's own result object, for the caller
	Costs      []Cost          // what the upstream says it billed; may be empty
	UpdatedAt  time.Time       // the upstream's clock; zero when it does not say
	CreatedAt  time.Time       // likewise
}

// Cost is one amount that the upstream says it deducted.
type Cost = video.Cost

// Provider is what every upstream can do.
type Provider interface {
	// Submit sends the create call once. An error is always an *Error; its
	// Kind says whether an order may exist.
	Submit(ctx context.Context, cred Credential, s Submission) (Accepted, error)
	// Query asks for one task by upstream id, or by external id when that is
	// empty. An *Error with NotFound means that the upstream definitely does not
	// know it; every other kind (Unanswered, or a fault of the account) says
	// nothing about the task.
	Query(ctx context.Context, cred Credential, ref TaskRef) (Report, error)
}

// BatchQuerier is a provider that can ask for several tasks of one account in
// one call, or in few. Tasks missing from the answer are missing from the map.
type BatchQuerier interface {
	// BatchKey groups refs that can share a call; "" means that this ref cannot
	// be batched with this credential.
	BatchKey(cred Credential, ref TaskRef) string
	// BatchSize is how many refs of one BatchKey make a batch: at most, and at
	// least for it to cost less than asking for each.
	BatchSize(key string) (least, most int)
	// QueryBatch asks for refs of one BatchKey. The map's keys are the refs'
	// UpstreamID, or Ref for refs without one.
	QueryBatch(ctx context.Context, cred Credential, refs []TaskRef) (map[string]Report, error)
}

// Lister is a provider that lists an account's tasks.
type Lister interface {
	// List tells each of the account's tasks that were made from a time on, in
	// any order, some perhaps twice. It returns nil only when all have been told,
	// the *Error otherwise, and the first error of each.
	List(ctx context.Context, cred Credential, since time.Time, each func(Report) error) error
}

// Deduction is a row of an upstream's bill.
type Deduction struct {
	UpstreamID string
	Product    string // the upstream's words
	Model      string
	KeyName    string // which of the account's keys
	Cost       Cost
	At         time.Time
}

// Pack is units bought in advance.
type Pack struct {
	ID        string
	Name      string
	Total     string // exact decimal texts, in the pack's own unit
	Remaining string
	Status    string // "online", "toBeOnline", "expired", "runOut"
	StartsAt  time.Time
	EndsAt    time.Time // zero: never
}

// Biller is a provider that tells what it billed an account.
type Biller interface {
	// CanBill reports whether a key may read the bills.
	CanBill(key secret.Text) bool
	// Deductions tells each deduction from since until until, both included. It
	// returns nil only when all have been told.
	Deductions(ctx context.Context, cred Credential, since, until time.Time, each func(Deduction) error) error
	// Packs lists the account's packs. Upstreams allow this call rarely.
	Packs(ctx context.Context, cred Credential) ([]Pack, error)
}

// Prober is a provider with a call that costs nothing and shows whether a
// credential works.
type Prober interface {
	// Probe returns a sentence that says what was tried and what came back.
	Probe(ctx context.Context, cred Credential) (string, error)
}

// ErrSaysNothing is a callback, rightly signed where signatures are asked for,
// from whose body nothing can be read.
var ErrSaysNothing = errors.New("the callback says nothing")

// CallbackReader is a provider that posts callbacks.
type CallbackReader interface {
	// ReadCallback parses a callback body. proven is true only when the
	// provider's own signature was present and verified with a secret of cred;
	// a wrong signature is an error, and a body that names no task is
	// ErrSaysNothing. The report is a hint whoever sent it: it never settles a
	// task.
	ReadCallback(cred Credential, now time.Time, h http.Header, body []byte) (r Report, proven bool, err error)
}

// KeyChecker is a provider whose keys come in kinds that cannot all do
// everything.
type KeyChecker interface {
	// KeyKind names the kind of a key ("api_key", "ak_sk") or says what is wrong
	// with it.
	KeyKind(key secret.Text) (string, error)
	// CanServe reports whether a key can make calls on this route.
	CanServe(key secret.Text, route string) bool
}

// Driver is a provider as the gateway lists it.
type Driver struct {
	Name        string // "kling"; also the path prefix of its API here
	Title       string // for people: "Kling AI"
	ChannelType int    // value of channels.type
	BaseURLs    []string
	Models      []Model
	Open        func(*http.Client) Provider
}

// Model is one name that callers use, with what it can do.
type Model struct {
	Name         string       `json:"name"`
	Capabilities []Capability `json:"capabilities"`
}

// Capability is what a model does for one product. It is data: requests are
// checked against it, quotes, /v1/models and the playground read it.
type Capability struct {
	Type            video.Type `json:"type"`
	Route           string     `json:"route"`      // create path below the provider's prefix
	UpstreamModel   string     `json:"model_name"` // Kling: model_name, or the path's model
	Mode            string     `json:"mode"`       // "" when the model takes none
	Resolution      string     `json:"resolution"` // what the mode means
	Durations       []int      `json:"durations"`  // seconds, ascending
	DefaultDuration int        `json:"default_duration"`
	AspectRatios    []string   `json:"aspect_ratios"` // empty: the field is not taken
	DefaultAspect   string     `json:"default_aspect_ratio,omitempty"`
	MaxPrompt       int        `json:"max_prompt"` // characters
	NegativePrompt  bool       `json:"negative_prompt"`
	CfgScale        bool       `json:"cfg_scale"`
	Sound           string     `json:"sound"`      // "none", "optional", "always"
	Voices          int        `json:"voices"`     // most voices, 0: none
	MinImages       int        `json:"min_images"` // pictures in the product's picture field(s)
	MaxImages       int        `json:"max_images"`
	LastFrame       bool       `json:"last_frame"`
	MaxVideos       int        `json:"max_videos"`
	MaxElements     int        `json:"max_elements"`
	MultiShot       bool       `json:"multi_shot"`
	CameraControl   bool       `json:"camera_control"`
	MotionBrush     bool       `json:"motion_brush"`
	Watermark       bool       `json:"watermark"`
}

// Kind tells the gateway what to do next; the texts beside it are for people.
type Kind string

const (
	// The create was refused and nothing exists upstream:
	Rejected    Kind = "rejected"    // the order itself is wrong or forbidden: fail the task
	BadKey      Kind = "bad_key"     // the credential is refused: channel out, try another
	NoCredit    Kind = "no_credit"   // account in arrears, or the product's pack used up: channel out, try another
	NotAllowed  Kind = "not_allowed" // this account may not use this model, or it is gone: try another channel
	Throttled   Kind = "throttled"   // too much at once: wait, or try another channel
	Unreachable Kind = "unreachable" // no byte of the request was written: try again

	// Nothing is known:
	Unsure    Kind = "unsure"    // an order may exist: never send again, ask by external id
	Duplicate Kind = "duplicate" // the external id exists already: ask by external id

	// Queries only:
	NotFound   Kind = "not_found"  // the upstream definitely does not know the task
	Unanswered Kind = "unanswered" // no usable answer: ask again later
)

// Error is what went wrong at an upstream.
type Error struct {
	Kind       Kind
	Code       int    // the upstream's own number, 0 when it gave none
	HTTPStatus int    // 0 when there was no answer
	Message    string // the upstream's text, or ours; never holds a key
	RequestID  string // the upstream's request id
	RetryAfter time.Duration
	// Full says of Throttled that too many of the account's tasks are live:
	// waiting for one to end helps, slowing down does not.
	Full  bool
	Cause error
}

func (e *Error) Error() string {
	s := string(e.Kind)
	if e.HTTPStatus != 0 {
		s += fmt.Sprintf(" (HTTP %d, code %d)", e.HTTPStatus, e.Code)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError returns the *Error inside err. Any other error counts as Unsure: what
// a provider did not classify may have created an order.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Unsure, Message: "unclassified error", Cause: err}
}
