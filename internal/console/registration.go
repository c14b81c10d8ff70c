package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// Invitation lets people register; its code is shown once.
type Invitation struct {
	ID        int64       `json:"id"`
	Prefix    string      `json:"prefix"`
	Code      string      `json:"code,omitempty" doc:"Only in the answer that makes it."`
	Link      string      `json:"link,omitempty" doc:"The same as a page of the console."`
	Note      string      `json:"note"`
	Uses      int         `json:"uses" doc:"How often it may be used."`
	Used      int         `json:"used"`
	Group     string      `json:"group" doc:"Group of who comes with it."`
	Grant     money.Quota `json:"grant" doc:"Opening balance of who comes with it, in quota."`
	State     string      `json:"state" enum:"open,used,expired,revoked"`
	CreatedBy int64       `json:"created_by"`
	CreatedAt time.Time   `json:"created_at"`
	ExpiresAt *time.Time  `json:"expires_at,omitempty"`
}

func (c *Console) showInvitation(i store.Invitation) Invitation {
	state := i.Ended(c.Store.Now())
	if state == "" {
		state = "open"
	}
	return Invitation{
		ID: i.ID, Prefix: i.Prefix, Note: i.Note, Uses: i.Uses, Used: i.Used, Group: i.Group, Grant: i.Grant, State: state,
		CreatedBy: i.CreatedBy, CreatedAt: *when(i.CreatedAt), ExpiresAt: when(i.ExpiresAt),
	}
}

// InvitationID picks an invitation.
type InvitationID struct {
	ID int64 `path:"id" minimum:"1"`
}

type createInvitation struct {
	Body struct {
		Note      string     `json:"note,omitempty" maxLength:"64"`
		Uses      int        `json:"uses,omitempty" default:"1" minimum:"1" maximum:"10000"`
		Group     string     `json:"group,omitempty" maxLength:"64"`
		Grant     int64      `json:"grant,omitempty" minimum:"0" maximum:"500000000000" doc:"Opening balance of who comes with it, in quota."`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: never."`
	}
}

type registerUser struct {
	Body struct {
		Name       string `json:"name" minLength:"1" maxLength:"64"`
		Password   string `json:"password" maxLength:"256" doc:"10 to 256 characters, not the name."`
		Invitation string `json:"invitation,omitempty" maxLength:"100"`
	}
}

type resetPassword struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"100" doc:"From the reset link."`
		Password string `json:"password" maxLength:"256" doc:"10 to 256 characters, not the name."`
	}
}

func (c *Console) registrations() {
	tags := []string{"registration"}
	register(c, open, huma.Operation{OperationID: "register", Method: http.MethodPost, Path: "/api/register", Summary: "Make an account for myself and sign in", Tags: tags, DefaultStatus: http.StatusCreated}, c.register)
	register(c, open, huma.Operation{OperationID: "reset-password", Method: http.MethodPost, Path: "/api/reset", Summary: "Set a new password by a reset link", Tags: tags, DefaultStatus: http.StatusNoContent}, c.resetPassword)
	register(c, admin, huma.Operation{OperationID: "list-invitations", Method: http.MethodGet, Path: "/api/invitations", Summary: "List invitations, newest first", Tags: tags}, c.listInvitations)
	register(c, admin, huma.Operation{OperationID: "create-invitation", Method: http.MethodPost, Path: "/api/invitations", Summary: "Make an invitation code, shown once", Tags: tags, DefaultStatus: http.StatusCreated}, c.createInvitation)
	register(c, admin, huma.Operation{OperationID: "revoke-invitation", Method: http.MethodDelete, Path: "/api/invitations/{id}", Summary: "Revoke an invitation", Tags: tags, DefaultStatus: http.StatusNoContent}, c.revokeInvitation)
}

// mayRegister refuses who may not make an account now. A code is looked at, not
// taken.
func (c *Console) mayRegister(ctx context.Context, code secret.Text) error {
	switch mode := c.registration(); {
	case mode != directory.RegistrationOpen && mode != directory.RegistrationInvite:
		return fault.New(fault.Forbidden, "Registration is closed. Ask an administrator for an account.").Named("registration_closed")
	case code != "":
		return c.Store.InvitationOpen(ctx, code)
	case mode == directory.RegistrationInvite:
		return fault.New(fault.Forbidden, "Registration needs an invitation code. Ask an administrator for one.").Named("invitation_required").At("invitation")
	}
	return nil
}

func (c *Console) register(ctx context.Context, v *Viewer, in *registerUser) (*One[Me], error) {
	if err := c.limited("register from "+c.from(ctx), signInsPerMinute, signInsPerMinute); err != nil {
		return nil, err
	}
	code, password := secret.Text(in.Body.Invitation), secret.Text(in.Body.Password)
	if err := c.mayRegister(ctx, code); err != nil {
		return nil, inBody(err)
	}
	if err := auth.CheckNewPassword(in.Body.Name, password); err != nil {
		return nil, err
	}
	u, err := c.Store.Register(ctx, store.Registrant{
		Name: in.Body.Name, PasswordHash: auth.HashPassword(password), Invitation: code,
		RequestID: telemetry.RequestID(ctx), Address: c.from(ctx),
	})
	if err != nil {
		return nil, inBody(err)
	}
	return c.begin(ctx, v, u.ID, "registration")
}

func (c *Console) resetPassword(ctx context.Context, _ *Viewer, in *resetPassword) (*None, error) {
	if err := c.limited("reset from "+c.from(ctx), signInsPerMinute, signInsPerMinute); err != nil {
		return nil, err
	}
	ticket, password := secret.Text(in.Body.Token), secret.Text(in.Body.Password)
	// A look first: a password that is refused must not use the link up.
	t, err := c.Store.Ticket(ctx, store.TicketReset, ticket)
	if err != nil {
		return nil, err
	}
	u, err := c.Store.User(ctx, t.UserID)
	if err != nil {
		return nil, err
	}
	if err := auth.CheckNewPassword(u.Name, password); err != nil {
		return nil, err
	}
	return nil, c.Store.ResetPassword(ctx, telemetry.RequestID(ctx), c.from(ctx), ticket, auth.HashPassword(password))
}

func (c *Console) listInvitations(ctx context.Context, _ *Viewer, in *PageIn) (*PageOut[Invitation], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	list, err := c.Store.Invitations(ctx, before, in.Limit)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, func(i store.Invitation) string { return strconv.FormatInt(i.ID, 10) }, c.showInvitation), nil
}

func (c *Console) createInvitation(ctx context.Context, v *Viewer, in *createInvitation) (*One[Invitation], error) {
	n := store.Invitation{Note: in.Body.Note, Uses: in.Body.Uses, Group: in.Body.Group, Grant: money.Quota(in.Body.Grant)}
	if in.Body.ExpiresAt != nil {
		n.ExpiresAt = in.Body.ExpiresAt.UnixMilli()
	}
	i, code, err := c.Store.CreateInvitation(ctx, v.Actor, n)
	if err != nil {
		return nil, inBody(err)
	}
	out := c.showInvitation(i)
	out.Code, out.Link = code.Reveal(), c.link(ctx, "/register", "invitation", code)
	return &One[Invitation]{out}, nil
}

func (c *Console) revokeInvitation(ctx context.Context, v *Viewer, in *InvitationID) (*None, error) {
	return nil, c.Store.RevokeInvitation(ctx, v.Actor, in.ID)
}
