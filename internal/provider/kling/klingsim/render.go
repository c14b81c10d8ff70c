package klingsim

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// view is a task as one answer or callback shows it: as it is, or as a fault
// bends it.
type view struct {
	status     Status
	updated    time.Time
	hidden     bool   // the task is unknown
	noURL      bool   // a success without a link
	noDuration bool   // a success without a length
	word       string // a status that no document knows
}

func (t *task) view() view { return view{status: t.status, updated: t.updated} }

// legacyWord is the status as the legacy generation spells it.
func (v view) legacyWord() string {
	if v.word != "" {
		return v.word
	}
	if v.status == Succeeded {
		return "succeed"
	}
	return string(v.status)
}

func (v view) newWord() string {
	if v.word != "" {
		return v.word
	}
	return string(v.status)
}

func (t *task) message(v view) string {
	if v.status == Failed {
		return t.failure
	}
	return ""
}

// duration is the length of the result, a little over what was asked for and
// billed, as Kling's results are.
func (t *task) duration() string { return strconv.Itoa(t.seconds) + ".041" }

// appendLegacyCreated is the data of a legacy create's answer. The answer says
// submitted even when the task is done already.
func (t *task) appendLegacyCreated(b []byte) []byte {
	b = append(b, `{"task_id":"`...)
	b = append(b, t.id...)
	b = append(b, `","task_status":"submitted"`...)
	b = t.appendTaskInfo(b)
	b = appendMillis(b, `,"created_at":`, t.created)
	b = appendMillis(b, `,"updated_at":`, t.created)
	return append(b, '}')
}

// appendLegacy is a legacy task in a query's answer.
func (t *task) appendLegacy(b []byte, v view, key []byte) []byte {
	b = t.appendLegacyHead(b, v)
	b = t.appendTaskInfo(b)
	b = t.appendTaskResult(b, v, key)
	b = append(b, `,"watermark_info":{"enabled":`...)
	b = strconv.AppendBool(b, t.watermark)
	b = append(b, '}')
	b = t.appendDeduction(b, v)
	b = appendMillis(b, `,"created_at":`, t.created)
	b = appendMillis(b, `,"updated_at":`, v.updated)
	return append(b, '}')
}

// appendLegacyCallback is the body of a legacy callback: no envelope, and the
// members in the order of Kling's example.
func (t *task) appendLegacyCallback(b []byte, v view, key []byte) []byte {
	b = t.appendLegacyHead(b, v)
	b = appendMillis(b, `,"created_at":`, t.created)
	b = appendMillis(b, `,"updated_at":`, v.updated)
	b = t.appendDeduction(b, v)
	b = t.appendTaskInfo(b)
	b = t.appendTaskResult(b, v, key)
	return append(b, '}')
}

func (t *task) appendLegacyHead(b []byte, v view) []byte {
	b = append(b, `{"task_id":"`...)
	b = append(b, t.id...)
	b = append(b, `","task_status":`...)
	b = gjson.AppendJSONString(b, v.legacyWord())
	b = append(b, `,"task_status_msg":`...)
	return gjson.AppendJSONString(b, t.message(v))
}

func (t *task) appendTaskInfo(b []byte) []byte {
	b = append(b, `,"task_info":{`...)
	if t.external != "" {
		b = append(b, `"external_task_id":`...)
		b = gjson.AppendJSONString(b, t.external)
	}
	return append(b, '}')
}

func (t *task) appendTaskResult(b []byte, v view, key []byte) []byte {
	if v.status != Succeeded {
		return b
	}
	b = append(b, `,"task_result":{"videos":[{`...)
	b = t.appendVideo(b, v, key)
	return append(b, `}]}`...)
}

// appendVideo is the inside of a video in either generation.
func (t *task) appendVideo(b []byte, v view, key []byte) []byte {
	b = append(b, `"id":"`...)
	b = append(b, t.id...)
	b = append(b, `","url":`...)
	if v.noURL {
		b = append(b, `""`...)
	} else {
		b = gjson.AppendJSONString(b, t.link(key, ""))
		if t.watermark {
			b = append(b, `,"watermark_url":`...)
			b = gjson.AppendJSONString(b, t.link(key, watermarked))
		}
	}
	if !v.noDuration {
		b = append(b, `,"duration":"`...)
		b = append(b, t.duration()...)
		b = append(b, '"')
	}
	return b
}

// appendDeduction tells the cost of an ended legacy task.
func (t *task) appendDeduction(b []byte, v view) []byte {
	if v.status != Succeeded && v.status != Failed {
		return b
	}
	units := t.units
	if v.status == Failed {
		units = 0
	}
	if currency := t.account.conf.Load().Currency; currency != "" {
		amount := decimal(cash(units, currency))
		b = append(b, `,"final_balance_deduction":{"quota":"`...)
		b = append(b, amount...)
		b = append(b, `","list_price":"`...)
		b = append(b, amount...)
		return append(b, `"}`...)
	}
	b = append(b, `,"final_unit_deduction":"`...)
	b = append(b, decimal(units*1000)...)
	return append(b, '"')
}

// appendNew is a task in the new generation's shape: in answers to creates and
// queries, and the whole body of a callback.
func (t *task) appendNew(b []byte, v view, key []byte) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, t.id...)
	b = append(b, `","status":`...)
	b = gjson.AppendJSONString(b, v.newWord())
	b = append(b, `,"message":`...)
	b = gjson.AppendJSONString(b, t.message(v))
	b = appendMillis(b, `,"create_time":`, t.created)
	b = appendMillis(b, `,"update_time":`, v.updated)
	b = append(b, `,"external_id":`...)
	b = gjson.AppendJSONString(b, t.external)
	if v.status != Succeeded {
		return append(b, `,"outputs":[],"billing":[]}`...)
	}
	b = append(b, `,"outputs":[{"type":"video",`...)
	b = t.appendVideo(b, v, key)
	b = append(b, `}],"billing":[{"charge_type":`...)
	if currency := t.account.conf.Load().Currency; currency != "" {
		amount := decimal(cash(t.units, currency))
		b = append(b, `"cash","cash_type":"balance","amount":"`...)
		b = append(b, amount...)
		b = append(b, `","currency":"`...)
		b = append(b, currency...)
		b = append(b, `","list_price":"`...)
		b = append(b, amount...)
		return append(b, `"}]}`...)
	}
	b = append(b, `"unit","amount":"`...)
	b = append(b, decimal(t.units*1000)...)
	return append(b, `","package_type":"video"}]}`...)
}

func appendMillis(b []byte, key string, at time.Time) []byte {
	return strconv.AppendInt(append(b, key...), at.UnixMilli(), 10)
}
