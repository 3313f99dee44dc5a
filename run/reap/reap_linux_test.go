package reap

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
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

// TestDropProgram: what is mapped of files and was not written to is given back. Of the program itself the test needs some again at
// once, so it has a mapping of its own, which nobody needs.
func TestDropProgram(t *testing.T) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Skip("needs /proc")
	}
	defer program.Close()
	info, err := program.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text, err := syscall.Mmap(int(program.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(text)
	sum := 0
	for i := 0; i < len(text); i += 4096 {
		sum += int(text[i])
	}
	before := residentProgram(t)
	DropProgram()
	if after := residentProgram(t); sum == 0 || before-after < len(text)>>10*9/10 {
		t.Errorf("%d KiB of files are in memory, %d before, of them %d of the test's", after, before, len(text)>>10)
	}
}
