package scrub

// kinds of escapes, told apart by the character that begins them.
const (
	percent   = 1 << iota // %41             RFC 3986 section 2.1
	backslash             // \u0041 \x41 \101 \/   JSON, JavaScript, shells
	entity                // &#65; &#x41; &plus;   HTML 13.5
	quoted                // =41             quoted-printable, RFC 2045 section 6.7
)

// view says which kinds of escapes are undone, layer by layer, the outermost first.
type view []int

// views are the ways to read text. Where a secret has no character that begins an escape, undoing everything cannot go
// wrong: what decodes to such a character is no part of it. The others read a secret that does: %-escapes are kept by
// an encoder that knows of backslashes only.
var (
	everything = percent | backslash | entity | quoted
	views      = []view{
		{everything, everything, everything}, {everything},
		{percent}, {percent, percent}, {backslash}, {backslash, backslash},
		{backslash, backslash, backslash}, {entity}, {entity, entity}, {quoted},
		{backslash, percent}, {percent, backslash}, {backslash, entity}, {entity, backslash},
	}
)

// begins maps a character to the kind of escape that it begins.
var begins = [256]int{'%': percent, '\\': backslash, '&': entity, '=': quoted}

// odd characters need more than a comparison when text is read: they begin an escape or break a line.
var odd = [256]bool{'%': true, '\\': true, '&': true, '=': true, '\r': true, '\n': true}

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

// char reads the character at p[0] after undoing depth layers. An escape that is not complete is partial.
func (v view) char(p []byte, depth int) (c byte, size int, st status) {
	if len(p) == 0 {
		return 0, 0, partial
	}
	if depth == 0 || !odd[p[0]] {
		return p[0], 1, yes
	}
	c, size, st = v.char(p, depth-1)
	if st != yes || begins[c]&v[depth-1] == 0 {
		return c, size, st
	}
	switch e, st := v.escape(p, depth); st {
	case yes:
		return e.value, e.size, yes
	case partial:
		return 0, 0, partial
	}
	return c, size, yes
}

// escape reads the escape at p[0], where one begins at this depth.
func (v view) escape(p []byte, depth int) (escape, status) {
	c := cursor{v: v, p: p, depth: depth - 1}
	var e escape
	switch begins[c.next()] {
	case percent, quoted:
		e = c.number(16, 2, 2)
	case backslash:
		e = c.backslash()
	case entity:
		e = c.entity()
	}
	switch {
	case c.st == partial && len(p) < maxToken:
		return e, partial
	case c.st != yes || c.i > maxToken:
		return e, no
	}
	e.size = c.i
	return e, yes
}

// cursor reads characters of the layer below. Once it fails it stays failed.
type cursor struct {
	v     view
	p     []byte
	depth int
	i     int
	st    status // partial or no; yes when the escape was read
}

func (c *cursor) next() byte {
	b, n, st := c.v.char(c.p[c.i:], c.depth)
	c.i += n
	c.st = st
	return b
}

// peek looks at the next character without taking it.
func (c *cursor) peek() byte {
	i := c.i
	b := c.next()
	c.i = i
	return b
}

func (c *cursor) fail() escape {
	c.st = no
	return escape{}
}

// number reads between least and most digits.
func (c *cursor) number(base, least, most int) escape {
	e := escape{prefix: c.i, base: base}
	value := 0
	for e.digits < most {
		b := c.peek()
		if c.st == partial {
			return escape{}
		}
		d := digit(b)
		if d >= base {
			break
		}
		value = min(value*base+d, 1<<16)
		c.next()
		e.digits++
	}
	if e.digits < least || value > 255 || value > 127 && most != 2 {
		return c.fail() // a character beyond ASCII is more than one byte: forms of their own cover those
	}
	e.value = byte(value)
	return e
}

// digit is the value of a digit in any base up to 16, and 99 for what is none.
func digit(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return 99
}

func (c *cursor) backslash() escape {
	b := c.peek()
	switch {
	case c.st == partial:
		return escape{}
	case '0' <= b && b <= '7':
		return c.number(8, 3, 3)
	}
	c.next()
	switch b {
	case 'u':
		return c.number(16, 4, 4)
	case 'x':
		return c.number(16, 2, 2)
	case 'n':
		return escape{value: '\n'}
	case 'r':
		return escape{value: '\r'}
	}
	if b <= ' ' || b > '~' || alnum(b) {
		return c.fail()
	}
	return escape{value: b}
}

// names of HTML's references to ASCII punctuation.
var names = map[string]byte{
	"amp": '&', "AMP": '&', "lt": '<', "LT": '<', "gt": '>', "GT": '>', "quot": '"', "QUOT": '"', "apos": '\'', "plus": '+',
	"sol": '/', "bsol": '\\', "equals": '=', "lowbar": '_', "UnderBar": '_', "hyphen": '-', "dash": '-', "period": '.', "comma": ',', "colon": ':',
	"semi": ';', "num": '#', "dollar": '$', "percnt": '%', "excl": '!', "quest": '?', "commat": '@', "lpar": '(', "rpar": ')',
	"lsqb": '[', "lbrack": '[', "rsqb": ']', "rbrack": ']', "lcub": '{', "lbrace": '{', "rcub": '}', "rbrace": '}', "verbar": '|', "vert": '|',
	"VerticalLine": '|', "ast": '*', "midast": '*', "Hat": '^', "grave": '`', "DiacriticalGrave": '`', "Tab": '\t', "NewLine": '\n',
}

func (c *cursor) entity() escape {
	b := c.next()
	if c.st == yes && b == '#' {
		return c.reference()
	}
	var name [16]byte
	n := 0
	for ; c.st == yes && alnum(b) && n < len(name); n++ {
		name[n] = b
		b = c.next()
	}
	value, known := names[string(name[:n])]
	if c.st == partial {
		return escape{}
	}
	if b != ';' || !known {
		return c.fail()
	}
	return escape{value: value}
}

// reference reads a numeric reference. Browsers do without its semicolon (HTML 13.2.5.80), so it may be missing.
func (c *cursor) reference() (e escape) {
	b := c.peek()
	if c.st == yes && b|0x20 == 'x' {
		c.next()
		e = c.number(16, 1, 8)
	} else if c.st == yes {
		e = c.number(10, 1, 8)
	}
	if c.st != yes {
		return e
	}
	switch b := c.peek(); {
	case c.st == yes && b == ';':
		c.next()
	case c.st == yes && digit(b) < e.base:
		return c.fail()
	}
	return e
}
