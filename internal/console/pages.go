package console

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/httpkit"
)

// Pages that links lead to: the set-up link that the gateway prints and the
// reset link that an administrator hands out. They are forms without script;
// what they send goes through the operations of the API.

//go:embed pages.html
var pagesHTML string

var pagesTemplate = template.Must(template.New("pages").Parse(pagesHTML))

// pageText is what a page says in one language.
type pageText struct {
	Lang, Title, Lead, Name, Password, Hint, Send, Done, Next, Docs, Again string
}

var pageTexts = map[string]map[string]pageText{
	"home": {
		"en": {Lang: "en", Title: "one-api", Lead: "The gateway is running.", Docs: "Management API"},
		"zh": {Lang: "zh-CN", Title: "one-api", Lead: "网关正在运行。", Docs: "管理 API"},
	},
	"setup": {
		"en": {
			Lang: "en", Title: "Set up this gateway", Lead: "Make the first administrator.", Name: "Sign-in name", Password: "Password",
			Hint: "10 to 256 characters, not the name.", Send: "Make administrator", Done: "The administrator is made.",
			Next: "Next, on the gateway's machine:", Docs: "Management API", Again: "A restart of the gateway prints a new link.",
		},
		"zh": {
			Lang: "zh-CN", Title: "设置网关", Lead: "创建第一个管理员。", Name: "登录名", Password: "密码",
			Hint: "10 到 256 个字符，不能与登录名相同。", Send: "创建管理员", Done: "管理员已创建。",
			Next: "接下来，在网关所在的机器上：", Docs: "管理 API", Again: "重启网关会打印新的链接。",
		},
	},
	"reset": {
		"en": {
			Lang: "en", Title: "Set a new password", Lead: "The link works once.", Password: "New password", Hint: "10 to 256 characters, not the name.",
			Send: "Set password", Done: "The password is set. All sessions have ended.", Docs: "Management API", Again: "Ask an administrator for a new link.",
		},
		"zh": {
			Lang: "zh-CN", Title: "设置新密码", Lead: "此链接只能使用一次。", Password: "新密码", Hint: "10 到 256 个字符，不能与登录名相同。",
			Send: "设置密码", Done: "密码已设置，所有会话已结束。", Docs: "管理 API", Again: "请向管理员索取新的链接。",
		},
	},
}

// pageData is one page as it is shown.
type pageData struct {
	pageText
	Page, Token, NameGiven string
	Problem, RequestID     string
	IsDone                 bool
	Commands               []string
}

// pages serves the forms.
func (c *Console) pages(mux *http.ServeMux) {
	origin := http.NewCrossOriginProtection()
	page := func(pattern string, h func(http.ResponseWriter, *http.Request)) {
		mux.Handle(pattern, origin.Handler(c.identify(http.HandlerFunc(h))))
	}
	page("GET /{$}", func(w http.ResponseWriter, r *http.Request) { c.show(w, r, http.StatusOK, pageData{Page: "home"}) })
	for _, name := range []string{"setup", "reset"} {
		page("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			c.show(w, r, http.StatusOK, pageData{Page: name, Token: r.URL.Query().Get("token"), NameGiven: "root"})
		})
	}
	page("POST /setup", c.sentSetup)
	page("POST /reset", c.sentReset)
}

// maxForm bounds a form; its fields are short.
const maxForm = 16 << 10

func (c *Console) sentSetup(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var in setUp
	in.Body.Token, in.Body.Name, in.Body.Password = r.PostFormValue("token"), r.PostFormValue("name"), r.PostFormValue("password")
	_, err := c.setUp(r.Context(), nil, &in)
	c.answered(w, r, pageData{Page: "setup", Token: in.Body.Token, NameGiven: in.Body.Name, Commands: []string{
		"one-api token create --user " + in.Body.Name + " --name first",
		"one-api channel add --base-url https://api-singapore.klingai.com --key 'AccessKey|SecretKey'",
	}}, err)
}

func (c *Console) sentReset(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var in resetPassword
	in.Body.Token, in.Body.Password = r.PostFormValue("token"), r.PostFormValue("password")
	_, err := c.resetPassword(r.Context(), nil, &in)
	c.answered(w, r, pageData{Page: "reset", Token: in.Body.Token}, err)
}

// answered shows how a form ended: done, or again with what was wrong.
func (c *Console) answered(w http.ResponseWriter, r *http.Request, d pageData, err error) {
	if err == nil {
		d.IsDone = true
		c.show(w, r, http.StatusOK, d)
		return
	}
	f := fault.From(err)
	if f.Code == fault.Internal {
		c.Log.ErrorContext(r.Context(), "a form failed", "page", d.Page, "err", err)
	}
	d.Problem, d.RequestID = f.Message, w.Header().Get("X-Request-Id")
	c.show(w, r, httpkit.Status(f.Code), d)
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, d pageData) {
	lang := "en"
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "zh") {
		lang = "zh"
	}
	d.pageText = pageTexts[d.Page][lang]
	var b bytes.Buffer
	if err := pagesTemplate.Execute(&b, d); err != nil {
		c.refuse(w, r, fault.From(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The address of the page holds the link's secret.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
