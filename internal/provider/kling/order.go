package kling

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"one-api/internal/fault"
	"one-api/internal/video"
)

// Order is a caller's create, read.
type Order struct {
	Request        video.Request
	CallbackURL    string            // the caller's own; "" when none
	ExternalTaskID string            // the caller's own; "" when none
	Metadata       map[string]string // the caller's own; nil when none
}

// Limits of what callers give for themselves.
const (
	maxExternalID    = 128 // characters
	maxMetadata      = 16  // members
	maxMetadataKey   = 64  // characters
	maxMetadataValue = 512 // characters
)

// Parse reads the body of a create on a route, e.g. "/v1/videos/text2video" or
// "/text-to-video/kling-3.0-turbo", and checks it against what the model can
// do. The order's body says in Kling's own terms what was priced: model, mode
// and duration stand in it in every case, and the caller's own addresses and
// ids do not.
//
// Errors are *fault.Error: NotFound for a route or a model that is not offered,
// Invalid for everything else, with the field that is wrong.
func Parse(route string, body []byte) (Order, error) {
	p, urlModel := productAt(route)
	if p == nil {
		return Order{}, fault.New(fault.NotFound, "There is no product at %s.", clip80(route)).Named("route_not_found")
	}
	f := readForm(body)
	if f.fault != nil {
		return Order{}, f.fault
	}
	of, err := resolve(p, urlModel, f)
	if err != nil {
		return Order{}, err
	}
	d := draft{form: f, offer: of}
	d.order.Request = video.Request{
		Provider: Driver.Name,
		Type:     p.Type,
		Model:    of.model,
		Route:    of.Route,
		Usage:    video.Usage{Mode: of.Mode, Resolution: of.Resolution, Sound: of.Sound == "always", Count: 1},
	}
	d.metadata()
	p.read(&d)
	f.rest(p.Product)
	if f.fault != nil {
		return Order{}, f.fault
	}
	d.order.Request.Body = d.body(body, p.Generation)
	return d.order, nil
}

// resolve finds the model in its mode. Callers name it as the gateway does
// (kling-v1-6-pro, in model or model_name), or as Kling does (model_name and
// mode), and may do both as long as they agree.
func resolve(p *product, urlModel string, f *form) (*offer, error) {
	if p.Generation == 2 {
		return resolveCurrent(p, urlModel, f)
	}
	base, mode, err := namedModel(f, p.Path)
	if err != nil {
		return nil, err
	}
	if base == "" {
		if p.model == "" {
			f.missing("model", ": Kling's default, kling-v1, is switched off; name one of "+strings.Join(taken[p.Path], ", "))
			return nil, f.fault
		}
		base = p.model
	}
	if _, sent := f.take("mode"); sent {
		m := f.word("mode", "", "std", "pro", "4k")
		switch {
		case f.fault != nil:
			return nil, f.fault
		case bases[base].modes == "":
			f.fail(badParameter, "mode", "%s takes no mode; leave mode out.", base)
		case mode != "" && mode != m:
			f.fail(badParameter, "mode", "mode %s contradicts the model %s.", m, modelName(base, mode))
		case !slices.Contains(bases[base].modeList(), m):
			f.bad("mode", "one of %s for %s", strings.Join(bases[base].modeList(), ", "), base)
		}
		mode = m
	}
	if mode == "" && bases[base].modes != "" {
		mode = p.mode
	}
	of := offers[[3]string{p.Path, base, mode}]
	if of == nil && f.fault == nil {
		f.fail(badParameter, modelField(f), "%s does not do %s, which takes %s.", base, p.Type, strings.Join(taken[p.Path], ", "))
	}
	if f.fault != nil {
		return nil, f.fault
	}
	return of, nil
}

// resolveCurrent finds the model that the path names, in the mode that
// settings.resolution means. A model in the body is not Kling's, and must say
// the same.
func resolveCurrent(p *product, urlModel string, f *form) (*offer, error) {
	route := strings.Replace(p.Path, "{model}", urlModel, 1)
	if taken[route] == nil {
		return nil, noModel(urlModel, "", "kling-3.0-turbo")
	}
	base, mode, err := namedModel(f, route)
	if err != nil {
		return nil, err
	}
	if base != "" && base != urlModel {
		f.fail(badParameter, modelField(f), "%s contradicts the model in the path, %s.", base, urlModel)
		return nil, f.fault
	}
	settings := f.object("settings")
	if r := settings.find("resolution"); r != nil {
		word := settings.word("resolution", "", "720p", "1080p")
		byWord := map[string]string{"720p": "std", "1080p": "pro"}[word]
		if mode != "" && byWord != "" && mode != byWord {
			settings.fail(badParameter, "resolution", "settings.resolution %s contradicts the model %s.", word, modelName(base, mode))
		}
		mode = byWord
	}
	if f.fault != nil {
		return nil, f.fault
	}
	if mode == "" {
		mode = p.mode
	}
	return offers[[3]string{route, urlModel, mode}], nil
}

// namedModel reads model and model_name, either of which may hold a full name
// or a base name. Kling itself ignores a bare model, so neither goes upstream
// as it is.
func namedModel(f *form, route string) (base, mode string, err error) {
	first := ""
	for _, field := range []string{"model", "model_name"} {
		v, ok := f.take(field)
		if !ok || v.Type == gjson.String && v.Str == "" {
			continue
		}
		if v.Type != gjson.String {
			f.bad(field, "a string")
			return "", "", f.fault
		}
		b, m, ok := splitModel(v.Str)
		if !ok {
			return "", "", noModel(v.Str, field, strings.Join(taken[route], ", "))
		}
		if base != "" && base != b || mode != "" && m != "" && mode != m {
			f.fail(badParameter, field, "model_name %s contradicts model %s.", v.Str, first)
			return "", "", f.fault
		}
		base, first = b, v.Str
		if m != "" {
			mode = m
		}
	}
	return base, mode, nil
}

// modelField is the member in which the order names its model.
func modelField(f *form) string {
	if m := f.find("model"); m != nil && m.value.Str != "" {
		return "model"
	}
	return "model_name"
}

func noModel(name, field, instead string) error {
	why := "does not exist"
	if name == "kling-v1" || name == "kling-v1-std" || name == "kling-v1-pro" {
		why = "has been switched off by Kling"
	}
	return fault.New(fault.NotFound, "The model %q %s. This path takes %s.", clip80(name), why, instead).Named(modelNotFound).At(field)
}

// draft is an order in the making: the caller's body and the model for it.
type draft struct {
	*form
	*offer
	order    Order
	duration int    // seconds, as Kling is told
	aspect   string // aspect_ratio that Kling is told though the caller said none
	rest     string // new generation: what is left of options, as JSON
}

func (d *draft) usage() *video.Usage { return &d.order.Request.Usage }

// metadata takes the caller's own notes off the order.
func (d *draft) metadata() {
	v, ok := d.get("metadata")
	d.drop("metadata")
	if !ok {
		return
	}
	if !v.IsObject() {
		d.bad("metadata", "an object of strings")
		return
	}
	in := d.object("metadata")
	if len(in.members) > maxMetadata {
		d.bad("metadata", "an object of at most %d members", maxMetadata)
		return
	}
	d.order.Metadata = make(map[string]string, len(in.members))
	for _, m := range in.members {
		switch {
		case m.key == "" || utf8.RuneCountInString(m.key) > maxMetadataKey || strings.ContainsFunc(m.key, unicode.IsControl):
			d.fail(badParameter, "metadata", "A name in metadata must have 1 to %d characters.", maxMetadataKey)
			return
		case m.value.Type != gjson.String:
			in.bad(m.key, "a string")
			return
		}
		d.order.Metadata[strings.Clone(m.key)] = strings.Clone(in.text(m.key, maxMetadataValue))
	}
}

// common takes what the caller wants for themselves: where they are called and
// how they name the order. f is the body, or options in the new generation.
func (d *draft) common(f *form) {
	address := f.text("callback_url", 1<<20) // its length is the URL's affair
	f.drop("callback_url")
	if address != "" {
		f.link("callback_url", address)
		d.order.CallbackURL = strings.Clone(address)
	}
	id := f.text("external_task_id", maxExternalID)
	f.drop("external_task_id")
	if id != strings.TrimSpace(id) || strings.ContainsFunc(id, unicode.IsControl) {
		f.bad("external_task_id", "without control characters, and without spaces at its ends")
	}
	d.order.ExternalTaskID = strings.Clone(id)
	mark := f.object("watermark_info")
	mark.flag("enabled")
	mark.closed()
}

// body is the order as Kling receives it: what was priced, in Kling's notation,
// then every other member as the caller sent it.
func (d *draft) body(src []byte, generation int) []byte {
	slices.SortFunc(d.edits, func(a, b edit) int { return a.from - b.from })
	b := make([]byte, 1, len(src)+160)
	b[0] = '{'
	if generation == 1 {
		b = appendMember(b, `"model_name"`, quote(d.UpstreamModel))
		if d.Mode != "" {
			b = appendMember(b, `"mode"`, quote(d.Mode))
		}
		b = appendMember(b, `"duration"`, `"`+strconv.Itoa(d.duration)+`"`)
		if d.aspect != "" {
			b = appendMember(b, `"aspect_ratio"`, quote(d.aspect))
		}
	} else {
		set := append([]byte{'{'}, `"resolution":"`+d.Resolution+`","duration":`+strconv.Itoa(d.duration)...)
		if d.aspect != "" {
			set = append(set, `,"aspect_ratio":`+quote(d.aspect)...)
		}
		b = appendMember(b, `"settings"`, string(append(set, '}')))
		if d.rest != "" {
			b = appendMember(b, `"options"`, d.rest)
		}
	}
	for _, m := range d.members {
		if m.drop {
			continue
		}
		b = appendMember(b, m.rawKey, "")
		b = d.appendEdited(b, src, m.value.Index, m.value.Index+len(m.value.Raw))
	}
	return append(b, '}')
}

func appendMember(b []byte, rawKey, raw string) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = append(b, rawKey...)
	b = append(b, ':')
	return append(b, raw...)
}

// appendEdited appends a part of the source with the edits inside it.
func (s *sheet) appendEdited(b, src []byte, from, to int) []byte {
	for _, e := range s.edits {
		if e.from >= from && e.to <= to {
			b = append(b, src[from:e.from]...)
			b = append(b, e.text...)
			from = e.to
		}
	}
	return append(b, src[from:to]...)
}
