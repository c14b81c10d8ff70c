package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/store"
)

// Node is one running gateway as it last told of itself.
type Node struct {
	ID           string    `json:"id" doc:"Of this run; a restart makes a new one."`
	Version      string    `json:"version"`
	Address      string    `json:"address" doc:"Where it listens."`
	StartedAt    time.Time `json:"started_at"`
	SeenAt       time.Time `json:"seen_at"`
	Status       string    `json:"status" enum:"up,stopping,silent" doc:"silent: not seen for half a minute. It may have been killed; others have its work."`
	ClockOffset  float64   `json:"clock_offset_seconds" doc:"By how much the database's clock is ahead of the node's. Above 60 either way the node is not ready."`
	DirectoryAge float64   `json:"directory_age_seconds" doc:"How long before seen_at it last looked for changed tokens, users, channels, prices and settings."`
}

// silence is how long a node may say nothing.
const silence = 30 * time.Second

func (c *Console) nodes() {
	register(c, admin, huma.Operation{OperationID: "list-nodes", Method: http.MethodGet, Path: "/api/nodes", Summary: "List the nodes seen within the last hour", Tags: []string{"nodes"}}, c.listNodes)
}

func (c *Console) listNodes(ctx context.Context, _ *Viewer, _ *struct{}) (*PageOut[Node], error) {
	list, err := c.Store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	now := c.Store.Now()
	return page(list, len(list), func(n store.Node) string { return n.ID }, func(n store.Node) Node {
		status := "up"
		switch {
		case now.Sub(n.SeenAt) > silence:
			status = "silent"
		case n.Draining:
			status = "stopping"
		}
		return Node{
			ID: n.ID, Version: n.Version, Address: n.Address, StartedAt: n.StartedAt, SeenAt: n.SeenAt, Status: status,
			ClockOffset: n.ClockOffset.Seconds(), DirectoryAge: n.DirectoryAge.Seconds(),
		}
	}), nil
}
