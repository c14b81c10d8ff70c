package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// The console shows refusals in its reader's language, by their words: what
// people send wrongly or too late must have one of its own.
func TestRefusalsHaveWords(t *testing.T) {
	codes := map[string]bool{"Invalid": true, "Conflict": true, "Forbidden": true, "Unprocessable": true, "Throttled": true, "TooLarge": true}
	for _, room := range []string{"auth", "console", "generation", "store", "webhook"} {
		files, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", room, len(files), err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			named := map[ast.Expr]bool{} // refusals that a call of Named belongs to
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
					if sel.Sel.Name == "Named" || named[call] {
						named[sel.X] = true
					}
					if isNew(sel) && len(call.Args) > 0 && !named[call] {
						if code, ok := call.Args[0].(*ast.SelectorExpr); ok && codes[code.Sel.Name] {
							t.Errorf("%s: a refusal without a word: add .Named(…)", fset.Position(call.Pos()))
						}
					}
				}
				return true
			})
		}
	}
}

func isNew(sel *ast.SelectorExpr) bool {
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "fault" && sel.Sel.Name == "New"
}
