package price

import (
	"errors"
	"math/big"
	"regexp"

	"one-api/internal/money"
	"one-api/internal/video"
)

// unitMicros is the list value of one unit that Kling deducts, in millionths of
// a US dollar (kling-api.md section 8). A unit that is not listed, yuan among
// them, has no value in dollars that we know.
var unitMicros = map[string]int64{
	"video_unit": 140_000,
	"audio_unit": 140_000,
	"image_unit": 3_500,
	"USD":        1_000_000,
}

// Bill is what an upstream billed for a task, or for several. Amounts are
// millionths: of a US dollar, and of a yuan.
type Bill struct {
	USD int64 // of all amounts with a known value in dollars, rounded up once an amount
	CNY int64 // only shown: a yuan has no fixed value in dollars
	// Unknown is set when an amount has no known value in dollars, so that USD
	// is not the whole cost.
	Unknown bool
}

var amountPattern = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,18})?$`)

// ErrAmount says that an upstream's amount is no plain decimal number.
var ErrAmount = errors.New("not an amount")

// Micros is the value of one deduction in millionths of a US dollar, rounded
// up. ok is false when the unit has no known value.
func Micros(c video.Cost) (micros int64, ok bool, err error) {
	per, ok := unitMicros[c.Unit]
	if !ok && c.Unit != "CNY" {
		return 0, false, nil
	}
	if !amountPattern.MatchString(c.Amount) {
		return 0, false, ErrAmount
	}
	if !ok {
		per = 1_000_000
	}
	r, _ := new(big.Rat).SetString(c.Amount)
	r.Mul(r, new(big.Rat).SetInt64(per))
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() || q.Int64() > int64(money.MaxQuota) {
		return 0, false, ErrAmount
	}
	return q.Int64(), ok, nil
}

// Billed adds up the deductions of one task.
func Billed(costs []video.Cost) Bill {
	var b Bill
	for _, c := range costs {
		micros, ok, err := Micros(c)
		switch {
		case err != nil:
			b.Unknown = true
		case ok:
			b.USD += micros
		default:
			b.Unknown = true
			if c.Unit == "CNY" {
				b.CNY += micros
			}
		}
	}
	return b
}

// Deducted reports whether an upstream deducted anything. An amount that cannot
// be read counts.
func Deducted(costs []video.Cost) bool {
	for _, c := range costs {
		if d, err := money.ParseDecimal(c.Amount); err != nil || !d.IsZero() {
			return true
		}
	}
	return false
}
