package klingsim_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// repeat is a JSON array of n items.
func repeat(n int, item string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func TestCreatesThatAreAccepted(t *testing.T) {
	long := strings.Repeat("猫", 2500)
	for name, c := range map[string]struct {
		path, body  string
		mode, units string
	}{
		"text: the least":         {text2video, v16(""), "std", "2"},
		"text: kling-v1-5":        {text2video, `{"model_name":"kling-v1-5","prompt":"a cat","mode":"pro","duration":"10"}`, "pro", "7"},
		"text: everything of v1":  {text2video, v16(`,"negative_prompt":"dogs","cfg_scale":0.7,"aspect_ratio":"1:1","sound":"off","callback_url":"","watermark_info":{"enabled":false}`), "std", "2"},
		"text: a bare model too":  {text2video, v16(`,"model":"kling-v9","unknown_field":1`), "std", "2"},
		"text: null is absent":    {text2video, v16(`,"mode":null,"duration":null,"negative_prompt":null`), "std", "2"},
		"text: longest prompt":    {text2video, `{"model_name":"kling-v1-6","prompt":"` + long + `"}`, "std", "2"},
		"text: v2-master":         {text2video, `{"model_name":"kling-v2-master","prompt":"a cat"}`, "", "10"},
		"text: 2.5":               {text2video, `{"model_name":"kling-v2-5-turbo","prompt":"a cat","mode":"pro"}`, "pro", "2.5"},
		"text: 2.6 with sound":    {text2video, `{"model_name":"kling-v2-6","prompt":"a cat","mode":"pro","sound":"on"}`, "pro", "5"},
		"text: 3.0, 7 s":          {text2video, `{"model_name":"kling-v3","prompt":"a cat","duration":"7","cfg_scale":1}`, "std", "4.2"},
		"text: 3.0 in 4k, sound":  {text2video, `{"model_name":"kling-v3","prompt":"a cat","mode":"4k","sound":"on"}`, "4k", "15"},
		"text: shots, customised": {text2video, `{"model_name":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":"2"},{"index":2,"prompt":"b","duration":"3"}]}`, "std", "3"},
		"text: shots, by wit":     {text2video, `{"model_name":"kling-v3","prompt":"a cat","multi_shot":true,"shot_type":"intelligence"}`, "std", "3"},

		"image: Base64":           {image2video, v16(`,"image":"` + picture + `"`), "std", "2"},
		"image: a link":           {image2video, v16(`,"image":"https://example.com/a.png"`), "std", "2"},
		"image: last frame alone": {image2video, v16(`,"image_tail":"` + picture + `","mode":"pro"`), "pro", "3.5"},
		"image: camera":           {image2video, `{"model_name":"kling-v1-5","prompt":"a cat","mode":"pro","image":"` + picture + `","camera_control":{"type":"simple","config":{"zoom":-3.5,"pan":0}}}`, "pro", "3.5"},
		"image: masks":            {image2video, `{"model_name":"kling-v1-5","prompt":"a cat","mode":"pro","image":"` + picture + `","static_mask":"` + picture + `","dynamic_masks":[{"mask":"` + picture + `","trajectories":[{"x":1,"y":2},{"x":3,"y":4}]}]}`, "pro", "3.5"},
		"image: aspect is moot":   {image2video, v16(`,"image":"` + picture + `","aspect_ratio":"21:9"`), "std", "2"},
		"image: voices":           {image2video, `{"model_name":"kling-v2-6","prompt":"a cat","mode":"pro","sound":"on","image":"` + picture + `","voice_list":[{"voice_id":"1"}]}`, "pro", "6"},
		"image: elements":         {image2video, `{"model_name":"kling-v3","prompt":"a cat","image":"` + picture + `","element_list":[{"element_id":893605946402811985}]}`, "std", "3"},
		"image: 3.0 with frames":  {image2video, `{"model_name":"kling-v3","prompt":"a cat","image":"` + picture + `","image_tail":"` + picture + `","sound":"on","duration":"15"}`, "std", "13.5"},

		"multi-image":             {multiImage, `{"prompt":"a cat","image_list":` + repeat(4, `{"image":"`+picture+`"}`) + `,"duration":"10","mode":"pro"}`, "pro", "7"},
		"omni: the least":         {omni, `{"prompt":"a cat"}`, "pro", "4"},
		"omni: o1 with reference": {omni, `{"prompt":"a <<<image_1>>>","aspect_ratio":"9:16","mode":"std","duration":"7","image_list":[{"image_url":"` + picture + `"}]}`, "std", "4.2"},
		"omni: o1 with frames":    {omni, `{"prompt":"a cat","image_list":[{"image_url":"` + picture + `","type":"first_frame"},{"image_url":"` + picture + `","type":"end_frame"}]}`, "pro", "4"},
		"omni: a base video":      {omni, `{"prompt":"a cat","video_list":[{"video_url":"https://example.com/a.mp4"}],"duration":"99"}`, "pro", "6"},
		"omni: v3 with sound":     {omni, `{"model_name":"kling-v3-omni","prompt":"a cat","sound":"on","mode":"4k","duration":"15"}`, "4k", "45"},
		"omni: v3 with a feature": {omni, `{"model_name":"kling-v3-omni","prompt":"a cat","mode":"std","duration":"4","aspect_ratio":"1:1","video_list":[{"video_url":"https://example.com/a.mp4","refer_type":"feature","keep_original_sound":"yes"}],"element_list":[{"element_id":1}]}`, "std", "3.6"},

		"turbo":                 {turbo, `{"prompt":"` + strings.Repeat("x", 3072) + `","settings":{"resolution":"1080p","duration":15,"aspect_ratio":"1:1"}}`, "1080p", "15"},
		"turbo from a picture":  {turboImage, `{"contents":[{"type":"prompt","text":"a cat"},{"type":"first_frame","url":"` + picture + `","id":"x"}]}`, "720p", "4"},
		"new 3.0 with sound":    {"/text-to-video/kling-3.0", `{"prompt":"a cat","settings":{"audio":"native","multi_shot":false}}`, "720p", "4.5"},
		"new 3.0 with elements": {"/image-to-video/kling-3.0", `{"contents":[{"type":"prompt","text":"a @x"},{"type":"first_frame","url":"` + picture + `"},{"type":"last_frame","url":"` + picture + `"},{"type":"element","element_id":"12","id":"x"}],"settings":{"resolution":"4k"}}`, "4k", "15"},
		"new 2.6 with voices":   {"/image-to-video/kling-2.6", `{"contents":[{"type":"prompt","text":"a cat"},{"type":"first_frame","url":"` + picture + `"},{"type":"voice","voice_id":"12","id":"x"}],"settings":{"resolution":"1080p","audio":"native"}}`, "1080p", "6"},
		"new 2.5":               {"/image-to-video/kling-2.5-turbo", `{"contents":[{"type":"prompt","text":"a cat"},{"type":"first_frame","url":"` + picture + `"},{"type":"last_frame","url":"` + picture + `"}],"settings":{"resolution":"1080p","duration":10},"options":{"watermark_info":{"enabled":true}}}`, "1080p", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			got := w.task(w.create(c.path, c.body))
			if got.Mode != c.mode || got.Units != c.units || got.Product != c.path {
				t.Errorf("got mode %q, %s units on %s; want %q, %s units", got.Mode, got.Units, got.Product, c.mode, c.units)
			}
		})
	}
}

func TestCreatesThatAreRefused(t *testing.T) {
	v3 := func(more string) string { return `{"model_name":"kling-v3","prompt":"a cat"` + more + `}` }
	image := func(model, more string) string {
		return `{"model_name":"` + model + `","prompt":"a cat","image":"` + picture + `"` + more + `}`
	}
	contents := func(items, settings string) string {
		return `{"contents":[{"type":"prompt","text":"a cat"},` + items + `],"settings":{` + settings + `}}`
	}
	first := `{"type":"first_frame","url":"` + picture + `"}`
	last := `{"type":"last_frame","url":"` + picture + `"}`
	omniV3 := func(more string) string { return `{"model_name":"kling-v3-omni","prompt":"a cat"` + more + `}` }
	tooLarge := base64.StdEncoding.EncodeToString(make([]byte, 10<<20+1))

	for name, c := range map[string]struct {
		path, body string
		want       string // part of the message
	}{
		"the default model is gone":     {text2video, `{"prompt":"a cat"}`, "discontinued"},
		"so is its name":                {image2video, image("kling-v1", ""), "discontinued"},
		"a bare model is ignored":       {text2video, `{"model":"kling-v3","prompt":"a cat"}`, "discontinued"},
		"a model of images only":        {text2video, `{"model_name":"kling-v2-1","prompt":"a cat"}`, "model_name value"},
		"an omni model elsewhere":       {text2video, `{"model_name":"kling-v3-omni","prompt":"a cat"}`, "model_name value"},
		"an unknown model":              {image2video, image("kling-v9", ""), "model_name value"},
		"a model that is no string":     {text2video, `{"model_name":3,"prompt":"a cat"}`, "model_name must be a string"},
		"another model for multi-image": {multiImage, `{"model_name":"kling-v3","prompt":"a cat","image_list":[{"image":"` + picture + `"}]}`, "model_name value"},
		"a text model on omni":          {omni, `{"model_name":"kling-v1-6","prompt":"a cat"}`, "model_name value"},

		"no prompt":               {text2video, `{"model_name":"kling-v1-6"}`, "prompt can not be empty"},
		"a blank prompt":          {image2video, `{"model_name":"kling-v1-6","prompt":" ","image":"` + picture + `"}`, "prompt can not be empty"},
		"a prompt too long":       {text2video, `{"model_name":"kling-v1-6","prompt":"` + strings.Repeat("猫", 2501) + `"}`, "longer than 2500"},
		"a negative one too long": {text2video, v16(`,"negative_prompt":"` + strings.Repeat("x", 2501) + `"`), "longer than 2500"},
		"a prompt of numbers":     {text2video, `{"model_name":"kling-v1-6","prompt":5}`, "prompt must be a string"},
		"an unknown mode":         {text2video, v16(`,"mode":"ultra"`), "mode value 'ultra' is invalid"},
		"4k before 3.0":           {text2video, v16(`,"mode":"4k"`), "mode value"},
		"a mode for v2-master":    {text2video, `{"model_name":"kling-v2-master","prompt":"a cat","mode":"pro"}`, "mode is not supported"},
		"duration as a number":    {text2video, v16(`,"duration":5`), "duration must be a string"},
		"duration 7 before 3.0":   {text2video, v16(`,"duration":"7"`), "duration value '7' is invalid"},
		"duration 2":              {text2video, v3(`,"duration":"2"`), "duration value '2' is invalid"},
		"duration 16":             {text2video, v3(`,"duration":"16"`), "duration value '16' is invalid"},
		"duration 05":             {text2video, v16(`,"duration":"05"`), "duration value '05' is invalid"},
		"duration +5":             {text2video, v16(`,"duration":"+5"`), "duration value '+5' is invalid"},
		"duration 5.0":            {text2video, v16(`,"duration":"5.0"`), "duration value '5.0' is invalid"},
		"21:9":                    {text2video, v16(`,"aspect_ratio":"21:9"`), "aspect_ratio value"},
		"cfg_scale above 1":       {text2video, v16(`,"cfg_scale":1.1`), "cfg_scale value"},
		"cfg_scale as a string":   {text2video, v16(`,"cfg_scale":"0.5"`), "cfg_scale value"},
		"cfg_scale on v2.x":       {text2video, `{"model_name":"kling-v2-6","prompt":"a cat","cfg_scale":0.5}`, "cfg_scale is not supported"},
		"sound before 2.6":        {text2video, v16(`,"sound":"on"`), "sound is not supported"},
		"sound in 2.6 std":        {text2video, `{"model_name":"kling-v2-6","prompt":"a cat","sound":"on"}`, "sound is not supported"},
		"sound as a flag":         {text2video, v3(`,"sound":true`), "sound value"},
		"camera in text":          {text2video, v16(`,"camera_control":{"type":"forward_up"}`), "camera_control is not supported"},
		"shots before 3.0":        {text2video, v16(`,"multi_shot":true,"shot_type":"intelligence"`), "multi_shot is not supported"},
		"shots of no type":        {text2video, v3(`,"multi_shot":true`), "shot_type can not be empty"},
		"shots that are not told": {text2video, v3(`,"multi_shot":true,"shot_type":"customize"`), "multi_prompt can not be empty"},
		"seven shots":             {text2video, v3(`,"multi_shot":true,"shot_type":"customize","duration":"7","multi_prompt":` + repeat(7, `{"index":1,"prompt":"a","duration":"1"}`)), "more than 6"},
		"shots that do not add":   {text2video, v3(`,"multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":"4"}]`), "do not add up"},
		"a shot of numbers":       {text2video, v3(`,"multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":5}]`), "duration must be a string"},
		"a callback to a file":    {text2video, v16(`,"callback_url":"file:///etc/passwd"`), "callback_url is not a valid URL"},
		"a callback to nowhere":   {text2video, v16(`,"callback_url":"http://"`), "callback_url is not a valid URL"},
		"a numeric external id":   {text2video, v16(`,"external_task_id":5`), "external_task_id must be a string"},
		"a watermark as a list":   {text2video, v16(`,"watermark_info":[]`), "watermark_info must be an object"},
		"a watermark as a word":   {text2video, v16(`,"watermark_info":{"enabled":"yes"}`), "enabled must be true or false"},

		"no picture":                 {image2video, v16(""), "image can not be null"},
		"an empty picture":           {image2video, v16(`,"image":""`), "image can not be null"},
		"a data: URL":                {image2video, v16(`,"image":"data:image/png;base64,` + picture + `"`), "not in a valid base64 format"},
		"no Base64":                  {image2video, v16(`,"image":"%%%"`), "not in a valid base64 format"},
		"Base64 in lines":            {image2video, v16(`,"image":"aGVs\nbG8="`), "not in a valid base64 format"},
		"a picture of 10 MB and one": {image2video, v16(`,"image":"` + tooLarge + `"`), "larger than 10 MB"},
		"last frame in std":          {image2video, image("kling-v1-6", `,"image_tail":"`+picture+`"`), "image_tail is not supported"},
		"last frame alone in 3.0":    {image2video, v3(`,"image_tail":"` + picture + `"`), "without image"},
		"last frame with sound":      {image2video, image("kling-v2-6", `,"mode":"pro","sound":"on","image_tail":"`+picture+`"`), "not supported with sound"},
		"last frame and camera":      {image2video, image("kling-v1-5", `,"mode":"pro","image_tail":"`+picture+`","camera_control":{"type":"simple","config":{"zoom":1}}`), "only one of"},
		"camera in std":              {image2video, image("kling-v1-5", `,"camera_control":{"type":"simple","config":{"zoom":1}}`), "not supported"},
		"camera for 10 s":            {image2video, image("kling-v1-5", `,"mode":"pro","duration":"10","camera_control":{"type":"simple","config":{"zoom":1}}`), "not supported"},
		"camera in two directions":   {image2video, image("kling-v1-5", `,"mode":"pro","camera_control":{"type":"simple","config":{"zoom":1,"pan":1}}`), "exactly one"},
		"camera too fast":            {image2video, image("kling-v1-5", `,"mode":"pro","camera_control":{"type":"simple","config":{"zoom":11}}`), "zoom value"},
		"camera by name":             {image2video, image("kling-v1-5", `,"mode":"pro","camera_control":{"type":"forward_up"}`), "type value"},
		"a mask without a way":       {image2video, image("kling-v1-5", `,"mode":"pro","dynamic_masks":[{"mask":"`+picture+`","trajectories":[{"x":1,"y":1}]}]`), "less than 2 points"},
		"voices without sound":       {image2video, image("kling-v2-6", `,"mode":"pro","voice_list":[{"voice_id":"1"}]`), "voice_list is not supported"},
		"three voices":               {image2video, image("kling-v2-6", `,"mode":"pro","sound":"on","voice_list":`+repeat(3, `{"voice_id":"1"}`)), "more than 2"},
		"elements before 3.0":        {image2video, image("kling-v1-6", `,"element_list":[{"element_id":1}]`), "element_list is not supported"},
		"an element as a string":     {image2video, image("kling-v3", `,"element_list":[{"element_id":"1"}]`), "must be a number"},

		"no pictures":              {multiImage, `{"prompt":"a cat"}`, "image_list can not be empty"},
		"five pictures":            {multiImage, `{"prompt":"a cat","image_list":` + repeat(5, `{"image":"`+picture+`"}`) + `}`, "more than 4"},
		"pictures as strings":      {multiImage, `{"prompt":"a cat","image_list":["` + picture + `"]}`, "array of objects"},
		"multi-image for 7 s":      {multiImage, `{"prompt":"a cat","duration":"7","image_list":[{"image":"` + picture + `"}]}`, "duration value"},
		"multi-image without text": {multiImage, `{"image_list":[{"image":"` + picture + `"}]}`, "prompt can not be empty"},

		"omni: o1 in 4k":                {omni, `{"prompt":"a cat","mode":"4k"}`, "mode value"},
		"omni: o1 for 7 s":              {omni, `{"prompt":"a cat","duration":"7"}`, "only supports 5 or 10"},
		"omni: o1 for 11 s":             {omni, `{"prompt":"a cat","duration":"11","image_list":[{"image_url":"` + picture + `"}]}`, "duration value"},
		"omni: o1 with sound":           {omni, `{"prompt":"a cat","sound":"on"}`, "sound is not supported"},
		"omni: o1 with shots":           {omni, `{"prompt":"a cat","multi_shot":true,"shot_type":"intelligence"}`, "multi_shot is not supported"},
		"omni: an end without a start":  {omni, omniV3(`,"image_list":[{"image_url":"` + picture + `","type":"end_frame"}]`), "needs a first_frame"},
		"omni: an end among three":      {omni, omniV3(`,"image_list":[{"image_url":"` + picture + `"},{"image_url":"` + picture + `","type":"first_frame"},{"image_url":"` + picture + `","type":"end_frame"}]`), "more than 2 images"},
		"omni: an unknown frame":        {omni, omniV3(`,"image_list":[{"image_url":"` + picture + `","type":"last_frame"}]`), "type value"},
		"omni: eight references":        {omni, omniV3(`,"image_list":` + repeat(4, `{"image_url":"`+picture+`"}`) + `,"element_list":` + repeat(4, `{"element_id":1}`)), "more than 7 items together"},
		"omni: five beside a video":     {omni, omniV3(`,"image_list":` + repeat(5, `{"image_url":"`+picture+`"}`) + `,"video_list":[{"video_url":"https://example.com/a.mp4","refer_type":"feature"}]`), "more than 4 items together"},
		"omni: two videos":              {omni, omniV3(`,"video_list":` + repeat(2, `{"video_url":"https://example.com/a.mp4"}`)), "more than 1"},
		"omni: a video in Base64":       {omni, omniV3(`,"video_list":[{"video_url":"` + picture + `"}]`), "video_url is not a valid URL"},
		"omni: sound beside a video":    {omni, omniV3(`,"sound":"on","video_list":[{"video_url":"https://example.com/a.mp4","refer_type":"feature"}]`), "must be off"},
		"omni: a ratio with a frame":    {omni, omniV3(`,"aspect_ratio":"1:1","image_list":[{"image_url":"` + picture + `","type":"first_frame"}]`), "aspect_ratio is not supported"},
		"omni: a ratio for an edit":     {omni, omniV3(`,"aspect_ratio":"1:1","video_list":[{"video_url":"https://example.com/a.mp4"}]`), "aspect_ratio is not supported"},
		"omni: elements between frames": {omni, `{"prompt":"a","element_list":[{"element_id":1}],"image_list":[{"image_url":"` + picture + `","type":"first_frame"},{"image_url":"` + picture + `","type":"end_frame"}]}`, "element_list is not supported"},

		"new: duration as a string":       {turbo, `{"prompt":"a cat","settings":{"duration":"5"}}`, "duration must be an integer"},
		"new: duration with a fraction":   {turbo, `{"prompt":"a cat","settings":{"duration":5.5}}`, "duration must be an integer"},
		"new: duration 2":                 {turbo, `{"prompt":"a cat","settings":{"duration":2}}`, "duration value"},
		"new: 7 s of 2.6":                 {"/text-to-video/kling-2.6", `{"prompt":"a cat","settings":{"duration":7}}`, "duration value"},
		"new: duration at the top":        {turbo, `{"prompt":"a cat","duration":5}`, "use settings"},
		"new: external id at the top":     {turbo, `{"prompt":"a cat","external_task_id":"x"}`, "use options"},
		"new: callback at the top":        {turbo, `{"prompt":"a cat","callback_url":"http://example.com"}`, "use options"},
		"new: settings as a list":         {turbo, `{"prompt":"a cat","settings":[]}`, "settings must be an object"},
		"new: turbo in 4k":                {turbo, `{"prompt":"a cat","settings":{"resolution":"4k"}}`, "resolution value"},
		"new: a mode":                     {turbo, `{"prompt":"a cat","mode":"pro"}`, "mode is not supported"},
		"new: a mode among settings":      {turbo, `{"prompt":"a cat","settings":{"mode":"pro"}}`, "mode is not supported"},
		"new: a negative prompt":          {turbo, `{"prompt":"a cat","negative_prompt":"dogs"}`, "negative_prompt is not supported"},
		"new: cfg_scale":                  {turbo, `{"prompt":"a cat","settings":{"cfg_scale":0.5}}`, "cfg_scale is not supported"},
		"new: a model_name":               {turbo, `{"prompt":"a cat","model_name":"kling-v3"}`, "model_name is not supported"},
		"new: audio for turbo":            {turbo, `{"prompt":"a cat","settings":{"audio":"off"}}`, "audio is not supported"},
		"new: multi_shot for turbo":       {turbo, `{"prompt":"a cat","settings":{"multi_shot":true}}`, "multi_shot is not supported"},
		"new: no prompt":                  {turbo, `{}`, "prompt can not be empty"},
		"new: a prompt too long":          {turbo, `{"prompt":"` + strings.Repeat("x", 3073) + `"}`, "longer than 3072"},
		"new: contents for text":          {turbo, `{"prompt":"a cat","contents":[]}`, "contents is not supported"},
		"new: sound of 2.6 in 720p":       {"/text-to-video/kling-2.6", `{"prompt":"a cat","settings":{"audio":"native"}}`, "not supported in 720p"},
		"new: an odd callback":            {turbo, `{"prompt":"a cat","options":{"callback_url":"nowhere"}}`, "callback_url is not a valid URL"},
		"new: a prompt beside a picture":  {turboImage, `{"prompt":"a cat","contents":[` + first + `]}`, "use contents"},
		"new: a picture without a prompt": {turboImage, `{"contents":[` + first + `]}`, "prompt can not be empty"},
		"new: no contents":                {turboImage, `{}`, "contents can not be empty"},
		"new: no first frame":             {turboImage, `{"contents":[{"type":"prompt","text":"a"}]}`, "needs a first_frame"},
		"new: two first frames":           {turboImage, contents(first+","+first, ""), "more than one"},
		"new: a last frame for turbo":     {turboImage, contents(first+","+last, ""), "last_frame is not supported"},
		"new: frames of 2.6 in 720p":      {"/image-to-video/kling-2.6", contents(first+","+last, ""), "last_frame is not supported in 720p"},
		"new: frames of 2.6 with sound":   {"/image-to-video/kling-2.6", contents(first+","+last, `"resolution":"1080p","audio":"native"`), "native audio"},
		"new: an aspect ratio":            {turboImage, contents(first, `"aspect_ratio":"1:1"`), "aspect_ratio is not supported"},
		"new: an unknown content":         {turboImage, contents(`{"type":"middle_frame"}`, ""), "type value"},
		"new: elements for turbo":         {turboImage, contents(first+`,{"type":"element","element_id":"1"}`, ""), "too many elements"},
		"new: voices without audio":       {"/image-to-video/kling-2.6", contents(first+`,{"type":"voice","voice_id":"1"}`, ""), "without audio"},
		"new: one handle twice":           {turboImage, contents(`{"type":"first_frame","url":"`+picture+`","id":"x"},{"type":"element","element_id":"1","id":"x"}`, ""), "used twice"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.post(c.path, c.body)
			w.wants(r, 400, 1201)
			if got := r.body.Get("message").Str; !strings.Contains(got, c.want) {
				t.Errorf("got message %q, want %q in it", got, c.want)
			}
			if n := len(w.sim.Tasks()); n != 0 {
				t.Errorf("got %d tasks of a refused create", n)
			}
		})
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	w := newWorld(t, nil)
	for _, body := range []string{"", "{", "[]", `"x"`, `{"prompt":"a"} {}`, "{\"prompt\":\"\xff\"}", strings.Repeat("[", 20_000)} {
		w.wants(w.post(text2video, body), 400, 1200)
	}
}

func TestModelsOfTheNewGenerationThatDoNotExist(t *testing.T) {
	w := newWorld(t, nil)
	w.wants(w.post("/text-to-video/kling-9", `{"prompt":"a cat"}`), 404, 1203)
	w.wants(w.post("/image-to-video/kling-v3", `{}`), 404, 1203)
}

func FuzzCreate(f *testing.F) {
	for _, body := range []string{
		v16(""), v16(`,"external_task_id":"x","duration":"10"`), `{"model_name":"kling-v3","multi_shot":true,"shot_type":"customize","multi_prompt":[{"index":1,"prompt":"a","duration":"5"}]}`,
		`{"prompt":"a cat","settings":{"duration":5},"options":{"external_task_id":"x"}}`,
		`{"contents":[{"type":"prompt","text":"a"},{"type":"first_frame","url":"` + picture + `"}]}`,
		`{"prompt":"a","image_list":[{"image_url":"` + picture + `","type":"first_frame"}]}`,
		`{"model_name":"kling-v1-5","prompt":"a","image":"x","camera_control":{"type":"simple","config":{"zoom":1}}}`,
		`[]`, `{"prompt":{}}`, `{"contents":{}}`, `{"options":"x"}`,
	} {
		for path := range 6 {
			f.Add(byte(path), body)
		}
	}
	paths := []string{text2video, image2video, multiImage, omni, turbo, turboImage}
	f.Fuzz(func(t *testing.T, path byte, body string) {
		w := openWorld(t, nil)
		r := recordCreate(w, paths[int(path)%len(paths)], body)
		tasks := len(w.sim.Tasks())
		if !r.body.IsObject() || (r.status == 200) != (r.code() == 0) || (r.status == 200) != (tasks == 1) || r.status >= 500 {
			t.Errorf("%q: got %s and %d tasks", body, r, tasks)
		}
	})
}
