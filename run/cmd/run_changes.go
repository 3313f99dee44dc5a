package cmd

import (
	"os"
	"slices"
	"sort"

	"agentguard/policy"
	"agentguard/run"
	"agentguard/run/audit"
	"agentguard/run/sandbox"
)

// watch notes what a run begins with. warn says what of it is another at the end, be that before its time: the command may have
// brought it about.
func (p *program) watch(dir string, pol *policy.Policy, l *learning) (warn func(run.Result)) {
	before, starts, ours := sandbox.GitRuns(dir), sandbox.Starts(dir), ownFile()
	return func(result run.Result) {
		if made := l != nil && len(l.services) > 0; !made && pol.Changed() { // which may have been the command, where it can write it
			p.warn("%s is not what this run began with: read it before you use it again", pol.Source)
		}
		if ours.changed() {
			p.warn("%s is not the program that this run began with: see who changed it before you start it again", ours.path)
		}
		told := result.Made()
		for _, file := range told {
			p.warn("%s was made in this run: it can have programs started outside of it, so look at it", file)
		}
		for _, file := range append(result.Changed(), starts.Changed()...) {
			if !slices.Contains(told, file) {
				told = append(told, file)
				p.warn("%s was changed in this run: it can have programs started outside of it, so look at it", file)
			}
		}
		p.warnOfGit(before, sandbox.GitRuns(dir))
	}
}

// programFile is our own file as it was.
type programFile struct {
	path string
	was  os.FileInfo
}

func ownFile() (f programFile) {
	f.path, _ = os.Executable()
	f.was, _ = os.Stat(f.path)
	return f
}

// changed says whether it is another by now, as a command can make it that is confined by nothing, or works where it lies.
func (f programFile) changed() bool {
	now, err := os.Stat(f.path)
	return f.was != nil && (err != nil || !os.SameFile(f.was, now) || !now.ModTime().Equal(f.was.ModTime()))
}

// warnOfGit says what git runs in this repository from now on that it did not before.
func (p *program) warnOfGit(before, now map[string]bool) {
	var lines []string
	for line := range now {
		if !before[line] {
			lines = append(lines, line)
		}
	}
	sort.Strings(lines)
	for i, line := range lines {
		if i == 5 {
			p.warn("and %d more of that kind", len(lines)-i)
			break
		}
		p.warn("git may run what it did not before: %s", audit.Clip(line, 400))
	}
}
