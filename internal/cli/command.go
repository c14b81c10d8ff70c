// Package cli makes a command line of structs: their fields' tags describe the
// commands and flags, cobra parses. It reads fields alone: calling methods by
// name through reflection would make the linker keep every method of every
// type of the program (docs/adr/0011-command-line.md).
package cli

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
)

// Command is one command, or a group of commands.
type Command struct {
	Name, Help, Example, Group string

	Target   any // the command's struct, by pointer
	Parent   *Command
	Children []*Command
	Flags    []*Flag
	Args     []*Flag // by position

	byDefault *Command // the child that runs when none is named
}

// Flag is one flag, or one argument by position.
//
// Its tags: name (default: the field's, in kebab case), short, help, group,
// placeholder, default, env, enum (words by comma), xor (of the flags that share
// a word at most one is given, and if one is required, one of them), required,
// optional (an argument), negatable (there is a --no-NAME too), type
// (existingfile).
type Flag struct {
	Name, Short, Help, Group, Placeholder, Default, Env, Xor, Type string

	Enum                             []string
	Required, Negatable, Hidden      bool
	hasDefault, positional, optional bool

	target reflect.Value
	given  bool // on the command line
}

// New reads the commands of a struct, given by pointer. Tag cmd makes a field a
// command, arg an argument, embed (or embedding) takes a field's own fields in;
// the others are flags. A command tagged default:"withargs" runs when none is
// named.
func New(name, description string, root any) (*Command, error) {
	c := &Command{Name: name, Help: description, Target: root}
	if err := c.read(reflect.ValueOf(root).Elem()); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Command) read(v reflect.Value) error {
	for i := range v.NumField() {
		f, tag := v.Type().Field(i), v.Type().Field(i).Tag
		_, isCommand := tag.Lookup("cmd")
		_, embed := tag.Lookup("embed")
		switch {
		case isCommand:
			child := &Command{
				Name: named(f), Help: tag.Get("help"), Example: tag.Get("example"), Group: tag.Get("group"),
				Target: v.Field(i).Addr().Interface(), Parent: c,
			}
			if child.Group == "" {
				child.Group = c.Group
			}
			if child.Example == "" {
				return fmt.Errorf("command %q has no example", child.Path())
			}
			if err := child.read(v.Field(i)); err != nil {
				return err
			}
			c.Children = append(c.Children, child)
			if tag.Get("default") != "" {
				c.byDefault = child
			}
		case f.Anonymous || embed:
			if err := c.read(v.Field(i)); err != nil {
				return err
			}
		case f.IsExported():
			flag := newFlag(f, v.Field(i))
			if err := flag.check(); err != nil {
				return fmt.Errorf("%s: %w", c.Path(), err)
			}
			if flag.positional {
				c.Args = append(c.Args, flag)
			} else {
				c.Flags = append(c.Flags, flag)
			}
		}
	}
	return nil
}

func newFlag(f reflect.StructField, v reflect.Value) *Flag {
	has := func(name string) bool { _, ok := f.Tag.Lookup(name); return ok }
	flag := &Flag{
		Name: named(f), Short: f.Tag.Get("short"), Help: f.Tag.Get("help"), Group: f.Tag.Get("group"), Placeholder: f.Tag.Get("placeholder"),
		Default: f.Tag.Get("default"), Env: f.Tag.Get("env"), Xor: f.Tag.Get("xor"), Type: f.Tag.Get("type"),
		Required: has("required") || has("arg") && !has("optional"), Negatable: has("negatable"),
		hasDefault: has("default"), positional: has("arg"), optional: has("optional"), target: v,
	}
	if has("enum") {
		flag.Enum = strings.Split(f.Tag.Get("enum"), ",")
	}
	return flag
}

// named is a field's name on the command line: its tag's, or BaseURL as base-url.
func named(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	letters := []rune(f.Name)
	var b strings.Builder
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Path is how the command is called: "one-api user list".
func (c *Command) Path() string {
	if c.Parent == nil {
		return c.Name
	}
	return c.Parent.Path() + " " + c.Name
}

// Visit calls f for the command and all below it.
func (c *Command) Visit(f func(*Command)) {
	f(c)
	for _, child := range c.Children {
		child.Visit(f)
	}
}

// Child is the command of that name, or nil.
func (c *Command) Child(name string) *Command {
	for _, child := range c.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flags are those that the command takes: its own, or those of what runs by
// default.
func (c *Command) flags() []*Flag {
	if c.byDefault != nil {
		return c.byDefault.Flags
	}
	return c.Flags
}

// Error is a command line that is wrong.
type Error struct {
	error
	Command *Command // whose help explains it
}

func (e *Error) Unwrap() error { return e.error }

// Parse reads the arguments and the environment into the chosen command's
// struct and returns that command, or nil when it has shown help instead.
// Flags win over the environment, the environment over defaults.
func (c *Command) Parse(args []string, out io.Writer) (*Command, error) {
	var p parser
	tree := p.tree(c, out)
	if err := untaken(tree, args); err != nil {
		return nil, err
	}
	tree.SetArgs(args)
	err := tree.Execute()
	return p.chosen, err
}
