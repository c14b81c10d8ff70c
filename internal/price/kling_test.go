package price_test

import (
	"testing"

	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider/kling"
	"one-api/internal/video"
)

// What Kling's capability table offers, the built-in catalogue prices: in every
// mode, at every length, with and without sound.
func TestEveryOfferOfKlingHasAPrice(t *testing.T) {
	c, err := price.New(1, price.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	offers := 0
	for _, m := range kling.Driver.Models {
		for _, o := range m.Capabilities {
			sounds := map[string][]bool{"none": {false}, "optional": {false, true}, "always": {true}}[o.Sound]
			if sounds == nil {
				t.Errorf("%s %s: unknown sound %q", m.Name, o.Type, o.Sound)
			}
			for _, ratio := range append(o.AspectRatios, "") {
				for _, seconds := range o.Durations {
					for _, sound := range sounds {
						r := video.Request{Provider: "kling", Type: o.Type, Model: m.Name, Usage: video.Usage{
							Seconds: seconds, AspectRatio: ratio, Mode: o.Mode, Resolution: o.Resolution, Sound: sound, Count: 1,
						}}
						offers++
						q, err := c.Price(&r, money.One)
						if err != nil {
							t.Errorf("%s %s: %v", m.Name, o.Type, err)
							continue
						}
						// The deployment guide sells more than Kling lists.
						if cost, err := c.Cost(&r); err == nil && cost.Quota > q.Quota {
							t.Errorf("%s %s %d s sells for %d below its cost of %d", m.Name, o.Type, seconds, q.Quota, cost.Quota)
						}
						if o.MaxVideos > 0 && !sound {
							r.Usage.VideoInput = true
							if _, err := c.Price(&r, money.One); err != nil {
								t.Errorf("%s %s with a video: %v", m.Name, o.Type, err)
							}
						}
						if o.Voices > 0 && sound {
							r.Usage.Voice = true
							if _, err := c.Price(&r, money.One); err != nil {
								t.Errorf("%s %s with a voice: %v", m.Name, o.Type, err)
							}
						}
					}
				}
			}
		}
	}
	if offers == 0 {
		t.Error("the driver offers nothing")
	}
}
