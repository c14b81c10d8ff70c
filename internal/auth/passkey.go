package auth

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"one-api/internal/fault"
)

// Site is where passkeys are made and used: browsers bind them to its domain.
type Site struct {
	Domain string // the relying party's id
	Origin string // scheme, host and port of our pages
}

// SiteOf reads the site from a public address, https://gateway.example.com/….
// Passkeys need https and a name, other than on localhost.
func SiteOf(address string) (Site, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return Site{}, errors.New("the address is not like https://gateway.example.com")
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case net.ParseIP(host) != nil:
		return Site{}, errors.New("passkeys need a name, not an IP address")
	case u.Scheme != "https" && host != "localhost":
		return Site{}, errors.New("passkeys need https")
	}
	return Site{Domain: host, Origin: u.Scheme + "://" + strings.ToLower(u.Host)}, nil
}

// Holder is who has passkeys.
type Holder struct {
	UserID      int64
	Name        string
	DisplayName string
	Passkeys    []Passkey
}

// Passkey is a credential as it is kept: a public key with its counter. Record
// is for the next ceremony, nothing else reads it.
type Passkey struct {
	Credential []byte // the authenticator's id of it
	Record     string
}

// Ceremony is one exchange with an authenticator: what the browser gets, and
// what we must remember until its answer comes, once.
type Ceremony struct {
	Options json.RawMessage
	State   []byte
}

func (s Site) library() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{RPID: s.Domain, RPDisplayName: "one-api", RPOrigins: []string{s.Origin}})
}

// handle is the user as authenticators keep it.
func handle(userID int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(userID)) }

type holder struct {
	Holder
	credentials []webauthn.Credential
}

func (h Holder) open() (*holder, error) {
	out := &holder{Holder: h}
	for _, p := range h.Passkeys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(p.Record), &c); err != nil {
			return nil, fmt.Errorf("read a passkey of user %d: %w", h.UserID, err)
		}
		out.credentials = append(out.credentials, c)
	}
	return out, nil
}

func (h *holder) WebAuthnID() []byte                         { return handle(h.UserID) }
func (h *holder) WebAuthnName() string                       { return h.Name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }
func (h *holder) WebAuthnDisplayName() string {
	if h.DisplayName == "" {
		return h.Name
	}
	return h.DisplayName
}

func ceremony(options, state any) (Ceremony, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	st, err := json.Marshal(state)
	return Ceremony{Options: o, State: st}, err
}

// BeginAdd asks the user's authenticator for a new passkey that it keeps and
// that verifies its user.
func (s Site) BeginAdd(h Holder) (Ceremony, error) {
	lib, err := s.library()
	if err != nil {
		return Ceremony{}, err
	}
	u, err := h.open()
	if err != nil {
		return Ceremony{}, err
	}
	required := true
	options, state, err := lib.BeginRegistration(u,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &required, UserVerification: protocol.VerificationRequired,
		}),
		webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return Ceremony{}, err
	}
	return ceremony(options, state)
}

// FinishAdd checks the authenticator's answer to BeginAdd. Invalid: it does not
// fit.
func (s Site) FinishAdd(h Holder, state, answer []byte) (Passkey, error) {
	lib, err := s.library()
	if err != nil {
		return Passkey{}, err
	}
	u, err := h.open()
	if err != nil {
		return Passkey{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, unfit(fault.Invalid, err)
	}
	c, err := lib.CreateCredential(u, session, parsed)
	if err != nil {
		return Passkey{}, unfit(fault.Invalid, err)
	}
	return keep(c)
}

func keep(c *webauthn.Credential) (Passkey, error) {
	record, err := json.Marshal(c)
	return Passkey{Credential: c.ID, Record: string(record)}, err
}

// unfit refuses an authenticator's answer; why is for the log.
func unfit(code fault.Code, err error) error {
	var p *protocol.Error
	if errors.As(err, &p) {
		err = fmt.Errorf("%w: %s %s", err, p.Details, p.DevInfo)
	}
	return fault.New(code, "The passkey's answer does not fit what we asked. Try again.").Named("passkey_refused").Because(err)
}

// BeginSignIn asks for any passkey of this site.
func (s Site) BeginSignIn() (Ceremony, error) {
	lib, err := s.library()
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := lib.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return ceremony(options, state)
}

// FinishSignIn checks the authenticator's answer to BeginSignIn. find gives the
// holder of a credential with that passkey. Unauthenticated: the answer proves
// nobody.
func (s Site) FinishSignIn(state, answer []byte, find func(credential []byte) (Holder, error)) (Passkey, error) {
	lib, err := s.library()
	if err != nil {
		return Passkey{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Passkey{}, unfit(fault.Unauthenticated, err)
	}
	var accident error // of find, not of the answer
	c, err := lib.ValidateDiscoverableLogin(func(rawID, userHandle []byte) (webauthn.User, error) {
		h, err := find(rawID)
		if err != nil {
			if !fault.Is(err, fault.NotFound) {
				accident = err
			}
			return nil, err
		}
		return h.open()
	}, session, parsed)
	switch {
	case accident != nil:
		return Passkey{}, accident
	case err != nil:
		return Passkey{}, unfit(fault.Unauthenticated, err)
	case c.Authenticator.CloneWarning:
		return Passkey{}, unfit(fault.Unauthenticated, errors.New("the counter went backwards: the passkey may have been copied"))
	}
	return keep(c)
}
