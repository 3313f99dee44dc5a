package action

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

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
