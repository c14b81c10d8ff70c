// Package money is exact amounts: the quota that balances are kept in, and the
// decimal numbers that prices are made of. No float takes part.
package money

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Quota is an amount of money in the gateway's unit, of which QuotaPerUSD make
// one US dollar. Every Quota lies between -MaxQuota and MaxQuota.
type Quota int64

const (
	QuotaPerUSD Quota = 500_000
	// MaxQuota is the largest amount. It is the largest integer that every JSON
	// reader keeps exactly (2^53-1), about 18 billion dollars.
	MaxQuota Quota = 1<<53 - 1
)

// ErrOverflow says that a result would lie beyond MaxQuota.
var ErrOverflow = errors.New("amount out of range")

// Add returns q + r, or ErrOverflow.
func (q Quota) Add(r Quota) (Quota, error) {
	if !q.inRange() || !r.inRange() || !(q + r).inRange() {
		return 0, ErrOverflow
	}
	return q + r, nil
}

// Sub returns q - r, or ErrOverflow.
func (q Quota) Sub(r Quota) (Quota, error) {
	if !r.inRange() {
		return 0, ErrOverflow
	}
	return q.Add(-r)
}

// Mul returns q × n, or ErrOverflow.
func (q Quota) Mul(n int64) (Quota, error) {
	hi, lo := bits.Mul64(magnitude(int64(q)), magnitude(n))
	if hi != 0 || lo > uint64(MaxQuota) {
		return 0, ErrOverflow
	}
	if (q < 0) != (n < 0) {
		return -Quota(lo), nil
	}
	return Quota(lo), nil
}

func (q Quota) inRange() bool { return -MaxQuota <= q && q <= MaxQuota }

// magnitude is |n|, also for the smallest int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// USD writes the amount in dollars, exactly, with at least two digits behind
// the point: "0.60", "-12.50", "0.000002".
func (q Quota) USD() string {
	const digits = 6 // one quota is 2 millionths of a dollar
	abs := magnitude(int64(q))
	cents := fmt.Sprintf("%0*d", digits, abs%uint64(QuotaPerUSD)*(million/uint64(QuotaPerUSD)))
	for len(cents) > 2 && cents[len(cents)-1] == '0' {
		cents = cents[:len(cents)-1]
	}
	s := strconv.FormatUint(abs/uint64(QuotaPerUSD), 10) + "." + cents
	if q < 0 {
		s = "-" + s
	}
	return s
}

// ParseUSD reads an amount in dollars, such as "12.50". It refuses a sign and
// amounts that are no whole number of quota.
func ParseUSD(text string) (Quota, error) {
	d, err := ParseDecimal(text)
	if err != nil {
		return 0, err
	}
	const microsPerQuota = million / uint64(QuotaPerUSD)
	if d.millionths%microsPerQuota != 0 {
		return 0, fmt.Errorf("%s USD is no whole number of quota (1 quota is 0.000002 USD)", d)
	}
	q := d.millionths / microsPerQuota
	if q > uint64(MaxQuota) {
		return 0, ErrOverflow
	}
	return Quota(q), nil
}

// ParseSignedUSD is ParseUSD for amounts that may be negative: a leading "-"
// is taken.
func ParseSignedUSD(text string) (Quota, error) {
	rest, negative := strings.CutPrefix(text, "-")
	q, err := ParseUSD(rest)
	if negative {
		q = -q
	}
	return q, err
}

// MarshalJSON writes an integer. An amount beyond MaxQuota is an error, since
// readers would round it.
func (q Quota) MarshalJSON() ([]byte, error) {
	if !q.inRange() {
		return nil, ErrOverflow
	}
	return strconv.AppendInt(nil, int64(q), 10), nil
}

// UnmarshalJSON reads an integer between -MaxQuota and MaxQuota and nothing
// else: no fraction, exponent, string or null.
func (q *Quota) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("quota must be an integer, not %.40s", b)
	}
	if err != nil || !Quota(n).inRange() {
		return ErrOverflow
	}
	*q = Quota(n)
	return nil
}
