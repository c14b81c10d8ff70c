// Package price turns the facts of an order into an amount: a catalogue of
// rules, one for what users pay and one for what the operator expects to be
// billed, multiplied exactly and rounded up once.
package price

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/video"
)

// Catalogue finds the rule for an order. It is immutable and safe for
// concurrent use; a change of prices is a new Catalogue with a new version.
type Catalogue struct {
	version      int64
	rules        []Rule // by id
	sales, costs index
}

// Quote is the price of an order and where it comes from. A task keeps it as
// it was at submit, whatever becomes of the rule.
type Quote struct {
	Quota   money.Quota `json:"quota"`
	RuleID  string      `json:"rule_id"`
	Version int64       `json:"version"` // of the catalogue
}

// New builds a catalogue from rules, which must not be changed afterwards. It
// refuses (Invalid) a rule that is wrong by itself
// and (Conflict) two rules of one book with the same id, or with the same
// match and priority, which no order could tell apart.
func New(version int64, rules []Rule) (*Catalogue, error) {
	c := &Catalogue{version: version, rules: slices.Clone(rules)}
	slices.SortStableFunc(c.rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })

	type place struct {
		book     Book
		priority int
		match    string
	}
	taken := make(map[place]string)
	for i := range c.rules {
		r := &c.rules[i]
		if err := r.Validate(); err != nil {
			return nil, fmt.Errorf("price rule %.120q: %w", r.ID, err)
		}
		if i > 0 && c.rules[i-1].ID == r.ID {
			return nil, fault.New(fault.Conflict, "Two price rules have the id %s.", r.ID).
				Named("duplicate_price_rule").At("id")
		}
		p := place{r.Book, r.Priority, r.Match.key()}
		if other, ok := taken[p]; ok {
			return nil, fault.New(fault.Conflict,
				"The price rules %s and %s are for the same orders. Change one of them, or give it another priority.", other, r.ID).
				Named("duplicate_price_rule").At("match")
		}
		taken[p] = r.ID
	}

	c.sales = newIndex(c.rules, Sales)
	c.costs = newIndex(c.rules, Costs)
	return c, nil
}

// Parse is New for rules in their JSON form, as ParseRules reads it.
func Parse(version int64, b []byte) (*Catalogue, error) {
	rules, err := ParseRules(b)
	if err != nil {
		return nil, err
	}
	return New(version, rules)
}

// Version is what New was given.
func (c *Catalogue) Version() int64 { return c.version }

// Rules lists the catalogue's rules by id. They must not be changed.
func (c *Catalogue) Rules() []Rule { return slices.Clone(c.rules) }

// Price is what an order costs a user whose group pays ratio times the list.
// The ratio applies last; the product is rounded up once. An order without a
// rule, and one whose price is not above zero though its rule is not marked
// free, is refused with Unprocessable, "no_price".
func (c *Catalogue) Price(r *video.Request, ratio money.Decimal) (Quote, error) {
	e := c.sales.find(r)
	if e == nil {
		return Quote{}, unpriced(r, "No price is set for this order")
	}
	return c.quote(e, r, ratio)
}

// Cost is what the upstream is expected to bill the operator for an order, or
// Unprocessable, "no_price", when the catalogue does not say.
func (c *Catalogue) Cost(r *video.Request) (Quote, error) {
	e := c.costs.find(r)
	if e == nil {
		return Quote{}, unpriced(r, "No cost is known for this order")
	}
	return c.quote(e, r, money.One)
}

// Explain is Price with the steps that lead to it, one line each, for people.
func (c *Catalogue) Explain(r *video.Request, ratio money.Decimal) (Quote, []string, error) {
	q, err := c.Price(r, ratio)
	if err != nil {
		return q, nil, err
	}
	e := c.sales.find(r)
	steps := []string{fmt.Sprintf("%s USD per %s (rule %s, version %d)", e.rule.Amount, e.rule.Per.phrase(), e.rule.ID, c.version)}
	if e.rule.Free {
		return q, append(steps, "free"), nil
	}
	n, per, _ := e.rule.Per.count(r)
	steps = append(steps, "× "+quotient(n, per)+" for "+e.rule.Per.size(r))
	for i := range e.factors {
		f, _ := e.factors[i].of(r)
		steps = append(steps, fmt.Sprintf("× %s for %s %s", f, e.factors[i].by, e.factors[i].by.value(r)))
	}
	if ratio != money.One {
		steps = append(steps, fmt.Sprintf("× %s for the group", ratio))
	}
	return q, append(steps, fmt.Sprintf("= %s USD = %d quota", q.Quota.USD(), q.Quota)), nil
}

func (c *Catalogue) quote(e *entry, r *video.Request, ratio money.Decimal) (Quote, error) {
	q := Quote{RuleID: e.rule.ID, Version: c.version}
	if e.rule.Free {
		return q, nil
	}
	n, per, ok := e.rule.Per.count(r)
	if !ok {
		return Quote{}, unpriced(r, fmt.Sprintf("The price goes by the %s, and this order has no usable one", e.rule.Per.phrase()))
	}
	var room [maxFactors + 1]money.Decimal
	factors := room[:0]
	for i := range e.factors {
		f, ok := e.factors[i].of(r)
		if !ok {
			return Quote{}, unpriced(r, fmt.Sprintf("Price rule %s does not know %s %s",
				e.rule.ID, e.factors[i].by, e.factors[i].by.value(r)))
		}
		factors = append(factors, f)
	}
	amount, err := money.Ceil(e.rule.Amount, n, per, append(factors, ratio)...)
	if err != nil {
		return Quote{}, unpriced(r, fmt.Sprintf("The price by rule %s is out of range", e.rule.ID)).Because(err)
	}
	if amount <= 0 {
		return Quote{}, unpriced(r, fmt.Sprintf("The price by rule %s and the group's ratio %s is not above zero", e.rule.ID, ratio))
	}
	q.Quota = amount
	return q, nil
}

// unpriced refuses an order; it tells the facts that prices go by, so that the
// operator can write the missing rule from the message alone.
func unpriced(r *video.Request, why string) *fault.Error {
	facts := fmt.Sprintf("type %s, model %s, %d s", r.Type, r.Model, r.Usage.Seconds)
	if r.Usage.AspectRatio != "" {
		facts += ", " + r.Usage.AspectRatio
	}
	for _, f := range []Fact{FactSound, FactVoice, FactVideoInput} {
		if f.value(r) == "on" {
			facts += ", " + string(f)
		}
	}
	return fault.New(fault.Unprocessable, "%s (%s). The operator of this gateway has to set its price.", why, facts).
		Named("no_price")
}

// maxCount bounds lengths and numbers of results; beyond it something is wrong
// with the order.
const maxCount = 1_000_000

// count is how many units an order has, as n/per. ok is false when the order
// lacks the length that the unit goes by.
func (u Unit) count(r *video.Request) (n, per int64, ok bool) {
	seconds, results := int64(r.Usage.Seconds), max(1, int64(r.Usage.Count))
	if r.Usage.Count < 0 || results > maxCount || seconds < 0 || seconds > maxCount {
		return 0, 1, false
	}
	switch u {
	case PerSecond:
		return seconds * results, 1, seconds > 0
	case PerFive:
		return seconds * results, 5, seconds > 0
	case PerStartedFive:
		return (seconds + 4) / 5 * results, 1, seconds > 0
	case PerPicture:
		return results, 1, true
	case PerCall:
		return 1, 1, true
	}
	return 0, 1, false
}

func (u Unit) phrase() string {
	switch u {
	case PerFive:
		return "5 s"
	case PerStartedFive:
		return "started 5 s"
	}
	return string(u)
}

// size says in words what count counted.
func (u Unit) size(r *video.Request) string {
	results := max(1, r.Usage.Count)
	switch {
	case u == PerCall:
		return "one call"
	case u == PerPicture && results == 1:
		return "1 picture"
	case u == PerPicture:
		return fmt.Sprintf("%d pictures", results)
	case results == 1:
		return fmt.Sprintf("%d s", r.Usage.Seconds)
	}
	return fmt.Sprintf("%d results of %d s", results, r.Usage.Seconds)
}

func quotient(n, per int64) string {
	if n%per == 0 {
		return strconv.FormatInt(n/per, 10)
	}
	return fmt.Sprintf("%d/%d", n, per)
}

// index holds one book. Entries are ranked best first, so that the answer to
// an order is its first fit: by exact model name through the map, by pattern
// or without a model through the list.
type index struct {
	named map[string][]entry
	other []entry
}

// entry is a rule under one of its models.
type entry struct {
	rule    *Rule
	model   string // a name or a pattern; "" for a rule that names none
	rank    int
	factors []lookup
}

// newIndex ranks the rules of a book: by priority; then by how closely they
// name the model (exactly, by a pattern with more letters, not at all); then by
// the number of other conditions; then by id.
func newIndex(rules []Rule, book Book) index {
	var all []entry
	for i := range rules {
		if rules[i].Book != book {
			continue
		}
		factors := compile(rules[i].Factors)
		models := rules[i].Match.Models
		if len(models) == 0 {
			models = []string{""}
		}
		for _, m := range models {
			all = append(all, entry{rule: &rules[i], model: m, factors: factors})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(
			cmp.Compare(b.rule.Priority, a.rule.Priority),
			cmp.Compare(b.closeness(), a.closeness()),
			cmp.Compare(len(b.model), len(a.model)),
			cmp.Compare(b.rule.Match.conditions(), a.rule.Match.conditions()),
			cmp.Compare(a.rule.ID, b.rule.ID),
			cmp.Compare(a.model, b.model),
		)
	})
	x := index{named: make(map[string][]entry)}
	for rank, e := range all {
		e.rank = rank
		if e.closeness() == 2 {
			x.named[e.model] = append(x.named[e.model], e)
		} else {
			x.other = append(x.other, e)
		}
	}
	return x
}

func (e *entry) closeness() int {
	switch {
	case e.model == "":
		return 0
	case strings.Contains(e.model, "*"):
		return 1
	}
	return 2
}

func (x *index) find(r *video.Request) *entry {
	var best *entry
	named := x.named[r.Model]
	for i := range named {
		if named[i].rule.Match.fits(r) {
			best = &named[i]
			break
		}
	}
	for i := range x.other {
		e := &x.other[i]
		if best != nil && best.rank < e.rank {
			break
		}
		if (e.model == "" || matchModel(e.model, r.Model)) && e.rule.Match.fits(r) {
			return e
		}
	}
	return best
}

// lookup is a Factor made ready: a short list is faster than a map.
type lookup struct {
	by     Fact
	values []valued
	other  money.Decimal // zero: unlisted values have no price
}

type valued struct {
	value  string
	factor money.Decimal
}

func compile(factors []Factor) []lookup {
	var out []lookup
	for _, f := range factors {
		l := lookup{by: f.By, other: f.Values[Other]}
		for v, d := range f.Values {
			if v != Other {
				l.values = append(l.values, valued{v, d})
			}
		}
		slices.SortFunc(l.values, func(a, b valued) int { return strings.Compare(a.value, b.value) })
		out = append(out, l)
	}
	return out
}

func (l *lookup) of(r *video.Request) (money.Decimal, bool) {
	v := l.by.value(r)
	for i := range l.values {
		if l.values[i].value == v {
			return l.values[i].factor, true
		}
	}
	return l.other, !l.other.IsZero()
}
