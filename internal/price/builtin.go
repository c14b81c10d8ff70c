package price

import (
	_ "embed"
	"slices"
)

// builtin is what the gateway ships with, one rule a line: as costs, Kling's
// list prices at 0.14 US dollars a video unit; as prices, the same figures,
// save for the four models that the deployment guide prices itself. The price
// of an extension of a kling-v1 video is disputed (one unit or two); the
// higher figure stands.
//
//go:embed builtin.json
var builtin []byte

// BuiltinJSON is the built-in catalogue in its JSON form.
func BuiltinJSON() ([]byte, error) { return slices.Clone(builtin), nil }

// Builtin is the built-in catalogue's rules.
func Builtin() []Rule {
	rules, err := ParseRules(builtin)
	if err != nil {
		panic(err) // part of the program; a test reads it
	}
	return rules
}
