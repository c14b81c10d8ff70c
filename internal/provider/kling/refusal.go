package kling

import (
	"net/http"
	"strconv"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
)

// meaning is one row of Kling's error page.
type meaning struct {
	create provider.Kind // what a create answered with the code has come to
	text   string        // when Kling sends none
}

// meanings is the whole page "error codes". 5000 to 5002 are not in it: with
// them, as with every HTTP 5xx, the task may exist.
//
// HTTP 429 stands for both "not now" (1302, 1303) and faults of the account
// that waiting does not cure, so the code decides and never the status alone.
var meanings = map[int]meaning{
	1000: {provider.BadKey, "authentication failed"},
	1001: {provider.BadKey, "the Authorization header is empty"},
	1002: {provider.BadKey, "the Authorization header is invalid"},
	1003: {provider.BadKey, "the token is not valid yet: the clocks differ"},
	1004: {provider.BadKey, "the token has expired: the clocks differ"},
	1100: {provider.BadKey, "the account is abnormal"}, // nothing works on it, whatever is paid
	1101: {provider.NoCredit, "the account is in arrears"},
	1102: {provider.NoCredit, "the resource pack is used up or has expired"},
	1103: {provider.NotAllowed, "the account has no right to this API or model"},
	1200: {provider.Rejected, "the parameters are wrong"},
	1201: {provider.Rejected, "a parameter has a wrong key or value"},
	1202: {provider.NotAllowed, "this host does not know the method"},
	1203: {provider.NotAllowed, "the model or resource does not exist there"},
	1300: {provider.Rejected, "refused by the platform's policy"},
	1301: {provider.Rejected, "refused by the content safety policy"},
	1302: {provider.Throttled, "too many requests"},
	1303: {provider.Throttled, "too many tasks at once for the resource pack"},
	1304: {provider.BadKey, "this address is not on the account's allow-list"},
}

// doors are the statuses with which a server or a proxy turns a request away
// unread. They count as refusals of a create even without one of Kling's codes:
// a wrong base URL or a blocked region must not leave a task unknown for a day.
// Every other 4xx without a code (400, 408, 409, 422, 425, 499…) proves nothing.
var doors = map[int]provider.Kind{
	http.StatusUnauthorized:          provider.BadKey,
	http.StatusForbidden:             provider.NotAllowed,
	http.StatusNotFound:              provider.NotAllowed,
	http.StatusMethodNotAllowed:      provider.NotAllowed,
	http.StatusMisdirectedRequest:    provider.NotAllowed,
	http.StatusRequestEntityTooLarge: provider.Rejected,
	http.StatusTooManyRequests:       provider.Throttled,
}

// createKind says what became of a create that was answered, but not with
// code 0 and an id.
func createKind(status int, e envelope) provider.Kind {
	if status/100 != 2 && status/100 != 4 {
		return provider.Unsure // a redirect, or a 5xx: a proxy may answer 502 for a task that was created
	}
	if e.coded && e.data.IsObject() && readTask(e.data).UpstreamID != "" {
		return provider.Unsure // a refusal that names a task contradicts itself
	}
	if e.coded {
		text := strings.ToLower(e.message)
		switch m, known := meanings[e.code]; {
		case known && m.create == provider.Rejected && containsAny(text, "already exist", "duplicate", "已存在", "重复"):
			// Kling refuses a second task with the same external id by 1201.
			return provider.Duplicate
		case known && m.create == provider.BadKey && strings.Contains(text, "ak/sk"):
			return provider.NotAllowed // 1002 on a path that takes API keys only: the pair is good elsewhere
		case known && containsAny(text, "discontinued", "已下线", "no longer available", "no longer supported"):
			return provider.NotAllowed
		case known:
			return m.create
		case e.code >= 1000 && e.code < 2000 && status/100 == 4:
			// A refusal that is newer than our table.
			if containsAny(text, "discontinued", "已下线") {
				return provider.NotAllowed
			}
			if kind, ok := doors[status]; ok {
				return kind
			}
			return provider.Rejected
		case e.code == 0 || e.code >= 5000 && e.code < 6000:
			return provider.Unsure
		}
	}
	if kind, ok := doors[status]; ok {
		return kind
	}
	return provider.Unsure
}

// queryKind says what a query came to that was not answered with code 0.
// NotFound needs Kling's own word: 1201 (unknown id, as legacy paths answer) or
// 1203, with HTTP 400 or 404. On /tasks an unknown id is an empty list, and
// 1201 means that the question was wrong.
func queryKind(status int, e envelope, legacy bool) provider.Kind {
	if status/100 != 2 && status/100 != 4 || !e.coded {
		if kind := doors[status]; kind == provider.BadKey || kind == provider.Throttled {
			return kind
		}
		return provider.Unanswered
	}
	if legacy && (e.code == 1201 || e.code == 1203) && (status == http.StatusBadRequest || status == http.StatusNotFound) {
		return provider.NotFound
	}
	switch kind := meanings[e.code].create; kind {
	case provider.BadKey, provider.NoCredit, provider.Throttled:
		return kind // about the account, not about the task
	}
	return provider.Unanswered
}

// refusal is the error for an answer.
func (u *Upstream) refusal(cred provider.Credential, a outbound.Answer, e envelope, kind provider.Kind) *provider.Error {
	secrets := u.secretsOf(cred.Key)
	out := &provider.Error{
		Kind:       kind,
		Full:       kind == provider.Throttled && e.coded && e.code == 1303,
		HTTPStatus: a.Status,
		RequestID:  outbound.Scrub(e.requestID, secrets...),
		RetryAfter: a.RetryAfter(u.now()),
		Message:    outbound.Scrub(e.message, secrets...),
	}
	if e.coded {
		out.Code = e.code
	}
	if out.Message != "" {
		return out
	}
	switch m, known := meanings[out.Code]; {
	case known:
		out.Message = m.text
	case kind == provider.NotFound:
		out.Message = "Kling does not know the task"
	case a.Status/100 == 3:
		out.Message = "the host redirects, which is not followed"
	case a.Status/100 == 2 && e.coded && e.code == 0:
		out.Message = "success without a task id"
	case !e.coded:
		out.Message = "the answer is not Kling's"
	default:
		out.Message = "code " + strconv.Itoa(e.code) + " without a message"
	}
	return out
}

// unusable is the error for a query whose answer says success and makes no sense.
func (u *Upstream) unusable(cred provider.Credential, a outbound.Answer, e envelope, why string) *provider.Error {
	out := u.refusal(cred, a, e, provider.Unanswered)
	out.Message = why
	return out
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// Number is Kling's code for a refusal of ours, so that Kling's clients act on
// it as they do on Kling's own. An unknown task is 1203, which Kling's table
// pairs with HTTP 404 as we answer; Kling itself says 1201 with HTTP 400 there.
func Number(e *fault.Error) int {
	if n, ok := numbersByWord[e.Word()]; ok {
		return n
	}
	if n, ok := numbers[e.Code]; ok {
		return n
	}
	return 5000
}

var numbersByWord = map[string]int{
	"missing_credentials": 1001,
	"token_not_yet_valid": 1003,
	"jwt_not_yet_valid":   1003,
	"token_expired":       1004,
	"jwt_expired":         1004,
	"missing_parameter":   1200,
	"invalid_json":        1200,
}

var numbers = map[fault.Code]int{
	fault.Invalid:           1201,
	fault.Unauthenticated:   1002,
	fault.InsufficientQuota: 1102,
	fault.Forbidden:         1103,
	fault.NotFound:          1203,
	fault.MethodNotAllowed:  1202,
	fault.Conflict:          1201, // e.g. an external_task_id that is taken
	fault.TooLarge:          1201,
	fault.UnsupportedMedia:  1200,
	fault.Unprocessable:     1201,
	fault.Throttled:         1302,
	fault.Unavailable:       5001,
	fault.Internal:          5000,
}
