package reap

import (
	"bytes"
	"os"
	"strconv"
	"testing"
)

// residentProgram is how much of the program's file is in memory, in KiB.
func residentProgram(t *testing.T) (kib int) {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("needs /proc")
	}
	counts := false
	for line := range bytes.Lines(maps) {
		switch fields := bytes.Fields(line); {
		case len(fields) > 5 && bytes.IndexByte(fields[0], '-') > 0:
			counts = fields[5][0] == '/' && fields[1][1] == '-'
		case counts && string(fields[0]) == "Rss:":
			n, _ := strconv.Atoi(string(fields[1]))
			kib += n
		}
	}
	return kib
}

func TestDropProgram(t *testing.T) {
	before := residentProgram(t)
	DropProgram()
	if after := residentProgram(t); after > before/2 {
		t.Errorf("%d KiB of the program are in memory, %d before", after, before)
	}
}
