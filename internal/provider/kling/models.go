package kling

import (
	"slices"
	"strings"

	"one-api/internal/provider"
	"one-api/internal/video"
)

// Product is one create path of Kling's dialect.
type Product struct {
	Type       video.Type
	Generation int    // 1: model_name in the body, 2: model in the path
	Path       string // below "/kling"; "/text-to-video/{model}" in generation 2
}

// product is a Product with its defaults and its reader.
type product struct {
	Product
	model string // of an order that names none; "" when it must name one
	mode  string // of an order that names none
	read  func(*draft)
}

// products are the paths offered here. What an order leaves out is what Kling
// would take: text2video and image2video default to a model that Kling has
// switched off, hence to none.
var products = []*product{
	{Product{video.Text2Video, 1, "/v1/videos/text2video"}, "", "std", readText2Video},
	{Product{video.Image2Video, 1, "/v1/videos/image2video"}, "", "std", readImage2Video},
	{Product{video.OmniVideo, 1, "/v1/videos/omni-video"}, "kling-video-o1", "pro", readOmniVideo},
	{Product{video.MultiImage2Video, 1, "/v1/videos/multi-image2video"}, "kling-v1-6", "std", readMultiImage2Video},
	{Product{video.Text2Video, 2, "/text-to-video/{model}"}, "", "std", readTextToVideo},
	{Product{video.Image2Video, 2, "/image-to-video/{model}"}, "", "std", readImageToVideo},
}

// Products lists the create paths, in the order that people read them.
func Products() []Product {
	out := make([]Product, len(products))
	for i, p := range products {
		out[i] = p.Product
	}
	return out
}

// productAt finds the product of a create route, and in generation 2 the model
// that the route names.
func productAt(route string) (*product, string) {
	for _, p := range products {
		prefix, ok := strings.CutSuffix(p.Path, "{model}")
		if !ok && route == p.Path {
			return p, ""
		}
		if model, under := strings.CutPrefix(route, prefix); ok && under && model != "" && !strings.Contains(model, "/") {
			return p, model
		}
	}
	return nil, ""
}

// row is a model in all its modes. A feature that only some modes have names
// them, in the notation of modes.
type row struct {
	base       string
	generation int
	types      []video.Type
	modes      string // "std pro 4k"; "" when the model takes no mode
	resolution string // of a model without modes
	seconds    []int  // lengths; 5 is the default of all
	ratios     []string

	cfg       bool
	sound     string // modes in which the order may ask for sound
	always    bool   // sound is always there
	voices    string // image2video: modes that take voices, with sound
	ends      string // modes that take a first and a last frame
	tailAlone bool   // and a last frame without a first one
	silent    bool   // not together with sound
	moves     string // image2video: modes with camera_control and motion brush, 5 s
	shots     bool   // several shots in one video
	videos    int    // omni-video: reference videos
	elements  int
}

var (
	clip  = []int{5, 10}
	three = []string{"16:9", "9:16", "1:1"}
	// What the price list of the deployment guide covers. Kling documents the
	// first three and has the last word.
	five = []string{"16:9", "9:16", "1:1", "21:9", "9:21"}

	textAndImage = []video.Type{video.Text2Video, video.Image2Video}
	everything   = []video.Type{video.Text2Video, video.Image2Video, video.OmniVideo, video.MultiImage2Video}
)

// table is Kling's capability map for the models that it still runs, oldest
// first. kling-v1 is switched off. The deployment guide sells the first two
// models on all four products, wherever Kling documents them or not.
var table = []row{
	{base: "kling-v1-5", generation: 1, types: everything, modes: "std pro", seconds: clip, ratios: five,
		cfg: true, ends: "pro", tailAlone: true, moves: "pro"},
	{base: "kling-v1-6", generation: 1, types: everything, modes: "std pro", seconds: clip, ratios: five,
		cfg: true, ends: "pro", tailAlone: true},
	{base: "kling-v2-master", generation: 1, types: textAndImage, resolution: "720p", seconds: clip, ratios: three},
	{base: "kling-v2-1", generation: 1, types: []video.Type{video.Image2Video}, modes: "std pro", seconds: clip, ratios: three,
		ends: "pro"},
	{base: "kling-v2-1-master", generation: 1, types: textAndImage, resolution: "1080p", seconds: clip, ratios: three},
	{base: "kling-v2-5-turbo", generation: 1, types: textAndImage, modes: "std pro", seconds: clip, ratios: three,
		ends: "pro"},
	{base: "kling-v2-6", generation: 1, types: textAndImage, modes: "std pro", seconds: clip, ratios: three,
		sound: "pro", voices: "pro", ends: "pro", silent: true},
	{base: "kling-v3", generation: 1, types: textAndImage, modes: "std pro 4k", seconds: upTo(15), ratios: three,
		cfg: true, sound: "std pro 4k", ends: "std pro 4k", shots: true, elements: 3},
	{base: "kling-v3-omni", generation: 1, types: []video.Type{video.OmniVideo}, modes: "std pro 4k", seconds: upTo(15), ratios: three,
		sound: "std pro 4k", ends: "std pro 4k", shots: true, videos: 1, elements: 7},
	{base: "kling-video-o1", generation: 1, types: []video.Type{video.OmniVideo}, modes: "std pro", seconds: upTo(10), ratios: three,
		ends: "std pro", videos: 1, elements: 7},
	{base: "kling-3.0-turbo", generation: 2, types: textAndImage, modes: "std pro", seconds: upTo(15), ratios: three,
		always: true},
}

// upTo is 3, 4, … n seconds.
func upTo(n int) []int {
	var out []int
	for s := 3; s <= n; s++ {
		out = append(out, s)
	}
	return out
}

// resolutions are what the modes mean.
var resolutions = map[string]string{"std": "720p", "pro": "1080p", "4k": "4k"}

// longest prompts, in characters.
const (
	maxPrompt      = 2500
	maxPromptTurbo = 3072 // text-to-video of kling-3.0-turbo
)

// models is the table as the gateway lists it: one model for each mode.
func models() []provider.Model {
	var out []provider.Model
	for _, r := range table {
		for _, mode := range r.modeList() {
			m := provider.Model{Name: modelName(r.base, mode)}
			for _, t := range r.types {
				m.Capabilities = append(m.Capabilities, r.capability(t, mode))
			}
			out = append(out, m)
		}
	}
	return out
}

func (r *row) modeList() []string {
	if r.modes == "" {
		return []string{""}
	}
	return strings.Fields(r.modes)
}

// modelName is how callers, channels and prices name a model in a mode.
func modelName(base, mode string) string {
	if mode == "" {
		return base
	}
	return base + "-" + mode
}

func (r *row) capability(t video.Type, mode string) provider.Capability {
	in := func(modes string) bool { return mode != "" && slices.Contains(strings.Fields(modes), mode) }
	c := provider.Capability{
		Type:            t,
		Route:           r.route(t),
		UpstreamModel:   r.base,
		Mode:            mode,
		Resolution:      r.resolution,
		Durations:       r.seconds,
		DefaultDuration: 5,
		AspectRatios:    r.ratios,
		MaxPrompt:       maxPrompt,
		NegativePrompt:  r.generation == 1 && t != video.OmniVideo,
		CfgScale:        r.cfg && (t == video.Text2Video || t == video.Image2Video),
		Sound:           "none",
		MultiShot:       r.shots,
		Watermark:       true,
	}
	if mode != "" {
		c.Resolution = resolutions[mode]
	}
	switch {
	case r.always:
		c.Sound = "always"
	case in(r.sound):
		c.Sound = "optional"
	}
	switch t {
	case video.Text2Video:
		c.DefaultAspect = "16:9"
		if r.generation == 2 {
			c.MaxPrompt = maxPromptTurbo
		}
	case video.Image2Video:
		c.MinImages, c.MaxImages = 1, 1
		if r.generation == 2 {
			c.AspectRatios = nil
		}
		if in(r.ends) {
			c.MaxImages, c.LastFrame = 2, true
		}
		c.CameraControl, c.MotionBrush = in(r.moves), in(r.moves)
		if in(r.voices) {
			c.Voices = 2
		}
		c.MaxElements = r.elements
	case video.OmniVideo:
		c.DefaultAspect = "16:9"
		c.MaxImages, c.LastFrame = 7, true
		c.MaxVideos, c.MaxElements = r.videos, r.elements
	case video.MultiImage2Video:
		c.MinImages, c.MaxImages = 1, 4
	}
	return c
}

// route is where orders for a product of the row's generation go.
func (r *row) route(t video.Type) string {
	for _, p := range products {
		if p.Type == t && p.Generation == r.generation {
			return strings.Replace(p.Path, "{model}", r.base, 1)
		}
	}
	return ""
}

// offer is one model in one mode on one product.
type offer struct {
	provider.Capability
	model string // our name for it
	row   *row
}

// offers are all of them, by create route, base name and mode; bases are the
// rows by base name, taken lists the names that a route takes.
var offers, bases, taken = index()

func index() (map[[3]string]*offer, map[string]*row, map[string][]string) {
	offers, bases, taken := map[[3]string]*offer{}, map[string]*row{}, map[string][]string{}
	for i := range table {
		r := &table[i]
		bases[r.base] = r
		for _, mode := range r.modeList() {
			for _, t := range r.types {
				o := &offer{r.capability(t, mode), modelName(r.base, mode), r}
				offers[[3]string{o.Route, r.base, mode}] = o
				taken[o.Route] = append(taken[o.Route], o.model)
			}
		}
	}
	return offers, bases, taken
}

// splitModel takes a name apart: a base name alone, or one with its mode. It
// reports false for names that nobody offers.
func splitModel(name string) (base, mode string, ok bool) {
	if bases[name] != nil {
		return name, "", true
	}
	base, mode, cut := cutLast(name, '-')
	if r := bases[base]; cut && r != nil && slices.Contains(r.modeList(), mode) {
		return base, mode, true
	}
	return "", "", false
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
