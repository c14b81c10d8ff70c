package app

import (
	"net/http/httptest"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// upstream is a simulated Kling as a real channel sees it.
func upstream(t *testing.T, r *running, pace time.Duration) (*klingsim.Sim, klingsim.Account, *channel.Channel) {
	t.Helper()
	acct := klingsim.DemoAccount()
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acct}, ToEnd: pace})
	srv := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		srv.Close()
	})
	c, err := r.Store.CreateChannel(t.Context(), store.NewChannel{
		Type: channel.TypeKling, Name: "kling", BaseURL: srv.URL, Keys: secret.Text(acct.AccessKey + "|" + acct.SecretKey.Reveal()), Models: []string{"kling-*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim, acct, c
}

func (r *running) realToken() string {
	r.t.Helper()
	_, text, err := r.Store.CreateToken(r.t.Context(), store.NewToken{UserID: r.user.ID, Name: "real"})
	if err != nil {
		r.t.Fatal(err)
	}
	return text.Reveal()
}

func TestADrainedChannelFinishesItsTasks(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	_, _, c := upstream(t, r, 500*time.Millisecond)
	text := r.realToken()
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", text, order("a cat"))
	ch, err := r.Store.SwitchChannel(t.Context(), store.CLI, c.ID, channel.Draining)
	if err != nil || ch.Live != 1 {
		t.Fatalf("drained with %d live tasks, %v", ch.Live, err)
	}
	r.call(503, nil, "POST", "/kling/v1/videos/text2video", text, order("another cat"))
	r.call(200, &got, "GET", "/kling/v1/videos/"+got.TaskID+"?wait=30", text, nil)
	if got.Status != "succeed" {
		t.Errorf("its task ended as %+v", got)
	}
	if err := r.Store.DeleteChannel(t.Context(), store.CLI, c.ID); err != nil {
		t.Errorf("deleting it when it was empty: %v", err)
	}
	storetest.Verified(t, r.Store)
}

func TestAnAccountFaultBreaksAChannelUnlessAPersonHasSwitchedIt(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	sim, acct, c := upstream(t, r, time.Minute)
	text := r.realToken()
	var got orderState
	r.call(200, &got, "POST", "/kling/v1/videos/text2video", text, order("a cat"))
	if err := sim.Update(acct.Name, func(a *klingsim.Account) { a.Suspended = 1102 }); err != nil {
		t.Fatal(err)
	}
	r.call(503, nil, "POST", "/kling/v1/videos/text2video", text, order("a cat"))
	ch, err := r.Store.Channel(t.Context(), c.ID)
	if err != nil || ch.Status != channel.Broken || ch.Reason == "" {
		t.Fatalf("after an account fault %+v, %v", ch, err)
	}
	if _, err := r.Store.SwitchChannel(t.Context(), store.CLI, c.ID, channel.Disabled); err != nil {
		t.Fatal(err)
	}
	// The key is refused by a query for the live task: that changes nothing now.
	if err := sim.Update(acct.Name, func(a *klingsim.Account) { a.AccessKey, a.SecretKey = "other", "other" }); err != nil {
		t.Fatal(err)
	}
	live, err := r.Store.Task(t.Context(), got.TaskID)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Generations.Check(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if ch, err = r.Store.Channel(t.Context(), c.ID); err != nil || ch.Status != channel.Disabled {
		t.Errorf("a channel disabled by hand is now %d, %v", ch.Status, err)
	}
	storetest.Verified(t, r.Store)
}
