package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	anchorExt   = ".anchor"
	anchorMagic = "agentguard-anchor-1 "
	anchorSize  = len(anchorMagic) + 20 + 1 + 64 + 1 + 8 + 1
)

// head is how far a log has come: its last line's number and chain.
type head struct {
	seq   uint64
	chain [32]byte
}

// append writes h as an anchor file's content.
func (h *head) append(b []byte) []byte {
	start := len(b)
	b = append(b, anchorMagic...)
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

var errAnchor = errors.New("it is damaged")

// parseAnchor takes exactly what append writes.
func parseAnchor(b []byte) (h head, err error) {
	if len(b) != anchorSize {
		return head{}, errAnchor
	}
	digits := b[len(anchorMagic):]
	if h.seq, err = strconv.ParseUint(string(digits[:20]), 10, 64); err != nil {
		return head{}, errAnchor
	}
	if _, err = hex.Decode(h.chain[:], digits[21:21+64]); err != nil {
		return head{}, errAnchor
	}
	if string(h.append(nil)) != string(b) {
		return head{}, errAnchor
	}
	return h, nil
}

// readAnchor reads the anchor of the log at path.
func readAnchor(path, anchorDir string) (head, error) {
	name := anchorPath(path, anchorDir)
	f, err := openRegular(name)
	if err != nil {
		return head{}, err
	}
	defer f.Close()
	b := make([]byte, anchorSize+1)
	n, _ := f.ReadAt(b, 0) // whatever was not read fails to parse
	h, err := parseAnchor(b[:n])
	if err != nil {
		return head{}, fmt.Errorf("anchor %s: %w", name, err)
	}
	return h, nil
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
