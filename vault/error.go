package vault

import (
	"errors"
	"strings"
)

// Error says which secret could not be read or written, why, and what mends it. It never holds any of a secret.
type Error struct {
	Ref  Ref
	Err  error
	Hint string // a command or a deed, for the user interface to print apart; "": none is known
}

func (e *Error) Error() string {
	return strings.TrimSuffix(e.Ref.String(), ":") + ": " + e.Err.Error() // of a whole backend: "age: locked"
}

// Unwrap gives the reason, one of the Err variables inside it.
func (e *Error) Unwrap() error { return e.Err }

// hinted carries a hint from a backend to fail.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, text string) error { return hinted{err, text} }

// fail makes the *Error of ref; nil stays nil.
func fail(ref Ref, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Ref: ref, Err: err}
	var h hinted
	switch {
	case errors.As(err, &h):
		e.Hint = h.hint
		if ref.Name != "" && h.hint == noKeychainHint {
			e.Hint = strings.ReplaceAll(h.hint, "NAME", ref.Name)
		}
	case errors.Is(err, ErrNotFound) && (ref.Backend == "keychain" || ref.Backend == "age"):
		e.Hint = "agentguard vault set " + ref.settable()
	}
	return e
}

// settable is ref as `vault set` takes it: the keychain is what it uses unless told otherwise.
func (r Ref) settable() string {
	if r.Backend == "keychain" {
		return r.Name
	}
	return r.String()
}
