//go:build unix

package run

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"agentguard/run/sandbox"
)

// TestStreamsThatLeadOut: a socket of the network that the command is given stays in that network, and connects anew.
func TestStreamsThatLeadOut(t *testing.T) {
	file := func(from any, err error) *os.File {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		f, ok := from.(*os.File)
		if !ok {
			if f, err = from.(interface{ File() (*os.File, error) }).File(); err != nil {
				t.Fatal(err)
			}
			from.(interface{ Close() error }).Close()
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	pair := func(kind int) *os.File {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, kind, 0)
		if err != nil {
			t.Fatal(err)
		}
		file(os.NewFile(uintptr(fds[1]), "other end"), nil)
		return file(os.NewFile(uintptr(fds[0]), "one end"), nil)
	}
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		f                *os.File
		sealed, filtered string
	}{
		"pipe":                     {file(read, nil), "", ""},
		"pipe's other end":         {file(write, nil), "", ""},
		"null device":              {file(os.Open(os.DevNull)), "", ""},
		"directory":                {file(os.Open(".")), "a directory", ""},
		"pair of streams":          {pair(syscall.SOCK_STREAM), "", ""},
		"pair of datagram sockets": {pair(syscall.SOCK_DGRAM), "a socket", "a socket"},
		"local listener":           {file(net.Listen("unix", t.TempDir()+"/s")), "a socket", "a socket"},
		"listener":                 {file(net.Listen("tcp", "127.0.0.1:0")), "a socket", "a socket"},
		"connection":               {file(net.Dial("tcp", server.Addr().String())), "a socket", "a socket"},
		"datagrams":                {file(net.ListenPacket("udp", "127.0.0.1:0")), "a socket", "a socket"},
	} {
		for level, want := range map[sandbox.Level]string{sandbox.Sealed: c.sealed, sandbox.Filtered: c.filtered} {
			s := &session{Config: Config{Stdin: os.Stdin, Stderr: c.f}}
			switch err := s.holdStreams(level); {
			case want == "" && err != nil:
				t.Errorf("%s, %s: %v", name, level, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), "standard error is "+want)):
				t.Errorf("%s, %s: %v", name, level, err)
			}
		}
	}
}
