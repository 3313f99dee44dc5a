package scrub

import (
	"encoding/binary"
	"math/bits"
)

// room is how many bytes a glance may look at.
const room = 32

// looks tells by the next two characters whether one that begins an escape, or comes before a line feed, is worth more
// than a look: each of the two stands in some classes, and both must stand in one. It is not where there is no escape, or one for
// a character that no form has and that begins no other escape.
type looks [4][2][256]uint32

// look maps a character to its tables.
var look = [256]uint8{'%': 1, '=': 1, '\\': 2, '&': 3}

func (l *looks) at(c, next, second byte) bool {
	t := &l[look[c]]
	return t[0][next]&t[1][second] != 0
}

// Classes of looks. Others are high halves of characters, and letters that come second in names.
const (
	anything = 1 << 31 // all that comes second
	nested   = 1<<32 - 1
)

func (l *looks) build(inside *[256]bool) {
	worth := func(c byte) bool { return inside[c] || odd[c] }
	for k := range l {
		for c := range 256 {
			l[k][1][c] = anything
			if odd[c] && k > 0 {
				l[k][0][c], l[k][1][c] = nested, nested
			}
		}
	}
	l[0][0]['\n'] = anything
	for a := range byte(255) {
		if h := digits[a]; h < 16 {
			l[1][0][a] = 1 << h
		}
		if c := short[a]; digits[a] < 8 || c != 0 && worth(c) {
			l[2][0][a] |= anything
		}
		for low := byte(0); digits[a] < 16 && low < 16; low++ {
			if worth(low<<4 | digits[a]) {
				l[1][1][a] |= 1 << low
			}
			if worth(digits[a]<<4 | low) {
				l[2][1][a] |= 1
			}
		}
	}
	l[2][0]['x'] = 1
	l[2][0]['u'] = 2
	l[2][1]['0'] |= 2
	l[3][0]['#'] = anything
	for name, c := range names {
		if worth(c) {
			l[3][0][name[0]] |= 1 << (name[1] & 31)
			l[3][1][name[1]] |= 1 << (name[1] & 31)
		}
	}
}

// plausible says whether the odd place at i may be the first of a form, as far as a glance tells.
func (sc *scan) plausible(i int) bool {
	p := sc.buf[i:]
	if len(p) < room {
		return true
	}
	x, begun := &sc.set.escapes, &sc.set.starts
	c, size := x.glance(p)
	switch {
	case size == 0:
		return true
	case size == 1:
		return false
	case c == '\r' || c == '\n':
		return x.inside[c] || i > 0 && (sc.buf[i-1] == '=' || sc.before.mayEnd(sc.buf[:i], c))
	case !x.inside[c]:
		return false
	}
	return begun.one[c] && x.goesOnWith(begun, c, p[size:]) || sc.follows(i, c)
}

// goesOnWith says whether a form that begins with c may go on with what p begins with.
func (x *escapes) goesOnWith(t *starts, c byte, p []byte) bool {
	next := p[0]
	if odd[next] {
		size := 0
		if next, size = x.glance(p); size == 0 || x.inside[p[0]] {
			return true
		}
	}
	return t.may(c, next) || next == '\r' || next == '\n' || next == '='
}

// follows says whether c, where buf[i] is reached, may go on with a form that stands before it as it is.
func (sc *scan) follows(i int, c byte) bool {
	if i < 3 {
		return true
	}
	x := &sc.set.escapes
	end := ending(bits.ReverseBytes32(binary.LittleEndian.Uint32(sc.buf[i-3:]))&^255 | uint32(c)) // as endingAt
	return x.knows(end|4<<32) || x.knows(end&0xffffff|3<<32) || sc.set.starts.may(sc.buf[i-1], c)
}

// glance reads the character at p[0] if the next few bytes tell it for every view. Its size is 1 where there is no
// escape, or one of no interest, as looks has it; 0 where there may be more to it.
func (x *escapes) glance(p []byte) (c byte, size int) {
	switch p[0] {
	case '%', '=':
		c, size = x.glanceDigits(p, 1)
	case '\\':
		c, size = x.glanceBackslash(p)
	case '&':
		c, size = x.glanceEntity(p)
	default:
		return p[0], 1
	}
	if size == 0 {
		return x.views[0].quick(p, true)
	}
	return c, size
}

// is returns c, which p[:size] stands for, unless it may begin another escape.
func (x *escapes) is(c byte, p []byte, size int) (byte, int) {
	if begins[c] == 0 {
		return c, size
	}
	next, wide := x.views[0].quick(p[size:], false)
	switch {
	case x.inside[c], wide == 0:
		return 0, 0
	case wide == 1 && x.looks.at(c, next, p[size+1]):
		return 0, 0
	case wide > 1 && (x.looks[look[c]][0][next] != 0 || x.inside[p[size]]): // not every view undoes it
		return 0, 0
	}
	return c, size
}

// glanceDigits reads an escape that ends in two hexadecimal digits at p[i:].
func (x *escapes) glanceDigits(p []byte, i int) (c byte, size int) {
	a, b := p[i], p[i+1]
	switch {
	case digits[a]|digits[b] < 16:
		return x.is(digits[a]<<4|digits[b], p, i+2)
	case odd[a] || digits[a] < 16 && odd[b]:
		return 0, 0
	}
	return p[0], 1
}

func (x *escapes) glanceBackslash(p []byte) (c byte, size int) {
	switch a := p[1]; {
	case a == 'x':
		return x.glanceDigits(p, 2)
	case a == 'u':
		if odd[p[2]] || odd[p[3]] {
			return 0, 0
		}
		if c, size = x.glanceDigits(p, 4); p[2] != '0' || p[3] != '0' || c > 127 {
			return p[0], 1 // beyond one byte
		}
		return c, size
	case digits[a] < 8:
		return x.glanceOctal(p)
	case a == '\\' && !odd[p[2]] && !x.inside[a]: // the same again, one layer deeper
		if c, size = x.glanceBackslash(p[1:]); size > 0 {
			return c, size + 1
		}
		return 0, 0
	case begins[a] != 0:
		return x.is(a, p, 2)
	case short[a] != 0:
		return short[a], 2
	}
	return p[0], 1
}

// glanceOctal reads three digits at p[1:], of which the first is one.
func (x *escapes) glanceOctal(p []byte) (c byte, size int) {
	a, b, c := digits[p[1]], digits[p[2]], digits[p[3]]
	switch {
	case odd[p[2]] || b < 8 && odd[p[3]]:
		return 0, 0
	case b|c < 8 && a < 2: // beyond ASCII it is more than a byte
		return x.is(a<<6|b<<3|c, p, 4)
	}
	return p[0], 1
}

func (x *escapes) glanceEntity(p []byte) (c byte, size int) {
	at := 1
	if p[4] == ';' && string(p[1:4]) == "amp" { // & itself, which may begin another one
		if at = 5; x.inside['&'] {
			return 0, 0
		}
	}
	switch first, second := p[at], p[at+1]; {
	case odd[first]:
		return 0, 0
	case first == '#':
		return x.glanceReference(p, at+1)
	case !alnum(first):
		return p[0], at
	case odd[second]:
		if second, size = x.views[0].quick(p[at+1:], false); size == 0 {
			return 0, 0
		}
		fallthrough
	default:
		if x.looks.at('&', first, second) {
			return glanceName(p, at)
		}
	}
	return p[0], at
}

// glanceName tells names that are none, such as those in a URL.
func glanceName(p []byte, at int) (c byte, size int) {
	for end := at + 2; end < at+16; end++ {
		switch {
		case alnum(p[end]):
		case p[end] == ';' || odd[p[end]]:
			return 0, 0
		default:
			return p[0], at
		}
	}
	return 0, 0
}

// glanceReference reads a decimal reference whose digits are at p[i:].
func (x *escapes) glanceReference(p []byte, i int) (c byte, size int) {
	v, n := 0, 0
	for ; n < 4 && digits[p[i+n]] < 10; n++ {
		v = v*10 + int(digits[p[i+n]])
	}
	switch end := p[i+n]; {
	case n == 0 || n == 4 || odd[end]:
		return 0, 0
	case v > 127: // more than a byte
		return p[0], 1
	case end == ';':
		n++
	}
	return x.is(byte(v), p, i+n)
}
