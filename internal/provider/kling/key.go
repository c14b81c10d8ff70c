package kling

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
)

// A key is one of two kinds. The new generation takes API keys only; a signed
// token answers there with 401 / 1002.
const (
	kindAPIKey = "api_key" // sent as it is
	kindPair   = "ak_sk"   // AccessKey|SecretKey, which signs short-lived tokens
)

// credentialKey is a key read: an API key in id, or a pair.
type credentialKey struct{ id, secret string }

func (k credentialKey) kind() string {
	if k.secret != "" {
		return kindPair
	}
	return kindAPIKey
}

func (k credentialKey) serves(route string) bool {
	return k.secret == "" || legacy(route) || route == costsPath
}

func parseKey(text secret.Text) (credentialKey, error) {
	key := text.Reveal()
	if key == "" {
		return credentialKey{}, errors.New("the key is empty")
	}
	// What a token may hold by RFC 6750 is narrower; this is what breaks headers
	// and what people paste by mistake.
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return credentialKey{}, errors.New("the key holds a space, a line break or a character outside ASCII; leave out \"Bearer\"")
	}
	id, sk, pair := strings.Cut(key, "|")
	switch {
	case !pair && strings.Contains(key, ","):
		return credentialKey{}, errors.New("the key holds a comma; write a pair as AccessKey|SecretKey")
	case !pair:
		return credentialKey{id: key}, nil
	case id == "" || sk == "" || strings.Contains(sk, "|"):
		return credentialKey{}, errors.New("a pair is written AccessKey|SecretKey, with one bar between two values")
	}
	return credentialKey{id: id, secret: sk}, nil
}

// KeyKind names the kind of a key, "api_key" or "ak_sk", or says what is wrong
// with it.
func (u *Upstream) KeyKind(key secret.Text) (string, error) {
	k, err := parseKey(key)
	if err != nil {
		return "", err
	}
	return k.kind(), nil
}

// CanServe reports whether a key can make calls on a route.
func (u *Upstream) CanServe(key secret.Text, route string) bool {
	k, err := parseKey(key)
	return err == nil && k.serves(route)
}

// Tokens of a pair live for the half hour that Kling documents and are used for
// half of it. The start lies back, since clocks differ.
const (
	tokenLife = 30 * time.Minute
	tokenSlip = time.Minute
)

// token is a signed token that is still good to use.
type token struct {
	secret string // of the pair that signed it: an AccessKey may get a new one
	text   secret.Text
	until  time.Time
}

// bearer is what stands behind "Bearer" for a key.
func (u *Upstream) bearer(k credentialKey) secret.Text {
	if k.secret == "" {
		return secret.Text(k.id)
	}
	now := u.now()
	u.mu.Lock()
	t, ok := u.tokens[k.id]
	u.mu.Unlock()
	if ok && t.secret == k.secret && now.Before(t.until) {
		return t.text
	}
	return u.sign(k, now, now)
}

// renew signs anew after Kling called a token expired or not yet valid, by
// Kling's clock where it told the time: ours must be the wrong one.
func (u *Upstream) renew(k credentialKey, a outbound.Answer) secret.Text {
	now := u.now()
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		at = now
	}
	return u.sign(k, at, now)
}

// maxTokens bounds the memory for tokens; keys that are gone leave theirs
// behind until then.
const maxTokens = 1024

func (u *Upstream) sign(k credentialKey, at, now time.Time) secret.Text {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer:    k.id,
		ExpiresAt: jwt.NewNumericDate(at.Add(tokenLife)),
		NotBefore: jwt.NewNumericDate(at.Add(-tokenSlip)),
	}).SignedString([]byte(k.secret))
	if err != nil {
		panic(err) // HS256 signs with any bytes
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.tokens) >= maxTokens {
		clear(u.tokens)
	}
	u.tokens[k.id] = token{secret: k.secret, text: secret.Text(text), until: now.Add(tokenLife / 2)}
	return secret.Text(text)
}

// secretsOf are the texts that must not stand in an error: the key and its
// parts, and the token in use.
func (u *Upstream) secretsOf(text secret.Text) []string {
	out := make([]string, 0, 3)
	out = append(out, text.Reveal())
	if k, err := parseKey(text); err == nil && k.secret != "" {
		u.mu.Lock()
		out = append(out, u.tokens[k.id].text.Reveal(), k.secret)
		u.mu.Unlock()
	}
	return out
}
