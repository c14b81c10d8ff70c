package money

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

const million uint64 = 1_000_000 // millionths in one

const (
	wholeDigits = 12 // most digits before the point
	fracDigits  = 6  // most digits behind it
)

// Decimal is an exact number, never negative, with up to 12 digits before the
// point and 6 behind it: a price in dollars, a factor, a group's ratio. The
// zero value is 0. In JSON it is a string, "0.8".
type Decimal struct{ millionths uint64 }

// One is the factor that changes nothing.
var One = Decimal{million}

// ParseDecimal reads digits with at most one point between them: "50", "0.8".
// Everything else is refused: signs, exponents, hexadecimal, NaN, infinities,
// separators, spaces, and more digits than a Decimal holds.
func ParseDecimal(text string) (Decimal, error) {
	whole, frac, point := strings.Cut(text, ".")
	if !digitsOnly(whole) || (point && !digitsOnly(frac)) {
		return Decimal{}, fmt.Errorf("%.40q is not a plain decimal number such as 0.8", text)
	}
	if len(whole) > wholeDigits || len(frac) > fracDigits {
		return Decimal{}, fmt.Errorf("%.40q has more than %d digits before or %d behind the point",
			text, wholeDigits, fracDigits)
	}
	n, err := strconv.ParseUint(whole+frac+"000000"[len(frac):], 10, 64)
	if err != nil { // 18 digits always fit
		return Decimal{}, fmt.Errorf("decimal %.40q: %w", text, err)
	}
	return Decimal{n}, nil
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String writes the shortest text that ParseDecimal reads back: "1.2", "50".
func (d Decimal) String() string {
	s := strconv.FormatUint(d.millionths/million, 10)
	if rest := d.millionths % million; rest != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%0*d", fracDigits, rest), "0")
	}
	return s
}

// IsZero reports whether d is 0; encoding/json asks it for "omitzero".
func (d Decimal) IsZero() bool { return d.millionths == 0 }

// Equal reports whether d and e are the same number.
func (d Decimal) Equal(e Decimal) bool { return d == e }

// Cmp is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	switch {
	case d.millionths < e.millionths:
		return -1
	case d.millionths > e.millionths:
		return 1
	}
	return 0
}

// MarshalText writes what String does.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDecimal does.
func (d *Decimal) UnmarshalText(b []byte) error {
	v, err := ParseDecimal(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Ceil is usd × n ÷ per × factors in quota, exact until the end and then
// rounded up once. n must not be negative and per must be above zero. The
// error is ErrOverflow when the result lies beyond MaxQuota.
func Ceil(usd Decimal, n, per int64, factors ...Decimal) (Quota, error) {
	if n < 0 || per <= 0 {
		return 0, errors.New("a negative count or an empty unit has no price")
	}
	if usd.IsZero() || n == 0 {
		return 0, nil
	}
	f := fraction{1, 1, true}.times(usd.millionths, million).times(uint64(n), uint64(per)).times(uint64(QuotaPerUSD), 1)
	for _, factor := range factors {
		if factor != One {
			f = f.times(factor.millionths, million)
		}
	}
	if !f.fits {
		return ceilBig(usd, n, per, factors)
	}
	q, rest := f.num/f.den, f.num%f.den
	if q > uint64(MaxQuota) || (q == uint64(MaxQuota) && rest != 0) {
		return 0, ErrOverflow
	}
	if rest != 0 {
		q++
	}
	return Quota(q), nil
}

// ceilBig is Ceil for products whose parts outgrow 64 bits.
func ceilBig(usd Decimal, n, per int64, factors []Decimal) (Quota, error) {
	product := new(big.Rat).SetFrac(
		new(big.Int).Mul(new(big.Int).SetUint64(usd.millionths), big.NewInt(n)),
		new(big.Int).Mul(new(big.Int).SetUint64(million), big.NewInt(per)))
	product.Mul(product, new(big.Rat).SetInt64(int64(QuotaPerUSD)))
	for _, f := range factors {
		product.Mul(product, new(big.Rat).SetFrac(new(big.Int).SetUint64(f.millionths), new(big.Int).SetUint64(million)))
	}
	q, rest := new(big.Int).QuoRem(product.Num(), product.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() || Quota(q.Int64()) > MaxQuota {
		return 0, ErrOverflow
	}
	return Quota(q.Int64()), nil
}

// fraction is num/den in lowest terms, as long as both fit 64 bits.
type fraction struct {
	num, den uint64
	fits     bool
}

// times multiplies by a/b, cancelling across first so that numbers stay small.
func (f fraction) times(a, b uint64) fraction {
	if !f.fits {
		return f
	}
	if g := gcd(a, b); g > 1 {
		a, b = a/g, b/g
	}
	if g := gcd(f.num, b); g > 1 {
		f.num, b = f.num/g, b/g
	}
	if g := gcd(a, f.den); g > 1 {
		a, f.den = a/g, f.den/g
	}
	over1, num := bits.Mul64(f.num, a)
	over2, den := bits.Mul64(f.den, b)
	return fraction{num, den, over1 == 0 && over2 == 0}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
