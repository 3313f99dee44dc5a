package pack

// The bits of the longest code, and of those that are found at once.
const (
	maxCode   = 15
	shortCode = 10
)

// huffman is one of the codes of a block (RFC 1951 section 3.2).
type huffman struct {
	count   [maxCode + 1]uint16    // of symbols, by the length of their codes
	symbols [288]uint16            // in the order of their codes
	short   [1 << shortCode]uint16 // the symbol, and in the last four bits the length of its code; 0: of a longer one
	runs    [1 << shortCode]uint8  // how many whole literals begin the bits, and in the last four how many bits they take
}

// build makes a code of its lengths (RFC 1951 section 3.2.2). It is false for one in which codes begin with others.
func (h *huffman) build(lengths []uint8) bool {
	h.count = [maxCode + 1]uint16{}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	left := 1
	var next, at [maxCode + 2]int
	for l := 1; l <= maxCode; l++ {
		if left = left<<1 - int(h.count[l]); left < 0 {
			return false
		}
		next[l+1] = (next[l] + int(h.count[l])) << 1
		at[l+1] = at[l] + int(h.count[l])
	}
	clear(h.short[:])
	for sym, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbols[at[l]] = uint16(sym)
		at[l]++
		code := next[l]
		if next[l]++; l <= shortCode {
			h.spread(code, uint(l), uint16(sym))
		}
	}
	h.count256()
	return true
}

// count256 finds the literals that follow each other within what is looked up at once.
func (h *huffman) count256() {
	for i := range h.runs {
		n, bits := 0, uint(0)
		for bits < shortCode {
			e := h.short[i>>bits]
			if e&15 == 0 || e>>4 >= 256 || bits+uint(e&15) > shortCode {
				break
			}
			n, bits = n+1, bits+uint(e&15)
		}
		h.runs[i] = uint8(n<<4 | int(bits))
	}
}

// spread puts a code, whose first bit comes first, wherever it is followed by anything.
func (h *huffman) spread(code int, length uint, sym uint16) {
	var backwards uint
	for range length {
		backwards = backwards<<1 | uint(code&1)
		code >>= 1
	}
	for i := backwards; i < 1<<shortCode; i += 1 << length {
		h.short[i] = sym<<4 | uint16(length)
	}
}
