// Package task is one accepted order: its states and the only steps between
// them. Steps are plain computations; store records them, guarded by the state
// and epoch that they started from.
package task

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/video"
)

// Status is where a task stands; the words are those of table videos.
type Status string

const (
	Pending    Status = "pending"    // committed with its hold, nothing sent
	Submitting Status = "submitting" // a node has sent the create call or is about to
	Unknown    Status = "unknown"    // nobody knows how the create call ended
	Submitted  Status = "submitted"  // the upstream has it and told us its id
	Processing Status = "processing" // the upstream works on it
	Succeeded  Status = "succeed"    // terminal: the result is recorded, the hold captured
	Failed     Status = "failed"     // terminal: FailCode says why, the hold is released
)

// Live are the states that a task can leave.
var Live = []Status{Pending, Submitting, Unknown, Submitted, Processing}

// Terminal reports whether a task in this state has ended.
func (s Status) Terminal() bool { return s == Succeeded || s == Failed }

// Public is the word that callers see: they need not know how sure we are.
func (s Status) Public() string {
	if s == Submitting || s == Unknown {
		return string(Submitted)
	}
	return string(s)
}

// FailCode is why a task failed, for programs.
type FailCode string

const (
	Rejected       FailCode = "rejected"        // the upstream refused the order
	UpstreamFailed FailCode = "upstream_failed" // the upstream took it and could not do it
	NoChannel      FailCode = "no_channel"      // no channel could take it in time
	Expired        FailCode = "expired"         // the upstream gave no outcome until the deadline
	Cancelled      FailCode = "cancelled"       // by the user or an operator, before it was sent
	Unproven       FailCode = "unproven"        // the create call's outcome could not be settled; see ADR 0002
	DeadlinePassed FailCode = "deadline_passed" // the caller's own deadline passed before it was sent
)

// Task is one row of table videos.
type Task struct {
	ID      string
	UserID  int64
	TokenID int64
	Test    bool // play ledger and simulated upstream

	Provider    string
	Type        video.Type
	Model       string
	Route       string // video.Request.Route
	Prompt      string
	Duration    int // seconds
	AspectRatio string
	Mode        string

	ExternalID  string // the caller's own id; "" when none
	CallbackURL string // the caller's; "" when none
	Tags        string // JSON object of strings, "" when none

	Quota        money.Quota // the price: what is held, and captured on success
	Charged      money.Quota // what was captured
	PriceRule    string
	PriceVersion int64

	Status     Status
	FailCode   FailCode
	FailReason string
	Epoch      int64 // raised by every recorded step

	// The current or last attempt. The row holds it before the first byte is
	// sent: that is what makes a lost answer findable.
	Attempt    int  // 0: none yet
	Resent     bool // the attempt was sent once more after proof of absence
	ChannelID  int64
	KeyID      string // which of the channel's keys
	Ref        string // our external id at the upstream
	UpstreamID string

	VideoID  string // upstream's id of the first result
	StoreURL string // address of the first result
	Result   json.RawMessage
	Costs    []video.Cost

	NextCheckAt   time.Time // zero once terminal
	Checks        int       // polls since the last change of state
	Absences      int       // definite "no such task" answers in a row
	FirstAbsentAt time.Time

	RequestID   string // of the request that created it
	CreatedAt   time.Time
	SubmittedAt time.Time
	FinishedAt  time.Time
	UpdatedAt   time.Time
	DeadlineAt  time.Time // ends as Expired if nothing is known by then
	SendBefore  time.Time // not sent after this
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID makes an id with a prefix: a time in milliseconds that sorts, then 128
// random bits. It tells when a task was made and nothing else.
func NewID(prefix string, now time.Time) string {
	var b [22]byte
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	_, _ = rand.Read(b[6:])
	var out strings.Builder
	out.Grow(len(prefix) + 36)
	out.WriteString(prefix)
	out.WriteString(idEncoding.EncodeToString(b[:6])) // 10 characters: lists sort by them
	out.WriteString(idEncoding.EncodeToString(b[6:])) // 26 characters
	return out.String()
}

// TimeOf is when an id with a prefix was made by NewID; the characters behind
// its time may be missing.
func TimeOf(prefix, id string) (time.Time, error) {
	const digits = 10
	text, ok := strings.CutPrefix(id, prefix)
	if !ok || len(text) < digits {
		return time.Time{}, fmt.Errorf("%.64q is no id that begins with %s and a time", id, prefix)
	}
	b, err := idEncoding.DecodeString(text[:digits])
	if err != nil {
		return time.Time{}, fmt.Errorf("%.64q has no time: %w", id, err)
	}
	var ms int64
	for _, x := range b {
		ms = ms<<8 | int64(x)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// IDPrefix starts the id of every task of a provider: "kling_".
func IDPrefix(provider string) string { return provider + "_" }

// Order is what the ledger needs to know.
func (t *Task) Order() ledger.Order {
	return ledger.Order{TaskID: t.ID, UserID: t.UserID, TokenID: t.TokenID, Price: t.Quota, Test: t.Test}
}

// Attempt is the outcome of one create call, as table attempts keeps it.
type Attempt struct {
	TaskID     string
	N          int
	ChannelID  int64
	KeyID      string
	Ref        string
	Outcome    string // "accepted", "rejected", "unsure", … a provider.Kind or "accepted"
	HTTPStatus int
	Code       int
	Message    string
	UpstreamID string
	SentAt     time.Time
	AnsweredAt time.Time
}

// Event is what the owner of a task is told when it ends, in the outbox.
type Event struct {
	ID        string
	TaskID    string
	UserID    int64
	Type      string              // "task.succeed", "task.failed"
	URL       string              // the request's callback_url; "" when none
	Payload   json.RawMessage     // what URL receives
	Endpoints []*account.Endpoint // of the owner, those that want it
	Body      json.RawMessage     // what Endpoints receive
	CreatedAt time.Time
}

// Acceptance is a new task with all that is committed with it.
type Acceptance struct {
	Task Task   // Pending, or Submitting on the channel chosen
	Body []byte // video.Request.Body
	Hold ledger.Entry
	// MaxLive is the chosen channel's limit of live tasks per model, 0: none.
	// When it is reached, the task is committed as Pending instead, or refused
	// as Throttled when NoWait is set.
	MaxLive     int
	NoWait      bool
	Group       string // of the user: with whom the task waits, if it must
	Idempotency *Idempotency
}

// Idempotency makes repeating a create harmless.
type Idempotency struct {
	Key  string // as the caller sent it
	Hash string // hex SHA-256 of method, path and body
}

// Answer is what a caller was told of a create, kept for repetitions.
type Answer struct {
	Status int // HTTP status; 0 while the first request still runs
	Body   []byte
}

// Committed is what came of an Acceptance.
type Committed struct {
	Task Task
	// Replayed is set when the key had been used for the same request: Task is
	// the first one as it is now, and nothing was created.
	Replayed *Answer
}

// Change is one step to be recorded: the whole of it or nothing.
type Change struct {
	From    Task // as it was read: its Status and Epoch guard the step
	To      Task
	Attempt *Attempt      // outcome of a create call that the step records
	Settle  *ledger.Entry // set exactly when To is terminal and From is not
	Event   *Event        // set only with Settle
	// MaxLive is the limit of the channel that To begins an attempt on.
	MaxLive int
	Group   string // of the user, when To is Pending: with whom the task waits
	Late    *Late  // set only with Settle: the upstream may have it all the same
}

// Late is how a task that ended without charge is still asked for, so that the
// operator learns what the upstream billed. It changes nothing about the task.
type Late struct {
	First time.Time // when it is asked for first
	Until time.Time // not asked for after this
}

// Lane is a queue: tasks that wait for the same channels, sent by turns of their
// users.
type Lane struct {
	Provider string
	Route    string
	Model    string
	Group    string // of users
	Test     bool
}

// Lane is where a task of a user of a group waits.
func (t *Task) Lane(group string) Lane {
	return Lane{Provider: t.Provider, Route: t.Route, Model: t.Model, Group: group, Test: t.Test}
}

// illegal is the answer to a step that does not exist.
func (t *Task) illegal(step string) error {
	return fault.New(fault.Conflict, "Task %s is %s and cannot be %s.", t.ID, t.Status.Public(), step)
}
