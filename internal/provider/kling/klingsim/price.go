package klingsim

import (
	"strconv"
	"strings"
)

// Prices are in thousandths of a unit and follow Kling's video price list; the
// older models, which have left it, keep their last figures.

// perSecond has the current models: silent, with sound, and with a reference
// video, for std (720p), pro (1080p) and 4k.
var perSecond = map[string]struct{ silent, sound, video [3]int64 }{
	"kling-3.0-turbo":  {silent: [3]int64{800, 1000}, sound: [3]int64{800, 1000}}, // sound is always on
	"kling-v3":         {silent: [3]int64{600, 800, 3000}, sound: [3]int64{900, 1200, 3000}},
	"kling-v3-omni":    {silent: [3]int64{600, 800, 3000}, sound: [3]int64{800, 1000, 3000}, video: [3]int64{900, 1200, 3000}},
	"kling-video-o1":   {silent: [3]int64{600, 800}, video: [3]int64{900, 1200}},
	"kling-v2-6":       {silent: [3]int64{300, 500}, sound: [3]int64{0, 1000}},
	"kling-v2-5-turbo": {silent: [3]int64{300, 500}},
}

// voiceControl is kling-v2-6 with a chosen voice, per second in pro.
const voiceControl = 1200

// perClip has the older models: 5 s in std and pro; 10 s cost twice as much.
var perClip = map[string][2]int64{
	"kling-v1-5":        {2000, 3500},
	"kling-v1-6":        {2000, 3500},
	"kling-v2-1":        {2000, 3500},
	"kling-v2-master":   {10000, 10000},
	"kling-v2-1-master": {10000, 10000},
}

// price is what the order costs when it succeeds, in thousandths of a unit.
func (o order) price() int64 {
	level := 0
	switch o.mode {
	case "pro", "1080p":
		level = 1
	case "4k":
		level = 2
	}
	if clip, ok := perClip[o.version]; ok {
		return clip[min(level, 1)] * int64(o.seconds) / 5
	}
	p := perSecond[o.version]
	rate := p.silent[level]
	switch {
	case o.voice:
		rate = voiceControl
	case o.video:
		rate = p.video[level]
	case o.audio:
		rate = p.sound[level]
	}
	return rate * int64(o.seconds)
}

// unitPrice is the list price of a video unit in millionths of the currency.
var unitPrice = map[string]int64{"USD": 140_000, "CNY": 1_000_000}

// cash turns thousandths of a unit into millionths of a currency.
func cash(units int64, currency string) int64 { return units * unitPrice[currency] / 1000 }

// decimal writes millionths without trailing zeros: 2400000 is "2.4".
func decimal(millionths int64) string {
	sign := ""
	if millionths < 0 {
		sign, millionths = "-", -millionths
	}
	whole := sign + strconv.FormatInt(millionths/1e6, 10)
	fraction := millionths % 1e6
	if fraction == 0 {
		return whole
	}
	digits := strconv.FormatInt(1e6+fraction, 10)[1:]
	return whole + "." + strings.TrimRight(digits, "0")
}
