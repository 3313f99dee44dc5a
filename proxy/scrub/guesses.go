package scrub

import (
	"bytes"
	"sync/atomic"
)

// An end that is held back tells that it is the beginning of a form. A child with an accomplice that sends what it is told to
// (a host of [network] allow, a service that echoes a stream) could so guess a secret character by character. guesses
// counts ends that were held back after more than chance explains and of which no secret came. After a few of them the
// streams of the run are held back in a way that has nothing to do with any secret: at the beginning of the last word.
type guesses struct {
	open atomic.Int32
	many atomic.Bool
}

const (
	// tooMany is after how many guesses that came true no more can.
	tooMany = 2

	// chance is how many characters of a secret an innocent text may end in, behind its public prefix: four of 62 are 24 bits.
	chance = 4

	// maxWord bounds what is held back of a word, in bytes. Of a form whose characters are escaped in maxToken bytes each, more
	// than can be guessed at once has room in it.
	maxWord = 2 << 10
)

func (g *guesses) add() {
	if g.open.Add(1) >= tooMany {
		g.many.Store(true)
	}
}

// deepen sets how deep the forms are that have none yet, of a secret of size bytes.
func (b *builder) deepen(size int) {
	for i := len(b.forms) - 1; i >= 0 && b.forms[i].deep == 0; i-- {
		f := &b.forms[i]
		for f.deep < min(len(f.needle), len(f.repl)) && f.needle[f.deep] == f.repl[f.deep] {
			f.deep++ // the public prefix
		}
		f.deep += (chance*len(f.needle) + size - 1) / max(size, 1)
	}
}

// note takes down that p, the beginning of a form, is being held back.
func (sc *scan) note(p []byte) {
	if len(p) < chance || sc.deep {
		return
	}
	if f := sc.set.starts.first(sc.set.forms, p); f != nil {
		sc.deep = len(p) >= f.deep
	}
}

// count keeps the account of what this stream holds back, after a scan that began with old bytes held back before.
func (r *reader) count(sc *scan, old int) {
	was := r.deep
	if r.deep = sc.deep; was && sc.deep && sc.hold == 0 {
		return // the same, and longer
	}
	if was && len(sc.found) > 0 && sc.found[0].start < old {
		r.set.guesses.open.Add(-1) // it was the secret indeed
	}
	if sc.deep {
		r.set.guesses.add()
	}
}

// word is where the last word begins: the characters that forms and their escapes are made of, over line breaks that may
// divide a form. What begins a form begins there or behind.
func (sc *scan) word() int {
	i := len(sc.buf)
	for i > max(0, len(sc.buf)-maxWord) {
		c := sc.buf[i-1]
		switch {
		case c == '\r' || c == '\n':
			line := bytes.TrimSuffix(sc.buf[:i-1], []byte("\r"))
			if !sc.before.mayEnd(line, c) && !bytes.HasSuffix(line, []byte("=")) {
				return i
			}
		case !inLine[c] && !odd[c] && c != '#' && c != ';' && !sc.set.escapes.any[c]:
			return i
		}
		i--
	}
	return i
}
