package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"one-api/internal/store"
)

func TestAReadThatWaitsAnswersAtTheEnd(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true})
		id := w.user.order(guideOrder)
		began := time.Now()
		answers := make(chan answer, 4)
		for i := range 4 {
			go func() {
				a, _ := w.user.at(w.nodes[i%2]).try("GET", "/kling/v1/videos/"+id+"?wait=60", "")
				answers <- a
			}()
		}
		// They wait: a task that has not ended gives no answer yet.
		short := w.user.do("GET", text2video+"/"+id+"?wait=1", "")
		if took := time.Since(began); short.status != 200 || short.text("status") != "submitted" && short.text("status") != "processing" || took < 900*time.Millisecond {
			t.Errorf("?wait=1 answered %s after %s, want the live task after a second", short, took)
		}
		if len(answers) > 0 {
			t.Errorf("a read that waits answered before the end: %s", <-answers)
		}
		w.pass(3 * time.Minute)
		ended := time.Now()
		for range 4 {
			a := <-answers
			if a.status != 200 || a.text("status") != "succeed" || a.text("video_url") == "" {
				t.Errorf("?wait=60 answered %s", a)
			}
		}
		if late := time.Since(ended); late > 3*time.Second {
			t.Errorf("the readers knew %s after the end, want at most 3 s", late)
		}
		began = time.Now()
		if a := w.user.do("GET", "/kling/v1/videos/"+id+"?wait=60", ""); a.text("status") != "succeed" || time.Since(began) > time.Second {
			t.Errorf("a read of an ended task waited %s: %s", time.Since(began), a)
		}
	})
}

func TestWaitTakesWholeSecondsUpToAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	id := w.user.order(guideOrder)
	for _, wait := range []string{"61", "-1", "x", "1.5", "1e1", "٣", "99999999999999999999", "0x1"} {
		a := w.user.do("GET", "/kling/v1/videos/"+id+"?wait="+wait, "")
		if a.status != http.StatusBadRequest || a.text("error.param") != "wait" {
			t.Errorf("?wait=%s answered %s, want 400", wait, a)
		}
	}
	for _, wait := range []string{"", "0", "60"} {
		w.user.succeeded(id)
		if a := w.user.do("GET", "/kling/v1/videos/"+id+"?wait="+wait, ""); a.status != 200 {
			t.Errorf("?wait=%s answered %s", wait, a)
		}
	}
}
