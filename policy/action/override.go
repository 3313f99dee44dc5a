package action

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
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
	kind := saidType(r)
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

// maxKey is more than the spelling of any such key takes, each of its letters an escape.
const maxKey = 6 * 24

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
