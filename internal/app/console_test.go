package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// get reads a path as a browser or, with another accept, as a program does.
func (r *running) get(path, accept string) (status int, header http.Header, body string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func TestTheConsoleStandsBesideTheAPIs(t *testing.T) {
	r := run(t, sqlite(t), nil)
	const browser = "text/html,*/*;q=0.8"
	for _, path := range []string{"/", "/setup?token=x", "/reset?token=x", "/tasks/kling_1"} {
		status, header, body := r.get(path, browser)
		if status != 200 || !strings.HasPrefix(body, "<!doctype html>") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") ||
			header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s opens %d with %v: %.80s", path, status, header, body)
		}
	}
	for path, want := range map[string]int{"/kling/nothing/at/all/here": 404, "/v1/nothing": 404, "/api/nothing": 503, "/nothing": 404} {
		accept := browser
		if path == "/nothing" {
			accept = "*/*"
		}
		if status, _, body := r.get(path, accept); status != want || !strings.HasPrefix(body, "{") {
			t.Errorf("%s answered %d %.80s, want %d in JSON", path, status, body, want)
		}
	}
	if status, _, body := r.get("/api/docs", browser); status != 200 || !strings.Contains(body, "list-tasks") {
		t.Errorf("the API's page answered %d", status)
	}
}
