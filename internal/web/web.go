// Package web is the console as it was built, embedded in the binary, and how
// browsers get it.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The build stores what compresses as NAME.gz only: the binary stays small, and
// most answers are the stored bytes.
//
//go:embed all:dist
var dist embed.FS

// Dist is the console of this binary, empty when it was not built.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return sub
}

const indexName = "index.html"

// file is one file of the console.
type file struct {
	stored string // its name in files
	zipped bool
	etag   string // without quotes
}

// Site serves the console's files. Make it with New.
type Site struct {
	files  fs.FS
	byName map[string]file
}

// New reads which files there are. Files whose name begins with a dot are the
// build's own and not served.
func New(files fs.FS) (*Site, error) {
	s := &Site{files: files, byName: map[string]file{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		f := file{stored: name, etag: hex.EncodeToString(sum[:12])}
		if plain, ok := strings.CutSuffix(name, ".gz"); ok {
			name, f.zipped = plain, true
		}
		s.byName[name] = f
		return nil
	})
	return s, err
}

// elsewhere are the first parts of paths that are not the console's: there
// stand APIs, whose refusals are in their own form.
var elsewhere = []string{"api", "kling", "v1", "healthz", "readyz", "metrics", "test-media"}

// Serves reports whether a request is for the console: for one of its files,
// or a browser's way to one of its pages.
func (s *Site) Serves(r *http.Request) bool {
	name := strings.TrimPrefix(r.URL.Path, "/")
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(elsewhere, first) {
		return false
	}
	if _, ok := s.byName[name]; ok || name == "" || first == "assets" {
		return true
	}
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && accepts(r, "Accept", "text/html", false)
}

// Before serves what is the console's and leaves the rest to next.
func (s *Site) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Serves(r) {
			s.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP answers with the file of a path. Any other path below the root is a
// page that the console draws by itself, so it gets the index; a missing asset
// does not: a script that is a page confuses everybody.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Pages are only read: use GET or HEAD.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	asset := strings.HasPrefix(name, "assets/")
	f, ok := s.byName[name]
	switch {
	case ok:
	case asset:
		h.Set("Cache-Control", "no-store") // it may come with the next node
		http.Error(w, "This file of the console does not exist; it may be of another version. Reload the page.", http.StatusNotFound)
		return
	default:
		name = indexName
		if f, ok = s.byName[indexName]; !ok {
			notBuilt(w, r)
			return
		}
	}
	if asset {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // their names change with them
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	s.send(w, r, name, f)
}

func (s *Site) send(w http.ResponseWriter, r *http.Request, name string, f file) {
	b, err := fs.ReadFile(s.files, f.stored)
	if err != nil {
		http.Error(w, "The console's file could not be read.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	if ext := path.Ext(name); ext == ".html" || ext == ".svg" {
		policies(h)
	}
	etag := f.etag
	if f.zipped {
		h.Add("Vary", "Accept-Encoding")
		if accepts(r, "Accept-Encoding", "gzip", true) {
			h.Set("Content-Encoding", "gzip")
			etag += "-gzip"
			f.zipped = false
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	if known(r, etag) {
		h.Del("Content-Type")
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if !f.zipped {
		h.Set("Content-Length", strconv.Itoa(len(b)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(b)
		}
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		http.Error(w, "The console's file could not be read.", http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, z)
	}
}

// policies let a page use what this gateway serves and nothing else. Styles
// that scripts set on elements are allowed: charts place their parts with them.
func policies(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src-elem 'self'; style-src-attr 'unsafe-inline'; "+
		"img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // addresses of pages hold one-time secrets
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), "+
		"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), "+
		"midi=(), payment=(), serial=(), usb=()")
}

// types are by extension, not the system's: every machine sends the same.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json; charset=utf-8",
	".mjs":         "text/javascript; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

func typeOf(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// known reports whether the browser has the file already.
func known(r *http.Request, etag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for tag := range strings.SplitSeq(line, ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == "*" || tag == `"`+etag+`"` {
				return true
			}
		}
	}
	return false
}

// accepts reports whether a header of the kind of Accept names a value and does
// not give it the weight 0. Any value will do for a wildcard, if that counts.
func accepts(r *http.Request, header, value string, wildcard bool) bool {
	wild := false
	for _, line := range r.Header.Values(header) {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name != value && (!wildcard || name != "*") {
				continue
			}
			weight := 1.0
			for p := range strings.SplitSeq(params, ";") {
				if q, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
					weight, _ = strconv.ParseFloat(q, 64) // what is no number is not wanted
				}
			}
			if name == value {
				return weight > 0
			}
			wild = weight > 0
		}
	}
	return wild
}

// notBuiltPage is all there is without a build of the console.
const notBuiltPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>one-api</title>
<link rel="stylesheet" href="/api/docs.css">
</head>
<body class="form">
<main>
<h1>one-api</h1>
<p>The gateway is running. This binary was built without the console; build it with <code>make build</code>, which needs Node.js.</p>
<p lang="zh-CN">网关正在运行。此程序未包含控制台；请用 <code>make build</code> 重新构建（需要 Node.js）。</p>
<p>The first administrator can be made on the gateway's machine: <code>one-api setup</code><br><span lang="zh-CN">可在网关所在的机器上创建第一个管理员：</span><code>one-api setup</code></p>
<p><a href="/api/docs">Management API · <span lang="zh-CN">管理 API</span></a></p>
</main>
</body>
</html>
`

func notBuilt(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", typeOf(indexName))
	h.Set("Cache-Control", "no-store")
	policies(h)
	h.Set("Content-Length", strconv.Itoa(len(notBuiltPage)))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, notBuiltPage)
	}
}
