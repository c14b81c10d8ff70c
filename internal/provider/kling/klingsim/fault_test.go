package klingsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
)

func (w *world) inject(f klingsim.Fault) (remove func() int) {
	w.t.Helper()
	remove, err := w.sim.Inject(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return remove
}

// TestFaultsOfCreates shows every kind as a client sees it.
func TestFaultsOfCreates(t *testing.T) {
	transport := func(want ...error) func(*testing.T, reply, error) {
		return func(t *testing.T, r reply, err error) {
			if err == nil {
				t.Fatalf("got %s, want a broken connection", r)
			}
			for _, w := range want {
				if errors.Is(err, w) {
					return
				}
			}
			t.Errorf("got %v, want one of %v", err, want)
		}
	}
	envelope := func(status, code int) func(*testing.T, reply, error) {
		return func(t *testing.T, r reply, err error) {
			if err != nil || r.status != status || r.code() != int64(code) || !gjson.Valid(r.text) {
				t.Errorf("got %s, %v, want %d with code %d", r, err, status, code)
			}
		}
	}
	for name, c := range map[string]struct {
		fault   klingsim.Fault
		created int
		sees    func(*testing.T, reply, error)
	}{
		"an error before":            {klingsim.Fault{Kind: klingsim.FailBefore}, 0, envelope(503, 5001)},
		"a refusal before":           {klingsim.Fault{Kind: klingsim.FailBefore, Status: 429, Code: 1304}, 0, envelope(429, 1304)},
		"an error after":             {klingsim.Fault{Kind: klingsim.FailAfter}, 1, envelope(504, 5002)},
		"an internal error after":    {klingsim.Fault{Kind: klingsim.FailAfter, Status: 500}, 1, envelope(500, 5000)},
		"an error after, with a 200": {klingsim.Fault{Kind: klingsim.FailAfter, Status: 200, Code: 5000}, 1, envelope(200, 5000)},
		"a page of a proxy after": {klingsim.Fault{Kind: klingsim.FailAfter, Status: 502, Body: "<html>Bad Gateway</html>"}, 1,
			func(t *testing.T, r reply, err error) {
				if err != nil || r.status != 502 || r.text != "<html>Bad Gateway</html>" || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
					t.Errorf("got %s, %v, %v", r, r.header, err)
				}
			}},
		"a lost answer":  {klingsim.Fault{Kind: klingsim.LoseAnswer}, 1, transport(io.EOF)},
		"half an answer": {klingsim.Fault{Kind: klingsim.CutAnswer}, 1, transport(io.ErrUnexpectedEOF)},
		"a reset before": {klingsim.Fault{Kind: klingsim.ResetBefore}, 0, transport(syscall.ECONNRESET, io.EOF)},
		"a 200 that is no JSON": {klingsim.Fault{Kind: klingsim.Garble}, 1, func(t *testing.T, r reply, err error) {
			if err != nil || r.status != 200 || gjson.Valid(r.text) {
				t.Errorf("got %s, %v", r, err)
			}
		}},
		"a 200 without an id": {klingsim.Fault{Kind: klingsim.OmitID}, 1, func(t *testing.T, r reply, err error) {
			envelope(200, 0)(t, r, err)
			if got := r.body.Get("data").Raw; got != "{}" {
				t.Errorf("got data %s", got)
			}
		}},
		"a redirect": {klingsim.Fault{Kind: klingsim.Redirect}, 0, func(t *testing.T, r reply, err error) {
			if err != nil || r.status != 307 || r.header.Get("Location") != "/elsewhere"+text2video {
				t.Errorf("got %s, %v, %v", r, r.header, err)
			}
		}},
		"a redirect elsewhere": {klingsim.Fault{Kind: klingsim.Redirect, Status: 302, Location: "http://example.com/"}, 0, func(t *testing.T, r reply, err error) {
			if err != nil || r.status != 302 || r.header.Get("Location") != "http://example.com/" {
				t.Errorf("got %s, %v, %v", r, r.header, err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			remove := w.inject(c.fault)
			r, err := w.try(t.Context(), "POST", text2video, w.bearer(), v16(`,"external_task_id":"mine"`))
			c.sees(t, r, err)
			if got := len(w.sim.Tasks()); got != c.created {
				t.Errorf("got %d tasks, want %d", got, c.created)
			}
			if got := remove(); got != 1 {
				t.Errorf("got %d hits, want 1", got)
			}
			// It strikes once, and a client that looks finds the truth.
			again := w.post(text2video, v16(`,"external_task_id":"mine"`))
			if c.created == 1 {
				w.wants(again, 400, 1201)
			} else {
				w.wants(again, 200, 0)
			}
			w.wants(w.get(text2video+"/mine"), 200, 0)
			if got := w.sim.Creates("mine"); got != 2 {
				t.Errorf("got %d creates, want 2", got)
			}
			counted := 0
			for request, n := range w.sim.Requests() {
				if request.Fault == c.fault.Kind {
					counted += n
				}
			}
			if counted != 1 {
				t.Errorf("got %v, want the fault counted once", w.sim.Requests())
			}
		})
	}
}

func TestAFaultAfterARefusalLeavesTheRefusal(t *testing.T) {
	w := newWorld(t, nil)
	for _, kind := range []klingsim.FaultKind{klingsim.FailAfter, klingsim.Garble, klingsim.OmitID} {
		w.inject(klingsim.Fault{Kind: kind})
		w.wants(w.post(text2video, `{}`), 400, 1201)
	}
}

func TestHangsEndWithTheCaller(t *testing.T) {
	for kind, created := range map[klingsim.FaultKind]int{klingsim.HangBefore: 0, klingsim.HangAfter: 1} {
		synctest.Test(t, func(t *testing.T) {
			w := openWorld(t, nil)
			w.inject(klingsim.Fault{Kind: kind})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			start := time.Now()
			r, err := w.try(ctx, "POST", text2video, w.bearer(), v16(""))
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
				t.Errorf("%s: got %s, %v after %v", kind, r, err, time.Since(start))
			}
			if got := len(w.sim.Tasks()); got != created {
				t.Errorf("%s: got %d tasks, want %d", kind, got, created)
			}
			w.sim.Close()
		})
	}
}

func TestASlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, nil)
		w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 7 * time.Second})
		start := time.Now()
		w.create(text2video, v16(""))
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("got an answer after %v", took)
		}
		w.sim.Close()
	})
}

func TestFatesByFault(t *testing.T) {
	w := newWorld(t, nil)
	w.inject(klingsim.Fault{Kind: klingsim.NeverEnd, Match: klingsim.Match{Prompt: "cat"}})
	w.inject(klingsim.Fault{Kind: klingsim.FailTask, Message: "no such luck", Match: klingsim.Match{ExternalID: "mine"}})
	stuck := w.create(text2video, v16(""))
	failed := w.create(turbo, `{"prompt":"a dog","options":{"external_task_id":"mine"}}`)
	if got := w.task(stuck).Status; got != klingsim.Processing {
		t.Errorf("got %s, want processing", got)
	}
	if got := w.task(failed); got.Status != klingsim.Failed || got.Message != "no such luck" {
		t.Errorf("got %+v", got)
	}
}

// TestFaultsOfQueries shows what a query tells of a task that is done.
func TestFaultsOfQueries(t *testing.T) {
	w := newWorld(t, nil)
	legacy := text2video + "/" + w.create(text2video, v16(""))
	recent := "/tasks?task_ids=" + w.create(turbo, `{"prompt":"a cat"}`)
	twice := func(kind klingsim.FaultKind) {
		w.inject(klingsim.Fault{Kind: kind, Count: 2})
	}
	truth := [2]string{w.get(legacy).body.Get("data").Raw, w.get(recent).body.Get("data").Raw}
	again := func() {
		t.Helper()
		got := [2]string{w.get(legacy).body.Get("data").Raw, w.get(recent).body.Get("data").Raw}
		if d := cmp.Diff(truth, got); d != "" {
			t.Errorf("afterwards (-want +got):\n%s", d)
		}
	}

	twice(klingsim.HideTask)
	w.wants(w.get(legacy), 400, 1201)
	if got := w.get(recent).body.Get("data").Raw; got != "[]" {
		t.Errorf("hidden: got %s", got)
	}
	again()

	twice(klingsim.ShowProcessing)
	for _, got := range []gjson.Result{w.get(legacy).body.Get("data"), w.get(recent).body.Get("data.0")} {
		if got.Get("task_status").Str+got.Get("status").Str != "processing" || got.Get("task_result").Exists() || got.Get("outputs.#").Int() != 0 {
			t.Errorf("stuck: got %s", got.Raw)
		}
	}
	again()

	twice(klingsim.OmitURL)
	for _, got := range []gjson.Result{w.get(legacy).body.Get("data.task_result.videos.0"), w.get(recent).body.Get("data.0.outputs.0")} {
		if got.Get("url").String() != "" || got.Get("id").Str == "" {
			t.Errorf("without a link: got %s", got.Raw)
		}
	}
	again()

	twice(klingsim.OmitDuration)
	for _, got := range []gjson.Result{w.get(legacy).body.Get("data.task_result.videos.0"), w.get(recent).body.Get("data.0.outputs.0")} {
		if got.Get("duration").Exists() || got.Get("url").Str == "" {
			t.Errorf("without a length: got %s", got.Raw)
		}
	}
	again()

	twice(klingsim.StrangeStatus)
	if got := w.get(legacy).body.Get("data.task_status").Str + w.get(recent).body.Get("data.0.status").Str; got != "archivedarchived" {
		t.Errorf("strange: got %s", got)
	}
	again()

	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 500, Count: 2})
	w.wants(w.get(legacy), 500, 5000)
	w.wants(w.get(recent), 500, 5000)
	again()

	w.inject(klingsim.Fault{Kind: klingsim.LoseAnswer, On: klingsim.OpQuery})
	// The client asks once more by itself where it reused a connection: a GET may
	// be repeated.
	if r, err := w.try(t.Context(), "GET", legacy, w.bearer(), ""); err == nil && r.code() != 0 {
		t.Errorf("lost: got %s", r)
	}
	again()
}

func TestFaultsOfFiles(t *testing.T) {
	w := newWorld(t, nil)
	id := w.create(text2video, v16(""))
	path := strings.TrimPrefix(w.get(text2video+"/"+id).body.Get("data.task_result.videos.0.url").Str, w.url)
	w.inject(klingsim.Fault{Kind: klingsim.CutAnswer, On: klingsim.OpFile, Match: klingsim.Match{TaskID: id}})
	if r, err := w.try(t.Context(), "GET", path, "", ""); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %d bytes, %v, want half a file", len(r.text), err)
	}
	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpFile, Status: 503})
	if got := w.do("GET", path, "", "").status; got != 503 {
		t.Errorf("got %d", got)
	}
	if got := w.do("GET", path, "", "").status; got != 200 {
		t.Errorf("got %d afterwards", got)
	}
}

func TestFaultsMeetThoseTheyMatch(t *testing.T) {
	for name, c := range map[string]struct {
		match klingsim.Match
		hit   bool
	}{
		"everyone":          {klingsim.Match{}, true},
		"the account":       {klingsim.Match{Account: "main"}, true},
		"another account":   {klingsim.Match{Account: "other"}, false},
		"the path":          {klingsim.Match{Path: "/v1/videos/"}, true},
		"another path":      {klingsim.Match{Path: omni}, false},
		"the prompt":        {klingsim.Match{Prompt: "cat"}, true},
		"another prompt":    {klingsim.Match{Prompt: "dog"}, false},
		"the external id":   {klingsim.Match{ExternalID: "mine"}, true},
		"part of an id":     {klingsim.Match{ExternalID: "min"}, false},
		"all of it":         {klingsim.Match{Account: "main", Path: text2video, Prompt: "a cat", ExternalID: "mine"}, true},
		"all of it but one": {klingsim.Match{Account: "main", Path: text2video, Prompt: "a dog", ExternalID: "mine"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *klingsim.Options) {
				o.Accounts = append(o.Accounts, klingsim.Account{Name: "other", APIKeys: []secret.Text{"other-key"}})
			})
			status := map[bool]int{true: 503, false: 200}[c.hit]
			w.inject(klingsim.Fault{Kind: klingsim.FailBefore, Match: c.match})
			if got := w.post(text2video, v16(`,"external_task_id":"mine"`)).status; got != status {
				t.Errorf("create: got %d, want %d", got, status)
			}
			w.sim.ClearFaults()
			w.post(text2video, v16(`,"external_task_id":"mine"`))
			w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Match: c.match})
			if got := w.get(text2video + "/mine").status; got != status {
				t.Errorf("query: got %d, want %d", got, status)
			}
			w.sim.ClearFaults()
			w.inject(klingsim.Fault{Kind: klingsim.HideTask, Match: c.match})
			if got := w.get(text2video + "/mine").status; got != map[bool]int{true: 400, false: 200}[c.hit] {
				t.Errorf("view: got %d", got)
			}
		})
	}
}

func TestAFaultForATaskThatIsAskedForBeforeItExists(t *testing.T) {
	w := newWorld(t, nil)
	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Match: klingsim.Match{ExternalID: "mine"}})
	w.wants(w.get(text2video+"/other"), 400, 1201)
	w.wants(w.get(text2video+"/mine"), 503, 5001)
	w.wants(w.get(text2video+"/mine"), 400, 1201)
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	w := newWorld(t, nil)
	for _, f := range []klingsim.Fault{
		{}, {Kind: "fire"}, {Kind: klingsim.OmitID, On: klingsim.OpQuery}, {Kind: klingsim.HideTask, On: klingsim.OpCreate},
		{Kind: klingsim.FailBefore, On: "sing"}, {Kind: klingsim.FailBefore, Status: 99},
	} {
		if _, err := w.sim.Inject(f); err == nil {
			t.Errorf("%+v: accepted", f)
		}
	}
}

func TestRandomFaultsFollowTheSeed(t *testing.T) {
	run := func(seed uint64) (seen []string) {
		w := openWorld(t, func(o *klingsim.Options) {
			o.Seed = seed
			o.FaultShare = map[klingsim.FaultKind]float64{
				klingsim.FailBefore: 0.2, klingsim.FailAfter: 0.2, klingsim.LoseAnswer: 0.2,
			}
			o.QueryFaultShare = map[klingsim.FaultKind]float64{klingsim.HideTask: 0.5}
		})
		for i := range 60 {
			r, err := w.try(t.Context(), "POST", text2video, w.bearer(), v16(fmt.Sprintf(`,"external_task_id":"%d"`, i)))
			if err != nil {
				seen = append(seen, "lost")
			} else {
				seen = append(seen, fmt.Sprint(r.status, r.code()))
			}
		}
		hidden := 0
		for range 20 {
			if w.get(text2video+"/0").status != 200 {
				hidden++
			}
		}
		if hidden < 3 {
			t.Errorf("got %d of 20 queries without the task", hidden)
		}
		// A campaign comes to rest.
		w.sim.SetFaultShare(nil, nil)
		for i := range 60 {
			r := w.post(text2video, v16(fmt.Sprintf(`,"external_task_id":"%d"`, i)))
			if r.status != 200 && r.code() != 1201 {
				t.Errorf("at rest: got %s", r)
			}
			w.wants(w.get(fmt.Sprint(text2video, "/", i)), 200, 0)
		}
		return seen
	}
	first := run(3)
	if d := cmp.Diff(first, run(3)); d != "" {
		t.Errorf("the same seed (-first +second):\n%s", d)
	}
	count := map[string]int{}
	for _, s := range first {
		count[s]++
	}
	if count["200 0"] < 10 || count["lost"] < 3 || len(count) < 4 {
		t.Errorf("got %v", count)
	}
}
