package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// Me is the signed-in user.
type Me struct {
	ID          int64       `json:"id"`
	Name        string      `json:"name" doc:"To sign in with."`
	DisplayName string      `json:"display_name"`
	Email       string      `json:"email"`
	Role        string      `json:"role" enum:"root,admin,user"`
	Group       string      `json:"group"`
	Available   money.Quota `json:"available" doc:"Quota that can be spent; 500000 are 1 USD."`
	Held        money.Quota `json:"held" doc:"Quota set aside for live tasks."`
	HasPassword bool        `json:"has_password"`
	TOTP        bool        `json:"totp" doc:"Sign-in with a password asks for a second factor."`
	Passkeys    int64       `json:"passkeys"`
	Version     int64       `json:"version" doc:"Send it back with an edit."`
	Notice      string      `json:"notice,omitempty" doc:"What the operator tells everybody, as the settings have it."`
}

// PersonalToken is a token for this API; its text is shown once.
type PersonalToken struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix"`
	Text       string     `json:"token,omitempty" doc:"Only in the answer that makes it."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"To the minute."`
}

func showPersonalToken(t store.PersonalToken) PersonalToken {
	return PersonalToken{ID: t.ID, Name: t.Name, Prefix: t.Prefix, CreatedAt: *when(t.CreatedAt), ExpiresAt: when(t.ExpiresAt), LastUsedAt: when(t.LastUsedAt)}
}

type updateMe struct {
	Body struct {
		Version     int64   `json:"version" doc:"The version that was edited."`
		DisplayName *string `json:"display_name,omitempty" maxLength:"64"`
		Email       *string `json:"email,omitempty" maxLength:"254"`
	}
}

type changePassword struct {
	Body struct {
		OldPassword string `json:"old_password,omitempty" maxLength:"256" doc:"Needed when there is one."`
		Password    string `json:"password" maxLength:"256" doc:"10 to 256 characters, not the name."`
	}
}

type createPersonalToken struct {
	Body struct {
		Name      string     `json:"name" minLength:"1" maxLength:"64"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: never."`
	}
}

// PersonalTokenID picks a personal access token.
type PersonalTokenID struct {
	ID int64 `path:"id" minimum:"1"`
}

func (c *Console) mine() {
	tags := []string{"me"}
	register(c, signed, huma.Operation{OperationID: "get-me", Method: http.MethodGet, Path: "/api/me", Summary: "Who am I", Tags: tags}, c.me)
	register(c, signed, huma.Operation{OperationID: "update-me", Method: http.MethodPatch, Path: "/api/me", Summary: "Change my name and address", Tags: tags}, c.updateMe)
	register(c, signed, huma.Operation{OperationID: "change-my-password", Method: http.MethodPost, Path: "/api/me/password", Summary: "Change my password; my other sessions end", Tags: tags, DefaultStatus: http.StatusNoContent}, c.changePassword)
	register(c, signed, huma.Operation{OperationID: "list-my-sessions", Method: http.MethodGet, Path: "/api/me/sessions", Summary: "List where I am signed in", Tags: tags}, c.listSessions)
	register(c, signed, huma.Operation{OperationID: "delete-my-session", Method: http.MethodDelete, Path: "/api/me/sessions/{id}", Summary: "End one of my sessions", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteSession)
	register(c, signed, huma.Operation{OperationID: "list-my-personal-tokens", Method: http.MethodGet, Path: "/api/me/personal-tokens", Summary: "List my personal access tokens", Tags: tags}, c.listPersonalTokens)
	register(c, signed, huma.Operation{OperationID: "create-my-personal-token", Method: http.MethodPost, Path: "/api/me/personal-tokens", Summary: "Make a personal access token, shown once", Tags: tags, DefaultStatus: http.StatusCreated}, c.createPersonalToken)
	register(c, signed, huma.Operation{OperationID: "delete-my-personal-token", Method: http.MethodDelete, Path: "/api/me/personal-tokens/{id}", Summary: "Revoke a personal access token", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deletePersonalToken)
	c.totp()
	c.passkeys()
}

// viewerName is a user as limits name them.
func viewerName(userID int64) string { return fmt.Sprintf("user %d", userID) }

// actor is a user who acts before they are signed in.
func (c *Console) actor(ctx context.Context, userID int64) store.Actor {
	return store.UserActor(userID, telemetry.RequestID(ctx), c.from(ctx))
}

// inPerson refuses a personal access token where a new way to sign in would be
// made: a token that leaks must not outlive its revocation.
func (v *Viewer) inPerson() error {
	if v.Session == "" {
		return fault.New(fault.Forbidden, "Sign in for this; a personal access token may not do it.").Named("session_required")
	}
	return nil
}

func (c *Console) me(ctx context.Context, v *Viewer, _ *struct{}) (*One[Me], error) {
	return c.showMe(ctx, v.User.ID)
}

func (c *Console) showMe(ctx context.Context, userID int64) (*One[Me], error) {
	p, err := c.Store.Person(ctx, userID)
	if err != nil {
		return nil, err
	}
	b, err := c.Store.Balance(ctx, userID, false)
	if err != nil {
		return nil, err
	}
	h, err := c.Store.Holdings(ctx, userID)
	if err != nil {
		return nil, err
	}
	return &One[Me]{Me{
		ID: p.ID, Name: p.Name, DisplayName: p.DisplayName, Email: p.Email, Role: string(p.Role), Group: p.Group,
		Available: b.Available, Held: b.Held, HasPassword: p.HasPassword, TOTP: h.TOTP, Passkeys: h.Passkeys, Version: p.Version,
		Notice: c.Directory.View().Settings.Notice,
	}}, nil
}

func (c *Console) updateMe(ctx context.Context, v *Viewer, in *updateMe) (*One[Me], error) {
	p := store.UserPatch{Version: in.Body.Version, DisplayName: in.Body.DisplayName, Email: in.Body.Email}
	if _, err := c.Store.UpdateUser(ctx, v.Actor, v.User.ID, p, nil); err != nil {
		return nil, inBody(err)
	}
	return c.showMe(ctx, v.User.ID)
}

// provePassword checks the password of somebody who is signed in already. It
// passes who has none.
func (c *Console) provePassword(ctx context.Context, v *Viewer, field, password string) (store.SignIn, error) {
	who, err := c.Store.SignInByID(ctx, v.User.ID)
	if err != nil || who.PasswordHash == "" {
		return who, err
	}
	if password == "" {
		return who, fault.New(fault.Forbidden, "Send your password too.").Named("password_required").At("body." + field)
	}
	if err := c.limited("password of "+viewerName(v.User.ID), signInsPerMinute, signInsPerMinute); err != nil {
		return who, err
	}
	ok, err := auth.CheckPassword(who.PasswordHash, secret.Text(password))
	if err == nil && !ok {
		err = fault.New(fault.Forbidden, "The password is wrong.").Named("wrong_password").At("body." + field)
	}
	return who, err
}

func (c *Console) changePassword(ctx context.Context, v *Viewer, in *changePassword) (*None, error) {
	if err := auth.CheckNewPassword(v.User.Name, secret.Text(in.Body.Password)); err != nil {
		return nil, err
	}
	who, err := c.provePassword(ctx, v, "old_password", in.Body.OldPassword)
	if err != nil {
		return nil, err
	}
	if who.PasswordHash == "" {
		if err := v.inPerson(); err != nil {
			return nil, err
		}
	}
	return nil, c.Store.SetPassword(ctx, v.Actor, v.User.ID, who.PasswordHash, auth.HashPassword(secret.Text(in.Body.Password)), v.Session)
}

func (c *Console) listPersonalTokens(ctx context.Context, v *Viewer, _ *struct{}) (*PageOut[PersonalToken], error) {
	list, err := c.Store.PersonalTokens(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	return page(list, len(list), func(t store.PersonalToken) string { return t.Name }, showPersonalToken), nil
}

func (c *Console) createPersonalToken(ctx context.Context, v *Viewer, in *createPersonalToken) (*One[PersonalToken], error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	var expires time.Time
	if in.Body.ExpiresAt != nil {
		if expires = *in.Body.ExpiresAt; !expires.After(c.Store.Now()) {
			return nil, fault.New(fault.Invalid, "expires_at must be in the future.").Named("expires_in_past").At("body.expires_at")
		}
	}
	t, text, err := c.Store.CreatePersonalToken(ctx, v.Actor, v.User.ID, in.Body.Name, expires)
	if err != nil {
		return nil, inBody(err)
	}
	out := showPersonalToken(t)
	out.Text = text.Reveal()
	return &One[PersonalToken]{out}, nil
}

func (c *Console) deletePersonalToken(ctx context.Context, v *Viewer, in *PersonalTokenID) (*None, error) {
	return nil, c.Store.DeletePersonalToken(ctx, v.Actor, v.User.ID, in.ID)
}
