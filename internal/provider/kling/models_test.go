package kling_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/video"
)

func TestDriverListsEveryModelOnce(t *testing.T) {
	if kling.Driver.ChannelType != channel.TypeKling {
		t.Errorf("channel type is %d, want %d", kling.Driver.ChannelType, channel.TypeKling)
	}
	seen := map[string]bool{}
	for _, m := range kling.Driver.Models {
		if seen[m.Name] || len(m.Capabilities) == 0 {
			t.Errorf("%s occurs twice or does nothing", m.Name)
		}
		seen[m.Name] = true
		for _, c := range m.Capabilities {
			if name := strings.TrimSuffix(c.UpstreamModel+"-"+c.Mode, "-"); name != m.Name {
				t.Errorf("%s is %s in mode %q upstream", m.Name, c.UpstreamModel, c.Mode)
			}
			if !slices.IsSorted(c.Durations) || !slices.Contains(c.Durations, c.DefaultDuration) || c.Resolution == "" || c.MaxPrompt == 0 {
				t.Errorf("%s: %+v", m.Name, c)
			}
			if c.DefaultAspect != "" && !slices.Contains(c.AspectRatios, c.DefaultAspect) || slices.Contains(c.AspectRatios, "5:4") {
				t.Errorf("%s: ratios %v", m.Name, c.AspectRatios)
			}
			if (c.LastFrame || c.CameraControl || c.MotionBrush) && c.MaxImages == 0 || c.Voices > 0 && c.Sound == "none" {
				t.Errorf("%s: %+v", m.Name, c)
			}
		}
	}
	if seen["kling-v1"] || seen["kling-v1-std"] {
		t.Error("kling-v1 is switched off and still listed")
	}
}

func TestTheGuidesModelsDoAllFourProducts(t *testing.T) {
	want := []video.Type{video.Text2Video, video.Image2Video, video.OmniVideo, video.MultiImage2Video}
	ratios := []string{"16:9", "9:16", "1:1", "21:9", "9:21"}
	for _, name := range []string{"kling-v1-5-std", "kling-v1-5-pro", "kling-v1-6-std", "kling-v1-6-pro"} {
		i := slices.IndexFunc(kling.Driver.Models, func(m provider.Model) bool { return m.Name == name })
		if i < 0 {
			t.Errorf("%s is not listed", name)
			continue
		}
		var got []video.Type
		for _, c := range kling.Driver.Models[i].Capabilities {
			got = append(got, c.Type)
			if diff := cmp.Diff(ratios, c.AspectRatios); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, c.Type, diff)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestEveryCapabilityCanBeOrdered walks the table: the smallest order of each
// capability is accepted, in each length and ratio that it lists, and comes
// out as the model it is listed under.
func TestEveryCapabilityCanBeOrdered(t *testing.T) {
	for _, m := range kling.Driver.Models {
		for _, c := range m.Capabilities {
			aspects := append([]string{""}, c.AspectRatios...)
			for _, seconds := range c.Durations {
				for _, aspect := range aspects {
					body := smallest(m.Name, c, seconds, aspect)
					o, err := kling.Parse(c.Route, []byte(body))
					if err != nil {
						t.Errorf("%s %s: %v", c.Route, body, err)
						continue
					}
					u := o.Request.Usage
					if aspect == "" {
						aspect = c.DefaultAspect
					}
					if o.Request.Model != m.Name || o.Request.Type != c.Type || o.Request.Route != c.Route ||
						u.Seconds != seconds || u.AspectRatio != aspect || u.Mode != c.Mode || u.Resolution != c.Resolution ||
						u.Sound != (c.Sound == "always") {
						t.Errorf("%s %s: got %s %+v", c.Route, body, o.Request.Model, u)
					}
				}
			}
		}
	}
}

// smallest is an order with what a capability must have. kling-video-o1 takes
// all its lengths only with a reference picture.
func smallest(model string, c provider.Capability, seconds int, aspect string) string {
	const picture = `"https://a.example/b.png"`
	body := `{"model":"` + model + `"`
	length := `"duration":` + strconv.Itoa(seconds)
	if aspect != "" {
		aspect = `"aspect_ratio":"` + aspect + `"`
	}
	if !strings.HasPrefix(c.Route, "/v1/") {
		body += `,"settings":{"resolution":"` + c.Resolution + `",` + strings.TrimSuffix(length+","+aspect, ",") + `}`
		if c.Type == video.Image2Video {
			return body + `,"contents":[{"type":"prompt","text":"x"},{"type":"first_frame","url":` + picture + `}]}`
		}
		return body + `,"prompt":"x"}`
	}
	body += `,"prompt":"x",` + strings.TrimSuffix(length+","+aspect, ",")
	switch c.Type {
	case video.Image2Video:
		body += `,"image":` + picture
	case video.MultiImage2Video:
		body += `,"image_list":[{"image":` + picture + `}]`
	case video.OmniVideo:
		body += `,"image_list":[{"image_url":` + picture + `}]`
	}
	return body + `}`
}

func TestProductsAreKlingsPaths(t *testing.T) {
	want := []kling.Product{
		{Type: video.Text2Video, Generation: 1, Path: "/v1/videos/text2video"},
		{Type: video.Image2Video, Generation: 1, Path: "/v1/videos/image2video"},
		{Type: video.OmniVideo, Generation: 1, Path: "/v1/videos/omni-video"},
		{Type: video.MultiImage2Video, Generation: 1, Path: "/v1/videos/multi-image2video"},
		{Type: video.Text2Video, Generation: 2, Path: "/text-to-video/{model}"},
		{Type: video.Image2Video, Generation: 2, Path: "/image-to-video/{model}"},
	}
	if diff := cmp.Diff(want, kling.Products()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStatusWords(t *testing.T) {
	for _, tt := range []struct {
		generation int
		public     string
		want       string
	}{
		{1, "pending", "submitted"}, {2, "pending", "submitted"},
		{1, "submitted", "submitted"}, {2, "processing", "processing"},
		{1, "succeed", "succeed"}, {2, "succeed", "succeeded"},
		{1, "failed", "failed"}, {2, "failed", "failed"},
	} {
		if got := kling.StatusWord(tt.generation, tt.public); got != tt.want {
			t.Errorf("generation %d: %s is %s, want %s", tt.generation, tt.public, got, tt.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for want, list := range map[int][]*fault.Error{
		1001: {fault.New(fault.Unauthenticated, "").Named("missing_credentials")},
		1002: {fault.New(fault.Unauthenticated, ""), fault.New(fault.Unauthenticated, "").Named("invalid_token")},
		1003: {fault.New(fault.Unauthenticated, "").Named("token_not_yet_valid")},
		1004: {fault.New(fault.Unauthenticated, "").Named("token_expired")},
		1102: {fault.New(fault.InsufficientQuota, "")},
		1103: {fault.New(fault.Forbidden, "")},
		1200: {fault.New(fault.Invalid, "").Named("missing_parameter"), fault.New(fault.Invalid, "").Named("invalid_json"), fault.New(fault.UnsupportedMedia, "")},
		1201: {fault.New(fault.Invalid, ""), fault.New(fault.Invalid, "").Named("invalid_parameter"), fault.New(fault.TooLarge, ""), fault.New(fault.Conflict, ""), fault.New(fault.Unprocessable, "")},
		1202: {fault.New(fault.MethodNotAllowed, "")},
		1203: {fault.New(fault.NotFound, ""), fault.New(fault.NotFound, "").Named("model_not_found")},
		1302: {fault.New(fault.Throttled, "")},
		5000: {fault.New(fault.Internal, ""), fault.New("something newer", "")},
		5001: {fault.New(fault.Unavailable, "")},
	} {
		for _, f := range list {
			if got := kling.Number(f); got != want {
				t.Errorf("%s is %d, want %d", f.Word(), got, want)
			}
		}
	}
}
