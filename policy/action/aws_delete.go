package action

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deletions makes one action of each object that DeleteObjects names in its body.
func (x *awsRequest) deletions(m *Match) error {
	b, err := rawBody(x.Request, 4*maxJSON) // 1,000 keys of 1 KiB, escaped
	if err != nil {
		return err
	}
	objects, err := deletedObjects(string(b))
	if err != nil {
		return fmt.Errorf("the list of what is to be deleted: %w", err)
	}
	base := m.Actions[0]
	bucket := base.Resource.Name
	m.Actions = nil
	for _, o := range objects {
		a := base
		if a.Resource, err = awsResource("bucket", bucket+"/"+o.key, ""); err != nil {
			return err
		}
		m.Actions = append(m.Actions, a)
		if o.versioned {
			m.beside("s3:DeleteObjectVersion", a.Resource)
		}
	}
	return nil
}

// deletedObject is one that is to be deleted.
type deletedObject struct {
	key       string
	versioned bool
}

// deletedObjects reads the XML of DeleteObjects in the one form in which clients write it: no comments, no sections, no
// instructions but the declaration, no prefixes, no attributes but the namespace. Whatever else stands there is refused, since
// another reader could see other keys in it.
func deletedObjects(text string) ([]deletedObject, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return c == '\r' || !xmlChar(c) }) {
		return nil, errors.New("it is not plain UTF-8 text")
	}
	r := xmlReader{rest: text}
	r.declaration()
	r.space()
	if !r.take("<Delete>") && !r.take(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`) {
		return nil, errors.New("it does not begin with <Delete>")
	}
	var objects []deletedObject
	for r.space(); !r.take("</Delete>"); r.space() {
		switch {
		case r.take("<Object>"):
			o, err := r.object()
			if err != nil {
				return nil, err
			}
			objects = append(objects, o)
		case strings.HasPrefix(r.rest, "<Quiet>"):
			if _, err := r.element("Quiet"); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("it holds %q, which is not understood", clip(r.rest))
		}
	}
	if r.space(); r.rest != "" || len(objects) == 0 || len(objects) > maxAWSItems {
		return nil, errors.New("it is no list of 1 to 1,000 objects")
	}
	return objects, nil
}

// xmlReader reads a text from its beginning.
type xmlReader struct{ rest string }

func (r *xmlReader) take(s string) bool {
	rest, ok := strings.CutPrefix(r.rest, s)
	if ok {
		r.rest = rest
	}
	return ok
}

func (r *xmlReader) space() { r.rest = strings.TrimLeft(r.rest, " \t\n") }

// declaration passes over <?xml version="1.0" encoding="UTF-8"?>, in either kind of quotes.
func (r *xmlReader) declaration() {
	for _, quote := range [...]string{`"`, "'"} {
		for _, encoding := range [...]string{" encoding=QUTF-8Q", " encoding=Qutf-8Q", ""} {
			if r.take(strings.ReplaceAll("<?xml version=Q1.0Q"+encoding+"?>", "Q", quote)) {
				return
			}
		}
	}
}

// object reads what follows <Object>: a key, once, and what else clients write there.
func (r *xmlReader) object() (o deletedObject, err error) {
	var seen []string
	for r.space(); !r.take("</Object>"); r.space() {
		name := ""
		for _, known := range [...]string{"Key", "VersionId", "ETag", "LastModifiedTime", "Size"} {
			if strings.HasPrefix(r.rest, "<"+known+">") {
				name = known
			}
		}
		if name == "" || slices.Contains(seen, name) {
			return o, fmt.Errorf("an object holds %q, which is not understood", clip(r.rest))
		}
		seen = append(seen, name)
		text, err := r.element(name)
		if err != nil {
			return o, err
		}
		switch name {
		case "Key":
			o.key = text
		case "VersionId":
			o.versioned = true
		}
	}
	if o.key == "" {
		return o, errors.New("an object has no key")
	}
	return o, nil
}

// element reads <name>text</name>.
func (r *xmlReader) element(name string) (string, error) {
	raw, rest, ok := strings.Cut(strings.TrimPrefix(r.rest, "<"+name+">"), "<")
	if r.rest = "<" + rest; !ok || !r.take("</"+name+">") || strings.Contains(raw, "]]>") {
		return "", fmt.Errorf("<%s> holds more than text", name)
	}
	return xmlUnescape(raw)
}

var xmlEntities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

// xmlUnescape resolves the five entities and references to characters (XML 1.0 section 4.1); others depend on a document type.
func xmlUnescape(s string) (string, error) {
	var b strings.Builder
	for {
		before, rest, escaped := strings.Cut(s, "&")
		b.WriteString(before)
		if !escaped {
			return b.String(), nil
		}
		name, after, ended := strings.Cut(rest, ";")
		c, known := xmlEntities[name]
		if number, isNumber := strings.CutPrefix(name, "#"); isNumber && ended {
			base := 10
			if hex, isHex := strings.CutPrefix(number, "x"); isHex {
				number, base = hex, 16
			}
			n, err := strconv.ParseUint(number, base, 21)
			c, known = rune(n), err == nil && xmlChar(rune(n))
		}
		if !ended || !known {
			return "", fmt.Errorf("%q is no reference to a character", clip("&"+name))
		}
		b.WriteRune(c)
		s = after
	}
}

// xmlChar says whether a text may hold the character (XML 1.0 section 2.2).
func xmlChar(c rune) bool {
	return c == '\t' || c == '\n' || c == '\r' || c >= ' ' && c < 0xfffe && utf8.ValidRune(c) || c >= 0x10000 && c <= utf8.MaxRune
}
