package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

// Cost of argon2id: about 70 ms on one core. At most two run at once, so that
// a storm of sign-ins cannot take the machine's memory.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
)

var argonSlots = make(chan struct{}, 2)

// Length of passwords in characters.
const (
	MinPassword = 10
	MaxPassword = 256
)

// CheckNewPassword refuses a password that a user should not get.
func CheckNewPassword(name string, password secret.Text) error {
	text := password.Reveal()
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text) || n < MinPassword || n > MaxPassword:
		return fault.New(fault.Invalid, "The password must have %d to %d characters.", MinPassword, MaxPassword).Named("password_length").At("body.password")
	case strings.EqualFold(text, name):
		return fault.New(fault.Invalid, "The password must not be the name.").Named("password_is_name").At("body.password")
	}
	return nil
}

// HashPassword makes the text that CheckPassword reads, in PHC form.
func HashPassword(password secret.Text) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	key := derive(password, salt, argonMemory, argonTime, argonThreads)
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, enc(salt), enc(key))
}

func derive(password secret.Text, salt []byte, memory, time uint32, threads uint8) []byte {
	argonSlots <- struct{}{}
	defer func() { <-argonSlots }()
	return argon2.IDKey([]byte(password.Reveal()), salt, time, memory, threads, argonKey)
}

// CheckPassword reports whether the password is the one that was hashed. A
// damaged hash is an error.
func CheckPassword(hash string, password secret.Text) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("the stored password hash has an unknown form")
	}
	var memory, time uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil || memory > 1<<20 || time == 0 || time > 16 || threads == 0 {
		return false, errors.New("the stored password hash has unknown parameters")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, errors.New("the stored password hash is damaged")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != argonKey {
		return false, errors.New("the stored password hash is damaged")
	}
	return subtle.ConstantTimeCompare(want, derive(password, salt, memory, time, threads)) == 1, nil
}
