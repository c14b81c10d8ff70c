package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"one-api/internal/auth"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
)

// modelObject is one entry of GET /v1/models: OpenAI's fields, and what the
// model can do.
type modelObject struct {
	ID           string                `json:"id"`
	Object       string                `json:"object"`
	Created      int64                 `json:"created"`
	OwnedBy      string                `json:"owned_by"`
	Capabilities []provider.Capability `json:"capabilities"`
}

type modelList struct {
	Object string        `json:"object"`
	Data   []modelObject `json:"data"`
}

// usable lists the models that a caller's token may use and some channel of
// the caller's group offers. Test mode offers all.
func (a *API) usable(c auth.Caller) []modelObject {
	out := []modelObject{}
	for _, m := range a.Generations.Models(c.User.Group, c.Token.Test) {
		if m.Open && c.Token.MayUse(m.Name) {
			out = append(out, modelObject{ID: m.Name, Object: "model", Created: a.Started.Unix(), OwnedBy: m.Provider, Capabilities: m.Capabilities})
		}
	}
	return out
}

func (a *API) models(c auth.Caller, w http.ResponseWriter, _ *http.Request) error {
	return httpkit.JSON(w, http.StatusOK, modelList{Object: "list", Data: a.usable(c)})
}

func (a *API) model(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	for _, m := range a.usable(c) {
		if m.ID == name {
			return httpkit.JSON(w, http.StatusOK, m)
		}
	}
	return fault.New(fault.NotFound, "The model %.64q does not exist or this token may not use it.", name).Named("model_not_found").At("model")
}

type statusResponse struct {
	Success bool       `json:"success"`
	Message string     `json:"message"`
	Data    statusData `json:"data"`
}

type statusData struct {
	Version      string   `json:"version"`
	StartTime    int64    `json:"start_time"` // s
	Uptime       int64    `json:"uptime"`     // s
	QuotaPerUnit int64    `json:"quota_per_unit"`
	Models       []string `json:"models"` // offered by some enabled channel
	Notice       string   `json:"notice,omitempty"`
}

// status is open to all: it tells what the gateway is and nothing of whom it
// serves.
func (a *API) status(w http.ResponseWriter, _ *http.Request) error {
	v := a.Directory.View()
	names := []string{}
	for _, m := range kling.Driver.Models {
		if slices.ContainsFunc(v.Channels, func(ch *channel.Channel) bool { return ch.Status == channel.Enabled && ch.Offers(m.Name) }) {
			names = append(names, m.Name)
		}
	}
	return httpkit.JSON(w, http.StatusOK, statusResponse{Success: true, Data: statusData{
		Version: a.Version, StartTime: a.Started.Unix(), Uptime: int64(time.Since(a.Started).Seconds()),
		QuotaPerUnit: int64(money.QuotaPerUSD), Models: names, Notice: v.Settings.Notice,
	}})
}

type healthResponse struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Warning is what an operator should see to while requests are served.
	Warning string `json:"warning,omitempty"`
}

// alive says that the process serves requests.
func (a *API) alive(w http.ResponseWriter, _ *http.Request) error {
	return httpkit.JSON(w, http.StatusOK, healthResponse{Status: "ok", Warning: a.warning()})
}

func (a *API) warning() string {
	if a.Warning == nil {
		return ""
	}
	return a.Warning()
}

// ready says whether this node should get requests.
func (a *API) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		return httpkit.JSON(w, http.StatusServiceUnavailable, healthResponse{Status: "unavailable", Reason: fault.From(err).Message})
	}
	return httpkit.JSON(w, http.StatusOK, healthResponse{Status: "ok", Warning: a.warning()})
}
