package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const anchorExt = ".anchor"

// The anchor's two lines, by where they lie.
const (
	written = iota
	writing
)

// anchorWords begin the lines, in that order.
var anchorWords = [2]string{"agentguard-anchor-2 written ", "agentguard-anchor-2 writing "}

const (
	anchorWord = len("agentguard-anchor-2 written ")
	anchorLine = anchorWord + 20 + 1 + 64 + 1 + 8 + 1
	anchorSize = 2 * anchorLine
)

// head is how far a log has come: its last line's number and chain.
type head struct {
	seq   uint64
	chain [32]byte
}

// append writes h as the anchor's line which.
func (h *head) append(b []byte, which int) []byte {
	start := len(b)
	b = append(b, anchorWords[which]...)
	b = appendPadded(b, h.seq)
	b = append(b, ' ')
	b = hex.AppendEncode(b, h.chain[:])
	b = append(b, ' ')
	sum := crc32.ChecksumIEEE(b[start:])
	b = hex.AppendEncode(b, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return append(b, '\n')
}

// appendPadded appends n in 20 digits, as many as the largest uint64 has.
func appendPadded(b []byte, n uint64) []byte {
	var d [20]byte
	for i := len(d) - 1; i >= 0; i-- {
		d[i] = byte('0' + n%10)
		n /= 10
	}
	return append(b, d[:]...)
}

// anchorFile is an anchor that is being kept.
type anchorFile struct {
	file *os.File
	mem  []byte           // the file's content, mapped; nil: lines are written with a system call
	line [anchorLine]byte // the one to store, encoded
}

// createAnchor makes an anchor of a log without lines. Both lines are written before the file is mapped, so that it has
// its full size on the disk, and stores into it need no space that a full disk would lack.
func createAnchor(dir, name string, start *head) (*anchorFile, error) {
	f, err := createFile(dir, name)
	if err != nil {
		return nil, err
	}
	a := &anchorFile{file: f}
	err = a.store(written, start)
	if err == nil {
		err = a.store(writing, start)
	}
	if err != nil {
		a.close()
		os.Remove(filepath.Join(dir, name))
		return nil, err
	}
	a.mem, _ = mapFile(f, anchorSize)
	return a, nil
}

// store makes h the line which. A kill may leave that line torn, which its checksum shows, but not the other one. A
// mapping that faults is given up: the file was cut by someone, or lies on a file system that needs space for every
// change (copy on write) and has none. The system call then mends the first, and has an error for the second.
func (a *anchorFile) store(which int, h *head) error {
	line := h.append(a.line[:0], which)
	if a.mem != nil {
		if copyMapped(a.mem[which*anchorLine:][:anchorLine], line) {
			return nil
		}
		a.unmap()
	}
	if _, err := a.file.WriteAt(line, int64(which*anchorLine)); err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	return nil
}

// copyMapped copies src to mapped memory and says whether that went well. Go ends a program that faults there, unless it
// is told to panic.
func copyMapped(dst, src []byte) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	copy(dst, src)
	return true
}

func (a *anchorFile) unmap() {
	if a.mem != nil {
		unmapFile(a.mem)
		a.mem = nil
	}
}

func (a *anchorFile) close() error {
	a.unmap()
	return a.file.Close()
}

// anchor is what an anchor file says: the log goes at least to low and at most to high.
type anchor struct {
	low, high head
	torn      bool // one of the two lines is not whole
}

var errAnchor = errors.New("it is damaged")

// parseAnchor takes exactly what store writes. Where one line is torn its writer died in the middle of storing it: of
// "written" after all that "writing" announced had been written, of "writing" before any of it was.
func parseAnchor(b []byte) (a anchor, err error) {
	if len(b) != anchorSize {
		return anchor{}, errAnchor
	}
	low, errLow := parseHead(b[:anchorLine], written)
	high, errHigh := parseHead(b[anchorLine:], writing)
	switch {
	case errLow != nil && errHigh != nil:
		return anchor{}, errAnchor
	case errLow != nil:
		low = high
	case errHigh != nil || high.seq < low.seq: // both were read while they moved on, the second one first
		high = low
	}
	return anchor{low, high, errLow != nil || errHigh != nil}, nil
}

func parseHead(b []byte, which int) (h head, err error) {
	digits := b[anchorWord:]
	if h.seq, err = strconv.ParseUint(string(digits[:20]), 10, 64); err != nil {
		return head{}, errAnchor
	}
	if _, err = hex.Decode(h.chain[:], digits[21:21+64]); err != nil {
		return head{}, errAnchor
	}
	if string(h.append(nil, which)) != string(b) {
		return head{}, errAnchor
	}
	return h, nil
}

// anchorTries is how often an anchor is read that is not whole, a millisecond apart. While a log is written a line may
// be caught half stored, which is over a moment later; what stays so was left by a kill, or is damage.
const anchorTries = 10

// readAnchor reads the anchor of the log at path.
func readAnchor(path, anchorDir string) (a anchor, err error) {
	name := anchorPath(path, anchorDir)
	f, err := openRegular(name)
	if err != nil {
		return anchor{}, err
	}
	defer f.Close()
	b := make([]byte, anchorSize+1)
	for try := range anchorTries {
		if try > 0 {
			time.Sleep(time.Millisecond)
		}
		n, _ := f.ReadAt(b, 0) // whatever was not read fails to parse
		if a, err = parseAnchor(b[:n]); err == nil && !a.torn {
			return a, nil
		}
	}
	if err != nil {
		return anchor{}, fmt.Errorf("anchor %s: %w", name, err)
	}
	return a, nil
}

func anchorPath(path, anchorDir string) string {
	return filepath.Join(anchorDir, strings.TrimSuffix(filepath.Base(path), logExt)+anchorExt)
}

// openRegular opens a file for reading, and nothing else: a FIFO would hold the reader for ever.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.Open(name)
}
