package scrub

import "bytes"

// encode appends c as raw writes its character: the same layers, the same kind, the same case of digits and, where
// it has room, the same width.
func (v view) encode(dst, raw []byte, depth int, c byte) []byte {
	if old, size, _ := v.char(raw, depth); size == len(raw) && old == c {
		return append(dst, raw...)
	}
	if depth == 0 || len(raw) == 1 {
		return append(dst, c)
	}
	first, size, _ := v.char(raw, depth-1)
	if size == len(raw) {
		return v.encode(dst, raw, depth-1, c)
	}
	e, _ := v.escape(raw, depth, first, size)
	if e.base == 0 {
		return v.encodeShort(dst, raw, depth, c)
	}
	return v.encodeDigits(append(dst, raw[:e.prefix]...), raw[e.prefix:], depth-1, e, c)
}

// encodeDigits writes c's number where the digits at the head of raw stood, and then the rest of raw. A number that has
// more digits than the old one (&#99; to &#100;) gets the first ones bare.
func (v view) encodeDigits(dst, raw []byte, depth int, e escape, c byte) []byte {
	var text [8]byte
	letters, n := caseOf(raw, e), 0
	for value := int(c); n < e.digits || value > 0; value /= e.base {
		n++
		text[len(text)-n] = letters[value%e.base]
	}
	for ; n > 0; n-- {
		d, size := text[len(text)-n], 0
		if n > e.digits {
			dst = append(dst, d)
			continue
		}
		_, size, _ = v.char(raw, depth)
		dst, raw = v.encode(dst, raw[:size], depth, d), raw[size:]
	}
	return append(dst, raw...)
}

// caseOf returns the digits in the case that raw uses. Of digits without letters it tells by the kind: Go, Python and
// JavaScript write %2F and \u003c.
func caseOf(raw []byte, e escape) string {
	for _, b := range raw {
		if 'a' <= b && b <= 'f' {
			return "0123456789abcdef"
		}
	}
	if e.digits == 4 && !bytes.ContainsAny(raw, "ABCDEF") {
		return "0123456789abcdef"
	}
	return "0123456789ABCDEF"
}

// encodeShort writes c where an escape without digits stood.
func (v view) encodeShort(dst, raw []byte, depth int, c byte) []byte {
	first, size, _ := v.char(raw, depth-1)
	switch {
	case alnum(c) || c <= ' ' || c > '~':
		return append(dst, c)
	case begins[first] == backslash:
		return v.encode(append(dst, raw[:size]...), raw[size:], depth-1, c)
	}
	return append(append(append(dst, "&#x"...), hexLower([]byte{c})...), ';')
}

// special says whether c would mean something else if it stood bare in text of these kinds.
func special(c byte, of kinds) bool {
	switch {
	case of&percent != 0 && !unreserved(c):
		return true
	case of&backslash != 0 && (c == '"' || c == '\\' || c < ' '):
		return true
	case of&entity != 0 && (c == '&' || c == '<' || c == '>' || c == '"' || c == '\''):
		return true
	}
	return of&quoted != 0 && (c == '=' || c > '~')
}

// piece is one character of a match: the line break before it, if there is one, and what it is written as.
type piece struct{ gap, raw []byte }

// replacement is what to write where m was.
func (sc *scan) replacement(m match) []byte {
	if m.view == isApart {
		return sc.replaceApart(m)
	}
	f, sized := sc.set.forms[m.form], sc.sized || sc.set.same
	if sized {
		f.repl = asLong(f.repl, len(f.needle))
	}
	if m.view < 0 {
		return f.repl
	}
	v := sc.set.escapes.views[m.view]
	pieces := sc.pieces(m, v, f.needle)
	out := v.rewrite(pieces, f, !sized)
	if size := m.end - m.start; sized && len(out) != size {
		out = v.fit(pieces, f, size)
	}
	return out
}

// asLong cuts or fills a replacement to n bytes.
func asLong(repl []byte, n int) []byte {
	if len(repl) < n {
		return append(bytes.Clone(repl), bytes.Repeat([]byte("x"), n-len(repl))...)
	}
	return repl[:n]
}

// pieces reads a match as walk did: what comes before its first odd place stands for itself, whatever it looks like.
func (sc *scan) pieces(m match, v view, needle []byte) (out []piece) {
	for i, k := m.start, 0; k < len(needle); k++ {
		if i < m.odd {
			out, i = append(out, piece{nil, sc.buf[i : i+1]}), i+1
			continue
		}
		c, size, _ := v.read(sc.buf[i:])
		gap := 0
		if c != needle[k] {
			end := c
			if c, gap, size, _ = sc.afterBreak(v, i, end, false); c != needle[k] {
				_, gap, size, _ = sc.afterBreak(v, i, end, true)
			}
		}
		out = append(out, piece{sc.buf[i : i+gap], sc.buf[i+gap : i+gap+size]})
		i += gap + size
	}
	return out
}

// rewrite writes each character of the placeholder as the secret's at its place was, and those beyond it as the last.
// With guard, characters that the text would not bear bare are escaped in the way that the match shows.
func (v view) rewrite(pieces []piece, f form, guard bool) (out []byte) {
	used, model := v.style(pieces)
	for i, c := range f.repl {
		p := pieces[min(i, len(pieces)-1)]
		if i < len(pieces) {
			out = append(out, p.gap...)
		}
		if guard && model != nil && len(p.raw) == 1 && p.raw[0] != c && special(c, used) {
			out = v.encode(out, model, len(v), c)
			continue
		}
		out = v.encode(out, p.raw, len(v), c)
	}
	return out
}

// style tells which kinds of escapes a match uses, and gives its first as a model.
func (v view) style(pieces []piece) (used kinds, model []byte) {
	for _, p := range pieces {
		if len(p.raw) > 1 {
			used |= begins[p.raw[0]]
			if model == nil {
				model = p.raw
			}
		}
	}
	return used, model
}

// fit is rewrite for a place of fixed size, where the placeholder's escapes have another size than the secret's. An HTML
// reference takes up any difference with leading zeros. Otherwise it can only be an escape without digits, such as the \/ of base64
// in JSON; those stay as they are where what they stand for is no letter or digit.
func (v view) fit(pieces []piece, f form, size int) (out []byte) {
	for _, p := range pieces {
		for depth := range v {
			if c, n, _ := v.char(p.raw, depth); c == '&' && n < len(p.raw) {
				if out = withReference(f.repl, p.raw[:n], size); out != nil {
					return out
				}
			}
		}
	}
	for i, c := range f.repl {
		p := pieces[i]
		from := len(out) + len(p.gap)
		out = v.encode(append(out, p.gap...), p.raw, len(v), c)
		if len(out)-from != len(p.raw) && !alnum(f.needle[i]) {
			out = append(out[:from], p.raw...)
		}
	}
	if len(out) != size {
		out = append(bytes.Clone(f.repl), bytes.Repeat([]byte("-"), size-len(f.repl))...)
	}
	return out
}

// withReference writes repl in size bytes, with one of its characters as a numeric reference that begins with amp.
func withReference(repl, amp []byte, size int) []byte {
	zeros := size - len(repl) + 1 - len(amp) - len("#00;")
	at := bytes.IndexFunc(repl, func(r rune) bool { return r < 100 })
	if zeros < 0 || at < 0 {
		return nil
	}
	out := append(bytes.Clone(repl[:at]), amp...)
	out = append(append(out, '#'), bytes.Repeat([]byte("0"), zeros)...)
	return append(append(out, '0'+repl[at]/10, '0'+repl[at]%10, ';'), repl[at+1:]...)
}
