package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/telemetry"
	"one-api/internal/video"
	"one-api/internal/webhook"
)

func (a *API) createLegacy(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	return a.create(c, w, r, "/v1/videos/"+r.PathValue("product"))
}

func (a *API) createNew(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	return a.create(c, w, r, "/"+r.PathValue("product")+"/"+r.PathValue("model"))
}

// create accepts an order on a route of Kling's.
func (a *API) create(c auth.Caller, w http.ResponseWriter, r *http.Request, route string) error {
	if !kling.Serves(route) {
		return fault.New(fault.NotFound, "There is nothing at %.100q.", r.URL.Path).Named("route_not_found")
	}
	idem, err := generation.IdempotencyKey(r.Header.Values("Idempotency-Key"))
	if err != nil {
		return err
	}
	within, err := sendWithin(r)
	if err != nil {
		return err
	}
	faultpoint.Here("api.create.reading")
	release, err := a.Memory.Reserve(c.User.ID, r.ContentLength, a.MaxBody)
	if err != nil {
		return err
	}
	defer release()
	body, err := httpkit.JSONBody(w, r, a.MaxBody)
	if err != nil {
		return err
	}
	in, err := kling.Parse(route, body)
	if err != nil {
		return err
	}
	if in.CallbackURL != "" {
		if err := webhook.CheckURL(in.CallbackURL, "callback_url"); err != nil {
			return err
		}
	}
	if err := generation.CheckExternalID(in.ExternalTaskID); err != nil {
		return err
	}
	tags, err := tags(r, in.Metadata)
	if err != nil {
		return err
	}
	o := generation.Order{
		User: c.User, Token: c.Token, Request: in.Request, ExternalID: in.ExternalTaskID, CallbackURL: in.CallbackURL,
		Tags: tags, RequestID: telemetry.RequestID(r.Context()), SendWithin: within,
	}
	if idem != "" {
		o.Idempotency = &task.Idempotency{Key: idem, Hash: generation.RequestHash(r.Method, r.URL.Path, body)}
	}
	done, err := a.Generations.Create(r.Context(), o)
	if err != nil {
		return err
	}
	w.Header().Set("X-Quota-Price", strconv.FormatInt(int64(done.Task.Quota), 10))
	if done.Replayed != nil {
		w.Header().Set("Idempotent-Replayed", "true")
		if done.Replayed.Status != 0 {
			return httpkit.Bytes(w, done.Replayed.Status, done.Replayed.Body)
		}
	}
	if done.Replayed != nil && done.Task.FailCode == task.Rejected {
		if done.Refusal, err = a.refusal(r.Context(), done.Task.ID); err != nil {
			return err
		}
	}
	status, answer, err := createAnswer(r, &done, a.place(r.Context(), &done.Task))
	if err != nil {
		return err
	}
	if idem != "" && done.Replayed == nil {
		if err := a.Store.KeepAnswer(c.User.ID, idem, task.Answer{Status: status, Body: answer}); err != nil {
			// The task is committed; a repetition will be told of it as it is then.
			a.Log.WarnContext(r.Context(), "could not keep the answer for repetitions", "task", done.Task.ID, "err", err)
		}
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	return httpkit.Bytes(w, status, answer)
}

// refusal is the upstream's last word on a refused order, nil when the attempt
// is not known any more.
func (a *API) refusal(ctx context.Context, taskID string) (*provider.Error, error) {
	attempts, err := a.Store.Attempts(ctx, taskID)
	if err != nil || len(attempts) == 0 {
		return nil, err
	}
	last := attempts[len(attempts)-1]
	return &provider.Error{Kind: provider.Kind(last.Outcome), Code: last.Code, HTTPStatus: last.HTTPStatus, Message: last.Message}, nil
}

// read answers for one task, in both shapes that readers expect.
func (a *API) read(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	t, err := a.find(r, c, id)
	if err != nil {
		return err
	}
	if p := r.PathValue("product"); p != "" && p != id && string(t.Type) != p {
		return fault.New(fault.NotFound, "Task %.64q does not exist under %s.", id, p).Named("task_not_found")
	}
	answer := readAnswer(r, &t)
	answer.Queue = a.place(r.Context(), &t)
	return httpkit.JSON(w, http.StatusOK, answer)
}

// cancel ends a task that has not been sent, and answers as read does.
func (a *API) cancel(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !taskIDPattern.MatchString(id) {
		return fault.New(fault.NotFound, "Task %.64q does not exist.", id).Named("task_not_found")
	}
	t, err := a.Store.UserTask(r.Context(), c.User.ID, id)
	if err != nil {
		return err
	}
	if t, err = a.Generations.Cancel(context.WithoutCancel(r.Context()), t); err != nil {
		return err
	}
	return httpkit.JSON(w, http.StatusOK, readAnswer(r, &t))
}

// longestWait bounds ?wait=.
const longestWait = 60 * time.Second

// waitGap is how often a waiting read asks the database, for tasks that other
// nodes settle.
const waitGap = time.Second

// find reads a caller's task; with ?wait=seconds it answers when the task has
// ended or the time is over.
func (a *API) find(r *http.Request, c auth.Caller, id string) (task.Task, error) {
	if !taskIDPattern.MatchString(id) {
		return task.Task{}, fault.New(fault.NotFound, "Task %.64q does not exist.", id).Named("task_not_found")
	}
	var wait time.Duration
	if v := r.URL.Query().Get("wait"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > int(longestWait/time.Second) {
			return task.Task{}, fault.New(fault.Invalid, "wait must be whole seconds from 0 to 60.").Named("invalid_parameter").At("wait")
		}
		wait = time.Duration(n) * time.Second
	}
	t, err := a.Store.UserTask(r.Context(), c.User.ID, id)
	if err != nil || wait == 0 || t.Status.Terminal() {
		return t, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for {
		ended, stop := a.waiters.wait(t.ID)
		again, err := a.Store.UserTask(r.Context(), c.User.ID, t.ID)
		if err != nil || again.Status.Terminal() || a.waiters.draining() {
			stop()
			return again, err
		}
		timer := time.NewTimer(waitGap)
		select {
		case <-ended:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		stop()
		if ctx.Err() != nil {
			return a.Store.UserTask(context.WithoutCancel(r.Context()), c.User.ID, t.ID)
		}
	}
}

// taskIDPattern holds our ids and callers' external ids; nothing else is
// looked up.
var taskIDPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// listOrRead serves one path slot with two meanings: a product's list as Kling
// has it, or the short form of reading a task.
func (a *API) listOrRead(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	product := r.PathValue("product")
	if !kling.Serves("/v1/videos/" + product) {
		r.SetPathValue("id", product)
		return a.read(c, w, r)
	}
	pageNum, err := number(r, "pageNum", 1, 1000, 1)
	if err != nil {
		return err
	}
	pageSize, err := number(r, "pageSize", 1, 500, 30)
	if err != nil {
		return err
	}
	list, err := a.Store.Tasks(r.Context(), store.TaskFilter{
		UserID: c.User.ID, Type: video.Type(product), Route: "/v1/videos/" + product,
		Offset: (pageNum - 1) * pageSize, Limit: pageSize,
	})
	if err != nil {
		return err
	}
	data := make([]legacyTask, len(list))
	for i := range list {
		data[i] = newLegacyTask(&list[i])
	}
	return httpkit.JSON(w, http.StatusOK, envelope{Message: succeeded, RequestID: telemetry.RequestID(r.Context()), Data: data})
}

// queryNew is GET /tasks of the new generation: up to 20 ids, unknown ones left
// out.
func (a *API) queryNew(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ours, theirs := q.Get("task_ids"), q.Get("external_task_ids")
	if (ours == "") == (theirs == "") {
		return fault.New(fault.Invalid, "Give exactly one of task_ids and external_task_ids.").Named("invalid_parameter").At("task_ids")
	}
	ids := strings.Split(ours+theirs, ",")
	if len(ids) > 20 {
		return fault.New(fault.Invalid, "At most 20 ids can be asked for at once, not %d.", len(ids)).Named("invalid_parameter").At("task_ids")
	}
	for _, id := range ids {
		if !taskIDPattern.MatchString(id) {
			return fault.New(fault.Invalid, "%.64q is not a task id.", id).Named("invalid_parameter").At("task_ids")
		}
	}
	list, err := a.Store.Tasks(r.Context(), store.TaskFilter{UserID: c.User.ID, IDs: ids, Limit: len(ids)})
	if err != nil {
		return err
	}
	data := make([]newTask, len(list))
	for i := range list {
		data[i] = newNewTask(&list[i])
	}
	return httpkit.JSON(w, http.StatusOK, envelope{Message: succeeded, RequestID: telemetry.RequestID(r.Context()), Data: data})
}

// newListRequest is the body of POST /tasks.
type newListRequest struct {
	StartTime json.RawMessage `json:"start_time"` // ms, number or string
	EndTime   json.RawMessage `json:"end_time"`
	Cursor    string          `json:"cursor"`
	Limit     *int            `json:"limit"`
	Filters   []struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	} `json:"filters"`
}

// listNew is POST /tasks of the new generation: a cursor list, newest first.
func (a *API) listNew(c auth.Caller, w http.ResponseWriter, r *http.Request) error {
	body, err := httpkit.JSONBody(w, r, 64<<10)
	if err != nil {
		return err
	}
	var in newListRequest
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return fault.New(fault.Invalid, "The body is not the JSON of a task list request.").Named("invalid_json").Because(err)
		}
	}
	f := store.TaskFilter{UserID: c.User.ID, Limit: 100}
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > 500 {
			return fault.New(fault.Invalid, "limit must be from 1 to 500.").Named("invalid_parameter").At("limit")
		}
		f.Limit = *in.Limit
	}
	if in.Cursor != "" {
		if !taskIDPattern.MatchString(in.Cursor) {
			return fault.New(fault.Invalid, "cursor is not one of ours.").Named("invalid_parameter").At("cursor")
		}
		f.Before = in.Cursor
	} else {
		if f.Since, err = listTime(in.StartTime, "start_time"); err != nil {
			return err
		}
		if f.Until, err = listTime(in.EndTime, "end_time"); err != nil {
			return err
		}
	}
	for _, flt := range in.Filters {
		switch flt.Key {
		case "status":
			for _, v := range flt.Values {
				st, ok := publicStatuses[v]
				if !ok {
					return fault.New(fault.Invalid, "status %.32q is not one of submitted, processing, succeeded, failed.", v).Named("invalid_parameter").At("filters")
				}
				f.Statuses = append(f.Statuses, st...)
			}
		case "product_type":
			if !slices.Contains(flt.Values, "video") {
				f.Statuses = []task.Status{"none"} // we have videos only
			}
		default:
			return fault.New(fault.Invalid, "There is no filter %.32q; use status or product_type.", flt.Key).Named("invalid_parameter").At("filters")
		}
	}
	limit := f.Limit
	f.Limit++ // one more tells whether there is a next page
	list, err := a.Store.Tasks(r.Context(), f)
	if err != nil {
		return err
	}
	page := newPage{Result: []newTask{}}
	if page.HasMore = len(list) > limit; page.HasMore {
		list = list[:limit]
		page.NextCursor = list[limit-1].ID
	}
	for i := range list {
		page.Result = append(page.Result, newNewTask(&list[i]))
	}
	page.Count = len(page.Result)
	return httpkit.JSON(w, http.StatusOK, envelope{Message: succeeded, RequestID: telemetry.RequestID(r.Context()), Data: page})
}

// publicStatuses are the states behind each word of the new generation.
var publicStatuses = map[string][]task.Status{
	"submitted":  {task.Pending, task.Submitting, task.Unknown, task.Submitted},
	"processing": {task.Processing},
	"succeeded":  {task.Succeeded},
	"succeed":    {task.Succeeded},
	"failed":     {task.Failed},
}

func listTime(raw json.RawMessage, field string) (time.Time, error) {
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > 1e14 {
		return time.Time{}, fault.New(fault.Invalid, "%s must be Unix milliseconds.", field).Named("invalid_parameter").At(field)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// number reads a whole number from the query.
func number(r *http.Request, name string, least, most, fallback int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Invalid, "%s must be a whole number from %d to %d.", name, least, most).Named("invalid_parameter").At(name)
	}
	return n, nil
}

// sendWithin reads X-Deadline-Seconds.
func sendWithin(r *http.Request) (time.Duration, error) {
	v := r.Header.Get("X-Deadline-Seconds")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 86400 {
		return 0, fault.New(fault.Invalid, "X-Deadline-Seconds must be whole seconds from 1 to 86400.").Named("invalid_parameter").At("X-Deadline-Seconds")
	}
	return time.Duration(n) * time.Second, nil
}

// tags reads X-Tags (team=ads,job=17) and the body's metadata; the header wins.
func tags(r *http.Request, metadata map[string]string) (string, error) {
	out := map[string]string{}
	for k, v := range metadata {
		out[k] = v
	}
	for _, h := range r.Header.Values("X-Tags") {
		for pair := range strings.SplitSeq(h, ",") {
			if pair = strings.TrimSpace(pair); pair == "" {
				continue
			}
			k, v, ok := strings.Cut(pair, "=")
			if !ok {
				return "", fault.New(fault.Invalid, "X-Tags must look like team=ads,job=17.").Named("invalid_parameter").At("X-Tags")
			}
			out[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return generation.Tags(out)
}

const succeeded = "SUCCEED"

// submitMessage is the message of an accepted order, in both languages of our
// readers.
const submitMessage = "Task submitted; query it for the result. 任务已提交，请通过查询接口获取结果"

// envelope is Kling's.
type envelope struct {
	Code      int    `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
	Data      any    `json:"data"`
}

type taskInfo struct {
	ExternalTaskID string `json:"external_task_id,omitempty"`
}

// legacyTask is a task in the shape of Kling's legacy generation.
type legacyTask struct {
	TaskID        string          `json:"task_id"`
	TaskStatus    string          `json:"task_status"`
	TaskStatusMsg string          `json:"task_status_msg"`
	TaskInfo      taskInfo        `json:"task_info"`
	TaskResult    json.RawMessage `json:"task_result,omitempty"`
	Test          bool            `json:"test,omitempty"` // ours: of test mode
	CreatedAt     int64           `json:"created_at"`     // ms
	UpdatedAt     int64           `json:"updated_at"`
}

// newTask is a task in the shape of Kling's new generation.
type newTask struct {
	ID         string          `json:"id"`
	Status     string          `json:"status"`
	Message    string          `json:"message"`
	CreateTime int64           `json:"create_time"` // ms
	UpdateTime int64           `json:"update_time"`
	ExternalID string          `json:"external_id,omitempty"`
	Outputs    json.RawMessage `json:"outputs,omitempty"`
	Test       bool            `json:"test,omitempty"` // ours: of test mode
}

type newPage struct {
	Result     []newTask `json:"result"`
	Count      int       `json:"count"`
	NextCursor string    `json:"next_cursor,omitempty"`
	HasMore    bool      `json:"has_more"`
}

// legacyStatus is Kling's legacy word: a task that waits here is submitted
// there.
func legacyStatus(s task.Status) string {
	switch s {
	case task.Processing, task.Succeeded, task.Failed:
		return string(s)
	}
	return string(task.Submitted)
}

// newStatus is the new generation's word.
func newStatus(s task.Status) string {
	if s == task.Succeeded {
		return "succeeded"
	}
	return legacyStatus(s)
}

func newLegacyTask(t *task.Task) legacyTask {
	return legacyTask{
		TaskID: t.ID, TaskStatus: legacyStatus(t.Status), TaskStatusMsg: t.FailReason,
		TaskInfo: taskInfo{t.ExternalID}, TaskResult: legacyResult(t), Test: t.Test,
		CreatedAt: t.CreatedAt.UnixMilli(), UpdatedAt: t.UpdatedAt.UnixMilli(),
	}
}

func newNewTask(t *task.Task) newTask {
	return newTask{
		ID: t.ID, Status: newStatus(t.Status), Message: t.FailReason, CreateTime: t.CreatedAt.UnixMilli(),
		UpdateTime: t.UpdatedAt.UnixMilli(), ExternalID: t.ExternalID, Outputs: newOutputs(t), Test: t.Test,
	}
}

type legacyVideo struct {
	ID       string `json:"id"`
	URL      string `json:"url"`
	Duration string `json:"duration"`
}

// legacyResult is the upstream's own task_result, or one made from the first
// result when the task was made through the new generation.
func legacyResult(t *task.Task) json.RawMessage {
	if t.Status != task.Succeeded {
		return nil
	}
	if kling.Legacy(t.Route) && len(t.Result) > 0 {
		return t.Result
	}
	b, err := json.Marshal(map[string][]legacyVideo{"videos": {{t.VideoID, t.StoreURL, strconv.Itoa(t.Duration)}}})
	if err != nil {
		return nil
	}
	return b
}

// newOutputs is the reverse of legacyResult.
func newOutputs(t *task.Task) json.RawMessage {
	if t.Status != task.Succeeded {
		return nil
	}
	if !kling.Legacy(t.Route) && len(t.Result) > 0 {
		return t.Result
	}
	b, err := json.Marshal([]map[string]string{{"type": "video", "id": t.VideoID, "url": t.StoreURL, "duration": strconv.Itoa(t.Duration)}})
	if err != nil {
		return nil
	}
	return b
}

// createResponse serves both readers of a create: the guide's flat fields and
// Kling's envelope.
type createResponse struct {
	Code        int    `json:"code"`
	Message     string `json:"message"`
	RequestID   string `json:"request_id"`
	TaskID      string `json:"task_id"`
	KlingTaskID string `json:"kling_task_id,omitempty"`
	Status      string `json:"status"`
	Queue       *queue `json:"queue,omitempty"` // while pending
	Quota       int64  `json:"quota"`
	Test        bool   `json:"test,omitempty"`
	Data        any    `json:"data"`
}

// queue is where a pending task stands.
type queue struct {
	Position         int   `json:"position"`                    // from 1
	EstimatedSeconds int64 `json:"estimated_seconds,omitempty"` // until it is sent; left out when nobody can tell
}

// place tells where a task waits, nil when it does not or nobody can tell now.
func (a *API) place(ctx context.Context, t *task.Task) *queue {
	if t.Status != task.Pending {
		return nil
	}
	p, err := a.Generations.Place(ctx, t.ID)
	if err != nil {
		return nil
	}
	return &queue{Position: p.Position, EstimatedSeconds: int64((p.Wait + time.Second - 1) / time.Second)}
}

// createAnswer is what the caller of a create is told: the order's id, or the
// upstream's refusal.
func createAnswer(r *http.Request, done *generation.Created, q *queue) (int, []byte, error) {
	t := &done.Task
	// A repetition whose first answer was never kept is told of the task as it
	// is now; what was refused when it was sent is refused again.
	if t.Status == task.Failed && (done.Replayed == nil || done.Refusal != nil) {
		status, body := refusalAnswer(r, done)
		b, err := json.Marshal(body)
		return status, b, err
	}
	out := createResponse{
		Message: submitMessage, RequestID: telemetry.RequestID(r.Context()), TaskID: t.ID, KlingTaskID: t.UpstreamID,
		Status: t.Status.Public(), Queue: q, Quota: int64(t.Quota), Test: t.Test, Data: newLegacyTask(t),
	}
	if !kling.Legacy(t.Route) {
		out.Data = newNewTask(t)
	}
	b, err := json.Marshal(out)
	return http.StatusOK, b, err
}

// refusalAnswer tells of an order that failed at once. The caller's own fault
// comes in Kling's words; what only the operator can mend does not.
func refusalAnswer(r *http.Request, done *generation.Created) (int, errorResponse) {
	t := &done.Task
	f, status := done.Refused()
	number := kling.Number(f)
	if e := done.Refusal; e != nil && e.Kind == provider.Rejected && e.Code != 0 {
		number = e.Code
	}
	if status == 0 {
		status = httpkit.Status(f.Code)
	}
	out := newErrorResponse(r, f, number)
	out.TaskID = t.ID
	return status, out
}

// readResponse serves both readers of a status: flat, and Kling's envelope.
type readResponse struct {
	Code        int         `json:"code"`
	Message     string      `json:"message"`
	RequestID   string      `json:"request_id"`
	TaskID      string      `json:"task_id"`
	KlingTaskID string      `json:"kling_task_id,omitempty"`
	Status      string      `json:"status"`
	Queue       *queue      `json:"queue,omitempty"` // while pending
	Model       string      `json:"model"`
	Provider    string      `json:"provider"`
	Type        video.Type  `json:"type"`
	CreatedAt   int64       `json:"created_at"` // s
	FinishedAt  int64       `json:"finished_at,omitempty"`
	VideoURL    string      `json:"video_url,omitempty"`
	Duration    int         `json:"duration"` // s, as ordered
	Quota       money.Quota `json:"quota"`    // held, or captured once it succeeded
	FailCode    string      `json:"fail_code,omitempty"`
	FailReason  string      `json:"fail_reason,omitempty"`
	ExternalID  string      `json:"external_task_id,omitempty"`
	Test        bool        `json:"test,omitempty"`
	Data        any         `json:"data"`
}

func readAnswer(r *http.Request, t *task.Task) readResponse {
	return readAnswerAs(telemetry.RequestID(r.Context()), t)
}

func readAnswerAs(requestID string, t *task.Task) readResponse {
	out := readResponse{
		Message: succeeded, RequestID: requestID, TaskID: t.ID, KlingTaskID: t.UpstreamID,
		Status: t.Status.Public(), Model: t.Model, Provider: t.Provider, Type: t.Type, CreatedAt: t.CreatedAt.Unix(),
		VideoURL: t.StoreURL, Duration: t.Duration, Quota: t.Quota, FailCode: string(t.FailCode), FailReason: t.FailReason,
		ExternalID: t.ExternalID, Test: t.Test, Data: newLegacyTask(t),
	}
	if !t.FinishedAt.IsZero() {
		out.FinishedAt = t.FinishedAt.Unix()
	}
	if t.Status == task.Failed {
		out.Quota = 0
	}
	if !kling.Legacy(t.Route) {
		out.Data = newNewTask(t)
	}
	return out
}

// Notice is what a caller's callback_url receives when a task ends: the body
// that Kling itself would post, with our ids.
func Notice(t task.Task) json.RawMessage {
	var v any = newLegacyTask(&t)
	if !kling.Legacy(t.Route) {
		v = newNewTask(&t)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// announcement is what webhook endpoints are sent, in the form that Standard
// Webhooks recommends.
type announcement struct {
	Type      string       `json:"type"` // "task.succeed", "task.failed"
	Timestamp time.Time    `json:"timestamp"`
	Test      bool         `json:"test,omitempty"` // of a task of test mode
	Data      readResponse `json:"data"`           // as the status route shows the task
}

// Announce is what webhook endpoints are sent when a task ends.
func Announce(t task.Task, eventType string) json.RawMessage {
	b, err := json.Marshal(announcement{Type: eventType, Timestamp: t.FinishedAt.UTC(), Test: t.Test, Data: readAnswerAs(t.RequestID, &t)})
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// errorResponse serves readers of OpenAI's error object and of Kling's
// envelope.
type errorResponse struct {
	Error     errorObject `json:"error"`
	Code      int         `json:"code"` // Kling's number
	Message   string      `json:"message"`
	RequestID string      `json:"request_id"`
	TaskID    string      `json:"task_id,omitempty"`
}

type errorObject struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    string `json:"code"`
	Param   string `json:"param,omitempty"`
}

func newErrorResponse(r *http.Request, f *fault.Error, number int) errorResponse {
	return errorResponse{
		Error: errorObject{Message: f.Message, Type: errorType(f.Code), Code: f.Word(), Param: f.Field},
		Code:  number, Message: f.Message, RequestID: telemetry.RequestID(r.Context()),
	}
}

// errorType is OpenAI's word for a class of errors.
func errorType(c fault.Code) string {
	switch c {
	case fault.Unauthenticated:
		return "authentication_error"
	case fault.InsufficientQuota:
		return "insufficient_quota"
	case fault.Forbidden:
		return "permission_error"
	case fault.NotFound:
		return "not_found_error"
	case fault.Throttled:
		return "rate_limit_error"
	case fault.Internal, fault.Unavailable:
		return "api_error"
	}
	return "invalid_request_error"
}

// Fail writes a refusal in the callers' dialect.
func Fail(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	_ = httpkit.JSON(w, httpkit.Status(f.Code), newErrorResponse(r, f, kling.Number(f)))
}
