package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// programKeys are parts of the names of variables of git's configuration that may name a program for git to run, or where hooks and more
// configuration come from (git-config(1)). A child can set them wherever it may commit; git would run that for whoever works there
// later.
var programKeys = [...]string{
	"hookspath", "fsmonitor", "sshcommand", "editor", "pager", "askpass", "helper", "command", "cmd", "textconv", "driver", "clean", "smudge", "process", "program",
	"gitproxy", "uploadpack", "receivepack", "insteadof", "vcs", "attributesfile", "worktree",
}

// maxGitConfig bounds how much of a configuration is read, in bytes.
const maxGitConfig = 1 << 20

// GitRuns lists what the repository around dir says that git is to run: lines of its configuration, its hooks, and another place for
// both. Submodules that are checked out below it count.
func GitRuns(dir string) map[string]bool {
	all := map[string]bool{}
	for _, git := range GitDirs(dir) {
		modules, _ := filepath.Glob(filepath.Join(git, "modules/*"))
		for _, d := range append(modules, git) {
			gitRuns(d, all)
		}
	}
	return all
}

func gitRuns(git string, all map[string]bool) {
	for _, name := range []string{"config", "config.worktree"} {
		path := filepath.Join(git, name)
		for line := range strings.Lines(textOf(path, maxGitConfig)) {
			if line = strings.TrimSpace(line); namesProgram(line) {
				all[path+": "+line] = true
			}
		}
	}
	if path := filepath.Join(git, "commondir"); isThere(path) {
		all[path+": "+firstLine(path)] = true
	}
	hooks, _ := os.ReadDir(filepath.Join(git, "hooks"))
	for _, h := range hooks {
		if info, err := h.Info(); err == nil && !strings.HasSuffix(h.Name(), ".sample") {
			all[filepath.Join(git, "hooks", h.Name())+": changed "+info.ModTime().Format("15:04:05.000")+", "+strconv.FormatInt(info.Size(), 10)+" bytes"] = true
		}
	}
}

// namesProgram judges a line of git's configuration.
func namesProgram(line string) bool {
	line = strings.ToLower(line)
	if strings.HasPrefix(line, "[alias") || strings.HasPrefix(line, "[include") {
		return true
	}
	key, value, _ := strings.Cut(line, "=")
	key = key[strings.LastIndexByte(key, ']')+1:]
	for _, part := range programKeys {
		if strings.Contains(key, part) {
			return true
		}
	}
	return strings.HasPrefix(strings.TrimLeft(value, ` "`), "!")
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
