package console

import (
	_ "embed"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// The page of the API, made from the same document that programs read. It has
// no script and asks nobody for anything.
//
//go:embed docs.css
var docsCSS []byte

// docs serves /api/docs.
func (c *Console) docs(mux *http.ServeMux) {
	page := sync.OnceValue(c.renderDocs) // the document is complete when the first reader comes
	mux.HandleFunc("GET /api/docs", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		_, _ = w.Write(page())
	})
	mux.HandleFunc("GET /api/docs.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(docsCSS)
	})
}

type docsTag struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Open                                   bool
	Params                                 []docsField
	Body                                   []docsField
	Answers                                []docsAnswer
}

type docsAnswer struct {
	Status, Description, Schema string
}

type docsField struct {
	Name, In, Type, Doc string
	Required            bool
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

func (c *Console) renderDocs() []byte {
	doc := c.api.OpenAPI()
	byTag := map[string]*docsTag{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, m := range []struct {
			name string
			op   *huma.Operation
		}{{"GET", item.Get}, {"POST", item.Post}, {"PUT", item.Put}, {"PATCH", item.Patch}, {"DELETE", item.Delete}} {
			if m.op == nil {
				continue
			}
			tag := "other"
			if len(m.op.Tags) > 0 {
				tag = m.op.Tags[0]
			}
			if byTag[tag] == nil {
				byTag[tag] = &docsTag{Name: tag}
			}
			byTag[tag].Operations = append(byTag[tag].Operations, showOperation(doc, m.name, path, m.op))
		}
	}
	var tags []*docsTag
	for _, name := range slices.Sorted(maps.Keys(byTag)) {
		tags = append(tags, byTag[name])
	}
	var schemas []docsSchema
	named := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		schemas = append(schemas, docsSchema{Name: name, Fields: showFields(named[name])})
	}
	var p docsPage
	p.write(doc.Info, tags, schemas)
	return []byte(p.String())
}

func showOperation(doc *huma.OpenAPI, method, path string, op *huma.Operation) docsOperation {
	out := docsOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description, Open: len(op.Security) == 0}
	for _, p := range op.Parameters {
		out.Params = append(out.Params, docsField{Name: p.Name, In: p.In, Type: typeOf(p.Schema), Doc: docOf(p.Description, p.Schema), Required: p.Required})
	}
	if op.RequestBody != nil {
		if media := op.RequestBody.Content["application/json"]; media != nil && media.Schema != nil {
			schema := media.Schema
			if schema.Ref != "" {
				schema = doc.Components.Schemas.SchemaFromRef(schema.Ref)
			}
			out.Body = showFields(schema)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		a := docsAnswer{Status: status, Description: r.Description}
		for _, media := range r.Content {
			a.Schema = typeOf(media.Schema)
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

func showFields(s *huma.Schema) []docsField {
	if s == nil {
		return nil
	}
	var out []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		out = append(out, docsField{Name: name, Type: typeOf(p), Doc: docOf(p.Description, p), Required: slices.Contains(s.Required, name)})
	}
	return out
}

// typeOf is a schema in a few words: "integer", "list of Task".
func typeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Type == "array":
		return "list of " + typeOf(s.Items)
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	}
	return s.Type
}

func docOf(text string, s *huma.Schema) string {
	if s == nil {
		return text
	}
	if text == "" {
		text = s.Description
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i], _ = e.(string)
		}
		text = strings.TrimSpace(text + " One of: " + strings.Join(words, ", ") + ".")
	}
	return text
}
