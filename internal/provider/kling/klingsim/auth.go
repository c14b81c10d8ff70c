package klingsim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/secret"
)

// directory finds the account behind a token. It is replaced as a whole when an
// account changes, so that reading it takes no lock.
type directory struct {
	apiKeys    map[string]holder // by key
	accessKeys map[string]holder // by access key
	verified   tokenCache
}

// holder is who a key belongs to.
type holder struct {
	account *account
	keyName string // as billing exports show it; "" for AK/SK
	secret  secret.Text
}

func newDirectory(accounts map[string]*account) *directory {
	d := &directory{apiKeys: map[string]holder{}, accessKeys: map[string]holder{}}
	for _, a := range accounts {
		conf := a.conf.Load()
		for i, k := range conf.APIKeys {
			d.apiKeys[k.Reveal()] = holder{account: a, keyName: "key-" + strconv.Itoa(i+1)}
		}
		if conf.AccessKey != "" {
			d.accessKeys[conf.AccessKey] = holder{account: a, secret: conf.SecretKey}
		}
	}
	return d
}

// tokenCache remembers tokens whose signature was right: clients send one JWT
// for half an hour, and checking it costs more than a create.
type tokenCache struct {
	mu sync.Mutex
	m  map[string]verified
}

type verified struct {
	holder   holder
	from, to time.Time
}

const tokenCacheSize = 1000

func (c *tokenCache) get(token string) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.m[token]
	return v, ok
}

func (c *tokenCache) put(token string, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= tokenCacheSize {
		c.m = map[string]verified{}
	}
	c.m[strings.Clone(token)] = v
}

// keyKinds says which credentials a path takes.
type keyKinds int

const (
	noKey      keyKinds = iota // signed links, administration
	anyKey                     // legacy paths and /account/costs
	apiKeyOnly                 // everything else
)

// authenticate finds who calls, or says why nobody may: Kling's codes 1000 to
// 1004, all with HTTP 401.
func (s *Sim) authenticate(r *http.Request, kinds keyKinds) (holder, *refusal) {
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if header == "" {
		return holder{}, refuse(http.StatusUnauthorized, 1001, "Authorization is empty")
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	token = strings.TrimSpace(token)
	if !ok || token == "" {
		return holder{}, refuse(http.StatusUnauthorized, 1002, "Authorization is invalid")
	}
	d := s.directory.Load()
	if h, ok := d.apiKeys[token]; ok {
		return h, nil
	}
	if strings.Count(token, ".") != 2 {
		return holder{}, refuse(http.StatusUnauthorized, 1000, "Authentication failed")
	}
	if kinds != anyKey {
		return holder{}, refuse(http.StatusUnauthorized, 1002, "API does not support AK/SK, use an API key")
	}
	return d.verify(token, s.now())
}

// verify checks a JWT that a client signed itself: HS256 with the SecretKey's
// bytes, iss the AccessKey, exp and nbf in seconds. No leeway is given.
func (d *directory) verify(token string, now time.Time) (holder, *refusal) {
	v, ok := d.verified.get(token)
	if !ok {
		var refused *refusal
		if v, refused = d.parse(token); refused != nil {
			return holder{}, refused
		}
		d.verified.put(token, v)
	}
	if now.Before(v.from) {
		return holder{}, refuse(http.StatusUnauthorized, 1003, "Authorization is not yet valid")
	}
	if !now.Before(v.to) {
		return holder{}, refuse(http.StatusUnauthorized, 1004, "Authorization has expired")
	}
	return v.holder, nil
}

// errUnknownKey says that iss names no account.
var errUnknownKey = errors.New("unknown access key")

func (d *directory) parse(token string) (verified, *refusal) {
	var claims jwt.RegisteredClaims
	var found holder
	// The times are compared at every call, not only when the token is new.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) {
		h, ok := d.accessKeys[claims.Issuer]
		if !ok {
			return nil, fmt.Errorf("%w %q", errUnknownKey, claims.Issuer)
		}
		found = h
		return []byte(h.secret.Reveal()), nil
	})
	switch {
	case errors.Is(err, errUnknownKey) || errors.Is(err, jwt.ErrTokenSignatureInvalid) && found.account != nil:
		return verified{}, refuse(http.StatusUnauthorized, 1000, "Authentication failed")
	case err != nil:
		return verified{}, refuse(http.StatusUnauthorized, 1002, "Authorization is invalid")
	case claims.ExpiresAt == nil:
		return verified{}, refuse(http.StatusUnauthorized, 1002, "Authorization is invalid: exp is missing")
	}
	v := verified{holder: found, to: claims.ExpiresAt.Time}
	if claims.NotBefore != nil {
		v.from = claims.NotBefore.Time
	}
	return v, nil
}
