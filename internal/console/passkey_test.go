package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"one-api/internal/console"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// authenticator is a security key in software: it makes ES256 passkeys and
// signs with them, as WebAuthn level 3 says in sections 6 and 7.
type authenticator struct {
	t      *testing.T
	origin string // of the page it believes to be on
	keys   map[string]*softKey
}

type softKey struct {
	id      []byte
	domain  string
	user    []byte
	private *ecdsa.PrivateKey
	count   uint32
}

const gateway = "https://gw.example.com"

func newAuthenticator(t *testing.T) *authenticator {
	return &authenticator{t: t, origin: gateway, keys: map[string]*softKey{}}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) clientData(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// data is the authenticator data: hash of the domain, flags, counter.
func (k *softKey) data(flags byte) []byte {
	sum := sha256.Sum256([]byte(k.domain))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), k.count)
}

const (
	userPresent  = 0x01
	userVerified = 0x04
	withKey      = 0x40
)

// create answers navigator.credentials.create.
func (a *authenticator) create(options json.RawMessage) map[string]any {
	a.t.Helper()
	var o struct {
		PublicKey struct {
			Challenge        string
			RP               struct{ ID string }
			User             struct{ ID, Name, DisplayName string }
			PubKeyCredParams []struct{ Alg int }
			Selection        struct{ ResidentKey, UserVerification string } `json:"authenticatorSelection"`
		}
	}
	if err := json.Unmarshal(options, &o); err != nil {
		a.t.Fatal(err)
	}
	if o.PublicKey.Selection.ResidentKey != "required" || o.PublicKey.Selection.UserVerification != "required" || o.PublicKey.PubKeyCredParams[0].Alg != -7 {
		a.t.Errorf("asked for %s", options)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	user, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	id := make([]byte, 20)
	_, _ = rand.Read(id)
	k := &softKey{id: id, domain: o.PublicKey.RP.ID, user: user, private: private}
	a.keys[b64(id)] = k

	point, err := private.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		a.t.Fatal(err)
	}
	data := k.data(userPresent | userVerified | withKey)
	data = append(data, make([]byte, 16)...) // no model
	data = binary.BigEndian.AppendUint16(data, uint16(len(id)))
	data = append(append(data, id...), cose...)
	attestation, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		a.t.Fatal(err)
	}
	return map[string]any{
		"id": b64(id), "rawId": b64(id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"attestationObject": b64(attestation), "clientDataJSON": b64(a.clientData("webauthn.create", o.PublicKey.Challenge))},
	}
}

// get answers navigator.credentials.get with the passkey that it has.
func (a *authenticator) get(options json.RawMessage, flags byte) map[string]any {
	a.t.Helper()
	var o struct {
		PublicKey struct{ Challenge, RPID, UserVerification string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		a.t.Fatal(err)
	}
	if o.PublicKey.UserVerification != "required" || o.PublicKey.RPID != "gw.example.com" {
		a.t.Errorf("asked for %s", options)
	}
	for _, k := range a.keys {
		k.count++
		data, client := k.data(flags), a.clientData("webauthn.get", o.PublicKey.Challenge)
		sum := sha256.Sum256(client)
		digest := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
		signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
		if err != nil {
			a.t.Fatal(err)
		}
		return map[string]any{
			"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "clientExtensionResults": map[string]any{},
			"response": map[string]any{"authenticatorData": b64(data), "clientDataJSON": b64(client), "signature": b64(signature), "userHandle": b64(k.user)},
		}
	}
	a.t.Fatal("the authenticator has no passkey")
	return nil
}

func siteWorld(t *testing.T) *world {
	return newWorldOn(t, store.SQLite, unhurried, func(c *console.Console) { c.ServerAddress = gateway })
}

// add registers a passkey for whoever is signed in.
func (a *authenticator) add(b *client, name string) console.Passkey {
	a.t.Helper()
	var begun console.Ceremony
	b.want(200, &begun, "POST", "/api/me/passkeys/begin", nil)
	var p console.Passkey
	b.want(201, &p, "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": name, "credential": a.create(begun.Options)})
	return p
}

func begin(b *client) console.Ceremony {
	var c console.Ceremony
	b.want(200, &c, "POST", "/api/session/passkey/begin", nil)
	return c
}

func TestAPasskeySignsIn(t *testing.T) {
	w := siteWorld(t)
	a := newAuthenticator(t)
	alice := w.signedIn("alice")
	p := a.add(alice, "laptop 🔑")
	if p.Name != "laptop 🔑" || p.Site != "gw.example.com" {
		t.Errorf("added %+v", p)
	}
	for range 2 { // the counter goes on
		b := w.browser()
		c := begin(b)
		var me console.Me
		b.want(200, &me, "POST", "/api/session/passkey", body{"ceremony": c.Ceremony, "credential": a.get(c.Options, userPresent|userVerified)})
		if me.Name != "alice" || me.Passkeys != 1 {
			t.Errorf("signed in as %+v", me)
		}
		b.want(200, nil, "GET", "/api/me", nil)
	}
	path := fmt.Sprintf("/api/me/passkeys/%d", p.ID)
	alice.want(204, nil, "PATCH", path, body{"name": "phone"})
	alice.refused(400, "invalid_name", "PATCH", path, body{"name": "a\tb"})
	var list console.Page[console.Passkey]
	got := alice.want(200, &list, "GET", "/api/me/passkeys", nil)
	if len(list.Items) != 1 || list.Items[0].Name != "phone" || list.Items[0].LastUsedAt == nil || strings.Contains(string(got.body), "publicKey") {
		t.Errorf("listed %s", got.body)
	}
	alice.want(204, nil, "DELETE", path, nil)
	b := w.browser()
	c := begin(b)
	b.refused(401, "passkey_refused", "POST", "/api/session/passkey", body{"ceremony": c.Ceremony, "credential": a.get(c.Options, userPresent|userVerified)})
}

func TestACeremonyWorksOnceForItsUserAndKind(t *testing.T) {
	w := siteWorld(t)
	a := newAuthenticator(t)
	alice, bob := w.signedIn("alice"), w.signedIn("bob")
	var begun console.Ceremony
	alice.want(200, &begun, "POST", "/api/me/passkeys/begin", nil)
	answer := a.create(begun.Options)
	alice.refused(400, "invalid_name", "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": "a\u0000", "credential": answer}) // uses nothing up
	alice.want(201, nil, "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": "laptop", "credential": answer})
	alice.refused(403, "ticket_invalid", "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": "laptop", "credential": answer})

	// The answer to one challenge does not fit another.
	alice.want(200, &begun, "POST", "/api/me/passkeys/begin", nil)
	alice.refused(400, "passkey_refused", "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": "laptop", "credential": answer})

	// Another user cannot finish what alice began.
	alice.want(200, &begun, "POST", "/api/me/passkeys/begin", nil)
	bob.refused(403, "ticket_invalid", "POST", "/api/me/passkeys", body{"ceremony": begun.Ceremony, "name": "bob's", "credential": newAuthenticator(t).create(begun.Options)})

	b := w.browser()
	c := begin(b)
	in := body{"ceremony": c.Ceremony, "credential": a.get(c.Options, userPresent|userVerified)}
	b.want(200, nil, "POST", "/api/session/passkey", in)
	w.browser().refused(403, "ticket_invalid", "POST", "/api/session/passkey", in)
	// A ceremony of one kind is no good as the other.
	alice.want(200, &begun, "POST", "/api/me/passkeys/begin", nil)
	b.refused(403, "ticket_invalid", "POST", "/api/session/passkey", body{"ceremony": begun.Ceremony, "credential": in["credential"]})
}

func TestAForgedPasskeySignsNobodyIn(t *testing.T) {
	w := siteWorld(t)
	a := newAuthenticator(t)
	a.add(w.signedIn("alice"), "laptop")
	bobs := newAuthenticator(t)
	bobs.add(w.signedIn("bob"), "laptop")
	try := func(name string, change func(a *authenticator, c console.Ceremony) any) {
		t.Run(name, func(t *testing.T) {
			b := w.browser()
			b.t = t
			c := begin(b)
			copied := newAuthenticator(t)
			for id, k := range a.keys {
				other := *k
				other.count += 100
				copied.keys[id] = &other
			}
			b.refused(401, "passkey_refused", "POST", "/api/session/passkey", body{"ceremony": c.Ceremony, "credential": change(copied, c)})
			b.refused(401, "not_signed_in", "GET", "/api/me", nil)
		})
	}
	response := func(m map[string]any) map[string]any { return m["response"].(map[string]any) }
	const both = userPresent | userVerified
	try("another origin", func(a *authenticator, c console.Ceremony) any {
		a.origin = "https://gw.example.com.evil.example"
		return a.get(c.Options, both)
	})
	try("user not verified", func(a *authenticator, c console.Ceremony) any { return a.get(c.Options, userPresent) })
	try("another key", func(a *authenticator, c console.Ceremony) any {
		for _, k := range a.keys {
			k.private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}
		return a.get(c.Options, both)
	})
	try("another domain", func(a *authenticator, c console.Ceremony) any {
		for _, k := range a.keys {
			k.domain = "evil.example.com"
		}
		return a.get(c.Options, both)
	})
	try("another's handle", func(a *authenticator, c console.Ceremony) any {
		m := a.get(c.Options, both)
		for _, k := range bobs.keys {
			response(m)["userHandle"] = b64(k.user)
		}
		return m
	})
	try("counter went back", func(a *authenticator, c console.Ceremony) any {
		b := w.browser()
		other := begin(b)
		b.want(200, nil, "POST", "/api/session/passkey", body{"ceremony": other.Ceremony, "credential": a.get(other.Options, both)})
		for _, k := range a.keys {
			k.count -= 2
		}
		return a.get(c.Options, both)
	})
	try("unknown credential", func(a *authenticator, c console.Ceremony) any {
		for id, k := range a.keys {
			delete(a.keys, id)
			k.id = []byte("never registered")
			a.keys["x"] = k
		}
		return a.get(c.Options, both)
	})
	try("no credential", func(*authenticator, console.Ceremony) any { return body{} })
	try("a text", func(*authenticator, console.Ceremony) any { return "credential" })
	try("cut off", func(a *authenticator, c console.Ceremony) any {
		m := a.get(c.Options, both)
		response(m)["authenticatorData"] = "AAAA"
		return m
	})
}

func TestAPasskeyNeedsNoSecondFactorAndADisabledUserGetsNothing(t *testing.T) {
	w := siteWorld(t)
	a := newAuthenticator(t)
	alice := w.signedIn("alice")
	a.add(alice, "laptop")
	var s console.TOTPSetup
	alice.want(201, &s, "POST", "/api/me/totp", body{"password": password})
	alice.want(204, nil, "POST", "/api/me/totp/confirm", body{"code": totpCode(t, s.Secret, w.store.Now())})
	b := w.browser()
	c := begin(b)
	b.want(200, nil, "POST", "/api/session/passkey", body{"ceremony": c.Ceremony, "credential": a.get(c.Options, userPresent|userVerified)})
	w.admin.want(200, nil, "PATCH", userPath(w.alice), body{"version": 1, "status": "disabled"})
	c = begin(b)
	b.refused(401, "user_disabled", "POST", "/api/session/passkey", body{"ceremony": c.Ceremony, "credential": a.get(c.Options, userPresent|userVerified)})
}

func TestPasskeysNeedAName(t *testing.T) {
	w := patient(t) // the test server is at an IP address, without SERVER_ADDRESS
	alice := w.signedIn("alice")
	alice.refused(422, "passkeys_unavailable", "POST", "/api/me/passkeys/begin", nil)
	a := alice.do("POST", "/api/me/passkeys/begin", nil, "Host", "evil.example.com")
	if a.status != 422 {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	var m console.SignInMethods
	alice.want(200, &m, "GET", "/api/session/methods", nil)
	if m.Passkeys {
		t.Error("passkeys are offered")
	}
	local := &client{t: t, url: strings.Replace(w.url, "127.0.0.1", "localhost", 1), http: alice.http, token: secret.Text("")}
	local.want(200, &m, "GET", "/api/session/methods", nil)
	if !m.Passkeys {
		t.Error("passkeys are not offered on localhost")
	}
}
