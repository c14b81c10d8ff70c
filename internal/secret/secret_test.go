package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"one-api/internal/secret"
)

func newKeyring(t testing.TB, text string) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const plain = secret.Text("AK-swordfish|SK-of-the-account")

// holder has a secret in every place where printing could find it.
type holder struct {
	One  secret.Text
	Ptr  *secret.Text
	List []secret.Text
	Map  map[string]secret.Text
	Any  any
}

func newHolder() holder {
	p := plain
	return holder{plain, &p, []secret.Text{plain}, map[string]secret.Text{"k": plain}, plain}
}

func TestTextNeverPrints(t *testing.T) {
	h := newHolder()
	printed := map[string]string{}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		printed[format] = fmt.Sprintf(format, plain)
		printed[format+" of a struct"] = fmt.Sprintf(format, h)
		printed[format+" of a pointer to it"] = fmt.Sprintf(format, &h)
	}
	printed["an error"] = fmt.Errorf("open %v: %w", plain, errors.New("no")).Error()
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(b)
	for name, newHandler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(newHandler(&out)).With("with", plain).Info("line", "one", plain, "all", h, slog.Group("g", "in", plain))
		printed[name] = out.String()
	}
	for how, text := range printed {
		if strings.Contains(text, "swordfish") || strings.Contains(text, hex.EncodeToString([]byte("swordfish"))) {
			t.Errorf("%s prints the secret: %s", how, text)
		}
		if !strings.Contains(how, "%x") && !strings.Contains(text, "[redacted]") {
			t.Errorf("%s does not say that something was left out: %s", how, text)
		}
	}
}

func TestRevealGivesTheSecret(t *testing.T) {
	if got := plain.Reveal(); got != "AK-swordfish|SK-of-the-account" {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestNewKeyringReadsThreeForms(t *testing.T) {
	raw := bytes.Repeat([]byte{0x2a}, secret.MasterKeySize)
	b64 := newKeyring(t, base64.StdEncoding.EncodeToString(raw))
	if got := newKeyring(t, hex.EncodeToString(raw)).ID(); got != b64.ID() {
		t.Errorf("hex and base64 of one key have the ids %s and %s", got, b64.ID())
	}
	if got := newKeyring(t, "  "+base64.StdEncoding.EncodeToString(raw)+"\n").ID(); got != b64.ID() {
		t.Errorf("blanks around a key change its id to %s from %s", got, b64.ID())
	}
	text := newKeyring(t, strings.Repeat("passphrase ", 4))
	if text.ID() == b64.ID() || len(text.ID()) != 8 {
		t.Errorf("the id of a text key is %q, of another key %q", text.ID(), b64.ID())
	}
	made := newKeyring(t, secret.NewMasterKey())
	if again := newKeyring(t, secret.NewMasterKey()); again.ID() == made.ID() {
		t.Error("two new master keys have one id")
	}
	for _, short := range []string{"", "short", strings.Repeat("x", 31), base64.StdEncoding.EncodeToString(raw[:16])} {
		if _, err := secret.NewKeyring(short); err == nil {
			t.Errorf("NewKeyring took %q", short)
		}
	}
}

func TestNewKeyringDoesNotRepeatABadKey(t *testing.T) {
	_, err := secret.NewKeyring("swordfish")
	if err == nil || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("err = %v, want one that does not tell the key", err)
	}
}

func TestDeriveGivesUnrelatedKeys(t *testing.T) {
	k := newKeyring(t, strings.Repeat("a", 32))
	other := newKeyring(t, strings.Repeat("b", 32))
	one := k.Derive("one")
	switch {
	case len(one) != 32:
		t.Errorf("a derived key has %d bytes", len(one))
	case !bytes.Equal(one, k.Derive("one")):
		t.Error("one purpose gave two keys")
	case bytes.Equal(one, k.Derive("two")):
		t.Error("two purposes gave one key")
	case bytes.Equal(one, other.Derive("one")):
		t.Error("two master keys gave one key")
	}
}

func TestOpenGivesWhatWasSealed(t *testing.T) {
	k := newKeyring(t, strings.Repeat("a", 32))
	for _, text := range []secret.Text{"", "x", plain, secret.Text(strings.Repeat("long ", 10_000)), "\x00\xff"} {
		sealed := k.Seal(text, "channels/7/key")
		if !secret.Sealed(sealed) || strings.Contains(sealed, "swordfish") {
			t.Errorf("Seal gave %.60q", sealed)
		}
		got, err := k.Open(sealed, "channels/7/key")
		if err != nil || got != text {
			t.Errorf("Open = %.20q, %v, want %.20q", got.Reveal(), err, text.Reveal())
		}
	}
	if one, two := k.Seal(plain, "p"), k.Seal(plain, "p"); one == two {
		t.Error("sealing twice gives one text, which tells that two secrets are the same")
	}
}

func TestASealedValueOpensInItsPlaceOnly(t *testing.T) {
	k := newKeyring(t, strings.Repeat("a", 32))
	sealed := k.Seal(plain, "channels/7/key")
	for _, place := range []string{"", "channels/7", "channels/8/key", "channels/7/webhook_secret", "channels/7/key "} {
		if got, err := k.Open(sealed, place); err == nil || got != "" {
			t.Errorf("opened at %q: %v", place, err)
		}
	}
}

func TestAnotherKeyIsNamed(t *testing.T) {
	a, b := newKeyring(t, strings.Repeat("a", 32)), newKeyring(t, strings.Repeat("b", 32))
	sealed := a.Seal(plain, "p")
	_, err := b.Open(sealed, "p")
	if !errors.Is(err, secret.ErrWrongKey) || !strings.Contains(err.Error(), a.ID()) || !strings.Contains(err.Error(), b.ID()) {
		t.Errorf("err = %v, want ErrWrongKey that names %s and %s", err, a.ID(), b.ID())
	}
	// A forged id does not help.
	forged := strings.Replace(sealed, a.ID(), b.ID(), 1)
	if _, err := b.Open(forged, "p"); err == nil {
		t.Error("a value with a forged key id opened")
	}
}

func TestOpenFindsTampering(t *testing.T) {
	k := newKeyring(t, strings.Repeat("a", 32))
	sealed := k.Seal(plain, "p")
	head := "sealed:" + k.ID() + ":"
	box, err := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(sealed, head))
	if err != nil {
		t.Fatal(err)
	}
	for i := range box {
		bad := bytes.Clone(box)
		bad[i] ^= 1
		if _, err := k.Open(head+base64.RawStdEncoding.EncodeToString(bad), "p"); err == nil {
			t.Fatalf("byte %d was changed and nobody noticed", i)
		}
	}
	for n := range box {
		if _, err := k.Open(head+base64.RawStdEncoding.EncodeToString(box[:n]), "p"); err == nil {
			t.Fatalf("cut to %d bytes and nobody noticed", n)
		}
	}
	for _, bad := range []string{"", "plain", "sealed:", head, "sealed::" + sealed, head + "!!", sealed + "=", plain.Reveal()} {
		if _, err := k.Open(bad, "p"); err == nil {
			t.Errorf("Open took %q", bad)
		} else if strings.Contains(err.Error(), "swordfish") {
			t.Errorf("the error repeats the value: %v", err)
		}
	}
}

// FuzzOpen looks for a text that opens without having been sealed here.
func FuzzOpen(f *testing.F) {
	k := newKeyring(f, strings.Repeat("a", 32))
	sealed := k.Seal(plain, "p")
	for _, s := range []string{sealed, "", "sealed:", "sealed:" + k.ID() + ":", sealed[:len(sealed)-4], sealed + "A", "sealed:00000000:" + sealed[len("sealed:00000000:"):]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := k.Open(text, "p")
		// base64 forgives line breaks and unused last bits: another spelling of
		// the same box opens, and holds the same.
		if err == nil && got != plain {
			t.Fatalf("%q opened as %q", text, got.Reveal())
		}
		if err != nil && got != "" {
			t.Fatalf("an error came with a value: %v", err)
		}
	})
}

func TestMACKeepsPartsApart(t *testing.T) {
	key := []byte("key")
	base := secret.MAC(key, "ab", "c")
	for name, other := range map[string][]byte{
		"moved boundary": secret.MAC(key, "a", "bc"),
		"joined":         secret.MAC(key, "abc"),
		"empty part":     secret.MAC(key, "ab", "c", ""),
		"length inside":  secret.MAC(key, "2:ab1:c"),
		"other key":      secret.MAC([]byte("yek"), "ab", "c"),
	} {
		if bytes.Equal(base, other) {
			t.Errorf("%s: the same MAC", name)
		}
	}
	if len(base) != 32 || !bytes.Equal(base, secret.MAC(key, "ab", "c")) {
		t.Errorf("MAC has %d bytes or is not stable", len(base))
	}
}

func TestEqual(t *testing.T) {
	if !secret.Equal("abc", "abc") || secret.Equal("abc", "abd") || secret.Equal("abc", "ab") || secret.Equal("", "a") {
		t.Error("Equal is wrong about plain texts")
	}
}
