package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"

	"one-api/internal/secret"
)

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	asks     bool // a person is at in: questions make sense
	watched  bool // a person looks at err: progress makes sense
}

func standardTerminal() *terminal {
	return &terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		asks: isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stderr.Fd()), watched: isatty.IsTerminal(os.Stderr.Fd()),
	}
}

func (t *terminal) print(format string, args ...any) error {
	_, err := fmt.Fprintf(t.out, format, args...)
	return err
}

// note tells the person something that is no part of the answer.
func (t *terminal) note(format string, args ...any) {
	_, _ = fmt.Fprintf(t.err, format+"\n", args...)
}

// json prints one document.
func (t *terminal) json(v any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows below a heading, without one when it is empty. Cells are
// made of anything; what does not print is replaced.
func (t *terminal) table(heading string, rows [][]any) error {
	w := tabwriter.NewWriter(t.out, 2, 4, 2, ' ', 0)
	if heading != "" {
		_, _ = fmt.Fprintln(w, strings.ReplaceAll(heading, " | ", "\t"))
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = cell(c)
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	return w.Flush()
}

// cell is a value as tables show it.
func cell(v any) string {
	switch v := v.(type) {
	case time.Time:
		if v.IsZero() {
			return "-"
		}
		return v.UTC().Format("2006-01-02 15:04:05")
	case *time.Time:
		if v == nil {
			return "-"
		}
		return cell(*v)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		if len(v) == 0 {
			return "-"
		}
		return cell(strings.Join(v, ","))
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, fmt.Sprint(v))
	if text == "" {
		return "-"
	}
	return text
}

// clip shortens a text for a table.
func clip(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// destroying is what commands have in common that take something away.
type destroying struct {
	Yes bool `short:"y" help:"Do not ask."`
}

// confirm asks before something is taken away. Without a person to ask it
// refuses, so that a script says --yes.
func (t *terminal) confirm(d destroying, question string, args ...any) error {
	if d.Yes {
		return nil
	}
	question = fmt.Sprintf(question, args...)
	if !t.asks {
		return fmt.Errorf("%s There is nobody to ask here; say --yes. Nothing was changed", question)
	}
	_, _ = fmt.Fprintf(t.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(t.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// maxSecret is the most that secretFrom reads.
const maxSecret = 64 << 10

// secretFrom reads a secret, all of standard input.
func (t *terminal) secretFrom(flag, what string) (secret.Text, error) {
	if t.asks {
		t.note("Type %s, then press Enter and Ctrl-D.", what)
	}
	b, err := io.ReadAll(io.LimitReader(t.in, maxSecret))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "", misused("%s: nothing came on standard input", flag)
	}
	return secret.Text(text), nil
}

// progress shows a line that rewrites itself, while a person looks. say may be
// called from anywhere and as often as one likes; done takes the line away.
func (t *terminal) progress(what string) (say func(format string, args ...any), done func()) {
	if !t.watched {
		return func(string, ...any) {}, func() {}
	}
	started, last := time.Now(), time.Time{}
	const every, clear = 100 * time.Millisecond, "\r\x1b[K"
	lines := make(chan string)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		detail := ""
		for {
			select {
			case detail = <-lines:
				if time.Since(last) < every {
					continue
				}
			case <-tick.C:
			case <-stop:
				if !last.IsZero() {
					_, _ = fmt.Fprint(t.err, clear)
				}
				return
			}
			last = time.Now()
			_, _ = fmt.Fprintf(t.err, "%s%s %s%s", clear, what, detail, last.Sub(started).Round(time.Second))
		}
	}()
	return func(format string, args ...any) {
			select {
			case lines <- fmt.Sprintf(format, args...) + ", ":
			case <-stopped:
			}
		}, func() {
			close(stop)
			<-stopped
		}
}
