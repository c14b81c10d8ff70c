package klingsim

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// newProduct is one product of the new generation; its models are in the path.
type newProduct struct {
	path  string
	image bool
}

var newProducts = []*newProduct{
	{path: "/text-to-video"},
	{path: "/image-to-video", image: true},
}

// newModel is what a model of the new generation takes, after its page.
type newModel struct {
	version      string // the legacy name, which shares its concurrency
	resolutions  []string
	long         bool // 3 to 15 seconds instead of 5 or 10
	audio        bool // settings.audio exists; native and off
	alwaysSound  bool
	nativeIn     []string // resolutions with native audio
	multiShot    bool     // settings.multi_shot exists, true by default
	lastFrame    bool
	framesIn     []string // resolutions with a first and a last frame
	framesSilent bool
	elements     int
	voices       int
	promptText   int // characters in text-to-video
	promptImage  int // and in image-to-video
}

var newModels = map[string]newModel{
	"kling-3.0-turbo": {
		version: "kling-3.0-turbo", resolutions: []string{"720p", "1080p"}, long: true, alwaysSound: true,
		promptText: 3072, promptImage: 2500,
	},
	"kling-3.0": {
		version: "kling-v3", resolutions: []string{"720p", "1080p", "4k"}, long: true,
		audio: true, nativeIn: []string{"720p", "1080p", "4k"}, multiShot: true,
		lastFrame: true, framesIn: []string{"720p", "1080p", "4k"}, elements: 3,
		promptText: 3072, promptImage: 3072,
	},
	"kling-2.6": {
		version: "kling-v2-6", resolutions: []string{"720p", "1080p"},
		audio: true, nativeIn: []string{"1080p"},
		lastFrame: true, framesIn: []string{"1080p"}, framesSilent: true, voices: 2,
		promptText: 2500, promptImage: 2500,
	},
	"kling-2.5-turbo": {
		version: "kling-v2-5-turbo", resolutions: []string{"720p", "1080p"},
		lastFrame: true, framesIn: []string{"1080p"},
		promptText: 2500, promptImage: 2500,
	},
}

// gone are the members of the legacy generation that the new one does not know,
// at the top or among the settings.
var gone = []string{
	"model_name", "negative_prompt", "cfg_scale", "mode", "camera_control", "image", "image_tail",
	"static_mask", "dynamic_masks", "sound", "voice_list", "element_list", "image_list", "seed",
	"multi_prompt", "shot_type",
}

// createNew is POST /<product>/<model>.
func (s *Sim) createNew(c *call, p *newProduct) answer {
	if refused := c.suspended(); refused != nil {
		return refused.answer()
	}
	name := c.r.PathValue("model")
	m, ok := newModels[name]
	if !ok {
		return refuse(http.StatusNotFound, 1203, "Model "+name+" does not exist").answer()
	}
	refused := c.allowed(name)
	var o order
	if refused == nil {
		o, refused = c.newOrder(p, name, m)
	}
	return s.create(c, o, refused, func(t *task, b []byte) []byte {
		return t.appendNew(b, view{status: Submitted, updated: t.created}, s.fileKey)
	})
}

func (c *call) newOrder(p *newProduct, name string, m newModel) (order, *refusal) {
	in := &checker{object: c.body}
	in.absent(" by the new generation", gone...)
	in.absent(" here, use settings", "duration", "aspect_ratio", "resolution", "audio", "multi_shot")
	in.absent(" here, use options", "callback_url", "external_task_id", "watermark_info")
	o := order{product: p.path + "/" + name, model: name, version: m.version}

	set := in.nested("settings")
	set.absent(" by the new generation", gone...)
	o.mode = set.word("resolution", "720p", m.resolutions...)
	o.seconds = set.whole("duration", 5)
	if m.long && (o.seconds < 3 || o.seconds > 15) || !m.long && o.seconds != 5 && o.seconds != 10 {
		set.fail("duration value '" + strconv.Itoa(o.seconds) + "' is invalid")
	}
	if p.image {
		set.absent(" by image-to-video", "aspect_ratio")
	} else {
		o.aspect = set.word("aspect_ratio", "16:9", "16:9", "9:16", "1:1")
	}
	if m.audio {
		o.audio = set.word("audio", "off", "native", "off") == "native"
	} else {
		set.absent(" by model "+name, "audio")
	}
	o.audio = o.audio || m.alwaysSound
	if m.multiShot {
		set.flag("multi_shot", true)
	} else {
		set.absent(" by model "+name, "multi_shot")
	}
	if o.audio && !m.alwaysSound && !slices.Contains(m.nativeIn, o.mode) {
		set.fail("audio value 'native' is not supported in " + o.mode)
	}
	in.take(set)

	if p.image {
		in.contents(&o, m)
	} else {
		in.absent(" by text-to-video", "contents")
		o.prompt = in.text("prompt", m.promptText)
	}
	if strings.TrimSpace(o.prompt) == "" {
		in.fail("prompt can not be empty")
	}

	options := in.nested("options")
	o.common = options.common()
	in.take(options)
	o.units = o.price()
	return o, in.bad
}

// contents reads the typed list that image-to-video takes its prompt and
// pictures from.
func (c *checker) contents(o *order, m newModel) {
	c.absent(" by image-to-video, use contents", "prompt")
	items := c.list("contents", 20)
	if len(items) == 0 {
		c.fail("contents can not be empty")
	}
	count := map[string]int{}
	handles := map[string]bool{}
	for _, item := range items {
		kind := item.word("type", "", "prompt", "first_frame", "last_frame", "element", "voice")
		count[kind]++
		switch kind {
		case "prompt":
			o.prompt = item.text("text", m.promptImage)
		case "first_frame", "last_frame":
			if !item.picture("url", newPictureLimit) {
				item.fail("url of " + kind + " can not be null")
			}
		case "element":
			if item.text("element_id", 200) == "" {
				item.fail("element_id can not be empty")
			}
		case "voice":
			if item.text("voice_id", 200) == "" {
				item.fail("voice_id can not be empty")
			}
		default:
			item.fail("contents.type can not be empty")
		}
		if id := item.text("id", 200); id != "" {
			if handles[id] {
				item.fail("contents.id '" + id + "' is used twice")
			}
			handles[id] = true
		}
		c.take(item)
	}
	o.voice = count["voice"] > 0
	last := count["last_frame"] > 0
	switch {
	case count["prompt"] > 1 || count["first_frame"] > 1 || count["last_frame"] > 1:
		c.fail("contents has more than one prompt, first_frame or last_frame")
	case count["first_frame"] == 0:
		c.fail("contents needs a first_frame")
	case last && !m.lastFrame:
		c.fail("last_frame is not supported by model " + o.model)
	case last && !slices.Contains(m.framesIn, o.mode):
		c.fail("last_frame is not supported in " + o.mode)
	case last && m.framesSilent && o.audio:
		c.fail("last_frame is not supported with native audio")
	case count["element"] > m.elements:
		c.fail("contents has too many elements for model " + o.model)
	case count["voice"] > m.voices:
		c.fail("contents has too many voices for model " + o.model)
	case o.voice && !o.audio:
		c.fail("voice is not supported without audio")
	}
}

// shown reports whether /tasks knows a task.
func (s *Sim) shown(t *task) bool { return !t.legacy || s.opt.UnifiedTasks }

// maxIDs is how many tasks GET /tasks answers for at once.
const maxIDs = 20

// someNew is GET /tasks?task_ids= or ?external_task_ids=. Unknown ids are left
// out of the answer.
func (s *Sim) someNew(c *call) answer {
	ids, external, refused := c.askedIDs()
	if refused != nil {
		return refused.answer()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c.now)
	return succeed(func(b []byte) []byte {
		b = append(b, '[')
		for _, id := range ids {
			var t *task
			if external {
				t = c.holder.account.byExternal[id]
			} else if t = s.byID[id]; t != nil && t.account != c.holder.account {
				t = nil
			}
			if t == nil || !s.shown(t) {
				continue
			}
			v := s.see(c, t)
			if v.hidden {
				continue
			}
			if b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = t.appendNew(b, v, s.fileKey)
		}
		return append(b, ']')
	})
}

// askedIDs reads the ids of GET /tasks, each once.
func (c *call) askedIDs() (ids []string, external bool, refused *refusal) {
	query := c.r.URL.Query()
	text, other := query.Get("task_ids"), query.Get("external_task_ids")
	if (text == "") == (other == "") {
		return nil, false, badValue("exactly one of task_ids and external_task_ids is required")
	}
	if other != "" {
		text, external = other, true
	}
	for id := range strings.SplitSeq(text, ",") {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 || len(ids) > maxIDs {
		return nil, false, badValue("the number of ids must be between 1 and " + strconv.Itoa(maxIDs))
	}
	return ids, external, nil
}

// page is where a cursor list stands. It travels inside the cursor, which
// callers do not look into.
type page struct {
	Start   int64               `json:"s"` // ms, inclusive
	End     int64               `json:"e"` // ms, inclusive
	Limit   int                 `json:"l"`
	Filters map[string][]string `json:"f,omitempty"`
	Before  uint64              `json:"b"` // number of the last row that was shown; 0 is the first page
}

func (p page) cursor() string {
	b, _ := json.Marshal(p) // integers and strings always work
	return base64.RawURLEncoding.EncodeToString(b)
}

// pageRequest reads the body of a cursor list: start_time and end_time as
// numbers or strings of milliseconds, limit, filters, and a cursor, which
// overrides the rest, but for the limit where a list says so.
func (c *call) pageRequest(limit int, newLimit bool, filters ...string) (page, *refusal) {
	in := &checker{object: c.body}
	if cursor := in.text("cursor", math.MaxInt); cursor != "" {
		var p page
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			err = json.Unmarshal(raw, &p)
		}
		if err == nil && newLimit {
			p.Limit = in.whole("limit", p.Limit)
		}
		if err != nil || p.Limit < 1 || p.Limit > maxPage {
			return page{}, badValue("cursor or limit is invalid")
		}
		return p, in.bad
	}
	p := page{Start: in.millis("start_time"), End: in.millis("end_time"), Limit: in.whole("limit", limit)}
	if p.Limit < 1 || p.Limit > maxPage {
		in.fail("limit must be between 1 and " + strconv.Itoa(maxPage))
	}
	for _, f := range in.list("filters", 10) {
		key := f.word("key", "", filters...)
		values, _ := f.get("values")
		if key == "" || !values.IsArray() {
			f.fail("filters needs a key and values")
		}
		if p.Filters == nil {
			p.Filters = map[string][]string{}
		}
		for _, v := range values.Array() {
			p.Filters[key] = append(p.Filters[key], v.String())
		}
		in.take(f)
	}
	return p, in.bad
}

// maxPage is the largest page of the cursor lists.
const maxPage = 500

// millis reads a time in ms, a number or a string of digits; 0 when absent.
func (c *checker) millis(key string) int64 {
	v, ok := c.get(key)
	if !ok {
		return 0
	}
	text := v.Raw
	if v.Type == gjson.String {
		text = v.Str
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		c.fail(key + " must be a time in milliseconds")
	}
	return n
}

// passes reports whether a filter lets one of the words through.
func (p page) passes(key string, word string) bool {
	values, ok := p.Filters[key]
	return !ok || slices.Contains(values, word)
}

// listNew is POST /tasks: newest first, with a cursor.
func (s *Sim) listNew(c *call) answer {
	p, refused := c.pageRequest(100, true, "status", "product_type")
	if refused != nil {
		return refused.answer()
	}
	if p.End == 0 {
		p.End = c.now.UnixMilli()
	}
	if p.Start == 0 {
		p.Start = p.End - (30 * 24 * time.Hour).Milliseconds()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c.now)
	count, more := 0, false
	return succeed(func(b []byte) []byte {
		b = append(b, `{"result":[`...)
		for _, t := range slices.Backward(s.tasks) {
			at := t.created.UnixMilli()
			if t.account != c.holder.account || !s.shown(t) || p.Before != 0 && t.seq >= p.Before ||
				at < p.Start || at > p.End || !p.passes("product_type", "video") {
				continue
			}
			if !p.passes("status", string(t.status)) {
				continue
			}
			if count == p.Limit {
				more = true
				break
			}
			v := s.see(c, t)
			if v.hidden {
				continue
			}
			if count > 0 {
				b = append(b, ',')
			}
			b = t.appendNew(b, v, s.fileKey)
			count++
			p.Before = t.seq
		}
		b = append(b, `],"count":`...)
		b = strconv.AppendInt(b, int64(count), 10)
		b = append(b, `,"next_cursor":"`...)
		if more {
			b = append(b, p.cursor()...)
		}
		b = append(b, `","has_more":`...)
		b = strconv.AppendBool(b, more)
		return append(b, '}')
	})
}
