package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/video"
)

// Book says what a rule is about.
type Book string

const (
	Sales Book = "price" // what a user pays
	Costs Book = "cost"  // what the operator expects the upstream to bill
)

// Unit is what a rule's amount is for.
type Unit string

const (
	PerSecond      Unit = "second"     // each second of each result
	PerFive        Unit = "5s"         // five seconds, and other lengths in proportion: 7 s cost 7/5
	PerStartedFive Unit = "started_5s" // each five seconds begun: 7 s cost two
	PerPicture     Unit = "picture"    // each picture ordered
	PerCall        Unit = "call"       // the order, whatever its size
)

// Fact names what a factor looks at.
type Fact string

const (
	FactType        Fact = "type"
	FactMode        Fact = "mode"
	FactResolution  Fact = "resolution"
	FactAspectRatio Fact = "aspect_ratio"
	FactSeconds     Fact = "seconds"     // "5"
	FactSound       Fact = "sound"       // "on" or "off"
	FactVoice       Fact = "voice"       // "on" or "off"
	FactVideoInput  Fact = "video_input" // "on" or "off"
)

// Words with a meaning of their own among a factor's values.
const (
	None  = "none" // the order has no such fact
	Other = "*"    // every value not listed
)

// Rule is one line of the catalogue: which orders it is for and what they
// amount to. It is plain data; the JSON form is what the database and the
// management API keep.
type Rule struct {
	ID    string `json:"id"` // lower-case letters, digits, ".", "_", "-"; unique in the catalogue
	Book  Book   `json:"book"`
	Match Match  `json:"match"`
	// Priority comes before everything else when several rules match; 0 is usual.
	Priority int           `json:"priority,omitempty"`
	Amount   money.Decimal `json:"amount" pattern:"^[0-9]{1,12}([.][0-9]{1,6})?$"` // US dollars for one Per; above zero unless Free
	Per      Unit          `json:"per"`
	Factors  []Factor      `json:"factors,omitempty"`
	// Free marks a rule whose amount is zero on purpose. Nothing else is free.
	Free   bool   `json:"free,omitempty"`
	Source string `json:"source,omitempty"` // where the figure comes from, for people
}

// Match names the orders a rule is for. A field left empty asks nothing; of a
// list one entry must fit.
type Match struct {
	Provider     string       `json:"provider,omitempty"`
	Types        []video.Type `json:"types,omitempty"`
	Models       []string     `json:"models,omitempty"` // names, or patterns in which "*" stands for any text
	Modes        []string     `json:"modes,omitempty"`
	Resolutions  []string     `json:"resolutions,omitempty"`
	AspectRatios []string     `json:"aspect_ratios,omitempty"`
	Sound        *bool        `json:"sound,omitempty"`
	Voice        *bool        `json:"voice,omitempty"`
	VideoInput   *bool        `json:"video_input,omitempty"`
	MinSeconds   int          `json:"min_seconds,omitempty"`
	MaxSeconds   int          `json:"max_seconds,omitempty"` // 0: no limit
}

// Factor multiplies the amount by the number listed for a fact of the order.
// An order whose value is not listed, and not caught by Other, has no price.
type Factor struct {
	By     Fact                     `json:"by"`
	Values map[string]money.Decimal `json:"values"`
}

// maxFactors bounds what one price multiplies.
const maxFactors = 8

var (
	idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)
	units     = []Unit{PerSecond, PerFive, PerStartedFive, PerPicture, PerCall}
	facts     = []Fact{FactType, FactMode, FactResolution, FactAspectRatio, FactSeconds, FactSound, FactVoice, FactVideoInput}
)

// ParseRules reads a JSON array of rules. Unknown fields are refused: a
// condition that was misspelt would price orders that it was meant to leave
// out. The rules are not validated yet; New does that.
func ParseRules(b []byte) ([]Rule, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var rules []Rule
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("price rules: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("price rules: text after the list")
	}
	return rules, nil
}

// Validate says what is wrong with the rule by itself: a *fault.Error with
// code Invalid and the field's name, or nil.
func (r Rule) Validate() error {
	if !idPattern.MatchString(r.ID) {
		return invalid("id", "The id %.120q must be 1 to 100 lower-case letters, digits, dots, dashes or underscores.", r.ID)
	}
	if r.Book != Sales && r.Book != Costs {
		return invalid("book", "The book must be %q or %q, not %.40q.", Sales, Costs, r.Book)
	}
	if !slices.Contains(units, r.Per) {
		return invalid("per", "The amount must be per %s, not %.40q.", oneOf(units), r.Per)
	}
	if r.Free != r.Amount.IsZero() {
		return invalid("amount", "The amount must be above zero, or zero with the rule marked free.")
	}
	if err := r.Match.validate(); err != nil {
		return err
	}
	if len(r.Factors) > maxFactors {
		return invalid("factors", "A rule has at most %d factors.", maxFactors)
	}
	seen := map[Fact]bool{}
	for i, f := range r.Factors {
		field := fmt.Sprintf("factors[%d]", i)
		if seen[f.By] {
			return invalid(field, "There are two factors by %s.", f.By)
		}
		seen[f.By] = true
		if err := f.validate(field); err != nil {
			return err
		}
	}
	return nil
}

func (m Match) validate() error {
	lists := []struct {
		field  string
		values []string
	}{
		{"types", texts(m.Types)},
		{"models", m.Models},
		{"modes", m.Modes},
		{"resolutions", m.Resolutions},
		{"aspect_ratios", m.AspectRatios},
	}
	for _, l := range lists {
		for i, v := range l.values {
			if v == "" || strings.TrimSpace(v) != v || slices.Contains(l.values[:i], v) {
				return invalid("match."+l.field, "Entry %d, %.40q, is empty, padded or a repetition.", i+1, v)
			}
		}
	}
	if m.MinSeconds < 0 || m.MaxSeconds < 0 || (m.MaxSeconds > 0 && m.MinSeconds > m.MaxSeconds) {
		return invalid("match.min_seconds", "No length lies between %d and %d seconds.", m.MinSeconds, m.MaxSeconds)
	}
	return nil
}

func (f Factor) validate(field string) error {
	if !slices.Contains(facts, f.By) {
		return invalid(field+".by", "A factor goes by %s, not by %.40q.", oneOf(facts), f.By)
	}
	if len(f.Values) == 0 {
		return invalid(field+".values", "The factor by %s lists no values.", f.By)
	}
	for _, value := range slices.Sorted(maps.Keys(f.Values)) {
		ok := value != ""
		switch f.By {
		case FactSound, FactVoice, FactVideoInput:
			ok = value == "on" || value == "off" || value == Other
		case FactSeconds:
			n, err := strconv.Atoi(value)
			ok = value == Other || value == None || (err == nil && n > 0 && strconv.Itoa(n) == value)
		}
		if !ok {
			return invalid(field+".values", "%.40q is no value of %s.", value, f.By)
		}
		if f.Values[value].IsZero() {
			return invalid(field+".values", "The factor for %s %s is zero. A free rule is marked free.", f.By, value)
		}
	}
	return nil
}

func invalid(field, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).Named("invalid_price_rule").At(field)
}

// conditions counts the fields of a match that ask for something, models left
// out: they are ranked by themselves.
func (m *Match) conditions() int {
	n := 0
	for _, asks := range []bool{
		m.Provider != "", len(m.Types) > 0, len(m.Modes) > 0, len(m.Resolutions) > 0, len(m.AspectRatios) > 0,
		m.Sound != nil, m.Voice != nil, m.VideoInput != nil, m.MinSeconds > 0, m.MaxSeconds > 0,
	} {
		if asks {
			n++
		}
	}
	return n
}

// fits reports whether an order meets every condition but the model.
func (m *Match) fits(r *video.Request) bool {
	u := &r.Usage
	return (m.Provider == "" || m.Provider == r.Provider) &&
		(len(m.Types) == 0 || slices.Contains(m.Types, r.Type)) &&
		(len(m.Modes) == 0 || slices.Contains(m.Modes, u.Mode)) &&
		(len(m.Resolutions) == 0 || slices.Contains(m.Resolutions, u.Resolution)) &&
		(len(m.AspectRatios) == 0 || slices.Contains(m.AspectRatios, u.AspectRatio)) &&
		(m.Sound == nil || *m.Sound == u.Sound) &&
		(m.Voice == nil || *m.Voice == u.Voice) &&
		(m.VideoInput == nil || *m.VideoInput == u.VideoInput) &&
		u.Seconds >= m.MinSeconds &&
		(m.MaxSeconds == 0 || u.Seconds <= m.MaxSeconds)
}

// key is equal for two matches that no order can tell apart.
func (m Match) key() string {
	m.Types = slices.Sorted(slices.Values(m.Types))
	m.Models = slices.Sorted(slices.Values(m.Models))
	m.Modes = slices.Sorted(slices.Values(m.Modes))
	m.Resolutions = slices.Sorted(slices.Values(m.Resolutions))
	m.AspectRatios = slices.Sorted(slices.Values(m.AspectRatios))
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return string(b)
}

// value is the fact as factors spell it.
func (f Fact) value(r *video.Request) string {
	var v string
	switch f {
	case FactType:
		v = string(r.Type)
	case FactMode:
		v = r.Usage.Mode
	case FactResolution:
		v = r.Usage.Resolution
	case FactAspectRatio:
		v = r.Usage.AspectRatio
	case FactSeconds:
		if r.Usage.Seconds > 0 {
			v = strconv.Itoa(r.Usage.Seconds)
		}
	case FactSound:
		v = onOff(r.Usage.Sound)
	case FactVoice:
		v = onOff(r.Usage.Voice)
	case FactVideoInput:
		v = onOff(r.Usage.VideoInput)
	}
	if v == "" {
		return None
	}
	return v
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// matchModel reports whether a model name fits a pattern in which "*" stands
// for any text.
func matchModel(pattern, model string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == model
	}
	model, ok := strings.CutPrefix(model, first)
	for ok {
		var part string
		part, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(model, part)
		}
		_, model, ok = strings.Cut(model, part)
	}
	return false
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func oneOf[T ~string](list []T) string {
	return strings.Join(texts(list[:len(list)-1]), ", ") + " or " + string(list[len(list)-1])
}
