package kling

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"one-api/internal/video"
)

// The readers of the legacy products follow Kling's pages for each path; what
// depends on the model stands in the table.

func readText2Video(d *draft) {
	d.length()
	d.ratio("16:9")
	d.prompts()
	d.taste()
	d.sound()
	d.noCamera()
	d.common(d.form)
}

func readImage2Video(d *draft) {
	d.length()
	d.ratio("") // no effect: the size follows the picture
	d.prompts()
	d.taste()
	d.sound()
	head := d.picture("image", legacyPicture)
	tail := d.picture("image_tail", legacyPicture)
	switch {
	case !head && !tail:
		d.missing("image", "; send image, image_tail or both")
	case tail && !d.LastFrame:
		d.fail(badParameter, "image_tail", "%s takes no image_tail.", d.model)
	case tail && !head && !d.row.tailAlone:
		d.missing("image", ": "+d.model+" takes image_tail only together with image")
	case tail && d.row.silent && d.usage().Sound:
		d.fail(badParameter, "image_tail", "%s takes image_tail without sound only.", d.model)
	}
	masks := d.masks()
	camera := d.camera()
	if tail && masks || tail && camera || masks && camera {
		d.fail(badParameter, "image_tail", "image_tail, masks and camera_control exclude each other.")
	}
	d.voices()
	if elements := d.elements(); elements > 0 && d.usage().Voice {
		d.fail(badParameter, "element_list", "voice_list and element_list exclude each other.")
	}
	d.common(d.form)
}

func readMultiImage2Video(d *draft) {
	d.length()
	d.ratio("")
	d.prompts()
	d.taste()
	pictures := d.list("image_list", d.MaxImages)
	if len(pictures) < d.MinImages {
		d.missing("image_list", "; it takes 1 to 4 pictures")
	}
	for _, p := range pictures {
		if !p.picture("image", legacyPicture) {
			p.missing("image", "")
		}
		p.closed()
	}
	d.common(d.form)
}

func readOmniVideo(d *draft) {
	first, end, plain, pictures := d.frames()
	reference, base := d.reference()
	d.sound()
	elements := d.elements()
	most := d.MaxImages
	if reference {
		most = 4
	}
	o1 := d.row.base == "kling-video-o1"
	switch {
	case end && !first:
		d.fail(badParameter, "image_list", "An end_frame needs a first_frame.")
	case end && pictures > 2:
		d.fail(badParameter, "image_list", "An end_frame cannot be used with more than two pictures.")
	case end && o1 && elements > 0:
		d.fail(badParameter, "element_list", "%s takes no elements together with a first and an end frame.", d.model)
	case base && (first || end):
		d.fail(badParameter, "image_list", "A base video cannot be used with first or end frames.")
	case pictures+elements > most:
		// Some kinds of element count more; only Kling knows the kind.
		d.fail(badParameter, "image_list", "image_list and element_list must have at most %d items together.", most)
	case reference && d.usage().Sound:
		d.fail(badParameter, "sound", "sound must be off with a reference video.")
	}
	d.usage().VideoInput = reference

	d.length()
	if base {
		// The result is as long as the base video, which is not looked at; the
		// price must cover the longest that Kling takes.
		d.usage().Seconds = slices.Max(d.Durations)
	} else if o1 && !reference && elements == 0 && !plain && !end && d.duration != 5 && d.duration != 10 {
		d.bad("duration", "5 or 10 seconds for %s with a prompt or a first frame alone", d.model)
	}

	// Kling's note asks for the ratio wherever the picture does not give it; its
	// own examples leave it out. It is said outright, since it sets the price.
	if first || base {
		if d.find("aspect_ratio") != nil {
			d.fail(badParameter, "aspect_ratio", "aspect_ratio cannot be used with a first frame or a base video.")
		}
		d.usage().AspectRatio = d.DefaultAspect
	} else if d.ratio(d.DefaultAspect); d.find("aspect_ratio") == nil {
		d.aspect = d.DefaultAspect
	}
	d.prompts()
	d.common(d.form)
}

// frames reads the pictures of omni-video.
func (d *draft) frames() (first, end, plain bool, n int) {
	list := d.list("image_list", d.MaxImages)
	for _, p := range list {
		if !p.picture("image_url", legacyPicture) {
			p.missing("image_url", "")
		}
		switch p.word("type", "", "first_frame", "end_frame") {
		case "first_frame":
			if first {
				p.fail(badParameter, "type", "image_list has more than one first_frame.")
			}
			first = true
		case "end_frame":
			if end {
				p.fail(badParameter, "type", "image_list has more than one end_frame.")
			}
			end = true
		default:
			plain = true
		}
		p.closed()
	}
	return first, end, plain, len(list)
}

// reference reads the reference video of omni-video. One that is to be edited is a
// base video, which is Kling's default.
func (d *draft) reference() (present, base bool) {
	for _, v := range d.list("video_list", d.MaxVideos) {
		address := v.text("video_url", 1<<20)
		if address == "" {
			v.missing("video_url", "")
		} else {
			v.link("video_url", address)
		}
		base = v.word("refer_type", "base", "feature", "base") == "base"
		v.word("keep_original_sound", "", "yes", "no")
		v.closed()
		present = true
	}
	return present, base
}

// length reads duration, which is Usage.Seconds.
func (d *draft) length() {
	d.duration = d.seconds("duration", d.offer)
	d.usage().Seconds = d.duration
}

// ratio reads aspect_ratio; other is what counts when none is sent.
func (d *draft) ratio(other string) {
	d.usage().AspectRatio = d.word("aspect_ratio", other, d.AspectRatios...)
}

// taste reads what changes the look alone. Where a path has cfg_scale, models
// without it refuse it; a path without it ignores it.
func (d *draft) taste() {
	d.text("negative_prompt", maxPrompt)
	if v, ok := d.get("cfg_scale"); ok {
		switch {
		case v.Type != gjson.Number || v.Num < 0 || v.Num > 1:
			d.bad("cfg_scale", "a number from 0 to 1")
		case !d.CfgScale && d.Type != video.MultiImage2Video:
			d.fail(badParameter, "cfg_scale", "%s takes no cfg_scale.", d.model)
		}
	}
}

// sound reads sound, which costs extra.
func (d *draft) sound() {
	if d.word("sound", "off", "on", "off") == "off" {
		return
	}
	if d.Sound == "none" {
		d.fail(badParameter, "sound", "%s makes no sound; sound must be off.", d.model)
	}
	d.usage().Sound = true
}

// prompts reads the prompt, or the prompts of a video of several shots.
func (d *draft) prompts() {
	prompt := d.text("prompt", d.MaxPrompt)
	d.order.Request.Prompt = strings.Clone(prompt)
	several := d.flag("multi_shot")
	if several && !d.MultiShot {
		d.fail(badParameter, "multi_shot", "%s makes no video of several shots.", d.model)
	}
	if !several {
		if strings.TrimSpace(prompt) == "" {
			d.missing("prompt", " or blank")
		}
		d.find("shot_type") // both are ignored
		if m := d.find("multi_prompt"); m != nil {
			d.deep(m.key, m.value)
		}
		return
	}
	if d.find("shot_type") == nil {
		d.missing("shot_type", ": multi_shot needs customize or intelligence")
	}
	if d.word("shot_type", "", "customize", "intelligence") == "intelligence" {
		if strings.TrimSpace(prompt) == "" {
			d.missing("prompt", " or blank")
		}
		if m := d.find("multi_prompt"); m != nil {
			d.deep(m.key, m.value)
		}
		return
	}
	shots := d.list("multi_prompt", 6)
	if len(shots) == 0 {
		d.missing("multi_prompt", "; it takes 1 to 6 shots")
	}
	sum := 0
	for _, s := range shots {
		if v, ok := s.get("index"); !ok || v.Type != gjson.Number {
			s.bad("index", "a whole number")
		} else if _, ok := digits(v); !ok {
			s.bad("index", "a whole number")
		}
		text := s.text("prompt", 512)
		if strings.TrimSpace(text) == "" {
			s.missing("prompt", " or blank")
		}
		if d.order.Request.Prompt == "" {
			d.order.Request.Prompt = strings.Clone(text)
		}
		v, _ := s.get("duration")
		n, ok := digits(v)
		if v.Type != gjson.String || !ok || n < 1 {
			s.bad("duration", "a string of digits, at least \"1\"")
		}
		sum += n
		s.closed()
	}
	if sum != d.duration {
		d.bad("multi_prompt", "as long as duration: the shots have %d of %d seconds", sum, d.duration)
	}
}

// noCamera refuses camera movements: the one model that made them from a
// prompt alone is switched off.
func (d *draft) noCamera() {
	if v, ok := d.get("camera_control"); ok && !neutral(v) {
		d.fail(badParameter, "camera_control", "%s takes no camera_control here.", d.model)
	}
	d.drop("camera_control")
}

// moving checks that the model moves masks and cameras in this order.
func (d *draft) moving(field string, can bool) {
	if !can || d.duration != 5 {
		d.fail(badParameter, field, "%s takes no %s for %d seconds; kling-v1-5-pro does for 5.", d.model, field, d.duration)
	}
}

// masks reads the motion brush and reports whether it is used.
func (d *draft) masks() bool {
	static := d.picture("static_mask", legacyPicture)
	if static {
		d.moving("static_mask", d.MotionBrush)
	}
	list := d.list("dynamic_masks", 6)
	if len(list) > 0 {
		d.moving("dynamic_masks", d.MotionBrush)
	}
	for _, m := range list {
		if !m.picture("mask", legacyPicture) {
			m.missing("mask", "")
		}
		points := m.list("trajectories", 77)
		if len(points) < 2 {
			m.bad("trajectories", "2 to 77 points")
		}
		for _, p := range points {
			for _, axis := range []string{"x", "y"} {
				if v, ok := p.get(axis); !ok || v.Type != gjson.Number || strings.ContainsAny(v.Raw, ".eE") {
					p.bad(axis, "a whole number")
				}
			}
			p.closed()
		}
		m.closed()
	}
	return static || len(list) > 0
}

// camera reads camera_control and reports whether it is used.
func (d *draft) camera() bool {
	v, ok := d.get("camera_control")
	if !ok || neutral(v) {
		d.drop("camera_control")
		return false
	}
	d.moving("camera_control", d.CameraControl)
	control := d.object("camera_control")
	if d.fault != nil {
		return true
	}
	if control.find("type") == nil {
		control.missing("type", "")
	}
	control.word("type", "", "simple")
	config := control.object("config")
	moves := 0
	for _, name := range []string{"horizontal", "vertical", "pan", "tilt", "roll", "zoom"} {
		v, ok := config.get(name)
		if ok && (v.Type != gjson.Number || v.Num < -10 || v.Num > 10) {
			config.bad(name, "a number from -10 to 10")
		}
		if ok && v.Num != 0 {
			moves++
		}
	}
	config.closed()
	control.closed()
	if moves != 1 {
		control.bad("config", "of exactly one value that is not 0")
	}
	return true
}

// voices reads voice_list, which costs extra.
func (d *draft) voices() {
	list := d.list("voice_list", d.Voices)
	for _, v := range list {
		d.uses(v.name("voice_id"))
		v.closed()
	}
	if len(list) == 0 {
		return
	}
	if !d.usage().Sound {
		d.fail(badParameter, "voice_list", "voice_list needs sound on.")
	}
	d.usage().Voice = true
}

// uses notes an object that lives in one account of Kling's.
func (d *draft) uses(id string) {
	d.order.Request.Resources = append(d.order.Request.Resources, strings.Clone(id))
}

// elements reads element_list. Ids are JSON numbers here and exceed what a
// float holds; a string of digits goes upstream as a number.
func (d *draft) elements() int {
	list := d.list("element_list", d.MaxElements)
	for _, e := range list {
		v, ok := e.get("element_id")
		id := text(v)
		switch {
		case !ok:
			e.missing("element_id", "")
		case id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" || id[0] == '0':
			e.bad("element_id", "a whole number")
		case v.Type == gjson.String:
			d.edits = append(d.edits, edit{v.Index, v.Index + len(v.Raw), id})
		}
		d.uses(id)
		e.closed()
	}
	return len(list)
}
