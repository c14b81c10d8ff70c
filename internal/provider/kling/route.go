package kling

// Serves reports whether a route is a create of a product that the gateway
// offers, e.g. "/v1/videos/text2video" or "/text-to-video/kling-3.0-turbo".
func Serves(route string) bool {
	p, _ := productAt(route)
	return p != nil
}

// Legacy reports whether a route belongs to the legacy generation, whose tasks
// have their own shape.
func Legacy(route string) bool { return legacy(route) }
