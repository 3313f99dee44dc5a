package action

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// overrides are names of parameters by which frameworks let a request change its method (Rack and Rails, Laravel, Symfony:
// _method). The headers that do the same are stripped by the proxy.
var overrides = [...]string{"_method", "x-http-method-override", "x-http-method", "x-method-override"}

// queryOverride names such a parameter, "" where there is none.
func queryOverride(query string) string {
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		key, _, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err == nil {
			key = k
		}
		key = phpNames.Replace(strings.TrimLeft(key, " "))
		for _, bad := range overrides {
			if strings.EqualFold(key, bad) {
				return bad
			}
		}
	}
	return ""
}

// phpNames is what PHP makes of a parameter's name.
var phpNames = strings.NewReplacer(" ", "_", ".", "_", "[", "_")

// maxPart bounds how much is looked at of bodies that may be long: the parts of uploads, JSON. Frameworks that look there
// for a method want it in a field, which browsers and tools send before files.
const maxPart = 64 << 10

// bodyOverride looks for a _method in the body of a POST, where frameworks look for one, if another method would be another
// operation.
func bodyOverride(s *Service, r *Request, router *node, route *compiled) error {
	if r.Method != "POST" || r.Peek == nil || sameByAnyMethod(r, router, route) {
		return nil
	}
	kind := strings.ToLower(strings.Join(r.Header.Values("Content-Type"), " "))
	switch {
	case strings.Contains(kind, "urlencoded"):
		return formOverride(r)
	case kind == "" && r.Header.Get("Content-Length") != "": // Rack takes it for a form
		return fieldOverride(r, func(text []byte) bool { return queryOverride(string(text)) != "" })
	case strings.Contains(kind, "multipart/"):
		return fieldOverride(r, partNamed)
	case strings.Contains(kind, "json") && Lookup(s.Name) != s: // Laravel takes its keys for fields
		return fieldOverride(r, keyNamed)
	}
	return nil
}

var errOverride = errors.New("the field _method of the body would change the method behind the policy's back")

func formOverride(r *Request) error {
	text, err := rawBody(r, maxJSON)
	switch {
	case err != nil:
		return fmt.Errorf("the form could change the method: %w", err)
	case queryOverride(string(text)) != "":
		return errOverride
	}
	return nil
}

func fieldOverride(r *Request, found func([]byte) bool) error {
	text, err := r.Peek(maxPart)
	switch {
	case err != nil:
		return fmt.Errorf("the body could change the method, but cannot be read: %w", err)
	case found(text):
		return errOverride
	}
	return nil
}

func sameByAnyMethod(r *Request, router *node, route *compiled) bool {
	for _, method := range [...]string{"PUT", "PATCH", "DELETE"} {
		var c captures
		if router.find(method, r.Path.Segments, &c) != route {
			return false
		}
	}
	return true
}

// partNamed looks for a part of that name (RFC 7578 section 4.2), quoted or not.
func partNamed(text []byte) bool {
	return around(text, func(before, _ []byte) bool {
		before = bytes.TrimRight(bytes.TrimRight(before, `"'`), " ")
		return bytes.HasSuffix(bytes.TrimRight(bytes.ToLower(before), " ="), []byte("name"))
	})
}

// keyNamed looks for a key of JSON.
func keyNamed(text []byte) bool {
	return around(text, func(before, after []byte) bool {
		after, closed := bytes.CutPrefix(after, []byte(`"`))
		return closed && bytes.HasSuffix(before, []byte(`"`)) && bytes.HasPrefix(bytes.TrimLeft(after, " \t\r\n"), []byte(":"))
	})
}

// around asks of each _method in a text what stands before and behind it, as far as 16 bytes.
func around(text []byte, is func(before, after []byte) bool) bool {
	const near = 16
	name := []byte("_method")
	for from := 0; ; {
		i := bytes.Index(text[from:], name)
		if i < 0 {
			return false
		}
		at, end := from+i, from+i+len(name)
		if is(text[max(0, at-near):at], text[end:min(len(text), end+near)]) {
			return true
		}
		from = end
	}
}
