// Package all is the list of the providers that the gateway knows.
package all

import (
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
)

// Drivers lists every provider, in the order that people see them.
func Drivers() []provider.Driver {
	return []provider.Driver{
		kling.Driver,
	}
}
