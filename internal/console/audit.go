package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/store"
)

// AuditEntry is one change that somebody may ask about later.
type AuditEntry struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor" example:"user:7" doc:"user:<id>, cli or gateway."`
	ActorName string    `json:"actor_name,omitempty" doc:"The user's name now."`
	Action    string    `json:"action" example:"channel.update"`
	Target    string    `json:"target" example:"channel:3"`
	Detail    any       `json:"detail,omitempty" doc:"What changed, usually before and after; without secrets."`
	RequestID string    `json:"request_id,omitempty"`
	Address   string    `json:"address,omitempty" doc:"Where the request came from."`
}

type listAudit struct {
	PageIn
	Actor  string    `query:"actor" maxLength:"64" example:"user:7" doc:"Whole, or a beginning with * at its end."`
	Action string    `query:"action" maxLength:"64" example:"channel.*" doc:"Whole, or a beginning with * at its end."`
	Target string    `query:"target" maxLength:"128" example:"channel:3" doc:"Whole, or a beginning with * at its end."`
	Since  time.Time `query:"since" doc:"From this moment on."`
	Until  time.Time `query:"until" doc:"Before this moment."`
}

func (c *Console) audit() {
	register(c, admin, huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/api/audit", Summary: "List changes of money, keys, prices, roles and settings, newest first", Tags: []string{"audit"}}, c.listAudit)
}

func (c *Console) listAudit(ctx context.Context, _ *Viewer, in *listAudit) (*PageOut[AuditEntry], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	rows, err := c.Store.Audit(ctx, store.AuditFilter{
		Actor: in.Actor, Action: in.Action, Target: in.Target, Since: in.Since, Until: in.Until, Before: before, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	return page(rows, in.Limit, func(e store.AuditEntry) string { return strconv.FormatInt(e.ID, 10) }, c.showAudit), nil
}

func (c *Console) showAudit(e store.AuditEntry) AuditEntry {
	out := AuditEntry{
		ID: e.ID, At: time.UnixMilli(e.CreatedAt).UTC(), Actor: e.Actor, Action: e.Action, Target: e.Target, RequestID: e.RequestID, Address: e.Address,
	}
	if text, ok := strings.CutPrefix(e.Actor, "user:"); ok {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			if u, ok := c.Directory.View().Users[id]; ok {
				out.ActorName = u.Name
			}
		}
	}
	if e.Detail != nil && *e.Detail != "null" {
		out.Detail = json.RawMessage(*e.Detail)
	}
	return out
}
