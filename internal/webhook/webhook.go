// Package webhook calls customers back: it signs, guards against addresses
// that nobody outside may reach through us, and knows when to try again.
//
// Signatures and headers are those of Standard Webhooks
// (https://www.standardwebhooks.com).
package webhook

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

// SigningSecret is a user's secret of one generation, in the form that
// receivers paste into their libraries: "whsec_…". It is derived, so that
// rotation is the raising of a number.
func SigningSecret(keys *secret.Keyring, userID int64, generation int) secret.Text {
	mac := secret.MAC(keys.Derive("webhook signing"), strconv.FormatInt(userID, 10), strconv.Itoa(generation))
	return secret.Text("whsec_" + base64.StdEncoding.EncodeToString(mac))
}

// EndpointSecret is SigningSecret for one endpoint, which has its own.
func EndpointSecret(keys *secret.Keyring, endpointID int64, generation int) secret.Text {
	mac := secret.MAC(keys.Derive("webhook signing"), "endpoint", strconv.FormatInt(endpointID, 10), strconv.Itoa(generation))
	return secret.Text("whsec_" + base64.StdEncoding.EncodeToString(mac))
}

// Overlap is how long after a rotation the old secret signs beside the new.
const Overlap = 24 * time.Hour

// InForce are the generations whose secrets sign, the newest first. rotated is
// the zero time when the newest alone does.
func InForce(generation int, rotated, now time.Time) []int {
	if generation > 1 && !rotated.IsZero() && now.Sub(rotated) < Overlap {
		return []int{generation, generation - 1}
	}
	return []int{generation}
}

// gaps are the waits before each further try: about 75 hours in all.
var gaps = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Next is the wait after the n-th failed try (from 1), a tenth of jitter either
// way; ok is false when there is no further try.
func Next(n int) (wait time.Duration, ok bool) {
	if n < 1 || n > len(gaps) {
		return 0, false
	}
	g := gaps[n-1]
	return g - g/10 + rand.N(g/5), true
}

// CheckURL refuses an address that cannot be called, with a message for the
// person who gave it. Whether its host may be reached is decided at each
// connection.
func CheckURL(text, field string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "%s "+format, append([]any{field}, args...)...).Named("invalid_parameter").At(field)
	}
	if len(text) > 2048 {
		return bad("is longer than 2048 characters.")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return bad("must be an http or https address.")
	case u.User != nil:
		return bad("must not contain a user name or password.")
	case u.Fragment != "":
		return bad("must not contain a fragment.")
	case u.Hostname() == "":
		return bad("names no host.")
	}
	return nil
}
