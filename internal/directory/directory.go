// Package directory is one node's view, in memory, of who may call and who may
// serve: tokens, users, channels, prices and settings. It makes the hot path
// free of database reads; what must be exact (balances, budgets) is guarded in
// the transaction that changes it.
//
// A view is immutable. store builds a new one when the database's version rows
// say that something changed, at most two seconds after the change.
package directory

import (
	"sync/atomic"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/price"
)

// View is what was true when it was read.
type View struct {
	Tokens     map[account.Hash]*account.Token
	AccessKeys map[string]*account.Token // by AccessKey
	Users      map[int64]*account.User
	Groups     map[string]*account.Group
	Channels   []*channel.Channel
	ChannelIDs map[int64]*channel.Channel
	Catalogue  *price.Catalogue
	Settings   Settings
	LoadedAt   time.Time
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
}

// DefaultSettings hold until an administrator changes them.
func DefaultSettings() Settings {
	return Settings{QueueWhenBusy: true, ResendAfterAbsence: true}
}

// Fields names the settings, as table settings does, with where each is kept.
func (s *Settings) Fields() map[string]any {
	return map[string]any{
		"queue_when_busy":      &s.QueueWhenBusy,
		"resend_after_absence": &s.ResendAfterAbsence,
		"default_rate":         &s.DefaultRate,
	}
}

// Directory hands out the current view. The zero value has an empty one.
type Directory struct{ view atomic.Pointer[View] }

// View returns the current view, never nil.
func (d *Directory) View() *View {
	if v := d.view.Load(); v != nil {
		return v
	}
	return &View{Settings: DefaultSettings()}
}

// Replace makes v the current view.
func (d *Directory) Replace(v *View) { d.view.Store(v) }

// Channel finds a channel, whatever its status.
func (v *View) Channel(id int64) (*channel.Channel, bool) {
	c, ok := v.ChannelIDs[id]
	return c, ok
}
