package klingsim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// legacyProduct is one product of the legacy generation.
type legacyProduct struct {
	path  string
	check func(*checker) order // the order without what legacyOrder adds
}

var legacyProducts = []*legacyProduct{
	{"/v1/videos/text2video", textToVideo},
	{"/v1/videos/image2video", imageToVideo},
	{"/v1/videos/multi-image2video", multiImageToVideo},
	{"/v1/videos/omni-video", omniVideo},
}

// ability is what a legacy model does, after Kling's capability map for video.
type ability struct {
	text, image bool     // sold on text2video, image2video
	modes       []string // nil: the model takes no mode
	long        bool     // 3 to 15 seconds instead of 5 or 10
	sound       []string // modes that make sound
	frames      []string // modes with a first and a last frame
	tailOnly    bool     // a last frame alone, in the same modes
	cfgScale    bool     // v2.x refuses it
	camera      bool     // image2video in pro, 5 s, simple moves; masks too
	voices      bool     // image2video in pro with sound
	multiShot   bool
	elements    bool
}

var (
	stdPro   = []string{"std", "pro"}
	stdPro4k = []string{"std", "pro", "4k"}
	proOnly  = []string{"pro"}
)

// abilities has every model that text2video or image2video still runs.
// kling-v1-5 and kling-v1-6 have left Kling's price list, yet still run here,
// and kling-v1-5 on text2video too: gateways go on selling them.
var abilities = map[string]ability{
	"kling-v1-5":        {text: true, image: true, modes: stdPro, frames: proOnly, tailOnly: true, cfgScale: true, camera: true},
	"kling-v1-6":        {text: true, image: true, modes: stdPro, frames: proOnly, tailOnly: true, cfgScale: true},
	"kling-v2-master":   {text: true, image: true},
	"kling-v2-1":        {image: true, modes: stdPro, frames: proOnly},
	"kling-v2-1-master": {text: true, image: true},
	"kling-v2-5-turbo":  {text: true, image: true, modes: stdPro, frames: proOnly},
	"kling-v2-6":        {text: true, image: true, modes: stdPro, frames: proOnly, sound: proOnly, voices: true},
	"kling-v3":          {text: true, image: true, modes: stdPro4k, long: true, frames: stdPro4k, sound: stdPro4k, cfgScale: true, multiShot: true, elements: true},
}

const promptLimit = 2500 // characters

// createLegacy is POST /v1/videos/<product>.
func (s *Sim) createLegacy(c *call, p *legacyProduct) answer {
	if refused := c.suspended(); refused != nil {
		return refused.answer()
	}
	o, refused := c.legacyOrder(p)
	if refused == nil {
		refused = c.allowed(o.model)
	}
	return s.create(c, o, refused, (*task).appendLegacyCreated)
}

// legacyOrder checks a legacy body. A bare `model` is ignored, as Kling does.
func (c *call) legacyOrder(p *legacyProduct) (order, *refusal) {
	in := &checker{object: c.body}
	o := p.check(in)
	o.legacy, o.product, o.version = true, p.path, o.model
	o.common = in.common()
	o.units = o.price()
	return o, in.bad
}

// model reads model_name for text2video and image2video.
func (c *checker) model(sold func(ability) bool) (string, ability) {
	// The documented default is a model that Kling has switched off.
	name := c.text("model_name", 100)
	if name == "" {
		name = "kling-v1"
	}
	if name == "kling-v1" {
		// The code of this refusal was never published, its text was.
		c.fail("The model kling-v1 has been discontinued, please use another model")
	}
	a, ok := abilities[name]
	if !ok || !sold(a) {
		c.fail("model_name value '" + name + "' is invalid")
	}
	return name, a
}

// settings reads what text2video and image2video share.
func (c *checker) settings(name string, a ability) order {
	o := order{model: name}
	if len(a.modes) == 0 {
		c.absent(" by model "+name, "mode")
	} else {
		o.mode = c.word("mode", "std", a.modes...)
	}
	o.seconds = c.seconds("duration")
	if a.long && (o.seconds < 3 || o.seconds > 15) || !a.long && o.seconds != 5 && o.seconds != 10 {
		c.fail("duration value '" + strconv.Itoa(o.seconds) + "' is invalid")
	}
	o.audio = c.word("sound", "off", "on", "off") == "on"
	if o.audio && !slices.Contains(a.sound, o.mode) {
		c.fail("sound is not supported by model " + name + " in mode " + o.mode)
	}
	if v, ok := c.get("cfg_scale"); ok {
		if !a.cfgScale {
			c.fail("cfg_scale is not supported by model " + name)
		} else if v.Type != gjson.Number || v.Num < 0 || v.Num > 1 {
			c.invalid("cfg_scale", v)
		}
	}
	c.text("negative_prompt", promptLimit)
	o.prompt = c.shots(a.multiShot, o.seconds)
	return o
}

// shots reads the prompt, or the prompts of a multi-shot order.
func (c *checker) shots(able bool, seconds int) string {
	prompt := c.text("prompt", promptLimit)
	multi := c.flag("multi_shot", false)
	if !multi {
		if strings.TrimSpace(prompt) == "" {
			c.fail("prompt can not be empty")
		}
		return prompt
	}
	if !able {
		c.fail("multi_shot is not supported by this model")
	}
	shape := c.word("shot_type", "", "customize", "intelligence")
	switch {
	case shape == "":
		c.fail("shot_type can not be empty when multi_shot is true")
	case shape == "intelligence" && strings.TrimSpace(prompt) == "":
		c.fail("prompt can not be empty")
	}
	if shape != "customize" {
		return prompt
	}
	shots := c.list("multi_prompt", 6)
	if len(shots) == 0 {
		c.fail("multi_prompt can not be empty when shot_type is customize")
	}
	all, sum := "", 0
	for _, shot := range shots {
		shot.whole("index", 0)
		text := shot.text("prompt", 512)
		if text == "" {
			shot.fail("multi_prompt.prompt can not be empty")
		}
		length := shot.seconds("duration")
		if length < 1 {
			shot.fail("multi_prompt.duration is less than 1 second")
		}
		sum += length
		all += text + "\n"
		c.take(shot)
	}
	if sum != seconds {
		c.fail("the durations of multi_prompt do not add up to duration")
	}
	return all
}

func textToVideo(c *checker) order {
	name, a := c.model(func(a ability) bool { return a.text })
	o := c.settings(name, a)
	o.aspect = c.word("aspect_ratio", "16:9", "16:9", "9:16", "1:1")
	// Only kling-v1 moved the camera here.
	c.absent(" by model "+name, "camera_control")
	return o
}

func imageToVideo(c *checker) order {
	name, a := c.model(func(a ability) bool { return a.image })
	o := c.settings(name, a)
	head := c.picture("image", legacyPictureLimit)
	tail := c.picture("image_tail", legacyPictureLimit)
	mask := c.masks()
	camera := c.cameraControl()
	switch {
	case !head && !tail:
		c.fail("image can not be null")
	case tail && !slices.Contains(a.frames, o.mode):
		c.fail("image_tail is not supported by model " + name + " in mode " + o.mode)
	case tail && !head && !a.tailOnly:
		c.fail("image_tail without image is not supported by model " + name)
	case tail && o.audio && name == "kling-v2-6":
		c.fail("image_tail is not supported with sound")
	case tail && mask, tail && camera, mask && camera:
		c.fail("only one of image_tail, masks and camera_control can be used")
	case (mask || camera) && (!a.camera || o.mode != "pro" || o.seconds != 5):
		c.fail("masks and camera_control are not supported by model " + name + " in mode " + o.mode)
	}
	voices := c.list("voice_list", 2)
	for _, v := range voices {
		if v.text("voice_id", 200) == "" {
			v.fail("voice_id can not be empty")
		}
		c.take(v)
	}
	elements := c.elements(3)
	o.voice = len(voices) > 0
	switch {
	case o.voice && (!a.voices || o.mode != "pro" || !o.audio):
		c.fail("voice_list is not supported by model " + name + " in mode " + o.mode + " or without sound")
	case o.voice && elements > 0:
		c.fail("voice_list and element_list can not be used together")
	case elements > 0 && !a.elements:
		c.fail("element_list is not supported by model " + name)
	}
	return o
}

// masks checks static_mask and dynamic_masks and reports whether there are any.
func (c *checker) masks() bool {
	static := c.picture("static_mask", legacyPictureLimit)
	dynamic := c.list("dynamic_masks", 6)
	for _, m := range dynamic {
		if !m.picture("mask", legacyPictureLimit) {
			m.fail("dynamic_masks.mask can not be null")
		}
		points := m.list("trajectories", 77)
		if len(points) < 2 {
			m.fail("trajectories has less than 2 points")
		}
		for _, p := range points {
			if !p.has("x") || !p.has("y") {
				p.fail("trajectories needs x and y")
			}
			p.whole("x", 0)
			p.whole("y", 0)
			m.take(p)
		}
		c.take(m)
	}
	return static || len(dynamic) > 0
}

// cameraControl checks camera_control, of which image2video knows the simple
// moves alone: one of six numbers is not 0.
func (c *checker) cameraControl() bool {
	if !c.has("camera_control") {
		return false
	}
	control := c.nested("camera_control")
	control.word("type", "", "simple")
	if !control.has("type") {
		control.fail("camera_control.type can not be empty")
	}
	config := control.nested("config")
	moves := 0
	for _, key := range []string{"horizontal", "vertical", "pan", "tilt", "roll", "zoom"} {
		v, ok := config.get(key)
		if ok && (v.Type != gjson.Number || v.Num < -10 || v.Num > 10) {
			config.invalid(key, v)
		}
		if ok && v.Num != 0 {
			moves++
		}
	}
	if moves != 1 {
		config.fail("exactly one value of camera_control.config must not be 0")
	}
	control.take(config)
	c.take(control)
	return true
}

// elements checks element_list and returns its length. Ids are JSON numbers
// here and strings in the new generation.
func (c *checker) elements(limit int) int {
	list := c.list("element_list", limit)
	for _, e := range list {
		if v, _ := e.get("element_id"); v.Type != gjson.Number {
			e.fail("element_id must be a number")
		}
		c.take(e)
	}
	return len(list)
}

func multiImageToVideo(c *checker) order {
	o := order{
		model:  c.word("model_name", "kling-v1-6", "kling-v1-6"),
		mode:   c.word("mode", "std", stdPro...),
		aspect: c.word("aspect_ratio", "16:9", "16:9", "9:16", "1:1"),
	}
	o.seconds = c.seconds("duration")
	if o.seconds != 5 && o.seconds != 10 {
		c.fail("duration value '" + strconv.Itoa(o.seconds) + "' is invalid")
	}
	o.prompt = c.shots(false, o.seconds)
	c.text("negative_prompt", promptLimit)
	pictures := c.list("image_list", 4)
	if len(pictures) == 0 {
		c.fail("image_list can not be empty")
	}
	for _, p := range pictures {
		if !p.picture("image", legacyPictureLimit) {
			p.fail("image can not be null")
		}
		c.take(p)
	}
	return o
}

func omniVideo(c *checker) order {
	// Its defaults differ from its neighbours': kling-video-o1, pro.
	o := order{model: c.word("model_name", "kling-video-o1", "kling-video-o1", "kling-v3-omni")}
	o1 := o.model == "kling-video-o1"
	modes := stdPro4k
	if o1 {
		modes = stdPro
	}
	o.mode = c.word("mode", "pro", modes...)

	first, end, plain := false, false, false
	pictures := c.list("image_list", 7)
	for _, p := range pictures {
		if !p.picture("image_url", legacyPictureLimit) {
			p.fail("image_url can not be null")
		}
		switch p.word("type", "", "first_frame", "end_frame") {
		case "first_frame":
			if first {
				p.fail("image_list has more than one first_frame")
			}
			first = true
		case "end_frame":
			if end {
				p.fail("image_list has more than one end_frame")
			}
			end = true
		default:
			plain = true
		}
		c.take(p)
	}
	base := false
	for _, v := range c.list("video_list", 1) {
		v.link("video_url")
		base = v.word("refer_type", "base", "feature", "base") == "base"
		v.word("keep_original_sound", "", "yes", "no")
		o.video = true
		c.take(v)
	}
	elements := c.elements(7)
	most := 7
	if o.video {
		most = 4
	}
	o.audio = c.word("sound", "off", "on", "off") == "on"
	switch {
	case end && !first:
		c.fail("end_frame needs a first_frame")
	case end && len(pictures) > 2:
		c.fail("end_frame is not supported with more than 2 images")
	case o1 && end && elements > 0:
		c.fail("element_list is not supported with first_frame and end_frame")
	case len(pictures)+elements > most:
		c.fail("image_list and element_list have more than " + strconv.Itoa(most) + " items together")
	case base && first:
		c.fail("frames are not supported with a base video")
	case o.audio && o1:
		c.fail("sound is not supported by model kling-video-o1")
	case o.audio && o.video:
		c.fail("sound must be off with a reference video")
	}

	// The pages call aspect_ratio required where it is allowed, their own
	// examples leave it out; the result is 16:9 then.
	o.aspect = c.word("aspect_ratio", "", "16:9", "9:16", "1:1")
	if o.aspect != "" && (first || base) {
		c.fail("aspect_ratio is not supported with a first frame or a base video")
	}

	o.seconds = c.seconds("duration")
	reference := plain || elements > 0 || o.video
	switch {
	case base:
		o.seconds = 5 // the length follows the input, which nobody looks at here
	case o1 && (o.seconds < 3 || o.seconds > 10), o.seconds < 3 || o.seconds > 15:
		c.fail("duration value '" + strconv.Itoa(o.seconds) + "' is invalid")
	case o1 && !reference && o.seconds != 5 && o.seconds != 10:
		c.fail("Duration only supports 5 or 10 seconds when no reference image is provided")
	}
	o.prompt = c.shots(!o1, o.seconds)
	return o
}

// oneLegacy is GET /v1/videos/<product>/{id}; the id is Kling's or the
// caller's own.
func (s *Sim) oneLegacy(c *call, p *legacyProduct) answer {
	id := c.r.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c.now)
	t := s.lookup(c.holder.account, id)
	if t == nil || t.product != p.path {
		return badValue("Task " + id + " not found").answer()
	}
	v := s.see(c, t)
	if v.hidden {
		return badValue("Task " + id + " not found").answer()
	}
	return succeed(func(b []byte) []byte { return t.appendLegacy(b, v, s.fileKey) })
}

// listLegacy is GET /v1/videos/<product>: newest first, without a total.
func (s *Sim) listLegacy(c *call, p *legacyProduct) answer {
	query := c.r.URL.Query()
	number, refused := pageParam(query.Get("pageNum"), "pageNum", 1, 1000)
	if refused != nil {
		return refused.answer()
	}
	size, refused := pageParam(query.Get("pageSize"), "pageSize", 30, 500)
	if refused != nil {
		return refused.answer()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c.now)
	skip := (number - 1) * size
	return succeed(func(b []byte) []byte {
		b = append(b, '[')
		for _, t := range slices.Backward(s.tasks) {
			if t.account != c.holder.account || t.product != p.path {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if size == 0 {
				break
			}
			v := s.see(c, t)
			if v.hidden {
				continue
			}
			size--
			if b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = t.appendLegacy(b, v, s.fileKey)
		}
		return append(b, ']')
	})
}

func pageParam(text, name string, other, most int) (int, *refusal) {
	if text == "" {
		return other, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badValue(name + " value '" + text + "' is invalid")
	}
	return n, nil
}
