package kling_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/secret"
)

// vector is the example of Kling's page on callbacks, with its signature.
var vector = struct {
	id, timestamp, signature, body string
}{
	"9876543210", "1781080794", "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
	`{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}`,
}

func signedHeader(id, timestamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestCallbackSignature(t *testing.T) {
	u := kling.New(nil)
	at := time.Unix(1781080794, 0)
	const old = secret.Text("whsec_b2xkLXNlY3JldC1vZi10aGUtcm90YXRpb24=")
	good := signedHeader(vector.id, vector.timestamp, vector.signature)
	other := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))

	empty := hmac.New(sha256.New, nil)
	empty.Write([]byte(vector.id + "." + vector.timestamp + "." + vector.body))
	forged := signedHeader(vector.id, vector.timestamp, "v1,"+base64.StdEncoding.EncodeToString(empty.Sum(nil)))

	for _, tt := range []struct {
		name    string
		secrets []secret.Text
		now     time.Time
		header  http.Header
		body    string
		ok      bool
	}{
		{"Kling's check vector", []secret.Text{webhookSecret}, at, good, vector.body, true},
		{"the second of two secrets", []secret.Text{old, webhookSecret}, at, good, vector.body, true},
		{"beside a broken secret", []secret.Text{"whsec_%%%", webhookSecret}, at, good, vector.body, true},
		{"the second of two signatures", []secret.Text{webhookSecret}, at, signedHeader(vector.id, vector.timestamp, other+" "+vector.signature), vector.body, true},
		{"five minutes late", []secret.Text{webhookSecret}, at.Add(5 * time.Minute), good, vector.body, true},
		{"five minutes early", []secret.Text{webhookSecret}, at.Add(-5 * time.Minute), good, vector.body, true},
		{"more than five minutes late", []secret.Text{webhookSecret}, at.Add(5*time.Minute + time.Second), good, vector.body, false},
		{"more than five minutes early", []secret.Text{webhookSecret}, at.Add(-5*time.Minute - time.Second), good, vector.body, false},
		{"another secret", []secret.Text{old}, at, good, vector.body, false},
		{"another body", []secret.Text{webhookSecret}, at, good, vector.body + " ", false},
		{"another id", []secret.Text{webhookSecret}, at, signedHeader("1", vector.timestamp, vector.signature), vector.body, false},
		{"another time", []secret.Text{webhookSecret}, at, signedHeader(vector.id, "1781080795", vector.signature), vector.body, false},
		{"no time", []secret.Text{webhookSecret}, at, signedHeader(vector.id, "", vector.signature), vector.body, false},
		{"a huge time", []secret.Text{webhookSecret}, at, signedHeader(vector.id, "9223372036854775807", vector.signature), vector.body, false},
		{"a negative time", []secret.Text{webhookSecret}, at, signedHeader(vector.id, "-9223372036854775808", vector.signature), vector.body, false},
		{"another version", []secret.Text{webhookSecret}, at, signedHeader(vector.id, vector.timestamp, "v2"+vector.signature[2:]), vector.body, false},
		{"no signature", []secret.Text{webhookSecret}, at, signedHeader(vector.id, vector.timestamp, ""), vector.body, false},
		{"no headers", []secret.Text{webhookSecret}, at, http.Header{}, vector.body, false},
		{"an empty secret signs nothing", []secret.Text{"whsec_"}, at, forged, vector.body, false},
		{"nor does none", []secret.Text{""}, at, forged, vector.body, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, proven, err := u.ReadCallback(provider.Credential{WebhookSecrets: tt.secrets}, tt.now, tt.header, []byte(tt.body))
			if proven != tt.ok || (err == nil) != tt.ok {
				t.Fatalf("got proven %t, %v", proven, err)
			}
			if tt.ok && r.UpstreamID != "1234567890" {
				t.Errorf("got %+v", r)
			}
			if err != nil && strings.Contains(err.Error(), "dGVzdHNl") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
	t.Run("is not looked at without secrets", func(t *testing.T) {
		if _, proven, err := u.ReadCallback(provider.Credential{}, at, forged, []byte(vector.body)); proven || err != nil {
			t.Errorf("got proven %t, %v", proven, err)
		}
	})
}

func TestCallbacksOfBothGenerations(t *testing.T) {
	u := kling.New(nil)
	for name, want := range map[string]provider.Report{
		"callback-legacy.json":       {UpstreamID: taskID, Ref: ref, Status: provider.Succeeded},
		"callback-new.json":          {UpstreamID: taskID, Ref: ref, Status: provider.Succeeded},
		"callback-by-hand.json":      {UpstreamID: "kt_xyz", Ref: "kling_abc123", Status: provider.Succeeded},
		"callback-console-test.json": {UpstreamID: "1234567890", Status: provider.Submitted},
	} {
		r, proven, err := u.ReadCallback(provider.Credential{}, time.Now(), http.Header{}, []byte(file(t, name)))
		if err != nil || proven || r.UpstreamID != want.UpstreamID || r.Ref != want.Ref || r.Status != want.Status || r.Note != "" {
			t.Errorf("%s: got %+v, %v", name, r, err)
		}
		if r.Status == provider.Succeeded && len(r.Assets) != 1 {
			t.Errorf("%s: assets are %v", name, r.Assets)
		}
	}
}

func TestCallbacksAreLimited(t *testing.T) {
	body := `{"id":"1","status":"failed","message":"` + strings.Repeat("x", 256<<10) + `"}`
	if _, _, err := kling.New(nil).ReadCallback(provider.Credential{}, time.Now(), http.Header{}, []byte(body)); err == nil {
		t.Error("a callback of more than 256 KiB was read")
	}
}

func FuzzReadCallback(f *testing.F) {
	for _, name := range []string{"callback-legacy.json", "callback-new.json", "callback-by-hand.json", "callback-console-test.json"} {
		f.Add(file(f, name), "1", vector.timestamp, vector.signature)
	}
	f.Add(vector.body, vector.id, vector.timestamp, vector.signature)
	u := kling.New(nil)
	f.Fuzz(func(t *testing.T, body, id, timestamp, signature string) {
		at := time.Unix(1781080794, 0)
		h := signedHeader(id, timestamp, signature)
		r, proven, err := u.ReadCallback(provider.Credential{}, at, h, []byte(body))
		if proven || err == nil && r.UpstreamID == "" || r.Status == provider.Succeeded && len(r.Assets) == 0 {
			t.Fatalf("got %+v, proven %t, %v", r, proven, err)
		}
		_, proven, err = u.ReadCallback(provider.Credential{WebhookSecrets: []secret.Text{webhookSecret}}, at, h, []byte(body))
		if proven != (err == nil) {
			t.Fatalf("got proven %t, %v", proven, err)
		}
		if proven { // by the vector alone, or by what signs the same bytes
			n, _ := strconv.ParseInt(timestamp, 10, 64)
			key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhookSecret.Reveal(), "whsec_"))
			m := hmac.New(sha256.New, key)
			m.Write([]byte(id + "." + strconv.FormatInt(n, 10) + "." + body))
			if !strings.Contains(signature, base64.StdEncoding.EncodeToString(m.Sum(nil))) {
				t.Fatalf("%q at %s by %q is proven by %q", body, timestamp, id, signature)
			}
		}
	})
}
