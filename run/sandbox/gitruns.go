package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// harmlessSections are those of git's configuration whose settings say what git does by itself, but for those that programKeys tell of
// (git-config(1)). A child can set any wherever it may commit. Of another section all is told: it may name a program that git would run
// for whoever works there later, or where more configuration comes from.
var harmlessSections = []string{
	"core", "remote", "branch", "user", "author", "committer", "submodule", "extensions", "color", "column", "advice", "push", "pull", "fetch", "merge", "rebase", "rerere",
	"log", "commit", "tag", "status", "diff", "gc", "pack", "index", "feature", "init", "maintenance", "http", "credential", "format", "grep", "blame", "notes", "stash",
	"clean", "i18n", "checkout", "worktree", "transfer", "receive", "repack", "fsck", "apply", "versionsort", "lfs",
}

// programKeys are parts of the names of variables that may name a program, where hooks and more configuration come from, or by whom and
// how safely a server is reached.
var programKeys = [...]string{
	"hook", "fsmonitor", "sshcommand", "editor", "pager", "askpass", "helper", "command", "cmd", "textconv", "driver", "external", "filter", "clean", "smudge", "process", "program",
	"gitproxy", "uploadpack", "receivepack", "insteadof", "vcs", "attributesfile", "worktree", "templatedir", "transferagent", "proxy", "ssl", "cookiefile", "extraheader",
}

// maxGitConfig bounds how much of a configuration is read, in bytes.
const maxGitConfig = 1 << 20

// GitRuns lists what the repository around dir says that git is to run: lines of its configuration, its hooks, and another place for
// both or for all of it. Submodules that are checked out below it count, and dir itself where git takes it for a bare repository.
func GitRuns(dir string) map[string]bool {
	all := map[string]bool{}
	if isThere(filepath.Join(dir, "HEAD")) {
		gitRuns(dir, all)
	}
	if dot, to := leadsElsewhere(dir); dot != "" {
		all[dot+": "+to] = true
	}
	for _, git := range GitDirs(dir) {
		for _, d := range append(gitModules(git, 0), gitWorktrees(git)...) {
			gitRuns(d, all)
		}
	}
	return all
}

// leadsElsewhere gives the .git of the repository around dir if it is not its directory, and what it says of where that is.
func leadsElsewhere(dir string) (dot, to string) {
	for at := dir; ; at = filepath.Dir(at) {
		dot = filepath.Join(at, ".git")
		switch info, err := os.Lstat(dot); {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			to, _ = os.Readlink(dot)
			return dot, to
		case !info.IsDir():
			return dot, firstLine(dot)
		case isThere(filepath.Join(dot, "HEAD")):
			return "", ""
		}
		if at == filepath.Dir(at) {
			return "", ""
		}
	}
}

// gitWorktrees gives the directories that a repository has for worktrees of its own. A link is none: it may lead to others' files, whose lines
// are not to be told.
func gitWorktrees(git string) (dirs []string) {
	top := filepath.Join(git, "worktrees")
	if link, there := lstat(top); link || !there {
		return nil
	}
	entries, _ := os.ReadDir(top)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(top, e.Name()))
		}
	}
	return dirs
}

// maxModules bounds how deep the names of submodules and their own submodules are followed.
const maxModules = 8

// gitModules gives a git directory and those of the submodules in it, whose names may have slashes.
func gitModules(dir string, depth int) (dirs []string) {
	if depth > maxModules {
		return nil
	}
	if isThere(filepath.Join(dir, "HEAD")) {
		dirs, dir = append(dirs, dir), filepath.Join(dir, "modules")
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, gitModules(filepath.Join(dir, e.Name()), depth+1)...)
		}
	}
	return dirs
}

func gitRuns(git string, all map[string]bool) {
	for _, name := range []string{"config", "config.worktree"} {
		path, section := filepath.Join(git, name), ""
		if info, err := os.Lstat(path); err == nil && (!info.Mode().IsRegular() || info.Size() > maxGitConfig) {
			all[path+": is not read here, "+changed(path, info)] = true
			continue
		}
		for line := range strings.Lines(strings.TrimPrefix(textOf(path, maxGitConfig), "\ufeff")) {
			line = strings.TrimSpace(line)
			rest, whole := enterSection(line, &section)
			if !whole || namesProgram(section, rest) || strings.HasSuffix(line, `\`) {
				all[path+": "+line] = true
			}
		}
	}
	if path := filepath.Join(git, "commondir"); isThere(path) && firstLine(path) != "../.." { // as every linked worktree has it
		all[path+": "+firstLine(path)] = true
	}
	todo := filepath.Join(git, "rebase-merge/git-rebase-todo")
	for line := range strings.Lines(textOf(todo, maxGitConfig)) {
		if word := strings.Fields(line); len(word) > 1 && (word[0] == "x" || word[0] == "exec") { // git passes over blanks at the beginning
			all[todo+": "+strings.TrimSpace(line)] = true
		}
	}
	top := filepath.Join(git, "hooks")
	hooks, _ := os.ReadDir(top)
	if to, err := os.Readlink(top); err == nil {
		hooks, all[top+": "+to] = nil, true
	}
	for _, h := range hooks {
		if info, err := h.Info(); err == nil && !strings.HasSuffix(h.Name(), ".sample") {
			path := filepath.Join(git, "hooks", h.Name())
			all[path+": "+changed(path, info)] = true
		}
	}
}

// changed tells one state of what is at a path from others: of a link, what it leads to.
func changed(path string, info os.FileInfo) string {
	if target, err := os.Stat(path); err == nil {
		info = target
	}
	return "changed " + info.ModTime().Format("15:04:05.000") + ", " + strconv.FormatInt(info.Size(), 10) + " bytes"
}

// enterSection reads the headings that a line of git's configuration begins with, and notes the last: there may be several. rest is
// what follows them.
func enterSection(line string, section *string) (rest string, whole bool) {
	for strings.HasPrefix(line, "[") {
		end, quoted := 1, false
		for ; end < len(line) && (quoted || line[end] != ']'); end++ {
			switch {
			case line[end] == '"':
				quoted = !quoted
			case line[end] == '\\':
				end++
			}
		}
		if end >= len(line) {
			return "", false
		}
		name, _, _ := strings.Cut(strings.ToLower(line[1:end]), " ")
		*section, _, _ = strings.Cut(name, ".") // an older way to write a subsection
		line = strings.TrimLeft(line[end+1:], " \t")
	}
	return line, true
}

// namesProgram judges a variable of a section.
func namesProgram(section, line string) bool {
	if line == "" || line[0] == '#' || line[0] == ';' {
		return false
	}
	key, value, _ := strings.Cut(strings.ToLower(line), "=")
	key = strings.TrimSpace(key)
	if !slices.Contains(harmlessSections, section) || key == "path" || key == "args" {
		return true
	}
	for _, part := range programKeys {
		if strings.Contains(key, part) {
			return true
		}
	}
	leads := strings.HasSuffix(key, "url") || strings.HasSuffix(key, "remote")
	return strings.HasPrefix(strings.TrimLeft(value, " \t\""), "!") || leads && strings.Contains(value, "::") // a transport that is a program (gitremote-helpers(7))
}
