package kling

import "strings"

// The readers of the new generation follow the page of kling-3.0-turbo: the
// settings and options are closed, since the settings set the price and the
// options hold callback and id.

func readTextToVideo(d *draft) {
	d.settings("16:9")
	d.order.Request.Prompt = strings.Clone(d.text("prompt", d.MaxPrompt))
	if strings.TrimSpace(d.order.Request.Prompt) == "" {
		d.missing("prompt", " or blank")
	}
	d.options()
}

func readImageToVideo(d *draft) {
	d.settings("")
	d.contents()
	d.options()
}

// settings reads settings; the resolution has chosen the model already.
func (d *draft) settings(ratio string) {
	s := d.object("settings")
	d.drop("settings")
	s.find("resolution")
	d.duration = s.seconds("duration", d.offer)
	if len(d.AspectRatios) > 0 {
		ratio = s.word("aspect_ratio", ratio, d.AspectRatios...)
		if s.find("aspect_ratio") != nil {
			d.aspect = ratio
		}
	}
	d.usage().Seconds, d.usage().AspectRatio = d.duration, ratio
	s.closed()
}

func (d *draft) options() {
	o := d.object("options")
	d.drop("options")
	d.common(o)
	o.closed()
	if m := o.find("watermark_info"); m != nil && !m.drop {
		d.rest = `{"watermark_info":` + m.value.Raw + `}`
	}
}

// contents reads the prompt and the picture of image-to-video.
func (d *draft) contents() {
	prompts, frames := 0, 0
	for _, c := range d.list("contents", 2) {
		if c.find("type") == nil {
			c.missing("type", "; it is prompt or first_frame")
		}
		switch c.word("type", "", "prompt", "first_frame") {
		case "prompt":
			prompts++
			d.order.Request.Prompt = strings.Clone(c.text("text", d.MaxPrompt))
			if strings.TrimSpace(d.order.Request.Prompt) == "" {
				c.missing("text", " or blank")
			}
		case "first_frame":
			frames++
			if !c.picture("url", newPicture) {
				c.missing("url", "")
			}
		}
		c.text("id", maxName) // the handle by which the prompt cites it
		c.closed()
	}
	switch {
	case prompts > 1 || frames > 1:
		d.fail(badParameter, "contents", "contents takes one prompt and one first_frame.")
	case prompts == 0:
		d.missing("contents", " an item of type prompt")
	case frames == 0:
		d.missing("contents", " an item of type first_frame")
	}
}
