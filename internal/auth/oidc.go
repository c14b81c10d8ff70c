package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

// OIDC signs people in at one OpenID Connect provider: code flow with PKCE,
// state and nonce. Fill the first four fields; the provider is asked about
// itself when somebody first signs in, not at start.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret secret.Text // "" for a public client
	Name         string      // on the button
	// Now is the clock that the life of a provider's answer is measured with;
	// nil: time.Now.
	Now func() time.Time

	mu       sync.Mutex
	provider *oidc.Provider
	failed   time.Time // when the provider last did not answer
	failure  error
}

// patience is how long a provider that did not answer is left alone, so that
// requests do not queue for it.
const patience = 5 * time.Second

// oidcTimeout bounds every call to the provider.
const oidcTimeout = 10 * time.Second

var oidcClient = &http.Client{Timeout: oidcTimeout}

// Flow is what must be remembered of a sign-in that was begun.
type Flow struct {
	Nonce    string
	Verifier string // of PKCE
	Redirect string
}

// OIDCAccount is an account at the provider, proved. Only issuer and subject
// identify it; the rest is what the provider says about it.
type OIDCAccount struct {
	Issuer  string
	Subject string
	Name    string // what it is called there
	Email   string // "" unless the provider has verified it
}

// discover asks the provider about itself, once.
func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	if time.Since(o.failed) < patience {
		return nil, o.failure
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, oidcClient), oidcTimeout)
	defer cancel()
	p, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		o.failure = fault.New(fault.Unavailable, "The sign-in provider does not answer. Try again shortly, or sign in otherwise.").
			Named("oidc_unavailable").After(10 * time.Second).Because(err)
		o.failed = time.Now()
		return nil, o.failure
	}
	o.provider = p
	return p, nil
}

func (o *OIDC) config(p *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
	}
}

// Begin starts a sign-in that comes back to redirect.
func (o *OIDC) Begin(ctx context.Context, redirect string) (Flow, error) {
	if _, err := o.discover(ctx); err != nil {
		return Flow{}, err
	}
	return Flow{Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}, nil
}

// Address is where the browser goes to sign in. state comes back with it.
func (o *OIDC) Address(ctx context.Context, f Flow, state secret.Text) (string, error) {
	p, err := o.discover(ctx)
	if err != nil {
		return "", err
	}
	return o.config(p, f.Redirect).AuthCodeURL(state.Reveal(), oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Finish exchanges the code that the browser brought and checks who it proves:
// signature, issuer, audience, time and nonce. Unauthenticated: it proves
// nobody.
func (o *OIDC) Finish(ctx context.Context, f Flow, code string) (OIDCAccount, error) {
	p, err := o.discover(ctx)
	if err != nil {
		return OIDCAccount{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, oidcClient), oidcTimeout)
	defer cancel()
	token, err := o.config(p, f.Redirect).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var refusal *oauth2.RetrieveError
		if errors.As(err, &refusal) && refusal.Response != nil && refusal.Response.StatusCode < 500 {
			// Its text quotes the provider's answer, which may hold tokens.
			return OIDCAccount{}, proves(fmt.Errorf("the provider refused the code: %d %s", refusal.Response.StatusCode, refusal.ErrorCode))
		}
		return OIDCAccount{}, fault.New(fault.Unavailable, "The sign-in provider does not answer. Begin again.").Named("oidc_unavailable").Because(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return OIDCAccount{}, proves(errors.New("no id_token in the provider's answer"))
	}
	id, err := p.Verifier(&oidc.Config{ClientID: o.ClientID, Now: o.Now}).Verify(ctx, raw)
	if err != nil {
		return OIDCAccount{}, proves(err)
	}
	var claims struct {
		PreferredUsername string `json:"preferred_username"`
		Name              string `json:"name"`
		Email             string `json:"email"`
		EmailVerified     any    `json:"email_verified"` // some providers send a text
		AuthorizedParty   string `json:"azp"`
	}
	if err := id.Claims(&claims); err != nil {
		return OIDCAccount{}, proves(err)
	}
	switch {
	case !secret.Equal(id.Nonce, f.Nonce):
		return OIDCAccount{}, proves(errors.New("the nonce is not ours"))
	case (len(id.Audience) > 1 || claims.AuthorizedParty != "") && claims.AuthorizedParty != o.ClientID:
		return OIDCAccount{}, proves(errors.New("it was issued to another party"))
	case id.Subject == "" || len(id.Subject) > 255 || strings.ContainsFunc(id.Subject, func(r rune) bool { return r > unicode.MaxASCII || r < ' ' }):
		return OIDCAccount{}, proves(errors.New("the subject is not 1 to 255 ASCII characters"))
	}
	a := OIDCAccount{Issuer: id.Issuer, Subject: id.Subject, Name: claims.PreferredUsername}
	if claims.EmailVerified == true || claims.EmailVerified == "true" {
		a.Email = claims.Email
	}
	if a.Name == "" {
		a.Name = claims.Name
	}
	return a, nil
}

func proves(err error) error {
	return fault.New(fault.Unauthenticated, "The provider's answer does not prove who you are. Begin again.").Named("oidc_refused").Because(err)
}
