package klingsim

import (
	"encoding/base64"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// object is a JSON object read once: a create has a dozen members at most, and
// a walk along them is cheaper than a map or than a search in the text for each.
type object []member

type member struct {
	key   string
	value gjson.Result
}

func members(v gjson.Result) object {
	o := make(object, 0, 8)
	v.ForEach(func(key, value gjson.Result) bool {
		o = append(o, member{key.String(), value})
		return true
	})
	return o
}

// get returns a member; null is as good as absent. Of two with one key the last
// counts.
func (o object) get(key string) (gjson.Result, bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].key == key {
			return o[i].value, o[i].value.Type != gjson.Null
		}
	}
	return gjson.Result{}, false
}

func (o object) has(key string) bool {
	_, ok := o.get(key)
	return ok
}

// checker reads members of an object and remembers the first thing that is
// wrong; after that its results mean nothing.
type checker struct {
	object
	bad *refusal
}

func (c *checker) fail(message string) {
	if c.bad == nil {
		c.bad = badValue(message)
	}
}

// invalid is Kling's usual sentence.
func (c *checker) invalid(key string, v gjson.Result) {
	text := v.String()
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "…"
	}
	c.fail(key + " value '" + text + "' is invalid")
}

// text reads a string of at most limit characters, "" when absent.
func (c *checker) text(key string, limit int) string {
	v, ok := c.get(key)
	if !ok {
		return ""
	}
	if v.Type != gjson.String {
		c.fail(key + " must be a string")
		return ""
	}
	if len(v.Str) > limit && utf8.RuneCountInString(v.Str) > limit {
		c.fail(key + " is longer than " + strconv.Itoa(limit) + " characters")
	}
	return v.Str
}

// word reads one of a few strings; absent is other.
func (c *checker) word(key, other string, allowed ...string) string {
	v, ok := c.get(key)
	if !ok {
		return other
	}
	if v.Type != gjson.String || !slices.Contains(allowed, v.Str) {
		c.invalid(key, v)
		return other
	}
	return v.Str
}

// flag reads a boolean; absent is other.
func (c *checker) flag(key string, other bool) bool {
	v, ok := c.get(key)
	if !ok {
		return other
	}
	if !v.IsBool() {
		c.fail(key + " must be true or false")
	}
	return v.Bool()
}

// nested reads an object; absent is empty.
func (c *checker) nested(key string) *checker {
	v, ok := c.get(key)
	if ok && !v.IsObject() {
		c.fail(key + " must be an object")
	}
	if !ok || !v.IsObject() {
		return &checker{}
	}
	return &checker{object: members(v)}
}

// list reads an array of objects with at most limit items.
func (c *checker) list(key string, limit int) []*checker {
	v, ok := c.get(key)
	if !ok {
		return nil
	}
	if !v.IsArray() {
		c.fail(key + " must be an array")
		return nil
	}
	var items []*checker
	for _, item := range v.Array() {
		if !item.IsObject() {
			c.fail(key + " must be an array of objects")
			return nil
		}
		items = append(items, &checker{object: members(item)})
	}
	if len(items) > limit {
		c.fail(key + " has more than " + strconv.Itoa(limit) + " items")
	}
	return items
}

// take adopts what an inner checker found wrong.
func (c *checker) take(inner *checker) {
	if c.bad == nil {
		c.bad = inner.bad
	}
}

// absent refuses members that Kling does not take here.
func (c *checker) absent(why string, keys ...string) {
	for _, k := range keys {
		if c.has(k) {
			c.fail(k + " is not supported" + why)
		}
	}
}

const (
	legacyPictureLimit = 10 << 20 // bytes
	newPictureLimit    = 50 << 20
)

// picture checks a picture: a link, or bare Base64 of at most limit bytes. It
// reports whether there is one. What the bytes show is not looked at.
func (c *checker) picture(key string, limit int64) bool {
	v, ok := c.get(key)
	if !ok {
		return false
	}
	if v.Type != gjson.String {
		c.fail(key + " must be a string")
		return false
	}
	switch text := v.Str; {
	case text == "":
		return false
	case strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://"):
		if !webURL(text) {
			c.fail(key + " is not a valid URL")
		}
	default:
		// A data: prefix ends here as well, since ':' is no Base64.
		n, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
		if err != nil || n == 0 || strings.ContainsAny(text, "\r\n") {
			c.fail("File is not in a valid base64 format")
		} else if n > limit {
			c.fail(key + " is larger than " + strconv.FormatInt(limit>>20, 10) + " MB")
		}
	}
	return true
}

// link checks a web address that must be there.
func (c *checker) link(key string) {
	if v := c.text(key, math.MaxInt); !webURL(v) {
		c.fail(key + " is not a valid URL")
	}
}

// common are the members that nearly all creates share.
type common struct {
	callback  string
	external  string
	watermark bool
}

func (c *checker) common() common {
	out := common{
		callback: c.text("callback_url", 4096),
		external: c.text("external_task_id", 512),
	}
	if out.callback != "" && !webURL(out.callback) {
		c.fail("callback_url is not a valid URL")
	}
	mark := c.nested("watermark_info")
	out.watermark = mark.flag("enabled", false)
	c.take(mark)
	return out
}

// whole reads a JSON number without a fraction; absent is other.
func (c *checker) whole(key string, other int) int {
	v, ok := c.get(key)
	if !ok {
		return other
	}
	n, err := strconv.Atoi(v.Raw)
	if v.Type != gjson.Number || err != nil {
		c.fail(key + " must be an integer")
		return other
	}
	return n
}

// seconds reads a legacy duration, a string of decimal digits; absent is "5".
func (c *checker) seconds(key string) int {
	v, ok := c.get(key)
	if !ok {
		return 5
	}
	if v.Type != gjson.String {
		c.fail(key + " must be a string")
		return 0
	}
	n, err := strconv.Atoi(v.Str)
	if err != nil || strconv.Itoa(n) != v.Str {
		c.invalid(key, v)
		return 0
	}
	return n
}

// policy refuses what the platform does not allow to be asked for.
func policy(prompt string) *refusal {
	if strings.Contains(prompt, "forbidden") {
		return refuse(http.StatusBadRequest, 1301, "The request triggered the content safety policy of the platform")
	}
	return nil
}
