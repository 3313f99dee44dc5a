package scrub

import "bytes"

// minLine is the least length of a line whose end may divide a form: encoders wrap at 60, 64 or 76 characters. Without it the
// last letter of each line of a log would have to be held back, since some form begins with it.
const minLine = 32

// line tells what came before a place in a text, each up to minLine: the bytes since the last line feed, and those of
// them, back from the place, that encoders fill lines with.
type line struct{ length, unbroken int }

// inLine characters fill the lines that encoders wrap.
var inLine = func() (t [256]bool) {
	for c := range 256 {
		t[c] = alnum(byte(c))
	}
	for _, c := range `+/-_\%` {
		t[c] = true
	}
	return t
}()

// mayBreak characters come before line breaks that may divide a form.
var mayBreak = func() (t [256]bool) {
	t = inLine
	t['='] = true // quoted-printable
	return t
}()

// after returns what came before the end of p, which follows l.
func (l line) after(p []byte) line { return line{l.lengthAfter(p), l.unbrokenAfter(p)} }

func (l line) lengthAfter(p []byte) int {
	near := p[max(0, len(p)-minLine):]
	if n := bytes.LastIndexByte(near, '\n'); n >= 0 {
		return len(near) - n - 1
	}
	return min(minLine, l.length+len(near))
}

func (l line) unbrokenAfter(p []byte) int {
	for n := range minLine {
		if n == len(p) {
			return min(minLine, l.unbroken+n)
		}
		if !inLine[p[len(p)-1-n]] {
			return n
		}
	}
	return minLine
}

// mayEnd says whether a break at the end of p, which reads as c, may divide a form: the = of quoted-printable ends a
// line of any text, and others one without a gap.
func (l line) mayEnd(p []byte, c byte) bool {
	if c == '=' {
		return l.lengthAfter(p) == minLine
	}
	return (c == '\r' || c == '\n') && l.unbrokenAfter(p) == minLine
}
