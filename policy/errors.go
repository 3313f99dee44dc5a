package policy

import (
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"agentguard/vault/words"
)

// Error is one thing that is wrong in a policy file. Hint says how to mend it, or is empty; it is no part of the error's
// text, so that whoever shows it decides where it goes.
type Error struct {
	File    string
	Line    int // 0 where no line is to blame
	Message string
	Hint    string
}

// Error is "file:line: message" on one line, whatever the file holds.
func (e Error) Error() string {
	at := e.File
	if e.Line > 0 {
		at += ":" + strconv.Itoa(e.Line)
	}
	return clean(at + ": " + e.Message)
}

// Errors are all that is wrong in a policy file, by line.
type Errors []Error

// Error is one line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// sort orders by line; what was found on one line stays in the order in which it was found.
func (es Errors) sort() {
	sort.SliceStable(es, func(i, j int) bool { return es[i].Line < es[j].Line })
}

// clean escapes what a terminal would act on: a policy may come from a stranger's repository.
func clean(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// baseName is the file's name without its folder: hints are read by the child, which need not learn our paths.
func baseName(file string) string { return filepath.Base(file) }

// didYouMean is ` (did you mean "x"?)` for the one of known that is nearest to word, or "" when none is near.
func didYouMean(word string, known []string) string {
	if best := words.Nearest(word, known); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}
