// Package telemetry is how the gateway tells what it does: one slog handler
// that writes text lines to stdout and to a rotated file, names the request of
// each line, and lets no credential through.
package telemetry

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/DeRuina/timberjack"
)

type requestIDKey struct{}

// WithRequestID puts a request's id in the context.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id that WithRequestID put there, "" when none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Options say where the lines go.
type Options struct {
	Level  slog.Level
	Dir    string    // of oneapi.log; "" writes no file
	Stdout io.Writer // nil: os.Stdout
}

// Log is the gateway's log. Level may be changed while it runs; Close it last.
type Log struct {
	*slog.Logger
	Level *slog.LevelVar
	file  io.Closer
}

// FileName is the log's file below Options.Dir.
const FileName = "oneapi.log"

// Open starts the log.
func Open(o Options) (*Log, error) {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	l := &Log{Level: new(slog.LevelVar)}
	l.Level.Set(o.Level)
	out := o.Stdout
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("LOG_DIR: %w", err)
		}
		// A log that cannot be written is found out now, not when it is needed.
		probe, err := os.OpenFile(filepath.Join(o.Dir, FileName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
		if err != nil {
			return nil, fmt.Errorf("LOG_DIR: %w", err)
		}
		if err := probe.Close(); err != nil {
			return nil, fmt.Errorf("LOG_DIR: %w", err)
		}
		file := &timberjack.Logger{
			Filename: filepath.Join(o.Dir, FileName), MaxSize: 100, MaxBackups: 14, MaxAge: 30,
			RotationInterval: 24 * time.Hour, LocalTime: true,
		}
		l.file = file
		out = io.MultiWriter(o.Stdout, file)
	}
	l.Logger = slog.New(NewHandler(out, l.Level))
	return l, nil
}

// Close closes the file.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// ParseLevel reads LOG_LEVEL: debug, info, warn or error.
func ParseLevel(text string) (slog.Level, error) {
	switch text {
	case "debug", "info", "warn", "error":
		var l slog.Level
		err := l.UnmarshalText([]byte(text))
		return l, err
	}
	return 0, errors.New("must be debug, info, warn or error")
}

// NewHandler writes text lines to w, scrubbed and with the request's id.
func NewHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return &handler{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		return scrubAttr(a)
	}})}
}

type handler struct{ inner slog.Handler }

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.inner.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.inner.Handle(ctx, r)
}

func (h *handler) WithAttrs(a []slog.Attr) slog.Handler { return &handler{h.inner.WithAttrs(a)} }
func (h *handler) WithGroup(name string) slog.Handler   { return &handler{h.inner.WithGroup(name)} }

// credentials are shapes that never belong in a log, wherever they come from:
// our tokens, bearer values, JWTs, webhook secrets, the proof in a callback's
// address, and passwords in a database address. Every match holds one of the
// hints; looking for these first keeps an ordinary line ten times cheaper.
var credentials = []struct {
	hints   []string
	pattern *regexp.Regexp
	with    string
}{
	{[]string{"sk-"}, regexp.MustCompile(`\bsk-(test-)?[A-Za-z0-9_-]{8,}`), "sk-[redacted]"},
	{[]string{"earer", "EARER"}, regexp.MustCompile(`\b[Bb](?:earer|EARER)\s+[A-Za-z0-9._~+/=|-]{8,}`), "Bearer [redacted]"},
	{[]string{"eyJ"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`), "[redacted JWT]"},
	{[]string{"whsec_"}, regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]+`), "whsec_[redacted]"},
	{[]string{"?k=", "&k="}, regexp.MustCompile(`([?&]k=)[^&#\s"'\]})]+`), "${1}[redacted]"},
	{[]string{"://"}, regexp.MustCompile(`(://[^:/@\s]*:)[^@\s]+@`), "${1}[redacted]@"},
	{[]string{"@tcp(", "@unix("}, regexp.MustCompile(`(^|[\s"'=(])([^\s:"'=()]+:)\S+@(tcp|unix)\(`), "${1}${2}[redacted]@${3}("},
}

// Scrub masks what looks like a credential in a text.
func Scrub(text string) string {
	for _, c := range credentials {
		if slices.ContainsFunc(c.hints, func(h string) bool { return strings.Contains(text, h) }) {
			text = c.pattern.ReplaceAllString(text, c.with)
		}
	}
	return text
}

// scrubAttr masks an attribute as it would be written. What needs no mask stays
// as it is.
func scrubAttr(a slog.Attr) slog.Attr {
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil, slog.Level, *slog.Source:
			return a
		case []byte:
			text = string(v)
		case encoding.TextMarshaler:
			b, err := v.MarshalText()
			if err != nil {
				return a
			}
			text = string(b)
		default:
			text = fmt.Sprintf("%+v", v)
		}
	default:
		return a
	}
	if clean := Scrub(text); clean != text {
		a.Value = slog.StringValue(clean)
	}
	return a
}
