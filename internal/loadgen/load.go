package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// result is what a load measured.
type result struct {
	took      time.Duration
	latencies []time.Duration // sorted
}

func newClient(clients int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxIdleConns: clients}}
}

// load sends n requests from parallel clients; every answer must be 200.
func load(ctx context.Context, client *http.Client, clients, n int, request func(int) *http.Request, read func([]byte) error) (result, error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	latencies := make([][]time.Duration, clients)
	began := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || failed.Load() != nil {
					return
				}
				req := request(i).WithContext(ctx)
				t := time.Now()
				err := one(client, req, read)
				latencies[c] = append(latencies[c], time.Since(t))
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	r := result{took: time.Since(began)}
	if err := failed.Load(); err != nil {
		return r, *err
	}
	for _, l := range latencies {
		r.latencies = append(r.latencies, l...)
	}
	slices.Sort(r.latencies)
	return r, nil
}

func one(client *http.Client, req *http.Request, read func([]byte) error) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s answered %d: %s", req.Method, req.URL.Path, resp.StatusCode, body)
	case read != nil:
		return read(body)
	}
	return nil
}

// at is a percentile of the latencies.
func (r result) at(percent int) time.Duration {
	return r.latencies[min(len(r.latencies)-1, len(r.latencies)*percent/100)]
}

func (r result) rate() float64 { return float64(len(r.latencies)) / r.took.Seconds() }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r result) print(o options, what string, cpu time.Duration) {
	o.line(what, "%6.0f/s   p50 %.1f ms   p99 %.1f ms   gateway CPU %.3f ms each", r.rate(), ms(r.at(50)), ms(r.at(99)), ms(cpu)/float64(len(r.latencies)))
}
