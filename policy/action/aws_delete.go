package action

import (
	"errors"
	"fmt"
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
	a := m.Actions[0]
	bucket := a.Resource.Name
	m.Actions = nil
	for _, o := range objects {
		if a.Resource, err = awsResource("bucket", bucket+"/"+o.key, ""); err != nil {
			return err
		}
		m.add(a)
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

const xmlSpace = " \t\n"

// deletedObjects reads the XML of DeleteObjects in the one form in which clients write it: no comments, no sections, no
// instructions but the declaration, no prefixes, no attributes but the namespace. Whatever else stands there is refused, since
// another reader could see other keys in it.
func deletedObjects(text string) (objects []deletedObject, err error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, notXML) {
		return nil, errors.New("it is not plain UTF-8 text")
	}
	const object = "<Object>"
	var o deletedObject
	within, seen := "", ""
	for text = xmlBody(text); text != ""; {
		tag, rest, closed := strings.Cut(text, ">")
		if tag += ">"; !closed || tag[0] != '<' {
			tag = ""
		}
		switch {
		case within == "" && (tag == "<Delete>" || tag == `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`):
			within = "<Delete>"
		case within == "<Delete>" && tag == object:
			within, o, seen = object, deletedObject{}, ""
		case within == object && tag == "</Object>" && o.key != "":
			within, objects = "<Delete>", append(objects, o)
		case within == "<Delete>" && tag == "</Delete>":
			within = "the end"
		case within == "<Delete>" && tag == "<Quiet>",
			within == object && tag != "" && strings.Contains("<Key><VersionId><ETag><LastModifiedTime><Size>", tag) && !strings.Contains(seen, tag):
			var value string
			if value, rest, err = xmlText(tag, rest); err != nil {
				return nil, err
			}
			if seen += tag; tag == "<Key>" {
				o.key = value
			}
			o.versioned = o.versioned || tag == "<VersionId>"
		default:
			return nil, fmt.Errorf("it holds %q where that is not understood", clip(text))
		}
		text = strings.TrimLeft(rest, xmlSpace)
	}
	if within != "the end" || len(objects) == 0 || len(objects) > maxAWSItems {
		return nil, errors.New("it is no list of 1 to 1,000 objects")
	}
	return objects, nil
}

// xmlBody is the text without its declaration, which may be there in either kind of quotes, and without space before it.
func xmlBody(text string) string {
	if declaration, rest, ok := strings.Cut(text, "?>"); ok {
		switch strings.ToLower(strings.ReplaceAll(declaration, "'", `"`)) {
		case `<?xml version="1.0"`, `<?xml version="1.0" encoding="utf-8"`:
			text = rest
		}
	}
	return strings.TrimLeft(text, xmlSpace)
}

// xmlText reads text up to the end of the element that tag opened.
func xmlText(tag, text string) (value, rest string, err error) {
	end := "</" + tag[1:]
	value, rest, ok := strings.Cut(text, "<")
	if !ok || !strings.HasPrefix(rest, end[1:]) || strings.Contains(value, "]]>") {
		return "", "", fmt.Errorf("%s holds more than text", tag)
	}
	value, err = xmlUnescape(value)
	return value, rest[len(end)-1:], err
}

// xmlUnescape resolves references to characters and the five entities that every reader knows (XML 1.0 section 4.1).
func xmlUnescape(s string) (string, error) {
	var b []byte
	for {
		before, rest, escaped := strings.Cut(s, "&")
		if b = append(b, before...); !escaped {
			return string(b), nil
		}
		name, after, ended := strings.Cut(rest, ";")
		c := xmlReference(name)
		if !ended || c == 0 {
			return "", fmt.Errorf("%q is no reference to a character", clip("&"+name))
		}
		b, s = utf8.AppendRune(b, c), after
	}
}

// xmlReference is the character that a name between & and ; stands for, 0 if there is none.
func xmlReference(name string) rune {
	switch name {
	case "amp":
		return '&'
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	number, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(number, "x"); isHex {
		number, base = hex, 16
	}
	n, err := strconv.ParseUint(number, base, 21)
	if !ok || err != nil || notXML(rune(n)) {
		return 0
	}
	return rune(n)
}

// notXML says that a text may not hold the character (XML 1.0 section 2.2), or that readers change it: a carriage return.
func notXML(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' || c == 0xfffe || c == 0xffff || !utf8.ValidRune(c)
}
