package klingsim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
)

// recordCreate makes a create call without a connection.
func recordCreate(w *world, path, body string) reply {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", w.bearer())
	rec := httptest.NewRecorder()
	w.sim.ServeHTTP(rec, r)
	return reply{rec.Code, rec.Header(), gjson.ParseBytes(rec.Body.Bytes()), rec.Body.String()}
}

// sink is a ResponseWriter that costs nothing, so that a benchmark shows the
// simulator's own share.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

func benchSim(b *testing.B, end time.Duration) *klingsim.Sim {
	sim := klingsim.New(klingsim.Options{
		ToEnd: end,
		Accounts: []klingsim.Account{{
			Name: "main", APIKeys: []secret.Text{"plain-key"}, Concurrency: -1,
		}},
	})
	b.Cleanup(sim.Close)
	return sim
}

func createBody(i int) string {
	return `{"model_name":"kling-v1-6","mode":"pro","prompt":"a cat on a mat, in the morning light","duration":"5","aspect_ratio":"16:9",` +
		`"callback_url":"","external_task_id":"task_` + strconv.Itoa(i) + `"}`
}

// BenchmarkCreate is a create as the handler sees it, without net/http's part:
// with tasks that end at once, and with all of them alive.
func BenchmarkCreate(b *testing.B) {
	for name, end := range map[string]time.Duration{"ends=at once": 0, "ends=in an hour": time.Hour} {
		b.Run(name, func(b *testing.B) {
			sim := benchSim(b, end)
			w := &sink{header: http.Header{}}
			header := http.Header{"Authorization": {"Bearer plain-key"}}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				r := httptest.NewRequest(http.MethodPost, text2video, strings.NewReader(createBody(i)))
				r.Header = header
				sim.ServeHTTP(w, r)
				if w.status != http.StatusOK {
					b.Fatalf("got %d", w.status)
				}
			}
		})
	}
}

// BenchmarkCreateOverHTTP is a create over loopback with many clients; the
// clients run in the same process.
func BenchmarkCreateOverHTTP(b *testing.B) {
	server := httptest.NewServer(benchSim(b, 0))
	b.Cleanup(server.Close)
	client := server.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+text2video, strings.NewReader(v16("")))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer plain-key")
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Errorf("got %d", resp.StatusCode)
				return
			}
		}
	})
}
