package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// User is a user as administrators see it.
type User struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name" doc:"To sign in with."`
	DisplayName string    `json:"display_name"`
	Email       string    `json:"email"`
	Role        string    `json:"role" enum:"root,admin,user"`
	Status      string    `json:"status" enum:"enabled,disabled"`
	Group       string    `json:"group"`
	Rate        int       `json:"rate" doc:"Requests a minute, of all tokens together; 0: no limit."`
	HasPassword bool      `json:"has_password"`
	CreatedAt   time.Time `json:"created_at"`
	Version     int64     `json:"version" doc:"Send it back with an edit."`
}

// ListedUser is a user in a list.
type ListedUser struct {
	User
	Available money.Quota `json:"available" doc:"Quota that can be spent; 500000 are 1 USD."`
	Held      money.Quota `json:"held" doc:"Quota set aside for live tasks."`
}

// UserDetail is a user with what belongs to them.
type UserDetail struct {
	User
	Available money.Quota `json:"available" doc:"Quota that can be spent; 500000 are 1 USD."`
	Held      money.Quota `json:"held" doc:"Quota set aside for live tasks."`
	Tokens    int64       `json:"tokens"`
	LiveTasks int64       `json:"live_tasks"`
	Sessions  int64       `json:"sessions"`
	Passkeys  int64       `json:"passkeys"`
	TOTP      bool        `json:"totp" doc:"Sign-in with a password asks for a second factor."`
}

var userStatus = map[account.Status]string{account.Enabled: "enabled", account.Disabled: "disabled"}

func showUser(p store.Person) User {
	return User{
		ID: p.ID, Name: p.Name, DisplayName: p.DisplayName, Email: p.Email, Role: string(p.Role), Status: userStatus[p.Status],
		Group: p.Group, Rate: p.Rate, HasPassword: p.HasPassword, CreatedAt: p.CreatedAt, Version: p.Version,
	}
}

func parseUserStatus(word string) account.Status {
	for s, w := range userStatus {
		if w == word {
			return s
		}
	}
	return 0
}

// UserID picks a user.
type UserID struct {
	ID int64 `path:"id" minimum:"1"`
}

type listUsers struct {
	PageIn
	Search string `query:"search" maxLength:"254" doc:"Beginning of the name or the mail address."`
	Role   string `query:"role" enum:"root,admin,user"`
	Status string `query:"status" enum:"enabled,disabled"`
	Group  string `query:"group" maxLength:"64"`
}

type createUser struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"64"`
		Password    string `json:"password,omitempty" maxLength:"256" doc:"10 to 256 characters, not the name. Absent: the user sets one by a reset link."`
		DisplayName string `json:"display_name,omitempty" maxLength:"64"`
		Email       string `json:"email,omitempty" maxLength:"254"`
		Group       string `json:"group,omitempty" maxLength:"64"`
		Role        string `json:"role,omitempty" enum:"root,admin,user" default:"user" doc:"Only root makes administrators."`
		Rate        int    `json:"rate,omitempty" minimum:"0" maximum:"100000" doc:"Requests a minute, of all tokens together; 0: no limit."`
	}
}

type updateUser struct {
	UserID
	Body struct {
		Version     int64   `json:"version" doc:"The version that was edited."`
		DisplayName *string `json:"display_name,omitempty" maxLength:"64"`
		Email       *string `json:"email,omitempty" maxLength:"254"`
		Group       *string `json:"group,omitempty" minLength:"1" maxLength:"64"`
		Role        *string `json:"role,omitempty" enum:"root,admin,user" doc:"Changed by root only; the user's sessions end."`
		Status      *string `json:"status,omitempty" enum:"enabled,disabled" doc:"When it changes, the user's sessions end."`
		Rate        *int    `json:"rate,omitempty" minimum:"0" maximum:"100000"`
	}
}

// ResetLink lets a user set a new password, once.
type ResetLink struct {
	Token     string    `json:"token" doc:"For POST /api/reset. Shown once."`
	Link      string    `json:"link,omitempty" doc:"The same as a page of the console; absent while SERVER_ADDRESS is not set."`
	ExpiresAt time.Time `json:"expires_at"`
}

func (c *Console) users() {
	tags := []string{"users"}
	register(c, admin, huma.Operation{OperationID: "list-users", Method: http.MethodGet, Path: "/api/users", Summary: "List users, newest first", Tags: tags}, c.listUsers)
	register(c, admin, huma.Operation{OperationID: "create-user", Method: http.MethodPost, Path: "/api/users", Summary: "Make a user", Tags: tags, DefaultStatus: http.StatusCreated}, c.createUser)
	register(c, admin, huma.Operation{OperationID: "get-user", Method: http.MethodGet, Path: "/api/users/{id}", Summary: "Read a user with balance and counts", Tags: tags}, c.getUser)
	register(c, admin, huma.Operation{OperationID: "update-user", Method: http.MethodPatch, Path: "/api/users/{id}", Summary: "Change a user", Tags: tags}, c.updateUser)
	register(c, admin, huma.Operation{OperationID: "delete-user", Method: http.MethodDelete, Path: "/api/users/{id}", Summary: "Delete a user without live tasks", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteUser)
	register(c, admin, huma.Operation{OperationID: "create-reset-link", Method: http.MethodPost, Path: "/api/users/{id}/reset", Summary: "Make a one-time link that sets a new password", Tags: tags, DefaultStatus: http.StatusCreated}, c.createResetLink)
	register(c, admin, huma.Operation{OperationID: "delete-user-totp", Method: http.MethodDelete, Path: "/api/users/{id}/totp", Summary: "Remove the second factor of a user who lost it", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteUserTOTP)
}

// mayChange lets root change everybody and administrators change plain users.
func mayChange(v *Viewer) store.Permit {
	return func(u account.User) error {
		if v.User.Role != account.Root && u.Role != account.Plain {
			return needsRoot("Only root may change administrators.")
		}
		return nil
	}
}

func needsRoot(message string) *fault.Error {
	return fault.New(fault.Forbidden, "%s", message).Named("role_required")
}

func (c *Console) listUsers(ctx context.Context, _ *Viewer, in *listUsers) (*PageOut[ListedUser], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	list, err := c.Store.People(ctx, store.UserFilter{
		Search: in.Search, Role: account.Role(in.Role), Status: parseUserStatus(in.Status), Group: in.Group, Before: before, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	balances, err := c.Store.Balances(ctx, ids)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, func(p store.Person) string { return strconv.FormatInt(p.ID, 10) }, func(p store.Person) ListedUser {
		b := balances[p.ID]
		return ListedUser{User: showUser(p), Available: b.Available, Held: b.Held}
	}), nil
}

func (c *Console) createUser(ctx context.Context, v *Viewer, in *createUser) (*One[User], error) {
	b := in.Body
	role := account.Role(b.Role)
	if role != account.Plain && v.User.Role != account.Root {
		return nil, needsRoot("Only root may make administrators.").At("body.role")
	}
	n := store.NewUser{By: v.Actor, Name: b.Name, DisplayName: b.DisplayName, Email: b.Email, Group: b.Group, Role: role, Rate: b.Rate}
	if b.Password != "" {
		if err := auth.CheckNewPassword(b.Name, secret.Text(b.Password)); err != nil {
			return nil, err
		}
		n.PasswordHash = auth.HashPassword(secret.Text(b.Password))
	}
	u, err := c.Store.CreateUser(ctx, n)
	if err != nil {
		return nil, inBody(err)
	}
	p, err := c.Store.Person(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return &One[User]{showUser(p)}, nil
}

func (c *Console) getUser(ctx context.Context, _ *Viewer, in *UserID) (*One[UserDetail], error) {
	p, err := c.Store.Person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := c.Store.Balance(ctx, in.ID, false)
	if err != nil {
		return nil, err
	}
	h, err := c.Store.Holdings(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &One[UserDetail]{UserDetail{
		User: showUser(p), Available: b.Available, Held: b.Held,
		Tokens: h.Tokens, LiveTasks: h.LiveTasks, Sessions: h.Sessions, Passkeys: h.Passkeys, TOTP: h.TOTP,
	}}, nil
}

func (c *Console) updateUser(ctx context.Context, v *Viewer, in *updateUser) (*One[User], error) {
	b := in.Body
	patch := store.UserPatch{Version: b.Version, DisplayName: b.DisplayName, Email: b.Email, Group: b.Group, Rate: b.Rate}
	if b.Role != nil {
		role := account.Role(*b.Role)
		patch.Role = &role
	}
	if b.Status != nil {
		s := parseUserStatus(*b.Status)
		patch.Status = &s
	}
	p, err := c.Store.UpdateUser(ctx, v.Actor, in.ID, patch, func(u account.User) error {
		if err := mayChange(v)(u); err != nil {
			return err
		}
		if patch.Role != nil && *patch.Role != u.Role && v.User.Role != account.Root {
			return needsRoot("Only root may change roles.").At("body.role")
		}
		return nil
	})
	if err != nil {
		return nil, inBody(err)
	}
	return &One[User]{showUser(p)}, nil
}

func (c *Console) deleteUser(ctx context.Context, v *Viewer, in *UserID) (*None, error) {
	return nil, c.Store.DeleteUser(ctx, v.Actor, in.ID, mayChange(v))
}

// resetLife is how long a reset link is good for.
const resetLife = 24 * time.Hour

func (c *Console) createResetLink(ctx context.Context, v *Viewer, in *UserID) (*One[ResetLink], error) {
	text, err := c.Store.NewResetTicket(ctx, v.Actor, in.ID, resetLife, mayChange(v))
	if err != nil {
		return nil, err
	}
	return &One[ResetLink]{ResetLink{Token: text.Reveal(), Link: c.link(ctx, "/reset", "token", text), ExpiresAt: c.Store.Now().Add(resetLife)}}, nil
}

// link is a page of the console with a secret for it, "" when the gateway does
// not know where browsers reach it.
func (c *Console) link(ctx context.Context, path, name string, text secret.Text) string {
	address, err := c.address(ctx)
	if err != nil {
		return ""
	}
	return address + path + "?" + url.Values{name: {text.Reveal()}}.Encode()
}

func (c *Console) deleteUserTOTP(ctx context.Context, v *Viewer, in *UserID) (*None, error) {
	return nil, c.Store.RemoveTOTP(ctx, v.Actor, in.ID, mayChange(v))
}
