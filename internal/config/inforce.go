package config

import (
	"os"
	"reflect"
	"slices"

	"one-api/internal/secret"
)

// Value is one setting as it is in force.
type Value struct {
	Name   string `json:"name"`   // of the environment variable
	Value  string `json:"value"`  // secrets as [redacted], empty when unset
	Source string `json:"source"` // "flag", "environment", ".env" or "default"
}

// InForce lists the settings with their sources. fromFile are the names that
// LoadEnvFile set.
func (c *Config) InForce(fromFile []string) []Value {
	var out []Value
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("env")
		val := Value{Name: name, Source: "default"}
		raw := v.Field(i).String()
		if t, ok := v.Field(i).Interface().(secret.Text); ok {
			raw = t.Reveal()
			if raw != "" {
				val.Value = t.String()
			}
		} else {
			val.Value = hidePassword(name, raw)
		}
		env, set := os.LookupEnv(name)
		switch {
		case set && env == raw && slices.Contains(fromFile, name):
			val.Source = ".env"
		case set && env == raw:
			val.Source = "environment"
		case raw != f.Tag.Get("default"):
			val.Source = "flag"
		}
		out = append(out, val)
	}
	return out
}

// hidePassword keeps the passwords inside addresses to ourselves.
func hidePassword(name, value string) string {
	if value != "" && (name == "SQL_DSN" || name == "REDIS_CONN_STRING") {
		return addressWithoutPassword(value)
	}
	return value
}
