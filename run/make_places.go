package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentguard/run/clients"
	"agentguard/run/sandbox"
)

// makeFirst makes what the child needs and could not make.
func (s *session) makeFirst(p sandbox.Places) {
	mend := ""
	s.User.Do(func() error {
		for _, dir := range p.First(s.Argv) {
			os.MkdirAll(dir, 0o700)
		}
		mend = p.LinkState(s.Argv)
		s.makeWritten(p)
		return nil
	})
	s.unsettled = p.Unsettled()
	for _, path := range p.Misled() {
		s.Say("isolation: %s leads by a link, which a command may have made, to what is hidden or to where nothing can be written, so it opens nothing: name where it leads", path)
	}
	if mend != "" {
		s.Say("Claude Code saves nothing in ~/.claude.json when it is confined, as it replaces that file. To mend it for good: %s", mend)
	}
}

// makeWritten makes what the policy lets the child write and is not there, where a slash at its end says that it is a directory. What
// is not there cannot be held open, so without the slash nothing could write it: that is said.
func (s *session) makeWritten(p sandbox.Places) {
	for _, written := range s.Policy.Isolation.Write {
		place := placeOf(written, p.Home, p.Dir)
		if strings.HasSuffix(written, "/") {
			os.MkdirAll(place, 0o700)
		}
		if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
			s.Say("isolation.write: %s is not there, so nothing can write it. Make it first; %q, with a slash, has a directory made", written, strings.TrimSuffix(written, "/")+"/")
		}
	}
}

// makePlaces makes what must be there to be hidden, read-only or writable in a sealed run.
func (s *session) makePlaces(p sandbox.Places, gitDirs []string) {
	s.makeFirst(p)
	if filepath.IsAbs(s.StateHome) {
		os.MkdirAll(filepath.Join(s.StateHome, "agentguard"), 0o700)
	}
	s.User.Do(func() error {
		for _, git := range gitDirs {
			os.Mkdir(filepath.Join(git, "hooks"), 0o755)
		}
		for _, dir := range append(s.tmuxDirs(p), p.Shells()...) {
			os.Mkdir(dir, 0o700)
		}
		if p.Home != "" && hasBrowser(p.Home) {
			os.Mkdir(filepath.Join(p.Home, filepath.Dir(filepath.Dir(clients.NSSFile))), 0o700) // an empty one means nothing to them outside
		}
		return nil
	})
}

// browsers are where Chromium and what is built on it is found: those of the machine, and below the user's directory those that
// Playwright and Puppeteer have.
var browsers = []string{
	"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/microsoft-edge", "/usr/bin/brave-browser", "/opt/google/chrome",
	"~/.cache/ms-playwright", "~/.cache/puppeteer",
}

func hasBrowser(home string) bool {
	return slices.ContainsFunc(browsers, func(path string) bool { return exists(placeOf(path, home, "/")) })
}
