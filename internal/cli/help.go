package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// widest is the most that help is wrapped at: longer lines are hard to read.
const widest = 110

// width is how wide help may be.
func width(out io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return min(n, widest)
	}
	if f, ok := out.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return min(n, widest)
		}
	}
	return 80
}

// help writes what --help shows.
func (c *Command) help(out io.Writer) {
	w := &page{bufio.NewWriter(out), width(out)}
	defer func() { _ = w.Flush() }()
	w.line("Usage: " + c.usage())
	if c.Parent == nil {
		w.line("\n" + c.Help) // laid out by its author
	} else {
		w.paragraph(c.Help)
	}
	if d, ok := c.Target.(interface{ Help() string }); ok {
		w.paragraph(d.Help())
	}
	if c.Example != "" {
		title := "Example:"
		if strings.Contains(c.Example, "\n") {
			title = "Examples:"
		}
		w.line("\n" + title + "\n\n    " + strings.ReplaceAll(c.Example, "\n", "\n    "))
	}
	var args [][2]string
	for _, a := range c.Args {
		args = append(args, [2]string{a.usage(), a.Help})
	}
	w.columns("Arguments:", args)
	w.flags(c)
	w.commands(c)
	if c.Parent == nil && len(c.Children) > 0 {
		w.line("\nRun \"" + c.Name + " <command> --help\" for more information on a command.")
	}
}

// usage is a command's line of use, or a flag's or argument's part of it.
func (c *Command) usage() string {
	words := []string{c.Path()}
	if len(c.Children) > 0 {
		return c.Path() + " <command>"
	}
	told := map[string]bool{}
	for _, f := range c.Flags {
		if !f.Required || told[f.Xor] {
			continue
		}
		either := []string{f.usage()}
		if f.Xor != "" {
			told[f.Xor] = true
			either = nil
			for _, other := range c.Flags {
				if other.Required && other.Xor == f.Xor {
					either = append(either, other.usage())
				}
			}
		}
		if len(either) > 1 {
			words = append(words, "("+strings.Join(either, " | ")+")")
		} else {
			words = append(words, either[0])
		}
	}
	for _, a := range c.Args {
		words = append(words, a.usage())
	}
	return strings.Join(append(words, "[flags]"), " ")
}

func (f *Flag) usage() string {
	switch {
	case f.positional && f.optional:
		return "[<" + f.Name + ">]"
	case f.positional:
		return "<" + f.Name + ">"
	case f.Negatable:
		return "--[no-]" + f.Name
	case f.isBool():
		return "--" + f.Name
	}
	shown := f.kind()
	switch {
	case f.Placeholder != "":
		shown = f.Placeholder
	case f.hasDefault && shown == "STRING":
		shown = strconv.Quote(f.Default)
	case f.hasDefault:
		shown = f.Default
	}
	if f.target.Kind() == reflect.Slice {
		shown += ",..."
	}
	return "--" + f.Name + "=" + shown
}

// explained is a flag's help with the variable that sets it too.
func (f *Flag) explained() string {
	if f.Env == "" {
		return f.Help
	}
	text, dot := strings.CutSuffix(f.Help, ".")
	text += " ($" + f.Env + ")"
	if dot {
		text += "."
	}
	return text
}

// page is help as it is written.
type page struct {
	*bufio.Writer
	width int
}

func (w *page) line(text string) { _, _ = fmt.Fprintln(w, text) }

func (w *page) paragraph(text string) {
	w.line("\n" + strings.Join(wrap(text, w.width), "\n"))
}

// columns writes rows of two columns below a title. A first column that is too
// wide has its line alone.
func (w *page) columns(title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	w.line("\n" + title)
	most, left := max(30, w.width*375/1000), 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= most {
			left = max(left, n)
		}
	}
	const indent, gap = 2, 4
	for _, r := range rows {
		pad := left + gap - utf8.RuneCountInString(r[0])
		if pad < gap {
			w.line(strings.Repeat(" ", indent) + r[0])
			r[0], pad = "", left+gap
		}
		lead := strings.Repeat(" ", indent) + r[0] + strings.Repeat(" ", pad)
		for _, text := range wrap(r[1], max(20, w.width-indent-left-gap)) {
			w.line(strings.TrimRight(lead+text, " "))
			lead = strings.Repeat(" ", indent+left+gap)
		}
	}
}

// flags writes the flags by group, in the order in which they are declared.
func (w *page) flags(c *Command) {
	groups := []string{""}
	rows := map[string][][2]string{"": {{"-h, --help", "Show context-sensitive help."}}}
	for _, f := range c.Flags {
		if f.Hidden {
			continue
		}
		if _, ok := rows[f.Group]; !ok {
			groups = append(groups, f.Group)
		}
		lead := ""
		switch {
		case f.Short != "":
			lead = "-" + f.Short + ", "
		case f.Group == "":
			lead = "    "
		}
		rows[f.Group] = append(rows[f.Group], [2]string{lead + f.usage(), f.explained()})
	}
	for _, g := range groups {
		title := "Flags:"
		if g != "" {
			title = g
		}
		w.columns(title, rows[g])
	}
}

// commands writes all commands below one, by group.
func (w *page) commands(c *Command) {
	var groups []string
	rows := map[string][][2]string{}
	c.Visit(func(below *Command) {
		if below == c || len(below.Children) > 0 {
			return
		}
		group := below.Group
		if c.Parent != nil {
			group = "Commands:"
		}
		if rows[group] == nil {
			groups = append(groups, group)
		}
		_, path, _ := strings.Cut(below.Path(), " ")
		rows[group] = append(rows[group], [2]string{path, below.Help})
	})
	for _, g := range groups {
		w.columns(g, rows[g])
	}
}

// wrap breaks a text between words into lines of at most so many letters.
func wrap(text string, most int) []string {
	lines, used := []string{""}, 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		last := len(lines) - 1
		switch {
		case used == 0:
			lines[last], used = word, n
		case used+1+n <= most:
			lines[last], used = lines[last]+" "+word, used+1+n
		default:
			lines, used = append(lines, word), n
		}
	}
	return lines
}
