package kling

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"one-api/internal/fault"
)

// Words of refusals, for programs.
const (
	badParameter     = "invalid_parameter"
	missingParameter = "missing_parameter"
	badJSON          = "invalid_json"
	duplicateKey     = "duplicate_key"
	modelNotFound    = "model_not_found"
)

const (
	maxDepth   = 32
	maxMembers = 100 // of one object
	maxURL     = 2048
	maxName    = 200 // of an id that an order names, in characters
)

// form is a JSON object of the caller's, read member by member. The first thing
// that is wrong is kept; what the methods return after that means nothing.
type form struct {
	*sheet
	path    string // in front of the names of members: "settings."
	members []member
}

// sheet is what the forms of one body share.
type sheet struct {
	fault *fault.Error
	edits []edit // of values that go upstream in another notation, in order
}

type member struct {
	key    string // decoded
	rawKey string
	value  gjson.Result
	read   bool // the gateway knows it
	drop   bool // it does not go upstream
}

// edit replaces a part of the body.
type edit struct {
	from, to int
	text     string
}

// readForm reads a body: one JSON object in UTF-8, nothing behind it, no deeper
// than 32, without two members of one name. The depth is looked at first, since
// the validator calls itself.
func readForm(body []byte) *form {
	f := &form{sheet: &sheet{}}
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		f.fail(badJSON, "", "The body is empty; send a JSON object.")
		return f
	case tooDeep(body, maxDepth):
		f.fail(badJSON, "", "The body is nested deeper than %d levels.", maxDepth)
		return f
	case !utf8.Valid(body):
		f.fail(badJSON, "", "The body is not valid UTF-8.")
		return f
	case !gjson.ValidBytes(body):
		f.fail(badJSON, "", "The body is not valid JSON, or something follows it.")
		return f
	}
	v := gjson.ParseBytes(body)
	if !v.IsObject() {
		f.fail(badJSON, "", "The body must be a JSON object.")
		return f
	}
	f.load(v)
	return f
}

// tooDeep reports whether a text would nest deeper than most as JSON. It need
// not be JSON.
func tooDeep(b []byte, most int) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth++; depth > most {
				return true
			}
		case '}', ']':
			depth--
		case '"':
			for {
				j := bytes.IndexByte(b[i+1:], '"')
				if j < 0 {
					return false
				}
				i += 1 + j
				slashes := 0
				for b[i-1-slashes] == '\\' {
					slashes++
				}
				if slashes%2 == 0 {
					break
				}
			}
		}
	}
	return false
}

// load takes the members of an object.
func (f *form) load(v gjson.Result) {
	f.members = make([]member, 0, 12)
	v.ForEach(func(key, value gjson.Result) bool {
		m := member{key: key.Str, rawKey: key.Raw, value: value}
		if len(f.members) == maxMembers {
			f.fail(badJSON, m.key, "An object has more than %d members.", maxMembers)
			return false
		}
		for i := range f.members {
			if f.members[i].key == m.key {
				f.fail(duplicateKey, m.key, "%q occurs twice.", f.path+m.key)
				return false
			}
		}
		f.members = append(f.members, m)
		return true
	})
}

// fail keeps the first refusal. The field is a member of f, or "" for f itself.
func (f *form) fail(word, field, format string, args ...any) {
	if f.fault != nil {
		return
	}
	if field == "" {
		field = strings.TrimSuffix(f.path, ".")
	} else {
		field = f.path + field
	}
	f.fault = fault.New(fault.Invalid, format, args...).Named(word).At(field)
}

// bad is fail for a value that is not allowed: want completes "… must be".
func (f *form) bad(field, want string, args ...any) {
	f.fail(badParameter, field, "%s must be %s.", f.path+field, fmt.Sprintf(want, args...))
}

// missing is fail for a value that must be there.
func (f *form) missing(field, why string) {
	f.fail(missingParameter, field, "%s is missing%s.", f.path+field, why)
}

func (f *form) find(key string) *member {
	for i := range f.members {
		if f.members[i].key == key {
			f.members[i].read = true
			return &f.members[i]
		}
	}
	return nil
}

// get gives a member that Kling may be told to do without: null counts as
// absent, and is left out upstream.
func (f *form) get(key string) (gjson.Result, bool) {
	m := f.find(key)
	if m == nil {
		return gjson.Result{}, false
	}
	if m.value.Type == gjson.Null {
		m.drop = true
		return gjson.Result{}, false
	}
	return m.value, true
}

// take is get for members that are written anew or kept here.
func (f *form) take(key string) (gjson.Result, bool) {
	if m := f.find(key); m != nil {
		m.drop = true
		return m.value, true
	}
	return gjson.Result{}, false
}

// drop leaves a member out upstream.
func (f *form) drop(key string) {
	if m := f.find(key); m != nil {
		m.drop = true
	}
}

// text reads a string of at most so many characters, "" when absent.
func (f *form) text(key string, most int) string {
	v, ok := f.get(key)
	if !ok {
		return ""
	}
	if v.Type != gjson.String {
		f.bad(key, "a string")
		return ""
	}
	if len(v.Str) > most {
		if n := utf8.RuneCountInString(v.Str); n > most {
			f.bad(key, "at most %d characters, not %d", most, n)
		}
	}
	if strings.IndexByte(v.Str, 0) >= 0 {
		f.bad(key, "without NUL characters")
	}
	return v.Str
}

// name reads an id of a resource: a short string without spaces.
func (f *form) name(key string) string {
	s := f.text(key, maxName)
	switch {
	case s == "":
		f.missing(key, "")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		f.bad(key, "an id")
	}
	return s
}

// word reads one of a closed set of strings. They set the price or what is
// made, so that nothing else is let through; null neither.
func (f *form) word(key, other string, allowed ...string) string {
	m := f.find(key)
	if m == nil {
		return other
	}
	if m.value.Type != gjson.String || !slices.Contains(allowed, m.value.Str) {
		if len(allowed) == 1 {
			f.bad(key, "%s", allowed[0])
		} else {
			f.bad(key, "one of %s", strings.Join(allowed, ", "))
		}
		return other
	}
	return m.value.Str
}

// flag reads a boolean, false when absent.
func (f *form) flag(key string) bool {
	v, ok := f.get(key)
	if ok && !v.IsBool() {
		f.bad(key, "true or false")
	}
	return ok && v.Bool()
}

// object reads an object; absent is an empty one.
func (f *form) object(key string) *form {
	in := &form{sheet: f.sheet, path: f.path + key + "."}
	v, ok := f.get(key)
	switch {
	case !ok:
	case !v.IsObject():
		f.bad(key, "an object")
	default:
		in.load(v)
	}
	return in
}

// list reads an array of objects.
func (f *form) list(key string, most int) []*form {
	v, ok := f.get(key)
	if !ok {
		return nil
	}
	if !v.IsArray() {
		f.bad(key, "an array of objects")
		return nil
	}
	var out []*form
	v.ForEach(func(_, item gjson.Result) bool {
		in := &form{sheet: f.sheet, path: f.path + key + "[" + strconv.Itoa(len(out)) + "]."}
		switch {
		case len(out) == most && most == 0:
			f.fail(badParameter, key, "%s must be empty or left out: this model takes none.", f.path+key)
			return false
		case len(out) == most:
			f.bad(key, "at most %d long", most)
			return false
		case !item.IsObject():
			f.bad(key, "an array of objects")
			return false
		}
		in.load(item)
		out = append(out, in)
		return f.fault == nil
	})
	return out
}

// seconds reads a length: a whole JSON number, or digits in a string. Neither
// sign, point, exponent, leading zero nor null. The member is written anew.
func (f *form) seconds(key string, of *offer) int {
	v, ok := f.take(key)
	if !ok {
		return of.DefaultDuration
	}
	if n, ok := digits(v); ok && slices.Contains(of.Durations, n) {
		return n
	}
	f.bad(key, "%s seconds for %s, as a whole number or a string of digits", lengths(of.Durations), of.model)
	return of.DefaultDuration
}

// digits reads a small whole number that is not negative, from a number or a
// string.
func digits(v gjson.Result) (int, bool) {
	text := v.Str
	if v.Type == gjson.Number {
		text = v.Raw
	}
	if v.Type != gjson.Number && v.Type != gjson.String || len(text) > 4 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
}

// lengths writes durations for people: "5 or 10", "3 to 15".
func lengths(d []int) string {
	if len(d) > 2 {
		return fmt.Sprintf("%d to %d", d[0], d[len(d)-1])
	}
	return fmt.Sprintf("%d or %d", d[0], d[len(d)-1])
}

// link checks an address that Kling or the gateway will call; what is wrong
// with it is said of the member.
func (f *form) link(key, address string) {
	lower := strings.ToLower(address[:min(len(address), 8)])
	if !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
		f.bad(key, "an http or https URL")
		return
	}
	if utf8.RuneCountInString(address) > maxURL {
		f.bad(key, "a URL of at most %d characters", maxURL)
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		f.bad(key, "a valid URL")
		return
	}
	if u.User != nil {
		f.bad(key, "a URL without a user name or password")
	}
}

// picture reads a picture, a URL or Base64 of at most so many bytes, and
// reports whether there is one. Base64 goes upstream bare, without "data:".
func (f *form) picture(key string, most int) bool {
	m := f.find(key)
	v, ok := f.get(key)
	if !ok {
		return false
	}
	if v.Type != gjson.String {
		f.bad(key, "a string: an http or https URL, or Base64")
		return false
	}
	text := v.Str
	if text == "" {
		m.drop = true
		return false
	}
	if head := strings.ToLower(text[:min(len(text), 8)]); strings.HasPrefix(head, "http://") || strings.HasPrefix(head, "https://") {
		f.link(key, text)
		return true
	}
	if strings.EqualFold(text[:min(len(text), 5)], "data:") {
		const mark = ";base64"
		head, rest, ok := strings.Cut(text, ",")
		if !ok || len(head) < len(mark) || !strings.EqualFold(head[len(head)-len(mark):], mark) {
			f.bad(key, "an http or https URL, or Base64: a data URL needs \";base64,\"")
			return false
		}
		text = rest
		f.edits = append(f.edits, edit{v.Index, v.Index + len(v.Raw), `"` + text + `"`})
	}
	switch size, ok := base64Size(text); {
	case !ok:
		f.bad(key, "an http or https URL, or valid Base64 without line breaks")
	case size > most:
		f.bad(key, "a picture of at most %d MB, not %.1f MB", most>>20, float64(size)/(1<<20))
	}
	return true
}

const (
	legacyPicture = 10 << 20
	newPicture    = 50 << 20
)

// base64Letters marks what standard Base64 is made of, save for the padding.
var base64Letters = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		set[c] = true
	}
	return set
}()

// base64Size is the length of what padded standard Base64 stands for.
func base64Size(s string) (int, bool) {
	if s == "" || len(s)%4 != 0 {
		return 0, false
	}
	size := len(s) / 4 * 3
	for range 2 {
		if s[len(s)-1] == '=' {
			s, size = s[:len(s)-1], size-1
		}
	}
	for i := range len(s) {
		if !base64Letters[s[i]] {
			return 0, false
		}
	}
	return size, true
}

// closed refuses members that nobody has read: an object whose meaning is known
// takes none that are not.
func (f *form) closed() {
	for i := range f.members {
		if m := &f.members[i]; !m.read {
			f.fail(badParameter, m.key, "%s is not a field of Kling's here.", clip80(f.path+m.key))
			return
		}
	}
}

// rest looks at the members of the body that nobody has read. What Kling takes
// elsewhere must be empty; what only resembles such a name is refused, since a
// lenient reader may take it for the real one; anything else cannot change
// price, callback, id or account and goes upstream as it is.
func (f *form) rest(p Product) {
	for i := range f.members {
		m := &f.members[i]
		if m.read {
			continue
		}
		known, ok := dialect[plainName(m.key)]
		switch {
		case ok && known != m.key:
			f.fail(badParameter, m.key, "%s is not a field of Kling's; it is written %s.", clip80(m.key), known)
			return
		case ok && !neutral(m.value):
			hint := ""
			if place := places[m.key]; p.Generation == 2 && place != "" {
				hint = "; it belongs into " + place
			}
			f.fail(badParameter, m.key, "%s is not a field of %s%s.", m.key, strings.TrimSuffix(p.Path, "/{model}"), hint)
			return
		case ok:
			m.drop = true
		default:
			f.deep(m.key, m.value)
		}
	}
}

// places are where the new generation has what the legacy one has at the top.
var places = map[string]string{
	"duration": "settings", "aspect_ratio": "settings", "resolution": "settings",
	"callback_url": "options", "external_task_id": "options", "watermark_info": "options",
	"prompt": "contents", "image": "contents",
}

// deep looks for members of one name inside a value that goes upstream unread.
func (f *form) deep(key string, v gjson.Result) {
	if v.Type != gjson.JSON {
		return
	}
	if v.IsObject() {
		in := &form{sheet: f.sheet, path: f.path + clip80(key) + "."}
		in.load(v)
		for _, m := range in.members {
			in.deep(m.key, m.value)
		}
		return
	}
	v.ForEach(func(n, item gjson.Result) bool {
		f.deep(key+"["+strconv.Itoa(int(n.Num))+"]", item)
		return f.fault == nil
	})
}

// neutral reports whether a value says no more than leaving the member out.
func neutral(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null, gjson.False:
		return true
	case gjson.String:
		return v.Str == "" || v.Str == "off"
	case gjson.JSON:
		empty := true
		v.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
		return empty
	}
	return false
}

// dialect are the names that mean something to Kling on a path or other, by
// their plain form. negative_prompt and cfg_scale are not among them: where
// Kling does not list them it ignores them, and so may clients that always
// send them.
var dialect = func() map[string]string {
	names := map[string]string{}
	for _, n := range strings.Fields(`
		model model_name mode duration aspect_ratio resolution sound audio n
		prompt image image_tail image_list image_url images video video_id video_url video_list element_list
		voice_list voice_id static_mask dynamic_masks camera_control multi_shot shot_type multi_prompt
		watermark_info callback_url external_task_id settings options contents metadata
		keep_original_sound refer_type character_orientation session_id effect_scene input task_id`) {
		names[plainName(n)] = n
	}
	return names
}()

// plainName is a name without case, underscores and hyphens.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// clip80 keeps a caller's own words short in our answers.
func clip80(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
