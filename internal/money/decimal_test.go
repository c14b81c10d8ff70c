package money

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestParseDecimalIsExact(t *testing.T) {
	for _, c := range []struct {
		text       string
		millionths uint64
		want       string
	}{
		{"0", 0, "0"},
		{"0.8", 800_000, "0.8"},
		{"1.20", 1_200_000, "1.2"},
		{"0.000001", 1, "0.000001"},
		{"007.5", 7_500_000, "7.5"},
		{"50", 50_000_000, "50"},
		{"999999999999.999999", 999_999_999_999_999_999, "999999999999.999999"},
	} {
		d, err := ParseDecimal(c.text)
		if err != nil || d.millionths != c.millionths || d.String() != c.want {
			t.Errorf("ParseDecimal(%q) = %s (%d millionths), %v; want %s (%d)",
				c.text, d, d.millionths, err, c.want, c.millionths)
		}
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", ".", ".5", "5.", "1.2.3", "1,5", "1_000", " 1", "1 ", "1\n",
		"-1", "+1", "-0", "1e3", "1E3", "0x10", "0b1", "NaN", "nan", "Inf", "-inf", "Infinity",
		"1000000000000", "0.0000001", "１", "٣", "1/3", "$1", "1\x00",
	} {
		if d, err := ParseDecimal(text); err == nil {
			t.Errorf("ParseDecimal(%q) = %s, want an error", text, d)
		}
	}
}

func TestDecimalInJSONIsAString(t *testing.T) {
	type rule struct {
		Ratio Decimal `json:"ratio"`
		Other Decimal `json:"other,omitzero"`
	}
	var r rule
	if err := json.Unmarshal([]byte(`{"ratio":"0.80"}`), &r); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil || string(b) != `{"ratio":"0.8"}` {
		t.Errorf("got %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"ratio":0.8}`), &r); err == nil {
		t.Error("a JSON number was taken for a decimal")
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"0", "0.8", "1e3", "-1", "NaN", "0x1p4", "1_0", ".5", "999999999999.999999"} {
		f.Add(s)
	}
	plain := regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDecimal(text)
		if (err == nil) != plain.MatchString(text) {
			t.Fatalf("ParseDecimal(%q) = %s, %v", text, d, err)
		}
		if err != nil {
			return
		}
		want, _ := new(big.Rat).SetString(text)
		if got, _ := new(big.Rat).SetString(d.String()); got.Cmp(want) != 0 {
			t.Errorf("%q reads as %s", text, d)
		}
	})
}

func decimal(t *testing.T, text string) Decimal {
	t.Helper()
	d, err := ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCeilRoundsUpOnceAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		usd     string
		n, per  int64
		factors []string
		want    Quota
	}{
		{"50 cents per 5 s, 16:9", "0.5", 5, 5, []string{"1.2", "1"}, 300_000},
		{"120 cents per 5 s, 10 s of image2video", "1.2", 10, 5, []string{"1", "1.1"}, 1_320_000},
		{"half a quota is one", "0.000001", 1, 1, nil, 1},
		{"two halves are one, not two", "0.000001", 2, 1, nil, 1},
		{"a third of a dollar", "1", 1, 3, nil, 166_667},
		{"three thirds are no more than a dollar", "1", 3, 3, []string{"1"}, 500_000},
		{"a fraction that goes away again", "0.000001", 1, 1, []string{"0.5", "4"}, 1},
		{"nothing", "0", 5, 1, []string{"1.2"}, 0},
		{"no seconds", "1", 0, 1, nil, 0},
		{"a factor of nothing", "1", 1, 1, []string{"0"}, 0},
		{"factors that need more than 64 bits", "0.999983", 7, 11,
			[]string{"1.000003", "0.999979", "1.000033", "1.000037", "0.999961"}, 318_181},
	} {
		t.Run(c.name, func(t *testing.T) {
			var factors []Decimal
			for _, f := range c.factors {
				factors = append(factors, decimal(t, f))
			}
			got, err := Ceil(decimal(t, c.usd), c.n, c.per, factors...)
			if err != nil || got != c.want {
				t.Errorf("got %d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestCeilRefuses(t *testing.T) {
	one := decimal(t, "1")
	if q, err := Ceil(one, -1, 1); err == nil {
		t.Errorf("a negative count costs %d", q)
	}
	if q, err := Ceil(one, 1, 0); err == nil {
		t.Errorf("an empty unit costs %d", q)
	}
	if q, err := Ceil(decimal(t, "999999999999"), 1, 1); !errors.Is(err, ErrOverflow) {
		t.Errorf("a result beyond the limit is %d, %v", q, err)
	}
	if q, err := Ceil(decimal(t, "999999999999.999999"), 1<<62, 1, decimal(t, "999999999999.999999")); !errors.Is(err, ErrOverflow) {
		t.Errorf("a result beyond 64 bits is %d, %v", q, err)
	}
}

func TestCeilAgreesWithRationals(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) Decimal {
		// Small, round and arbitrary numbers all matter.
		return Decimal{rapid.OneOf(
			rapid.Uint64Range(0, 10),
			rapid.Map(rapid.Uint64Range(0, 50), func(n uint64) uint64 { return n * million / 10 }),
			rapid.Uint64Range(0, 999_999_999_999_999_999),
		).Draw(t, "millionths")}
	})
	rapid.Check(t, func(t *rapid.T) {
		usd := draw.Draw(t, "usd")
		n := rapid.Int64Range(0, 1<<40).Draw(t, "n")
		per := rapid.Int64Range(1, 60).Draw(t, "per")
		factors := rapid.SliceOfN(draw, 0, 5).Draw(t, "factors")

		got, err := Ceil(usd, n, per, factors...)
		want, wantErr := ceilBig(usd, n, per, factors)
		if got != want || !errors.Is(err, wantErr) {
			t.Fatalf("got %d, %v; want %d, %v", got, err, want, wantErr)
		}
	})
}

func BenchmarkCeil(b *testing.B) {
	usd, wide, kind, ratio := Decimal{500_000}, Decimal{1_200_000}, Decimal{1_100_000}, Decimal{800_000}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Ceil(usd, 5, 5, wide, kind, ratio); err != nil {
			b.Fatal(err)
		}
	}
}
