package child

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// TerminalName is the path of the first of these that is a terminal, "" where none is: by it programs find the one that they
// have (ttyname(3)), as its own name is not there inside.
func TerminalName(files ...*os.File) string {
	for _, f := range files {
		if f == nil || !term.IsTerminal(int(f.Fd())) {
			continue
		}
		if name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd()))); err == nil && strings.HasPrefix(name, "/dev/") {
			return name
		}
	}
	return ""
}
