// Package fault is the one error that a caller of the gateway may read.
//
// Every refusal that leaves the process is an *Error: a Code that decides the
// HTTP status, a Reason that programs act on, and a Message written for the
// person who reads it. Any other error is an accident of ours: it is logged in
// full and shown as "internal error", nothing more.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is the class of a refusal; httpkit holds the one table from Code to
// HTTP status.
type Code string

const (
	Invalid           Code = "invalid"            // 400: the request is malformed or a value is wrong
	Unauthenticated   Code = "unauthenticated"    // 401: no credential, or one we do not know
	InsufficientQuota Code = "insufficient_quota" // 402: the balance or the token's budget does not cover the price
	Forbidden         Code = "forbidden"          // 403: a known caller without the right
	NotFound          Code = "not_found"          // 404: unknown, or not the caller's
	MethodNotAllowed  Code = "method_not_allowed" // 405
	Conflict          Code = "conflict"           // 409: the thing has changed or exists already
	TooLarge          Code = "too_large"          // 413
	UnsupportedMedia  Code = "unsupported_media"  // 415
	Unprocessable     Code = "unprocessable"      // 422: understood, but not valid here
	Throttled         Code = "throttled"          // 429: ask again after RetryAfter
	Unavailable       Code = "unavailable"        // 503: ask again after RetryAfter
	Internal          Code = "internal"           // 500: ours; never caused by input
)

// Error is a refusal. The zero value is not useful; build one with New.
type Error struct {
	Code    Code
	Reason  string // stable machine word, e.g. "model_not_found"; Code when empty
	Message string // one or two sentences for the caller: what, about what, what to do
	Field   string // path of the offending field in the request, "" when none

	// RetryAfter is how long the caller should wait, 0 when unknown.
	RetryAfter time.Duration
	// OrderMayExist is true when the refused request may still have left an
	// order behind, so that a client must not repeat it blindly.
	OrderMayExist bool

	cause error
}

// New returns a refusal with a message for the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because adds the cause, which is logged and never shown.
func (e *Error) Because(cause error) *Error { e.cause = cause; return e }

// Named gives the stable machine word for the refusal.
func (e *Error) Named(reason string) *Error { e.Reason = reason; return e }

// At names the field that caused it.
func (e *Error) At(field string) *Error { e.Field = field; return e }

// After says how long to wait before asking again.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// Word is the stable machine word: Reason, or the Code when none was given.
func (e *Error) Word() string {
	if e.Reason != "" {
		return e.Reason
	}
	return string(e.Code)
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// From returns the refusal inside err, or an Internal one that hides err's
// text. It returns nil only for a nil err.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Message: "Internal error. The request id leads the operator to the log line.", cause: err}
}

// Is reports whether err is a refusal with this code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
