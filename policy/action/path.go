package action

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is a request path as sent, and its decoded segments.
type Path struct {
	Raw      string   // as sent; begins with a slash
	Segments []string // decoded once; a trailing slash gives a last empty segment
}

// maxPath bounds a path; servers refuse longer request lines (RFC 9110 section 4.1 asks for 8,000 bytes at least).
const maxPath = 8192

// ErrEncodedSlash is ParsePath's where a slash is escaped and may not be.
var ErrEncodedSlash = errors.New("an escaped slash, which not every server tells from a slash")

// ParsePath reads the path of a request target as sent (escaped, without query). It takes only paths that every server
// reads alike, so that what was matched is what is served, and so refuses dot segments in any spelling, empty segments,
// backslashes, control characters, bytes that must be escaped but are not, escapes that are not UTF-8, and a percent
// escape that would decode twice ("%2541"; "100%25" is fine). A slash may be escaped only where encodedSlash says so: it
// then stays inside its segment.
func ParsePath(raw string, encodedSlash bool) (Path, error) {
	if err := rawPath(raw); err != nil {
		return Path{}, fmt.Errorf("path %q: %w", clip(raw), err)
	}
	parts := strings.Split(raw[1:], "/")
	for i, part := range parts {
		if part == "" {
			if i < len(parts)-1 {
				return Path{}, fmt.Errorf("path %q: an empty segment (//)", clip(raw))
			}
			continue
		}
		seg, err := decodeSegment(part, encodedSlash)
		if err != nil {
			return Path{}, fmt.Errorf("path %q: %w", clip(raw), err)
		}
		parts[i] = seg
	}
	return Path{raw, parts}, nil
}

// plain is the decoded path that `path:` resources are matched against. A slash inside a segment stays escaped there.
func (p Path) plain() string {
	if strings.IndexByte(p.Raw, '%') < 0 {
		return p.Raw
	}
	var b strings.Builder
	for _, s := range p.Segments {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(s, "/", "%2F"))
	}
	return b.String()
}

func rawPath(raw string) error {
	switch {
	case raw == "" || raw[0] != '/':
		return errors.New("does not begin with a slash")
	case len(raw) > maxPath:
		return fmt.Errorf("longer than %d bytes", maxPath)
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c < ' ' || c == 0x7f:
			return errors.New("holds a control character")
		case c >= 0x80:
			return errors.New("holds bytes outside ASCII; escape them")
		case c == '\\':
			return errors.New("holds a backslash")
		case strings.IndexByte(" \"#<>?^`{|}", c) >= 0:
			return fmt.Errorf("holds %q; escape it", c)
		}
	}
	return nil
}

func decodeSegment(part string, encodedSlash bool) (string, error) {
	seg := part
	if strings.IndexByte(part, '%') >= 0 {
		b, err := unescape(part)
		if err != nil {
			return "", err
		}
		seg = string(b)
		if err := decodedBytes(seg, encodedSlash); err != nil {
			return "", err
		}
	}
	for piece := range strings.SplitSeq(seg, "/") {
		// A matrix parameter does not hide a dot segment: "/..;/x" is "/../x" to servlet containers.
		if dots(piece) {
			return "", errors.New("a . or .. segment")
		}
		if piece == "" {
			return "", errors.New("an empty segment behind an escaped slash")
		}
	}
	if !isASCII(seg) && slices.ContainsFunc(strings.FieldsFunc(strings.Map(likeASCII, seg), isSlash), dots) {
		return "", errors.New("characters that some servers take for a . or .. segment")
	}
	return seg, nil
}

// dots says whether a piece of a path is a dot segment to some server. A matrix parameter does not hide one: "/..;/x" is
// "/../x" to servlet containers. Nor do spaces, which Windows drops.
func dots(piece string) bool {
	name, _, _ := strings.Cut(piece, ";")
	name = strings.ReplaceAll(name, " ", "")
	return name == "." || name == ".."
}

// likeASCII gives for a character the one that it becomes where text is brought into a compatible form (Unicode's NFKC, the best
// fit of Windows' code pages): full-width and mathematical slashes, leaders of dots. What cannot be seen is dropped.
func likeASCII(r rune) rune {
	switch {
	case strings.ContainsRune("\u2024\u2025\u2026\ufe52\uff0e\uff61\u3002", r):
		return '.'
	case strings.ContainsRune("\u2044\u2215\u29f8\uff0f", r):
		return '/'
	case strings.ContainsRune("\u2216\u29f5\ufe68\uff3c", r):
		return '\\'
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

func unescape(part string) ([]byte, error) {
	b := make([]byte, 0, len(part))
	for i := 0; i < len(part); i++ {
		if part[i] != '%' {
			b = append(b, part[i])
			continue
		}
		if i+2 >= len(part) || !isHex(part[i+1]) || !isHex(part[i+2]) {
			return nil, errors.New("a % that begins no escape")
		}
		b = append(b, unhex(part[i+1])<<4|unhex(part[i+2]))
		i += 2
	}
	return b, nil
}

func decodedBytes(seg string, encodedSlash bool) error {
	if !utf8.ValidString(seg) {
		return errors.New("an escape that is not UTF-8")
	}
	for i := 0; i < len(seg); i++ {
		switch c := seg[i]; {
		case c < ' ' || c == 0x7f:
			return errors.New("an escaped control character")
		case c == '\\':
			return errors.New("an escaped backslash")
		case c == '/' && !encodedSlash:
			return ErrEncodedSlash
		case c == '%' && i+2 < len(seg) && isHex(seg[i+1]) && isHex(seg[i+2]):
			return errors.New("escaped twice")
		}
	}
	return nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
