package vault

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"unicode"
)

// Secret is a credential's bytes that refuse to be printed: every verb of fmt, encoding/json, encoding.TextMarshaler and
// slog give "[secret]". The bytes come out through Reveal alone. The zero Secret is empty. Two Secrets are == when they
// are the same reading of the same value, which tells a refreshed value from the one before.
type Secret struct{ v *value }

// value sits behind a pointer: fmt cannot call methods on a Secret in somebody's unexported field, and prints a nested
// pointer as an address.
type value struct{ b []byte }

// minSecret is the shortest secret, in bytes, that can be taken out of responses without damaging innocent text.
const minSecret = 8

// NewSecret takes ownership of b. It refuses values that cannot be sent safely (CR, LF, NUL: they would split a header; the
// other control characters no header may hold, and a tab has a spelling of its own in JSON), or cannot be scrubbed safely:
// those shorter than minSecret, and those with white space at an end, which servers drop (RFC 9110 section 5.5), so that what
// comes back would be another text than the one that is looked for. The error never holds any of b.
func NewSecret(b []byte) (Secret, error) {
	if err := unfit(b); err != nil {
		return Secret{}, hint(err, "put the secret there as it was issued: whole, and nothing but it")
	}
	return Secret{&value{b}}, nil
}

// unfit says why a value cannot be a secret; nil: it can.
func unfit(b []byte) error {
	bare := bytes.TrimSpace(b)
	switch n := len(bare); {
	case bytes.ContainsAny(b, "\r\n\x00"):
		return errors.New("the value holds a line break or NUL, which cannot be sent in a header")
	case n < minSecret:
		return fmt.Errorf("the value has %d bytes; at least %d are needed to tell it from innocent text in responses", n, minSecret)
	case bytes.HasPrefix(b, []byte("\ufeff")):
		return errors.New("the value begins with a byte order mark, which is no part of it: store it without")
	case n < len(b):
		return errors.New("the value begins or ends with white space, which servers drop: store it without")
	case bytes.IndexFunc(b, unicode.IsControl) >= 0:
		return errors.New("the value holds a control character, which cannot be sent in a header")
	}
	return nil
}

// Reveal gives the bytes. They must not be changed, and not be kept beyond the request that they are for.
func (s Secret) Reveal() []byte {
	if s.v == nil {
		return nil
	}
	return s.v.b
}

// Equal compares values in constant time.
func (s Secret) Equal(t Secret) bool { return subtle.ConstantTimeCompare(s.Reveal(), t.Reveal()) == 1 }

// Zero says whether there is no secret: none was read, or it has been wiped.
func (s Secret) Zero() bool { return len(s.Reveal()) == 0 }

// wipe overwrites the bytes; every copy of this Secret is empty afterwards.
func (s Secret) wipe() {
	if s.v != nil {
		clear(s.v.b)
		s.v.b = nil
	}
}

const hidden = "[secret]"

func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) Format(f fmt.State, _ rune)   { f.Write([]byte(hidden)) }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
