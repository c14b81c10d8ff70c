package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/provider"
)

// Model is a model that the viewer may order from.
type Model struct {
	ID           string                `json:"id" example:"kling-v1-6-pro"`
	Provider     string                `json:"provider"`
	Offered      bool                  `json:"offered" doc:"A channel of the viewer's group takes orders for it now."`
	Capabilities []provider.Capability `json:"capabilities" nullable:"false" doc:"What it does for each product, as in GET /v1/models."`
}

// Models are the models of a group.
type Models struct {
	Group string  `json:"group" doc:"The viewer's."`
	Items []Model `json:"items" nullable:"false"`
}

type listModels struct {
	Test bool `query:"test" doc:"Of test mode, which offers all."`
}

func (c *Console) models() {
	register(c, signed, huma.Operation{
		OperationID: "list-models", Method: http.MethodGet, Path: "/api/models", Summary: "Models that I may order from", Tags: []string{"prices"},
		Description: "Those that some channel of your group lists, whatever its state.",
	}, c.listModels)
}

func (c *Console) listModels(_ context.Context, v *Viewer, in *listModels) (*One[Models], error) {
	out := &One[Models]{Models{Group: v.User.Group, Items: []Model{}}}
	for _, o := range c.Generations.Models(v.User.Group, in.Test) {
		out.Body.Items = append(out.Body.Items, Model{ID: o.Name, Provider: o.Provider, Offered: o.Now, Capabilities: o.Capabilities})
	}
	return out, nil
}
