package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"one-api/internal/secret"
	"one-api/internal/telemetry"
)

func TestNoPlantedSecretReachesTheLog(t *testing.T) {
	secrets := map[string]string{
		"token":     "sk-ABCDEFGHIJKLMNOPqrstuvwxyz0123456789",
		"test":      "sk-test-ABCDEFGHIJKLMNOPqrstuvwxyz",
		"jwt":       "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhayJ9.c2lnbmF0dXJl",
		"webhook":   "whsec_c2VjcmV0c2VjcmV0c2VjcmV0",
		"proof":     "1.c2VjcmV0LXByb29mLW9mLWNhbGxiYWNr",
		"password":  "hunter2hunter2",
		"bearer":    "abcdefghijk-key-of-kling",
		"typed":     "a-provider-key-without-shape",
		"inMessage": "sk-ZZZZZZZZZZZZZZZZZZZZ",
		"inHeader":  "sk-HHHHHHHHHHHHHHHHHHHH",
		"inBytes":   "sk-BBBBBBBBBBBBBBBBBBBB",
		"inURL":     "1.cHJvb2YtaW4tYS1wYXJzZWQtdXJs",
		"inGroup":   "whsec_aW5zaWRlLW9mLWEtZ3JvdXA=",
		"inDSN":     "pa:ss@word",
	}
	parsed, err := url.Parse("https://gw.example.com/kling/callback/kling_1?x=1&k=" + secrets["inURL"])
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(telemetry.NewHandler(&out, slog.LevelDebug))
	log.Info("called with "+secrets["inMessage"], "token", secrets["token"], "t2", secrets["test"], "jwt", "x "+secrets["jwt"],
		"url", "https://gw.example.com/kling/callback/kling_1?k="+secrets["proof"],
		"dsn", "postgres://one:"+secrets["password"]+"@db/x", "typed", secret.Text(secrets["typed"]))
	log.With("hook", secrets["webhook"]).Error("failed", "err", errors.New("Authorization: Bearer "+secrets["bearer"]))
	log.Info("more", "header", http.Header{"Authorization": {"Bearer " + secrets["inHeader"]}}, "body", []byte(secrets["inBytes"]),
		"parsed", parsed, slog.Group("g", slog.Group("h", "hook", secrets["inGroup"])),
		"err", errors.New(`open "root:`+secrets["inDSN"]+`@tcp(db:3306)/oneapi": refused`))
	for name, s := range secrets {
		if strings.Contains(out.String(), s) {
			t.Errorf("the %s is in the log:\n%s", name, out.String())
		}
	}
}

func TestLinesNameTheirRequest(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(telemetry.NewHandler(&out, slog.LevelInfo))
	log.InfoContext(telemetry.WithRequestID(context.Background(), "req-7"), "billing: held\nlevel=ERROR forged", "provider", "kling")
	line := out.String()
	if !strings.Contains(line, "request_id=req-7") || !strings.Contains(line, "provider=kling") || strings.Count(line, "\n") != 1 {
		t.Errorf("line %q", line)
	}
}

func TestOrdinaryTextStaysAsItIs(t *testing.T) {
	for _, text := range []string{
		"billing: held", "task=kling_01hzx3v7y8w9q2m4n6p8r0s2t4", "risk-control-system", "a bearer of news",
		"https://gw.example.com/kling/v1/videos?pageNum=1&pageSize=30", "2026-11-23T05:00:00Z", "user@example.com", "",
	} {
		if got := telemetry.Scrub(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("called with ", " and more")
	f.Add("https://h/?k=", "&x=1")
	f.Add("Bearer ", "\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		const token = "sk-ABCDEFGHIJKLMNOPqrstuvwxyz0123456789"
		text := before + " " + token + " " + after
		if strings.Contains(before+after, token) {
			t.Skip("planted twice")
		}
		clean := telemetry.Scrub(text)
		if strings.Contains(clean, token) {
			t.Errorf("%q became %q", text, clean)
		}
		if again := telemetry.Scrub(clean); strings.Contains(again, token) {
			t.Errorf("%q became %q", clean, again)
		}
	})
}

func TestALogThatCannotBeWrittenIsFoundOutAtStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, telemetry.FileName), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := telemetry.Open(telemetry.Options{Dir: dir, Stdout: &bytes.Buffer{}}); err == nil || !strings.HasPrefix(err.Error(), "LOG_DIR: ") {
		t.Errorf("got %v", err)
	}
}

func TestTheFileIsWrittenAndTheLevelChangesLive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	l, err := telemetry.Open(telemetry.Options{Level: slog.LevelWarn, Dir: dir, Stdout: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("unseen")
	l.Level.Set(slog.LevelInfo)
	l.Info("seen")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, telemetry.FileName))
	if err != nil || strings.Contains(string(b), "unseen") || !strings.Contains(string(b), "msg=seen") {
		t.Errorf("file %q, %v", b, err)
	}
}

func BenchmarkLine(b *testing.B) {
	log := slog.New(telemetry.NewHandler(io.Discard, slog.LevelInfo))
	ctx := telemetry.WithRequestID(context.Background(), "0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		log.InfoContext(ctx, "billing: held", "task", "kling_01hzx3v7y8w9q2m4n6p8r0s2t4", "user", int64(7), "provider", "kling",
			"model", "kling-v1-6-pro", "type", "text2video", "held", int64(300000), "rule", "price.kling-v1-6-pro")
	}
}
