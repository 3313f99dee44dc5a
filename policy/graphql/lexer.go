package graphql

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// token is what sort of word there is; a punctuator stands for itself.
type token byte

const (
	end    token = 0
	name   token = 'a'
	number token = '0'
	text   token = '"'
	spread token = '.'
)

// lexer gives one token after the other.
type lexer struct {
	src  string
	at   int // in src: behind the token
	left int // words that may still come

	kind  token
	value string // of a name or number as it is written, of a text what it means
}

// checked refuses the characters that lexers have read differently: carriage returns that end a comment for some, and
// what is a line end to others.
func checked(src string) error {
	if strings.Contains(strings.ReplaceAll(src, "\r\n", "\n"), "\r") {
		return errors.New("a carriage return that ends no line")
	}
	for _, c := range src {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f || c == 0xfeff || c == 0x2028 || c == 0x2029 {
			return errors.New("a control character")
		}
	}
	if !utf8.ValidString(src) {
		return errors.New("bytes that are no UTF-8")
	}
	return nil
}

// next reads a token (GraphQL, section 2.1).
func (l *lexer) next() error {
	l.skip()
	l.kind, l.value = end, ""
	if l.at == len(l.src) {
		return nil
	}
	if l.left--; l.left < 0 {
		return errors.New("too many words")
	}
	switch c := l.src[l.at]; {
	case strings.IndexByte("!$():=@[]{}", c) >= 0:
		l.kind, l.at = token(c), l.at+1
	case strings.HasPrefix(l.src[l.at:], "..."):
		l.kind, l.at = spread, l.at+3
	case letter(c):
		l.kind, l.value = name, l.take(func(c byte) bool { return letter(c) || digit(c) })
	case c == '-' || digit(c):
		return l.number()
	case c == '"':
		return l.text()
	default:
		r, _ := utf8.DecodeRuneInString(l.src[l.at:])
		return fmt.Errorf("%q has no place at %s", r, l.place())
	}
	return nil
}

// skip goes over white space, line ends, commas and comments.
func (l *lexer) skip() {
	for l.at < len(l.src) {
		switch l.src[l.at] {
		case ' ', '\t', '\r', '\n', ',':
			l.at++
		case '#':
			l.take(func(c byte) bool { return c != '\n' })
		default:
			return
		}
	}
}

// take reads on as long as the characters are wanted.
func (l *lexer) take(wanted func(byte) bool) string {
	from := l.at
	for l.at < len(l.src) && wanted(l.src[l.at]) {
		l.at++
	}
	return l.src[from:l.at]
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

// number reads one as section 2.9.2 has it: no zeros ahead, and no letter or point behind.
func (l *lexer) number() error {
	from := l.at
	l.accept("-")
	whole := l.take(digit)
	bad := whole == "" || len(whole) > 1 && whole[0] == '0'
	if l.accept(".") {
		bad = l.take(digit) == "" || bad
	}
	if l.accept("eE") {
		l.accept("+-")
		bad = l.take(digit) == "" || bad
	}
	if bad || l.at < len(l.src) && (letter(l.src[l.at]) || l.src[l.at] == '.') {
		return fmt.Errorf("no number at %s", l.place())
	}
	l.kind, l.value = number, l.src[from:l.at]
	return nil
}

// accept takes one character if it is among these.
func (l *lexer) accept(chars string) bool {
	if l.at < len(l.src) && strings.IndexByte(chars, l.src[l.at]) >= 0 {
		l.at++
		return true
	}
	return false
}

// text reads a string in quotation marks (section 2.9.4).
func (l *lexer) text() error {
	if strings.HasPrefix(l.src[l.at:], `"""`) {
		return fmt.Errorf("block strings are not understood; send the text at %s as a variable", l.place())
	}
	var b strings.Builder
	for l.at++; ; {
		b.WriteString(l.take(func(c byte) bool { return c != '"' && c != '\\' && c != '\n' && c != '\r' }))
		switch {
		case l.accept(`"`):
			l.kind, l.value = text, b.String()
			return nil
		case !l.accept(`\`):
			return fmt.Errorf("a text is not closed at %s", l.place())
		}
		c, ok := l.escape()
		if !ok {
			return fmt.Errorf("no escape at %s", l.place())
		}
		b.WriteRune(c)
	}
}

// escape reads what stands behind a backslash. Half a surrogate pair is no character.
func (l *lexer) escape() (rune, bool) {
	if l.at == len(l.src) {
		return 0, false
	}
	c := l.src[l.at]
	l.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	l.at--
	r, ok := l.unit()
	if ok && utf16.IsSurrogate(r) {
		if !l.accept(`\`) {
			return 0, false
		}
		low, paired := l.unit()
		r, ok = utf16.DecodeRune(r, low), paired
		ok = ok && r != utf8.RuneError
	}
	return r, ok
}

// unit reads the u and the four digits of a UTF-16 unit. The u{...} of newer servers is not for others.
func (l *lexer) unit() (rune, bool) {
	if !strings.HasPrefix(l.src[l.at:], "u") || len(l.src)-l.at < 5 {
		return 0, false
	}
	n, err := strconv.ParseUint(l.src[l.at+1:l.at+5], 16, 16)
	l.at += 5
	return rune(n), err == nil
}

// place is where the lexer is, for people.
func (l *lexer) place() string {
	read := l.src[:l.at]
	return fmt.Sprintf("line %d, column %d", strings.Count(read, "\n")+1, l.at-strings.LastIndexByte(read, '\n'))
}
