// Package account is who may call: users with a role and a group, and the
// tokens that act for them.
package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/secret"
)

// Role is what a user may do in management.
type Role string

const (
	Root  Role = "root"  // everything; at least one always exists
	Admin Role = "admin" // everything but roles of administrators and security settings
	Plain Role = "user"  // what is theirs
)

// Status switches a user or a token off without deleting it.
type Status int

const (
	Enabled  Status = 1
	Disabled Status = 2
)

// DefaultGroup is the group of users and channels that name none.
const DefaultGroup = "default"

// User is a person or a service with a balance.
type User struct {
	ID       int64
	Name     string // sign-in name, unique
	Role     Role
	Status   Status
	Group    string
	Webhooks int // generation of the webhook signing secret
	Rotated  time.Time
	Rate     int // requests a minute, of all tokens together; 0: no limit
}

// Endpoint is an address that is told of the end of every task of a user.
type Endpoint struct {
	ID         int64
	UserID     int64
	URL        string
	Events     []string // event types, see EventTypes; empty: all
	Status     Status
	Generation int       // of its signing secret
	Rotated    time.Time // zero: only the newest secret signs
}

// EventTypes are the types of events that endpoints are sent.
var EventTypes = []string{"task.succeed", "task.failed"}

// Wants reports whether the endpoint is to be told of events of a type.
func (e *Endpoint) Wants(eventType string) bool {
	return e.Status == Enabled && (len(e.Events) == 0 || slices.Contains(e.Events, eventType))
}

// Group is a group of users: the channels they may use and their price ratio.
type Group struct {
	Name  string
	Ratio money.Decimal // applied last to each price
}

// Token is what a caller sends. Its text is known only when it is made; the
// database keeps its hash.
type Token struct {
	ID        int64
	UserID    int64
	Name      string
	Hash      Hash
	Prefix    string // first characters of the text, to recognise it by
	AccessKey string // names the token in JWTs that Kling's clients sign
	Status    Status
	Test      bool         // sk-test-…: the play ledger and a simulated upstream
	Limit     *money.Quota // budget over the token's life; nil: none
	ExpiresAt time.Time    // zero: never
	Models    []string     // allowed models or their base names; empty: all
	Networks  []netip.Prefix
	Rate      int // requests a minute; 0: the default
}

// Hash is the SHA-256 of a token's text.
type Hash [sha256.Size]byte

// HashToken hashes a token's text as a caller sends it.
func HashToken(text string) Hash { return sha256.Sum256([]byte(text)) }

// Hex is the form that the database keeps.
func (h Hash) Hex() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what Hex wrote.
func ParseHash(s string) (h Hash, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, false
	}
	return Hash(b), true
}

const (
	tokenPrefix     = "sk-"
	testTokenPrefix = "sk-test-"
)

// NewTokenText makes a token: "sk-" or "sk-test-" and 48 letters and digits
// (285 random bits).
func NewTokenText(test bool) secret.Text {
	p := tokenPrefix
	if test {
		p = testTokenPrefix
	}
	return secret.Text(p + randomText(48))
}

// NewAccessKey makes the public name of a token for JWT clients.
func NewAccessKey() string { return "ak-" + randomText(24) }

// TestToken reports whether a token's text is of test mode.
func TestToken(text string) bool { return strings.HasPrefix(text, testTokenPrefix) }

// PrefixOf is the part of a token's text that may be shown later.
func PrefixOf(text secret.Text) string {
	s := text.Reveal()
	n := len(tokenPrefix) + 4
	if TestToken(s) {
		n = len(testTokenPrefix) + 4
	}
	return s[:min(n, len(s)/2)]
}

// SecretKey derives the SecretKey that goes with a token's AccessKey. It needs
// the token's hash only, so that it can be checked without keeping the text.
func SecretKey(keys *secret.Keyring, h Hash) secret.Text {
	mac := secret.MAC(keys.Derive("token secret key"), string(h[:]))
	return secret.Text(base64.RawURLEncoding.EncodeToString(mac))
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func randomText(n int) string {
	b := make([]byte, n)
	limit := big.NewInt(int64(len(alphabet)))
	for i := range b {
		v, err := rand.Int(rand.Reader, limit)
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		b[i] = alphabet[v.Int64()]
	}
	return string(b)
}

// Expired reports whether the token's time is over.
func (t *Token) Expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// MayUse reports whether the token's model list allows a model. A list entry
// names one model ("kling-v1-6-pro") or, without its mode, all modes of it
// ("kling-v1-6").
func (t *Token) MayUse(name string) bool {
	return len(t.Models) == 0 || slices.ContainsFunc(t.Models, func(m string) bool { return model.Covers(m, name) })
}

// MayCallFrom reports whether the token's address list allows an address.
func (t *Token) MayCallFrom(a netip.Addr) bool {
	return len(t.Networks) == 0 ||
		slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}
