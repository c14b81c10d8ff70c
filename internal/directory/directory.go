// Package directory is one node's view, in memory, of who may call and who may
// serve: tokens, users, channels, prices and settings. It makes the hot path
// free of database reads; what must be exact (balances, budgets) is guarded in
// the transaction that changes it.
//
// A view is immutable. store builds a new one when the database's version rows
// say that something changed, at most two seconds after the change.
package directory

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/price"
)

// View is what was true when it was read.
type View struct {
	Tokens      map[account.Hash]*account.Token
	AccessKeys  map[string]*account.Token // by AccessKey
	Users       map[int64]*account.User
	Groups      map[string]*account.Group
	Endpoints   map[int64]*account.Endpoint   // webhook endpoints, by id
	EndpointsOf map[int64][]*account.Endpoint // the same by user, oldest first
	Channels    []*channel.Channel
	ChannelIDs  map[int64]*channel.Channel
	Catalogue   *price.Catalogue
	Settings    Settings
	Recovery    Recovery
	LoadedAt    time.Time
}

// Recovery is whether the gateway is finding out what happened since the backup
// that it was restored from. Until it has, nothing is sent.
type Recovery struct {
	Active    bool
	StartedAt time.Time
	BackupAt  time.Time // the last moment that the backup knew of
	Reason    string
	// Unsettled counts tasks of the backup of which nobody knows whether they
	// were sent after it; they are never sent again.
	Unsettled int
}

// Settings are switches that an administrator changes while the gateway runs.
type Settings struct {
	// QueueWhenBusy accepts an order while no channel is free and sends it
	// later; otherwise the caller gets 429.
	QueueWhenBusy bool
	// ResendAfterAbsence allows one more create call after proof that the
	// upstream does not have the first.
	ResendAfterAbsence bool
	DefaultRate        int // requests a minute and token; 0: no limit
	// LogLevel is the level of every node's log: debug, info, warn or error; ""
	// is the one that each node was started with.
	LogLevel     string
	Registration Registration
	// WebhookKeepDays is how long delivered events are kept.
	WebhookKeepDays int
	Notice          string // told to everybody who opens the console; "" is none
}

// Registration says who may make an account without an administrator.
type Registration string

const (
	RegistrationClosed Registration = "closed" // nobody
	RegistrationOpen   Registration = "open"   // anybody
	RegistrationInvite Registration = "invite" // who has an invitation code
)

// DefaultSettings hold until an administrator changes them.
func DefaultSettings() Settings {
	return Settings{QueueWhenBusy: true, ResendAfterAbsence: true, Registration: RegistrationClosed, WebhookKeepDays: 30}
}

// Fields names the settings, as table settings does, with where each is kept.
func (s *Settings) Fields() map[string]any {
	return map[string]any{
		"queue_when_busy":      &s.QueueWhenBusy,
		"resend_after_absence": &s.ResendAfterAbsence,
		"default_rate":         &s.DefaultRate,
		"log_level":            &s.LogLevel,
		"registration":         &s.Registration,
		"webhook_keep_days":    &s.WebhookKeepDays,
		"notice":               &s.Notice,
	}
}

// Most that settings may hold.
const (
	MaxRate   = 100_000 // requests a minute
	MaxKeep   = 3650    // days
	MaxNotice = 2000    // characters
)

// Validate names the first setting whose value makes no sense, and what would.
func (s *Settings) Validate() (name, problem string) {
	switch {
	case s.DefaultRate < 0 || s.DefaultRate > MaxRate:
		return "default_rate", "must be from 0 (no limit) to 100000 requests a minute"
	case !slices.Contains([]string{"", "debug", "info", "warn", "error"}, s.LogLevel):
		return "log_level", "must be debug, info, warn or error, or empty for the level that each node was started with"
	case !slices.Contains([]Registration{RegistrationClosed, RegistrationOpen, RegistrationInvite}, s.Registration):
		return "registration", "must be closed, open or invite"
	case s.WebhookKeepDays < 1 || s.WebhookKeepDays > MaxKeep:
		return "webhook_keep_days", "must be from 1 to 3650 days"
	case utf8.RuneCountInString(s.Notice) > MaxNotice || !utf8.ValidString(s.Notice) || strings.ContainsFunc(s.Notice, unprintable):
		return "notice", "must have at most 2000 printable characters"
	}
	return "", ""
}

func unprintable(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// Directory hands out the current view. The zero value has an empty one.
type Directory struct {
	view      atomic.Pointer[View]
	mu        sync.Mutex
	listeners []func(*View)
}

// View returns the current view, never nil.
func (d *Directory) View() *View {
	if v := d.view.Load(); v != nil {
		return v
	}
	return &View{Settings: DefaultSettings()}
}

// Replace makes v the current view and tells the listeners.
func (d *Directory) Replace(v *View) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view.Store(v)
	for _, f := range d.listeners {
		f(v)
	}
}

// Listen calls f with the current view and with each one that replaces it. f
// must not block or replace the view.
func (d *Directory) Listen(f func(*View)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners = append(d.listeners, f)
	f(d.View())
}

// Channel finds a channel, whatever its status.
func (v *View) Channel(id int64) (*channel.Channel, bool) {
	c, ok := v.ChannelIDs[id]
	return c, ok
}
