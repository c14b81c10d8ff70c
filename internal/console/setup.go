package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// Setup tells whether the gateway waits for its first administrator.
type Setup struct {
	Needed bool `json:"needed"`
}

type setUp struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"100" doc:"From the link that the gateway printed at its start."`
		Name     string `json:"name" minLength:"1" maxLength:"64" example:"root"`
		Password string `json:"password" maxLength:"256" doc:"10 to 256 characters, not the name."`
	}
}

func (c *Console) setup() {
	tags := []string{"setup"}
	register(c, open, huma.Operation{OperationID: "get-setup", Method: http.MethodGet, Path: "/api/setup", Summary: "Does the gateway wait for its first administrator", Tags: tags}, c.getSetup)
	register(c, open, huma.Operation{OperationID: "set-up", Method: http.MethodPost, Path: "/api/setup", Summary: "Make the first administrator and sign in", Tags: tags, DefaultStatus: http.StatusCreated}, c.setUp)
}

// SetupLife is how long a set-up link is good for.
const SetupLife = time.Hour

// SetupPath is the console's page that a set-up link opens.
const SetupPath = "/setup?token="

// NewSetupLink makes the link that makes the first administrator, or "" when
// somebody exists. Every node of the database takes it.
func NewSetupLink(ctx context.Context, s *store.Store, address string) (string, error) {
	if n, err := s.UserCount(ctx); err != nil || n > 0 {
		return "", err
	}
	text, err := s.NewTicket(ctx, store.TicketSetup, 0, nil, SetupLife)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(address, "/") + SetupPath + text.Reveal(), nil // its letters need no escaping
}

// afterSetup keeps everything but the set-up closed while nobody exists.
func (c *Console) afterSetup(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if p != "/api/setup" && !strings.HasPrefix(p, "/api/openapi") && !strings.HasPrefix(p, "/api/docs") {
			needed, err := c.setupNeeded(r.Context())
			if err != nil {
				c.refuse(w, r, fault.From(err))
				return
			}
			if needed {
				c.refuse(w, r, fault.New(fault.Unavailable, "This gateway has no administrator yet. Open the set-up link that it printed at its start, or run: one-api setup").Named("setup_required"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// setupNeeded asks the database only while this node knows nobody.
func (c *Console) setupNeeded(ctx context.Context) (bool, error) {
	if len(c.Directory.View().Users) > 0 {
		return false, nil
	}
	n, err := c.Store.UserCount(ctx)
	return n == 0, err
}

func (c *Console) getSetup(ctx context.Context, _ *Viewer, _ *struct{}) (*One[Setup], error) {
	needed, err := c.setupNeeded(ctx)
	return &One[Setup]{Setup{needed}}, err
}

func (c *Console) setUp(ctx context.Context, v *Viewer, in *setUp) (*One[Me], error) {
	if err := c.limited("set-up from "+c.from(ctx), signInsPerMinute, signInsPerMinute); err != nil {
		return nil, err
	}
	needed, err := c.setupNeeded(ctx)
	if err != nil {
		return nil, err
	}
	if !needed {
		return nil, fault.New(fault.Conflict, "This gateway is set up already. Sign in instead.").Named("already_set_up")
	}
	ticket := secret.Text(in.Body.Token)
	// A look first: who has no ticket must not make us hash passwords.
	if _, err := c.Store.Ticket(ctx, store.TicketSetup, ticket); err != nil {
		return nil, err
	}
	if err := auth.CheckNewPassword(in.Body.Name, secret.Text(in.Body.Password)); err != nil {
		return nil, err
	}
	by := store.Actor{Name: "setup", RequestID: telemetry.RequestID(ctx), Address: c.from(ctx)}
	u, err := c.Store.CreateFirstUser(ctx, by, in.Body.Name, auth.HashPassword(secret.Text(in.Body.Password)), ticket)
	if err != nil {
		return nil, inBody(err)
	}
	return c.begin(ctx, v, u.ID, "set-up link")
}
