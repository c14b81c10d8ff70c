package auth_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/secret"
)

var (
	now  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	home = netip.MustParseAddr("203.0.113.7")
)

const (
	tokenText = "sk-abcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl"
	accessKey = "ak-abcdefghijklmnopqrstuvwx"
)

// world is a gateway with one user and one token.
type world struct {
	auth  *auth.Authenticator
	token *account.Token
	user  *account.User
	view  *directory.View
	keys  *secret.Keyring
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := secret.NewKeyring(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{keys: keys, user: &account.User{ID: 7, Status: account.Enabled, Group: "default"}}
	w.token = &account.Token{ID: 3, UserID: 7, Hash: account.HashToken(tokenText), AccessKey: accessKey, Status: account.Enabled}
	w.view = &directory.View{
		Tokens: map[account.Hash]*account.Token{w.token.Hash: w.token}, AccessKeys: map[string]*account.Token{accessKey: w.token},
		Users: map[int64]*account.User{7: w.user},
	}
	var d directory.Directory
	d.Replace(w.view)
	w.auth = &auth.Authenticator{Directory: &d, Keys: keys, Now: func() time.Time { return now }}
	return w
}

func (w *world) call(authorization string) (auth.Caller, error) {
	r := httptest.NewRequest("POST", "/kling/v1/videos/text2video", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return w.auth.Caller(r, home)
}

// refused checks a refusal's code and word, and that it tells no credential.
func refused(t *testing.T, err error, code fault.Code, word string) {
	t.Helper()
	f := fault.From(err)
	if f == nil || f.Code != code || f.Word() != word {
		t.Errorf("err = %v, want %s %s", err, code, word)
		return
	}
	if strings.Contains(f.Message, tokenText) || strings.Contains(f.Message, "eyJ") {
		t.Errorf("the message repeats the credential: %s", f.Message)
	}
}

func TestBearerForms(t *testing.T) {
	w := newWorld(t)
	for _, h := range []string{
		"Bearer " + tokenText, "bearer " + tokenText, "BEARER   " + tokenText + " ", tokenText,
		"Bearer " + strings.TrimPrefix(tokenText, "sk-"),
	} {
		c, err := w.call(h)
		if err != nil || c.Token != w.token || c.User != w.user {
			t.Errorf("%q: %v", h, err)
		}
	}
	for h, word := range map[string]string{
		"":                                    "missing_credentials",
		"Bearer":                              "missing_credentials",
		"Bearer   ":                           "missing_credentials",
		"Bearer sk-unknown":                   "invalid_token",
		"Basic " + tokenText:                  "invalid_token",
		"Bearer " + accessKey:                 "invalid_token",
		"Bearer sk-" + tokenText:              "invalid_token",
		"Bearer " + tokenText[:40]:            "invalid_token",
		"Bearer " + strings.Repeat("x", 5000): "invalid_token",
		"Bearer " + account.HashToken(tokenText).Hex():          "invalid_token",
		"Bearer " + strings.ToUpper(tokenText):                  "invalid_token",
		"Bearer " + tokenText + "," + tokenText:                 "invalid_token",
		"Bearer a.b.c":                                          "invalid_token",
		"Bearer " + strings.Repeat(".", 2):                      "invalid_token",
		"Bearer " + account.NewTokenText(false).Reveal() + ".x": "invalid_token",
	} {
		_, err := w.call(h)
		refused(t, err, fault.Unauthenticated, word)
	}
}

func TestACredentialInTheQueryIsNone(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("GET", "/v1/models?key="+tokenText+"&access_token="+tokenText, nil)
	_, err := w.auth.Caller(r, home)
	refused(t, err, fault.Unauthenticated, "missing_credentials")
}

func TestWhoMayNotCall(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		code   fault.Code
		word   string
	}{
		"disabled token":  {func(w *world) { w.token.Status = account.Disabled }, fault.Unauthenticated, "token_disabled"},
		"expired token":   {func(w *world) { w.token.ExpiresAt = now }, fault.Unauthenticated, "token_expired"},
		"another network": {func(w *world) { w.token.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, fault.Forbidden, "address_not_allowed"},
		"disabled user":   {func(w *world) { w.user.Status = account.Disabled }, fault.Forbidden, "user_disabled"},
		"deleted user":    {func(w *world) { delete(w.view.Users, 7) }, fault.Unauthenticated, "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if _, err := w.call("Bearer " + tokenText); err != nil {
				t.Fatal(err)
			}
			c.change(w)
			_, err := w.call("Bearer " + tokenText)
			refused(t, err, c.code, c.word)
			_, err = w.call("Bearer " + w.sign(t, accessKey, account.SecretKey(w.keys, w.token.Hash).Reveal(), nil))
			refused(t, err, c.code, c.word)
		})
	}
	w := newWorld(t)
	w.token.ExpiresAt, w.token.Networks = now.Add(time.Second), []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	if _, err := w.call("Bearer " + tokenText); err != nil {
		t.Errorf("a token in time and place: %v", err)
	}
}

// sign makes a JWT as Kling's clients do; change may spoil it.
func (w *world) sign(t *testing.T, ak, sk string, change func(*jwt.Token)) string {
	t.Helper()
	j := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": ak, "exp": now.Add(30 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Second).Unix(),
	})
	if change != nil {
		change(j)
	}
	var key any = []byte(sk)
	if j.Method == jwt.SigningMethodNone {
		key = jwt.UnsafeAllowNoneSignatureType
	}
	s, err := j.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claim(name string, value any) func(*jwt.Token) {
	return func(j *jwt.Token) {
		claims, _ := j.Claims.(jwt.MapClaims)
		if value == nil {
			delete(claims, name)
			return
		}
		claims[name] = value
	}
}

func method(m jwt.SigningMethod) func(*jwt.Token) {
	return func(j *jwt.Token) { j.Method, j.Header["alg"] = m, m.Alg() }
}

func TestJWTs(t *testing.T) {
	w := newWorld(t)
	secretKey := account.SecretKey(w.keys, w.token.Hash).Reveal()
	for name, c := range map[string]struct {
		ak, sk string
		change func(*jwt.Token)
		word   string // "" is accepted
	}{
		"AccessKey and SecretKey":      {accessKey, secretKey, nil, ""},
		"the token for both":           {tokenText, tokenText, nil, ""},
		"no nbf":                       {accessKey, secretKey, claim("nbf", nil), ""},
		"expired within the leeway":    {accessKey, secretKey, claim("exp", now.Add(-30*time.Second).Unix()), ""},
		"valid soon within the leeway": {accessKey, secretKey, claim("nbf", now.Add(30*time.Second).Unix()), ""},
		"expired":                      {accessKey, secretKey, claim("exp", now.Add(-2*time.Minute).Unix()), "jwt_expired"},
		"not yet valid":                {accessKey, secretKey, claim("nbf", now.Add(2*time.Minute).Unix()), "jwt_not_yet_valid"},
		"no exp":                       {accessKey, secretKey, claim("exp", nil), "invalid_token"},
		"exp is no time":               {accessKey, secretKey, claim("exp", "soon"), "invalid_token"},
		"alg none":                     {accessKey, secretKey, method(jwt.SigningMethodNone), "invalid_token"},
		"HS512":                        {accessKey, secretKey, method(jwt.SigningMethodHS512), "invalid_token"},
		"HS384":                        {accessKey, secretKey, method(jwt.SigningMethodHS384), "invalid_token"},
		"wrong key":                    {accessKey, "wrong", nil, "invalid_token"},
		"empty key":                    {accessKey, "", nil, "invalid_token"},
		"AccessKey with the token":     {accessKey, tokenText, nil, "invalid_token"},
		"token with the SecretKey":     {tokenText, secretKey, nil, "invalid_token"},
		"the hash as key":              {accessKey, account.HashToken(tokenText).Hex(), nil, "invalid_token"},
		"AccessKey for both":           {accessKey, accessKey, nil, "invalid_token"},
		"unknown issuer":               {"ak-unknown", secretKey, nil, "invalid_token"},
		"no issuer":                    {accessKey, secretKey, claim("iss", nil), "invalid_token"},
		"empty issuer":                 {"", "", nil, "invalid_token"},
		"expired with a wrong key":     {accessKey, "wrong", claim("exp", now.Add(-time.Hour).Unix()), "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.call("Bearer " + w.sign(t, c.ak, c.sk, c.change))
			if c.word != "" {
				refused(t, err, fault.Unauthenticated, c.word)
			} else if err != nil || got.Token != w.token || got.User != w.user {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestAJWTOfAnotherGatewayIsRefused(t *testing.T) {
	w := newWorld(t)
	other, err := secret.NewKeyring(strings.Repeat("o", 32))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.call("Bearer " + w.sign(t, accessKey, account.SecretKey(other, w.token.Hash).Reveal(), nil))
	refused(t, err, fault.Unauthenticated, "invalid_token")
}

func FuzzCaller(f *testing.F) {
	for _, s := range []string{"", "Bearer x", "Bearer a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJhay0ifQ.", "Bearer " + strings.Repeat("A.", 30)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		w := newWorld(t)
		if _, err := w.call(header); err == nil && !strings.Contains(header, strings.TrimPrefix(tokenText, "sk-")) {
			t.Fatalf("%q was let in", header)
		} else if err != nil && fault.From(err).Code != fault.Unauthenticated {
			t.Fatalf("%q: %v", header, err)
		}
	})
}

func TestPasswords(t *testing.T) {
	hash := auth.HashPassword("correct horse")
	if strings.Contains(hash, "correct") || !strings.HasPrefix(hash, "$argon2id$") {
		t.Fatalf("the hash is %q", hash)
	}
	if hash == auth.HashPassword("correct horse") {
		t.Error("one password has one hash: there is no salt")
	}
	for password, want := range map[secret.Text]bool{"correct horse": true, "correct horse ": false, "Correct horse": false, "": false} {
		if got, err := auth.CheckPassword(hash, password); err != nil || got != want {
			t.Errorf("CheckPassword(%q) = %t, %v, want %t", password.Reveal(), got, err, want)
		}
	}
	if got, err := auth.CheckPassword(auth.HashPassword(""), ""); err != nil || !got {
		t.Errorf("the empty password: %t, %v", got, err)
	}
}

func TestADamagedPasswordHashIsAnError(t *testing.T) {
	parts := strings.Split(auth.HashPassword("correct horse"), "$")
	with := func(i int, text string) string {
		p := append([]string(nil), parts...)
		p[i] = text
		return strings.Join(p, "$")
	}
	for name, hash := range map[string]string{
		"empty":             "",
		"plain text":        "correct horse",
		"bcrypt":            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
		"another algorithm": with(1, "argon2i"),
		"no parameters":     with(3, ""),
		"text parameters":   with(3, "m=a,t=b,p=c"),
		"no threads":        with(3, "m=19456,t=2,p=0"),
		"no rounds":         with(3, "m=19456,t=0,p=1"),
		"all the memory":    with(3, "m=4294967295,t=2,p=1"),
		"endless rounds":    with(3, "m=19456,t=4294967295,p=1"),
		"salt not base64":   with(4, "***"),
		"key not base64":    with(5, "***"),
		"key cut off":       with(5, parts[5][:20]),
		"no key":            with(5, ""),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			if ok, err := auth.CheckPassword(hash, "correct horse"); err == nil || ok {
				t.Errorf("CheckPassword = %t, %v, want an error", ok, err)
			}
		})
	}
}
