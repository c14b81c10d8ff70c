package console

import (
	"encoding/base64"
	"strconv"
	"time"

	"one-api/internal/fault"
)

// PageIn is the query of every list.
type PageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"Rows of a page."`
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before."`
}

// Page is the body of every list.
type Page[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// PageOut is the answer of every list.
type PageOut[T any] struct{ Body Page[T] }

// One is the answer with one thing.
type One[T any] struct{ Body T }

// None is an answer without a body.
type None struct{}

// after is what the cursor stands for: the key of the last row, opaque to
// callers.
func (p *PageIn) after() (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return "", badCursor()
	}
	return string(b), nil
}

// afterID is after for rows with numeric ids.
func (p *PageIn) afterID() (int64, error) {
	text, err := p.after()
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badCursor()
	}
	return n, nil
}

func badCursor() error {
	return fault.New(fault.Invalid, "The cursor is not one of ours. Begin again without it.").Named("invalid_cursor").At("query.cursor")
}

// page makes a page of rows that were read with one row more than the limit.
func page[R, T any](rows []R, limit int, key func(R) string, show func(R) T) *PageOut[T] {
	out := &PageOut[T]{}
	out.Body.Items = make([]T, 0, min(len(rows), limit))
	if len(rows) > limit {
		rows = rows[:limit]
		out.Body.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(key(rows[limit-1])))
	}
	for _, r := range rows {
		out.Body.Items = append(out.Body.Items, show(r))
	}
	return out
}

// seconds is a wait in whole seconds, as headers want it.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second))) }

// when is a moment as answers have it, nil for never.
func when(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
