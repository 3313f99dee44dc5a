package vault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxCopies bounds how many files are looked into.
const maxCopies = 100

// Copies tells where values are still to be read that were taken out of a .env file: in the file itself, as in a comment, and in those of
// its directory that have its name in theirs, such as .env~, .env.bak, .env.local and the .env.swp of an editor.
func Copies(path string, stored []Pair) (places []string) {
	path, err := envFileTarget(path)
	if err != nil {
		return nil
	}
	dir, base := filepath.Split(path)
	list, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil
	}
	for n := 0; len(list) > 0 && n < maxCopies; list = list[1:] {
		e := list[0]
		if !e.Type().IsRegular() || !strings.Contains(e.Name(), base) {
			continue
		}
		n++
		places = append(places, copiesIn(dir+e.Name(), stored)...)
	}
	return places
}

// copiesIn tells each variable of stored once for a file that holds its value, with its line where it is text.
func copiesIn(file string, stored []Pair) (places []string) {
	text, _, err := readRegular(file, maxEnvFile)
	if err != nil {
		return nil // too long for one, or not ours to read
	}
	defer clear(text)
	for _, p := range stored {
		at := bytes.Index(text, p.Value.Reveal())
		switch {
		case at < 0, p.Value.Zero():
		case bytes.IndexByte(text, 0) >= 0:
			places = append(places, fmt.Sprintf("%s still holds the value of %s", file, p.Name))
		default:
			places = append(places, fmt.Sprintf("%s, line %d, still holds the value of %s", file, 1+bytes.Count(text[:at], []byte("\n")), p.Name))
		}
	}
	return places
}
