package scrub

import "bytes"

// kinds is a set of kinds of escapes, told apart by the character that begins them.
type kinds uint8

const (
	percent   kinds = 1 << iota // %41             RFC 3986 section 2.1
	backslash                   // \u0041 \x41 \101 \/   JSON, JavaScript, shells
	entity                      // &#65; &#x41; &plus;   HTML 13.5
	quoted                      // =41             quoted-printable, RFC 2045 section 6.7

	everything = percent | backslash | entity | quoted
)

// view says which kinds of escapes are undone, layer by layer, the outermost first. Where a secret has no character
// that begins an escape, undoing everything cannot go wrong: what decodes to such a character is no part of it. A
// secret that has some is also looked for with those kept: an encoder that knows of backslashes only keeps its %41.
type view []kinds

// depths is how many layers of escapes are undone: a value in JSON in JSON in JSON.
const depths = 3

// begins maps a character to the kind of escape that it begins.
var begins = [256]kinds{'%': percent, '\\': backslash, '&': entity, '=': quoted}

// odd characters need more than a comparison when text is read: they begin an escape or break a line.
var odd = [256]bool{'%': true, '\\': true, '&': true, '=': true, '\r': true, '\n': true}

// goesOn maps a character to the kinds of escapes in which it can come second.
var goesOn = func() (t [256]kinds) {
	for i := range t {
		c := byte(i)
		if odd[c] || digit(c) < 16 {
			t[c] |= percent | quoted
		}
		if odd[c] || digit(c) < 8 || c == 'u' || c == 'x' || short[c] != 0 {
			t[c] |= backslash
		}
		if odd[c] || alnum(c) || c == '#' {
			t[c] |= entity
		}
	}
	return t
}()

// short maps a character to what it stands for behind a backslash, and to 0 if that is nothing or needs digits.
var short = func() (t [256]byte) {
	for c := byte('!'); c <= '~'; c++ {
		if !alnum(c) {
			t[c] = c
		}
	}
	t['n'], t['r'], t[' '] = '\n', '\r', ' ' // the last in shells
	return t
}()

// digits maps a character to its value in any base up to 16, and to 99 if it has none.
var digits = func() (t [256]uint8) {
	for c := range t {
		t[c] = 99
	}
	for i, c := range "0123456789abcdef" {
		t[c] = uint8(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = uint8(10 + i)
	}
	return t
}()

func digit(c byte) int { return int(digits[c]) }

// maxToken bounds the bytes of one character under escapes, and so the work and the memory that hostile text can cause.
const maxToken = 64

// status of a read that may have met the end of the text.
type status int

const (
	no      status = iota
	yes            // read in full
	partial        // the text ended first, and what there is fits
)

// escape is how one layer writes a character.
type escape struct {
	value  byte
	size   int // bytes in all
	prefix int // bytes before the digits
	digits int // characters that are digits, each of which a layer below may have escaped
	base   int // 16, 10 or 8; 0 for an escape without digits
}

// read reads the character at p[0] after undoing all layers.
func (v view) read(p []byte) (c byte, size int, st status) {
	if len(p) > 0 && !odd[p[0]] {
		return p[0], 1, yes
	}
	if len(p) > 1 && goesOn[p[1]]&begins[p[0]] == 0 {
		return p[0], 1, yes
	}
	if len(p) >= quickRoom && len(v) == depths {
		if c, size := v.quick(p, true); size > 0 {
			return c, size, yes
		}
	}
	return v.char(p, len(v))
}

// quick reads the most usual escapes of one layer, and tells what is none; size is 0 where there may be more to it. All layers
// of a view of full depth are alike. p has at least quickRoom bytes. With more, an escape may stand inside this one; only
// one, or else hostile text would be read over and over.
func (v view) quick(p []byte, more bool) (c byte, size int) {
	switch begins[p[0]] & v[0] {
	case 0:
		return p[0], 1
	case percent, quoted:
		return v.quickDigits(p, 1, more)
	case backslash:
		return v.quickBackslash(p, more)
	}
	return v.quickEntity(p, more)
}

const quickRoom = 7

// quickDigits reads an escape that ends in two hexadecimal digits at p[i:].
func (v view) quickDigits(p []byte, i int, more bool) (c byte, size int) {
	a, b := p[i], p[i+1]
	if digits[a] < 16 && digits[b] < 16 {
		if c = digits[a]<<4 | digits[b]; odd[c] || i == 4 && c > 127 {
			return 0, 0
		}
		return c, i + 2
	}
	if digits[a] < 16 {
		a, i = b, i+1
	}
	if odd[a] {
		if !more || len(p) < i+quickRoom {
			return 0, 0
		}
		if c, size = v.quick(p[i:], false); size == 0 || digits[c] < 16 {
			return 0, 0
		}
	}
	return p[0], 1
}

func (v view) quickBackslash(p []byte, more bool) (c byte, size int) {
	switch a := p[1]; {
	case a == 'x':
		return v.quickDigits(p, 2, more)
	case a == 'u' && p[2] == '0' && p[3] == '0':
		return v.quickDigits(p, 4, more)
	case a == 'u' && !odd[p[2]] && !odd[p[3]]:
		return p[0], 1 // beyond one byte
	case short[a] != 0 && !odd[a]:
		return short[a], 2
	}
	return 0, 0
}

// quickEntity tells names that are none, such as those in a URL, and the reference to & itself where none begins with it.
func (v view) quickEntity(p []byte, more bool) (c byte, size int) {
	at := 1
	if bytes.HasPrefix(p, []byte("&amp;")) {
		at = 5
	}
	for i := at; i+quickRoom <= len(p) && i < at+16; i++ {
		if alnum(p[i]) {
			continue
		}
		end := p[i]
		if odd[end] {
			if !more {
				return 0, 0
			}
			if end, size = v.quick(p[i:], false); size == 0 {
				return 0, 0
			}
		}
		switch {
		case end == ';' || end == '#' || alnum(end):
			return 0, 0
		case at == 5:
			return '&', 5
		}
		return p[0], 1
	}
	return 0, 0
}

// char reads the character at p[0] after undoing depth layers. An escape that is not complete is partial.
func (v view) char(p []byte, depth int) (c byte, size int, st status) {
	if len(p) == 0 {
		return 0, 0, partial
	}
	if depth == 0 || !odd[p[0]] {
		return p[0], 1, yes
	}
	c, size, st = v.char(p, depth-1)
	if st != yes || begins[c]&v[depth-1] == 0 || size < len(p) && goesOn[p[size]]&begins[c] == 0 {
		return c, size, st
	}
	switch e, st := v.escape(p, depth, c, size); {
	case st == yes:
		return e.value, e.size, yes
	case st == partial:
		return 0, 0, partial
	}
	return c, size, yes
}

// escape reads the escape that begins with c in p[:size] at this depth.
func (v view) escape(p []byte, depth int, c byte, size int) (e escape, st status) {
	r := cursor{v: v, p: p[:min(len(p), maxToken)], depth: depth - 1, i: size, st: yes}
	switch begins[c] {
	case percent, quoted:
		e = r.number(16, 2, 2)
	case backslash:
		e = r.backslash()
	case entity:
		e = r.entity()
	}
	if r.st == partial && len(p) >= maxToken {
		r.st = no
	}
	e.size = r.i
	return e, r.st
}

// cursor reads characters of the layer below. Its status is that of the last read, or why there is no escape.
type cursor struct {
	v     view
	p     []byte
	depth int
	i     int
	st    status
}

// next takes a character; back puts it back.
func (r *cursor) next() (c byte, back int) {
	back = r.i
	c, n, st := r.v.char(r.p[r.i:], r.depth)
	r.i, r.st = r.i+n, st
	return c, back
}

func (r *cursor) fail() escape {
	r.st = no
	return escape{}
}

// number reads between least and most digits.
func (r *cursor) number(base, least, most int) escape {
	e := escape{prefix: r.i, base: base}
	value := 0
	for e.digits < most {
		c, back := r.next()
		if r.st == partial {
			return escape{}
		}
		if digit(c) >= base {
			r.i = back
			break
		}
		value = min(value*base+digit(c), 1<<16)
		e.digits++
	}
	if e.digits < least || value > 255 || value > 127 && most != 2 {
		return r.fail() // a character beyond ASCII is more than one byte: forms of their own cover those
	}
	e.value = byte(value)
	return e
}

func (r *cursor) backslash() escape {
	c, back := r.next()
	switch {
	case r.st == partial:
		return escape{}
	case digit(c) < 8:
		r.i = back
		return r.number(8, 3, 3)
	case c == 'u':
		return r.number(16, 4, 4)
	case c == 'x':
		return r.number(16, 2, 2)
	case short[c] != 0:
		return escape{value: short[c]}
	}
	return r.fail()
}

// names of HTML's references to ASCII punctuation.
var names = map[string]byte{
	"amp": '&', "AMP": '&', "lt": '<', "LT": '<', "gt": '>', "GT": '>', "quot": '"', "QUOT": '"', "apos": '\'', "plus": '+',
	"sol": '/', "bsol": '\\', "equals": '=', "lowbar": '_', "UnderBar": '_', "hyphen": '-', "dash": '-', "period": '.', "comma": ',', "colon": ':',
	"semi": ';', "num": '#', "dollar": '$', "percnt": '%', "excl": '!', "quest": '?', "commat": '@', "lpar": '(', "rpar": ')',
	"lsqb": '[', "lbrack": '[', "rsqb": ']', "rbrack": ']', "lcub": '{', "lbrace": '{', "rcub": '}', "rbrace": '}', "verbar": '|', "vert": '|',
	"VerticalLine": '|', "ast": '*', "midast": '*', "Hat": '^', "grave": '`', "DiacriticalGrave": '`', "Tab": '\t', "NewLine": '\n',
}

func (r *cursor) entity() escape {
	c, _ := r.next()
	if r.st == yes && c == '#' {
		return r.reference()
	}
	var name [16]byte
	n := 0
	for ; r.st == yes && alnum(c) && n < len(name); n++ {
		name[n] = c
		c, _ = r.next()
	}
	if r.st == partial {
		return escape{}
	}
	value, known := names[string(name[:n])]
	if c != ';' || !known {
		return r.fail()
	}
	return escape{value: value}
}

// reference reads a numeric reference. Browsers do without its semicolon (HTML 13.2.5.80), so it may be missing.
func (r *cursor) reference() (e escape) {
	c, back := r.next()
	switch {
	case r.st == partial:
		return e
	case c|0x20 == 'x':
		e = r.number(16, 1, 8)
	default:
		r.i = back
		e = r.number(10, 1, 8)
	}
	if r.st != yes {
		return e
	}
	switch c, back := r.next(); {
	case r.st == yes && digit(c) < e.base:
		return r.fail()
	case r.st == yes && c != ';':
		r.i = back
	}
	return e
}
