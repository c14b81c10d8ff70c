package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/store"
	"one-api/internal/video"
)

// Recovery is how far the gateway has found out what happened since the backup
// that it was restored from.
type Recovery struct {
	Active    bool              `json:"active" doc:"While it is, orders get 503 recovering and nothing is sent."`
	Done      bool              `json:"done" doc:"Nothing is left to be found out."`
	Reason    string            `json:"reason,omitempty"`
	StartedAt *time.Time        `json:"started_at,omitempty"`
	BackupAt  *time.Time        `json:"backup_at,omitempty" doc:"The last moment that the backup knew of."`
	Tasks     int               `json:"tasks" doc:"Of the backup, live then."`
	Open      int               `json:"open" doc:"Of these, without an answer so far."`
	Channels  []RecoveryChannel `json:"channels" nullable:"false"`
	Orphans   []Orphan          `json:"orphans" nullable:"false" doc:"Upstream tasks with an id of ours and no task here: what they cost is the operator's loss."`
}

// RecoveryChannel is how far an upstream's list of tasks was read.
type RecoveryChannel struct {
	ChannelID int64      `json:"channel_id"`
	Name      string     `json:"name"`
	Read      bool       `json:"read" doc:"Completely, since recovery began."`
	TriedAt   *time.Time `json:"tried_at,omitempty"`
	Tasks     int64      `json:"tasks" doc:"Seen there."`
	Problem   string     `json:"problem,omitempty"`
}

// Orphan is an upstream task that nobody here knows.
type Orphan struct {
	ChannelID  int64        `json:"channel_id"`
	UpstreamID string       `json:"upstream_task_id"`
	Ref        string       `json:"ref" doc:"Our external id there."`
	Status     string       `json:"status"`
	Costs      []video.Cost `json:"costs" nullable:"false"`
	Note       string       `json:"note,omitempty"`
	CreatedAt  *time.Time   `json:"created_at,omitempty"`
	FoundAt    time.Time    `json:"found_at"`
}

type switchRecovery struct {
	Body struct {
		State  string `json:"state" enum:"on,off"`
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"Of on."`
		Force  bool   `json:"force,omitempty" doc:"Of off: though something is left to be found out. Tasks of which nobody knows whether they were sent end without charge."`
	}
}

func (c *Console) recovery() {
	tags := []string{"recovery"}
	register(c, root, huma.Operation{OperationID: "get-recovery", Method: http.MethodGet, Path: "/api/recovery", Summary: "Read how far recovery from a backup has come", Tags: tags}, c.getRecovery)
	register(c, root, huma.Operation{OperationID: "switch-recovery", Method: http.MethodPost, Path: "/api/recovery", Summary: "Begin or end recovery from a backup", Tags: tags,
		Description: "409 recovery_not_done: something is left to be found out."}, c.switchRecovery)
}

func (c *Console) getRecovery(ctx context.Context, _ *Viewer, _ *struct{}) (*One[Recovery], error) {
	r, err := c.Store.Recovery(ctx)
	if err != nil {
		return nil, err
	}
	return &One[Recovery]{Body: ShowRecovery(&r)}, nil
}

func (c *Console) switchRecovery(ctx context.Context, v *Viewer, in *switchRecovery) (*One[Recovery], error) {
	var err error
	if in.Body.State == "on" {
		err = c.Store.EnterRecovery(ctx, v.Actor, in.Body.Reason)
	} else {
		err = c.Store.LeaveRecovery(ctx, v.Actor, in.Body.Force)
	}
	if err != nil {
		return nil, err
	}
	return c.getRecovery(ctx, v, nil)
}

// ShowRecovery is the document of recovery, for the API and the command line.
func ShowRecovery(r *store.RecoveryState) Recovery {
	out := Recovery{
		Active: r.Active, Done: r.Done(), Reason: r.Reason, StartedAt: moment(r.StartedAt), BackupAt: moment(r.BackupAt), Tasks: r.Tasks, Open: r.Open,
		Channels: []RecoveryChannel{}, Orphans: []Orphan{},
	}
	for _, c := range r.Channels {
		out.Channels = append(out.Channels, RecoveryChannel{
			ChannelID: c.ID, Name: c.Name, Read: !c.WalkedAt.Before(r.StartedAt) && !c.WalkedAt.IsZero(), TriedAt: moment(c.TriedAt), Tasks: c.Tasks, Problem: c.Problem,
		})
	}
	for _, o := range r.Orphans {
		out.Orphans = append(out.Orphans, Orphan{
			ChannelID: o.ChannelID, UpstreamID: o.UpstreamID, Ref: o.Ref, Status: o.Status, Costs: append([]video.Cost{}, o.Costs...), Note: o.Note,
			CreatedAt: moment(o.CreatedAt), FoundAt: o.FoundAt,
		})
	}
	return out
}
