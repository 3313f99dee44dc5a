package proxy

import (
	"errors"
	"io"
	"strings"
)

// errUnnamed is a body that calls itself text and is compressed without saying so, once or once more: a client that undoes it
// would find what nobody has looked through.
var errUnnamed = errors.New("the response is compressed in a way that its Content-Encoding does not name")

// unnamed are the beginnings of gzip (RFC 1952 section 2.3), of zstd (RFC 8878 section 3.1.1), of zlib as it is usual (RFC
// 1950 section 2.2), of xz and of zip. No text in UTF-8 has them.
var unnamed = []string{"\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "\x78\x9c", "\x78\xda", "\x78\x01", "\xfd7zX", "PK\x03\x04"}

// text ends a body that is none after its first bytes.
type text struct {
	io.Reader
	head [4]byte
	n    int
}

func (t *text) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if t.n < len(t.head) {
		t.n += copy(t.head[t.n:], p[:n])
		for _, begin := range unnamed {
			if strings.HasPrefix(string(t.head[:t.n]), begin) {
				return 0, errUnnamed
			}
		}
	}
	return n, err
}

// isText says whether a type is one of text.
func isText(contentType string) bool {
	kind := mediaType(contentType)
	for _, end := range [...]string{"xml", "json", "jsonl", "json-seq", "yaml", "javascript", "x-www-form-urlencoded", "graphql"} {
		if strings.HasSuffix(kind, end) {
			return true
		}
	}
	return strings.HasPrefix(kind, "text/")
}
