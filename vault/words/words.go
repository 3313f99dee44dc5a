// Package words cuts a command line into words, without a shell, and finds the known word that a mistyped one was meant to
// be. It does no I/O.
package words

import (
	"errors"
	"fmt"
	"strings"
)

// Split cuts a command line at its blanks. 'single quotes' keep everything, "double quotes" keep all but \" and \\, a
// backslash outside of quotes keeps the next character. Nothing is expanded. What only a shell would understand is an
// error, so that nobody believes that one is there; so is a line without a command.
func Split(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimLeft(line, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		word, after, err := nextWord(rest)
		if err != nil {
			return nil, err
		}
		words, rest = append(words, word), after
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("names no command")
	}
	return words, nil
}

// Quote is s as one word of a shell: as it is where that is the same, else in single quotes.
func Quote(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("%+,-./:=@_~", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func nextWord(s string) (word, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t':
			return b.String(), s[i:], nil
		case '\'', '"':
			n, err := quoted(&b, s[i:])
			if err != nil {
				return "", "", err
			}
			i += n - 1
		case '\\':
			if i++; i == len(s) {
				return "", "", errors.New("ends in a backslash")
			}
			b.WriteByte(s[i])
		case '|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?':
			return "", "", fmt.Errorf("there is no shell to understand %q: quote it, or put the command in a script", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", nil
}

// quoted adds what the quotes at the start of s hold, and gives the length of it all.
func quoted(b *strings.Builder, s string) (int, error) {
	q := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == q:
			return i + 1, nil
		case q == '"' && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return 0, fmt.Errorf("the %c is not closed", q)
}
