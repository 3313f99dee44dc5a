package scrub

import (
	"bytes"
	"sort"
)

// Of a secret whose characters stand apart, in groups or one by one, no form stands in the text. So the beginning of each text is looked
// through once more, for its letters and digits alone: in whatever case, with escapes undone, and over all that parts them (blanks, line breaks,
// punctuation, what has no width, tags, colours of a terminal, the next line of a stream of events), up to maxGap of it at a time. What is found there
// is replaced letter by letter, and all between them stays.
const (
	// lookApart is how much of a text that is, in bytes: what echoes a secret is seldom a long text, and of a long one it would cost too much.
	lookApart = 1 << 20

	// minApart and maxApart bound the letters of such a form: fewer could be innocent words, and more would be held back for too long.
	minApart, maxApart = 10, 2 << 10

	// minHalf is how many letters half a secret must have, to be looked for by itself: with fewer, who knows some of them could guess the others.
	minHalf = 16

	// apartChance is chance for letters whose case does not count.
	apartChance = 6

	maxGap = 32 // bytes between two letters
	maxTag = 64 // bytes of a tag
)

// isApart is the view of a match of letters that stand apart.
const isApart = -2

// loosely undoes what escapes letters and what parts them. The = of quoted-printable is more often that of name=value.
var loosely = view{everything &^ quoted, everything &^ quoted, everything &^ quoted}

// small maps letters and digits to themselves in lower case, what more than a single character may begin with that counts as one, or as none, to
// isUnit, and all else to 0.
var small = func() (t [256]byte) {
	for c := range t {
		if alnum(byte(c)) {
			t[c] = byte(c)
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) | 0x20
	}
	for _, c := range "%\\&<\n\x1b" {
		t[c] = isUnit
	}
	return t
}()

const isUnit = 0xff

// letters appends those of p to dst, up to most of them, and a 0 where they stand too far apart. at is where the last of them begins, and next
// where to read on: where more may come, before what may be the beginning of a unit.
func letters(dst, p []byte, most int, final bool) (out []byte, at, next int) {
	i, end := 0, 0
	for i < len(p) && most > 0 {
		c, size := small[p[i]], 1
		if c == isUnit {
			if c, size = unit(p[i:], final); size == 0 {
				break
			}
		}
		if c != 0 {
			if i-end > maxGap {
				dst, most = append(dst, 0), most-1
			}
			dst, most = append(dst, c), most-1
			at, end = i, i+size
		}
		i += size
	}
	if most > 0 && len(p)-end > maxGap {
		dst = append(dst, 0)
	}
	return dst, at, i
}

// unit reads what p begins with: an escape, as the letter that it stands for, or as none; or what is none and yet is made of letters. size
// is 0 where more must come to tell.
func unit(p []byte, final bool) (c byte, size int) {
	c, size, st := loosely.read(p)
	switch {
	case st != yes || size == 1:
	case small[c] == isUnit:
		return 0, size
	default:
		return small[c], size
	}
	if size = wordless(p); size > 1 {
		return 0, size
	}
	if size == 0 && !final || st == partial && !final {
		return 0, 0
	}
	return 0, 1
}

// wordless measures what p begins with: a tag, the escape of a character that is not ASCII, the colour of a terminal's text, the beginning of
// the next event's data. It is 0 where more must come to tell, and 1 for any other.
func wordless(p []byte) int {
	switch next := byteAt(p, 1); {
	case p[0] == '\\' && next == 'u':
		return delimited(p, 2, 6, func(c byte) bool { return digit(c) < 16 }, 0)
	case p[0] == '\\' && bytes.IndexByte([]byte("0abefv"), next) >= 0:
		return 2
	case p[0] == '&':
		return delimited(p, 1, 32, func(c byte) bool { return alnum(c) || c == '#' }, ';')
	case p[0] == '<' && bytes.HasPrefix(p, []byte("<![CDATA[")):
		return len("<![CDATA[")
	case p[0] == '<' && (alnum(next) || bytes.IndexByte([]byte("/!?"), next) >= 0):
		return delimited(p, 1, maxTag, func(c byte) bool { return c != '<' }, '>')
	case p[0] == '\x1b' && next == '[':
		return delimited(p, 2, 16, func(c byte) bool { return c < 'A' }, 'm')
	case p[0] == '\n':
		return nextEvent(p)
	case len(p) == 1:
		return 0
	}
	return 1
}

// nextEvent measures what stands before the data of the next event of a stream, of which a line without data goes up to the next.
func nextEvent(p []byte) int {
	least := 1
	for _, field := range []string{"\ndata:", "\nid:", "\nevent:", "\nretry:", "\n:"} {
		switch line := []byte(field); {
		case bytes.HasPrefix(line, p) && len(p) < len(line):
			least = 0
		case !bytes.HasPrefix(p, line):
		case field == "\ndata:":
			return len(line)
		default:
			n := delimited(p, 1, maxTag, func(byte) bool { return true }, '\n')
			return max(n-1, min(n, 1)) // what ends the line may begin the next
		}
	}
	return least
}

// delimited measures p up to end, or without one up to most, where inside holds from i on; 1 if it does not, and 0 if p ends first.
func delimited(p []byte, i, most int, inside func(byte) bool, end byte) int {
	for ; i < most && i < len(p); i++ {
		switch c := p[i]; {
		case c == end && end != 0:
			return i + 1
		case !inside(c):
			return 1
		}
	}
	switch {
	case i < most:
		return 0
	case end == 0:
		return most
	}
	return 1
}

func byteAt(p []byte, i int) byte {
	if i < len(p) {
		return p[i]
	}
	return 0
}

// apart is what is known of the letters of a text.
type apart struct {
	letters []byte // the last of them before the buffer, and then those in it
	unread  []byte // the end of the text before the buffer, and then of the buffer, that may be the beginning of a unit
	gone    int    // how many of letters came before the buffer
	told    int    // how much of it was unread
	read    int    // where in the buffer the rest of it begins that is so now
}

// lookApart looks for letters that stand apart in the first n bytes, behind what came before.
func (sc *scan) lookApart(n int) {
	a, set, text, whole := &sc.apart, sc.set.apart, sc.buf[:n], n == len(sc.buf)
	a.gone, a.told = len(a.letters), len(a.unread)
	if a.told > 0 {
		text = append(a.unread, text...)
	}
	var next int
	a.letters, _, next = letters(a.letters, text, len(text)+1, sc.final || !whole)
	a.unread, a.read = text[next:], max(next-a.told, 0)
	in := scan{set: set, buf: a.letters}
	in.exact(0, len(in.buf))
	sc.work += in.work + n
	sc.placeApart(in.found, text)
	if sc.final || !whole || sc.set.guesses.many.Load() {
		return
	}
	at := set.starts.earliest(set.forms, in.buf)
	if f := set.starts.first(set.forms, in.buf[at:]); f != nil && len(in.buf)-at >= f.deep {
		_, start, _ := letters(nil, text, max(at-a.gone, 0)+1, true)
		sc.hold, sc.deep = min(sc.hold, max(start-a.told, 0)), true
	}
}

// placeApart notes where in the buffer the matches are that were found in the letters of the text, of which a part has gone out.
func (sc *scan) placeApart(found []match, text []byte) {
	sort.Slice(found, func(i, j int) bool { return found[i].start < found[j].start })
	var room []byte
	told, from, index := sc.apart.told, 0, sc.apart.gone // the letter of that index begins there
	for _, m := range found {
		first, start, end := max(m.start, index), 0, 0
		if m.end <= first {
			continue
		}
		room, start, _ = letters(room[:0], text[from:], first-index+1, true)
		from, index = from+start, first
		for from < told && index+1 < m.end { // what has gone out, in part even, is not replaced
			room, start, _ = letters(room[:0], text[from:], 2, true)
			from, index = from+start, index+1
		}
		if from < told {
			continue
		}
		room, _, end = letters(room[:0], text[from:], m.end-index, true)
		sc.work += m.end - index
		sc.found = append(sc.found, match{from - told, from - told + end, index - m.start, m.form, isApart})
	}
}

// keepApart keeps what must be known of the text before what is held back, when there is more of it: the last letters, with which a form may have
// begun, and what may be the beginning of a unit.
func (sc *scan) keepApart(n int) apart {
	a := sc.apart
	kept, unread := a.letters, a.unread
	if behind := n - sc.hold; behind > 0 {
		unread = unread[:max(len(unread)-behind, 0)]
	}
	if sc.hold < a.read {
		text, _, _ := letters(nil, sc.buf[sc.hold:a.read], n, true)
		kept = kept[:max(len(kept)-len(text), 0)]
	}
	return apart{letters: append(a.letters[:0], kept[max(len(kept)-sc.set.apart.deepest, 0):]...), unread: bytes.Clone(unread)}
}

// replaceApart puts letters of the placeholder in the place of those of m, each in the spelling and the room of the old one.
func (sc *scan) replaceApart(m match) []byte {
	out := make([]byte, 0, m.end-m.start)
	for i, like := m.start, sc.set.apart.forms[m.form].repl[m.odd:]; i < m.end; {
		c, size := small[sc.buf[i]], 1
		if c == isUnit {
			c, size = unit(sc.buf[i:], true)
		}
		raw := sc.buf[i : i+size]
		switch i += size; {
		case c == 0 || len(like) == 0:
			out = append(out, raw...)
			continue
		case size == 1:
			out = append(out, like[0])
		default:
			out = append(out, loosely.inRoomOf(raw, like[0])...)
		}
		like = like[1:]
	}
	return out
}

// inRoomOf writes c as raw writes its character, in as many bytes.
func (v view) inRoomOf(raw []byte, c byte) []byte {
	for _, c := range []byte{c, 'A'} { // &#65; has less than any number of a small letter
		if out := v.encode(nil, raw, len(v), c); len(out) == len(raw) {
			return out
		}
	}
	return bytes.Repeat([]byte("x"), len(raw))
}

// onlyLetters gives those of s.
func onlyLetters(s []byte) (out []byte) {
	for _, c := range s {
		if alnum(c) {
			out = append(out, c)
		}
	}
	return out
}
