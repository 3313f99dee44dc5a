package action

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// overrides are names of parameters by which frameworks let a request change its method (Rack and Rails, Laravel, Symfony:
// _method). The headers that do the same are stripped by the proxy.
var overrides = [...]string{"_method", "x-http-method-override", "x-http-method", "x-method-override"}

// queryOverride names such a parameter, "" where there is none.
func queryOverride(query string) string {
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		key, _, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(plainUnicode(key)); err == nil {
			key = k
		}
		if bad := override(key); bad != "" {
			return bad
		}
	}
	return ""
}

// plainUnicode undoes the %u005f of ASP.NET, as far as it stands for ASCII.
func plainUnicode(key string) string {
	for i := len(key) - len("%u005f"); i >= 0; i-- {
		if u := strings.ToLower(key[i : i+4]); u == "%u00" {
			key = key[:i] + "%" + key[i+4:]
		}
	}
	return key
}

// override is the name that a framework may take a parameter's for, if that changes the method; else "".
func override(name string) string {
	for _, bad := range overrides {
		if strings.EqualFold(phpName(name), bad) || strings.EqualFold(phpName(bareName(name)), bad) {
			return bad
		}
	}
	return ""
}

// bareName is what Rack (before 3) and qs of Express make of a parameter's name: [a] is a, and so is [[a, at least to the former.
func bareName(name string) string { return strings.Trim(name, "[] ") }

// phpName is what PHP makes of a parameter's name: it ends at a NUL.
func phpName(name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "\x00")
	return phpNames.Replace(name)
}

var phpNames = strings.NewReplacer(" ", "_", ".", "_", "[", "_")

// bodyOverride looks for a _method in the body of a POST, where frameworks look for one, if another method would be another
// operation. The body is read to its end: who wants to deceive does not send the field first.
func bodyOverride(s *Service, r *Request, router *node, route *compiled) error {
	if r.Method != "POST" || r.Peek == nil || !othersByMethod(s, r, router, route) {
		return nil
	}
	kind := strings.ToLower(strings.Join(r.Header.Values("Content-Type"), " "))
	var search func(io.Reader) (bool, error)
	switch {
	case kind == "" || strings.Contains(kind, "urlencoded"): // without a type Rack takes it for a form
		search = pairOverrides
	case strings.Contains(kind, "multipart/"):
		search = partOverrides
	case (strings.Contains(kind, "/json") || strings.Contains(kind, "+json")) && Lookup(s.Name) != s: // Laravel takes its keys for fields
		if hasMessages(r, kind) {
			return nil
		}
		search = keyOverrides
	default:
		return nil
	}
	if odd := oddCharset(kind); odd != "" {
		return overridden(false, fmt.Errorf("its charset is %q; send UTF-8", clip(odd)))
	}
	return searched(r, search)
}

// hasMessages says whether a body is JSON with lengths between, as gRPC has it, which may go on for long.
func hasMessages(r *Request, kind string) bool {
	if !strings.Contains(kind, "grpc") && !strings.Contains(kind, "connect+") || oneReading(r) != nil {
		return false
	}
	head, err := r.Peek(1)
	return err == nil && len(head) == 1 && strings.IndexByte("{[ \t\r\n\xef\xfe\xff", head[0]) < 0
}

// plainCharsets are beginnings of those in which a name of ASCII stands as it is.
var plainCharsets = [...]string{"utf-8", "utf8", "us-ascii", "iso-8859-", "windows-125"}

// oddCharset is a charset that a Content-Type names, if it is none of them: servers that undo it see other names than we do.
func oddCharset(kind string) string {
	_, rest, named := strings.Cut(kind, "charset")
	for named {
		value := strings.TrimLeft(rest, " =\"'")
		if !slices.ContainsFunc(plainCharsets[:], func(begin string) bool { return strings.HasPrefix(value, begin) }) {
			return value
		}
		_, rest, named = strings.Cut(value, "charset")
	}
	return ""
}

// othersByMethod says whether the path is another operation by another method. What a service of one's own does besides what
// the policy names nobody knows; a catalogue is taken for all there is.
func othersByMethod(s *Service, r *Request, router *node, route *compiled) bool {
	return slices.ContainsFunc([]string{"PUT", "PATCH", "DELETE"}, func(method string) bool {
		var c captures
		other := router.find(method, r.Path.Segments, &c)
		return other != route && (other != nil || Lookup(s.Name) != s)
	})
}

func overridden(found bool, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("its body could hold a _method that changes the method: %w", err)
	case found:
		return errors.New("the field _method of the body would change the method behind the policy's back")
	}
	return nil
}

// searched has a body searched before it is sent, or a long one on its way.
func searched(r *Request, search func(io.Reader) (bool, error)) error {
	text, err := rawBody(r, maxJSON)
	switch {
	case err == nil:
		return overridden(search(bytes.NewReader(text)))
	case oneReading(r) != nil:
		return overridden(false, err)
	case r.Watch != nil:
		r.Watch(func(body io.Reader) error { return overridden(search(body)) })
		return nil
	case r.Stream == nil:
		return overridden(false, err)
	}
	body, err := r.Stream()
	if err != nil {
		return overridden(false, err)
	}
	defer body.Close()
	return overridden(search(body))
}

// maxPartHeader bounds the header of one part, in bytes.
const maxPartHeader = 8 << 10

var (
	partHeader = []byte("content-disposition")
	errPart    = errors.New("a field of it cannot be told from another by its name")
	unquoted   = strings.NewReplacer(`"`, "", `'`, "", `\`, "")
	partName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|[;\s])name(\*[^=]*)?=([^;\r\n]*)`) })
)

// partOverrides searches the names of the parts of a multipart body (RFC 7578 section 4.2). It does not ask where a part
// begins, of which servers have ideas of their own: whatever looks like the header of one is taken for it.
func partOverrides(body io.Reader) (bool, error) {
	b := bufio.NewReaderSize(body, 8*maxPartHeader)
	for {
		window, err := b.Peek(b.Size())
		if err != nil && err != io.EOF {
			return false, err
		}
		last := err == io.EOF
		done, found, err := partsOverride(smallLetters(window), last)
		if found || err != nil || last {
			return found, err
		}
		if _, err := b.Discard(done); err != nil {
			return false, err
		}
	}
}

// smallLetters gives a text with ASCII's letters small, and all else as it is: a place in it is the same place in the text.
func smallLetters(text []byte) []byte {
	small := make([]byte, len(text))
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	return small
}

// partsOverride searches a part of such a body in lower case, behind which nothing comes if it is the last. It says how far it has
// come: the next begins there.
func partsOverride(window []byte, last bool) (done int, found bool, err error) {
	for {
		at := bytes.Index(window[done:], partHeader)
		if at < 0 {
			return max(done, len(window)-len(partHeader)+1), false, nil
		}
		done += at
		if len(window)-done < maxPartHeader && !last { // the rest of it is yet to come
			return done, false, nil
		}
		header := window[done:min(len(window), done+maxPartHeader)]
		end := blankLine(header)
		if end < 0 && len(header) == maxPartHeader {
			return done, false, errPart
		}
		if end >= 0 {
			header = header[:end]
		}
		if found, err := nameOverrides(header); found || err != nil {
			return done, found, err
		}
		done += len(header)
	}
}

// blankLine is where a header ends; -1 where it does not.
func blankLine(header []byte) int {
	end := -1
	for _, blank := range []string{"\n\r\n", "\n\n", "\r\r"} {
		if i := bytes.Index(header, []byte(blank)); i >= 0 {
			end, header = i, header[:min(len(header), i+2)] // another can only count if it begins before
		}
	}
	return end
}

// nameOverrides looks at the names in the header of a part, without what servers take off: quotes, backslashes, percent
// signs. A name with an encoding of its own (RFC 5987) is one that no form has.
func nameOverrides(header []byte) (bool, error) {
	text := unquoted.Replace(string(header))
	for _, m := range partName().FindAllStringSubmatch(strings.ReplaceAll(text, " =", "="), -1) {
		if m[1] != "" {
			return false, errPart
		}
		name := strings.TrimSpace(m[2])
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		if override(name) != "" {
			return true, nil
		}
	}
	return false, nil
}

// maxKey is more than the spelling of any such key takes, each of its letters an escape.
const maxKey = 6 * 24

// pairOverrides searches the names of a form, as queryOverride does those of a query, in a body of any length: most that say
// they are a form are files (curl --data-binary). A byte order mark before the first is taken off, as body-parser does.
func pairOverrides(body io.Reader) (bool, error) {
	const window = 64 << 10
	b := bufio.NewReaderSize(body, window)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		b.Discard(len(mark))
	}
	return pairsOverride(b, window)
}

// pairsOverride looks at as many bytes at once, at least three more than maxKey.
func pairsOverride(body io.Reader, window int) (bool, error) {
	b := bufio.NewReaderSize(body, window)
	for begins := true; ; { // where the window does, a name begins
		window, err := b.Peek(b.Size())
		if err != nil && err != io.EOF {
			return false, err
		}
		p := pairs{window: window, last: err == io.EOF, next: max(len(window)-maxKey-1, 1)}
		if begins {
			p.name(0)
		}
		p.behind('&')
		p.behind(';')
		if p.found || p.last {
			return p.found, nil
		}
		// What ends a pair is kept, for the name behind it.
		begins = p.again
		b.Discard(p.next - 1 + map[bool]int{true: 1}[begins])
	}
}

// pairs is a part of a form.
type pairs struct {
	window []byte
	last   bool // nothing comes behind it
	next   int  // names from here on are looked at with what comes behind the window
	again  bool // one does begin there
	found  bool
}

// behind looks at all names behind a character.
func (p *pairs) behind(end byte) {
	for at := 0; !p.found; {
		i := bytes.IndexByte(p.window[at:], end)
		if i < 0 {
			return
		}
		if at += i + 1; !p.last && at >= p.next {
			return
		}
		p.name(at)
	}
}

// name looks at the name that begins there, and at the one behind brackets.
func (p *pairs) name(at int) {
	if rest := p.window[at:]; len(rest) > 0 && beginsName[rest[0]] {
		p.named(at, without(rest, "+ []"))
		p.named(at, without(rest, "+ ")) // which begins first, and with the next window
	}
}

func (p *pairs) named(at int, name []byte) {
	if len(name) <= maxKey && !p.last {
		p.next, p.again = at, true
		if at == 0 {
			p.next = len(p.window) - len(name)
		}
		return
	}
	if first, size := unescaped(name); !mayGoOn(first, name[size:]) {
		return
	}
	if i := bytes.IndexAny(name[:min(len(name), maxKey+1)], "=&;"); i >= 0 {
		name = name[:i]
	}
	p.found = p.found || len(name) <= maxKey && queryOverride(string(name)) != ""
}

// beginsName has what the name of one of overrides begins with, as it is, as it is for PHP, in brackets, or escaped.
var beginsName = [256]bool{'_': true, '.': true, '[': true, ']': true, '%': true, 'x': true, 'X': true, ' ': true, '+': true}

// mayGoOn says whether a name that begins so may be one of overrides, by its next character.
func mayGoOn(first byte, rest []byte) bool {
	second, _ := unescaped(rest)
	switch first {
	case '_', '.', '[':
		return second|' ' == 'm'
	case 'x', 'X':
		return second == '-'
	}
	return false
}

// unescaped is the first character of a name, and how many bytes it takes; 0 where there is none, or none that can be read.
func unescaped(b []byte) (c byte, size int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] != '%':
		return b[0], 1
	case len(b) >= 6 && strings.EqualFold(string(b[1:4]), "u00") && isHex(b[4]) && isHex(b[5]): // ASP.NET's
		return unhex(b[4])<<4 | unhex(b[5]), 6
	case len(b) < 3 || !isHex(b[1]) || !isHex(b[2]):
		return 0, 0
	}
	return unhex(b[1])<<4 | unhex(b[2]), 3
}

// without leaves out what servers take off before a name.
func without(b []byte, off string) []byte {
	for {
		c, size := unescaped(b)
		if size == 0 || strings.IndexByte(off, c) < 0 || c == '+' && size > 1 {
			return b
		}
		b = b[size:]
	}
}

var errLenient = errors.New("it is no JSON, and some servers may take it for some")

// keyOverrides searches the keys of JSON, at any depth and however they are spelt, in UTF-16 and UTF-32 too. What is no JSON, but may
// hold a key to lenient readers, is an error.
func keyOverrides(body io.Reader) (bool, error) {
	b := bufio.NewReader(body)
	var text []byte // the string at hand, or the last one
	inside, escaped, may := false, false, false
	for {
		c, err := b.ReadByte()
		switch {
		case err == io.EOF:
			return false, nil
		case err != nil:
			return false, err
		case c == 0:
		case !inside && c == '"':
			inside, text = true, text[:0]
		case !inside && strings.IndexByte("_'/#", c) >= 0: // a key without quotes or in others, or a comment
			return false, errLenient
		case !inside:
			if may && c == ':' {
				return true, nil
			}
			may = may && strings.IndexByte(" \t\r\n", c) >= 0
		case escaped || c != '"':
			escaped = c == '\\' && !escaped
			if len(text) <= maxKey {
				text = append(text, c)
			}
		default:
			inside = false
			var key string
			err := json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &key)
			may = len(text) <= maxKey && (err != nil || override(key) != "")
		}
	}
}
