// Package secret keeps secrets from leaking: a string that prints as
// [redacted], sealed values for the database, and keys derived from the one
// master key.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Text is a secret string. It prints, logs and marshals as [redacted]; only
// Reveal gives the value, so that a leak is a word one can search for.
type Text string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (t Text) Reveal() string { return string(t) }

func (t Text) String() string               { return redacted }
func (t Text) GoString() string             { return redacted }
func (t Text) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Keyring holds the master key and what is derived from it. It is safe for
// concurrent use.
type Keyring struct {
	master [32]byte
	id     string
	aead   cipher.AEAD
}

// MasterKeySize is the length of the master key in bytes.
const MasterKeySize = 32

// NewMasterKey returns a random master key in the text form that ParseMasterKey
// reads.
func NewMasterKey() string {
	b := make([]byte, MasterKeySize)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.StdEncoding.EncodeToString(b)
}

// NewKeyring reads a master key: base64 or hex of 32 bytes, or any other text
// of at least 32 characters, which is hashed.
func NewKeyring(text string) (*Keyring, error) {
	text = strings.TrimSpace(text)
	var key []byte
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && len(b) == MasterKeySize {
		key = b
	} else if b, err := hex.DecodeString(text); err == nil && len(b) == MasterKeySize {
		key = b
	} else if len(text) >= MasterKeySize {
		sum := sha256.Sum256([]byte(text))
		key = sum[:]
	} else {
		return nil, errors.New("the key must be 32 bytes in base64 or hex, or a text of at least 32 characters")
	}
	k := &Keyring{master: [32]byte(key)}
	k.id = hex.EncodeToString(k.Derive("key id")[:4])
	block, err := aes.NewCipher(k.Derive("seal"))
	if err != nil {
		return nil, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// Derive returns a 32-byte key for one purpose; different purposes give
// unrelated keys.
func (k *Keyring) Derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.master[:], nil, "one-api/"+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are always within HKDF's limit
	}
	return out
}

// ID names the master key without telling it: 8 hex digits. Nodes that share a
// database compare it, and sealed values carry it.
func (k *Keyring) ID() string { return k.id }

// Sealed values look like "sealed:<key id>:<base64 of nonce and ciphertext>".
const sealedPrefix = "sealed:"

// Sealed reports whether text is a sealed value rather than a plain one.
func Sealed(text string) bool { return strings.HasPrefix(text, sealedPrefix) }

// Seal encrypts plain with AES-256-GCM. The place (e.g. "channels/7") is bound
// to it: a sealed value copied to another row does not open there.
func (k *Keyring) Seal(plain Text, place string) string {
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce)
	box := k.aead.Seal(nonce, nonce, []byte(plain), []byte(place))
	return sealedPrefix + k.id + ":" + base64.RawStdEncoding.EncodeToString(box)
}

// ErrWrongKey says that a value was sealed with another master key.
var ErrWrongKey = errors.New("sealed with another key")

// Open decrypts a sealed value for its place.
func (k *Keyring) Open(sealed, place string) (Text, error) {
	rest, ok := strings.CutPrefix(sealed, sealedPrefix)
	if !ok {
		return "", errors.New("not a sealed value")
	}
	id, body, ok := strings.Cut(rest, ":")
	if !ok {
		return "", errors.New("not a sealed value")
	}
	if id != k.id {
		return "", fmt.Errorf("%w: key %s, ours is %s", ErrWrongKey, id, k.id)
	}
	box, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || len(box) < k.aead.NonceSize() {
		return "", errors.New("a sealed value is damaged")
	}
	plain, err := k.aead.Open(nil, box[:k.aead.NonceSize()], box[k.aead.NonceSize():], []byte(place))
	if err != nil {
		return "", errors.New("a sealed value is damaged or was moved from another row")
	}
	return Text(plain), nil
}

// MAC returns the HMAC-SHA256 of the parts under key, each part preceded by
// its length so that ("ab","c") and ("a","bc") differ.
func MAC(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:", len(p))
		_, _ = h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// Equal compares two texts in constant time.
func Equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
