// Package video is what every provider shares: an order (Request), what it
// uses up (Usage) and what comes of it (Asset). It knows no provider, no price
// and no state.
package video

import "encoding/json"

// Type is the provider's product, e.g. "text2video". The words are Kling's;
// other providers map theirs to the nearest.
type Type string

// The products of the first provider. Table videos holds these words.
const (
	Text2Video       Type = "text2video"
	Image2Video      Type = "image2video"
	OmniVideo        Type = "omni-video"
	MultiImage2Video Type = "multi-image2video"
)

// Request is one order, validated and ready to be priced and sent. It holds
// nothing of the caller's that the upstream must not see.
type Request struct {
	Provider string // "kling"
	Type     Type
	Model    string // the model's name here, e.g. "kling-v1-6-pro"
	Prompt   string // for people to recognise the order; "" when the order has none

	// Route is the provider's own word for where the order goes, e.g.
	// "/v1/videos/text2video". Reads of the task need it again.
	Route string
	// Body is the order as the upstream receives it, save for the callback
	// address and the external id, which the gateway adds at each attempt.
	Body json.RawMessage

	Usage Usage
	// Resources are upstream objects that the order names (a video, a session,
	// an element) and that live in one upstream account only.
	Resources []string
}

// Usage is what an order uses up: the facts that prices are made of.
type Usage struct {
	Seconds     int    // length of the result in whole seconds; 0 when the product has none
	AspectRatio string // as sent by the caller, or the provider's default; "" when the product has none
	Mode        string // "std", "pro", "4k"; "" when the model has none
	Resolution  string // "720p", "1080p", "4k"
	Sound       bool   // the provider makes sound
	Voice       bool   // a chosen voice is used
	VideoInput  bool   // a video is among the inputs
	Count       int    // pictures or results ordered; 0 and 1 mean one
}

// Asset is one result.
type Asset struct {
	Kind         string `json:"kind"` // "video", "image", "audio"
	ID           string `json:"id,omitempty"`
	URL          string `json:"url"`
	WatermarkURL string `json:"watermark_url,omitempty"`
	Duration     string `json:"duration,omitempty"` // seconds as the upstream wrote them, e.g. "5.041"
}

// Cost is one amount that an upstream says it deducted for a task. Amounts of
// different units are never added.
type Cost struct {
	Unit   string `json:"unit"`   // "video_unit", "image_unit", "audio_unit", "CNY", "USD"
	Amount string `json:"amount"` // exact decimal text as the upstream wrote it
}
