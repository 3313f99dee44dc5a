package scrub

import "io"

// Decode undoes content encodings.
func Decode(encodings []string, r io.Reader) (io.Reader, error) { return r, nil }
