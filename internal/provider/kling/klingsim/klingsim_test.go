package klingsim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"go.uber.org/goleak"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
)

const (
	text2video  = "/v1/videos/text2video"
	image2video = "/v1/videos/image2video"
	multiImage  = "/v1/videos/multi-image2video"
	omni        = "/v1/videos/omni-video"
	turbo       = "/text-to-video/kling-3.0-turbo"
	turboImage  = "/image-to-video/kling-3.0-turbo"
	picture     = "aGVsbG8=" // bare Base64 of something
)

// world is a simulator with one account and a client that calls it.
type world struct {
	t      *testing.T
	sim    *klingsim.Sim
	url    string
	client *http.Client
	ak     string
	sk     string
	key    string
}

func newWorld(t *testing.T, change func(*klingsim.Options)) *world {
	t.Helper()
	w := openWorld(t, change)
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.url, w.client = server.URL, server.Client()
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w
}

// openWorld has no network: for synctest bubbles.
func openWorld(t *testing.T, change func(*klingsim.Options)) *world {
	t.Helper()
	o := klingsim.Options{Accounts: []klingsim.Account{{
		Name: "main", AccessKey: "ak", SecretKey: "sk", APIKeys: []secret.Text{"plain-key"},
	}}}
	if change != nil {
		change(&o)
	}
	sim := klingsim.New(o)
	t.Cleanup(sim.Close)
	return &world{t: t, sim: sim, url: "http://kling.test", client: sim.Client(), ak: "ak", sk: "sk", key: "plain-key"}
}

// reply is an answer that arrived whole.
type reply struct {
	status int
	header http.Header
	body   gjson.Result
	text   string
}

func (r reply) code() int64    { return r.body.Get("code").Int() }
func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// try makes a call and returns what a client sees of it.
func (w *world) try(ctx context.Context, method, path, token, body string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, gjson.ParseBytes(raw), string(raw)}, err
}

func (w *world) do(method, path, token, body string) reply {
	w.t.Helper()
	r, err := w.try(w.t.Context(), method, path, token, body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (w *world) bearer() string        { return "Bearer " + w.key }
func (w *world) get(path string) reply { w.t.Helper(); return w.do("GET", path, w.bearer(), "") }
func (w *world) post(path, body string) reply {
	w.t.Helper()
	return w.do("POST", path, w.bearer(), body)
}
func (w *world) wants(r reply, status, code int) {
	w.t.Helper()
	if r.status != status || r.code() != int64(code) {
		w.t.Fatalf("got %s, want %d with code %d", r, status, code)
	}
	if !r.body.Get("request_id").Exists() || r.body.Get("message").Str == "" {
		w.t.Fatalf("got %s, want a message and a request_id", r)
	}
	if code != 0 && r.body.Get("data").Exists() {
		w.t.Fatalf("got %s, want no data with an error", r)
	}
}

// create makes a task that must be accepted and returns its id.
func (w *world) create(path, body string) string {
	w.t.Helper()
	r := w.post(path, body)
	w.wants(r, 200, 0)
	id := r.body.Get("data.task_id").Str
	if id == "" {
		id = r.body.Get("data.id").Str
	}
	if id == "" {
		w.t.Fatalf("got %s, want an id", r)
	}
	return id
}

func (w *world) task(id string) klingsim.Task {
	w.t.Helper()
	for _, t := range w.sim.Tasks() {
		if t.ID == id {
			return t
		}
	}
	w.t.Fatalf("there is no task %q", id)
	return klingsim.Task{}
}

func (w *world) wait(as func(klingsim.Tasks) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if err := w.sim.Wait(ctx, as); err != nil {
		w.t.Fatalf("%v; tasks: %+v", err, w.sim.Tasks())
	}
}

func (w *world) jwt(change func(jwt.MapClaims)) string {
	w.t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{"iss": w.ak, "exp": now.Unix() + 1800, "nbf": now.Unix() - 5}
	if change != nil {
		change(claims)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(w.sk))
	if err != nil {
		w.t.Fatal(err)
	}
	return "Bearer " + text
}

func v16(more string) string {
	return `{"model_name":"kling-v1-6","prompt":"a cat"` + more + `}`
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t, nil)
	now := time.Now().Unix()
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "ak", "exp": now + 60}).SignedString([]byte("other"))
	if err != nil {
		t.Fatal(err)
	}
	strong, err := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims{"iss": "ak", "exp": now + 60}).SignedString([]byte("sk"))
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": "ak", "exp": now + 60}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	costs := "/account/costs?start_time=1&end_time=2"
	for name, c := range map[string]struct {
		token, path string
		status      int
		code        int
	}{
		"an API key on a legacy path":   {"Bearer plain-key", text2video, 200, 0},
		"an API key on a new path":      {"Bearer plain-key", "/tasks?task_ids=1", 200, 0},
		"a JWT on a legacy path":        {w.jwt(nil), text2video, 200, 0},
		"a JWT on the costs":            {w.jwt(nil), costs, 200, 0},
		"a JWT on a new path":           {w.jwt(nil), "/tasks?task_ids=1", 401, 1002},
		"no header":                     {"", text2video, 401, 1001},
		"another scheme":                {"Basic abc", text2video, 401, 1002},
		"no token":                      {"Bearer ", text2video, 401, 1002},
		"an unknown API key":            {"Bearer nobody", text2video, 401, 1000},
		"an unknown access key":         {w.jwt(func(c jwt.MapClaims) { c["iss"] = "nobody" }), text2video, 401, 1000},
		"a JWT signed with another key": {"Bearer " + foreign, text2video, 401, 1000},
		"a JWT signed with HS512":       {"Bearer " + strong, text2video, 401, 1002},
		"a JWT that is not signed":      {"Bearer " + unsigned, text2video, 401, 1002},
		"three words that are no JWT":   {"Bearer a.b.c", text2video, 401, 1002},
		"a JWT without exp":             {w.jwt(func(c jwt.MapClaims) { delete(c, "exp") }), text2video, 401, 1002},
		"a JWT from the future":         {w.jwt(func(c jwt.MapClaims) { c["nbf"] = now + 60 }), text2video, 401, 1003},
		"a JWT that has expired":        {w.jwt(func(c jwt.MapClaims) { c["exp"] = now - 1 }), text2video, 401, 1004},
		"no key on a create":            {"", turbo, 401, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			method := "GET"
			if c.path == turbo {
				method = "POST"
			}
			w := *w
			w.t = t
			w.wants(w.do(method, c.path, c.token, "{}"), c.status, c.code)
		})
	}
}

func TestAJWTExpiresThoughItWasGoodBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, nil)
		token := w.jwt(nil)
		w.wants(w.do("GET", text2video, token, ""), 200, 0)
		time.Sleep(30*time.Minute - time.Second)
		w.wants(w.do("GET", text2video, token, ""), 200, 0)
		time.Sleep(time.Second)
		w.wants(w.do("GET", text2video, token, ""), 401, 1004)
		w.sim.Close()
	})
}

func TestPathsAndMethodsThatDoNotExist(t *testing.T) {
	w := newWorld(t, nil)
	w.wants(w.get("/v1/videos/42"), 404, 1203)
	w.wants(w.do("DELETE", text2video, w.bearer(), ""), 404, 1202)
	w.wants(w.do("PUT", "/tasks", w.bearer(), "{}"), 404, 1202)
	w.wants(w.get("/_sim/tasks"), 404, 1203)
}

// millis matches a time in an answer.
const millis = "<ms>"

// shape is an answer's data with what differs from run to run replaced.
func shape(t *testing.T, v gjson.Result, id, host string) any {
	t.Helper()
	var out any
	if err := json.Unmarshal([]byte(v.Raw), &out); err != nil {
		t.Fatalf("%v: %s", err, v.Raw)
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				if n, ok := x.(float64); ok && n > 9e11 && n < 1e13 {
					v[k] = millis
				} else {
					v[k] = walk(x)
				}
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case string:
			v = strings.ReplaceAll(v, id, "ID")
			v = strings.ReplaceAll(v, host, "HOST")
			if before, _, ok := strings.Cut(v, "?sig="); ok {
				v = before + "?sig=SIG"
			}
			return v
		}
		return v
	}
	return walk(out)
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func (w *world) wantShape(got gjson.Result, id, want string) {
	w.t.Helper()
	if d := cmp.Diff(parse(w.t, want), shape(w.t, got, id, w.url)); d != "" {
		w.t.Errorf("wrong shape (-want +got):\n%s", d)
	}
}

func TestALegacyTaskFromCreateToResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, func(o *klingsim.Options) { o.ToProcessing, o.ToEnd = 2*time.Second, 30*time.Second })
		r := w.post(text2video, v16(`,"external_task_id":"mine","watermark_info":{"enabled":true},"aspect_ratio":"9:16"`))
		w.wants(r, 200, 0)
		id := r.body.Get("data.task_id").Str
		if n, err := strconv.ParseUint(id, 10, 64); err != nil || n <= 1<<53 || n > math.MaxInt64 {
			t.Errorf("got id %s, want a number above 2^53", id)
		}
		w.wantShape(r.body.Get("data"), id, `{"task_id":"ID","task_status":"submitted",
			"task_info":{"external_task_id":"mine"},"created_at":"<ms>","updated_at":"<ms>"}`)

		query := func() gjson.Result { return w.get(text2video + "/" + id).body.Get("data") }
		unfinished := `{"task_id":"ID","task_status":"%s","task_status_msg":"","task_info":{"external_task_id":"mine"},
			"watermark_info":{"enabled":true},"created_at":"<ms>","updated_at":"<ms>"}`
		w.wantShape(query(), id, fmt.Sprintf(unfinished, "submitted"))
		time.Sleep(2 * time.Second)
		w.wantShape(query(), id, fmt.Sprintf(unfinished, "processing"))
		time.Sleep(28*time.Second - time.Millisecond)
		w.wantShape(query(), id, fmt.Sprintf(unfinished, "processing"))
		time.Sleep(time.Millisecond)
		done := query()
		w.wantShape(done, id, `{"task_id":"ID","task_status":"succeed","task_status_msg":"","task_info":{"external_task_id":"mine"},
			"task_result":{"videos":[{"id":"ID","url":"HOST/files/ID.mp4?sig=SIG","watermark_url":"HOST/files/ID_watermark.mp4?sig=SIG","duration":"5.041"}]},
			"watermark_info":{"enabled":true},"final_unit_deduction":"2","created_at":"<ms>","updated_at":"<ms>"}`)
		if took := done.Get("updated_at").Int() - done.Get("created_at").Int(); took != 30_000 {
			t.Errorf("got an end after %d ms, want 30000", took)
		}
		byExternal := w.get(text2video + "/mine").body.Get("data")
		if d := cmp.Diff(done.Raw, byExternal.Raw); d != "" {
			t.Errorf("by external id (-id +external):\n%s", d)
		}
		w.sim.Close()
	})
}

func TestANewTaskFromCreateToResult(t *testing.T) {
	w := newWorld(t, nil)
	r := w.post(turbo, `{"prompt":"a cat","settings":{"duration":3},"options":{"external_task_id":"mine"}}`)
	w.wants(r, 200, 0)
	id := r.body.Get("data.id").Str
	w.wantShape(r.body.Get("data"), id, `{"id":"ID","status":"submitted","message":"","create_time":"<ms>","update_time":"<ms>",
		"external_id":"mine","outputs":[],"billing":[]}`)
	want := `[{"id":"ID","status":"succeeded","message":"","create_time":"<ms>","update_time":"<ms>","external_id":"mine",
		"outputs":[{"type":"video","id":"ID","url":"HOST/files/ID.mp4?sig=SIG","duration":"3.041"}],
		"billing":[{"charge_type":"unit","amount":"2.4","package_type":"video"}]}]`
	w.wantShape(w.get("/tasks?task_ids="+id).body.Get("data"), id, want)
	w.wantShape(w.get("/tasks?external_task_ids=mine").body.Get("data"), id, want)
}

func TestAPostPaidAccountIsBilledInCash(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) { o.Accounts[0].Currency = "USD" })
	id := w.create(text2video, v16(""))
	w.wantShape(w.get(text2video+"/"+id).body.Get("data.final_balance_deduction"), id, `{"quota":"0.28","list_price":"0.28"}`)
	id = w.create(turbo, `{"prompt":"a cat"}`)
	w.wantShape(w.get("/tasks?task_ids="+id).body.Get("data.0.billing"), id,
		`[{"charge_type":"cash","cash_type":"balance","amount":"0.56","currency":"USD","list_price":"0.56"}]`)
}

func TestTheWordsOfAPromptDecideItsFate(t *testing.T) {
	w := newWorld(t, nil)
	w.wants(w.post(text2video, `{"model_name":"kling-v1-6","prompt":"something forbidden"}`), 400, 1301)
	w.wants(w.post(turbo, `{"prompt":"something forbidden"}`), 400, 1301)
	for word, message := range map[string]string{
		"riskcontrol": "Failure to pass the risk control system",
		"simfail":     "Generation failed, please try again",
	} {
		id := w.create(text2video, `{"model_name":"kling-v1-6","prompt":"`+word+`"}`)
		got := w.get(text2video + "/" + id).body.Get("data")
		if got.Get("task_status").Str != "failed" || got.Get("task_status_msg").Str != message || got.Get("final_unit_deduction").Str != "0" {
			t.Errorf("%s: got %s", word, got.Raw)
		}
		id = w.create(turbo, `{"prompt":"`+word+`"}`)
		got = w.get("/tasks?task_ids=" + id).body.Get("data.0")
		if got.Get("status").Str != "failed" || got.Get("message").Str != message || got.Get("billing.#").Int() != 0 {
			t.Errorf("%s: got %s", word, got.Raw)
		}
	}
	id := w.create(text2video, `{"model_name":"kling-v1-6","prompt":"simstuck"}`)
	if got := w.task(id).Status; got != klingsim.Processing {
		t.Errorf("simstuck: got %s, want processing", got)
	}
}

func TestAnExternalIDIsTakenOnce(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) {
		o.Accounts = append(o.Accounts, klingsim.Account{Name: "other", APIKeys: []secret.Text{"other-key"}})
	})
	body := v16(`,"external_task_id":"mine"`)
	w.create(text2video, body)
	again := w.post(text2video, body)
	w.wants(again, 400, 1201)
	if !strings.Contains(again.body.Get("message").Str, "already exists") {
		t.Errorf("got %s, want \"already exists\"", again)
	}
	w.wants(w.post(turbo, `{"prompt":"a cat","options":{"external_task_id":"mine"}}`), 400, 1201)
	if got := w.sim.Creates("mine"); got != 3 {
		t.Errorf("got %d creates, want 3, the refused ones too", got)
	}
	w.create(text2video, v16(`,"external_task_id":""`))
	w.create(text2video, v16(`,"external_task_id":""`))
	w.key = "other-key"
	w.create(text2video, body)
}

func TestATaskIsKnownToItsAccountAndProductAlone(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) {
		o.Accounts = append(o.Accounts, klingsim.Account{Name: "other", APIKeys: []secret.Text{"other-key"}})
	})
	legacy := w.create(text2video, v16(`,"external_task_id":"one"`))
	recent := w.create(turbo, `{"prompt":"a cat","options":{"external_task_id":"two"}}`)
	for _, path := range []string{
		image2video + "/" + legacy, text2video + "/" + recent, text2video + "/two", text2video + "/unknown",
	} {
		w.wants(w.get(path), 400, 1201)
	}
	r := w.get("/tasks?task_ids=" + legacy + "," + recent + ",unknown")
	w.wants(r, 200, 0)
	if got := r.body.Get("data.#.id").Raw; got != `["`+recent+`"]` {
		t.Errorf("got tasks %s, want the new one alone", got)
	}
	if got := w.get("/tasks?task_ids=unknown").body.Get("data").Raw; got != "[]" {
		t.Errorf("got data %s, want an empty list", got)
	}
	w.key = "other-key"
	w.wants(w.get(text2video+"/"+legacy), 400, 1201)
	w.wants(w.get(text2video+"/one"), 400, 1201)
	if got := w.get("/tasks?task_ids=" + recent).body.Get("data").Raw; got != "[]" {
		t.Errorf("got data %s of another account", got)
	}
}

func TestUnifiedTasksShowLegacyOnes(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) { o.UnifiedTasks = true })
	id := w.create(text2video, v16(`,"external_task_id":"one"`))
	if got := w.get("/tasks?external_task_ids=one").body.Get("data.0.id").Str; got != id {
		t.Errorf("got %q, want %q", got, id)
	}
}

func TestTasksAreAskedForTwentyAtATime(t *testing.T) {
	w := newWorld(t, nil)
	ids := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, strconv.Itoa(i))
		}
		return strings.Join(list, ",")
	}
	w.wants(w.get("/tasks?task_ids="+ids(20)), 200, 0)
	w.wants(w.get("/tasks?external_task_ids="+ids(20)), 200, 0)
	w.wants(w.get("/tasks?task_ids="+ids(21)), 400, 1201)
	w.wants(w.get("/tasks"), 400, 1201)
	w.wants(w.get("/tasks?task_ids=,"), 400, 1201)
	w.wants(w.get("/tasks?task_ids=1&external_task_ids=1"), 400, 1201)
}

func TestASlotIsHeldUntilTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, func(o *klingsim.Options) {
			o.ToEnd = time.Minute
			o.Accounts[0].Concurrency = 2
		})
		w.create(text2video, v16(""))
		w.create(image2video, v16(`,"image":"`+picture+`"`))
		full := w.post(text2video, v16(""))
		w.wants(full, 429, 1303)
		if got := full.body.Get("message").Str; got != "parallel task over resource pack limit" {
			t.Errorf("got message %q", got)
		}
		// Another model has slots of its own; both generations of one share them.
		w.create(text2video, `{"model_name":"kling-v3","prompt":"simfail"}`)
		w.create("/text-to-video/kling-3.0", `{"prompt":"a cat"}`)
		w.wants(w.post("/text-to-video/kling-3.0", `{"prompt":"a cat"}`), 429, 1303)
		time.Sleep(time.Minute)
		w.create(text2video, v16(""))
		w.create("/text-to-video/kling-3.0", `{"prompt":"a cat"}`)
		w.create("/text-to-video/kling-3.0", `{"prompt":"a cat"}`)
		w.wants(w.post("/text-to-video/kling-3.0", `{"prompt":"a cat"}`), 429, 1303)
		w.sim.Close()
	})
}

func TestTheDefaultLimitIsTwenty(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) { o.ToEnd = time.Hour })
	for range 20 {
		w.create(text2video, v16(""))
	}
	w.wants(w.post(text2video, v16("")), 429, 1303)
}

func TestAccountStates(t *testing.T) {
	w := newWorld(t, nil)
	set := func(change func(*klingsim.Account)) {
		t.Helper()
		if err := w.sim.Update("main", change); err != nil {
			t.Fatal(err)
		}
	}
	id := w.create(text2video, v16(""))
	for _, code := range []int{1100, 1101, 1102} {
		set(func(a *klingsim.Account) { a.Suspended = code })
		w.wants(w.post(text2video, v16("")), 429, code)
		w.wants(w.post(turbo, `{"prompt":"a cat"}`), 429, code)
		w.wants(w.get(text2video+"/"+id), 200, 0)
	}
	set(func(a *klingsim.Account) { a.Suspended = 0; a.Models = []string{"kling-v1-6"} })
	w.create(text2video, v16(""))
	w.wants(w.post(text2video, `{"model_name":"kling-v3","prompt":"a cat"}`), 403, 1103)
	w.wants(w.post(turbo, `{"prompt":"a cat"}`), 403, 1103)

	set(func(a *klingsim.Account) { a.PackUnits = 5 }) // 4 are spent
	out := w.post(text2video, v16(""))
	w.wants(out, 429, 1102)
	if got := out.body.Get("message").Str; got != "Account balance not enough" {
		t.Errorf("got message %q", got)
	}
	set(func(a *klingsim.Account) { a.Currency = "CNY" })
	w.wants(w.post(text2video, v16("")), 429, 1101)

	if err := w.sim.Update("main", func(a *klingsim.Account) { a.Suspended = 1 }); err == nil {
		t.Error("an account was suspended with code 1")
	}
	if err := w.sim.Update("nobody", func(*klingsim.Account) {}); err == nil {
		t.Error("an unknown account was changed")
	}
	set(func(a *klingsim.Account) { a.APIKeys = []secret.Text{"new-key"} })
	w.wants(w.get(text2video), 401, 1000)
}

func TestLegacyLists(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for range 5 {
		ids = append([]string{w.create(text2video, v16(""))}, ids...)
	}
	w.create(image2video, v16(`,"image":"`+picture+`"`))
	list := func(query string) []string {
		t.Helper()
		r := w.get(text2video + query)
		w.wants(r, 200, 0)
		if !r.body.Get("data").IsArray() {
			t.Fatalf("got %s, want an array", r)
		}
		got := []string{}
		for _, v := range r.body.Get("data.#.task_id").Array() {
			got = append(got, v.Str)
		}
		return got
	}
	for query, want := range map[string][]string{
		"":                        ids,
		"?pageSize=2":             ids[:2],
		"?pageNum=2&pageSize=2":   ids[2:4],
		"?pageNum=3&pageSize=2":   ids[4:],
		"?pageNum=4&pageSize=2":   {},
		"?pageNum=1000":           {},
		"?pageNum=1&pageSize=500": ids,
	} {
		if d := cmp.Diff(want, list(query)); d != "" {
			t.Errorf("%s (-want +got):\n%s", query, d)
		}
	}
	for _, query := range []string{"?pageNum=0", "?pageNum=1001", "?pageSize=0", "?pageSize=501", "?pageNum=x"} {
		w.wants(w.get(text2video+query), 400, 1201)
	}
}

func TestNewLists(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for i := range 5 {
		prompt := "a cat"
		if i == 0 {
			prompt = "simfail"
		}
		ids = append([]string{w.create(turbo, `{"prompt":"`+prompt+`"}`)}, ids...)
	}
	var got []string
	cursor := ""
	for page := 0; ; page++ {
		r := w.post("/tasks", `{"limit":2,"cursor":"`+cursor+`"}`)
		w.wants(r, 200, 0)
		result := r.body.Get("data.result.#.id").Array()
		if int64(len(result)) != r.body.Get("data.count").Int() || page > 2 {
			t.Fatalf("got %s", r)
		}
		for _, v := range result {
			got = append(got, v.Str)
		}
		cursor = r.body.Get("data.next_cursor").Str
		if !r.body.Get("data.has_more").Bool() {
			break
		}
	}
	if d := cmp.Diff(ids, got); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
	now := time.Now().UnixMilli()
	for body, want := range map[string]int64{
		`{}`: 5,
		`{"filters":[{"key":"status","values":["failed"]}]}`:                                1,
		`{"filters":[{"key":"status","values":["failed","succeeded"]}]}`:                    5,
		`{"filters":[{"key":"product_type","values":["image"]}]}`:                           0,
		fmt.Sprintf(`{"start_time":%d}`, now+60_000):                                        0,
		fmt.Sprintf(`{"start_time":"%d","end_time":"%d"}`, now-60_000, now+60_000):          5,
		fmt.Sprintf(`{"start_time":%d,"end_time":%d,"limit":500}`, now-120_000, now-60_000): 0,
	} {
		r := w.post("/tasks", body)
		w.wants(r, 200, 0)
		if got := r.body.Get("data.count").Int(); got != want {
			t.Errorf("%s: got %d tasks, want %d", body, got, want)
		}
	}
	for _, body := range []string{
		`{"limit":501}`, `{"limit":0}`, `{"cursor":"nonsense"}`, `{"start_time":"yesterday"}`,
		`{"filters":[{"key":"colour","values":[]}]}`, `{"filters":[{"key":"status"}]}`,
	} {
		w.wants(w.post("/tasks", body), 400, 1201)
	}
}

func TestCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, func(o *klingsim.Options) { o.Accounts[0].PackUnits = 10 })
		w.create(text2video, v16(""))
		path := "/account/costs?start_time=1&end_time=2"
		r := w.get(path)
		w.wants(r, 200, 0)
		pack := r.body.Get("data.resource_pack_subscribe_infos.0")
		if r.body.Get("data.code").Raw != "0" || r.body.Get("data.msg").Str == "" ||
			pack.Get("total_quantity").Num != 10 || pack.Get("remaining_quantity").Num != 8 || pack.Get("status").Str != "online" {
			t.Errorf("got %s", r)
		}
		w.wants(w.get(path), 429, 1302)
		time.Sleep(time.Second)
		w.wants(w.get(path+"&resource_pack_name=other"), 200, 0)
		w.wants(w.get("/account/costs?start_time=1"), 400, 1201)
		w.wants(w.get("/account/costs?start_time=2&end_time=1"), 400, 1201)
		w.sim.Close()
	})
}

func TestBillingExports(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) {
		o.Accounts[0].PackUnits = 100
		o.Accounts = append(o.Accounts, klingsim.Account{Name: "cash", APIKeys: []secret.Text{"cash-key"}, Currency: "CNY", PackUnits: 50})
	})
	first := w.create(text2video, v16(`,"mode":"pro"`))
	w.create(text2video, `{"model_name":"kling-v1-6","prompt":"simfail"}`)
	second := w.create("/text-to-video/kling-2.6", `{"prompt":"a cat","settings":{"resolution":"1080p","audio":"native","duration":10}}`)
	times := fmt.Sprintf(`"start_time":%d,"end_time":%d`, time.Now().UnixMilli()-60_000, time.Now().UnixMilli()+60_000)

	page := w.post("/account/billing/package", `{`+times+`,"limit":1}`)
	w.wants(page, 200, 0)
	w.wantShape(page.body.Get("data.result"), second, `{"count":1,"detail":[{"task_id":"ID","api_key_name":"key-1",
		"product_function":"text-to-video","model_name":"kling-2.6","resolution":"1080p","duration":"10","refer_video_input":false,
		"video_sound":"native","voice_control":false,"deduction_time":"`+page.body.Get("data.result.detail.0.deduction_time").Str+`",
		"deduction_amount":"10","package_name":"Simulated-Video-main","package_id":"Simulated-Video-main",
		"unit_before_deduction":"96.5","unit_after_deduction":"86.5"}]}`)
	if !page.body.Get("data.has_more").Bool() {
		t.Fatalf("got %s, want more", page)
	}
	page = w.post("/account/billing/package", `{"cursor":"`+page.body.Get("data.next_cursor").Str+`","limit":500}`)
	if got := page.body.Get("data.result.detail.#.task_id").Raw; got != `["`+first+`"]` || page.body.Get("data.has_more").Bool() {
		t.Errorf("got %s, want the first task and no more", page)
	}
	if got := page.body.Get("data.result.detail.0.resolution").Str; got != "1080p" {
		t.Errorf("got resolution %q for mode pro", got)
	}
	for filter, want := range map[string]int64{
		`"key":"api_key_name","values":["key-1"]`:                2,
		`"key":"api_key_name","values":["key-2"]`:                0,
		`"key":"product_type","values":["image"]`:                0,
		`"key":"package_name","values":["Simulated-Video-main"]`: 2,
	} {
		r := w.post("/account/billing/package", `{`+times+`,"filters":[{`+filter+`}]}`)
		if got := r.body.Get("data.result.count").Int(); r.code() != 0 || got != want {
			t.Errorf("%s: got %s, want %d rows", filter, r, want)
		}
	}
	if got := w.post("/account/billing/balance", `{`+times+`}`).body.Get("data.result.count").Int(); got != 0 {
		t.Errorf("got %d cash rows of a pack account", got)
	}
	w.wants(w.post("/account/billing/package", `{}`), 400, 1201)
	w.wants(w.post("/account/billing/package", `{`+times+`,"limit":501}`), 400, 1201)
	w.wants(w.post("/account/billing/package", `{`+times+`,"filters":[{"key":"package_name","values":["a"]},{"key":"package_id","values":["a"]}]}`), 400, 1201)
	w.wants(w.do("POST", "/account/billing/balance", w.jwt(nil), `{`+times+`}`), 401, 1002)

	w.key = "cash-key"
	w.create(text2video, v16(""))
	row := w.post("/account/billing/balance", `{`+times+`}`).body.Get("data.result.detail.0")
	if row.Get("deduction_amount").Str != "2" || row.Get("currency").Str != "CNY" ||
		row.Get("balance_before_deduction").Str != "50" || row.Get("balance_after_deduction").Str != "48" {
		t.Errorf("got %s", row.Raw)
	}
}

func TestResultsAreVideos(t *testing.T) {
	w := newWorld(t, nil)
	sizes := map[string]bool{}
	for _, ratio := range []string{"16:9", "9:16", "1:1"} {
		id := w.create(text2video, v16(`,"aspect_ratio":"`+ratio+`"`))
		link := w.get(text2video + "/" + id).body.Get("data.task_result.videos.0.url").Str
		path := strings.TrimPrefix(link, w.url)
		whole := w.do("GET", path, "", "") // signed links ask for no key
		if whole.status != 200 || whole.header.Get("Content-Type") != "video/mp4" || !strings.HasPrefix(whole.text[4:], "ftyp") {
			t.Fatalf("%s: got %d %v %.12q, want an MP4", ratio, whole.status, whole.header, whole.text)
		}
		sizes[whole.text] = true

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Range", "bytes=4-7")
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 206 || string(part) != "ftyp" {
			t.Errorf("%s: got %d %q for a range, want 206 \"ftyp\"", ratio, resp.StatusCode, part)
		}
		if got := w.do("GET", "/files/"+id+".mp4?sig=wrong", "", "").status; got != 403 {
			t.Errorf("a wrong signature: got %d, want 403", got)
		}
		if got := w.do("HEAD", path, "", "").status; got != 200 {
			t.Errorf("HEAD: got %d", got)
		}
	}
	if len(sizes) != 3 {
		t.Errorf("got %d different clips for three aspect ratios", len(sizes))
	}
}

func TestPublicURLIsThePrefixOfLinks(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) { o.PublicURL = "https://files.example.com/kling/" })
	id := w.create(text2video, v16(""))
	if got := w.get(text2video + "/" + id).body.Get("data.task_result.videos.0.url").Str; !strings.HasPrefix(got, "https://files.example.com/kling/files/"+id+".mp4?sig=") {
		t.Errorf("got %s", got)
	}
}

func TestTasksAreForgottenAfterTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, nil)
		old := w.create(text2video, v16(`,"external_task_id":"mine"`))
		link := strings.TrimPrefix(w.get(text2video+"/"+old).body.Get("data.task_result.videos.0.url").Str, w.url)
		time.Sleep(31 * 24 * time.Hour)
		w.create(text2video, v16(""))
		w.wants(w.get(text2video+"/"+old), 400, 1201)
		if got := w.do("GET", link, "", "").status; got != 404 {
			t.Errorf("got %d for a purged result, want 404", got)
		}
		w.create(text2video, v16(`,"external_task_id":"mine"`))
		w.sim.Close()
	})
}

func TestOneSeedIsOneFate(t *testing.T) {
	run := func(seed uint64) (fates []klingsim.Status) {
		w := openWorld(t, func(o *klingsim.Options) { o.FailureShare, o.Seed = 0.5, seed })
		for range 40 {
			w.create(text2video, v16(""))
		}
		failed := 0
		for _, task := range w.sim.Tasks() {
			fates = append(fates, task.Status)
			if task.Status == klingsim.Failed {
				failed++
			}
		}
		if failed < 8 || failed > 32 {
			t.Errorf("got %d of 40 failed with a share of one half", failed)
		}
		return fates
	}
	first := run(7)
	if d := cmp.Diff(first, run(7)); d != "" {
		t.Errorf("the same seed (-first +second):\n%s", d)
	}
	if cmp.Equal(first, run(8)) {
		t.Error("another seed has the same fates")
	}
}

func TestJitterSpreadsTheEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, func(o *klingsim.Options) {
			o.ToProcessing, o.ToEnd, o.Jitter, o.Accounts[0].Concurrency = 2*time.Second, 10*time.Second, 0.5, -1
		})
		for range 50 {
			w.create(text2video, v16(""))
		}
		count := func(status klingsim.Status) (n int) {
			for _, task := range w.sim.Tasks() {
				if task.Status == status {
					n++
				}
			}
			return n
		}
		time.Sleep(5*time.Second - time.Nanosecond)
		if got := count(klingsim.Succeeded); got != 0 {
			t.Errorf("got %d ends before half the time", got)
		}
		time.Sleep(5 * time.Second)
		if got := count(klingsim.Succeeded); got < 10 || got > 40 {
			t.Errorf("got %d of 50 ends at the middle", got)
		}
		time.Sleep(5 * time.Second)
		if got := count(klingsim.Succeeded); got != 50 {
			t.Errorf("got %d ends after all the time, want 50", got)
		}
		w.sim.Close()
	})
}

func TestAClockThatATestMoves(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(o *klingsim.Options) {
		o.ToEnd = time.Minute
		o.Now = func() time.Time { return now }
	})
	id := w.create(text2video, v16(""))
	if got := w.task(id).Status; got != klingsim.Processing {
		t.Errorf("got %s, want processing", got)
	}
	w.sim.Close() // so that nothing else reads the clock
	now = now.Add(time.Minute)
	w.sim.Tick()
	got := w.task(id)
	if got.Status != klingsim.Succeeded || !got.UpdatedAt.Equal(now) || got.Units != "2" {
		t.Errorf("got %+v, want a success at %v", got, now)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then a caller that goes away is noticed
		<-r.Context().Done()
	}))
	defer silent.Close()
	account := klingsim.DemoAccount()
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{account}, ToEnd: time.Hour})
	w := &world{t: t, sim: sim, url: "http://kling.test", client: sim.Client(), key: account.APIKeys[0].Reveal()}
	w.create(text2video, v16(`,"callback_url":"`+silent.URL+`"`))
	sim.Close()
	sim.Close()
	w.client.CloseIdleConnections()
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	good := klingsim.Account{Name: "a", APIKeys: []secret.Text{"k"}}
	if err := (klingsim.Options{Accounts: []klingsim.Account{good, klingsim.DemoAccount()}}).Validate(); err != nil {
		t.Fatal(err)
	}
	account := func(change func(*klingsim.Account)) klingsim.Options {
		a := good
		change(&a)
		return klingsim.Options{Accounts: []klingsim.Account{a}}
	}
	for name, o := range map[string]klingsim.Options{
		"no name":         account(func(a *klingsim.Account) { a.Name = "" }),
		"no key":          account(func(a *klingsim.Account) { a.APIKeys = nil }),
		"half a pair":     account(func(a *klingsim.Account) { a.AccessKey = "ak" }),
		"a JWT as key":    account(func(a *klingsim.Account) { a.APIKeys = []secret.Text{"a.b.c"} }),
		"a suspension":    account(func(a *klingsim.Account) { a.Suspended = 1303 }),
		"a currency":      account(func(a *klingsim.Account) { a.Currency = "EUR" }),
		"units":           account(func(a *klingsim.Account) { a.PackUnits = -1 }),
		"webhook secret":  account(func(a *klingsim.Account) { a.WebhookSecret = "whsec_%" }),
		"one name twice":  {Accounts: []klingsim.Account{good, good}},
		"one key twice":   {Accounts: []klingsim.Account{good, {Name: "b", APIKeys: []secret.Text{"k"}}}},
		"a share above 1": {FailureShare: 1.1},
		"no number":       {Jitter: math.NaN()},
		"a delay":         {ToEnd: -1},
		"a public URL":    {PublicURL: "files.example.com"},
		"an odd fault":    {FaultShare: map[klingsim.FaultKind]float64{"fire": 0.1}},
		"a view fault":    {FaultShare: map[klingsim.FaultKind]float64{klingsim.HideTask: 0.1}},
		"a create fault":  {QueryFaultShare: map[klingsim.FaultKind]float64{klingsim.OmitID: 0.1}},
		"too many faults": {FaultShare: map[klingsim.FaultKind]float64{klingsim.OmitID: 0.6, klingsim.Garble: 0.6}},
	} {
		if err := o.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	w := newWorld(t, nil)
	id := w.create(text2video, v16(""))
	w.post(text2video, `{}`)
	w.get(text2video + "/" + id)
	w.get("/v2/videos")
	want := map[klingsim.Request]int{
		{Route: "POST /v1/videos/text2video", Status: 200}:             1,
		{Route: "POST /v1/videos/text2video", Status: 400, Code: 1201}: 1,
		{Route: "GET /v1/videos/text2video/{id}", Status: 200}:         1,
		{Route: "other", Status: 404, Code: 1203}:                      1,
	}
	if d := cmp.Diff(want, w.sim.Requests()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	task := w.task(id)
	if task.Queries != 1 || string(task.Body) != v16("") || task.Product != text2video || task.Model != "kling-v1-6" || task.Mode != "std" || task.Account != "main" {
		t.Errorf("got %+v", task)
	}
}

func TestAdministration(t *testing.T) {
	w := newWorld(t, func(o *klingsim.Options) { o.Admin = true })
	id := w.create(text2video, v16(""))
	if got := w.get("/_sim/tasks").body.Get("0.id").Str; got != id {
		t.Errorf("got task %q, want %q", got, id)
	}
	r := w.post("/_sim/faults", `{"kind":"slow","on":"query","delay_seconds":0.001,"count":-1,"match":{"path":"/tasks"}}`)
	if r.status != 200 || r.body.Get("0.kind").Str != "slow" || r.body.Get("0.delay_seconds").Num != 0.001 {
		t.Errorf("got %s", r)
	}
	w.get("/tasks?task_ids=" + id)
	if got := w.get("/_sim/faults").body.Get("0.hits").Int(); got != 1 {
		t.Errorf("got %d hits, want 1", got)
	}
	for _, body := range []string{`{"kind":"fire"}`, `{"kind":"slow","color":"red"}`, `{`} {
		if got := w.post("/_sim/faults", body); got.status != 400 || got.body.Get("error").Str == "" {
			t.Errorf("%s: got %s", body, got)
		}
	}
	if got := w.do("DELETE", "/_sim/faults", "", "").text; got != "[]\n" {
		t.Errorf("got %q, want no faults", got)
	}
	if got := w.post("/_sim/callbacks", `{"task_id":"`+id+`"}`); got.status != 400 {
		t.Errorf("got %s for a task without callback_url", got)
	}
	if got := w.get("/_sim/requests").body.Get("#.count").Array(); len(got) < 2 {
		t.Errorf("got %v", got)
	}
}

func TestLiveTasksCostNoGoroutines(t *testing.T) {
	w := openWorld(t, func(o *klingsim.Options) {
		o.ToEnd = time.Hour
		o.Accounts[0].Concurrency = -1
	})
	const n = 5_000
	header := http.Header{"Authorization": {"Bearer plain-key"}}
	for range n {
		r := httptest.NewRequest(http.MethodPost, text2video, strings.NewReader(v16(`,"callback_url":"http://127.0.0.1:1/"`)))
		r.Header = header
		rec := httptest.NewRecorder()
		w.sim.ServeHTTP(rec, r)
		if rec.Code != 200 {
			t.Fatalf("got %d %s", rec.Code, rec.Body)
		}
	}
	if got := runtime.NumGoroutine(); got > 500 {
		t.Errorf("got %d goroutines for %d live tasks", got, n)
	}
}
