package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheDemonstrationTellsOfOneTaskAndEnds(t *testing.T) {
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Addr: "127.0.0.1:0", Once: true, Out: &out, Log: slog.New(slog.DiscardHandler), Pace: 30 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "verified") || strings.Contains(text, "sign-in") {
		t.Errorf("it told\n%s", text)
	}
}

func TestTheDemonstrationOpensTheConsole(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Addr: "127.0.0.1:0", Out: w, Log: slog.New(slog.DiscardHandler), Pace: 30 * time.Millisecond})
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	link := ""
	for !strings.Contains(lines.Text(), "Ctrl-C") && lines.Scan() { // to the end of the story
		if _, after, ok := strings.Cut(lines.Text(), "http://"); ok && strings.Contains(after, "/sign-in?") {
			link = "http://" + after
		}
	}
	go func() {
		for lines.Scan() { // so that the story goes on
		}
	}()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("ticket") == "" {
		t.Fatalf("link %q, %v", link, err)
	}
	b, err := json.Marshal(map[string]string{"ticket": u.Query().Get("ticket")})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+u.Host+"/api/session/link", "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || len(resp.Cookies()) != 1 {
		t.Errorf("the link answered %s", resp.Status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
