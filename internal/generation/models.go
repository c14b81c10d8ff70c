package generation

import (
	"one-api/internal/channel"
	"one-api/internal/provider"
)

// Offer is a model that a group may use.
type Offer struct {
	provider.Model
	Provider string
	// Open says that a channel which is not switched off lists the model, and Now
	// that one of those takes orders at this moment.
	Open, Now bool
}

// Models lists the models that some channel lists for a group, in the order of
// their providers. Test mode has all of them.
func (s *Service) Models(group string, test bool) []Offer {
	v, now := s.Directory.View(), s.Store.Now()
	var out []Offer
	for _, d := range s.Upstreams.Drivers() {
		for _, m := range d.Models {
			o := Offer{Model: m, Provider: d.Name, Open: test, Now: test}
			listed := test
			for _, c := range v.Channels {
				if test || c.Type != d.ChannelType || !c.Serves(group) || !c.Offers(m.Name) {
					continue
				}
				listed = true
				o.Open = o.Open || c.Status != channel.Disabled
				o.Now = o.Now || c.Status == channel.Enabled && !now.Before(c.Circuit.Until)
			}
			if listed {
				out = append(out, o)
			}
		}
	}
	return out
}
