package run

import (
	"io/fs"
	"os"

	"agentguard/run/sandbox"
)

// holdStreams refuses to give a command what leads past a level's confinement by being open: that is made of names, which nothing that is
// open needs. The error is a *sandbox.Problem.
func (s *session) holdStreams(level sandbox.Level) error {
	for i, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil {
			continue
		}
		if what, mend := leadsOut(f, level); what != "" {
			name := [...]string{"input", "output", "error"}[i]
			return &sandbox.Problem{Step: "keep the command inside: its standard " + name + " is " + what, Mend: mend}
		}
	}
	return nil
}

// leadsOut says what a stream is that a command could go out by; "": it is none.
func leadsOut(f *os.File, level sandbox.Level) (what, mend string) {
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", ""
	case info.IsDir() && level == sandbox.Sealed: // Landlock sees what is opened, whatever the way to it
		return "a directory, by which it could name all that is outside", "give it a file, or /dev/null"
	case info.Mode()&fs.ModeSocket != 0 && !isConnectedHere(f):
		return "a socket of this network, by which it could connect past the proxy", "put a pipe between: cat | agentguard run -- COMMAND | cat"
	}
	return "", ""
}
