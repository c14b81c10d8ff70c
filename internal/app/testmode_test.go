package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/console"
	"one-api/internal/ledger"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
)

// running is a node that serves, with one user who has a balance.
type running struct {
	*App
	t    *testing.T
	url  string
	user account.User
	pat  secret.Text
	stop func()
}

func run(t *testing.T, dsn string, change func(*Options)) *running {
	t.Helper()
	o := Options{
		Store: store.Options{DSN: dsn}, Keys: storetest.Keys(t), Log: slog.New(slog.DiscardHandler), RefreshEvery: 50 * time.Millisecond,
		WebhookAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TestPace: 100 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	a, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	r := &running{App: a, t: t, url: "http://" + l.Addr().String()}
	stopped := false
	r.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-served; err != nil {
				t.Errorf("serve: %v", err)
			}
		}
	}
	t.Cleanup(r.stop)
	return r
}

func (r *running) newUser(name string) {
	r.t.Helper()
	ctx := r.t.Context()
	var err error
	if r.user, err = r.Store.CreateUser(ctx, store.NewUser{Name: name}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Store.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, r.user.ID, 1_000_000, "g "+name, "test", "", r.Store.Now())); err != nil {
		r.t.Fatal(err)
	}
	if _, r.pat, err = r.Store.CreatePersonalToken(ctx, store.UserActor(r.user.ID, "", ""), r.user.ID, "test", time.Time{}); err != nil {
		r.t.Fatal(err)
	}
}

// call makes a request and reads the answer into out.
func (r *running) call(want int, out any, method, path, token string, body any) {
	r.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(method, r.url+path, bytes.NewReader(b))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != want {
		r.t.Fatalf("%s %s answered %d, want %d: %s", method, path, resp.StatusCode, want, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			r.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

// testToken makes a token of test mode as a person does.
func (r *running) testToken() console.CreatedToken {
	r.t.Helper()
	var made console.CreatedToken
	r.call(201, &made, "POST", "/api/tokens", r.pat.Reveal(), map[string]any{"name": "test", "test": true})
	if !made.Test || !strings.HasPrefix(made.Text, "sk-test-") {
		r.t.Fatalf("made %+v", made)
	}
	return made
}

type orderState struct {
	TaskID     string `json:"task_id"`
	Status     string `json:"status"`
	Test       bool   `json:"test"`
	VideoURL   string `json:"video_url"`
	FailCode   string `json:"fail_code"`
	FailReason string `json:"fail_reason"`
	Data       struct {
		Test bool `json:"test"`
	} `json:"data"`
}

func order(prompt string) map[string]any {
	return map[string]any{"model": "kling-v1-6-std", "prompt": prompt, "duration": 5, "aspect_ratio": "16:9"}
}

func (r *running) balances() (real, play store.Balance) {
	r.t.Helper()
	var err error
	if real, err = r.Store.Balance(r.t.Context(), r.user.ID, false); err == nil {
		play, err = r.Store.Balance(r.t.Context(), r.user.ID, true)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return real, play
}

func sqlite(t *testing.T) string { return "sqlite://" + filepath.Join(t.TempDir(), "one-api.db") }

func TestATestTokenRunsTheWholePathWithoutMoney(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	hooks := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		hooks <- string(b)
	}))
	defer hook.Close()
	made := r.testToken()
	realBefore, play := r.balances()
	if play.Available != store.PlayBalance {
		t.Errorf("play balance %d, want %d", play.Available, store.PlayBalance)
	}
	if !strings.Contains(made.Snippets.Curl, r.url+"/kling/v1/videos/text2video") {
		t.Errorf("snippet %s", made.Snippets.Curl)
	}

	// There is no channel at all: test mode needs none.
	body := order("a cat")
	body["callback_url"] = hook.URL
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", made.Text, body)
	if !got.Test || !got.Data.Test || got.Status != "submitted" {
		t.Errorf("order answered %+v", got)
	}
	r.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", made.Text, nil)
	if got.Status != "succeed" || !got.Test {
		t.Fatalf("ended as %+v", got)
	}
	resp, err := http.Get(got.VideoURL)
	if err != nil {
		t.Fatal(err)
	}
	video, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "video/mp4" || len(video) < 1000 || !strings.HasPrefix(got.VideoURL, r.url+"/test-media/files/") {
		t.Errorf("the video at %s: %s, %s, %d bytes", got.VideoURL, resp.Status, resp.Header.Get("Content-Type"), len(video))
	}
	if said := <-hooks; !strings.Contains(said, got.TaskID) || !strings.Contains(said, `"test":true`) {
		t.Errorf("webhook says %s", said)
	}

	realAfter, play := r.balances()
	if realAfter != realBefore {
		t.Errorf("real balance went from %+v to %+v", realBefore, realAfter)
	}
	if want := store.PlayBalance - 360_000; play.Available != want || play.Held != 0 {
		t.Errorf("play balance %+v, want %d", play, want)
	}
	var tok console.TokenAnswer
	r.call(200, &tok, "GET", "/api/tokens/"+strconv.FormatInt(made.ID, 10), r.pat.Reveal(), nil)
	if !tok.Test || tok.Budget.Used != 360_000 {
		t.Errorf("token %+v", tok)
	}
	saved, err := r.Store.Task(t.Context(), got.TaskID)
	if err != nil || saved.ChannelID != channel.TestID || !saved.Test {
		t.Errorf("task %+v, %v", saved, err)
	}
	// Failures are played too, and cost nothing.
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", made.Text, order("simfail"))
	r.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", made.Text, nil)
	if got.Status != "failed" || got.FailCode != "upstream_failed" {
		t.Errorf("a task that fails ended as %+v", got)
	}
	if _, again := r.balances(); again != play {
		t.Errorf("a failure cost play money: %+v, was %+v", again, play)
	}
	storetest.Verified(t, r.Store)
}

func TestTestModeAndRealChannelsNeverMeet(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a test task reached a real upstream") }))
	defer upstream.Close()
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	if _, err := r.Store.CreateChannel(t.Context(), store.NewChannel{Type: channel.TypeKling, Name: "real", BaseURL: upstream.URL, Keys: "k", Models: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	made := r.testToken()
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", made.Text, order("a cat"))
	r.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", made.Text, nil)
	if got.Status != "succeed" {
		t.Errorf("ended as %+v", got)
	}

	// A real token finds no channel when the only one is the simulator.
	only, err := r.Store.Channels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.SwitchChannel(t.Context(), store.CLI, only[0].ID, channel.Disabled); err != nil {
		t.Fatal(err)
	}
	_, text, err := r.Store.CreateToken(t.Context(), store.NewToken{UserID: r.user.ID, Name: "real"})
	if err != nil {
		t.Fatal(err)
	}
	r.call(503, nil, "POST", "/kling/v1/videos/text2video", text.Reveal(), order("a cat"))
	// The callback address of the simulator needs its proof like any other.
	r.call(404, nil, "POST", "/kling/callback/"+got.TaskID+"?k=1.forged", "", map[string]any{})
	r.call(404, nil, "GET", "/test-media/account/costs", "", nil)
	storetest.Verified(t, r.Store)
}

// The simulator's memory ends with its node. The task does not hang.
func TestATestTaskWhoseSimulatorIsGoneFailsWithAReason(t *testing.T) {
	dsn := sqlite(t)
	r := run(t, dsn, nil)
	r.newUser("alice")
	made := r.testToken()
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", made.Text, order("simstuck"))
	r.stop()

	clock := func() time.Time { return time.Now().Add(2 * time.Minute) }
	again := run(t, dsn, func(o *Options) { o.Store.Now = clock })
	again.user = r.user
	again.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", made.Text, nil)
	if got.Status != "failed" || got.FailCode != string(task.Expired) || !strings.Contains(got.FailReason, "restarted") {
		t.Errorf("ended as %+v", got)
	}
	if _, play := again.balances(); play.Available != store.PlayBalance || play.Held != 0 {
		t.Errorf("play balance %+v", play)
	}
	storetest.Verified(t, again.Store)
}

func TestPlayMoneyIsFilledUpByANewTestToken(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	made := r.testToken()
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", made.Text, order("a cat"))
	r.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", made.Text, nil)
	r.testToken()
	if real, play := r.balances(); play.Available != store.PlayBalance || real.Available != 1_000_000 {
		t.Errorf("real %+v, play %+v", real, play)
	}
	storetest.Verified(t, r.Store)
}

func TestTheLogLevelFollowsTheSettings(t *testing.T) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	r := run(t, sqlite(t), func(o *Options) { o.Level = level })
	for set, want := range map[string]slog.Level{"debug": slog.LevelDebug, "": slog.LevelWarn, "error": slog.LevelError} {
		if err := r.Store.SetSetting(t.Context(), "log_level", set); err != nil {
			t.Fatal(err)
		}
		if got := level.Level(); got != want {
			t.Errorf("with setting %q the level is %s, want %s", set, got, want)
		}
	}
}

func TestAGroupWithoutChannelsIsToldSo(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	if _, err := r.Store.CreateChannel(t.Context(), store.NewChannel{Type: channel.TypeKling, Name: "vip", BaseURL: "http://127.0.0.1:1", Keys: "k", Models: []string{"*"}, Groups: []string{"vip"}}); err != nil {
		t.Fatal(err)
	}
	_, text, err := r.Store.CreateToken(t.Context(), store.NewToken{UserID: r.user.ID, Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Message string
		Error   struct{ Code string }
	}
	r.call(403, &got, "POST", "/kling/v1/videos/text2video", text.Reveal(), order("a cat"))
	if got.Error.Code != "group_without_channel" || !strings.Contains(got.Message, `"default"`) {
		t.Errorf("refused with %+v", got)
	}
	if real, _ := r.balances(); real.Available != 1_000_000 || real.Held != 0 {
		t.Errorf("balance %+v", real)
	}
}

func TestTheLastUseOfTokensIsRecordedAtTheEnd(t *testing.T) {
	dsn := sqlite(t)
	r := run(t, dsn, nil)
	r.newUser("alice")
	made := r.testToken()
	r.call(200, nil, "GET", "/v1/models", made.Text, nil)
	r.stop()
	s := storetest.OpenAt(t, dsn)
	tok, err := s.Token(t.Context(), 0, made.ID)
	if err != nil || time.Since(tok.LastUsedAt) > time.Minute {
		t.Errorf("last used at %v, %v", tok.LastUsedAt, err)
	}
}
