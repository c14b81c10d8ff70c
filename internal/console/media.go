package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/provider/outbound"
	"one-api/internal/task"
)

// Results pass through the gateway, so that the console's pages need no host
// but their own.

type taskMedia struct {
	TaskID
	Index    int    `query:"i" minimum:"0" maximum:"99" doc:"Which of them, from 0."`
	Kind     string `query:"kind" enum:"video,image,audio" default:"video"`
	Download bool   `query:"download" doc:"To be kept as a file."`
	Range    string `header:"Range" doc:"A part of it, as players ask."`
}

const (
	mediaPerUser = 16
	mediaPerNode = 256
	// mostMedia bounds one result, bytes.
	mostMedia = 2 << 30
	// mediaPatience is how long either side may do nothing.
	mediaPatience = time.Minute
)

func (c *Console) media() {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	content := map[string]*huma.MediaType{"video/mp4": binary, "image/png": binary, "application/octet-stream": binary}
	register(c, signed, huma.Operation{
		OperationID: "get-task-media", Method: http.MethodGet, Path: "/api/tasks/{id}/media", Summary: "A task's result itself", Tags: []string{"tasks"},
		Description: "The result's bytes, fetched from the upstream; ranges work. 404 result_gone once the upstream has removed it.",
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: content},
			"206": {Description: "Partial Content", Content: content},
			"416": {Description: "Range Not Satisfiable"},
		},
	}, c.taskMedia)
}

// places counts what goes on at once, for each user and in all. The zero value
// is ready.
type places struct {
	mu      sync.Mutex
	perUser map[int64]int
	total   int
}

// take takes a place until the returned function is called; nil is none free.
func (p *places) take(userID int64, perUser, total int) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perUser[userID] >= perUser || p.total >= total {
		return nil
	}
	if p.perUser == nil {
		p.perUser = map[int64]int{}
	}
	p.perUser[userID]++
	p.total++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.total--
		if p.perUser[userID]--; p.perUser[userID] == 0 {
			delete(p.perUser, userID)
		}
	}
}

// resultsOf lists the addresses of a task's results of a kind, as the
// upstream's own result has them: by kind, or one list that names kinds.
func resultsOf(t *task.Task, kind string) []string {
	type item struct {
		Type string `json:"type"`
		URL  string `json:"url"`
		MP3  string `json:"url_mp3"`
	}
	var byKind map[string]json.RawMessage
	var list []item
	if json.Unmarshal(t.Result, &byKind) == nil {
		_ = json.Unmarshal(byKind[kind+"s"], &list) // what is not a list has nothing
	} else {
		var all []item
		_ = json.Unmarshal(t.Result, &all)
		for _, i := range all {
			if i.Type == kind {
				list = append(list, i)
			}
		}
	}
	var out []string
	for _, i := range list {
		if i.URL == "" {
			i.URL = i.MP3
		}
		if i.URL != "" {
			out = append(out, i.URL)
		}
	}
	if len(out) == 0 && kind == "video" && t.StoreURL != "" {
		out = []string{t.StoreURL}
	}
	return out
}

func (c *Console) taskMedia(ctx context.Context, v *Viewer, in *taskMedia) (*huma.StreamResponse, error) {
	t, err := c.findTask(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	list := resultsOf(&t, in.Kind)
	if t.Status != task.Succeeded || in.Index >= len(list) {
		return nil, fault.New(fault.NotFound, "Task %s has no %s %d.", t.ID, in.Kind, in.Index).Named("result_not_found")
	}
	done := c.mediaPlaces.take(v.User.ID, mediaPerUser, mediaPerNode)
	if done == nil {
		return nil, fault.New(fault.Throttled, "Too many results are being read at once. Try again in a moment.").Named("too_many_media").After(2 * time.Second)
	}
	ctx, cancel := context.WithCancel(ctx)
	give := func() { cancel(); done() }
	resp, err := c.fetch(ctx, &t, list[in.Index], request(ctx).Header) //nolint:bodyclose // pass is through with it later
	if err != nil {
		give()
		return nil, err
	}
	id, _ := ctx.Value(viewerKey{}).(*identity)
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer give()
		defer func() { _ = resp.Body.Close() }()
		mediaHeaders(id.w.Header(), resp.Header, t.ID, in)
		pass(id.w, id.r, resp, cancel, c.streams.stopping())
	}}, nil
}

// fetch asks for a result. The error says why there is none to be shown.
func (c *Console) fetch(ctx context.Context, t *task.Task, address string, asked http.Header) (*http.Response, error) {
	header := http.Header{}
	for _, name := range []string{"Range", "If-Range"} {
		if text := asked.Get(name); text != "" {
			header.Set(name, text)
		}
	}
	var resp *http.Response
	var err error
	switch {
	case t.Test && c.TestResults != nil:
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody); err == nil {
			req.Header = header
			resp, err = c.TestResults.RoundTrip(req)
		}
	default:
		base := ""
		if ch, ok := c.Directory.View().Channel(t.ChannelID); ok {
			base = ch.BaseURL
		}
		resp, err = c.Results.Get(ctx, address, base, header)
	}
	unavailable := func(cause error) error {
		return fault.New(fault.Unavailable, "The result cannot be fetched from the upstream at present. Try again later.").
			Named("result_unavailable").After(30 * time.Second).Because(cause)
	}
	if outbound.Refused(err) {
		return nil, fault.New(fault.Unprocessable, "The result's address does not lead to a public host; the gateway does not fetch it.").Named("result_address_refused").Because(err)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	refuse := func(err error) (*http.Response, error) {
		_ = resp.Body.Close()
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		if resp.ContentLength > mostMedia {
			return refuse(fault.New(fault.Unprocessable, "The result has %d MB, more than is passed on. Open its address instead.", resp.ContentLength>>20).Named("result_too_large"))
		}
		return resp, nil
	case http.StatusRequestedRangeNotSatisfiable:
		return resp, nil
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone: // signed addresses that have expired among them
		return refuse(fault.New(fault.NotFound, "The upstream no longer has this result.").Named("result_gone"))
	}
	return refuse(unavailable(errors.New("the upstream answered " + resp.Status)))
}

// mediaHeaders are those of an answer with a result. The bytes are the
// upstream's: whatever they are, they are shown as a picture, film or sound or
// not at all.
func mediaHeaders(to, from http.Header, taskID string, in *taskMedia) {
	for _, name := range []string{"Content-Length", "Content-Range", "Accept-Ranges", "Etag", "Last-Modified"} {
		if text := from.Get(name); text != "" {
			to.Set(name, text)
		}
	}
	typ, _, err := mime.ParseMediaType(from.Get("Content-Type"))
	family, _, _ := strings.Cut(typ, "/")
	if err != nil || typ == "image/svg+xml" || family != "video" && family != "image" && family != "audio" {
		typ = "application/octet-stream"
	}
	name := taskID
	if in.Index > 0 {
		name += "-" + strconv.Itoa(in.Index)
	}
	name += map[string]string{
		"video/mp4": ".mp4", "video/webm": ".webm", "video/quicktime": ".mov", "image/png": ".png", "image/jpeg": ".jpg",
		"image/webp": ".webp", "audio/mpeg": ".mp3", "audio/wav": ".wav", "audio/x-wav": ".wav",
	}[typ]
	how := "inline"
	if in.Download {
		how = "attachment"
	}
	to.Set("Content-Type", typ)
	to.Set("Content-Disposition", how+`; filename="`+name+`"`) // ids are letters, digits and _
	to.Set("Cache-Control", "private, max-age=3600")
	to.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	to.Set("X-Content-Type-Options", "nosniff")
	to.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// pass copies a result. It gives up when either side stands still, and when the
// node stops: players ask for the rest by themselves.
func pass(w http.ResponseWriter, r *http.Request, resp *http.Response, cancel func(), stopping <-chan struct{}) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // the server's own limits are for requests
	_ = rc.SetWriteDeadline(time.Now().Add(mediaPatience))
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		w.Header().Del("Content-Length") // of the upstream's words about it
	}
	w.WriteHeader(resp.StatusCode)
	if r.Method == http.MethodHead || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return
	}
	idle := time.AfterFunc(mediaPatience, cancel)
	defer idle.Stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stopping:
			cancel()
		case <-ended:
		}
	}()
	buf := make([]byte, 64<<10)
	for left := int64(mostMedia); ; {
		n, err := resp.Body.Read(buf)
		idle.Reset(mediaPatience)
		if left -= int64(n); left < 0 {
			panic(http.ErrAbortHandler) // a result without end is no result
		}
		_ = rc.SetWriteDeadline(time.Now().Add(mediaPatience))
		if _, werr := w.Write(buf[:n]); werr != nil {
			return // the reader is gone
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the reader must not take a part for the whole
		}
	}
}
