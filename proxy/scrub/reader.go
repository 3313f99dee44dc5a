package scrub

import "io"

// minRead is the least room worth reading into; a caller with less is served from a buffer of our own.
const (
	minRead = 512
	ownRead = 4096
)

// reader scrubs a stream. It reads into its caller's buffer and scans there, so that clean text is not copied.
type reader struct {
	set *Set
	src io.Reader
	hit func(n int)

	out    []byte // scrubbed, and not yet read
	held   []byte // the end of the stream so far, which may be the beginning of a form
	done   int    // bytes of held that a match before them has already replaced
	before line   // what came before held
	sized  bool   // how long the text is has been told
	deep   bool   // held is so much of a form that somebody may be guessing
	passed int    // how much came before held, up to lookApart
	apart  apart  // what is known of the letters there
	err    error  // what the source said at last

	own   []byte
	store []byte // what out is made in
	found []match
}

// Reader scrubs r. Read gives what is safe as soon as it is there, and holds back only an end that is a proper prefix of a form,
// until more of it or its end tells. Where r breaks off, what is held back stays back: it may be all of a secret but its last
// character. Where the set is one of SameLength the text's length does not change, whatever set goes on in its place. hit, unless
// it is nil, is told of replacements as they are made.
func (s *Set) Reader(r io.Reader, hit func(n int)) io.Reader {
	if s == nil || len(s.forms) == 0 {
		return r
	}
	return &reader{set: s, src: r, hit: hit, sized: s.same}
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(r.out) > 0 {
			n := copy(p, r.out)
			r.out = r.out[n:]
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		buf := r.room(p)
		copy(buf, r.held)
		var n int
		for range 100 { // as many empty reads as bufio bears
			if n, r.err = r.src.Read(buf[len(r.held):]); n > 0 || r.err != nil {
				break
			}
		}
		if n == 0 && r.err == nil {
			return 0, io.ErrNoProgress
		}
		if n := r.step(p, buf[:len(r.held)+n]); n > 0 {
			return n, nil
		}
	}
}

// room returns p if there is enough of it.
func (r *reader) room(p []byte) []byte {
	if len(p) >= len(r.held)+minRead {
		return p
	}
	if need := len(r.held) + ownRead; len(r.own) < need {
		r.own = make([]byte, need)
	}
	return r.own
}

// step scrubs buf, which begins with held. It returns how many bytes of p it has filled; others are in out.
func (r *reader) step(p, buf []byte) (n int) {
	clean, hits := r.part(buf, r.err == io.EOF)
	if hits > 0 && r.hit != nil {
		r.hit(hits)
	}
	if len(clean) > 0 && len(buf) <= len(p) && &buf[0] == &p[0] && hits == 0 {
		return copy(p, clean) // it is there already, but for what was done before
	}
	r.out = clean
	return 0
}

// part scrubs buf, which begins with held. It returns what is decided, which is a part of buf or stays until the next call.
func (r *reader) part(buf []byte, final bool) (clean []byte, hits int) {
	r.set = r.set.latest()
	sc := scan{set: r.set, buf: buf, before: r.before, final: final, sized: r.sized, found: r.found[:0]}
	sc.look, sc.apart = min(len(buf), lookApart-r.passed), r.apart
	sc.run()
	r.count(&sc, len(r.held))
	end := max(sc.hold, r.done)
	if len(sc.found) == 0 {
		clean = buf[r.done:end]
	} else {
		clean, end, hits = sc.rewrite(r.store[:0], r.done)
		r.store = clean
	}
	r.found, r.before = sc.found, r.before.after(buf[:sc.hold])
	r.goOn(&sc)
	r.held, r.done = append(r.held[:0], buf[sc.hold:]...), end-sc.hold
	return clean, hits
}

// goOn keeps what must be known of the letters later, while there is more to be looked through.
func (r *reader) goOn(sc *scan) {
	r.apart = apart{}
	if r.passed = min(r.passed+sc.hold, lookApart); r.passed < lookApart && sc.set.apart != nil {
		r.apart = sc.keepApart()
	}
}

// reset forgets the stream, for another one.
func (r *reader) reset() {
	r.held, r.done, r.before, r.deep = r.held[:0], 0, line{}, false
	r.passed, r.apart = 0, apart{letters: r.apart.letters[:0]}
}
