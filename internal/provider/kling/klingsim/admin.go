package klingsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// adminRoutes lets an operator look and meddle while the simulator runs.
func (s *Sim) adminRoutes() {
	s.mux.HandleFunc("GET /_sim/tasks", func(w http.ResponseWriter, _ *http.Request) {
		adminJSON(w, http.StatusOK, s.Tasks())
	})
	s.mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		type row struct {
			Request
			Count int `json:"count"`
		}
		rows := []row{}
		for r, n := range s.Requests() {
			rows = append(rows, row{r, n})
		}
		slices.SortFunc(rows, func(a, b row) int { return strings.Compare(fmt.Sprint(a.Request), fmt.Sprint(b.Request)) })
		adminJSON(w, http.StatusOK, rows)
	})
	s.mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		adminJSON(w, http.StatusOK, s.faultRows())
	})
	s.mux.HandleFunc("POST /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		var in faultRow
		err := adminDecode(r, &in)
		if err == nil {
			in.Delay = time.Duration(in.DelaySeconds * float64(time.Second))
			_, err = s.Inject(in.Fault)
		}
		if err != nil {
			adminJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		adminJSON(w, http.StatusOK, s.faultRows())
	})
	s.mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		adminJSON(w, http.StatusOK, s.faultRows())
	})
	s.mux.HandleFunc("POST /_sim/callbacks", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			TaskID string `json:"task_id"`
		}
		err := adminDecode(r, &in)
		if err == nil {
			err = s.SendCallback(in.TaskID)
		}
		if err != nil {
			adminJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		adminJSON(w, http.StatusOK, map[string]string{"task_id": in.TaskID})
	})
}

// faultRow is a fault as /_sim/faults speaks of it.
type faultRow struct {
	Fault
	DelaySeconds float64 `json:"delay_seconds,omitempty"`
	Left         int     `json:"left"` // negative is without end
	Hits         int     `json:"hits"`
}

func (s *Sim) faultRows() []faultRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []faultRow{}
	for _, in := range s.faults {
		rows = append(rows, faultRow{in.Fault, in.Delay.Seconds(), in.left, in.hits})
	}
	return rows
}

func adminDecode(r *http.Request, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func adminJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that has gone is its own affair
}
