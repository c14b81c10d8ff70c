package klingsim

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"
)

// refusal is an answer with a code other than 0: it has no data.
type refusal struct {
	status  int // HTTP
	code    int // Kling's
	message string
}

func refuse(status, code int, message string) *refusal {
	return &refusal{status: status, code: code, message: message}
}

// badValue is the refusal for a key or value that Kling does not take.
func badValue(message string) *refusal { return refuse(http.StatusBadRequest, 1201, message) }

// suspensions are the account states that creates are refused with, HTTP 429
// although waiting does not help.
var suspensions = map[int]string{
	1100: "Account is abnormal",
	1101: "Account in arrears",
	1102: "Account balance not enough",
}

// answer is what goes back to the caller.
type answer struct {
	status      int
	code        int // Kling's code, for the counters
	body        []byte
	contentType string // "" is JSON
	location    string
	created     *task  // by this call
	serve       func() // writes the answer instead, e.g. a part of the body
}

const jsonType = "application/json; charset=utf-8"

// answer makes the refusal's envelope.
func (r *refusal) answer() answer {
	b := make([]byte, 0, 96+len(r.message))
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(r.code), 10)
	b = append(b, `,"message":`...)
	b = gjson.AppendJSONString(b, r.message)
	b = appendRequestID(b)
	b = append(b, '}')
	return answer{status: r.status, code: r.code, body: b}
}

// succeed makes the envelope of a success; data appends its JSON.
func succeed(data func(b []byte) []byte) answer {
	b := make([]byte, 0, 512)
	b = append(b, `{"code":0,"message":"SUCCEED"`...)
	b = appendRequestID(b)
	b = append(b, `,"data":`...)
	b = data(b)
	b = append(b, '}')
	return answer{status: http.StatusOK, body: b}
}

func appendRequestID(b []byte) []byte {
	id := uuid.New()
	b = append(b, `,"request_id":"`...)
	text, _ := id.MarshalText() // never fails
	b = append(b, text...)
	return append(b, '"')
}

func (a answer) header(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = []string{jsonType}
	if a.contentType != "" {
		h["Content-Type"] = []string{a.contentType}
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
}

func (a answer) write(w http.ResponseWriter) {
	if a.serve != nil {
		a.serve()
		return
	}
	a.header(w)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that has gone is its own affair
}
