package console_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/console"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
	"one-api/internal/video"
)

// filmed is a task whose result has an address.
func filmed(t *testing.T, f storetest.Fixture, channelID int64, result string, url string) task.Task {
	t.Helper()
	from := sent(t, f, order(t, f, channelID, nil))
	to, e, err := from.Succeed(task.Outcome{Assets: []video.Asset{{ID: "v", URL: url}}, Result: []byte(result)}, f.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Advance(task.Change{From: from, To: to, Settle: &e}); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestResultsPassThroughTheGateway(t *testing.T) {
	film := bytes.Repeat([]byte("0123456789"), 20_000)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" {
			t.Error("the upstream gets the reader's credentials")
		}
		switch r.URL.Path {
		case "/film.mp4":
			w.Header().Set("Content-Type", "video/mp4")
			w.Header().Set("Set-Cookie", "a=b")
			http.ServeContent(w, r, "film.mp4", time.Unix(1e9, 0), bytes.NewReader(film))
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
		case "/drawing":
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = io.WriteString(w, "<svg/>")
		case "/gone":
			http.Error(w, "expired", http.StatusForbidden)
		default:
			http.Error(w, "no", http.StatusBadGateway)
		}
	}))
	defer upstream.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a private host was asked") }))
	defer elsewhere.Close()
	w := newWorld(t)
	c, err := w.store.CreateChannel(t.Context(), store.NewChannel{Type: channel.TypeKling, Name: "ours", BaseURL: upstream.URL, Keys: "a|b", Models: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	a := w.owner(w.alice)
	done := filmed(t, a, c.ID, `{"videos":[{"id":"1","url":"`+upstream.URL+`/film.mp4"},{"id":"2","url":"`+upstream.URL+`/page"}],"images":[{"url":"`+upstream.URL+`/drawing"}]}`, upstream.URL+"/film.mp4")
	path := "/api/tasks/" + done.ID + "/media"

	b := w.signedIn("alice") // as <video src> does
	got := b.do("GET", path, nil)
	for key, want := range map[string]string{
		"Content-Type": "video/mp4", "Content-Length": "200000", "Accept-Ranges": "bytes", "Content-Disposition": `inline; filename="` + done.ID + `.mp4"`,
		"Cache-Control": "private, max-age=3600", "Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff", "Set-Cookie": "",
	} {
		if got.header.Get(key) != want {
			t.Errorf("%s is %q, want %q", key, got.header.Get(key), want)
		}
	}
	if got.status != 200 || !bytes.Equal(got.body, film) {
		t.Errorf("answered %d with %d bytes", got.status, len(got.body))
	}
	part := b.do("GET", path, nil, "Range", "bytes=5-14")
	if part.status != 206 || string(part.body) != "5678901234" || part.header.Get("Content-Range") != "bytes 5-14/200000" {
		t.Errorf("a part answered %d %q %v", part.status, part.body, part.header)
	}
	if a := b.do("GET", path, nil, "Range", "bytes=5-14", "If-Range", "Mon, 01 Jan 2001 00:00:00 GMT"); a.status != 200 {
		t.Errorf("a part of what has changed answered %d", a.status)
	}
	if a := b.do("GET", path, nil, "Range", "bytes=900000-"); a.status != 416 || a.header.Get("Content-Range") != "bytes */200000" || len(a.body) != 0 {
		t.Errorf("beyond the end: %d %v", a.status, a.header)
	}
	if a := b.do("HEAD", path, nil); a.status != 200 || a.header.Get("Content-Length") != "200000" {
		t.Errorf("its head: %d %v", a.status, a.header)
	}
	if a := b.do("GET", path+"?download=true", nil); !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("to keep: %v", a.header)
	}
	for _, query := range []string{"?i=1", "?kind=image"} {
		if a := b.do("GET", path+query, nil); a.status != 200 || a.header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s comes as %d %s", query, a.status, a.header.Get("Content-Type"))
		}
	}
	b.refused(404, "result_not_found", "GET", path+"?i=2", nil)
	b.refused(404, "result_not_found", "GET", path+"?kind=audio", nil)
	b.refused(422, "invalid_request", "GET", path+"?kind=page", nil)
	w.bob.refused(404, "task_not_found", "GET", path, nil)
	w.browser().refused(401, "not_signed_in", "GET", path, nil)
	w.admin.want(200, nil, "GET", path, nil)

	for _, x := range []struct {
		url    string
		status int
		code   string
	}{
		{upstream.URL + "/gone", 404, "result_gone"},
		{upstream.URL + "/trouble", 503, "result_unavailable"},
		{elsewhere.URL + "/film.mp4", 422, "result_address_refused"},
		{"http://169.254.169.254/latest", 422, "result_address_refused"},
	} {
		n := filmed(t, a, c.ID, `[{"type":"video","url":"`+x.url+`"}]`, x.url)
		w.alice.refused(x.status, x.code, "GET", "/api/tasks/"+n.ID+"/media", nil)
	}
	live := order(t, a, c.ID, nil)
	w.alice.refused(404, "result_not_found", "GET", "/api/tasks/"+live.ID+"/media", nil)
}

func TestAUserReadsAFewResultsAtOnce(t *testing.T) {
	hold := make(chan struct{})
	asked := make(chan struct{}, 20)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		asked <- struct{}{}
		<-hold
	}))
	defer upstream.Close()
	var made *console.Console
	w := newWorldOn(t, store.SQLite, func(c *console.Console) { made = c })
	c, err := w.store.CreateChannel(t.Context(), store.NewChannel{Type: channel.TypeKling, Name: "ours", BaseURL: upstream.URL, Keys: "a|b", Models: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	done := filmed(t, w.owner(w.alice), c.ID, `{}`, upstream.URL+"/x")
	path := "/api/tasks/" + done.ID + "/media"
	cut := make(chan error, 16)
	for range 16 {
		req, err := http.NewRequest("GET", w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.alice.token.Reveal())
		go func() {
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			cut <- err
		}()
		<-asked
	}
	w.alice.refused(429, "too_many_media", "GET", path, nil)
	made.Drain() // a node that stops holds no reader up
	for range 16 {
		if err := <-cut; err == nil {
			t.Error("a part was taken for the whole")
		}
	}
	close(hold)
}
