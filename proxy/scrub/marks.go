package scrub

import "bytes"

// block is how much text one look after another goes through, so that all but the first find it in the nearest cache.
const (
	block = 4 << 10
	words = block / 64
)

// marks says of the characters of a block, 64 in a word, which deserve a look, by themselves and the next one: those that begin
// an escape, and those that may stand in a form before a line break. It may mark more, and never less.
type marks [words]uint64

// beforeFeed characters come before the line feed of a break that may divide a form.
var beforeFeed = func() (t [256]bool) {
	t = mayBreak
	t['\r'] = true
	return t
}()

// find looks at p[from:to], which is at most a block, and returns the words that are of it.
func (m *marks) find(p []byte, from, to int) []uint64 {
	n := m.fast(p[from:], min(to, len(p)-1)-from) // of those that have a next one
	if from+n < to {
		m.slow(p, from, from+n, to)
	}
	return m[:(to-from+63)/64]
}

// slow marks in p[from:to], where from is at the head of a word of the block at base.
func (m *marks) slow(p []byte, base, from, to int) {
	clear(m[(from-base)/64 : (to-base+63)/64])
	for _, c := range []byte(`%\&=`) {
		for i := from; i < to; i++ {
			n := bytes.IndexByte(p[i:to], c)
			if n < 0 {
				break
			}
			if i += n; i+1 == len(p) || goesOn[p[i+1]]&begins[c] != 0 {
				m.add(i - base)
			}
		}
	}
	for i, end := from+1, min(to+1, len(p)); i < end; i++ {
		n := bytes.IndexByte(p[i:end], '\n')
		if n < 0 {
			break
		}
		if i += n; beforeFeed[p[i-1]] {
			m.add(i - 1 - base)
		}
	}
}

func (m *marks) add(i int) { m[i/64] |= 1 << (i % 64) }
