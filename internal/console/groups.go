package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/store"
)

// Group is a group of users as the API shows it.
type Group struct {
	Name    string `json:"name" example:"default"`
	Title   string `json:"title"`
	Ratio   string `json:"ratio" example:"0.8" doc:"Factor on every price, an exact decimal."`
	Users   int64  `json:"users"`
	Version int64  `json:"version" doc:"Send it back with an edit."`
}

func showGroup(g store.Group) Group {
	return Group{Name: g.Name, Title: g.Title, Ratio: g.Ratio.String(), Users: g.Users, Version: g.Version}
}

// GroupName picks a group. Embedded inputs must be exported: huma fills them by
// reflection.
type GroupName struct {
	Name string `path:"name" maxLength:"64"`
}

type createGroup struct {
	Body struct {
		Name  string `json:"name" minLength:"1" maxLength:"64"`
		Title string `json:"title,omitempty" maxLength:"200"`
		Ratio string `json:"ratio,omitempty" default:"1" maxLength:"20" example:"0.8"`
	}
}

type updateGroup struct {
	GroupName
	Body struct {
		Version int64   `json:"version" doc:"The version that was edited."`
		Title   *string `json:"title,omitempty" maxLength:"200"`
		Ratio   *string `json:"ratio,omitempty" maxLength:"20"`
	}
}

func (c *Console) groups() {
	tags := []string{"groups"}
	register(c, admin, huma.Operation{OperationID: "list-groups", Method: http.MethodGet, Path: "/api/groups", Summary: "List groups", Tags: tags}, c.listGroups)
	register(c, admin, huma.Operation{OperationID: "create-group", Method: http.MethodPost, Path: "/api/groups", Summary: "Make a group", Tags: tags, DefaultStatus: http.StatusCreated}, c.createGroup)
	register(c, admin, huma.Operation{OperationID: "get-group", Method: http.MethodGet, Path: "/api/groups/{name}", Summary: "Read a group", Tags: tags}, c.getGroup)
	register(c, admin, huma.Operation{OperationID: "update-group", Method: http.MethodPatch, Path: "/api/groups/{name}", Summary: "Change a group", Tags: tags}, c.updateGroup)
	register(c, admin, huma.Operation{OperationID: "delete-group", Method: http.MethodDelete, Path: "/api/groups/{name}", Summary: "Delete a group without users", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteGroup)
}

func (c *Console) listGroups(ctx context.Context, _ *Viewer, _ *struct{}) (*PageOut[Group], error) {
	list, err := c.Store.Groups(ctx)
	if err != nil {
		return nil, err
	}
	return page(list, len(list), func(g store.Group) string { return g.Name }, showGroup), nil
}

func (c *Console) createGroup(ctx context.Context, v *Viewer, in *createGroup) (*One[Group], error) {
	ratio, err := parseRatio(in.Body.Ratio)
	if err != nil {
		return nil, err
	}
	g, err := c.Store.CreateGroup(ctx, v.Actor, store.Group{Name: in.Body.Name, Title: in.Body.Title, Ratio: ratio})
	if err != nil {
		return nil, err
	}
	return &One[Group]{showGroup(g)}, nil
}

func (c *Console) getGroup(ctx context.Context, _ *Viewer, in *GroupName) (*One[Group], error) {
	g, err := c.Store.Group(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &One[Group]{showGroup(g)}, nil
}

func (c *Console) updateGroup(ctx context.Context, v *Viewer, in *updateGroup) (*One[Group], error) {
	p := store.GroupPatch{Version: in.Body.Version, Title: in.Body.Title}
	if in.Body.Ratio != nil {
		ratio, err := parseRatio(*in.Body.Ratio)
		if err != nil {
			return nil, err
		}
		p.Ratio = &ratio
	}
	g, err := c.Store.UpdateGroup(ctx, v.Actor, in.Name, p)
	if err != nil {
		return nil, err
	}
	return &One[Group]{showGroup(g)}, nil
}

func (c *Console) deleteGroup(ctx context.Context, v *Viewer, in *GroupName) (*None, error) {
	return nil, c.Store.DeleteGroup(ctx, v.Actor, in.Name)
}

func parseRatio(text string) (money.Decimal, error) {
	d, err := money.ParseDecimal(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "ratio must be a decimal like 0.8 or 1.").Named("invalid_ratio").At("body.ratio")
	}
	return d, nil
}
