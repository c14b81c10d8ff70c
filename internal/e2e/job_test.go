package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/video"
)

func TestTheGuidesOrderIsHeldSentAndChargedOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, byHand: true})
		c := w.user
		start := w.setup.balance

		order := strings.TrimSuffix(guideOrder, "}") + `,"external_task_id":"mine-1"}`
		a := c.do("POST", text2video, order)
		if a.status != http.StatusOK {
			t.Fatalf("create answered %s", a)
		}
		id := a.text("task_id")
		if got, want := shape(a.body), shapeOfCreate; got != want {
			t.Errorf("shape of the create's answer (-want +got):\n%s", cmp.Diff(want, got))
		}
		if got := a.header.Get("X-Quota-Price"); got != "300000" {
			t.Errorf("X-Quota-Price is %q, want 300000", got)
		}
		if a.text("status") != "submitted" || a.get("code").Int() != 0 || a.text("data.task_status") != "submitted" ||
			a.text("data.task_id") != id || a.text("data.task_info.external_task_id") != "mine-1" {
			t.Errorf("create answered %s", a)
		}
		c.balance(start-guidePrice, guidePrice)

		u := w.upstream(id)
		if a.text("kling_task_id") != u.ID {
			t.Errorf("kling_task_id is %q, Kling's id is %q", a.text("kling_task_id"), u.ID)
		}
		sent := gjson.ParseBytes(u.Body)
		if got, want := keys(sent), []string{"aspect_ratio", "callback_url", "duration", "external_task_id", "mode", "model_name", "prompt"}; !slices.Equal(got, want) {
			t.Errorf("Kling was sent %v, want %v", got, want)
		}
		for member, want := range map[string]string{
			"model_name": `"kling-v1-5"`, "mode": `"std"`, "duration": `"5"`, "aspect_ratio": `"16:9"`, "external_task_id": `"` + id + `"`,
		} {
			if got := sent.Get(member).Raw; got != want {
				t.Errorf("Kling was sent %s = %s, want %s", member, got, want)
			}
		}
		if got, want := u.CallbackURL, w.nodes[0].url+"/kling/callback/"+id+"?k="; !strings.HasPrefix(got, want) || len(got) < len(want)+32 {
			t.Errorf("Kling was given the callback address %s, want %s and a proof", got, want)
		}

		if a := c.read(id); shape(a.body) != shapeOfLiveRead {
			t.Errorf("shape of a live task (-want +got):\n%s", cmp.Diff(shapeOfLiveRead, shape(a.body)))
		}
		w.pass(3 * time.Minute)
		told := time.Now()
		end := c.succeeded(id)
		if late := time.Since(told); late > 3*time.Second {
			t.Errorf("the success was known %s after the callback, want at most 3 s", late)
		}
		if got, want := shape(end.body), shapeOfEndedRead; got != want {
			t.Errorf("shape of a task that succeeded (-want +got):\n%s", cmp.Diff(want, got))
		}
		if end.text("video_url") == "" || end.text("video_url") != end.text("data.task_result.videos.0.url") || end.get("duration").Int() != 5 ||
			end.text("provider") != "kling" || end.text("type") != "text2video" || end.text("model") != "kling-v1-5-std" ||
			end.text("data.task_status") != "succeed" || end.text("kling_task_id") != u.ID {
			t.Errorf("the ended task reads %s", end)
		}
		if at := end.get("created_at").Int(); at < time.Now().Add(-time.Hour).Unix() || at > time.Now().Add(time.Minute).Unix() {
			t.Errorf("created_at is %d, want seconds of now", at)
		}
		for _, path := range []string{text2video + "/" + id, text2video + "/mine-1", "/kling/v1/videos/mine-1"} {
			if got := c.do("GET", path, ""); got.status != http.StatusOK || got.text("task_id") != id {
				t.Errorf("GET %s answered %s", path, got)
			}
		}
		if a := c.do("GET", "/kling/v1/videos/image2video/"+id, ""); a.status != http.StatusNotFound {
			t.Errorf("a text2video task read as image2video: %s", a)
		}
		c.balance(start-guidePrice, 0)
		lines, err := w.books.TaskLines(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, l := range lines {
			kinds = append(kinds, fmt.Sprintf("%s %d", l.Kind, l.Amount))
		}
		if want := []string{"hold 300000", "capture 300000"}; !slices.Equal(kinds, want) {
			t.Errorf("the ledger has %v, want %v", kinds, want)
		}
		if n := w.sim.Creates(id); n != 1 {
			t.Errorf("Kling got %d create calls, want 1", n)
		}
	})
}

// The members of answers and their kinds, as design.md section 4 and Kling's
// pages have them. Callers rely on them.
const (
	shapeOfCreate = `code number
data.created_at number
data.task_id string
data.task_info.external_task_id string
data.task_status string
data.task_status_msg string
data.updated_at number
kling_task_id string
message string
quota number
request_id string
status string
task_id string`

	shapeOfLiveRead = `code number
created_at number
data.created_at number
data.task_id string
data.task_info.external_task_id string
data.task_status string
data.task_status_msg string
data.updated_at number
duration number
external_task_id string
kling_task_id string
message string
model string
provider string
quota number
request_id string
status string
task_id string
type string`

	shapeOfEndedRead = `code number
created_at number
data.created_at number
data.task_id string
data.task_info.external_task_id string
data.task_result.videos[].duration string
data.task_result.videos[].id string
data.task_result.videos[].url string
data.task_status string
data.task_status_msg string
data.updated_at number
duration number
external_task_id string
finished_at number
kling_task_id string
message string
model string
provider string
quota number
request_id string
status string
task_id string
type string
video_url string`

	shapeOfRefusal = `code number
error.code string
error.message string
error.type string
message string
request_id string
task_id string`
)

// shape lists the members of a JSON text, one a line, with their kinds.
func shape(body string) string {
	var lines []string
	var walk func(path string, v gjson.Result)
	walk = func(path string, v gjson.Result) {
		switch {
		case v.IsObject():
			v.ForEach(func(key, value gjson.Result) bool {
				walk(strings.TrimPrefix(path+"."+key.Str, "."), value)
				return true
			})
		case v.IsArray():
			for _, item := range v.Array() {
				walk(path+"[]", item)
			}
		case v.IsBool():
			lines = append(lines, path+" boolean")
		default:
			lines = append(lines, path+" "+strings.ToLower(v.Type.String()))
		}
	}
	walk("", gjson.Parse(body))
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

func keys(v gjson.Result) []string {
	var out []string
	v.ForEach(func(key, _ gjson.Result) bool { out = append(out, key.Str); return true })
	slices.Sort(out)
	return out
}

const picture = "https://example.com/cat.png"

// product is one thing that Kling sells and what an order for it comes to.
type product struct {
	name  string
	path  string
	body  string
	kind  video.Type
	model string
	price money.Quota
	sent  map[string]string // what Kling gets, by path
}

var products = []product{
	{
		name: "text2video by Kling's own names", path: text2video, kind: "text2video", model: "kling-v1-6-pro", price: 1_200_000,
		body: `{"model_name":"kling-v1-6","mode":"pro","prompt":"a cat","duration":"10","aspect_ratio":"1:1","negative_prompt":"dogs","cfg_scale":0.7}`,
		sent: map[string]string{"model_name": `"kling-v1-6"`, "mode": `"pro"`, "duration": `"10"`, "negative_prompt": `"dogs"`, "cfg_scale": `0.7`},
	},
	{
		name: "text2video without a ratio is 16:9", path: text2video, kind: "text2video", model: "kling-v1-5-pro", price: 600_000,
		body: `{"model":"kling-v1-5-pro","prompt":"a cat"}`,
		sent: map[string]string{"mode": `"pro"`, "duration": `"5"`},
	},
	{
		name: "image2video", path: "/kling/v1/videos/image2video", kind: "image2video", model: "kling-v1-6-std", price: 330_000,
		body: `{"model":"kling-v1-6-std","image":"` + picture + `","prompt":"it jumps","duration":5}`,
		sent: map[string]string{"image": `"` + picture + `"`, "model_name": `"kling-v1-6"`, "duration": `"5"`},
	},
	{
		name: "omni-video by default is kling-video-o1 in pro", path: "/kling/v1/videos/omni-video", kind: "omni-video", model: "kling-video-o1-pro", price: 280_000,
		body: `{"prompt":"a cat and <<<image_1>>>","image_list":[{"image_url":"` + picture + `"}],"aspect_ratio":"16:9","duration":"5"}`,
		sent: map[string]string{"model_name": `"kling-video-o1"`, "mode": `"pro"`, "image_list.0.image_url": `"` + picture + `"`},
	},
	{
		name: "multi-image2video", path: "/kling/v1/videos/multi-image2video", kind: "multi-image2video", model: "kling-v1-6-pro", price: 780_000,
		body: `{"model":"kling-v1-6-pro","image_list":[{"image":"` + picture + `"},{"image":"` + picture + `"}],"prompt":"they meet"}`,
		sent: map[string]string{"model_name": `"kling-v1-6"`, "mode": `"pro"`, "image_list.#": `2`},
	},
	{
		name: "new text-to-video", path: "/kling/text-to-video/kling-3.0-turbo", kind: "text2video", model: "kling-3.0-turbo-pro", price: 490_000,
		body: `{"prompt":"a cat","settings":{"resolution":"1080p","duration":7,"aspect_ratio":"9:16"},"options":{"external_task_id":"new-1"}}`,
		sent: map[string]string{"settings.resolution": `"1080p"`, "settings.duration": `7`, "settings.aspect_ratio": `"9:16"`},
	},
	{
		name: "new image-to-video", path: "/kling/image-to-video/kling-3.0-turbo", kind: "image2video", model: "kling-3.0-turbo-std", price: 280_000,
		body: `{"contents":[{"type":"prompt","text":"it jumps"},{"type":"first_frame","url":"` + picture + `"}]}`,
		sent: map[string]string{"settings.resolution": `"720p"`, "settings.duration": `5`, "contents.1.url": `"` + picture + `"`},
	},
}

func TestEachProductIsPricedSentAndDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		channel: func(n *store.NewChannel) { n.Name = "legacy" },
		sim:     klingsim.Options{ToEnd: 50 * time.Millisecond},
	})
	// A second channel of the same account holds the API key that the new
	// generation wants.
	w.addChannel(store.NewChannel{Name: "API key", BaseURL: w.kling, Keys: w.acct.APIKeys[0], Priority: -1})
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			c := w.newCaller(p.price).in(t)
			a := c.do("POST", p.path, p.body)
			if a.status != http.StatusOK || a.header.Get("X-Quota-Price") != fmt.Sprint(int64(p.price)) || a.get("quota").Int() != int64(p.price) {
				t.Fatalf("create answered %s, price %s; want the price %d", a, a.header.Get("X-Quota-Price"), p.price)
			}
			id := a.text("task_id")
			u := c.upstream(id)
			legacy := strings.HasPrefix(p.path, "/kling/v1/")
			if u.Product != strings.TrimPrefix(p.path, "/kling") {
				t.Errorf("sent to %s, want %s", u.Product, p.path)
			}
			want := map[string]string{"external_task_id": `"` + id + `"`}
			if !legacy {
				want = map[string]string{"options.external_task_id": `"` + id + `"`}
			}
			for k, v := range p.sent {
				want[k] = v
			}
			for member, v := range want {
				if got := gjson.GetBytes(u.Body, member).Raw; got != v {
					t.Errorf("Kling was sent %s = %s, want %s", member, got, v)
				}
			}
			if gjson.GetBytes(u.Body, "model").Exists() {
				t.Errorf("Kling was sent a bare model: %s", u.Body)
			}
			end := c.succeeded(id)
			if end.text("type") != string(p.kind) || end.text("model") != p.model || end.text("video_url") == "" {
				t.Errorf("the ended task reads %s", end)
			}
			c.balance(0, 0)
			result := "data.task_result.videos.0.url"
			path := p.path + "/" + id
			if !legacy {
				result = "data.outputs.0.url"
				path = "/kling/tasks/" + id
			}
			if end.text(result) != end.text("video_url") {
				t.Errorf("%s is %q, video_url %q", result, end.text(result), end.text("video_url"))
			}
			if a := c.do("GET", path, ""); a.text("task_id") != id {
				t.Errorf("GET %s answered %s", path, a)
			}
			if legacy {
				list := c.do("GET", p.path+"?pageNum=1&pageSize=5", "")
				if list.get("data.#").Int() != 1 || list.text("data.0.task_id") != id || list.text("data.0.task_status") != "succeed" {
					t.Errorf("the list of %s is %s", p.path, list)
				}
			} else if end.text("data.status") != "succeeded" || end.text("data.id") != id {
				t.Errorf("data should speak the new generation's words: %s", end)
			}
		})
	}
}

func TestListsOfBothGenerationsShowTheCallersTasksOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		channel: func(n *store.NewChannel) { n.Keys = secret.Text(w0key) },
		account: func(a *klingsim.Account) { a.APIKeys = []secret.Text{secret.Text(w0key)} },
		sim:     klingsim.Options{ToEnd: 10 * time.Millisecond},
	})
	c, other := w.user, w.newCaller(w.setup.balance)
	var ids []string
	for i := range 5 {
		ids = append(ids, c.orderAt("/kling/text-to-video/kling-3.0-turbo",
			fmt.Sprintf(`{"prompt":"cat %d","options":{"external_task_id":"ext-%d"}}`, i, i)))
	}
	theirs := other.orderAt("/kling/text-to-video/kling-3.0-turbo", `{"prompt":"dog"}`)
	bad := c.orderAt("/kling/text-to-video/kling-3.0-turbo", `{"prompt":"simfail"}`)
	for _, id := range append(slices.Clone(ids), bad) {
		c.ended(id)
	}
	other.ended(theirs)

	listed := func(a answer, path string) []string {
		t.Helper()
		if a.status != http.StatusOK || a.get("code").Int() != 0 {
			t.Fatalf("the list answered %s", a)
		}
		var out []string
		for _, v := range a.get(path).Array() {
			out = append(out, v.Get("id").String())
		}
		return out
	}
	some := listed(c.do("GET", "/kling/tasks?task_ids="+ids[0]+","+ids[3]+","+theirs+",kling_00000000000000000000000000000000000a", ""), "data")
	if slices.Sort(some); !slices.Equal(some, []string{ids[0], ids[3]}) {
		t.Errorf("GET /kling/tasks by ids lists %v, want %v", some, []string{ids[0], ids[3]})
	}
	byOwn := listed(c.do("GET", "/kling/tasks?external_task_ids=ext-1,ext-2", ""), "data")
	if slices.Sort(byOwn); !slices.Equal(byOwn, ids[1:3]) {
		t.Errorf("GET /kling/tasks by external ids lists %v, want %v", byOwn, ids[1:3])
	}

	var paged []string
	cursor, pages := "", 0
	for more := true; more && pages < 10; pages++ {
		body := `{"limit":2}`
		if cursor != "" {
			body = `{"limit":2,"cursor":"` + cursor + `"}`
		}
		a := c.do("POST", "/kling/tasks", body)
		paged = append(paged, listed(a, "data.result")...)
		cursor, more = a.text("data.next_cursor"), a.get("data.has_more").Bool()
	}
	want := append(slices.Clone(ids), bad)
	slices.Reverse(want) // newest first
	if !slices.Equal(paged, want) || pages != 3 {
		t.Errorf("POST /kling/tasks lists in %d pages\n%v, want in 3\n%v", pages, paged, want)
	}
	if got := listed(c.do("POST", "/kling/tasks", `{"filters":[{"key":"status","values":["failed"]}]}`), "data.result"); !slices.Equal(got, []string{bad}) {
		t.Errorf("the failed ones are %v, want %v", got, []string{bad})
	}
	if got := listed(c.do("POST", "/kling/tasks", `{"filters":[{"key":"product_type","values":["image"]}]}`), "data.result"); len(got) != 0 {
		t.Errorf("pictures are %v, want none", got)
	}
	future := fmt.Sprintf(`{"start_time":%d}`, time.Now().Add(time.Hour).UnixMilli())
	if got := listed(c.do("POST", "/kling/tasks", future), "data.result"); len(got) != 0 {
		t.Errorf("tasks of the future are %v, want none", got)
	}

	for i := range 3 {
		c.ended(c.order(fmt.Sprintf(`{"model":"kling-v1-6-std","prompt":"legacy %d"}`, i)))
	}
	if n := c.do("GET", text2video+"?pageSize=2", "").get("data.#").Int(); n != 2 {
		t.Errorf("a page of 2 has %d tasks", n)
	}
	if n := c.do("GET", text2video+"?pageNum=2&pageSize=2", "").get("data.#").Int(); n != 1 {
		t.Errorf("the second page has %d tasks, want 1", n)
	}
	if a := other.do("GET", text2video, ""); a.body == "" || a.get("data.#").Int() != 0 || !a.get("data").IsArray() {
		t.Errorf("another user's list is %s, want an empty one", a)
	}
	if n := c.do("GET", "/kling/v1/videos/image2video", "").get("data.#").Int(); n != 0 {
		t.Errorf("the list of image2video has %d tasks, want 0", n)
	}
}

// w0key is an API key of a simulated account.
const w0key = "sim-key-for-both-generations"

func TestANewOrderWithoutAnAPIKeyIsRefusedAndHoldsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	a := w.user.do("POST", "/kling/text-to-video/kling-3.0-turbo", `{"prompt":"a cat"}`)
	if a.status != http.StatusServiceUnavailable || a.text("error.code") != "no_channel" || a.header.Get("Retry-After") == "" {
		t.Errorf("an order that no key can serve answered %s, want 503 no_channel with Retry-After", a)
	}
	w.user.balance(w.setup.balance, 0)
	if n := w.number("SELECT COUNT(*) FROM videos") + int64(w.creates()); n != 0 {
		t.Errorf("it left %d tasks and calls", n)
	}
}

func TestPollingAloneFinishesEveryTask(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, polling: true, sim: klingsim.Options{ToEnd: 50 * time.Millisecond}})
		good := w.user.order(guideOrder)
		bad := w.user.order(`{"model":"kling-v1-5-std","prompt":"simfail","aspect_ratio":"16:9"}`)
		if gjson.GetBytes(w.upstream(good).Body, "callback_url").Exists() {
			t.Error("a gateway without a public address asked for callbacks")
		}
		w.user.succeeded(good)
		if a := w.user.failed(bad, "upstream_failed"); a.text("fail_reason") == "" || a.text("data.task_status_msg") != a.text("fail_reason") {
			t.Errorf("the failed task reads %s", a)
		}
		w.user.balance(w.setup.balance-guidePrice, 0)
	})
}

func TestAFailureReleasesTheHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true})
	c := w.user
	id := c.order(`{"model":"kling-v1-5-std","prompt":"a riskcontrol matter","aspect_ratio":"16:9"}`)
	c.balance(w.setup.balance-guidePrice, guidePrice)
	w.pass(3 * time.Minute)
	a := c.failed(id, "upstream_failed")
	if a.text("data.task_status") != "failed" || a.get("quota").Int() != 0 || a.get("data.task_result").Exists() {
		t.Errorf("the failed task reads %s", a)
	}
	c.balance(w.setup.balance, 0)
}

func TestARefusalAtTheCreateIsKlingsOwnAndCostsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	c := w.user
	a := c.do("POST", text2video, `{"model":"kling-v1-5-std","prompt":"something forbidden"}`)
	if a.status != http.StatusBadRequest || a.get("code").Int() != 1301 || a.text("error.code") != "upstream_rejected" {
		t.Errorf("a refused create answered %s, want 400 with code 1301", a)
	}
	if got, want := shape(a.body), shapeOfRefusal; got != want {
		t.Errorf("shape of a refusal (-want +got):\n%s", cmp.Diff(want, got))
	}
	c.balance(w.setup.balance, 0)
	if id := a.text("task_id"); id == "" {
		t.Error("the refusal names no task")
	} else if end := c.read(id); end.text("status") != "failed" || end.text("fail_code") != "rejected" || end.text("fail_reason") == "" {
		t.Errorf("the refused task reads %s", end)
	}
}
