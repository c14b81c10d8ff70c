package kling_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
	"one-api/internal/video"
)

// simulated is a simulated Kling, which knows the dialect from the documents
// and not from this package, and our client for it.
func simulated(t *testing.T, change func(*klingsim.Options)) (*kling.Upstream, provider.Credential, provider.Credential) {
	o := klingsim.Options{Accounts: []klingsim.Account{{
		Name: "main", AccessKey: "AccessKey-0123456789", SecretKey: "SecretKey-9876543210", APIKeys: []secret.Text{apiKey}, Concurrency: -1,
	}}}
	if change != nil {
		change(&o)
	}
	sim := klingsim.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(sim.Close)
	t.Cleanup(server.Close)
	client := outbound.New(outbound.Options{})
	t.Cleanup(client.CloseIdleConnections)
	return kling.New(client), provider.Credential{BaseURL: server.URL, Key: apiKey}, provider.Credential{BaseURL: server.URL, Key: akSK}
}

// TestTheSimulatedKlingTakesWhatParseTakes sends the smallest order of every
// capability that Kling documents, and follows it to its end.
func TestTheSimulatedKlingTakesWhatParseTakes(t *testing.T) {
	u, byKey, byPair := simulated(t, nil)
	documented := []string{"16:9", "9:16", "1:1"}
	n := 0
	for _, m := range kling.Driver.Models {
		for _, c := range m.Capabilities {
			guide := strings.HasPrefix(m.Name, "kling-v1-")
			if guide && c.Type == video.OmniVideo || c.UpstreamModel == "kling-v1-5" && c.Type == video.MultiImage2Video {
				continue // the deployment guide's, not Kling's
			}
			cred := byKey
			if u.CanServe(byPair.Key, c.Route) {
				cred = byPair
			}
			for _, aspect := range append([]string{""}, c.AspectRatios...) {
				if aspect != "" && !slices.Contains(documented, aspect) {
					continue
				}
				n++
				o, err := kling.Parse(c.Route, []byte(smallest(m.Name, c, c.DefaultDuration, aspect)))
				if err != nil {
					t.Fatal(err)
				}
				own := "kling_" + strconv.Itoa(n)
				a, err := u.Submit(t.Context(), cred, provider.Submission{Request: o.Request, Ref: own})
				if err != nil {
					t.Errorf("%s %s: %v", c.Route, o.Request.Body, err)
					continue
				}
				for _, task := range []provider.TaskRef{{Route: c.Route, UpstreamID: a.UpstreamID}, {Route: c.Route, Ref: own}} {
					r, err := u.Query(t.Context(), cred, task)
					if err != nil || r.UpstreamID != a.UpstreamID || r.Ref != own || r.Status != provider.Succeeded || r.Note != "" || len(r.Costs) != 1 || r.Costs[0].Unit != "video_unit" {
						t.Errorf("%s %s: got %+v, %v", c.Route, m.Name, r, err)
					}
				}
			}
		}
	}
}

func TestTheSimulatedKlingRefusesASecondTaskWithOneExternalID(t *testing.T) {
	u, cred, _ := simulated(t, nil)
	for _, route := range []string{text2video, turboText} {
		s := submission(route, `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x"}`)
		if route == turboText {
			s = submission(route, `{"prompt":"x"}`)
		}
		s.Ref, s.CallbackURL = "once"+strconv.Itoa(len(route)), ""
		if _, err := u.Submit(t.Context(), cred, s); err != nil {
			t.Fatal(err)
		}
		_, err := u.Submit(t.Context(), cred, s)
		if e := provider.AsError(err); e.Kind != provider.Duplicate || e.Code != 1201 || e.HTTPStatus != 400 {
			t.Errorf("%s: got %v, want duplicate", route, err)
		}
	}
}

func TestTheSimulatedKlingIsAskedForManyTasksAtOnce(t *testing.T) {
	start := time.Now()
	u, cred, pair := simulated(t, func(o *klingsim.Options) { o.Now = func() time.Time { return start } })
	var refs []provider.TaskRef
	for i := range 19 {
		s := submission(turboText, `{"prompt":"x"}`)
		s.Ref, s.CallbackURL = "task-"+strconv.Itoa(i), ""
		a, err := u.Submit(t.Context(), cred, s)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, provider.TaskRef{Route: turboText, UpstreamID: a.UpstreamID, Ref: s.Ref})
	}
	refs = append(refs, provider.TaskRef{Route: turboText, UpstreamID: "1", Ref: "nobody"})
	for _, byID := range []bool{true, false} {
		asked := slices.Clone(refs)
		for i := range asked {
			if !byID {
				asked[i].UpstreamID = ""
			}
		}
		got, err := u.QueryBatch(t.Context(), cred, asked)
		if err != nil || len(got) != len(refs)-1 {
			t.Fatalf("by id %t: got %d tasks, %v", byID, len(got), err)
		}
		for id, r := range got {
			if id != r.UpstreamID && id != r.Ref || r.Status != provider.Succeeded {
				t.Errorf("%s: got %+v", id, r)
			}
		}
	}
	var legacy []provider.TaskRef
	for range 12 {
		s := submission(text2video, `{"model_name":"kling-v2-6","prompt":"x"}`)
		s.Ref, s.CallbackURL = "", ""
		a, err := u.Submit(t.Context(), cred, s)
		if err != nil {
			t.Fatal(err)
		}
		legacy = append(legacy, provider.TaskRef{Route: text2video, UpstreamID: a.UpstreamID})
	}
	if got, err := u.QueryBatch(t.Context(), cred, append(legacy, provider.TaskRef{Route: text2video, UpstreamID: "1"})); err != nil || len(got) != len(legacy) {
		t.Errorf("legacy tasks: got %d of %d, %v", len(got), len(legacy), err)
	} else if r := got[legacy[3].UpstreamID]; r.Status != provider.Succeeded || len(r.Assets) == 0 {
		t.Errorf("a listed task reads %+v", r)
	}
	// Costs may be asked for once a second: the second probe asks for a list.
	if said, err := u.Probe(t.Context(), cred); err != nil || !strings.Contains(said, "/account/costs answered") {
		t.Errorf("probe: got %q, %v", said, err)
	}
	if said, err := u.Probe(t.Context(), pair); err != nil || !strings.Contains(said, "/v1/videos/text2video answered") {
		t.Errorf("second probe: got %q, %v", said, err)
	}
	for _, route := range []string{text2video, turboText} {
		_, err := u.Query(t.Context(), cred, provider.TaskRef{Route: route, Ref: "nobody"})
		if e := provider.AsError(err); e.Kind != provider.NotFound {
			t.Errorf("%s: got %v, want not_found", route, err)
		}
	}
}

func TestTheSimulatedKlingSignsItsCallbacks(t *testing.T) {
	type callback struct {
		header http.Header
		body   []byte
	}
	heard := make(chan callback, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		heard <- callback{r.Header, b}
	}))
	t.Cleanup(receiver.Close)
	u, cred, _ := simulated(t, func(o *klingsim.Options) { o.Accounts[0].WebhookSecret = webhookSecret })
	cred.WebhookSecrets = []secret.Text{webhookSecret}
	for route, body := range map[string]string{
		text2video: `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x"}`,
		turboText:  `{"prompt":"x"}`,
	} {
		s := submission(route, body)
		s.Ref, s.CallbackURL = "cb"+strconv.Itoa(len(route)), receiver.URL
		a, err := u.Submit(t.Context(), cred, s)
		if err != nil {
			t.Fatal(err)
		}
		for ended := false; !ended; {
			c := <-heard
			r, proven, err := u.ReadCallback(cred, time.Now(), c.header, c.body)
			if err != nil || !proven || r.UpstreamID != a.UpstreamID || r.Ref != s.Ref {
				t.Fatalf("%s: got %+v, proven %t, %v", route, r, proven, err)
			}
			ended = r.Status.Terminal()
		}
	}
}

func TestTheSimulatedKlingRefusesByItsCodes(t *testing.T) {
	for code, want := range map[int]provider.Kind{1100: provider.BadKey, 1101: provider.NoCredit, 1102: provider.NoCredit} {
		u, cred, _ := simulated(t, func(o *klingsim.Options) { o.Accounts[0].Suspended = code })
		_, err := u.Submit(t.Context(), cred, submission(turboText, `{"prompt":"x"}`))
		if e := provider.AsError(err); e.Kind != want || e.Code != code {
			t.Errorf("%d: got %v, want %s", code, err, want)
		}
	}
	u, cred, _ := simulated(t, func(o *klingsim.Options) { o.Accounts[0].Concurrency, o.ToEnd = 1, time.Hour })
	s := submission(text2video, `{"model_name":"kling-v1","prompt":"x"}`)
	s.CallbackURL = ""
	if _, err := u.Submit(t.Context(), cred, s); provider.AsError(err).Kind != provider.NotAllowed {
		t.Errorf("a model that is switched off: got %v, want not_allowed", err)
	}
	for i, want := range []provider.Kind{"", provider.Throttled} {
		s = submission(turboText, `{"prompt":"x"}`)
		s.Ref, s.CallbackURL = strconv.Itoa(i), ""
		_, err := u.Submit(t.Context(), cred, s)
		if want == "" && err != nil || want != "" && provider.AsError(err).Kind != want {
			t.Errorf("task %d of 1: got %v, want %q", i+1, err, want)
		}
	}
	s = submission(turboText, `{"prompt":"forbidden"}`)
	s.CallbackURL = ""
	if _, err := u.Submit(t.Context(), cred, s); provider.AsError(err).Kind != provider.Rejected {
		t.Errorf("a forbidden prompt: got %v, want rejected", err)
	}
}
