package policy

import (
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"unicode"
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
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}

// nearest is the known word with the fewest typing errors between it and word, within a third of the word's length;
// upper and lower case, - and _ count as the same.
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	word = plain(word)
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if d := distance(word, plain(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

var hyphens = strings.NewReplacer("-", "_")

func plain(s string) string { return hyphens.Replace(strings.ToLower(s)) }

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string
// alignment).
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			d := above[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
