package kling_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/provider/providertest"
	"one-api/internal/secret"
	"one-api/internal/video"
)

// exchange is one recorded request.
type exchange struct{ method, uri, body string }

// scripted is a Kling that gives prepared answers and keeps what it was asked.
type scripted struct {
	mu   sync.Mutex
	seen []exchange
	cred provider.Credential
	*kling.Upstream
}

func script(t *testing.T, key secret.Text, answers ...providertest.Answer) *scripted {
	s := &scripted{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, exchange{r.Method, r.RequestURI, string(b)})
		a := answers[min(len(s.seen), len(answers))-1]
		w.WriteHeader(a.Status)
		_, _ = io.WriteString(w, a.Body)
	}))
	t.Cleanup(server.Close)
	s.cred = provider.Credential{BaseURL: server.URL, Key: key}
	s.Upstream = kling.New(server.Client())
	return s
}

func file(t testing.TB, name string) string {
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSubmitAddsWhatBelongsToTheAttempt(t *testing.T) {
	for _, tt := range []struct{ name, route, body, ref, callback, want string }{
		{"legacy, at the top", text2video, `{"prompt":"x"}`, "r", "https://gw.example/cb?k=1&x=<2>",
			`{"prompt":"x","external_task_id":"r","callback_url":"https://gw.example/cb?k=1&x=<2>"}`},
		{"legacy, without callbacks", text2video, ` {"prompt":"x"} `, "r", "", `{"prompt":"x","external_task_id":"r"}`},
		{"legacy, an empty order", text2video, `{ }`, "r", "", `{ "external_task_id":"r"}`},
		{"new, without options", turboText, `{"prompt":"x"}`, "r", "https://gw.example",
			`{"prompt":"x","options":{"external_task_id":"r","callback_url":"https://gw.example"}}`},
		{"new, with options", turboText, `{"options":{"watermark_info":{"enabled":true}},"prompt":"\"options\":{}"}`, "r", "https://gw.example",
			`{"options":{"watermark_info":{"enabled":true},"external_task_id":"r","callback_url":"https://gw.example"},"prompt":"\"options\":{}"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := script(t, apiKey, answer(200, `{"code":0,"data":{"task_id":"1","task_status":"submitted"}}`))
			_, err := s.Submit(t.Context(), s.cred, provider.Submission{
				Request: video.Request{Route: tt.route, Body: json.RawMessage(tt.body)}, Ref: tt.ref, CallbackURL: tt.callback,
			})
			if err != nil {
				t.Fatal(err)
			}
			got := s.seen[0]
			if got.method != "POST" || got.uri != tt.route {
				t.Errorf("got %s %s", got.method, got.uri)
			}
			// The escapes of < > & are free.
			var a, b any
			if json.Unmarshal([]byte(got.body), &a) != nil || json.Unmarshal([]byte(tt.want), &b) != nil || !cmp.Equal(a, b) {
				t.Errorf("got %s\nwant %s", got.body, tt.want)
			}
		})
	}
}

func TestSubmitReadsTheFirstStatus(t *testing.T) {
	for word, want := range map[string]provider.Status{
		"submitted": provider.Submitted, "processing": provider.Processing, "failed": provider.Failed,
		"queued": provider.Submitted, "succeed": provider.Submitted, // without a result: the first query tells
	} {
		s := script(t, apiKey, answer(200, `{"code":0,"data":{"task_id":"1","task_status":"`+word+`"}}`))
		a, err := s.Submit(t.Context(), s.cred, submission(text2video, `{}`))
		if err != nil || a.Status != want {
			t.Errorf("%s: got %+v, %v; want %s", word, a, err, want)
		}
	}
}

func TestSubmitRefusesPathsThatAreNone(t *testing.T) {
	for _, route := range []string{"", "/", "v1/videos", "//evil.example/v1", "/v1/../account", "/v1/videos/./x", "/v1/videos?x", "/v1/a b", `/v1/\x`} {
		s := script(t, apiKey, answer(200, `{}`))
		_, err := s.Submit(t.Context(), s.cred, submission(route, `{}`))
		if e := provider.AsError(err); e.Kind != provider.NotAllowed || len(s.seen) != 0 {
			t.Errorf("%q: got %v after %d calls", route, err, len(s.seen))
		}
	}
	s := script(t, apiKey, answer(200, `{}`))
	_, err := s.Submit(t.Context(), s.cred, submission(text2video, `[]`))
	if e := provider.AsError(err); e.Kind != provider.Rejected || len(s.seen) != 0 {
		t.Errorf("a body that is no object: got %v after %d calls", err, len(s.seen))
	}
}

// moment is the update time in the recorded answers, born the time of creation.
var (
	moment = time.UnixMilli(1781080794151).UTC()
	born   = time.UnixMilli(1781080778802).UTC()
)

func TestQueryReadsRecordedAnswers(t *testing.T) {
	ignoreResult := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Result" }, cmp.Ignore())
	for _, tt := range []struct {
		file, route string
		want        provider.Report
		result      string // beginning of Result
	}{
		{"legacy-succeed.json", text2video, provider.Report{
			UpstreamID: taskID, Ref: ref, Status: provider.Succeeded, UpdatedAt: moment, CreatedAt: born,
			Assets: []video.Asset{{
				Kind: "video", ID: "893605946402811986", URL: "https://v.klingai.example/a.mp4?sign=1&t=2",
				WatermarkURL: "https://v.klingai.example/a_wm.mp4", Duration: "5.1",
			}},
			Costs: []provider.Cost{{Unit: "video_unit", Amount: "2"}},
		}, "{\n      \"videos\""},
		{"legacy-cash.json", text2video, provider.Report{
			UpstreamID: taskID, Status: provider.Succeeded, UpdatedAt: moment, CreatedAt: born,
			Note:   `a deduction of money without its currency: {"quota":"1.89","list_price":"2.1"}`,
			Assets: []video.Asset{{Kind: "video", ID: "1", URL: "https://v.klingai.example/a.mp4", Duration: "5.1"}},
		}, `{"videos"`},
		{"legacy-failed.json", text2video, provider.Report{
			UpstreamID: taskID, Ref: ref, Status: provider.Failed, UpdatedAt: moment, CreatedAt: born, Message: "Failure to pass the risk control system",
		}, `{}`},
		{"legacy-processing.json", text2video, provider.Report{
			UpstreamID: taskID, Status: provider.Processing, UpdatedAt: moment, CreatedAt: born, // a number that no float holds, a time in a string
		}, ""},
		{"tasks-succeeded.json", turboText, provider.Report{
			UpstreamID: taskID, Ref: ref, Status: provider.Succeeded, UpdatedAt: moment, CreatedAt: born,
			Note:   `a deduction in an unknown unit: {"charge_type": "points", "amount": "3"}`,
			Assets: []video.Asset{{Kind: "video", ID: "893605946402811986", URL: "https://v.klingai.example/b.mp4", Duration: "3.041"}},
			Costs:  []provider.Cost{{Unit: "video_unit", Amount: "2.4"}, {Unit: "USD", Amount: "0.168"}},
		}, "[\n        {\"type\": \"video\""},
	} {
		t.Run(tt.file, func(t *testing.T) {
			s := script(t, apiKey, answer(200, file(t, tt.file)))
			got, err := s.Query(t.Context(), s.cred, provider.TaskRef{Route: tt.route, UpstreamID: taskID})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, ignoreResult); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(string(got.Result), tt.result) || got.Result != nil && !json.Valid(got.Result) {
				t.Errorf("result is %s", got.Result)
			}
		})
	}
}

func TestQueryAsksWhereKlingAnswers(t *testing.T) {
	for _, tt := range []struct {
		ref  provider.TaskRef
		want string
	}{
		{provider.TaskRef{Route: text2video, UpstreamID: "1", Ref: "r"}, "/v1/videos/text2video/1"},
		{provider.TaskRef{Route: omni, Ref: "r-2"}, "/v1/videos/omni-video/r-2"},
		{provider.TaskRef{Route: omni, Ref: "a/b?c"}, "/v1/videos/omni-video/a%2Fb%3Fc"},
		{provider.TaskRef{Route: turboText, UpstreamID: "1", Ref: "r"}, "/tasks?task_ids=1"},
		{provider.TaskRef{Route: turboImage, Ref: "r&x=1"}, "/tasks?external_task_ids=r%26x%3D1"},
	} {
		s := script(t, apiKey, answer(404, `{"code":1203,"message":"no"}`))
		_, _ = s.Query(t.Context(), s.cred, tt.ref)
		if len(s.seen) != 1 || s.seen[0].method != "GET" || s.seen[0].uri != tt.want {
			t.Errorf("%+v: asked %v, want %s", tt.ref, s.seen, tt.want)
		}
	}
	for _, id := range []string{"", ".", "..", "a b", "a\nb", strings.Repeat("x", 600)} {
		s := script(t, apiKey, answer(404, `{"code":1203,"message":"no"}`))
		_, err := s.Query(t.Context(), s.cred, provider.TaskRef{Route: text2video, UpstreamID: id})
		if len(s.seen) != 0 || provider.AsError(err).Kind != provider.Unanswered {
			t.Errorf("%q was asked for, %v", id, err)
		}
	}
}

func TestQueryTakesOnlyKlingsWordForAbsence(t *testing.T) {
	for _, tt := range []struct {
		route  string
		answer providertest.Answer
		want   provider.Kind
	}{
		{text2video, answer(400, `{"code":1201,"message":"unknown task"}`), provider.NotFound},
		{text2video, answer(404, `{"code":1203,"message":"no resource"}`), provider.NotFound},
		{text2video, answer(404, `{"code":1202,"message":"no method"}`), provider.Unanswered}, // the path is wrong, not the id
		{text2video, answer(400, `{"code":1200,"message":"bad"}`), provider.Unanswered},
		{text2video, answer(401, `{"code":1201,"message":"no"}`), provider.Unanswered},
		{text2video, answer(401, `{"code":1000,"message":"no"}`), provider.BadKey},
		{text2video, answer(403, `{"code":1103,"message":"no"}`), provider.Unanswered},
		{text2video, answer(404, `{"code":404,"message":"no"}`), provider.Unanswered},
		{text2video, answer(404, `{"message":"no"}`), provider.Unanswered},
		{text2video, answer(429, `{"code":1302,"message":"no"}`), provider.Throttled},
		{text2video, answer(429, `{"code":1101,"message":"no"}`), provider.NoCredit},
		{text2video, answer(500, `{"code":1201,"message":"no"}`), provider.Unanswered},
		{text2video, answer(200, `{"code":0,"data":{}}`), provider.Unanswered},
		{text2video, answer(200, `{"code":0,"data":[]}`), provider.Unanswered},
		{text2video, answer(200, `{"code":0}`), provider.Unanswered},
		{turboText, answer(200, `{"code":0,"data":[]}`), provider.NotFound},
		{turboText, answer(200, `{"code":0,"data":null}`), provider.Unanswered},
		{turboText, answer(200, `{"code":0,"data":{}}`), provider.Unanswered},
		{turboText, answer(200, `{"code":0}`), provider.Unanswered},
		{turboText, answer(400, `{"code":1201,"message":"too many ids"}`), provider.Unanswered}, // the question was wrong
		{turboText, answer(404, `{"code":1203,"message":"no"}`), provider.Unanswered},
		{turboText, answer(200, `{"code":0,"data":[{"id":"2","status":"failed"},{"id":"1","status":"failed"}]}`), provider.Unanswered},
	} {
		s := script(t, apiKey, tt.answer)
		_, err := s.Query(t.Context(), s.cred, provider.TaskRef{Route: tt.route, UpstreamID: "1"})
		if e := provider.AsError(err); e.Kind != tt.want {
			t.Errorf("%s answered %d %s: got %v, want %s", tt.route, tt.answer.Status, tt.answer.Body, err, tt.want)
		}
	}
}

func TestQueryBatch(t *testing.T) {
	refs := func(ids ...string) []provider.TaskRef {
		var out []provider.TaskRef
		for _, id := range ids {
			out = append(out, provider.TaskRef{Route: turboText, UpstreamID: id, Ref: "r" + id})
		}
		return out
	}
	s := script(t, apiKey, answer(200, file(t, "tasks-some.json")))
	got, err := s.QueryBatch(t.Context(), s.cred, refs("1", "2", "3"))
	if err != nil {
		t.Fatal(err)
	}
	if s.seen[0].uri != "/tasks?task_ids=1,2,3" {
		t.Errorf("asked %s", s.seen[0].uri)
	}
	words := map[string]provider.Status{}
	for id, r := range got {
		words[id] = r.Status
	}
	if diff := cmp.Diff(map[string]provider.Status{"1": provider.Processing, "3": provider.Failed}, words); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	t.Run("only what can share a call is asked", func(t *testing.T) {
		tooMany := make([]string, 21)
		for i := range tooMany {
			tooMany[i] = string(rune('a' + i))
		}
		before := len(s.seen)
		for _, list := range [][]provider.TaskRef{
			refs(tooMany...),
			append(refs("1"), provider.TaskRef{Route: turboText, Ref: "r"}),
			append(refs("1"), provider.TaskRef{Route: text2video, UpstreamID: "2"}),
			refs("1,2"),
			{{Route: turboText}},
		} {
			if _, err := s.QueryBatch(t.Context(), s.cred, list); provider.AsError(err).Kind != provider.Unanswered {
				t.Errorf("%v: got %v", list, err)
			}
		}
		if len(s.seen) != before {
			t.Errorf("%d calls were made", len(s.seen)-before)
		}
	})
	t.Run("neither legacy tasks without an id nor pairs can be batched", func(t *testing.T) {
		if k := s.BatchKey(s.cred, provider.TaskRef{Route: text2video, Ref: "1"}); k != "" {
			t.Errorf("legacy tasks without an id have the key %q", k)
		}
		if k := s.BatchKey(provider.Credential{Key: akSK}, refs("1")[0]); k != "" {
			t.Errorf("tasks of a pair have the key %q", k)
		}
	})
}

// Legacy tasks have no query for several; the list of their product has the
// latest.
func TestQueryBatchReadsListsOfLegacyTasks(t *testing.T) {
	page := func(from, to int) string {
		var items []string
		for i := from; i < to; i++ {
			items = append(items, fmt.Sprintf(`{"task_id":"%d","task_status":"processing","created_at":1,"updated_at":2}`, i))
		}
		return `{"code":0,"data":[` + strings.Join(items, ",") + `]}`
	}
	var refs []provider.TaskRef
	for i := range 20 {
		refs = append(refs, provider.TaskRef{Route: text2video, UpstreamID: strconv.Itoa(50 + i), Ref: "r"})
	}
	s := script(t, apiKey, answer(200, page(0, 60)), answer(200, page(60, 69)))
	got, err := s.QueryBatch(t.Context(), s.cred, refs)
	if err != nil || len(got) != 19 || got["50"].Status != provider.Processing || got["68"].Status != provider.Processing {
		t.Errorf("got %d tasks, %v; want all but one", len(got), err)
	}
	if len(s.seen) != 2 || s.seen[0].uri != text2video+"?pageNum=1&pageSize=60" || s.seen[1].uri != text2video+"?pageNum=2&pageSize=60" {
		t.Errorf("asked %+v", s.seen)
	}
	// What one page shows is kept when the next has no answer.
	s = script(t, apiKey, answer(200, page(0, 60)), answer(500, `{"code":5000}`))
	if got, err := s.QueryBatch(t.Context(), s.cred, refs); err != nil || len(got) != 10 {
		t.Errorf("with half an answer: got %d tasks, %v", len(got), err)
	}
	s = script(t, apiKey, answer(500, `{"code":5000}`))
	if _, err := s.QueryBatch(t.Context(), s.cred, refs); provider.AsError(err).Kind != provider.Unanswered {
		t.Errorf("without an answer: %v", err)
	}
	if least, most := s.BatchSize(s.BatchKey(s.cred, refs[0])); least < 2 || most > 500 {
		t.Errorf("a list serves %d to %d tasks", least, most)
	}
}

func TestProbeSaysWhatItTried(t *testing.T) {
	costs := answer(200, file(t, "account-costs.json"))
	for _, tt := range []struct {
		name    string
		answers []providertest.Answer
		said    []string
		kind    provider.Kind
		calls   int
	}{
		{"packs in force", []providertest.Answer{costs}, []string{"/account/costs", "Trial-Video-100Units-5Con-1Months has 95.2 of 100.0 units left until 2100-01-01"}, "", 1},
		{"no packs", []providertest.Answer{answer(200, `{"code":0,"data":{"code":0,"resource_pack_subscribe_infos":[]}}`)}, []string{"no resource packs"}, "", 1},
		{"packs that ended", []providertest.Answer{answer(200, `{"code":0,"data":{"code":0,"resource_pack_subscribe_infos":[{"status":"runOut"}]}}`)}, []string{"none of the 1 resource packs"}, "", 1},
		{"asked too often", []providertest.Answer{answer(429, `{"code":1302,"message":"too fast"}`), answer(200, `{"code":0,"data":[]}`)}, []string{"GET /v1/videos/text2video answered"}, "", 2},
		{"an account fault inside", []providertest.Answer{answer(200, `{"code":0,"data":{"code":1500,"msg":"?"}}`), answer(200, `{"code":0,"data":[]}`)}, []string{"GET /v1/videos/text2video answered"}, "", 2},
		{"a bad key", []providertest.Answer{answer(401, `{"code":1000,"message":"no"}`)}, []string{"GET /account/costs was tried"}, provider.BadKey, 1},
		{"arrears", []providertest.Answer{answer(429, `{"code":1101,"message":"no"}`)}, nil, provider.NoCredit, 1},
		{"nothing works", []providertest.Answer{answer(404, `<html>`), answer(404, `<html>`)}, []string{"/account/costs and", "text2video were tried"}, provider.Unanswered, 2},
		{"an outage", []providertest.Answer{answer(503, `<html>`)}, nil, provider.Unanswered, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := script(t, akSK, tt.answers...)
			said, err := s.Probe(t.Context(), s.cred)
			var e *provider.Error
			if errors.As(err, &e) != (tt.kind != "") || e != nil && e.Kind != tt.kind {
				t.Errorf("got %v, want kind %q", err, tt.kind)
			}
			for _, part := range tt.said {
				if !strings.Contains(said, part) {
					t.Errorf("got %q, want %q in it", said, part)
				}
			}
			if len(s.seen) != tt.calls || !strings.HasPrefix(s.seen[0].uri, "/account/costs?end_time=") {
				t.Errorf("calls: %v", s.seen)
			}
		})
	}
}

// FuzzAnswers feeds the decoders whatever an upstream may send: they must not
// panic, never end a task without a known word, and never prove an absence by
// chance.
func FuzzAnswers(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded answers")
	}
	for _, name := range files {
		f.Add(200, []byte(file(f, filepath.Base(name))))
	}
	f.Add(400, []byte(`{"code":1201,"message":"no"}`))
	f.Add(200, []byte(`{"code":0,"data":{"task_id":{},"task_status":[],"task_result":7,"final_balance_deduction":[],"task_info":1}}`))
	f.Add(200, []byte(`{"code":0,"data":[{"id":1e3,"outputs":{"a":1},"billing":"x","update_time":-1}]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		reply := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body))), ContentLength: -1}
		u := kling.New(&http.Client{Transport: transport(func() *http.Response { return reply })})
		cred := provider.Credential{BaseURL: "https://kling.example", Key: apiKey}
		again := func() { reply.Body = io.NopCloser(strings.NewReader(string(body))) }

		a, err := u.Submit(t.Context(), cred, submission(text2video, `{}`))
		if (err == nil) != (a.UpstreamID != "") || err == nil && status/100 != 2 {
			t.Fatalf("HTTP %d %s: got %+v, %v", status, body, a, err)
		}
		for _, route := range []string{text2video, turboText} {
			again()
			r, err := u.Query(t.Context(), cred, provider.TaskRef{Route: route, UpstreamID: taskID})
			switch e := new(provider.Error); {
			case err == nil && (r.UpstreamID != taskID || r.Status == provider.Succeeded && len(r.Assets) == 0 || r.Result != nil && !json.Valid(r.Result)):
				t.Fatalf("HTTP %d %s: got %+v", status, body, r)
			case errors.As(err, &e) && e.Kind == provider.NotFound && status != 200 && status != 201 && status != 400 && status != 404 && status/100 != 2:
				t.Fatalf("HTTP %d %s proves an absence", status, body)
			}
			again()
			_, _ = u.Probe(t.Context(), cred)
			again()
			_, _ = u.QueryBatch(t.Context(), cred, []provider.TaskRef{{Route: turboText, UpstreamID: taskID}})
		}
	})
}

// transport answers every request from memory.
type transport func() *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	a := *f()
	a.Request = r
	return &a, nil
}

func BenchmarkSubmit(b *testing.B) {
	reply := `{"code":0,"message":"SUCCEED","request_id":"r1","data":{"task_id":"893605946402811985","task_status":"submitted","task_info":{},"created_at":1722769557708,"updated_at":1722769557708}}`
	u := kling.New(&http.Client{Transport: transport(func() *http.Response {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(reply)), Body: io.NopCloser(strings.NewReader(reply))}
	})})
	cred := provider.Credential{BaseURL: "https://kling.example", Key: akSK}
	s := submission(text2video, `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"a cat"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Submit(b.Context(), cred, s); err != nil {
			b.Fatal(err)
		}
	}
}
