package e2e_test

import "regexp"

// internals are words that no caller should read: of the database, of Go, of
// this machine.
var internals = regexp.MustCompile(`(?i)\bsql\b|sqlite|mysql|postgres|\bpgx\b|\bbun\b|gjson|goroutine|panic|runtime error|nil pointer` +
	`|\bjson: |strconv\.|invalid character|cannot unmarshal|unexpected end of JSON|unexpected EOF|\bEOF\b|http: |net/http|dial tcp|connection refused` +
	`|\.go:\d|/internal/|0x[0-9a-f]{6}|stack trace|127\.0\.0\.1|localhost|%!`)
