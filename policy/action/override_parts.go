package action

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// maxPartHeader bounds the header of one part, in bytes.
const maxPartHeader = 8 << 10

var (
	partHeader = []byte("content-disposition")
	errPart    = errors.New("a field of it cannot be told from another by its name")
	unquoted   = strings.NewReplacer(`"`, "", `'`, "", `\`, "")
	partName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|[;\s])name(\*[^=]*)?=([^;\r\n]*)`) })
)

// partOverrides searches the names of the parts of a multipart body (RFC 7578 section 4.2). It does not ask where a part
// begins, of which servers have ideas of their own: whatever looks like the header of one is taken for it.
func partOverrides(body io.Reader) (bool, error) {
	b := bufio.NewReaderSize(body, 8*maxPartHeader)
	for {
		window, err := b.Peek(b.Size())
		if err != nil && err != io.EOF {
			return false, err
		}
		last := err == io.EOF
		done, found, err := partsOverride(smallLetters(window), last)
		if found || err != nil || last {
			return found, err
		}
		if _, err := b.Discard(done); err != nil {
			return false, err
		}
	}
}

// smallLetters gives a text with ASCII's letters small, and all else as it is: a place in it is the same place in the text.
func smallLetters(text []byte) []byte {
	small := make([]byte, len(text))
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	return small
}

// partsOverride searches a part of such a body in lower case, behind which nothing comes if it is the last. It says how far it has
// come: the next begins there.
func partsOverride(window []byte, last bool) (done int, found bool, err error) {
	for {
		at := bytes.Index(window[done:], partHeader)
		if at < 0 {
			return max(done, len(window)-len(partHeader)+1), false, nil
		}
		done += at
		if len(window)-done < maxPartHeader && !last { // the rest of it is yet to come
			return done, false, nil
		}
		header := window[done:min(len(window), done+maxPartHeader)]
		end := blankLine(header)
		if end < 0 && len(header) == maxPartHeader {
			return done, false, errPart
		}
		if end >= 0 {
			header = header[:end]
		}
		if found, err := nameOverrides(header); found || err != nil {
			return done, found, err
		}
		done += len(header)
	}
}

// blankLine is where a header ends; -1 where it does not.
func blankLine(header []byte) int {
	end := -1
	for _, blank := range []string{"\n\r\n", "\n\n", "\r\r"} {
		if i := bytes.Index(header, []byte(blank)); i >= 0 {
			end, header = i, header[:min(len(header), i+2)] // another can only count if it begins before
		}
	}
	return end
}

// nameOverrides looks at the names in the header of a part, without what servers take off: quotes, backslashes, percent
// signs. A name with an encoding of its own (RFC 5987) is one that no form has.
func nameOverrides(header []byte) (bool, error) {
	text := unquoted.Replace(string(header))
	for _, m := range partName().FindAllStringSubmatch(strings.ReplaceAll(text, " =", "="), -1) {
		if m[1] != "" {
			return false, errPart
		}
		name := strings.TrimSpace(m[2])
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		if override(name) != "" {
			return true, nil
		}
	}
	return false, nil
}
