// Package scrub takes live secrets out of what comes back, and puts the placeholder in their place.
//
// A Set is made of forms: the spellings of each secret that servers produce (raw, upper, lower, swapped and header case,
// reversed, rot13, UTF-16 and UTF-32, UTF-8 read as Latin-1, hex, lists of bytes and of characters, base32, base64 at every
// alignment, base64 of base64, of hex, of UTF-16, of HTML and of the reverse, bits, full width, and by itself base58, base32hex and base64 thrice). Every form is found as it stands, and (but for
// lists and mixtures) also when any subset of its characters is escaped (%41, \u0041, \x41, \101, &#65;, &#x41;, &plus;, =41, \/), up to three layers deep,
// and when wrapped lines (of at least 32 characters, indented or not) break it. Its replacement is the placeholder in the same spelling, so that a decoder gets the placeholder.
//
// In the first 256 KiB of a text it is also found where its characters stand apart, by whatever is neither letter nor digit, in whatever case, and so are
// each half of a long one and longer pieces (apart.go).
//
// What is not caught: secrets compressed or encrypted inside a body, a secret with other letters or digits between its characters, a
// secret in many parts (over WebSocket messages, events, or JSON fields), mixtures of the spellings above other than those
// named (base32 of hex, say), and any encoding made up for the purpose. A hostile server
// that was sent the secret has it; scrubbing is for the honest one that echoes. Base64 and base32 characters that a
// secret shares with its neighbours stay (at most 4 bits at either end).
package scrub

import (
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Pair is one secret and what stands in for it.
type Pair struct {
	// Secret is the live value. An empty one is ignored.
	Secret []byte
	// Placeholder is what the child holds instead.
	Placeholder string
}

// Set is an immutable collection of needles, safe for concurrent use. A nil Set scrubs nothing. Making one takes
// about a millisecond and a megabyte of garbage for each secret: make it once, when first needed, not for each request.
type Set struct {
	forms   []form
	grams   grams
	escapes escapes
	starts  starts
	guesses *guesses
	same    bool
	apart   *Set                // of letters by themselves; nil: none are looked for
	deepest int                 // of such a Set: how many letters of a form may have gone out before it is known to have begun
	newer   atomic.Pointer[Set] // what goes on in its place; nil: nothing does
}

// form is one spelling of a secret, and the same spelling of its placeholder. Who is known to have guessed its first deep bytes
// may be guessing at the rest.
type form struct {
	needle, repl []byte
	deep         int
	asItIs       bool     // nobody looks for it under escapes
	excerpt      *excerpt // of what it is one; nil: of nothing
}

// New makes a Set. Where two pairs have the same spelling the first one wins.
func New(pairs []Pair) *Set {
	var b, apart builder
	for _, p := range pairs {
		b.spell(p.Secret, []byte(p.Placeholder))
		b.deepen(len(p.Secret))
		apart.spread(p.Secret, []byte(p.Placeholder))
	}
	s := newSet(b.forms)
	s.same = s.same && !b.uneven
	s.apart = newApart(apart.forms)
	return s
}

// newApart makes a Set that only scan.lookApart uses.
func newApart(forms []form) *Set {
	if len(forms) == 0 {
		return nil
	}
	s := &Set{forms: forms}
	for _, f := range forms {
		s.deepest = max(s.deepest, f.deep)
	}
	s.grams.build(forms)
	s.starts.build(forms)
	return s
}

func newSet(forms []form) *Set {
	s := &Set{forms: forms, guesses: &guesses{}, same: true}
	for i, f := range forms {
		s.same = s.same && len(f.needle) == len(f.repl)
		if f.deep == 0 { // it stands for nothing that could be guessed
			forms[i].deep = len(f.needle)
		}
	}
	s.grams.build(forms)
	s.starts.build(forms)
	s.escapes.build(forms, &s.starts)
	return s
}

// After makes s as wary of guesses as old is, and keeps both so. It returns s; old may be nil.
func (s *Set) After(old *Set) *Set {
	if old != nil {
		s.guesses = old.guesses
	}
	return s
}

// Becomes has the streams that s scrubs go on with newer, from the next that comes.
func (s *Set) Becomes(newer *Set) {
	if s != nil && s != newer {
		s.newer.Store(newer)
	}
}

// latest is what s has become.
func (s *Set) latest() *Set {
	if s == nil {
		return nil
	}
	for newer := s.newer.Load(); newer != nil; newer = s.newer.Load() {
		s = newer
	}
	return s
}

// SameLength says whether every replacement is as long as what it replaces, so that Content-Length stays true.
// It holds when each placeholder is as long as its secret and has its special characters at the same places.
func (s *Set) SameLength() bool { return s == nil || s.same }

// Bytes scrubs a whole buffer. It returns p itself when there is nothing to scrub, and a new buffer otherwise.
func (s *Set) Bytes(p []byte) (out []byte, hits int) {
	if s = s.latest(); s == nil || len(s.forms) == 0 {
		return p, 0
	}
	sc := scan{set: s, buf: p, final: true}
	if len(p) >= minApart && s.apart != nil {
		sc.look = min(len(p), lookApart)
		room := rooms.Get().(*[]byte)
		sc.apart.letters = (*room)[:0]
		defer func() { *room = sc.apart.letters; rooms.Put(room) }()
	}
	sc.run()
	if len(sc.found) == 0 {
		return p, 0
	}
	out, _, hits = sc.rewrite(make([]byte, 0, len(p)+64), 0)
	return out, hits
}

// rooms are what the letters of texts are gathered in.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// String is Bytes for a string.
func (s *Set) String(x string) (string, int) {
	out, hits := s.Bytes(unsafe.Slice(unsafe.StringData(x), len(x))) // read only: Bytes never writes to p
	if hits == 0 {
		return x, 0
	}
	return string(out), hits
}

// Header scrubs the names and values of every field in place.
func (s *Set) Header(h http.Header) (hits int) {
	if s == nil {
		return 0
	}
	var renamed []string
	for name, values := range h {
		for i, v := range values {
			clean, n := s.String(v)
			values[i], hits = clean, hits+n
		}
		if _, n := s.String(name); n > 0 {
			renamed, hits = append(renamed, name), hits+n
		}
	}
	sort.Strings(renamed) // two names may become one
	for _, name := range renamed {
		clean, _ := s.String(name)
		h[clean] = append(h[clean], h[name]...)
		delete(h, name)
	}
	return hits
}
