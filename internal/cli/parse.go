package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parser turns commands into cobra's and keeps which one was chosen.
type parser struct{ chosen *Command }

// tree is a command as cobra has it. Running it only fills its struct.
func (p *parser) tree(c *Command, out io.Writer) *cobra.Command {
	cc := &cobra.Command{
		Use: c.Name, SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		Annotations: map[string]string{},
		RunE: func(_ *cobra.Command, args []string) error {
			run := c
			if c.byDefault != nil {
				run = c.byDefault
			}
			if err := run.fill(args); err != nil {
				return &Error{err, c}
			}
			p.chosen = run
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, before []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(before) < len(c.Args) {
				return c.Args[len(before)].Enum, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	cc.CompletionOptions.DisableDefaultCmd = true
	cc.SetHelpCommand(&cobra.Command{Hidden: true}) // there is --help
	cc.SetHelpFunc(func(*cobra.Command, []string) { c.help(out) })
	cc.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &Error{c.flagError(err), c} })
	flags := cc.Flags()
	flags.SortFlags = false
	flags.BoolP("help", "h", false, "")
	for _, f := range c.flags() {
		f.given = false
		add := func(v *value, name, short string) {
			added := flags.VarPF(v, name, short, "")
			added.Hidden = f.Hidden
			if f.isBool() {
				added.NoOptDefVal = "true"
			}
		}
		add(&value{flag: f}, f.Name, f.Short)
		if f.Negatable {
			add(&value{flag: f, negate: true}, "no-"+f.Name, "")
		}
		_ = cc.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return f.Enum, cobra.ShellCompDirectiveDefault
		})
	}
	for _, child := range c.Children {
		cc.AddCommand(p.tree(child, out))
	}
	return cc
}

// untaken refuses a flag without its value where another flag follows, which
// pflag would take for the value.
func untaken(tree *cobra.Command, args []string) error {
	cc, _, err := tree.Find(args)
	if err != nil {
		return err
	}
	for i, a := range args[:max(0, len(args)-1)] {
		if a == "--" {
			return nil
		}
		name, next := strings.TrimPrefix(a, "--"), args[i+1]
		if f := cc.Flags().Lookup(name); name == a || f == nil || f.NoOptDefVal != "" || len(next) < 2 || next[0] != '-' {
			continue
		}
		if next[1] == '-' || next[1] > '9' {
			return cc.FlagErrorFunc()(cc, fmt.Errorf("--%s needs a value; one that begins with a dash: --%s=-…", name, name))
		}
	}
	return nil
}

// flagError says what pflag found in our words: its own quote the value, which
// may be a secret.
func (c *Command) flagError(err error) error {
	var unknown *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		names := []string{"--help"}
		for _, f := range c.flags() {
			if !f.Hidden {
				names = append(names, "--"+f.Name)
			}
		}
		name := "--" + unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			name = name[1:]
		}
		return fmt.Errorf("unknown flag %s%s", name, near(name, names))
	case errors.As(err, &valueless):
		return fmt.Errorf("--%s needs a value", valueless.GetFlag().Name)
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return err
}

// near names the right words that a mistyped one may stand for.
func near(word string, right []string) string {
	at := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, r := range right {
		at.AddCommand(&cobra.Command{Use: r, Run: func(*cobra.Command, []string) {}})
	}
	switch found := at.SuggestionsFor(word); len(found) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(", did you mean %q?", found[0])
	default:
		return ", did you mean one of " + quoted(found) + "?"
	}
}

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return strings.Join(out, ", ")
}

// fill sets what the flags left open, and checks the whole.
func (c *Command) fill(args []string) error {
	if len(c.Children) > 0 {
		return c.unchosen(args)
	}
	for i, text := range args {
		if i >= len(c.Args) {
			return fmt.Errorf("unexpected argument %s", text)
		}
		if err := c.Args[i].set(text); err != nil {
			return fmt.Errorf("<%s>: %w", c.Args[i].Name, err)
		}
		c.Args[i].given = true
	}
	for _, a := range c.Args {
		if a.Required && !a.given {
			return fmt.Errorf("expected %q", "<"+a.Name+">")
		}
	}
	for _, f := range c.Flags {
		if err := f.fallBack(); err != nil {
			return err
		}
	}
	if err := c.together(); err != nil {
		return err
	}
	if v, ok := c.Target.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// unchosen tells which commands a group has.
func (c *Command) unchosen(args []string) error {
	names := make([]string, len(c.Children))
	for i, child := range c.Children {
		names[i] = child.Name
	}
	if len(args) > 0 {
		if hint := near(args[0], names); hint != "" {
			return fmt.Errorf("unexpected argument %s%s", args[0], hint)
		}
		return fmt.Errorf("unexpected argument %s, expected one of %s", args[0], quoted(names))
	}
	return fmt.Errorf("expected one of %s", quoted(names))
}

// fallBack takes the environment's value, or the default, of a flag that was
// not given.
func (f *Flag) fallBack() error {
	if f.given {
		return nil
	}
	if text, ok := os.LookupEnv(f.Env); ok && f.Env != "" {
		if err := f.set(text); err != nil {
			return fmt.Errorf("%s (--%s): %w", f.Env, f.Name, err)
		}
		f.given = true
		return nil
	}
	return f.reset()
}

// reset sets the default.
func (f *Flag) reset() error {
	f.target.SetZero()
	if !f.hasDefault || f.Default == "" {
		return nil
	}
	return f.set(f.Default)
}

// together checks the flags that depend on each other.
func (c *Command) together() error {
	given, wanted := map[string]*Flag{}, map[string][]string{}
	var missing []string
	for _, f := range c.Flags {
		if f.Xor == "" {
			if f.Required && !f.given {
				missing = append(missing, f.usage())
			}
			continue
		}
		if other := given[f.Xor]; other != nil && f.given {
			return fmt.Errorf("--%s and --%s can't be used together", other.Name, f.Name)
		}
		if f.given {
			given[f.Xor] = f
		}
		if f.Required {
			wanted[f.Xor] = append(wanted[f.Xor], f.usage())
		}
	}
	for xor, flags := range wanted {
		if given[xor] == nil {
			missing = append(missing, strings.Join(flags, " or "))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("missing flags: %s", strings.Join(missing, ", "))
}

// value is a flag as pflag sets it.
type value struct {
	flag   *Flag
	negate bool
}

func (v *value) String() string { return "" }
func (v *value) Type() string   { return v.flag.kind() }

func (v *value) Set(text string) error {
	if v.negate {
		no, err := parseBool(text)
		if err != nil {
			return err
		}
		text = strconv.FormatBool(!no)
	}
	first := !v.flag.given
	v.flag.given = true
	if first {
		v.flag.target.SetZero() // of a list: what it had before
	}
	return v.flag.set(text)
}

var durationType = reflect.TypeFor[time.Duration]()

// kind is what a flag holds, as its placeholder says it.
func (f *Flag) kind() string {
	t := f.valueType()
	switch {
	case t == durationType:
		return "DURATION"
	case t.Kind() == reflect.Float64:
		return "NUMBER"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "INT"
	case t.Kind() == reflect.Bool:
		return "BOOL"
	}
	return "STRING"
}

// valueType is the field's type, below a pointer.
func (f *Flag) valueType() reflect.Type {
	if t := f.target.Type(); t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return f.target.Type()
}

func (f *Flag) isBool() bool { return f.valueType().Kind() == reflect.Bool }

// check refuses, at start, a field that set cannot set.
func (f *Flag) check() error {
	switch t := f.valueType(); t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
	case reflect.Slice:
		if t.Elem().Kind() != reflect.String {
			return fmt.Errorf("--%s is a list of %s", f.Name, t.Elem())
		}
	default:
		return fmt.Errorf("--%s is a %s", f.Name, t)
	}
	if err := f.reset(); err != nil {
		return fmt.Errorf("--%s: default: %w", f.Name, err)
	}
	return nil
}

// set parses a text into the field.
func (f *Flag) set(text string) error {
	if f.Enum != nil && !slices.Contains(f.Enum, text) {
		words := slices.DeleteFunc(slices.Clone(f.Enum), func(w string) bool { return w == "" })
		return fmt.Errorf("must be one of %s but got %q", quoted(words), text)
	}
	v := f.target
	if v.Kind() == reflect.Pointer {
		v = reflect.New(v.Type().Elem()).Elem()
	}
	switch v.Kind() {
	case reflect.String:
		if f.Type == "existingfile" {
			var err error
			if text, err = existing(text); err != nil {
				return err
			}
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case reflect.Slice:
		v.Set(reflect.AppendSlice(v, reflect.ValueOf(strings.Split(text, ","))))
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("expected a number but got %q", text)
		}
		v.SetFloat(n)
	default:
		n, err := f.parseInt(v.Type(), text)
		if err != nil {
			return err
		}
		v.SetInt(n)
	}
	if f.target.Kind() == reflect.Pointer {
		f.target.Set(v.Addr())
	}
	return nil
}

func (f *Flag) parseInt(t reflect.Type, text string) (int64, error) {
	if t == durationType {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("expected a time like 30s or 15m but got %q", text)
		}
		return int64(d), nil
	}
	n, err := strconv.ParseInt(text, 10, t.Bits())
	if err != nil {
		return 0, fmt.Errorf("expected a whole number but got %q", text)
	}
	return n, nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "1", "yes":
		return true, nil
	case "false", "0", "no":
		return false, nil
	}
	return false, fmt.Errorf("expected true or false but got %q", text)
}

// existing checks that there is a file to read; - is standard input. Of
// --file=~/x no shell makes a path.
func existing(path string) (string, error) {
	if path == "-" {
		return path, nil
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", fmt.Errorf("%q is a directory", path)
	}
	return path, nil
}

// Complete prints what may follow an unfinished line, a word a line.
func (c *Command) Complete(line string, out io.Writer) error {
	words := strings.Fields(line)
	if strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	if len(words) < 2 {
		return nil
	}
	var p parser
	tree := p.tree(c, io.Discard)
	var said strings.Builder
	tree.SetOut(&said)
	tree.SetErr(io.Discard)
	tree.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, words[1:]...))
	if err := tree.Execute(); err != nil {
		return err
	}
	for word := range strings.Lines(said.String()) {
		word = strings.TrimSpace(word)
		if word == "" || word[0] == ':' || !strings.HasPrefix(word, words[len(words)-1]) { // ":4" is for cobra's own scripts
			continue
		}
		if _, err := fmt.Fprintln(out, word); err != nil {
			return err
		}
	}
	return nil
}
