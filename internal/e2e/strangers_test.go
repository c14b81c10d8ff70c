package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/store"
)

// Bodies that each route takes, so that the refusal is not about the body.
var strangersBodies = map[string]string{
	"PATCH /api/tokens/{id}":            `{"version":1,"name":"mine"}`,
	"PATCH /api/webhooks/{id}":          `{"version":1,"description":"mine"}`,
	"POST /api/webhooks/{id}/rotate":    `{"version":1}`,
	"POST /api/webhooks/{id}/redeliver": `{"since":"2026-01-01T00:00:00Z"}`,
	"PATCH /api/me/passkeys/{id}":       `{"name":"mine"}`,
}

// Every management route that names a thing is asked for a thing of another
// user. The routes are those of the gateway's own description, so that a new
// one is asked too.
func TestNoManagementRouteKnowsAnotherUsersThings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	address, hits := receiver(t, func(int, http.ResponseWriter) {})
	hook := w.register(address)
	w.refresh()
	id := w.user.order(guideOrder)
	w.user.succeeded(id)
	next(t, hits)
	w.until("the delivery to be recorded", func() bool {
		return w.number("SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'") == 1
	})
	signedIn := func(c *caller) *caller {
		t.Helper()
		_, text, err := w.books.CreatePersonalToken(t.Context(), store.CLI, c.user.ID, "script", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		person := *c
		person.text = text.Reveal()
		return &person
	}
	owner, stranger := signedIn(w.user), signedIn(w.newCaller(0))
	delivery := owner.do("GET", "/api/webhooks/deliveries", "").text("items.0.id")
	things := map[string]string{
		"/api/tasks/": id, "/api/users/": strconv.FormatInt(w.user.user.ID, 10), "/api/tokens/": strconv.FormatInt(w.user.token.ID, 10),
		"/api/webhooks/deliveries/": delivery, "/api/webhooks/": strconv.FormatInt(hook.ID, 10),
		"/api/me/personal-tokens/": owner.do("GET", "/api/me/personal-tokens", "").text("items.0.id"),
	}
	for prefix, thing := range things {
		if a := owner.do("GET", prefix+thing, ""); thing == "" || a.status != http.StatusOK && a.status != http.StatusForbidden && a.status != http.StatusMethodNotAllowed {
			t.Errorf("the owner's GET %s%s was answered %s", prefix, thing, a)
		}
	}
	paths := 0
	gjson.Get(owner.do("GET", "/api/openapi.json", "").body, "paths").ForEach(func(path, operations gjson.Result) bool {
		from, _, named := strings.Cut(path.Str, "{")
		if !named {
			return true
		}
		paths++
		thing, ok := things[from]
		if !ok {
			thing = "1"
		}
		operations.ForEach(func(method, _ gjson.Result) bool {
			m := strings.ToUpper(method.Str)
			body := ""
			if m != http.MethodGet {
				if body = strangersBodies[m+" "+path.Str]; body == "" {
					body = "{}"
				}
			}
			a := stranger.do(m, from+thing+path.Str[strings.Index(path.Str, "}")+1:], body)
			if a.status != http.StatusNotFound && (a.status != http.StatusForbidden || a.text("code")+a.text("error.code") != "role_required") {
				t.Errorf("%s %s of another user's thing was answered %s; want 404, or 403 role_required. If the body is at fault, give strangersBodies one", m, path.Str, a)
			}
			return true
		})
		return true
	})
	if paths < 30 {
		t.Errorf("only %d paths name a thing", paths)
	}
}
