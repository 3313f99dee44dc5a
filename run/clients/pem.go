package clients

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"iter"
	"slices"
)

const (
	beginCertificate = "-----BEGIN CERTIFICATE-----"
	endCertificate   = "-----END CERTIFICATE-----"
)

// parseCA reads the run's CA.
func parseCA(text []byte) (*x509.Certificate, error) {
	for _, der := range certificates(text) {
		return x509.ParseCertificate(der)
	}
	return nil, errors.New("the CA is no PEM")
}

// certificates gives the certificates of a PEM file (RFC 7468 section 5): the base64 lines of each, and what they stand
// for, which is good until the next. What is no certificate is passed over. encoding/pem takes three times as long for
// the roots of a system, and every start would wait for it.
func certificates(text []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(lines, der []byte) bool) {
		var der []byte
		for {
			_, rest, found := bytes.Cut(text, []byte(beginCertificate))
			if !found {
				return
			}
			lines, _, _ := bytes.Cut(rest, []byte("-----"))
			text = rest[len(lines):]
			if !bytes.HasPrefix(text, []byte(endCertificate)) {
				continue // cut off, and perhaps by the next
			}
			lines = withoutBlanks(lines)
			var err error
			der = slices.Grow(der[:0], base64.StdEncoding.DecodedLen(len(lines)))
			if der, err = base64.StdEncoding.AppendDecode(der, lines); err != nil || !separate(lines) {
				continue
			}
			if !yield(lines, der) {
				return
			}
		}
	}
}

// withoutBlanks takes out the blanks at the ends of lines: PEM readers pass over them.
func withoutBlanks(text []byte) []byte {
	if bytes.IndexByte(text, ' ') < 0 && bytes.IndexByte(text, '\t') < 0 {
		return text
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(" "), nil), []byte("\t"), nil)
}

// separate says whether the text has lines of its own, apart from those that begin and end a block.
func separate(lines []byte) bool {
	lines = bytes.TrimPrefix(lines, []byte("\r"))
	return bytes.HasPrefix(lines, []byte("\n")) && bytes.HasSuffix(lines, []byte("\n"))
}

// certificatesOnly leaves out what else a user's PEM file may hold: a private key must not be copied.
func certificatesOnly(text []byte) []byte {
	out := make([]byte, 0, len(text)+1)
	for lines := range certificates(text) {
		out = append(append(append(out, beginCertificate...), lines...), endCertificate+"\n"...)
	}
	return out
}
