// Package model knows how names of models are made: a base name and, where the
// model has one, a mode ("kling-v1-6" + "pro" = "kling-v1-6-pro").
package model

import (
	"slices"
	"strings"
)

// Modes are the endings that a base name may take. std means 720p, pro 1080p.
var Modes = []string{"std", "pro", "4k"}

// Base is the name without its mode.
func Base(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 && slices.Contains(Modes, name[i+1:]) {
		return name[:i]
	}
	return name
}

// Covers reports whether an entry of a model list stands for a model: "*", the
// name itself, a base name (all its modes), or a prefix ending in "*".
func Covers(entry, name string) bool {
	if entry == name || entry == "*" {
		return true
	}
	if p, ok := strings.CutSuffix(entry, "*"); ok {
		return strings.HasPrefix(name, p)
	}
	return entry == Base(name)
}

// List reads a comma list as tables and forms hold it, blanks left out.
func List(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
