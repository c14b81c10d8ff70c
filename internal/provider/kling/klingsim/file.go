package klingsim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

// The results, one for each aspect ratio; assets/README.md tells how they were
// made.
var (
	//go:embed assets/16x9.mp4
	clip16x9 []byte
	//go:embed assets/9x16.mp4
	clip9x16 []byte
	//go:embed assets/1x1.mp4
	clip1x1 []byte
)

// watermarked is what the second link of a task adds to the file's name.
const watermarked = "_watermark"

// link is the signed address of a task's result: like Kling's, it asks for no
// key and works for everyone who has it.
func (t *task) link(key []byte, suffix string) string {
	name := t.id + suffix + ".mp4"
	return t.base + "/files/" + name + "?sig=" + fileSignature(key, name)
}

func fileSignature(key []byte, name string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// taskOfFile is the id in a file's name.
func taskOfFile(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".mp4"), watermarked)
}

// file is GET /files/<task id>.mp4?sig=..., with ranges.
func (s *Sim) file(c *call) answer {
	name := c.r.PathValue("name")
	want := fileSignature(s.fileKey, name)
	if !hmac.Equal([]byte(c.r.URL.Query().Get("sig")), []byte(want)) {
		return fileError(http.StatusForbidden)
	}
	s.mu.Lock()
	s.advance(c.now)
	t := s.byID[taskOfFile(name)]
	there := t != nil && t.status == Succeeded && (t.watermark || !strings.HasSuffix(name, watermarked+".mp4"))
	s.mu.Unlock()
	if !there {
		return fileError(http.StatusNotFound)
	}
	clip := Clip(t.aspect)
	a := answer{status: http.StatusOK, body: clip, contentType: "video/mp4"}
	a.serve = func() {
		a.header(c.w)
		http.ServeContent(c.w, c.r, name, t.endAt, bytes.NewReader(clip))
	}
	return a
}

// Clip is the MP4 that every task with an aspect ratio results in; 16:9 stands
// in for ratios without one. Nobody may change it.
func Clip(aspectRatio string) []byte {
	switch aspectRatio {
	case "9:16":
		return clip9x16
	case "1:1":
		return clip1x1
	}
	return clip16x9
}

// fileError is no envelope: files come from another service than tasks.
func fileError(status int) answer {
	return answer{status: status, code: status, body: []byte(http.StatusText(status) + "\n"), contentType: "text/plain; charset=utf-8"}
}
