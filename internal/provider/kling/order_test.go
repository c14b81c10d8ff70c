package kling_test

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"one-api/internal/fault"
	"one-api/internal/provider/kling"
	"one-api/internal/video"
)

const (
	text2video  = "/v1/videos/text2video"
	image2video = "/v1/videos/image2video"
	omni        = "/v1/videos/omni-video"
	multiImage  = "/v1/videos/multi-image2video"
	turboText   = "/text-to-video/kling-3.0-turbo"
	turboImage  = "/image-to-video/kling-3.0-turbo"
)

// TestParseAccepts shows for each order the model it resolves to, what it uses
// up and what Kling receives.
func TestParseAccepts(t *testing.T) {
	std := func(aspect string) video.Usage {
		return video.Usage{Seconds: 5, AspectRatio: aspect, Mode: "std", Resolution: "720p", Count: 1}
	}
	pro := func(aspect string) video.Usage {
		return video.Usage{Seconds: 5, AspectRatio: aspect, Mode: "pro", Resolution: "1080p", Count: 1}
	}
	with := func(u video.Usage, change func(*video.Usage)) video.Usage { change(&u); return u }

	for _, tt := range []struct {
		name, route, body string
		model             string
		usage             video.Usage
		upstream          string
		resources         []string
	}{
		{
			name: "the deployment guide's order", route: text2video,
			body:  `{"model": "kling-v1-5-std", "prompt": "一只可爱的小猫在草地上玩耍", "duration": 5, "aspect_ratio": "16:9"}`,
			model: "kling-v1-5-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v1-5","mode":"std","duration":"5","prompt":"一只可爱的小猫在草地上玩耍","aspect_ratio":"16:9"}`,
		},
		{
			name: "an order in Kling's words", route: text2video,
			body:  `{"model_name":"kling-v1-6","mode":"pro","duration":"10","prompt":"x","negative_prompt":"y","cfg_scale":0.5}`,
			model: "kling-v1-6-pro", usage: with(pro("16:9"), func(u *video.Usage) { u.Seconds = 10 }),
			upstream: `{"model_name":"kling-v1-6","mode":"pro","duration":"10","prompt":"x","negative_prompt":"y","cfg_scale":0.5}`,
		},
		{
			name: "a full name in model_name", route: text2video,
			body: `{"model_name":"kling-v1-6-pro","prompt":"x"}`, model: "kling-v1-6-pro", usage: pro("16:9"),
			upstream: `{"model_name":"kling-v1-6","mode":"pro","duration":"5","prompt":"x"}`,
		},
		{
			name: "both names and the mode, in agreement", route: text2video,
			body:  `{"model":"kling-v1-6-pro","model_name":"kling-v1-6","mode":"pro","prompt":"x"}`,
			model: "kling-v1-6-pro", usage: pro("16:9"),
			upstream: `{"model_name":"kling-v1-6","mode":"pro","duration":"5","prompt":"x"}`,
		},
		{
			name: "a base name takes std", route: text2video,
			body: `{"model":"kling-v2-5-turbo","prompt":"x"}`, model: "kling-v2-5-turbo-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v2-5-turbo","mode":"std","duration":"5","prompt":"x"}`,
		},
		{
			name: "a model without modes", route: text2video,
			body: `{"model":"kling-v2-1-master","prompt":"x"}`, model: "kling-v2-1-master",
			usage:    video.Usage{Seconds: 5, AspectRatio: "16:9", Resolution: "1080p", Count: 1},
			upstream: `{"model_name":"kling-v2-1-master","duration":"5","prompt":"x"}`,
		},
		{
			name: "what the caller wants for themselves stays here", route: text2video,
			body:  `{"callback_url":"https://shop.example/cb","external_task_id":"order-7","metadata":{"team":"ads"},"model":"kling-v1-6-std","prompt":"x","watermark_info":{"enabled":true}}`,
			model: "kling-v1-6-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x","watermark_info":{"enabled":true}}`,
		},
		{
			name: "unknown fields go on, empty and null ones do not", route: text2video,
			body:  `{"model":"kling-v1-6-std","prompt":"x","seed":42,"style":{"a":[{"b":1}]},"image":"","image_tail":null,"negative_prompt":null,"external_task_id":"","callback_url":""}`,
			model: "kling-v1-6-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x","seed":42,"style":{"a":[{"b":1}]}}`,
		},
		{
			name: "spaces and escapes are kept as sent", route: text2video,
			body:  " {\n \"model\" : \"kling-v1-6-std\" , \"pro\\u006dpt\" : \"a \\\"b\\\" \\ud83d\\ude00\\n\" } \n",
			model: "kling-v1-6-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v1-6","mode":"std","duration":"5","pro\u006dpt":"a \"b\" \ud83d\ude00\n"}`,
		},
		{
			name: "wide and tall pictures of the guide's models", route: text2video,
			body: `{"model":"kling-v1-5-pro","prompt":"x","aspect_ratio":"9:21"}`, model: "kling-v1-5-pro", usage: pro("9:21"),
			upstream: `{"model_name":"kling-v1-5","mode":"pro","duration":"5","prompt":"x","aspect_ratio":"9:21"}`,
		},
		{
			name: "several shots with sound", route: text2video,
			body:  `{"model":"kling-v3-4k","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":"3"},{"index":2,"prompt":"b","duration":"4"}],"duration":"7","sound":"on"}`,
			model: "kling-v3-4k", usage: video.Usage{Seconds: 7, AspectRatio: "16:9", Mode: "4k", Resolution: "4k", Sound: true, Count: 1},
			upstream: `{"model_name":"kling-v3","mode":"4k","duration":"7","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":"3"},{"index":2,"prompt":"b","duration":"4"}],"sound":"on"}`,
		},
		{
			name: "shots that Kling makes up", route: text2video,
			body:  `{"model":"kling-v3","multi_shot":true,"shot_type":"intelligence","prompt":"x"}`,
			model: "kling-v3-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v3","mode":"std","duration":"5","multi_shot":true,"shot_type":"intelligence","prompt":"x"}`,
		},
		{
			name: "a picture by URL, whose ratio is passed on without effect", route: image2video,
			body:  `{"model":"kling-v1-6-std","prompt":"x","image":"https://shop.example/猫.png?a=1","aspect_ratio":"1:1"}`,
			model: "kling-v1-6-std", usage: std("1:1"),
			upstream: `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x","image":"https://shop.example/猫.png?a=1","aspect_ratio":"1:1"}`,
		},
		{
			name: "pictures in Base64, a data URL made bare, slashes escaped", route: image2video,
			body:  `{"model":"kling-v1-6-pro","prompt":"x","image":"data:image/jpeg;base64,\/9j\/4AAQ","image_tail":"/9j/4AAQ"}`,
			model: "kling-v1-6-pro", usage: pro(""),
			upstream: `{"model_name":"kling-v1-6","mode":"pro","duration":"5","prompt":"x","image":"/9j/4AAQ","image_tail":"/9j/4AAQ"}`,
		},
		{
			name: "a last frame alone", route: image2video,
			body:  `{"model":"kling-v1-5-pro","prompt":"x","image_tail":"https://a.example/b.png"}`,
			model: "kling-v1-5-pro", usage: pro(""),
			upstream: `{"model_name":"kling-v1-5","mode":"pro","duration":"5","prompt":"x","image_tail":"https://a.example/b.png"}`,
		},
		{
			name: "a voice", route: image2video,
			body:  `{"model":"kling-v2-6-pro","prompt":"<<<voice_1>>> hi","image":"https://a.example/b.png","sound":"on","voice_list":[{"voice_id":"v-1"}]}`,
			model: "kling-v2-6-pro", usage: with(pro(""), func(u *video.Usage) { u.Sound, u.Voice = true, true }),
			upstream:  `{"model_name":"kling-v2-6","mode":"pro","duration":"5","prompt":"<<<voice_1>>> hi","image":"https://a.example/b.png","sound":"on","voice_list":[{"voice_id":"v-1"}]}`,
			resources: []string{"v-1"},
		},
		{
			name: "camera and masks", route: image2video,
			body:  `{"model":"kling-v1-5-pro","prompt":"x","image":"https://a.example/b.png","camera_control":{"type":"simple","config":{"zoom":-3.5,"pan":0}}}`,
			model: "kling-v1-5-pro", usage: pro(""),
			upstream: `{"model_name":"kling-v1-5","mode":"pro","duration":"5","prompt":"x","image":"https://a.example/b.png","camera_control":{"type":"simple","config":{"zoom":-3.5,"pan":0}}}`,
		},
		{
			name: "motion brush", route: image2video,
			body:  `{"model":"kling-v1-5-pro","prompt":"x","image":"https://a.example/b.png","static_mask":"https://a.example/m.png","dynamic_masks":[{"mask":"aGVsbG8=","trajectories":[{"x":1,"y":2},{"x":3,"y":-4}]}]}`,
			model: "kling-v1-5-pro", usage: pro(""),
			upstream: `{"model_name":"kling-v1-5","mode":"pro","duration":"5","prompt":"x","image":"https://a.example/b.png","static_mask":"https://a.example/m.png","dynamic_masks":[{"mask":"aGVsbG8=","trajectories":[{"x":1,"y":2},{"x":3,"y":-4}]}]}`,
		},
		{
			name: "elements, whose ids go upstream as numbers", route: image2video,
			body:  `{"model":"kling-v3-std","prompt":"x","image":"https://a.example/b.png","element_list":[{"element_id":893605946402811985},{"element_id":"893605946402811986"}]}`,
			model: "kling-v3-std", usage: std(""),
			upstream:  `{"model_name":"kling-v3","mode":"std","duration":"5","prompt":"x","image":"https://a.example/b.png","element_list":[{"element_id":893605946402811985},{"element_id":893605946402811986}]}`,
			resources: []string{"893605946402811985", "893605946402811986"},
		},
		{
			name: "omni-video's own defaults", route: omni,
			body: `{"prompt":"x"}`, model: "kling-video-o1-pro", usage: pro("16:9"),
			upstream: `{"model_name":"kling-video-o1","mode":"pro","duration":"5","aspect_ratio":"16:9","prompt":"x"}`,
		},
		{
			name: "omni-video with frames says no ratio", route: omni,
			body:  `{"model_name":"kling-v3-omni","prompt":"x","duration":"15","image_list":[{"image_url":"data:image/png;base64,aGVsbG8=","type":"first_frame"},{"image_url":"https://a.example/b.png","type":"end_frame"}]}`,
			model: "kling-v3-omni-pro", usage: with(pro("16:9"), func(u *video.Usage) { u.Seconds = 15 }),
			upstream: `{"model_name":"kling-v3-omni","mode":"pro","duration":"15","prompt":"x","image_list":[{"image_url":"aGVsbG8=","type":"first_frame"},{"image_url":"https://a.example/b.png","type":"end_frame"}]}`,
		},
		{
			name: "omni-video with a reference video", route: omni,
			body:  `{"model":"kling-v3-omni-std","prompt":"x","aspect_ratio":"1:1","duration":4,"video_list":[{"video_url":"https://a.example/v.mp4","refer_type":"feature","keep_original_sound":"yes"}],"element_list":[{"element_id":7}]}`,
			model: "kling-v3-omni-std", usage: with(std("1:1"), func(u *video.Usage) { u.Seconds, u.VideoInput = 4, true }),
			upstream:  `{"model_name":"kling-v3-omni","mode":"std","duration":"4","prompt":"x","aspect_ratio":"1:1","video_list":[{"video_url":"https://a.example/v.mp4","refer_type":"feature","keep_original_sound":"yes"}],"element_list":[{"element_id":7}]}`,
			resources: []string{"7"},
		},
		{
			name: "a base video is priced as the longest one", route: omni,
			body:  `{"prompt":"x","duration":"3","video_list":[{"video_url":"https://a.example/v.mp4"}]}`,
			model: "kling-video-o1-pro", usage: with(pro("16:9"), func(u *video.Usage) { u.Seconds, u.VideoInput = 10, true }),
			upstream: `{"model_name":"kling-video-o1","mode":"pro","duration":"3","prompt":"x","video_list":[{"video_url":"https://a.example/v.mp4"}]}`,
		},
		{
			name: "omni-video with the guide's models", route: omni,
			body: `{"model":"kling-v1-5-std","prompt":"x","negative_prompt":"y","image_list":[{"image_url":"https://a.example/b.png"}]}`, model: "kling-v1-5-std", usage: std("16:9"),
			upstream: `{"model_name":"kling-v1-5","mode":"std","duration":"5","aspect_ratio":"16:9","prompt":"x","negative_prompt":"y","image_list":[{"image_url":"https://a.example/b.png"}]}`,
		},
		{
			name: "multi-image2video's own defaults", route: multiImage,
			body:  `{"prompt":"x","image_list":[{"image":"https://a.example/b.png"},{"image":"data:image/png;base64,aGVsbG8="}]}`,
			model: "kling-v1-6-std", usage: std(""),
			upstream: `{"model_name":"kling-v1-6","mode":"std","duration":"5","prompt":"x","image_list":[{"image":"https://a.example/b.png"},{"image":"aGVsbG8="}]}`,
		},
		{
			name: "text to video of the new generation", route: turboText,
			body:  `{"prompt":"x"}`,
			model: "kling-3.0-turbo-std", usage: with(std("16:9"), func(u *video.Usage) { u.Sound = true }),
			upstream: `{"settings":{"resolution":"720p","duration":5},"prompt":"x"}`,
		},
		{
			name: "all of it", route: turboText,
			body:  `{"model":"kling-3.0-turbo-pro","prompt":"x","settings":{"resolution":"1080p","duration":"7","aspect_ratio":"9:16"},"options":{"callback_url":"https://shop.example/cb","external_task_id":"order-7","watermark_info":{"enabled":false}},"metadata":{}}`,
			model: "kling-3.0-turbo-pro", usage: with(pro("9:16"), func(u *video.Usage) { u.Seconds, u.Sound = 7, true }),
			upstream: `{"settings":{"resolution":"1080p","duration":7,"aspect_ratio":"9:16"},"options":{"watermark_info":{"enabled":false}},"prompt":"x"}`,
		},
		{
			name: "the model in the body chooses the resolution", route: turboText,
			body:  `{"model":"kling-3.0-turbo-pro","prompt":"x"}`,
			model: "kling-3.0-turbo-pro", usage: with(pro("16:9"), func(u *video.Usage) { u.Sound = true }),
			upstream: `{"settings":{"resolution":"1080p","duration":5},"prompt":"x"}`,
		},
		{
			name: "image to video of the new generation", route: turboImage,
			body:  `{"contents":[{"type":"first_frame","url":"data:image/png;base64,aGVsbG8=","id":"cat"},{"type":"prompt","text":"@cat runs"}],"settings":{"duration":15}}`,
			model: "kling-3.0-turbo-std", usage: with(std(""), func(u *video.Usage) { u.Seconds, u.Sound = 15, true }),
			upstream: `{"settings":{"resolution":"720p","duration":15},"contents":[{"type":"first_frame","url":"aGVsbG8=","id":"cat"},{"type":"prompt","text":"@cat runs"}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := kling.Parse(tt.route, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if o.Request.Model != tt.model {
				t.Errorf("model is %s, want %s", o.Request.Model, tt.model)
			}
			if diff := cmp.Diff(tt.usage, o.Request.Usage); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.upstream, string(o.Request.Body)); diff != "" {
				t.Errorf("upstream body (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.resources, o.Request.Resources); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
			if o.Request.Provider != "kling" || o.Request.Route != tt.route || o.Request.Prompt == "" {
				t.Errorf("got %+v", o.Request)
			}
		})
	}
}

func TestParseTakesOffWhatIsTheCallers(t *testing.T) {
	want := kling.Order{CallbackURL: "https://shop.example/cb", ExternalTaskID: "order 7", Metadata: map[string]string{"team": "ads", "job": ""}}
	for route, body := range map[string]string{
		text2video: `{"model":"kling-v1-6-std","prompt":"x","callback_url":"https://shop.example/cb","external_task_id":"order 7","metadata":{"team":"ads","job":""}}`,
		turboText:  `{"prompt":"x","options":{"callback_url":"https://shop.example/cb","external_task_id":"order 7"},"metadata":{"team":"ads","job":""}}`,
	} {
		got, err := kling.Parse(route, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(got.Request.Body), "shop.example") || strings.Contains(string(got.Request.Body), "ads") {
			t.Errorf("the caller's own goes upstream: %s", got.Request.Body)
		}
		got.Request = video.Request{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", route, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const ok = `"model":"kling-v1-6-std","prompt":"x"`
	const picture = `"image":"https://a.example/b.png"`
	type refusal struct {
		route, body string
		word, field string
	}
	groups := map[string][]refusal{
		"the body": {
			{text2video, ``, "invalid_json", ""},
			{text2video, "  \n", "invalid_json", ""},
			{text2video, `null`, "invalid_json", ""},
			{text2video, `[]`, "invalid_json", ""},
			{text2video, `"x"`, "invalid_json", ""},
			{text2video, `{` + ok, "invalid_json", ""},
			{text2video, `{` + ok + `,}`, "invalid_json", ""},
			{text2video, `{` + ok + `} {}`, "invalid_json", ""},
			{text2video, `{` + ok + `}x`, "invalid_json", ""},
			{text2video, `{'prompt':'x'}`, "invalid_json", ""},
			{text2video, `{` + ok + `,"a":01}`, "invalid_json", ""},
			{text2video, `{` + ok + `,"a":NaN}`, "invalid_json", ""},
			{text2video, "\ufeff{" + ok + "}", "invalid_json", ""},
			{text2video, "{" + ok + ",\"a\":\"\xff\"}", "invalid_json", ""},
			{text2video, "{" + ok + ",\"a\":\"\n\"}", "invalid_json", ""},
			{text2video, `{` + ok + `,"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "invalid_json", ""},
			{text2video, strings.Repeat("[", 1<<20), "invalid_json", ""},
			{text2video, strings.Repeat(`{"a":`, 1<<18), "invalid_json", ""},
			{text2video, `{` + ok + `,` + strings.Repeat(`"a":1,`, 200) + `"b":1}`, "duplicate_key", "a"},
			{text2video, `{` + ok + `,"prompt":"y"}`, "duplicate_key", "prompt"},
			{text2video, `{` + ok + `,"pr\u006fmpt":"y"}`, "duplicate_key", "prompt"},
			{text2video, `{` + ok + `,"model":"kling-v1-6-pro"}`, "duplicate_key", "model"},
			{text2video, `{` + ok + `,"style":{"a":1,"a":2}}`, "duplicate_key", "style.a"},
			{text2video, `{` + ok + `,"style":[1,[{"a":1,"a":2}]]}`, "duplicate_key", "style[1][0].a"},
			{turboText, `{"prompt":"x","settings":{"duration":5,"duration":10}}`, "duplicate_key", "settings.duration"},
			{turboText, `{"prompt":"x","options":{"callback_url":"https://a.example","callback_url":"https://b.example"}}`, "duplicate_key", "options.callback_url"},
			{turboText, `{"prompt":"x","settings":{},"settings":{"resolution":"1080p"}}`, "duplicate_key", "settings"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"https://a.example/v.mp4","refer_type":"feature","refer_type":"base"}]}`, "duplicate_key", "video_list[0].refer_type"},
		},
		"the model": {
			{text2video, `{"prompt":"x"}`, "missing_parameter", "model"},
			{text2video, `{"prompt":"x","mode":"std"}`, "missing_parameter", "model"},
			{text2video, `{"prompt":"x","model":""}`, "missing_parameter", "model"},
			{image2video, `{"prompt":"x",` + picture + `}`, "missing_parameter", "model"},
			{text2video, `{"prompt":"x","model":null}`, "invalid_parameter", "model"},
			{text2video, `{"prompt":"x","model":16}`, "invalid_parameter", "model"},
			{text2video, `{"prompt":"x","model_name":["kling-v1-6"]}`, "invalid_parameter", "model_name"},
			{text2video, `{"prompt":"x","model":"kling-v3-omni"}`, "invalid_parameter", "model"},
			{text2video, `{"prompt":"x","model_name":"kling-v2-1"}`, "invalid_parameter", "model_name"},
			{omni, `{"prompt":"x","model":"kling-v3"}`, "invalid_parameter", "model"},
			{text2video, `{"prompt":"x","model":"kling-3.0-turbo"}`, "invalid_parameter", "model"},
			{text2video, `{"prompt":"x","model":"kling-v1-6-std","model_name":"kling-v1-5"}`, "invalid_parameter", "model_name"},
			{text2video, `{"prompt":"x","model":"kling-v1-6-std","model_name":"kling-v1-6-pro"}`, "invalid_parameter", "model_name"},
			{text2video, `{"prompt":"x","model":"kling-v1-6-std","mode":"pro"}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v1-6","mode":"4k"}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v1-6","mode":"STD"}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v1-6","mode":""}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v1-6","mode":null}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v1-6","mode":1}`, "invalid_parameter", "mode"},
			{text2video, `{"prompt":"x","model":"kling-v2-master","mode":"std"}`, "invalid_parameter", "mode"},
			{turboText, `{"prompt":"x","model":"kling-v3"}`, "invalid_parameter", "model"},
			{turboText, `{"prompt":"x","model":"kling-3.0-turbo-pro","settings":{"resolution":"720p"}}`, "invalid_parameter", "settings.resolution"},
			{turboText, `{"prompt":"x","mode":"pro"}`, "invalid_parameter", "mode"},
		},
		"duration": {
			{text2video, `{` + ok + `,"duration":7}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":-5}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":0}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":5.0}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":5e0}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":1e9}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":4294967301}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":18446744073709551621}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":null}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":true}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":[5]}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":{"seconds":5}}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":""}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"5.0"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"05"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"+5"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":" 5"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"5s"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"0x5"}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"duration":"５"}`, "invalid_parameter", "duration"},
			{text2video, `{"model":"kling-v3-std","prompt":"x","duration":16}`, "invalid_parameter", "duration"},
			{text2video, `{"model":"kling-v3-std","prompt":"x","duration":2}`, "invalid_parameter", "duration"},
			{omni, `{"prompt":"x","duration":"7"}`, "invalid_parameter", "duration"},
			{omni, `{"prompt":"x","duration":"7","image_list":[{"image_url":"https://a.example/b","type":"first_frame"}]}`, "invalid_parameter", "duration"},
			{turboText, `{"prompt":"x","settings":{"duration":5.5}}`, "invalid_parameter", "settings.duration"},
			{turboText, `{"prompt":"x","settings":{"duration":16}}`, "invalid_parameter", "settings.duration"},
			{turboText, `{"prompt":"x","settings":{"duration":null}}`, "invalid_parameter", "settings.duration"},
		},
		"what sets the price": {
			{text2video, `{` + ok + `,"aspect_ratio":"5:4"}`, "invalid_parameter", "aspect_ratio"},
			{text2video, `{` + ok + `,"aspect_ratio":"16:9 "}`, "invalid_parameter", "aspect_ratio"},
			{text2video, `{` + ok + `,"aspect_ratio":""}`, "invalid_parameter", "aspect_ratio"},
			{text2video, `{` + ok + `,"aspect_ratio":null}`, "invalid_parameter", "aspect_ratio"},
			{text2video, `{` + ok + `,"aspect_ratio":1}`, "invalid_parameter", "aspect_ratio"},
			{image2video, `{` + ok + `,` + picture + `,"aspect_ratio":"5:4"}`, "invalid_parameter", "aspect_ratio"},
			{multiImage, `{"prompt":"x","image_list":[{` + picture + `}],"aspect_ratio":"5:4"}`, "invalid_parameter", "aspect_ratio"},
			{omni, `{"prompt":"x","aspect_ratio":"21:9"}`, "invalid_parameter", "aspect_ratio"},
			{text2video, `{"model":"kling-v3-std","prompt":"x","aspect_ratio":"21:9"}`, "invalid_parameter", "aspect_ratio"},
			{turboText, `{"prompt":"x","settings":{"aspect_ratio":"5:4"}}`, "invalid_parameter", "settings.aspect_ratio"},
			{turboImage, `{"contents":[{"type":"prompt","text":"x"},{"type":"first_frame","url":"https://a.example/b"}],"settings":{"aspect_ratio":"16:9"}}`, "invalid_parameter", "settings.aspect_ratio"},
			{turboText, `{"prompt":"x","settings":{"resolution":"4k"}}`, "invalid_parameter", "settings.resolution"},
			{turboText, `{"prompt":"x","settings":{"resolution":null}}`, "invalid_parameter", "settings.resolution"},
			{turboText, `{"prompt":"x","settings":{"audio":"off"}}`, "invalid_parameter", "settings.audio"},
			{turboText, `{"prompt":"x","settings":[]}`, "invalid_parameter", "settings"},
			{turboText, `{"prompt":"x","options":{"model":"kling-3.0"}}`, "invalid_parameter", "options.model"},
			{turboText, `{"prompt":"x","duration":10}`, "invalid_parameter", "duration"},
			{text2video, `{` + ok + `,"sound":"on"}`, "invalid_parameter", "sound"},
			{text2video, `{` + ok + `,"sound":true}`, "invalid_parameter", "sound"},
			{text2video, `{` + ok + `,"sound":null}`, "invalid_parameter", "sound"},
			{text2video, `{"model":"kling-v2-6-std","prompt":"x","sound":"on"}`, "invalid_parameter", "sound"},
			{omni, `{"prompt":"x","sound":"on"}`, "invalid_parameter", "sound"},
			{multiImage, `{"prompt":"x","image_list":[{` + picture + `}],"sound":"on"}`, "invalid_parameter", "sound"},
			{text2video, `{` + ok + `,"resolution":"1080p"}`, "invalid_parameter", "resolution"},
			{text2video, `{` + ok + `,"n":4}`, "invalid_parameter", "n"},
			{text2video, `{` + ok + `,"video_list":[{"video_url":"https://a.example/v.mp4"}]}`, "invalid_parameter", "video_list"},
			{text2video, `{` + ok + `,"settings":{"duration":10}}`, "invalid_parameter", "settings"},
			{text2video, `{` + ok + `,"options":{"callback_url":"https://a.example"}}`, "invalid_parameter", "options"},
			{text2video, `{` + ok + `,"Duration":"10"}`, "invalid_parameter", "Duration"},
			{text2video, `{` + ok + `,"modelName":"kling-v3"}`, "invalid_parameter", "modelName"},
			{text2video, `{` + ok + `,"model-name":"kling-v3"}`, "invalid_parameter", "model-name"},
			{text2video, `{` + ok + `,"callbackUrl":"https://a.example"}`, "invalid_parameter", "callbackUrl"},
			{text2video, `{` + ok + `,"EXTERNAL_TASK_ID":"1"}`, "invalid_parameter", "EXTERNAL_TASK_ID"},
		},
		"prompts": {
			{text2video, `{"model":"kling-v1-6-std"}`, "missing_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":null}`, "missing_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":""}`, "missing_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":" \n\t　"}`, "missing_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":7}`, "invalid_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":["x"]}`, "invalid_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":"a\u0000b"}`, "invalid_parameter", "prompt"},
			{text2video, `{"model":"kling-v1-6-std","prompt":"` + strings.Repeat("猫", 2501) + `"}`, "invalid_parameter", "prompt"},
			{text2video, `{` + ok + `,"negative_prompt":"` + strings.Repeat("x", 2501) + `"}`, "invalid_parameter", "negative_prompt"},
			{text2video, `{` + ok + `,"negative_prompt":false}`, "invalid_parameter", "negative_prompt"},
			{text2video, `{` + ok + `,"cfg_scale":1.1}`, "invalid_parameter", "cfg_scale"},
			{text2video, `{` + ok + `,"cfg_scale":-0.1}`, "invalid_parameter", "cfg_scale"},
			{text2video, `{` + ok + `,"cfg_scale":"0.5"}`, "invalid_parameter", "cfg_scale"},
			{text2video, `{"model":"kling-v2-6-std","prompt":"x","cfg_scale":0.5}`, "invalid_parameter", "cfg_scale"},
			{text2video, `{` + ok + `,"multi_shot":true}`, "invalid_parameter", "multi_shot"},
			{text2video, `{"model":"kling-v3","prompt":"x","multi_shot":"true"}`, "invalid_parameter", "multi_shot"},
			{text2video, `{"model":"kling-v3","prompt":"x","multi_shot":true}`, "missing_parameter", "shot_type"},
			{text2video, `{"model":"kling-v3","prompt":"x","multi_shot":true,"shot_type":"custom"}`, "invalid_parameter", "shot_type"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"intelligence"}`, "missing_parameter", "prompt"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"customize"}`, "missing_parameter", "multi_prompt"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"x","duration":"4"}]}`, "invalid_parameter", "multi_prompt"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"x","duration":5}]}`, "invalid_parameter", "multi_prompt[0].duration"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":" ","duration":"5"}]}`, "missing_parameter", "multi_prompt[0].prompt"},
			{text2video, `{"model":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":"1","prompt":"x","duration":"5"}]}`, "invalid_parameter", "multi_prompt[0].index"},
			{turboText, `{}`, "missing_parameter", "prompt"},
			{turboText, `{"prompt":"` + strings.Repeat("猫", 3073) + `"}`, "invalid_parameter", "prompt"},
			{turboText, `{"contents":[{"type":"prompt","text":"x"}],"prompt":"x"}`, "invalid_parameter", "contents"},
		},
		"pictures and videos": {
			{image2video, `{` + ok + `}`, "missing_parameter", "image"},
			{image2video, `{` + ok + `,"image":""}`, "missing_parameter", "image"},
			{image2video, `{` + ok + `,"image":7}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"ftp://a.example/b.png"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"file:///etc/passwd"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"https://"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"https://user:pw@a.example/b.png"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"https://a.example/b c.png"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"https://a.example/` + strings.Repeat("b", 2048) + `"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"not base64!"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"aGVsbG8"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"aGVs\nbG8="}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"a=Vs"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"===="}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"data:image/png,hello"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"data:image/png;base64,"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,"image":"` + strings.Repeat("A", (10<<20)/3*4+4) + `"}`, "invalid_parameter", "image"},
			{image2video, `{` + ok + `,` + picture + `,"image_tail":"https://a.example/c.png"}`, "invalid_parameter", "image_tail"},
			{image2video, `{"model":"kling-v2-6-pro","prompt":"x","image_tail":"https://a.example/c.png"}`, "missing_parameter", "image"},
			{image2video, `{"model":"kling-v2-6-pro","prompt":"x",` + picture + `,"image_tail":"https://a.example/c.png","sound":"on"}`, "invalid_parameter", "image_tail"},
			{image2video, `{` + ok + `,` + picture + `,"voice_list":[{"voice_id":"1"}]}`, "invalid_parameter", "voice_list"},
			{image2video, `{"model":"kling-v2-6-pro","prompt":"x",` + picture + `,"voice_list":[{"voice_id":"1"}]}`, "invalid_parameter", "voice_list"},
			{image2video, `{"model":"kling-v2-6-pro","prompt":"x",` + picture + `,"sound":"on","voice_list":[{"voice_id":"1"},{"voice_id":"2"},{"voice_id":"3"}]}`, "invalid_parameter", "voice_list"},
			{image2video, `{"model":"kling-v2-6-pro","prompt":"x",` + picture + `,"sound":"on","voice_list":[{}]}`, "missing_parameter", "voice_list[0].voice_id"},
			{image2video, `{` + ok + `,` + picture + `,"element_list":[{"element_id":1}]}`, "invalid_parameter", "element_list"},
			{image2video, `{"model":"kling-v3","prompt":"x",` + picture + `,"element_list":[{"element_id":1.5}]}`, "invalid_parameter", "element_list[0].element_id"},
			{image2video, `{"model":"kling-v3","prompt":"x",` + picture + `,"element_list":[{"element_id":"x"}]}`, "invalid_parameter", "element_list[0].element_id"},
			{image2video, `{` + ok + `,` + picture + `,"camera_control":{"type":"simple","config":{"zoom":1}}}`, "invalid_parameter", "camera_control"},
			{image2video, `{"model":"kling-v1-5-pro","duration":10,"prompt":"x",` + picture + `,"camera_control":{"type":"simple","config":{"zoom":1}}}`, "invalid_parameter", "camera_control"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"camera_control":{"type":"simple","config":{"zoom":1,"pan":1}}}`, "invalid_parameter", "camera_control.config"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"camera_control":{"type":"simple","config":{"zoom":11}}}`, "invalid_parameter", "camera_control.config.zoom"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"camera_control":{"type":"down_back"}}`, "invalid_parameter", "camera_control.type"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"image_tail":"https://a.example/c","static_mask":"https://a.example/c"}`, "invalid_parameter", "image_tail"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"dynamic_masks":[{"mask":"aGVsbG8=","trajectories":[{"x":1,"y":1}]}]}`, "invalid_parameter", "dynamic_masks[0].trajectories"},
			{image2video, `{"model":"kling-v1-5-pro","prompt":"x",` + picture + `,"dynamic_masks":[{"mask":"aGVsbG8=","trajectories":[{"x":1,"y":1},{"x":1.5,"y":1}]}]}`, "invalid_parameter", "dynamic_masks[0].trajectories[1].x"},
			{text2video, `{` + ok + `,"camera_control":{"type":"simple","config":{"zoom":1}}}`, "invalid_parameter", "camera_control"},
			{text2video, `{` + ok + `,` + picture + `}`, "invalid_parameter", "image"},
			{multiImage, `{"prompt":"x"}`, "missing_parameter", "image_list"},
			{multiImage, `{"prompt":"x","image_list":[]}`, "missing_parameter", "image_list"},
			{multiImage, `{"prompt":"x","image_list":["https://a.example/b.png"]}`, "invalid_parameter", "image_list"},
			{multiImage, `{"prompt":"x","image_list":{"image":"https://a.example/b.png"}}`, "invalid_parameter", "image_list"},
			{multiImage, `{"prompt":"x","image_list":[{}]}`, "missing_parameter", "image_list[0].image"},
			{multiImage, `{"prompt":"x","image_list":[{` + picture + `},{` + picture + `},{` + picture + `},{` + picture + `},{` + picture + `}]}`, "invalid_parameter", "image_list"},
			{multiImage, `{"prompt":"x","image_list":[{` + picture + `},{"image":"%%"}]}`, "invalid_parameter", "image_list[1].image"},
			{multiImage, `{"prompt":"x","image_list":[{` + picture + `,"weight":2}]}`, "invalid_parameter", "image_list[0].weight"},
			{omni, `{"prompt":"x","image_list":[{"image_url":"https://a.example/b","type":"end_frame"}]}`, "invalid_parameter", "image_list"},
			{omni, `{"prompt":"x","image_list":[{"image_url":"https://a.example/b","type":"last_frame"}]}`, "invalid_parameter", "image_list[0].type"},
			{omni, `{"prompt":"x","image_list":[{"image_url":"https://a.example/b","type":"first_frame"},{"image_url":"https://a.example/b","type":"first_frame"}]}`, "invalid_parameter", "image_list[1].type"},
			{omni, `{"prompt":"x","image_list":[{"image_url":"https://a.example/b","type":"first_frame"},{"image_url":"https://a.example/b"},{"image_url":"https://a.example/b","type":"end_frame"}]}`, "invalid_parameter", "image_list"},
			{omni, `{"prompt":"x","image_list":[{"image_url":"https://a.example/b","type":"first_frame"}],"aspect_ratio":"16:9"}`, "invalid_parameter", "aspect_ratio"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"https://a.example/v.mp4"}],"aspect_ratio":"16:9"}`, "invalid_parameter", "aspect_ratio"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"AAAA"}]}`, "invalid_parameter", "video_list[0].video_url"},
			{omni, `{"prompt":"x","video_list":[{}]}`, "missing_parameter", "video_list[0].video_url"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"https://a.example/v","refer_type":"style"}]}`, "invalid_parameter", "video_list[0].refer_type"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"https://a.example/v","refer_type":null}]}`, "invalid_parameter", "video_list[0].refer_type"},
			{omni, `{"prompt":"x","video_list":[{"video_url":"https://a.example/v"},{"video_url":"https://a.example/w"}]}`, "invalid_parameter", "video_list"},
			{omni, `{"model":"kling-v1-6-std","prompt":"x","video_list":[{"video_url":"https://a.example/v"}]}`, "invalid_parameter", "video_list"},
			{omni, `{"model":"kling-v3-omni","prompt":"x","sound":"on","video_list":[{"video_url":"https://a.example/v","refer_type":"feature"}]}`, "invalid_parameter", "sound"},
			{turboImage, `{}`, "missing_parameter", "contents"},
			{turboImage, `{"contents":[{"type":"prompt","text":"x"}]}`, "missing_parameter", "contents"},
			{turboImage, `{"contents":[{"type":"first_frame","url":"https://a.example/b"}]}`, "missing_parameter", "contents"},
			{turboImage, `{"contents":[{"type":"prompt","text":"x"},{"type":"prompt","text":"y"}]}`, "invalid_parameter", "contents"},
			{turboImage, `{"contents":[{"type":"prompt","text":"x"},{"type":"last_frame","url":"https://a.example/b"}]}`, "invalid_parameter", "contents[1].type"},
			{turboImage, `{"contents":[{"type":"prompt","text":" "},{"type":"first_frame","url":"https://a.example/b"}]}`, "missing_parameter", "contents[0].text"},
			{turboImage, `{"contents":[{"type":"prompt","text":"x"},{"type":"first_frame"}]}`, "missing_parameter", "contents[1].url"},
		},
		"the caller's own": {
			{text2video, `{` + ok + `,"callback_url":7}`, "invalid_parameter", "callback_url"},
			{text2video, `{` + ok + `,"callback_url":"shop.example/cb"}`, "invalid_parameter", "callback_url"},
			{text2video, `{` + ok + `,"callback_url":"javascript:alert(1)"}`, "invalid_parameter", "callback_url"},
			{text2video, `{` + ok + `,"callback_url":"https://u:p@shop.example/cb"}`, "invalid_parameter", "callback_url"},
			{text2video, `{` + ok + `,"callback_url":"https://shop.example/` + strings.Repeat("x", 2048) + `"}`, "invalid_parameter", "callback_url"},
			{text2video, `{` + ok + `,"external_task_id":7}`, "invalid_parameter", "external_task_id"},
			{text2video, `{` + ok + `,"external_task_id":"a\nb"}`, "invalid_parameter", "external_task_id"},
			{text2video, `{` + ok + `,"external_task_id":" a"}`, "invalid_parameter", "external_task_id"},
			{text2video, `{` + ok + `,"external_task_id":"` + strings.Repeat("x", 129) + `"}`, "invalid_parameter", "external_task_id"},
			{text2video, `{` + ok + `,"watermark_info":[]}`, "invalid_parameter", "watermark_info"},
			{text2video, `{` + ok + `,"watermark_info":{"enabled":"yes"}}`, "invalid_parameter", "watermark_info.enabled"},
			{text2video, `{` + ok + `,"metadata":"x"}`, "invalid_parameter", "metadata"},
			{text2video, `{` + ok + `,"metadata":{"a":1}}`, "invalid_parameter", "metadata.a"},
			{text2video, `{` + ok + `,"metadata":{"a":"1","a":"2"}}`, "duplicate_key", "metadata.a"},
			{text2video, `{` + ok + `,"metadata":{"a":"` + strings.Repeat("x", 513) + `"}}`, "invalid_parameter", "metadata.a"},
			{text2video, `{` + ok + `,"metadata":{"":"x"}}`, "invalid_parameter", "metadata"},
			{turboText, `{"prompt":"x","callback_url":"https://shop.example"}`, "invalid_parameter", "callback_url"},
			{turboText, `{"prompt":"x","options":{"callbackUrl":"https://shop.example"}}`, "invalid_parameter", "options.callbackUrl"},
		},
	}
	for name, list := range groups {
		t.Run(name, func(t *testing.T) {
			for _, r := range list {
				o, err := kling.Parse(r.route, []byte(r.body))
				shown := r.body[:min(len(r.body), 160)]
				var f *fault.Error
				if !errors.As(err, &f) {
					t.Errorf("%s: got %+v, %v; want a refusal", shown, o, err)
					continue
				}
				if f.Code != fault.Invalid || f.Word() != r.word || f.Field != r.field {
					t.Errorf("%s: got %s %s at %q; want %s at %q (%s)", shown, f.Code, f.Word(), f.Field, r.word, r.field, f.Message)
				}
				if len(f.Message) > 600 || !strings.HasSuffix(f.Message, ".") || !utf8.ValidString(f.Message) {
					t.Errorf("%s: unfit message %q", shown, f.Message)
				}
			}
		})
	}
}

func TestParseNamesWhatIsNotOffered(t *testing.T) {
	for _, tt := range [][3]string{
		{text2video, `{"prompt":"x","model":"kling-v9"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"kling-v1"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model_name":"kling-v1","mode":"std"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"KLING-V1-6"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"kling-v1-6-4k"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"kling-v2-master-pro"}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"kling-v1-6 "}`, "model_not_found"},
		{text2video, `{"prompt":"x","model":"gpt-4o"}`, "model_not_found"},
		{turboText, `{"prompt":"x","model":"kling-3.0"}`, "model_not_found"},
		{"/text-to-video/kling-3.0", `{"prompt":"x"}`, "model_not_found"},
		{"/text-to-video/kling-v1-6", `{"prompt":"x"}`, "model_not_found"},
		{"/text-to-video/", `{"prompt":"x"}`, "route_not_found"},
		{"/text-to-video/a/b", `{"prompt":"x"}`, "route_not_found"},
		{"/v1/videos/text2video/", `{"prompt":"x"}`, "route_not_found"},
		{"/v1/videos/text2image", `{"prompt":"x"}`, "route_not_found"},
		{"", `{"prompt":"x"}`, "route_not_found"},
	} {
		_, err := kling.Parse(tt[0], []byte(tt[1]))
		if f := fault.From(err); f == nil || f.Code != fault.NotFound || f.Word() != tt[2] {
			t.Errorf("%s %s: got %v, want %s", tt[0], tt[1], err, tt[2])
		}
	}
}

func TestParseTakesThePromptLimitsInCharacters(t *testing.T) {
	for route, most := range map[string]int{text2video: 2500, turboText: 3072} {
		body := `{"prompt":"` + strings.Repeat("猫", most) + `"`
		if route == text2video {
			body += `,"model":"kling-v1-6-std"`
		}
		if _, err := kling.Parse(route, []byte(body+"}")); err != nil {
			t.Errorf("%s: %v", route, err)
		}
	}
}

func TestParseTakesPicturesUpToTheLimit(t *testing.T) {
	for route, most := range map[string]int{image2video: 10 << 20, turboImage: 50 << 20} {
		picture := base64.StdEncoding.EncodeToString(make([]byte, most))
		body := `{"model":"kling-v1-6-std","prompt":"x","image":"` + picture + `"}`
		if route == turboImage {
			body = `{"contents":[{"type":"prompt","text":"x"},{"type":"first_frame","url":"` + picture + `"}]}`
		}
		if _, err := kling.Parse(route, []byte(body)); err != nil {
			t.Errorf("%s: %v", route, err)
		}
	}
}

// FuzzParse checks that no body panics, and that what is accepted was priced as
// it is sent: one object, with the model, mode and length of the usage.
func FuzzParse(f *testing.F) {
	routes := []string{text2video, image2video, omni, multiImage, turboText, turboImage}
	for i, body := range []string{
		`{"model":"kling-v1-6-pro","prompt":"x","duration":5,"metadata":{"a":"b"}}`,
		`{"model":"kling-v2-6-pro","prompt":"x","image":"data:image/png;base64,aGVsbG8=","sound":"on","voice_list":[{"voice_id":"v"}]}`,
		`{"prompt":"x","image_list":[{"image_url":"data:;base64,aGVsbG8=","type":"first_frame"}],"element_list":[{"element_id":"7"}],"video_list":[{"video_url":"https://a.example/v"}]}`,
		`{"prompt":"x","image_list":[{"image":"data:;base64,aGVsbG8="},{"image":"https://a.example"}],"style":{"a":[{"b":1}]}}`,
		`{"prompt":"x","settings":{"resolution":"1080p","duration":"7"},"options":{"callback_url":"https://a.example","watermark_info":{"enabled":true}}}`,
		`{"contents":[{"type":"prompt","text":"x"},{"type":"first_frame","url":"data:;base64,aGVsbG8="}],"a":"\"}"}`,
		`{"model":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"x","duration":"5"}]}`,
		`{"a\":1,"b":2}`,
	} {
		f.Add(i%len(routes), []byte(body))
	}
	f.Fuzz(func(t *testing.T, n int, body []byte) {
		route := routes[(n%len(routes)+len(routes))%len(routes)]
		before := string(body)
		o, err := kling.Parse(route, body)
		if string(body) != before {
			t.Fatal("the body was changed")
		}
		if err != nil {
			var e *fault.Error
			if !errors.As(err, &e) || e.Code != fault.Invalid && e.Code != fault.NotFound || e.Message == "" || kling.Number(e) < 1200 {
				t.Fatalf("got %#v", err)
			}
			return
		}
		up := gjson.ParseBytes(o.Request.Body)
		if !gjson.ValidBytes(o.Request.Body) || !up.IsObject() || !utf8.Valid(o.Request.Body) {
			t.Fatalf("%s is no object", o.Request.Body)
		}
		seen := map[string]bool{}
		up.ForEach(func(k, _ gjson.Result) bool {
			if seen[k.String()] {
				t.Fatalf("%q occurs twice in %s", k.String(), o.Request.Body)
			}
			seen[k.String()] = true
			return true
		})
		for _, k := range []string{"model", "metadata", "callback_url", "external_task_id"} {
			if seen[k] {
				t.Fatalf("%s goes upstream in %s", k, o.Request.Body)
			}
		}
		use, name := o.Request.Usage, up.Get("model_name").String()
		length := up.Get("duration").String()
		if strings.HasPrefix(route, "/v1/") {
			if m := up.Get("mode").String(); m != "" {
				name += "-" + m
			}
		} else {
			name, length = "kling-3.0-turbo-"+use.Mode, up.Get("settings.duration").Raw
			if up.Get("settings.resolution").String() != use.Resolution {
				t.Fatalf("%s for %+v", o.Request.Body, use)
			}
		}
		if name != o.Request.Model || !use.VideoInput && length != strconv.Itoa(use.Seconds) {
			t.Fatalf("%s was priced as %s for %d seconds", o.Request.Body, o.Request.Model, use.Seconds)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	picture := base64.StdEncoding.EncodeToString(make([]byte, 3<<19)) // 2 MB
	for name, in := range map[string][2]string{
		"small":        {text2video, `{"model":"kling-v1-5-std","prompt":"一只可爱的小猫在草地上玩耍","duration":5,"aspect_ratio":"16:9","callback_url":"https://shop.example/cb"}`},
		"2MB":          {image2video, `{"model":"kling-v1-6-std","prompt":"x","image":"` + picture + `"}`},
		"2MB, data":    {image2video, `{"model":"kling-v1-6-std","prompt":"x","image":"data:image/png;base64,` + picture + `"}`},
		"2MB, in list": {multiImage, `{"prompt":"x","image_list":[{"image":"data:image/png;base64,` + picture + `"}]}`},
	} {
		b.Run(name, func(b *testing.B) {
			body := []byte(in[1])
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kling.Parse(in[0], body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
