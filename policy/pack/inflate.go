package pack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// skipper reads past zlib streams (RFC 1950, RFC 1951) and counts what they would inflate to, without making it: most of a
// pack is of no interest, and this takes half the time or less. It looks neither at checksums nor at how far back copies
// reach. Whoever sends what is no such stream gains nothing: see History.Read.
type skipper struct {
	in   *bufio.Reader
	more func() error // is asked before more is read from in; its error ends the reading

	window []byte // what in holds
	used   int    // of it
	bits   uint64 // read and not yet used, the next one lowest
	n      uint   // how many; above them may be more, of bytes that window still has

	literals, distances huffman
	lengths             [286 + 30]uint8
}

var (
	errBroken = errors.New("a broken object: no zlib stream")
	errLarger = errors.New("an object larger than declared")
)

// skip reads one stream that inflates to size bytes.
func (s *skipper) skip(size uint64) error {
	s.window, s.used, s.bits, s.n = nil, 0, 0, 0
	defer s.giveBack()
	head, err := s.take(16)
	if err != nil {
		return err
	}
	if head&15 != 8 || head>>4&15 > 7 || (head&255<<8|head>>8)%31 != 0 || head>>13&1 != 0 {
		return errBroken
	}
	for last := uint64(0); last == 0; {
		if last, err = s.take(1); err != nil {
			return err
		}
		if size, err = s.block(size); err != nil {
			return err
		}
	}
	if size != 0 {
		return io.ErrUnexpectedEOF
	}
	s.align()
	_, err = s.take(32) // Adler-32
	return err
}

// block reads one block, of an object of which so much is left.
func (s *skipper) block(left uint64) (uint64, error) {
	kind, err := s.take(2)
	if err != nil {
		return left, err
	}
	switch kind {
	case 0:
		return s.stored(left)
	case 1:
		s.fixed()
	case 2:
		if err := s.dynamic(); err != nil {
			return left, err
		}
	default:
		return left, errBroken
	}
	return s.coded(left)
}

func (s *skipper) stored(left uint64) (uint64, error) {
	s.align()
	head, err := s.take(32)
	n := head & 0xffff
	switch {
	case err != nil:
		return left, err
	case n != ^(head>>16)&0xffff:
		return left, errBroken
	case n > left:
		return left, errLarger
	}
	s.giveBack()
	for rest := int(n); rest > 0; {
		if s.in.Buffered() == 0 {
			if err := s.refill(); err != nil {
				return left, err
			}
		}
		k, err := s.in.Discard(min(rest, s.in.Buffered()))
		if rest -= k; err != nil {
			return left, err
		}
	}
	s.window, s.used = nil, 0
	return left - n, nil
}

// coded reads a block's symbols.
func (s *skipper) coded(left uint64) (uint64, error) {
	for {
		left = s.run(left)
		if s.n < 48 { // what a length and a distance take at most
			s.fill()
		}
		sym, err := s.symbol(&s.literals)
		switch {
		case err != nil:
			return left, err
		case sym == 256:
			return left, nil
		case sym < 256:
			if left == 0 {
				return 0, errLarger
			}
			left--
			continue
		case sym > 285:
			return left, errBroken
		}
		length, err := s.take(uint(lengthBits[sym-257]))
		if err != nil {
			return left, err
		}
		if length += uint64(lengthBase[sym-257]); length > left {
			return left, errLarger
		}
		left -= length
		if sym, err = s.symbol(&s.distances); err == nil && sym > 29 {
			err = errBroken
		}
		if err == nil && sym > 3 {
			_, err = s.take(uint(sym)/2 - 1)
		}
		if err != nil {
			return left, err
		}
	}
}

// run reads literals as long as they come and there is enough of them, several at a time.
func (s *skipper) run(left uint64) uint64 {
	bits, n, window, runs := s.bits, s.n, s.window[s.used:], &s.literals.runs
	for len(window) >= 8 && left >= 64 { // more than 64 bits are
		bits |= binary.LittleEndian.Uint64(window) << n
		window = window[(63-n)>>3:]
		n |= 56
		for n >= shortCode {
			r := runs[bits%(1<<shortCode)]
			if r < 1<<4 {
				s.bits, s.n, s.used = bits, n, len(s.window)-len(window)
				return left
			}
			bits >>= r & 15
			n -= uint(r & 15)
			left -= uint64(r >> 4)
		}
	}
	s.bits, s.n, s.used = bits, n, len(s.window)-len(window)
	return left
}

// Of RFC 1951, section 3.2.5.
var (
	lengthBase = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
)

// fixed makes the codes of section 3.2.6.
func (s *skipper) fixed() {
	var lengths [288 + 30]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		case i < 288:
			lengths[i] = 8
		default:
			lengths[i] = 5
		}
	}
	s.literals.build(lengths[:288])
	s.distances.build(lengths[288:])
}

// codeOrder is the order of the lengths of the code for lengths (section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads a block's own codes.
func (s *skipper) dynamic() error {
	head, err := s.take(14)
	if err != nil {
		return err
	}
	literals, distances, codes := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if literals > 286 || distances > 30 {
		return errBroken
	}
	var of [19]uint8
	for _, i := range codeOrder[:codes] {
		n, err := s.take(3)
		if err != nil {
			return err
		}
		of[i] = uint8(n)
	}
	if !s.literals.build(of[:]) {
		return errBroken
	}
	all := s.lengths[:literals+distances]
	if err := s.codeLengths(all); err != nil {
		return err
	}
	if all[256] == 0 || !s.literals.build(all[:literals]) || !s.distances.build(all[literals:]) {
		return errBroken
	}
	return nil
}

// codeLengths reads lengths by the code that stands in literals.
func (s *skipper) codeLengths(all []uint8) error {
	for i := 0; i < len(all); {
		sym, err := s.symbol(&s.literals)
		if err != nil {
			return err
		}
		if sym < 16 {
			all[i] = uint8(sym)
			i++
			continue
		}
		bits, least, value := [...]uint{2, 3, 7}[sym-16], [...]int{3, 3, 11}[sym-16], uint8(0)
		again, err := s.take(bits)
		if err != nil {
			return err
		}
		if sym == 16 {
			if i == 0 {
				return errBroken
			}
			value = all[i-1]
		}
		n := least + int(again)
		if n > len(all)-i {
			return errBroken
		}
		for ; n > 0; n-- {
			all[i] = value
			i++
		}
	}
	return nil
}

// symbol reads one by a code.
func (s *skipper) symbol(h *huffman) (int, error) {
	if e := h.short[s.bits&(1<<shortCode-1)]; e&15 != 0 && uint(e&15) <= s.n {
		s.bits >>= e & 15
		s.n -= uint(e & 15)
		return int(e >> 4), nil
	}
	return s.longSymbol(h)
}

// longSymbol reads bit by bit: a long code, or what stands where more has to be read.
func (s *skipper) longSymbol(h *huffman) (int, error) {
	code, first, index := 0, 0, 0
	for length := 1; length <= maxCode; length++ {
		bit, err := s.take(1)
		if err != nil {
			return 0, err
		}
		code |= int(bit)
		n := int(h.count[length])
		if code-first < n {
			return int(h.symbols[index+code-first]), nil
		}
		index, first, code = index+n, (first+n)<<1, code<<1
	}
	return 0, errBroken
}

// fill takes what is there, and does not wait for more.
func (s *skipper) fill() {
	if len(s.window)-s.used >= 8 {
		s.bits |= binary.LittleEndian.Uint64(s.window[s.used:]) << s.n
		s.used += int(63-s.n) >> 3
		s.n |= 56
		return
	}
	for s.n < 56 && s.used < len(s.window) {
		s.bits = s.bits&(1<<s.n-1) | uint64(s.window[s.used])<<s.n
		s.used++
		s.n += 8
	}
}

// take reads up to 32 bits.
func (s *skipper) take(n uint) (uint64, error) {
	for s.n < n {
		if s.used == len(s.window) {
			if err := s.refill(); err != nil {
				return 0, err
			}
		}
		s.fill()
	}
	v := s.bits & (1<<n - 1)
	s.bits >>= n
	s.n -= n
	return v, nil
}

// align goes on to the next whole byte.
func (s *skipper) align() {
	s.bits >>= s.n % 8
	s.n -= s.n % 8
}

// giveBack leaves to the reader what was not used. What is in bits is of the window: refill sees to that.
func (s *skipper) giveBack() {
	s.used -= int(s.n / 8)
	s.in.Discard(s.used) // of what is buffered
	s.window, s.used = s.window[:0], 0
	s.bits, s.n = s.bits&(1<<(s.n%8)-1), s.n%8
}

// refill goes on in what the reader holds, and waits for more of it where all that was looked at.
func (s *skipper) refill() error {
	seen := int(s.n / 8)
	s.giveBack()
	if s.in.Buffered() == seen {
		if err := s.more(); err != nil {
			return err
		}
		if _, err := s.in.Peek(seen + 1); err != nil {
			return err
		}
	}
	s.window, _ = s.in.Peek(s.in.Buffered())
	return nil
}
