package klingsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// delivery is one callback: a state of a task, as it was.
type delivery struct {
	view view
	id   string // webhook-id; a repetition has the same
}

// post queues the callback for the state that a task has just reached. A task's
// callbacks go out one after the other. It needs Sim.mu.
func (s *Sim) post(t *task) {
	if t.callback == "" || s.opt.NoCallbacks || s.closed {
		return
	}
	n := t.seq*4 + uint64(stage(t.status))
	if s.opt.CallbackDropShare > 0 && s.draw(drawDrop, n) < s.opt.CallbackDropShare {
		t.lost++
	} else {
		id, err := newID()
		if err != nil {
			t.lost++
			return
		}
		t.outbox = append(t.outbox, delivery{view: t.view(), id: id})
	}
	if t.reversed {
		if !t.ended() {
			return
		}
		slices.Reverse(t.outbox)
	}
	s.queue(t)
}

func stage(status Status) int {
	return slices.Index([]Status{Submitted, Processing, Succeeded, Failed}, status)
}

// queue hands a task to the senders. It needs Sim.mu.
func (s *Sim) queue(t *task) {
	if t.queued || len(t.outbox) == 0 {
		return
	}
	t.queued = true
	s.ready = append(s.ready, t)
	if s.senders < s.opt.CallbackConcurrency {
		s.senders++
		s.done.Go(s.send)
	}
}

// send delivers callbacks until none is waiting.
func (s *Sim) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) > 0 && !s.closed {
		t := s.ready[0]
		s.ready[0] = nil
		s.ready = s.ready[1:]
		d := t.outbox[0]
		t.outbox = t.outbox[1:]
		t.sending = true

		s.mu.Unlock()
		sent := 0
		for range s.opt.CallbackRepeat {
			if err := s.deliver(t, d); err == nil {
				sent++
			} else if s.ctx.Err() == nil {
				s.log.Info("callback not delivered", "task", t.id, "status", d.view.status, "err", err)
			}
		}
		s.mu.Lock()

		t.sent += sent
		t.lost += s.opt.CallbackRepeat - sent
		t.sending, t.queued = false, false
		s.queueAgain(t)
		s.notify()
	}
	s.senders--
}

// queueAgain keeps a task with more callbacks in the line, without a new sender:
// the one that calls it goes on.
func (s *Sim) queueAgain(t *task) {
	if len(t.outbox) > 0 && (!t.reversed || t.ended()) {
		t.queued = true
		s.ready = append(s.ready, t)
	}
}

// deliver posts one callback once. Kling's retries are not documented, so there
// are none.
func (s *Sim) deliver(t *task, d delivery) error {
	body := make([]byte, 0, 512)
	if t.legacy {
		body = t.appendLegacyCallback(body, d.view, s.fileKey)
	} else {
		body = t.appendNew(body, d.view, s.fileKey)
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.opt.CallbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.callback, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", jsonType)
	if key := t.account.conf.Load().WebhookSecret; key != "" {
		if err := sign(req.Header, key.Reveal(), d.id, s.now(), body); err != nil {
			return err
		}
	}
	resp, err := s.opt.HTTPClient.Do(req)
	if err != nil {
		if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
			err = withURL.Err // callback addresses carry the receiver's secrets
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the receiver answered %s", resp.Status)
	}
	return nil
}

// sign sets the three headers of Kling's callback signature, which is that of
// Standard Webhooks.
func sign(h http.Header, key, id string, at time.Time, body []byte) error {
	w, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		return err
	}
	signature, err := w.Sign(id, at, body)
	if err != nil {
		return err
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}

// SendCallback queues a callback for the state that a task is in, once more. It
// fails for an unknown id (Kling's, of any account) and for a task without a
// callback_url.
func (s *Sim) SendCallback(taskID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now())
	t := s.byID[taskID]
	if t == nil {
		return fmt.Errorf("there is no task %q", taskID)
	}
	if t.callback == "" {
		return fmt.Errorf("task %s has no callback_url", taskID)
	}
	if s.closed {
		return errors.New("the simulator is closed")
	}
	id, err := newID()
	if err != nil {
		return err
	}
	t.outbox = append(t.outbox, delivery{view: t.view(), id: id})
	s.queue(t)
	return nil
}

// callbackClient is a client for many callbacks to few hosts. A redirect is an
// answer, and not 2xx.
func callbackClient(concurrency int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = concurrency
	transport.MaxIdleConnsPerHost = concurrency
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
