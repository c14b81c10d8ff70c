// Package auth turns a credential into a caller: the token, its user, and the
// refusal when one of them may not call.
package auth

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/account"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/secret"
)

// Caller is who sent a request.
type Caller struct {
	User  *account.User
	Token *account.Token
}

// Authenticator reads credentials. It asks memory only.
type Authenticator struct {
	Directory *directory.Directory
	Keys      *secret.Keyring
	Now       func() time.Time
	Usage     *Usage // notes each use of a token; nil: nobody asks
}

// leeway forgives clocks of clients that sign their own JWTs.
const leeway = time.Minute

func refuse(reason, format string, args ...any) *fault.Error {
	return fault.New(fault.Unauthenticated, format, args...).Named(reason)
}

// Caller authenticates a request from an address. Unauthenticated and
// Forbidden say why not.
func (a *Authenticator) Caller(r *http.Request, from netip.Addr) (Caller, error) {
	text := strings.TrimSpace(r.Header.Get("Authorization"))
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	if text == "" || strings.EqualFold(text, "Bearer") {
		return Caller{}, refuse("missing_credentials", "Send your token in the header: Authorization: Bearer sk-…")
	}
	if len(text) > 4096 {
		return Caller{}, refuse("invalid_token", "The token is not valid.")
	}
	v := a.Directory.View()
	t, err := a.token(v, text)
	if err != nil {
		return Caller{}, err
	}
	now := a.Now()
	switch {
	case t.Status != account.Enabled:
		return Caller{}, refuse("token_disabled", "This token is disabled.")
	case t.Expired(now):
		return Caller{}, refuse("token_expired", "This token expired at %s.", t.ExpiresAt.Format(time.RFC3339))
	case !t.MayCallFrom(from):
		return Caller{}, fault.New(fault.Forbidden, "This token may not be used from %s.", from).Named("address_not_allowed")
	}
	u, ok := v.Users[t.UserID]
	if !ok {
		return Caller{}, refuse("invalid_token", "The token is not valid.")
	}
	if u.Status != account.Enabled {
		return Caller{}, fault.New(fault.Forbidden, "The user of this token is disabled.").Named("user_disabled")
	}
	if a.Usage != nil {
		a.Usage.note(t.ID, now)
	}
	return Caller{User: u, Token: t}, nil
}

// token finds the token by its text, or by a JWT that a Kling client signed.
func (a *Authenticator) token(v *directory.View, text string) (*account.Token, error) {
	if strings.Count(text, ".") == 2 {
		return a.signed(v, text)
	}
	if t, ok := v.Tokens[account.HashToken(text)]; ok {
		return t, nil
	}
	if !strings.HasPrefix(text, "sk-") { // some clients strip the prefix
		if t, ok := v.Tokens[account.HashToken("sk-"+text)]; ok {
			return t, nil
		}
	}
	return nil, refuse("invalid_token", "The token is not valid.")
}

// signed checks a JWT as Kling's own clients make it: HS256, iss is the
// AccessKey, exp and nbf as usual. The pair is the token's AccessKey and
// SecretKey, or the token's text for both.
func (a *Authenticator) signed(v *directory.View, text string) (*account.Token, error) {
	var found *account.Token
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithLeeway(leeway),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(a.Now))
	_, err := parser.ParseWithClaims(text, &jwt.RegisteredClaims{}, func(j *jwt.Token) (any, error) {
		iss, err := j.Claims.GetIssuer()
		if err != nil || iss == "" {
			return nil, errors.New("no issuer")
		}
		if t, ok := v.AccessKeys[iss]; ok {
			found = t
			return []byte(account.SecretKey(a.Keys, t.Hash).Reveal()), nil
		}
		if t, ok := v.Tokens[account.HashToken(iss)]; ok {
			found = t
			return []byte(iss), nil
		}
		return nil, errors.New("unknown issuer")
	})
	switch {
	case err == nil:
		return found, nil
	case found != nil && errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, refuse("jwt_expired", "The JWT has expired. Sign a new one.").Because(err)
	case found != nil && errors.Is(err, jwt.ErrTokenNotValidYet) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, refuse("jwt_not_yet_valid", "The JWT is not valid yet. Check the clock that signs it.").Because(err)
	}
	return nil, refuse("invalid_token", "The JWT is not valid: sign it with HS256, the AccessKey as iss, and exp.").Because(err)
}
