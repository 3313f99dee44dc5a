package words

import "strings"

// Nearest is the known word with the fewest typing errors between it and word, within a third of the word's length;
// upper and lower case, - and _ count as the same. It is "" when none is near.
func Nearest(word string, known []string) string {
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
