package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSumsStayInRange(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func() (Quota, error)
		want Quota
		over bool
	}{
		{"add", func() (Quota, error) { return Quota(2).Add(3) }, 5, false},
		{"add a debt", func() (Quota, error) { return Quota(2).Add(-3) }, -1, false},
		{"add up to the limit", func() (Quota, error) { return (MaxQuota - 1).Add(1) }, MaxQuota, false},
		{"add beyond the limit", func() (Quota, error) { return MaxQuota.Add(1) }, 0, true},
		{"add what is out of range", func() (Quota, error) { return Quota(math.MaxInt64).Add(math.MinInt64) }, 0, true},
		{"subtract", func() (Quota, error) { return Quota(2).Sub(5) }, -3, false},
		{"subtract beyond the limit", func() (Quota, error) { return (-MaxQuota).Sub(1) }, 0, true},
		{"subtract the smallest int64", func() (Quota, error) { return Quota(0).Sub(math.MinInt64) }, 0, true},
		{"multiply", func() (Quota, error) { return Quota(-7).Mul(6) }, -42, false},
		{"multiply two debts", func() (Quota, error) { return Quota(-7).Mul(-6) }, 42, false},
		{"multiply beyond the limit", func() (Quota, error) { return Quota(1 << 30).Mul(1 << 23) }, 0, true},
		{"multiply beyond 64 bits", func() (Quota, error) { return MaxQuota.Mul(math.MinInt64) }, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.do()
			if got != c.want || errors.Is(err, ErrOverflow) != c.over {
				t.Errorf("got %d, %v; want %d, overflow %v", got, err, c.want, c.over)
			}
		})
	}
}

func TestArithmeticAgreesWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Quota(rapid.Int64().Draw(t, "a"))
		b := Quota(rapid.Int64Range(-int64(MaxQuota), int64(MaxQuota)).Draw(t, "b"))
		n := rapid.Int64().Draw(t, "n")
		agree := func(op string, got Quota, err error, want *big.Int) {
			inRange := new(big.Int).Abs(want).Cmp(big.NewInt(int64(MaxQuota))) <= 0
			if err == nil && want.Cmp(big.NewInt(int64(got))) != 0 {
				t.Fatalf("%s of %d and %d is %d, want %s", op, a, b, got, want)
			}
			if err != nil && inRange && a.inRange() {
				t.Fatalf("%s of %d and %d refused, want %s", op, a, b, want)
			}
		}
		x, y, z := big.NewInt(int64(a)), big.NewInt(int64(b)), big.NewInt(n)
		sum, err := a.Add(b)
		agree("sum", sum, err, new(big.Int).Add(x, y))
		diff, err := a.Sub(b)
		agree("difference", diff, err, new(big.Int).Sub(x, y))
		product, err := a.Mul(n)
		agree("product", product, err, new(big.Int).Mul(x, z))
	})
}

func TestUSDText(t *testing.T) {
	for _, c := range []struct {
		quota Quota
		want  string
	}{
		{0, "0.00"},
		{1, "0.000002"},
		{5_000, "0.01"},
		{300_000, "0.60"},
		{500_000, "1.00"},
		{617_283, "1.234566"},
		{617_250, "1.2345"},
		{-6_250_000, "-12.50"},
		{-1, "-0.000002"},
		{MaxQuota, "18014398509.481982"},
		{-MaxQuota, "-18014398509.481982"},
	} {
		if got := c.quota.USD(); got != c.want {
			t.Errorf("Quota(%d).USD() = %q, want %q", c.quota, got, c.want)
		}
		if back, err := ParseSignedUSD(c.want); err != nil || back != c.quota {
			t.Errorf("ParseSignedUSD(%q) = %d, %v; want %d", c.want, back, err, c.quota)
		}
	}
}

func TestParseUSDRefuses(t *testing.T) {
	for _, text := range []string{"", "-1", "+1", "--1", "1e3", "0.000001", "999999999999", "18014398509.481984", " 1", "$1"} {
		if q, err := ParseUSD(text); err == nil {
			t.Errorf("ParseUSD(%q) = %d, want an error", text, q)
		}
	}
	for _, text := range []string{"--1", "-", "+1", "-0x1", "- 1"} {
		if q, err := ParseSignedUSD(text); err == nil {
			t.Errorf("ParseSignedUSD(%q) = %d, want an error", text, q)
		}
	}
}

func TestUSDTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Quota(rapid.Int64Range(-int64(MaxQuota), int64(MaxQuota)).Draw(t, "quota"))
		back, err := ParseSignedUSD(q.USD())
		if err != nil || back != q {
			t.Fatalf("%d is written %q, which reads as %d, %v", q, q.USD(), back, err)
		}
	})
}

func TestQuotaInJSONIsAnInteger(t *testing.T) {
	type bill struct {
		Quota Quota  `json:"quota"`
		Limit *Quota `json:"limit"`
	}
	b, err := json.Marshal(bill{Quota: 300_000})
	if err != nil || string(b) != `{"quota":300000,"limit":null}` {
		t.Errorf("got %s, %v", b, err)
	}
	if _, err := json.Marshal(MaxQuota + 1); err == nil {
		t.Error("an amount beyond 2^53-1 was written")
	}

	for _, c := range []struct {
		text string
		want Quota
		ok   bool
	}{
		{`0`, 0, true},
		{`-5`, -5, true},
		{`9007199254740991`, MaxQuota, true},
		{`9007199254740992`, 0, false},
		{`-9007199254740992`, 0, false},
		{`99999999999999999999`, 0, false},
		{`1.0`, 0, false},
		{`1e3`, 0, false},
		{`"1"`, 0, false},
		{`null`, 0, false},
		{`true`, 0, false},
	} {
		var got Quota
		err := json.Unmarshal([]byte(c.text), &got)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("reading %s: got %d, %v; want %d, ok %v", c.text, got, err, c.want, c.ok)
		}
	}
}

func FuzzQuotaJSON(f *testing.F) {
	for _, s := range []string{`0`, `-1`, `9007199254740991`, `1e2`, `1.5`, `"3"`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Quota
		if err := json.Unmarshal(b, &q); err != nil {
			return
		}
		if strings.ContainsAny(string(b), `.eE"`) {
			t.Errorf("%s was taken as an integer", b)
		}
		again, err := json.Marshal(q)
		if err != nil {
			t.Fatalf("%d was read but cannot be written: %v", q, err)
		}
		var back Quota
		if err := json.Unmarshal(again, &back); err != nil || back != q {
			t.Errorf("%d came back as %d, %v", q, back, err)
		}
	})
}
