package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/directory"
)

// Settings are the switches that hold for all nodes.
type Settings struct {
	QueueWhenBusy      bool   `json:"queue_when_busy" default:"true" doc:"Accept an order while no channel is free and send it later. Off: the caller gets 429."`
	ResendAfterAbsence bool   `json:"resend_after_absence" default:"true" doc:"Send an order once more after proof that the upstream never received it. Off: such an order fails without charge."`
	DefaultRate        int    `json:"default_rate" default:"0" minimum:"0" maximum:"100000" doc:"Requests a minute for tokens without a rate of their own; 0: no limit."`
	LogLevel           string `json:"log_level" default:"" enum:",debug,info,warn,error" doc:"Of every node's log, at once; empty: the level that each node was started with."`
	Registration       string `json:"registration" default:"closed" enum:"closed,open,invite" doc:"Who may make an account: nobody, anybody, or who has an invitation code."`
	WebhookKeepDays    int    `json:"webhook_keep_days" default:"30" minimum:"1" maximum:"3650" doc:"Days for which events that have arrived are kept. Others are kept until they arrive."`
	Notice             string `json:"notice" default:"" maxLength:"2000" doc:"Told to everybody who opens the console, in plain text; empty: nothing."`
	Version            int64  `json:"version" doc:"Of all settings together. Send it back with an edit."`
}

type updateSettings struct {
	Body struct {
		Version            int64   `json:"version" doc:"The version that was edited."`
		QueueWhenBusy      *bool   `json:"queue_when_busy,omitempty"`
		ResendAfterAbsence *bool   `json:"resend_after_absence,omitempty"`
		DefaultRate        *int    `json:"default_rate,omitempty" minimum:"0" maximum:"100000"`
		LogLevel           *string `json:"log_level,omitempty" enum:",debug,info,warn,error"`
		Registration       *string `json:"registration,omitempty" enum:"closed,open,invite"`
		WebhookKeepDays    *int    `json:"webhook_keep_days,omitempty" minimum:"1" maximum:"3650"`
		Notice             *string `json:"notice,omitempty" maxLength:"2000"`
	}
}

func (c *Console) settings() {
	tags := []string{"settings"}
	register(c, admin, huma.Operation{OperationID: "get-settings", Method: http.MethodGet, Path: "/api/settings", Summary: "Read the settings", Tags: tags}, c.getSettings)
	register(c, root, huma.Operation{OperationID: "update-settings", Method: http.MethodPatch, Path: "/api/settings", Summary: "Change settings on all nodes", Tags: tags}, c.updateSettings)
}

func (c *Console) getSettings(ctx context.Context, _ *Viewer, _ *struct{}) (*One[Settings], error) {
	s, version, err := c.Store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return &One[Settings]{showSettings(s, version)}, nil
}

func showSettings(s directory.Settings, version int64) Settings {
	return Settings{
		QueueWhenBusy: s.QueueWhenBusy, ResendAfterAbsence: s.ResendAfterAbsence, DefaultRate: s.DefaultRate, LogLevel: s.LogLevel,
		Registration: string(s.Registration), Notice: s.Notice, WebhookKeepDays: s.WebhookKeepDays, Version: version,
	}
}

func (c *Console) updateSettings(ctx context.Context, v *Viewer, in *updateSettings) (*One[Settings], error) {
	b := &in.Body
	values := map[string]any{}
	sent(values, "queue_when_busy", b.QueueWhenBusy)
	sent(values, "resend_after_absence", b.ResendAfterAbsence)
	sent(values, "default_rate", b.DefaultRate)
	sent(values, "log_level", b.LogLevel)
	sent(values, "registration", b.Registration)
	sent(values, "webhook_keep_days", b.WebhookKeepDays)
	sent(values, "notice", b.Notice)
	if err := c.Store.UpdateSettings(ctx, v.Actor, b.Version, values); err != nil {
		return nil, inBody(err)
	}
	return c.getSettings(ctx, v, nil)
}

func sent[T any](values map[string]any, name string, v *T) {
	if v != nil {
		values[name] = *v
	}
}
