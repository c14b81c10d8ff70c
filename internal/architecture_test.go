package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "one-api"

// top is the floor of the commands; nothing imports them.
const top = 9

// floors is the house: every package below internal/ with its floor. A package
// imports lower floors only; two on one floor do not know each other. Tests may
// import any.
var floors = map[string]int{
	"cli":         0,
	"fault":       0,
	"faultpoint":  0,
	"groupcommit": 0,
	"model":       0,
	"money":       0,
	"secret":      0,
	"video":       0, // price, on floor 1, reads orders
	"web":         0,

	"account":   1,
	"channel":   1,
	"config":    1,
	"ledger":    1,
	"price":     1,
	"telemetry": 1,

	"directory": 2,
	"provider":  2,
	"task":      2,

	"auth":              3,
	"generation":        3,
	"httpkit":           3,
	"limit":             3,
	"provider/outbound": 3,
	"reconciliation":    3,
	"webhook":           3,

	"provider/kling":          4,
	"provider/kling/klingsim": 4,
	"provider/providertest":   4, // its fake upstream is called through provider/outbound
	"relay":                   4, // counts for limit
	"store":                   4,

	"api":             5,
	"callback":        5,
	"console":         5,
	"provider/all":    5,
	"store/storetest": 5,
	"worker":          5, // works through store's rows

	"app": 6,

	"chaos":   7,
	"demo":    7,
	"loadgen": 7,

	"e2e": 8,
}

// reserved packages are imported by the named ones only, and by tests.
var reserved = map[string][]string{
	"provider/kling/klingsim": {"app", "chaos", "demo", "e2e", "loadgen", "cmd/one-api"},
}

// source is one Go file of ours.
type source struct {
	path string // from the root, with slashes
	room string // "store", "provider/kling", "cmd/one-api"
	test bool
	file *ast.File
	fset *token.FileSet
}

// sources reads the package clauses, comments and imports of all files below
// internal/ and cmd/.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, dir := range []string{".", filepath.Join("..", "cmd")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && slices.Contains([]string{"testdata", "node_modules"}, d.Name()) {
				return filepath.SkipDir
			}
			if d.IsDir() || filepath.Ext(path) != ".go" || filepath.Dir(path) == "." {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, text, parser.ImportsOnly|parser.ParseComments)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(filepath.ToSlash(path), "../")
			out = append(out, source{
				path: name,
				room: name[:strings.LastIndexByte(name, '/')],
				test: strings.HasSuffix(name, "_test.go"),
				file: file,
				fset: fset,
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) == 0 {
		t.Fatal("no Go files found")
	}
	return out
}

func floor(room string) (int, bool) {
	if strings.HasPrefix(room, "cmd/") {
		return top, true
	}
	f, ok := floors[room]
	return f, ok
}

func TestImportsPointDown(t *testing.T) {
	unknown := map[string]bool{}
	for _, s := range sources(t) {
		own, ok := floor(s.room)
		if !ok {
			unknown[s.room] = true
			continue
		}
		for _, imp := range s.file.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours, ok := strings.CutPrefix(path, module+"/")
			if !ok {
				continue
			}
			at := s.fset.Position(imp.Pos())
			room, ok := strings.CutPrefix(ours, "internal/")
			if !ok {
				t.Errorf("%s:%d: %s is not below internal/", s.path, at.Line, path)
				continue
			}
			other, ok := floor(room)
			switch {
			case !ok:
				unknown[room] = true
			case s.test:
			case other > own:
				t.Errorf("%s:%d: %s is on floor %d and imports %s from floor %d: upwards", s.path, at.Line, s.room, own, room, other)
			case other == own:
				t.Errorf("%s:%d: %s and %s are both on floor %d and must not know each other", s.path, at.Line, s.room, room, own)
			case reserved[room] != nil && !slices.Contains(reserved[room], s.room):
				t.Errorf("%s:%d: %s is for tests and %s", s.path, at.Line, room, strings.Join(reserved[room], ", "))
			}
		}
	}
	for _, room := range slices.Sorted(maps.Keys(unknown)) {
		t.Errorf("package %s has no floor: find its place in the house and add it to the list", room)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		word := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			word = "Command "
		}
		said[s.room] = said[s.room] || strings.HasPrefix(s.file.Doc.Text(), word)
	}
	for _, room := range slices.Sorted(maps.Keys(said)) {
		if !said[room] {
			t.Errorf("%s has no package comment that begins with its name", room)
		}
	}
}
