package price

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/video"
)

func catalogue(t testing.TB, rules ...Rule) *Catalogue {
	t.Helper()
	c, err := New(7, rules)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ratio(t testing.TB, text string) money.Decimal {
	t.Helper()
	d, err := money.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// order is a valid order that no option of makes special.
func order(kind video.Type, model string, seconds int, options ...func(*video.Usage)) *video.Request {
	r := &video.Request{Provider: "kling", Type: kind, Model: model, Usage: video.Usage{Seconds: seconds, Count: 1}}
	for _, o := range options {
		o(&r.Usage)
	}
	return r
}

func aspect(a string) func(*video.Usage) { return func(u *video.Usage) { u.AspectRatio = a } }
func mode(m string) func(*video.Usage)   { return func(u *video.Usage) { u.Mode = m } }
func sound(u *video.Usage)               { u.Sound = true }
func voice(u *video.Usage)               { u.Voice = true }
func videoInput(u *video.Usage)          { u.VideoInput = true }

const (
	motion    video.Type = "motion-control"
	elements  video.Type = "multi-elements"
	extension video.Type = "video-extend"
)

// The prices were computed by hand from the deployment guide (cents per 5 s,
// a cent is 5 000 quota) and Kling's list (units, a unit is 70 000 quota).
func TestBuiltinPrices(t *testing.T) {
	c := catalogue(t, Builtin()...)
	for _, o := range []struct {
		order *video.Request
		ratio string
		want  money.Quota
	}{
		// The guide: 50, 100, 60 and 120 cents.
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "1", 300_000},         // 50 × 1.2 = 60 cents
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("1:1")), "1", 250_000},          // 50
		{order(video.Text2Video, "kling-v1-5-std", 10, aspect("9:16")), "1", 600_000},        // 100 × 1.2 = 120
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("21:9")), "1", 325_000},         // 50 × 1.3 = 65
		{order(video.Image2Video, "kling-v1-5-pro", 5), "1", 550_000},                        // 100 × 1.1 = 110
		{order(video.Image2Video, "kling-v1-5-pro", 10, aspect("9:21")), "1", 1_430_000},     // 200 × 1.3 × 1.1 = 286
		{order(video.OmniVideo, "kling-v1-6-std", 5, aspect("16:9")), "1", 432_000},          // 60 × 1.2 × 1.2 = 86.4
		{order(video.MultiImage2Video, "kling-v1-6-std", 10), "1", 780_000},                  // 120 × 1.3 = 156
		{order(video.Image2Video, "kling-v1-6-pro", 10, aspect("1:1")), "1", 1_320_000},      // 240 × 1.1 = 264
		{order(video.Text2Video, "kling-v1-6-pro", 5, aspect("16:9")), "1", 720_000},         // 120 × 1.2 = 144
		{order(video.MultiImage2Video, "kling-v1-6-pro", 5, aspect("21:9")), "1", 1_014_000}, // 120 × 1.3 × 1.3 = 202.8
		{order(video.Text2Video, "kling-v1-6-std", 7, aspect("1:1")), "1", 420_000},          // 60 × 7/5 = 84
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "0.8", 240_000},       // 60 × 0.8 = 48
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "0.333333", 100_000},  // 99 999.9 rounded up
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "0.000001", 1},        // 0.3 rounded up
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "2.5", 750_000},       // 60 × 2.5 = 150
		// Kling's list.
		{order(video.Text2Video, "kling-v2-6-std", 5, aspect("16:9")), "1", 105_000},   // 5 × 0.3 = 1.5 units
		{order(video.Text2Video, "kling-v2-6-pro", 10, aspect("16:9")), "1", 350_000},  // 10 × 0.5 = 5
		{order(video.Text2Video, "kling-v2-6-pro", 5, sound), "1", 350_000},            // 5 × 1.0 = 5
		{order(video.Image2Video, "kling-v2-6-pro", 5, sound, voice), "1", 420_000},    // 5 × 1.2 = 6
		{order(motion, "kling-v2-6-pro", 8), "1", 448_000},                             // 8 × 0.8 = 6.4
		{order(motion, "kling-v2-6-std", 8), "1", 280_000},                             // 8 × 0.5 = 4
		{order(video.Text2Video, "kling-v3-std", 3), "1", 126_000},                     // 3 × 0.6 = 1.8
		{order(video.Image2Video, "kling-v3-std", 4, sound), "1", 252_000},             // 4 × 0.9 = 3.6
		{order(video.Text2Video, "kling-v3-pro", 15, sound), "1", 1_260_000},           // 15 × 1.2 = 18
		{order(video.Text2Video, "kling-v3-4k", 5), "1", 1_050_000},                    // 5 × 3 = 15
		{order(video.Text2Video, "kling-v3-4k", 5, sound), "1", 1_050_000},             // the same with sound
		{order(motion, "kling-v3-pro", 5), "1", 420_000},                               // 5 × 1.2 = 6
		{order(video.OmniVideo, "kling-v3-omni-std", 5, sound), "1", 280_000},          // 5 × 0.8 = 4
		{order(video.OmniVideo, "kling-v3-omni-pro", 10, videoInput), "1", 840_000},    // 10 × 1.2 = 12
		{order(video.OmniVideo, "kling-v3-omni-4k", 3, videoInput), "1", 630_000},      // 3 × 3 = 9
		{order(video.OmniVideo, "kling-video-o1-pro", 5), "1", 280_000},                // 5 × 0.8 = 4
		{order(video.OmniVideo, "kling-video-o1-std", 7, videoInput), "1", 441_000},    // 7 × 0.9 = 6.3
		{order(video.Text2Video, "kling-3.0-turbo-std", 3, sound), "1", 168_000},       // 3 × 0.8 = 2.4
		{order(video.Image2Video, "kling-3.0-turbo-pro", 15, sound), "1", 1_050_000},   // 15 × 1.0 = 15
		{order(video.Text2Video, "kling-v2-5-turbo-std", 5), "1", 105_000},             // 5 × 0.3 = 1.5
		{order(video.Image2Video, "kling-v2-5-turbo-pro", 10), "1", 350_000},           // 10 × 0.5 = 5
		{order(video.Text2Video, "kling-v2-master", 10), "1", 1_400_000},               // 20
		{order(video.Image2Video, "kling-v2-1-master", 5), "1", 700_000},               // 10
		{order(video.Image2Video, "kling-v2-1-std", 10), "1", 280_000},                 // 4
		{order(video.Image2Video, "kling-v2-1-pro", 5), "1", 245_000},                  // 3.5
		{order(video.Image2Video, "kling-v2-1-pro", 6), "1", 490_000},                  // a second block of 5 s is begun: 7
		{order(elements, "kling-v1-6-pro", 10), "1", 700_000},                          // 10
		{order(extension, "kling-v1-6-pro", 0), "1", 245_000},                          // 3.5 a call
		{order("avatar", "", 11, mode("std")), "1", 308_000},                           // 11 × 0.4 = 4.4
		{order("lip-sync", "", 12), "1", 105_000},                                      // 3 begun blocks of 0.5
		{order("tts", "", 0), "1", 3_500},                                              // 0.05 a call
		{order(video.Text2Video, "kling-v2-6-std", 5, aspect("16:9")), "0.95", 99_750}, // 105 000 × 0.95
		{order(video.Text2Video, "kling-v2-6-std", 5, aspect("4:3")), "1", 105_000},    // the list asks for no ratio
		{order(video.Text2Video, "kling-v1-std", 10), "1", 140_000},                    // 2
	} {
		got, err := c.Price(o.order, ratio(t, o.ratio))
		if err != nil || got.Quota != o.want {
			t.Errorf("%s on %s, %+v, ratio %s: got %d (%s), %v; want %d",
				o.order.Type, o.order.Model, o.order.Usage, o.ratio, got.Quota, got.RuleID, err, o.want)
		}
		if got.RuleID == "" || got.Version != 7 {
			t.Errorf("%s on %s: the quote does not say its rule and version: %+v", o.order.Type, o.order.Model, got)
		}
	}
}

func TestBuiltinCosts(t *testing.T) {
	c := catalogue(t, Builtin()...)
	for _, o := range []struct {
		order *video.Request
		want  money.Quota
	}{
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), 140_000},  // 2 units
		{order(video.Image2Video, "kling-v1-6-pro", 10, aspect("1:1")), 490_000}, // 7
		{order(video.MultiImage2Video, "kling-v1-6-pro", 5), 245_000},            // 3.5
		{order(video.Text2Video, "kling-v3-pro", 10, sound), 840_000},            // 12
		{order(video.Text2Video, "kling-3.0-turbo-std", 3, sound), 168_000},      // 2.4, as Kling billed it
	} {
		if got, err := c.Cost(o.order); err != nil || got.Quota != o.want {
			t.Errorf("%s on %s: got %d, %v; want %d", o.order.Type, o.order.Model, got.Quota, err, o.want)
		}
	}
	if q, err := c.Cost(order(video.OmniVideo, "kling-v1-5-std", 5)); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("the cost of what Kling does not list is %d, %v", q.Quota, err)
	}
}

func TestBuiltinPricesAreTheCostsButForTheGuide(t *testing.T) {
	guide := []string{"kling-v1-5-std", "kling-v1-5-pro", "kling-v1-6-std", "kling-v1-6-pro"}
	twins := map[string]Rule{}
	for _, r := range Builtin() {
		if !strings.HasPrefix(r.ID, string(r.Book)+".") {
			t.Errorf("rule %s does not begin with its book, %s", r.ID, r.Book)
		}
		if r.Source == "" {
			t.Errorf("rule %s does not say where its figure comes from", r.ID)
		}
		if r.Book == Costs {
			twins[strings.TrimPrefix(r.ID, "cost.")] = r
		}
	}
	for _, r := range Builtin() {
		if r.Book == Costs || slices.Contains(guide, strings.TrimPrefix(r.ID, "price.")) {
			continue
		}
		twin := twins[strings.TrimPrefix(r.ID, "price.")]
		twin.ID, twin.Book = r.ID, Sales
		if diff := cmp.Diff(twin, r); diff != "" {
			t.Errorf("price %s is not its cost (-cost +price):\n%s", r.ID, diff)
		}
	}
}

func TestNothingIsFreeByAccident(t *testing.T) {
	c := catalogue(t, Builtin()...)
	one := money.One
	for name, o := range map[string]struct {
		order *video.Request
		ratio money.Decimal
		says  string
	}{
		"unknown model":               {order(video.Text2Video, "kling-v9-std", 5), one, "model kling-v9-std"},
		"model of another product":    {order(video.OmniVideo, "kling-v3-std", 5), one, "type omni-video"},
		"sound where none is sold":    {order(video.Text2Video, "kling-v2-6-std", 5, sound), one, "sound"},
		"voice where none is sold":    {order(video.Image2Video, "kling-v3-pro", 5, sound, voice), one, "voice"},
		"another provider":            {&video.Request{Provider: "luma", Type: video.Text2Video, Model: "kling-v2-6-std", Usage: video.Usage{Seconds: 5}}, one, "No price"},
		"unknown product":             {order("effects", "kling-v1-6-std", 5), one, "effects"},
		"aspect ratio without factor": {order(video.Text2Video, "kling-v1-5-std", 5, aspect("4:3")), one, "aspect_ratio 4:3"},
		"no length":                   {order(video.Text2Video, "kling-v2-6-std", 0), one, "second"},
		"no length, blocks of 5 s":    {order(video.Text2Video, "kling-v2-master", 0), one, "started 5 s"},
		"negative length":             {order(video.Text2Video, "kling-v1-5-std", -5, aspect("1:1")), one, "5 s"},
		"absurd length":               {order(video.Text2Video, "kling-v1-5-std", 1<<62, aspect("1:1")), one, "5 s"},
		"negative count":              {order("tts", "", 0, func(u *video.Usage) { u.Count = -1 }), one, "call"},
		"a ratio of zero":             {order(video.Text2Video, "kling-v2-6-std", 5), money.Decimal{}, "not above zero"},
		"a ratio beyond all money":    {order(video.Text2Video, "kling-v2-6-std", 5), ratio(t, "999999999999"), "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := c.Price(o.order, o.ratio)
			f := fault.From(err)
			if err == nil || f.Code != fault.Unprocessable || f.Word() != "no_price" || !strings.Contains(f.Message, o.says) {
				t.Errorf("got %+v, %v; want a refusal that says %q", q, err, o.says)
			}
			if q != (Quote{}) {
				t.Errorf("the refusal comes with a quote: %+v", q)
			}
		})
	}
}

func TestAFreeRuleIsFree(t *testing.T) {
	c := catalogue(t, Rule{ID: "gift", Book: Sales, Free: true, Per: PerCall, Match: Match{Models: []string{"demo"}}})
	q, err := c.Price(order(video.Text2Video, "demo", 5), money.One)
	if err != nil || q != (Quote{RuleID: "gift", Version: 7}) {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestUnits(t *testing.T) {
	for _, o := range []struct {
		per            Unit
		seconds, count int
		want           money.Quota
	}{
		{PerSecond, 7, 0, 3_500_000},
		{PerSecond, 7, 2, 7_000_000},
		{PerFive, 7, 1, 700_000},
		{PerFive, 7, 3, 2_100_000},
		{PerStartedFive, 5, 1, 500_000},
		{PerStartedFive, 6, 1, 1_000_000},
		{PerStartedFive, 6, 2, 2_000_000},
		{PerPicture, 0, 0, 500_000},
		{PerPicture, 0, 9, 4_500_000},
		{PerCall, 30, 9, 500_000},
	} {
		c := catalogue(t, Rule{ID: "x", Book: Sales, Amount: money.One, Per: o.per})
		r := order("any", "any", o.seconds, func(u *video.Usage) { u.Count = o.count })
		if q, err := c.Price(r, money.One); err != nil || q.Quota != o.want {
			t.Errorf("a dollar per %s, %d s, %d results: got %d, %v; want %d", o.per, o.seconds, o.count, q.Quota, err, o.want)
		}
	}
}

func TestExplainShowsEachStep(t *testing.T) {
	c := catalogue(t, Builtin()...)
	for _, o := range []struct {
		order *video.Request
		ratio string
		want  []string
	}{
		{order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), "1", []string{
			"0.5 USD per 5 s (rule price.kling-v1-5-std, version 7)",
			"× 1 for 5 s",
			"× 1.2 for aspect_ratio 16:9",
			"× 1 for type text2video",
			"= 0.60 USD = 300000 quota",
		}},
		{order(video.Image2Video, "kling-v1-5-std", 7), "0.8", []string{
			"0.5 USD per 5 s (rule price.kling-v1-5-std, version 7)",
			"× 7/5 for 7 s",
			"× 1 for aspect_ratio none",
			"× 1.1 for type image2video",
			"× 0.8 for the group",
			"= 0.616 USD = 308000 quota",
		}},
		{order(video.Image2Video, "kling-v2-1-pro", 10), "1", []string{
			"0.49 USD per started 5 s (rule price.kling-v2-1-pro, version 7)",
			"× 2 for 10 s",
			"= 0.98 USD = 490000 quota",
		}},
	} {
		q, steps, err := c.Explain(o.order, ratio(t, o.ratio))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o.want, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if want, _ := c.Price(o.order, ratio(t, o.ratio)); q != want {
			t.Errorf("Explain quotes %+v, Price %+v", q, want)
		}
	}
}

func TestTheBestRuleWins(t *testing.T) {
	yes := true
	rules := []Rule{ // best last, for an order of kling-v3-pro with sound
		{ID: "any"},
		{ID: "any-sound", Match: Match{Sound: &yes}},
		{ID: "all-models", Match: Match{Models: []string{"*"}}},
		{ID: "short-pattern", Match: Match{Models: []string{"kling-*"}}},
		{ID: "long-pattern", Match: Match{Models: []string{"kling-v3-*"}}},
		{ID: "long-pattern-type", Match: Match{Models: []string{"kling-v3-*"}, Types: []video.Type{video.Text2Video}}},
		{ID: "z-name", Match: Match{Models: []string{"kling-v3-pro"}}},
		{ID: "y-name-type", Match: Match{Models: []string{"kling-v3-pro", "b"}, Types: []video.Type{video.Text2Video}}},
		{ID: "x-name-type", Match: Match{Models: []string{"kling-v3-pro"}, Types: []video.Type{video.Text2Video}}},
		{ID: "name-type-sound", Match: Match{Models: []string{"kling-v3-pro"}, Types: []video.Type{video.Text2Video}, Sound: &yes}},
		{ID: "any-first", Priority: 1},
		{ID: "name-first", Priority: 1, Match: Match{Models: []string{"kling-v3-pro"}}},
		{ID: "pattern-second", Priority: 2, Match: Match{Models: []string{"*-pro"}}},
	}
	for i := range rules {
		rules[i].Book, rules[i].Amount, rules[i].Per = Sales, money.One, PerCall
	}
	r := order(video.Text2Video, "kling-v3-pro", 5, sound)
	for n := len(rules); n > 0; n-- {
		some := slices.Clone(rules[:n])
		for range 5 { // whatever the order they come in
			rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			q, err := catalogue(t, some...).Price(r, money.One)
			if err != nil || q.RuleID != rules[n-1].ID {
				t.Errorf("of the first %d rules %q wins, %v; want %q", n, q.RuleID, err, rules[n-1].ID)
			}
		}
	}
}

func TestACatalogueRefuses(t *testing.T) {
	good := Rule{ID: "a", Book: Sales, Amount: money.One, Per: PerCall, Match: Match{Types: []video.Type{"x", "y"}}}
	with := func(change func(*Rule)) Rule { r := good; change(&r); return r }
	two := map[string]money.Decimal{"x": money.One}
	for name, c := range map[string]struct {
		rules []Rule
		code  fault.Code
		field string
	}{
		"no id":                    {[]Rule{with(func(r *Rule) { r.ID = "" })}, fault.Invalid, "id"},
		"an id with a slash":       {[]Rule{with(func(r *Rule) { r.ID = "a/b" })}, fault.Invalid, "id"},
		"an unknown book":          {[]Rule{with(func(r *Rule) { r.Book = "tax" })}, fault.Invalid, "book"},
		"an unknown unit":          {[]Rule{with(func(r *Rule) { r.Per = "minute" })}, fault.Invalid, "per"},
		"no amount":                {[]Rule{with(func(r *Rule) { r.Amount = money.Decimal{} })}, fault.Invalid, "amount"},
		"free with an amount":      {[]Rule{with(func(r *Rule) { r.Free = true })}, fault.Invalid, "amount"},
		"an empty model":           {[]Rule{with(func(r *Rule) { r.Match.Models = []string{""} })}, fault.Invalid, "match.models"},
		"a model twice":            {[]Rule{with(func(r *Rule) { r.Match.Models = []string{"m", "m"} })}, fault.Invalid, "match.models"},
		"a padded type":            {[]Rule{with(func(r *Rule) { r.Match.Types = []video.Type{" x"} })}, fault.Invalid, "match.types"},
		"negative seconds":         {[]Rule{with(func(r *Rule) { r.Match.MinSeconds = -1 })}, fault.Invalid, "match.min_seconds"},
		"seconds that never fit":   {[]Rule{with(func(r *Rule) { r.Match.MinSeconds, r.Match.MaxSeconds = 6, 5 })}, fault.Invalid, "match.min_seconds"},
		"a factor by nothing":      {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{By: "", Values: two}} })}, fault.Invalid, "factors[0].by"},
		"a factor without values":  {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{By: FactType}} })}, fault.Invalid, "factors[0].values"},
		"a factor of zero":         {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{FactType, map[string]money.Decimal{"x": {}}}} })}, fault.Invalid, "factors[0].values"},
		"a sound that is loud":     {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{FactSound, two}} })}, fault.Invalid, "factors[0].values"},
		"seconds that are no time": {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{FactSeconds, map[string]money.Decimal{"05": money.One}}} })}, fault.Invalid, "factors[0].values"},
		"a value without a name":   {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{FactMode, map[string]money.Decimal{"": money.One}}} })}, fault.Invalid, "factors[0].values"},
		"two factors by one fact":  {[]Rule{with(func(r *Rule) { r.Factors = []Factor{{FactType, two}, {FactType, two}} })}, fault.Invalid, "factors[1]"},
		"too many factors":         {[]Rule{with(func(r *Rule) { r.Factors = make([]Factor, maxFactors+1) })}, fault.Invalid, "factors"},
		"an id twice":              {[]Rule{good, with(func(r *Rule) { r.Book = Costs })}, fault.Conflict, "id"},
		"a match twice": {[]Rule{good, with(func(r *Rule) {
			r.ID, r.Match.Types = "b", []video.Type{"y", "x"}
		})}, fault.Conflict, "match"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(1, c.rules)
			f := fault.From(err)
			if err == nil || f.Code != c.code || f.Field != c.field {
				t.Errorf("got %v (%s at %q), want %s at %q", err, f.Code, f.Field, c.code, c.field)
			}
		})
	}
	if _, err := New(1, []Rule{good, with(func(r *Rule) { r.ID, r.Priority = "b", 1 })}); err != nil {
		t.Errorf("a match twice with different priorities is refused: %v", err)
	}
	if _, err := New(1, []Rule{good, with(func(r *Rule) { r.ID, r.Book = "b", Costs })}); err != nil {
		t.Errorf("a match once in each book is refused: %v", err)
	}
}

func TestParseRulesRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":              `[`,
		"text behind":           `[] []`,
		"a misspelt condition":  `[{"id":"a","match":{"modell":["x"]}}]`,
		"an amount as a number": `[{"id":"a","amount":0.5}]`,
		"a negative amount":     `[{"id":"a","amount":"-0.5"}]`,
	} {
		if rules, err := ParseRules([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, rules)
		}
	}
}

func TestModelPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, model string
		want           bool
	}{
		{"kling-v3", "kling-v3", true},
		{"kling-v3", "kling-v3-std", false},
		{"*", "", true},
		{"*", "anything", true},
		{"kling-*", "kling-", true},
		{"kling-*", "king-", false},
		{"*-pro", "kling-v3-pro", true},
		{"*-pro", "kling-v3-pro-x", false},
		{"kling-*-pro", "kling-v1-6-pro", true},
		{"kling-*-pro", "kling-pro", false},
		{"a*b*c", "axbxbxc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"**", "x", true},
	} {
		if got := matchModel(c.pattern, c.model); got != c.want {
			t.Errorf("pattern %q and model %q: %v, want %v", c.pattern, c.model, got, c.want)
		}
	}
}

// drawOrder makes orders around those the built-in catalogue knows.
var drawOrder = rapid.Custom(func(t *rapid.T) *video.Request {
	var models []string
	types := []video.Type{"effects"}
	for _, r := range Builtin() {
		models = append(models, r.Match.Models...)
		types = append(types, r.Match.Types...)
	}
	return &video.Request{
		Provider: "kling",
		Type:     rapid.SampledFrom(types).Draw(t, "type"),
		Model:    rapid.SampledFrom(append(models, "", "kling-v9-pro")).Draw(t, "model"),
		Usage: video.Usage{
			Seconds:     rapid.OneOf(rapid.IntRange(-1, 30), rapid.Int()).Draw(t, "seconds"),
			AspectRatio: rapid.SampledFrom([]string{"", "16:9", "1:1", "9:21", "4:3"}).Draw(t, "aspect"),
			Mode:        rapid.SampledFrom([]string{"", "std", "pro"}).Draw(t, "mode"),
			Sound:       rapid.Bool().Draw(t, "sound"),
			Voice:       rapid.Bool().Draw(t, "voice"),
			VideoInput:  rapid.Bool().Draw(t, "video input"),
			Count:       rapid.OneOf(rapid.IntRange(0, 9), rapid.Int()).Draw(t, "count"),
		},
	}
})

func drawRatio(t *rapid.T) money.Decimal {
	text := rapid.StringMatching(`(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?`).Draw(t, "ratio")
	d, err := money.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPricesAreAboveZeroAndGrow(t *testing.T) {
	c := catalogue(t, Builtin()...)
	rapid.Check(t, func(t *rapid.T) {
		r, ratio := drawOrder.Draw(t, "order"), drawRatio(t)
		q, err := c.Price(r, ratio)
		if err != nil {
			if !fault.Is(err, fault.Unprocessable) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if q.Quota <= 0 || q.Quota > money.MaxQuota {
			t.Fatalf("the price is %d", q.Quota)
		}
		longer := *r
		longer.Usage.Seconds += rapid.IntRange(0, 1000).Draw(t, "more seconds")
		if more, err := c.Price(&longer, ratio); err == nil && more.Quota < q.Quota {
			t.Fatalf("%d s cost %d, %d s cost %d", r.Usage.Seconds, q.Quota, longer.Usage.Seconds, more.Quota)
		}
		list, err := c.Price(r, money.One)
		if err == nil && ratio.Cmp(money.One) < 0 && q.Quota > list.Quota {
			t.Fatalf("at ratio %s the price rises from %d to %d", ratio, list.Quota, q.Quota)
		}
	})
}

func TestTheIndexFindsWhatALongSearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b", "ab", "*", "a*", "*b", "a*b"})
		rules := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Rule {
			r := Rule{Book: Sales, Amount: money.One, Per: PerCall}
			r.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
			r.Match.Models = rapid.SliceOfNDistinct(names, 0, 2, rapid.ID[string]).Draw(t, "models")
			r.Match.Types = rapid.SliceOfNDistinct(rapid.SampledFrom([]video.Type{"x", "y"}), 0, 2, rapid.ID[video.Type]).Draw(t, "types")
			if rapid.Bool().Draw(t, "asks for sound") {
				on := rapid.Bool().Draw(t, "sound")
				r.Match.Sound = &on
			}
			return r
		}), 1, 8).Draw(t, "rules")
		for i := range rules {
			rules[i].ID = string(rune('a' + i))
		}
		c, err := New(1, rules)
		if err != nil {
			t.Skip("two rules for the same orders")
		}
		r := order(rapid.SampledFrom([]video.Type{"x", "y"}).Draw(t, "type"), rapid.SampledFrom([]string{"a", "b", "ab", "acb"}).Draw(t, "model"), 5)
		r.Usage.Sound = rapid.Bool().Draw(t, "order has sound")

		var best *entry
		all := c.sales.other
		for _, named := range c.sales.named {
			all = append(slices.Clone(all), named...)
		}
		for i := range all {
			e := &all[i]
			fits := (e.model == "" || matchModel(e.model, r.Model)) && e.rule.Match.fits(r)
			if fits && (best == nil || e.rank < best.rank) {
				best = e
			}
		}
		got := c.sales.find(r)
		if (got == nil) != (best == nil) || got != nil && got.rank != best.rank {
			t.Fatalf("found %+v, want %+v", got, best)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(builtin)
	f.Add([]byte(`[{"id":"a","book":"price","match":{"models":["*"]},"amount":"1","per":"5s"}]`))
	f.Add([]byte(`[{"id":"a","book":"price","match":{},"free":true,"amount":"0","per":"call"}]`))
	f.Add([]byte(`[{"id":"a","book":"cost","match":{"sound":true},"amount":"999999999999","per":"second","factors":[{"by":"type","values":{"*":"0.000001"}}]}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(1, b)
		if err != nil {
			return
		}
		for _, r := range []*video.Request{
			order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")),
			order("x", "", 0),
			order("x", "y", maxCount, sound, func(u *video.Usage) { u.Count = maxCount }),
		} {
			q, err := c.Price(r, money.One)
			if err == nil && (q.Quota < 0 || q.Quota > money.MaxQuota || q.RuleID == "") {
				t.Errorf("quote %+v", q)
			}
			if _, _, explained := c.Explain(r, money.One); (explained == nil) != (err == nil) {
				t.Errorf("Price says %v, Explain %v", err, explained)
			}
		}
		again, err := json.Marshal(c.Rules())
		if err != nil {
			t.Fatalf("rules that were read cannot be written: %v", err)
		}
		back, err := Parse(1, again)
		if err != nil {
			t.Fatalf("rules that were written cannot be read: %v", err)
		}
		if twice, err := json.Marshal(back.Rules()); err != nil || string(twice) != string(again) {
			t.Errorf("rules changed on the way: %s became %s, %v", again, twice, err)
		}
	})
}

func BenchmarkPrice(b *testing.B) {
	c := catalogue(b, Builtin()...)
	r, eight := order(video.Text2Video, "kling-v1-5-std", 5, aspect("16:9")), ratio(b, "0.8")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Price(r, eight); err != nil {
			b.Fatal(err)
		}
	}
}
