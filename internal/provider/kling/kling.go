// Package kling speaks Kling's API in both of its generations: to Kling as a
// client (Driver, Upstream), and to callers of the gateway as Kling's dialect
// (Products, Parse).
//
// The facts are Kling's own pages, named in README.md. A model in the path is
// the new generation; a model_name in the body is the legacy one.
package kling

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/faultpoint"
	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
)

// Driver lists Kling to the gateway.
var Driver = provider.Driver{
	Name:        "kling",
	Title:       "Kling AI",
	ChannelType: 41,
	BaseURLs: []string{
		"https://api-singapore.klingai.com", // accounts of the global site
		"https://api-beijing.klingai.com",   // accounts of the China site
		"https://api.klingai.com",           // the old host, replaced by the two above
	},
	Models: models(),
	Open:   func(c *http.Client) provider.Provider { return New(c) },
}

// Upstream is Kling as the gateway calls it. Besides the interfaces of package
// provider it keeps nothing but signed tokens. It is safe for concurrent use.
type Upstream struct {
	http *outbound.Client
	now  func() time.Time

	mu     sync.Mutex
	tokens map[string]token // by AccessKey
}

var (
	_ provider.Provider       = (*Upstream)(nil)
	_ provider.BatchQuerier   = (*Upstream)(nil)
	_ provider.Prober         = (*Upstream)(nil)
	_ provider.CallbackReader = (*Upstream)(nil)
	_ provider.KeyChecker     = (*Upstream)(nil)
	_ provider.Lister         = (*Upstream)(nil)
	_ provider.Biller         = (*Upstream)(nil)
)

// New returns Kling over the transport of c.
func New(c *http.Client) *Upstream {
	return &Upstream{http: outbound.Use(c), now: faultpoint.Now, tokens: map[string]token{}}
}

// legacy reports whether a route belongs to the legacy generation.
func legacy(route string) bool { return strings.HasPrefix(route, "/v1/") }

// Submit sends the create call once. Only after Kling has refused a signed
// token as expired or not yet valid (1003, 1004), which creates nothing, is it
// sent a second time with a fresh one.
func (u *Upstream) Submit(ctx context.Context, cred provider.Credential, s provider.Submission) (provider.Accepted, error) {
	body, err := upstreamBody(s)
	if err != nil {
		return provider.Accepted{}, &provider.Error{Kind: provider.Rejected, Message: err.Error()}
	}
	c := outbound.Call{BaseURL: cred.BaseURL, Path: s.Request.Route, Body: body}
	a, err := u.call(ctx, cred, s.Request.Route, c, u.http.Create)
	if err != nil {
		return provider.Accepted{}, err
	}
	env := open(a.Body)
	if a.Status/100 == 2 && env.coded && env.code == 0 {
		if r := readTask(env.data); r.UpstreamID != "" {
			status := r.Status
			if r.Note != "" {
				status = provider.Submitted // an odd word; the first query tells
			}
			return provider.Accepted{UpstreamID: r.UpstreamID, Status: status}, nil
		}
	}
	return provider.Accepted{}, u.refusal(cred, a, env, createKind(a.Status, env))
}

// upstreamBody is the order with what belongs to this attempt: the external id
// and the callback address.
func upstreamBody(s provider.Submission) ([]byte, error) {
	body := bytes.TrimSpace(s.Request.Body)
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return nil, errNoObject
	}
	if legacy(s.Request.Route) {
		return addMembers(body, s), nil
	}
	options := gjson.GetBytes(body, "options")
	if !options.IsObject() {
		return addMember(body, "options", string(addMembers([]byte("{}"), s))), nil
	}
	with := addMembers([]byte(options.Raw), s)
	out := make([]byte, 0, len(body)+len(with)-len(options.Raw))
	out = append(out, body[:options.Index]...)
	out = append(out, with...)
	return append(out, body[options.Index+len(options.Raw):]...), nil
}

func addMembers(object []byte, s provider.Submission) []byte {
	if s.Ref != "" {
		object = addMember(object, "external_task_id", quote(s.Ref))
	}
	if s.CallbackURL != "" {
		object = addMember(object, "callback_url", quote(s.CallbackURL))
	}
	return object
}

// addMember returns a JSON object with one more member at its end. Parse lets
// none of the members that are added here through, so none comes twice.
func addMember(object []byte, key, raw string) []byte {
	out := make([]byte, 0, len(object)+len(key)+len(raw)+8+1024) // room for the next one
	out = append(out, object[:len(object)-1]...)
	if len(bytes.TrimSpace(object[1:len(object)-1])) > 0 {
		out = append(out, ',')
	}
	out = append(out, quote(key)...)
	out = append(out, ':')
	out = append(out, raw...)
	return append(out, '}')
}

func quote(s string) string { return string(gjson.AppendJSONString(nil, s)) }

// Query asks for one task: at its own route in the legacy generation, in
// /tasks in the new one.
func (u *Upstream) Query(ctx context.Context, cred provider.Credential, ref provider.TaskRef) (provider.Report, error) {
	id, external := ref.UpstreamID, false
	if id == "" {
		id, external = ref.Ref, true
	}
	if !plainID(id) {
		return provider.Report{}, &provider.Error{Kind: provider.Unanswered, Message: "the task has no id that can be asked for"}
	}
	c := outbound.Call{BaseURL: cred.BaseURL}
	if legacy(ref.Route) {
		// The slot takes Kling's id and the external one alike.
		c.Path = ref.Route + "/" + url.PathEscape(id)
	} else {
		c.Path, c.Query = tasksPath, tasksQuery(external, []string{id})
	}
	a, err := u.call(ctx, cred, ref.Route, c, u.http.Ask)
	if err != nil {
		return provider.Report{}, err
	}
	env := open(a.Body)
	if a.Status/100 != 2 || !env.coded || env.code != 0 {
		return provider.Report{}, u.refusal(cred, a, env, queryKind(a.Status, env, legacy(ref.Route)))
	}
	data := env.data
	if !legacy(ref.Route) {
		if !data.IsArray() {
			return provider.Report{}, u.unusable(cred, a, env, "the answer has no list of tasks")
		}
		list := data.Array()
		if len(list) == 0 { // unknown ids are silently left out
			return provider.Report{}, u.refusal(cred, a, env, provider.NotFound)
		}
		if len(list) > 1 {
			return provider.Report{}, u.unusable(cred, a, env, "the answer has more than the one task asked for")
		}
		data = list[0]
	}
	r := readTask(data)
	switch {
	case r.UpstreamID == "":
		return provider.Report{}, u.unusable(cred, a, env, "the answer names no task")
	case !external && r.UpstreamID != id, external && r.Ref != "" && r.Ref != id:
		return provider.Report{}, u.unusable(cred, a, env, "the answer is about another task")
	}
	return r, nil
}

const (
	tasksPath  = "/tasks"
	tasksLimit = 20 // undocumented; 21 ids were refused with 1201
)

func tasksQuery(external bool, ids []string) string {
	var b strings.Builder
	b.WriteString(tasksKey(external))
	for i, id := range ids {
		b.WriteByte("=,"[min(i, 1)])
		b.WriteString(url.QueryEscape(id))
	}
	return b.String()
}

func tasksKey(external bool) string {
	if external {
		return "external_task_ids"
	}
	return "task_ids"
}

// plainID reports whether an id can stand in a path: some characters, none of
// them white space or a control character, and not a step up the path.
func plainID(id string) bool {
	if id == "" || len(id) > 512 || id == "." || id == ".." {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' })
}

// BatchKey groups the tasks of the new generation that can be asked for by
// upstream id, those by external id, and the legacy tasks of one product, which
// appear in one list.
func (u *Upstream) BatchKey(cred provider.Credential, ref provider.TaskRef) string {
	if !u.CanServe(cred.Key, ref.Route) {
		return ""
	}
	id, external := ref.UpstreamID, false
	if id == "" {
		id, external = ref.Ref, true
	}
	switch {
	case !plainID(id) || strings.Contains(id, ","):
		return ""
	case !legacy(ref.Route):
		return tasksKey(external)
	case external: // lists were not seen to show external ids of old tasks
		return ""
	}
	return listKey + ref.Route
}

const (
	listKey = "list "
	// A page of a list is as heavy as its tasks are many, and what ran before is
	// on it too; so few tasks are asked for one by one.
	listLeast = 10
	listMost  = 200
	// longestPage is the most tasks that Kling shows on a page.
	longestPage = 500
)

// BatchSize is how many tasks one QueryBatch asks for.
func (u *Upstream) BatchSize(key string) (least, most int) {
	if strings.HasPrefix(key, listKey) {
		return listLeast, listMost
	}
	return 1, tasksLimit
}

// QueryBatch asks /tasks, or reads the latest pages of a product's list, for
// tasks of one BatchKey. The map's keys are the upstream ids of refs, or the
// external ids of refs without one.
func (u *Upstream) QueryBatch(ctx context.Context, cred provider.Credential, refs []provider.TaskRef) (map[string]provider.Report, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	key := u.BatchKey(cred, refs[0])
	_, most := u.BatchSize(key)
	external := refs[0].UpstreamID == ""
	ids := make([]string, len(refs))
	asked := make(map[string]bool, len(refs))
	for i, ref := range refs {
		ids[i] = ref.UpstreamID
		if external {
			ids[i] = ref.Ref
		}
		asked[ids[i]] = true
		if k := u.BatchKey(cred, ref); k == "" || k != key || len(refs) > most {
			return nil, &provider.Error{Kind: provider.Unanswered, Message: "these tasks cannot share a call"}
		}
	}
	out := make(map[string]provider.Report, len(refs))
	if !legacy(refs[0].Route) {
		c := outbound.Call{BaseURL: cred.BaseURL, Path: tasksPath, Query: tasksQuery(external, ids)}
		_, err := u.queryMany(ctx, cred, refs[0].Route, c, external, asked, out)
		return out, err
	}
	// Tasks are listed from the newest; those that run are among the latest.
	// What is not found on few pages is asked for by itself.
	size := min(3*len(refs), longestPage)
	for page := 1; page <= max(1, min(3, len(refs)/listLeast)); page++ {
		c := outbound.Call{BaseURL: cred.BaseURL, Path: refs[0].Route, Query: fmt.Sprintf("pageNum=%d&pageSize=%d", page, size)}
		n, err := u.queryMany(ctx, cred, refs[0].Route, c, false, asked, out)
		if err != nil && page > 1 {
			break // the first pages stand
		}
		if err != nil {
			return nil, err
		}
		if n < size || len(out) == len(asked) {
			break
		}
	}
	return out, nil
}

// queryMany puts those tasks of one answer that were asked for into out, and
// returns how many tasks it had.
func (u *Upstream) queryMany(
	ctx context.Context, cred provider.Credential, route string, c outbound.Call, external bool, asked map[string]bool, out map[string]provider.Report,
) (int, error) {
	a, err := u.call(ctx, cred, route, c, u.http.Ask)
	if err != nil {
		return 0, err
	}
	env := open(a.Body)
	if a.Status/100 != 2 || !env.coded || env.code != 0 {
		return 0, u.refusal(cred, a, env, queryKind(a.Status, env, false))
	}
	if !env.data.IsArray() {
		return 0, u.unusable(cred, a, env, "the answer has no list of tasks")
	}
	n := 0
	env.data.ForEach(func(_, item gjson.Result) bool {
		n++
		r := readTask(item)
		id := r.UpstreamID
		if external {
			id = r.Ref
		}
		if r.UpstreamID != "" && asked[id] {
			out[id] = r
		}
		return true
	})
	return n, nil
}

// call makes an exchange with a token for the credential.
func (u *Upstream) call(
	ctx context.Context, cred provider.Credential, route string, c outbound.Call,
	do func(context.Context, outbound.Call) (outbound.Answer, error),
) (outbound.Answer, error) {
	key, err := parseKey(cred.Key)
	if err != nil {
		return outbound.Answer{}, &provider.Error{Kind: provider.BadKey, Message: err.Error()}
	}
	if !key.serves(route) {
		return outbound.Answer{}, &provider.Error{
			Kind:    provider.NotAllowed,
			Message: "an AccessKey|SecretKey pair cannot call " + route + ", which takes API keys only",
		}
	}
	if !plainPath(c.Path) {
		return outbound.Answer{}, &provider.Error{Kind: provider.NotAllowed, Message: "the order names no path of Kling's"}
	}
	c.Token = u.bearer(key)
	a, err := do(ctx, c)
	if err == nil && a.Status == http.StatusUnauthorized && key.secret != "" {
		if code := open(a.Body).code; code == 1003 || code == 1004 {
			c.Token = u.renew(key, a)
			a, err = do(ctx, c)
		}
	}
	return a, err
}

// plainPath reports whether a path stays what it looks like: no empty segment,
// no step up, nothing that a proxy could read in another way.
func plainPath(path string) bool {
	if !strings.HasPrefix(path, "/") {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "?#\\ ") {
			return false
		}
	}
	return true
}

// StatusWord is Kling's word for a task's public status, in the generation's
// own spelling: "pending" is "submitted", success is "succeed" in the legacy
// generation and "succeeded" in the new one.
func StatusWord(generation int, public string) string {
	switch {
	case public == "pending":
		return string(provider.Submitted)
	case public == string(provider.Succeeded) && generation == 2:
		return "succeeded"
	}
	return public
}
