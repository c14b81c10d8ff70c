package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// courier carries Kling's callbacks: it delays some, delivers some again much
// later, and keeps addresses for the forger.
type courier struct {
	transport *http.Transport
	ctx       context.Context
	stop      context.CancelFunc
	extra     sync.WaitGroup

	mu      sync.Mutex
	dice    *rand.Rand
	recent  []letter
	at      int
	held    bool
	delayed int64
	sent    int64
}

// letter is a callback as it was sent.
type letter struct{ url, body string }

// keptLetters is how many callbacks the forger may choose from.
const keptLetters = 64

func newCourier(seed uint64) *courier {
	ctx, stop := context.WithCancel(context.Background())
	return &courier{transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 128}, ctx: ctx, stop: stop, dice: dice(seed, "courier")}
}

// hold loses all callbacks while it is on.
func (k *courier) hold(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = on
}

// RoundTrip is http.RoundTripper's.
func (k *courier) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	k.mu.Lock()
	if k.held {
		k.mu.Unlock()
		return nil, fmt.Errorf("callbacks are held")
	}
	k.sent++
	if len(k.recent) < keptLetters {
		k.recent = append(k.recent, letter{})
	}
	k.recent[k.at%keptLetters] = letter{req.URL.String(), string(body)}
	k.at++
	var late time.Duration
	switch k.dice.IntN(12) {
	case 0:
		late = time.Duration(k.dice.IntN(800)) * time.Millisecond
		k.delayed++
	case 1: // once more, when all is over
		again := time.Duration(500+k.dice.IntN(4000)) * time.Millisecond
		address := req.URL.String()
		k.extra.Go(func() { k.stray(address, body, again) })
	}
	k.mu.Unlock()
	if late > 0 {
		time.Sleep(late)
	}
	out := req.Clone(req.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	return k.transport.RoundTrip(out)
}

// stray delivers a callback much later.
func (k *courier) stray(address string, body []byte, late time.Duration) {
	t := time.NewTimer(late)
	defer t.Stop()
	select {
	case <-t.C:
	case <-k.ctx.Done():
		return
	}
	req, err := http.NewRequestWithContext(k.ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := k.transport.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
	}
}

// some is one of the latest callbacks.
func (k *courier) some(d *rand.Rand) letter {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.recent) == 0 {
		return letter{}
	}
	return k.recent[d.IntN(len(k.recent))]
}

func (k *courier) close() {
	k.stop()
	k.extra.Wait()
	k.transport.CloseIdleConnections()
}

// receiver is where callers want to be told. It fails some of the first tries.
type receiver struct {
	url    string
	seed   uint64
	report *report
	secret func(userID int64) string
	srv    *http.Server

	mu    sync.Mutex
	good  bool
	ids   map[string]map[string]int // path → webhook-id → good deliveries and bad ones
	taken map[string]int            // path, or id at toldOfAll → deliveries that were answered with 200
	users map[int]int64             // number in a path → user id
	tries int64
	all   string // secret of the endpoint at toldOfAll
}

// toldOfAll is the path of an endpoint that is told of each task of its user.
const toldOfAll = "/all"

func newReceiver(seed uint64, r *report, secret func(int64) string) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &receiver{
		url: "http://" + l.Addr().String(), seed: seed, report: r, secret: secret,
		ids: map[string]map[string]int{}, taken: map[string]int{}, users: map[int]int64{},
	}
	h.srv = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = h.srv.Serve(l) }()
	return h, nil
}

// know tells which user a number in a path means.
func (h *receiver) know(number int, userID int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users[number] = userID
}

// behave makes it take everything from now on.
func (h *receiver) behave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.good = true
}

// ServeHTTP takes one event.
func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the sender has died
	}
	path, id := r.URL.Path, r.Header.Get("webhook-id")
	if path == toldOfAll {
		path = id
	}
	h.mu.Lock()
	h.tries++
	if h.ids[path] == nil {
		h.ids[path] = map[string]int{}
	}
	h.ids[path][id]++
	try, good := h.ids[path][id], h.good
	number, _ := strconv.Atoi(strings.Split(path+"//", "/")[2])
	user := h.users[number]
	h.mu.Unlock()
	signed := h.secret(user)
	if r.URL.Path == toldOfAll {
		signed = h.all
	}
	wh, err := standardwebhooks.NewWebhook(signed)
	if err == nil {
		err = wh.Verify(body, r.Header)
	}
	if err != nil {
		h.report.violated(vSignature, "event %s for %s: %v", id, path, err)
	}
	if !good && try == 1 {
		switch dice(h.seed, path).IntN(20) {
		case 0, 1:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case 2:
			select {
			case <-r.Context().Done():
			case <-time.After(2 * time.Second):
			}
			panic(http.ErrAbortHandler)
		}
	}
	h.mu.Lock()
	h.taken[path]++
	h.mu.Unlock()
}

func (h *receiver) close() { _ = h.srv.Close() }

// readAll reads an answer of ours, which is small.
func readAll(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 4<<20))
	return string(b), err
}
