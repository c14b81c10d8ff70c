package kling

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
	"one-api/internal/video"
)

var errNoObject = errors.New("the order is not a JSON object")

// envelope is what Kling wraps its answers in:
// {"code":0,"message":"SUCCEED","request_id":"…","data":…}.
type envelope struct {
	coded     bool // it is an object with a whole number as code
	code      int
	message   string
	requestID string
	data      gjson.Result
}

// open reads an envelope. Anything else gives one that is not coded.
func open(body []byte) envelope {
	var e envelope
	v, ok := object(body)
	if !ok {
		return e
	}
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "code":
			n, err := strconv.Atoi(value.Raw)
			e.coded, e.code = err == nil && value.Type == gjson.Number, n
		case "message":
			e.message = value.String()
		case "request_id":
			e.requestID = value.String()
		case "data":
			e.data = value
		}
		return true
	})
	return e
}

// object reads a JSON object that comes from outside.
func object(body []byte) (gjson.Result, bool) {
	if tooDeep(body, 64) || !gjson.ValidBytes(body) {
		return gjson.Result{}, false
	}
	v := gjson.ParseBytes(body)
	return v, v.IsObject()
}

// statuses are the words of both generations.
var statuses = map[string]provider.Status{
	"submitted":  provider.Submitted,
	"processing": provider.Processing,
	"succeed":    provider.Succeeded, // legacy
	"succeeded":  provider.Succeeded, // new generation
	"failed":     provider.Failed,
}

// readTask reads a task object of either generation: task_id marks the legacy
// one, id the new one. The report has no UpstreamID when the object has none
// that can be asked for.
func readTask(v gjson.Result) provider.Report {
	if !v.IsObject() {
		return provider.Report{}
	}
	var t task
	if v.Get("task_id").Exists() {
		t.legacy(v)
	} else {
		t.current(v)
	}
	if !plainID(t.UpstreamID) {
		t.UpstreamID = ""
	}
	t.settle()
	t.Message = outbound.Scrub(t.Message)
	t.Note = strings.Join(t.notes, "; ")
	return t.Report
}

// task is a report in the making.
type task struct {
	provider.Report
	word  string // Kling's own status
	notes []string
}

func (t *task) note(format string, args ...any) {
	t.notes = append(t.notes, outbound.Scrub(fmt.Sprintf(format, args...)))
}

// settle maps the status word. Only a success with something to show counts as
// one, and only a word that we know ends a task.
func (t *task) settle() {
	status, known := statuses[t.word]
	switch {
	case !known:
		t.note("unknown status %.60q", t.word)
		status = provider.Processing
	case status == provider.Succeeded && len(t.Assets) == 0:
		t.note("%s without a result URL", t.word)
		status = provider.Processing
	}
	t.Status = status
}

// legacy reads {"task_id","task_status","task_result",…}.
func (t *task) legacy(v gjson.Result) {
	var external gjson.Result
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "task_id":
			t.UpstreamID = text(value)
		case "task_status":
			t.word = value.String()
		case "task_status_msg":
			t.Message = value.String()
		case "task_info":
			if id := value.Get("external_task_id"); id.Exists() {
				external = id
			}
		case "external_task_id":
			// Not in Kling's schema; hand-made callbacks put it here.
			if !external.Exists() {
				external = value
			}
		case "task_result":
			t.result(value)
		case "updated_at":
			t.UpdatedAt = moment(value)
		case "created_at":
			t.CreatedAt = moment(value)
		case "final_unit_deduction":
			t.cost("video_unit", value)
		case "final_balance_deduction":
			t.balance(value)
		}
		return true
	})
	t.Ref = text(external)
}

// result reads task_result: lists of videos, images, audios.
func (t *task) result(v gjson.Result) {
	if !v.IsObject() {
		return
	}
	t.Result = json.RawMessage(v.Raw)
	v.ForEach(func(key, list gjson.Result) bool {
		kind, known := map[string]string{"videos": "video", "images": "image", "audios": "audio"}[key.Str]
		if known && list.IsArray() {
			list.ForEach(func(_, item gjson.Result) bool {
				t.asset(kind, item, "url", "url_mp3", "url_wav")
				return true
			})
		}
		return true
	})
}

// current reads the new generation's {"id","status","outputs","billing",…}.
func (t *task) current(v gjson.Result) {
	v.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id":
			t.UpstreamID = text(value)
		case "status":
			t.word = value.String()
		case "message":
			t.Message = value.String()
		case "external_id":
			t.Ref = text(value)
		case "outputs":
			if value.IsArray() {
				t.Result = json.RawMessage(value.Raw)
				value.ForEach(func(_, item gjson.Result) bool {
					switch kind := item.Get("type").String(); kind {
					case "video", "image", "audio":
						t.asset(kind, item, "url", "mp3_url", "wav_url")
					}
					return true
				})
			}
		case "update_time":
			t.UpdatedAt = moment(value)
		case "create_time":
			t.CreatedAt = moment(value)
		case "billing":
			if value.IsArray() {
				value.ForEach(func(_, item gjson.Result) bool {
					t.bill(item)
					return true
				})
			}
		}
		return true
	})
}

// asset takes one result that has an address, under the first of the names.
func (t *task) asset(kind string, v gjson.Result, addresses ...string) {
	if !v.IsObject() {
		return
	}
	for _, name := range addresses {
		if a := v.Get(name).String(); webAddress(a) {
			mark := v.Get("watermark_url").String()
			if !webAddress(mark) {
				mark = ""
			}
			t.Assets = append(t.Assets, video.Asset{
				Kind: kind, ID: text(v.Get("id")), URL: a, WatermarkURL: mark, Duration: text(v.Get("duration")),
			})
			return
		}
	}
}

// webAddress reports whether a result's address can be handed on.
func webAddress(s string) bool {
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") || len(s) > 8192 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// bill reads one entry of billing. Entries are listed, never added: one task
// may be paid in several units.
func (t *task) bill(v gjson.Result) {
	charge, unit := v.Get("charge_type").String(), ""
	switch charge {
	case "unit":
		switch v.Get("package_type").String() {
		case "video", "image", "audio":
			unit = v.Get("package_type").String() + "_unit"
		}
	case "cash":
		unit = currency(v)
	}
	if unit == "" {
		t.note("a deduction in an unknown unit: %.200s", v.Raw)
		return
	}
	t.cost(unit, v.Get("amount"))
}

// balance reads final_balance_deduction: money, in the account's currency. The
// answer does not name that, so that the amount is worth nothing without it.
func (t *task) balance(v gjson.Result) {
	if !v.IsObject() || text(v.Get("quota")) == "" {
		return
	}
	if unit := currency(v); unit != "" {
		t.cost(unit, v.Get("quota"))
		return
	}
	t.note("a deduction of money without its currency: %.200s", v.Raw)
}

func currency(v gjson.Result) string {
	if c := v.Get("currency").String(); c == "CNY" || c == "USD" {
		return c
	}
	return ""
}

// cost takes an exact amount; before the end there is none.
func (t *task) cost(unit string, v gjson.Result) {
	amount := text(v)
	if amount == "" {
		return
	}
	if _, err := money.ParseDecimal(amount); err != nil {
		t.note("a deduction that is no amount: %.60q %s", amount, unit)
		return
	}
	t.Costs = append(t.Costs, provider.Cost{Unit: unit, Amount: amount})
}

// text is a string or a number as it was written: ids exceed what a float
// holds, amounts must stay exact.
func text(v gjson.Result) string {
	switch v.Type {
	case gjson.String:
		return v.Str
	case gjson.Number:
		return v.Raw
	}
	return ""
}

// moment reads Unix milliseconds, a number or a string of digits.
func moment(v gjson.Result) time.Time {
	ms, err := strconv.ParseInt(text(v), 10, 64)
	if err != nil || ms <= 0 || ms > 253402300799999 { // the year 9999
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
