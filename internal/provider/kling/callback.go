package kling

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/provider"
	"one-api/internal/secret"
)

const (
	maxCallback       = 256 << 10 // bytes
	callbackTolerance = 5 * time.Minute
)

// ReadCallback reads a callback of either generation: the bare task object,
// without an envelope. With webhook secrets the signature must be there, be
// right, and be of the last or next five minutes; Kling then signs every
// callback of the account. Without secrets a signature is not looked at.
func (u *Upstream) ReadCallback(cred provider.Credential, now time.Time, h http.Header, body []byte) (provider.Report, bool, error) {
	if len(body) > maxCallback {
		return provider.Report{}, false, fmt.Errorf("the callback is larger than %d KiB", maxCallback>>10)
	}
	proven := len(cred.WebhookSecrets) > 0
	if proven { // over the raw bytes, before anything reads them
		if err := verify(cred.WebhookSecrets, now, h, body); err != nil {
			return provider.Report{}, false, err
		}
	}
	v, ok := object(body)
	if !ok {
		return provider.Report{}, false, errors.New("the callback is not a JSON object")
	}
	r := readTask(v)
	if r.UpstreamID == "" {
		return provider.Report{}, false, fmt.Errorf("%w: it names no task", provider.ErrSaysNothing)
	}
	return r, proven, nil
}

// verify checks a signature as https://www.standardwebhooks.com describes it,
// with each of the secrets: there are two during a rotation.
func verify(secrets []secret.Text, now time.Time, h http.Header, body []byte) error {
	seconds, err := strconv.ParseInt(h.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil {
		return errors.New("the callback is not signed, though the account has a webhook secret")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > callbackTolerance || age < -callbackTolerance {
		return fmt.Errorf("the callback's timestamp is off by %s", age.Round(time.Second))
	}
	broken := 0
	for _, s := range secrets {
		w, err := webhook(s)
		if err != nil {
			broken++
			continue
		}
		if w.VerifyIgnoringTimestamp(body, h) == nil { // its own check reads a clock of its own
			return nil
		}
	}
	if broken > 0 {
		return fmt.Errorf("the callback's signature is wrong; %d of %d webhook secrets are not of the form whsec_<base64>", broken, len(secrets))
	}
	return errors.New("the callback's signature is wrong")
}

// webhook reads a secret. The library takes an empty key, with which anybody
// can sign.
func webhook(s secret.Text) (*standardwebhooks.Webhook, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(s.Reveal()), "whsec_"))
	if err != nil || len(key) < 16 {
		return nil, errors.New("not a webhook secret")
	}
	return standardwebhooks.NewWebhookRaw(key)
}
