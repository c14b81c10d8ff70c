package all_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"one-api/internal/provider/all"
)

// TestNoProviderFolderIsForgotten reads the folders beside this one: each holds
// one provider, whose Driver stands in the list.
func TestNoProviderFolderIsForgotten(t *testing.T) {
	shared := []string{"all", "outbound", "providertest"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	listed := drivers(t)
	for _, e := range entries {
		if !e.IsDir() || slices.Contains(shared, e.Name()) {
			continue
		}
		sources, err := filepath.Glob(filepath.Join("..", e.Name(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(sources) > 0 && !slices.Contains(listed, e.Name()) {
			t.Errorf("internal/provider/%s is not in the list of all.Drivers", e.Name())
		}
	}
}

// drivers are the packages whose Driver all.go lists. The source is read, since
// go list is cached and misses new folders.
func drivers(t *testing.T) []string {
	f, err := parser.ParseFile(token.NewFileSet(), "all.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{} // by the name that the file uses
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value) // the parser has read it
		if under, ok := strings.CutPrefix(path, "one-api/internal/provider/"); ok {
			name := filepath.Base(under)
			if i.Name != nil {
				name = i.Name.Name
			}
			folders[name] = under
		}
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Driver" {
			if x, ok := s.X.(*ast.Ident); ok && folders[x.Name] != "" {
				out = append(out, folders[x.Name])
			}
		}
		return true
	})
	return out
}

func TestDriversAreComplete(t *testing.T) {
	names, types, models := map[string]bool{}, map[int]bool{}, map[string]bool{}
	for _, d := range all.Drivers() {
		if d.Name == "" || d.Title == "" || d.ChannelType == 0 || len(d.BaseURLs) == 0 || len(d.Models) == 0 || d.Open == nil {
			t.Errorf("%s is not complete: %+v", d.Name, d)
			continue
		}
		if names[d.Name] || types[d.ChannelType] {
			t.Errorf("%s has the name or the channel type of another", d.Name)
		}
		names[d.Name], types[d.ChannelType] = true, true
		for _, u := range d.BaseURLs {
			if !strings.HasPrefix(u, "https://") || strings.HasSuffix(u, "/") {
				t.Errorf("%s: base URL %s", d.Name, u)
			}
		}
		for _, m := range d.Models {
			if models[m.Name] {
				t.Errorf("the model %s is offered twice", m.Name)
			}
			models[m.Name] = true
		}
		if d.Open(http.DefaultClient) == nil {
			t.Errorf("%s does not open", d.Name)
		}
	}
}
