package auth

import (
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"one-api/internal/secret"
)

// totpPeriod is how long a code lives, as every authenticator app assumes.
const totpPeriod = 30 * time.Second

var totpForm = totp.ValidateOpts{Period: uint(totpPeriod / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// NewTOTP makes the secret of a second factor (RFC 6238) and the address that
// an authenticator app reads from a QR code.
func NewTOTP(issuer, user string) (text secret.Text, address secret.Text, err error) {
	k, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: user, Period: totpForm.Period, Digits: totpForm.Digits, Algorithm: totpForm.Algorithm})
	if err != nil {
		return "", "", err
	}
	return secret.Text(k.Secret()), secret.Text(k.URL()), nil
}

// TOTPStep finds the time step whose code this is: the current one or a
// neighbour, for clocks that differ. The caller accepts each step once.
func TOTPStep(text secret.Text, code string, now time.Time) (step int64, ok bool) {
	for _, off := range []time.Duration{0, -totpPeriod, totpPeriod} {
		at := now.Add(off)
		want, err := totp.GenerateCodeCustom(text.Reveal(), at, totpForm)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return at.Unix() / int64(totpPeriod/time.Second), true
		}
	}
	return 0, false
}
