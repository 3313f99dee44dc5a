package vault

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"agentguard/vault/words"
)

// Ref names a secret: "keychain:github-token", "age:x", "env:X", "file:/run/secrets/x", "exec:gh auth token".
type Ref struct{ Backend, Name string }

// ParseRef reads "backend:name". The error suggests the backend that was probably meant.
func ParseRef(s string) (Ref, error) {
	name, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Ref{}, fmt.Errorf("%q: a secret is named backend:name, with backend one of %s", s, strings.Join(backendNames(), ", "))
	}
	ref := Ref{name, strings.TrimSpace(rest)}
	if err := ref.check(); err != nil {
		return Ref{}, fmt.Errorf("%q: %w", s, err)
	}
	return ref, nil
}

// String is what ParseRef reads.
func (r Ref) String() string { return r.Backend + ":" + r.Name }

func (r Ref) check() error {
	for _, b := range backends {
		if b.name == r.Backend {
			return b.check(r.Name)
		}
	}
	if near := nearest(r.Backend); near != "" {
		return fmt.Errorf("unknown backend %q; did you mean %q?", r.Backend, near)
	}
	return fmt.Errorf("unknown backend %q; there are %s", r.Backend, strings.Join(backendNames(), ", "))
}

func backendNames() (names []string) {
	for _, b := range backends {
		names = append(names, b.name)
	}
	return names
}

// aliases are the words that people type for a backend and that are no typing errors.
var aliases = map[string]string{"keyring": "keychain", "environment": "env", "cmd": "exec", "command": "exec", "path": "file", "secret-service": "keychain"}

func nearest(word string) string {
	word = strings.ToLower(word)
	if a, ok := aliases[word]; ok {
		return a
	}
	return words.Nearest(word, backendNames())
}

// maxName is the longest name of a stored secret, in bytes.
const maxName = 128

// ValidName says whether name can name a stored secret: letters, digits and . _ - /, at most maxName of them, ASCII so
// that every keychain, file and shell reads the same name.
func ValidName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("the name has %d characters; at most %d are allowed", len(name), maxName)
	}
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/", c) {
			return fmt.Errorf("%q cannot be part of a name: use letters, digits and . _ - /", c)
		}
	}
	return nil
}

// checkText refuses what could not be shown in an error or passed to the system.
func checkText(s string) error {
	if s == "" {
		return errors.New("nothing follows the colon")
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }) {
		return errors.New("holds a control character or broken UTF-8")
	}
	return nil
}
