package generation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// What every door asks of an order before it becomes one.

var (
	keyText = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)
	// externalID leaves out the slash, which would not fit in a path.
	externalID = regexp.MustCompile(`^[\x21-\x2e\x30-\x7e]{1,255}$`)
	tagName    = regexp.MustCompile(`^[\p{L}\p{N} ._:/@+-]{1,64}$`)
	tagValue   = regexp.MustCompile(`^[^\p{C}]{0,512}$`)
)

// MostTags is how many tags fit on an order.
const MostTags = 16

// IdempotencyKey reads the values of a request's header Idempotency-Key, "" when
// there are none.
func IdempotencyKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !keyText.MatchString(strings.ReplaceAll(values[0], " ", "_")) {
		return "", fault.New(fault.Invalid, "Idempotency-Key must be one value of 1 to 255 printable ASCII characters.").
			Named("invalid_idempotency_key").At("Idempotency-Key")
	}
	return values[0], nil
}

// RequestHash identifies a request up to the spelling of its JSON.
func RequestHash(method, path string, body []byte) string {
	if v, err := canonical(body); err == nil {
		body = v
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(method), []byte(path), body} {
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + ":"))
		_, _ = h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// canonical writes JSON with sorted keys and without blanks; numbers keep
// their text.
func canonical(body []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// CheckExternalID refuses a caller's own id that could not be asked for.
func CheckExternalID(id string) error {
	if id != "" && !externalID.MatchString(id) {
		return fault.New(fault.Invalid, "external_task_id must be 1 to 255 printable ASCII characters without blanks.").
			Named("invalid_parameter").At("external_task_id")
	}
	return nil
}

// Tags are an order's tags as its row keeps them, "" for none.
func Tags(tags map[string]string) (string, error) {
	if len(tags) == 0 {
		return "", nil
	}
	if len(tags) > MostTags {
		return "", fault.New(fault.Invalid, "At most %d tags fit on an order, not %d.", MostTags, len(tags)).Named("invalid_parameter").At("metadata")
	}
	for k, v := range tags {
		if !tagName.MatchString(k) || !tagValue.MatchString(v) {
			return "", fault.New(fault.Invalid, "Tag %.64q must have a name of 1 to 64 letters, digits or . _ : / @ + - and a printable value of at most 512 characters.", k).
				Named("invalid_parameter").At("metadata")
		}
	}
	b, err := json.Marshal(tags)
	return string(b), err
}

// Refused is what the caller of an order that failed at once is told. The
// caller's own fault comes in the upstream's words; what only the operator can
// mend does not. status is the upstream's, when it says more than the fault.
func (c *Created) Refused() (f *fault.Error, status int) {
	t, e := &c.Task, c.Refusal
	f = fault.New(fault.Unavailable, "No channel could take the order. Nothing was charged; try again later.").Named(string(t.FailCode))
	if t.FailCode == task.Rejected {
		f = fault.New(fault.Invalid, "The upstream refused the order: %s", t.FailReason).Named("upstream_rejected")
	}
	switch {
	case e == nil:
	case e.Kind == provider.Rejected && e.HTTPStatus >= 400 && e.HTTPStatus < 500 && e.HTTPStatus != http.StatusUnauthorized:
		status = e.HTTPStatus
	case e.Kind == provider.Throttled:
		f = fault.New(fault.Throttled, "The upstream is busy. Nothing was charged; try again shortly.").Named("channels_busy")
	}
	return f, status
}
