package console

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// Passkey is a credential that signs its user in.
type Passkey struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Site       string     `json:"site" doc:"The domain it works on."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

func showPasskey(p store.Passkey) Passkey {
	return Passkey{ID: p.ID, Name: p.Name, Site: p.Site, CreatedAt: *when(p.CreatedAt), LastUsedAt: when(p.LastUsedAt)}
}

// Ceremony is the begin of an exchange with an authenticator.
type Ceremony struct {
	Ceremony string          `json:"ceremony" doc:"Send it back with the credential; it works once, for five minutes."`
	Options  json.RawMessage `json:"options" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON: the member publicKey."`
}

type addPasskey struct {
	Body struct {
		Ceremony   string          `json:"ceremony" minLength:"1" maxLength:"100"`
		Name       string          `json:"name" minLength:"1" maxLength:"64" example:"laptop"`
		Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.create gave, toJSON()."`
	}
}

type signInWithPasskey struct {
	Body struct {
		Ceremony   string          `json:"ceremony" minLength:"1" maxLength:"100"`
		Credential json.RawMessage `json:"credential" doc:"What navigator.credentials.get gave, toJSON()."`
	}
}

// PasskeyID picks a passkey.
type PasskeyID struct {
	ID int64 `path:"id" minimum:"1"`
}

type renamePasskey struct {
	PasskeyID
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"64"`
	}
}

func (c *Console) passkeys() {
	tags := []string{"me"}
	register(c, signed, huma.Operation{OperationID: "list-my-passkeys", Method: http.MethodGet, Path: "/api/me/passkeys", Summary: "List my passkeys", Tags: tags}, c.listPasskeys)
	register(c, signed, huma.Operation{OperationID: "begin-my-passkey", Method: http.MethodPost, Path: "/api/me/passkeys/begin", Summary: "Begin to add a passkey", Tags: tags}, c.beginPasskey)
	register(c, signed, huma.Operation{OperationID: "add-my-passkey", Method: http.MethodPost, Path: "/api/me/passkeys", Summary: "Add a passkey", Tags: tags, DefaultStatus: http.StatusCreated}, c.addPasskey)
	register(c, signed, huma.Operation{OperationID: "rename-my-passkey", Method: http.MethodPatch, Path: "/api/me/passkeys/{id}", Summary: "Rename a passkey", Tags: tags, DefaultStatus: http.StatusNoContent}, c.renamePasskey)
	register(c, signed, huma.Operation{OperationID: "delete-my-passkey", Method: http.MethodDelete, Path: "/api/me/passkeys/{id}", Summary: "Delete a passkey", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deletePasskey)
	tags = []string{"session"}
	register(c, open, huma.Operation{OperationID: "begin-passkey-sign-in", Method: http.MethodPost, Path: "/api/session/passkey/begin", Summary: "Begin to sign in with a passkey", Tags: tags}, c.beginPasskeySignIn)
	register(c, open, huma.Operation{OperationID: "passkey-sign-in", Method: http.MethodPost, Path: "/api/session/passkey", Summary: "Sign in with a passkey", Tags: tags}, c.passkeySignIn)
}

// ceremonyLife is how long a person may take with an authenticator, or at the
// OIDC provider.
const ceremonyLife = 5 * time.Minute

// address is where browsers reach the gateway: SERVER_ADDRESS, or what the
// request says when it comes from a browser on this machine. Any other Host
// header proves nothing.
func (c *Console) address(ctx context.Context) (string, error) {
	if c.ServerAddress != "" {
		return c.ServerAddress, nil
	}
	r := request(ctx)
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !strings.EqualFold(host, "localhost") && host != "127.0.0.1" && host != "[::1]" && host != "::1" {
		return "", fault.New(fault.Unprocessable, "The gateway does not know its public address. Its operator has to set SERVER_ADDRESS.").Named("server_address_missing")
	}
	scheme := "http"
	if encrypted(r, httpkit.TrustedPeer(r, c.Trusted)) {
		scheme = "https"
	}
	return scheme + "://" + r.Host, nil
}

// site is where passkeys are made and used.
func (c *Console) site(ctx context.Context) (auth.Site, error) {
	address, err := c.address(ctx)
	if err != nil {
		return auth.Site{}, err
	}
	s, err := auth.SiteOf(address)
	if err != nil {
		return s, fault.New(fault.Unprocessable, "Browsers allow passkeys only on https and a name, or on http://localhost: %s is neither.", address).Named("passkeys_unavailable").Because(err)
	}
	return s, nil
}

// holder reads a user with their passkeys for a site.
func (c *Console) holder(ctx context.Context, userID int64, s auth.Site) (auth.Holder, error) {
	p, err := c.Store.Person(ctx, userID)
	if err != nil {
		return auth.Holder{}, err
	}
	list, err := c.Store.Passkeys(ctx, userID)
	if err != nil {
		return auth.Holder{}, err
	}
	h := auth.Holder{UserID: userID, Name: p.Name, DisplayName: p.DisplayName}
	for _, k := range list {
		if k.Site == s.Domain {
			h.Passkeys = append(h.Passkeys, auth.Passkey{Record: k.Record})
		}
	}
	return h, nil
}

func (c *Console) startCeremony(ctx context.Context, p store.Purpose, userID int64, begun auth.Ceremony) (*One[Ceremony], error) {
	text, err := c.Store.NewTicket(ctx, p, userID, begun.State, ceremonyLife)
	if err != nil {
		return nil, err
	}
	return &One[Ceremony]{Ceremony{Ceremony: text.Reveal(), Options: begun.Options}}, nil
}

func (c *Console) listPasskeys(ctx context.Context, v *Viewer, _ *struct{}) (*PageOut[Passkey], error) {
	list, err := c.Store.Passkeys(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	return page(list, len(list), func(p store.Passkey) string { return p.Name }, showPasskey), nil
}

func (c *Console) beginPasskey(ctx context.Context, v *Viewer, _ *struct{}) (*One[Ceremony], error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	s, err := c.site(ctx)
	if err != nil {
		return nil, err
	}
	h, err := c.holder(ctx, v.User.ID, s)
	if err != nil {
		return nil, err
	}
	begun, err := s.BeginAdd(h)
	if err != nil {
		return nil, err
	}
	return c.startCeremony(ctx, store.TicketPasskeyAdd, v.User.ID, begun)
}

func (c *Console) addPasskey(ctx context.Context, v *Viewer, in *addPasskey) (*One[Passkey], error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	if err := store.Label("name", in.Body.Name); err != nil {
		return nil, inBody(err)
	}
	s, err := c.site(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.Store.TakeTicket(ctx, store.TicketPasskeyAdd, secret.Text(in.Body.Ceremony))
	if err != nil {
		return nil, err
	}
	if t.UserID != v.User.ID {
		return nil, fault.New(fault.Forbidden, "This ceremony was begun by somebody else. Begin again.").Named("ticket_invalid")
	}
	h, err := c.holder(ctx, v.User.ID, s)
	if err != nil {
		return nil, err
	}
	k, err := s.FinishAdd(h, t.Data, in.Body.Credential)
	if err != nil {
		c.Log.WarnContext(ctx, "passkey refused", "user", v.User.ID, "err", err)
		return nil, err
	}
	p, err := c.Store.AddPasskey(ctx, v.Actor, store.Passkey{UserID: v.User.ID, Name: in.Body.Name, Site: s.Domain, Record: k.Record}, k.Credential)
	if err != nil {
		return nil, err
	}
	return &One[Passkey]{showPasskey(p)}, nil
}

func (c *Console) renamePasskey(ctx context.Context, v *Viewer, in *renamePasskey) (*None, error) {
	return nil, inBody(c.Store.RenamePasskey(ctx, v.Actor, v.User.ID, in.ID, in.Body.Name))
}

func (c *Console) deletePasskey(ctx context.Context, v *Viewer, in *PasskeyID) (*None, error) {
	return nil, c.Store.DeletePasskey(ctx, v.Actor, v.User.ID, in.ID)
}

// beginsPerMinute bounds the rows that strangers can make.
const beginsPerMinute = 30

func (c *Console) beginPasskeySignIn(ctx context.Context, _ *Viewer, _ *struct{}) (*One[Ceremony], error) {
	if err := c.limited("ceremony from "+c.from(ctx), beginsPerMinute, beginsPerMinute); err != nil {
		return nil, err
	}
	s, err := c.site(ctx)
	if err != nil {
		return nil, err
	}
	begun, err := s.BeginSignIn()
	if err != nil {
		return nil, err
	}
	return c.startCeremony(ctx, store.TicketPasskeySignIn, 0, begun)
}

// passkeySignIn asks for no second factor: the authenticator has verified its
// user.
func (c *Console) passkeySignIn(ctx context.Context, v *Viewer, in *signInWithPasskey) (*One[Me], error) {
	if err := c.limited("sign-in from "+c.from(ctx), signInsPerMinute, signInsPerMinute); err != nil {
		return nil, err
	}
	s, err := c.site(ctx)
	if err != nil {
		return nil, err
	}
	t, err := c.Store.TakeTicket(ctx, store.TicketPasskeySignIn, secret.Text(in.Body.Ceremony))
	if err != nil {
		return nil, err
	}
	var used store.Passkey
	var who account.User
	k, err := s.FinishSignIn(t.Data, in.Body.Credential, func(credential []byte) (auth.Holder, error) {
		var err error
		if used, err = c.Store.PasskeyByCredential(ctx, credential); err != nil {
			return auth.Holder{}, err
		}
		if who, err = c.Store.User(ctx, used.UserID); err != nil {
			return auth.Holder{}, err
		}
		return auth.Holder{UserID: used.UserID, Name: who.Name, Passkeys: []auth.Passkey{{Record: used.Record}}}, nil
	})
	if err == nil && who.Status != account.Enabled {
		err = fault.New(fault.Unauthenticated, "This account is disabled.").Named("user_disabled")
	}
	if err != nil {
		c.Log.WarnContext(ctx, "sign-in with a passkey refused", "from", c.from(ctx), "err", err)
		return nil, err
	}
	if err := c.Store.PasskeyUsed(ctx, used.ID, k.Record); err != nil {
		return nil, err
	}
	return c.begin(ctx, v, used.UserID, "passkey")
}
