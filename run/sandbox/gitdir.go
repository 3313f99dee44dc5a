package sandbox

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// GitDirs gives the directories outside of dir that git writes to when it works there: that of the repository around dir,
// and, for a linked worktree or a submodule, where its parts are (gitrepository-layout(5)). A program that was confined to
// dir may have written the .git file there, so what it names counts only if it points back, or lies in a repository around dir.
func GitDirs(dir string) []string {
	for at := dir; ; at = filepath.Dir(at) {
		dot := filepath.Join(at, ".git")
		switch info, err := os.Lstat(dot); {
		case err == nil && info.IsDir() && isThere(filepath.Join(dot, "HEAD")): // it may be a link (gitrepository-layout(5))
			return []string{dot}
		case err == nil && info.Mode().IsRegular():
			return linkedGitDirs(dot, dir)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// linkedGitDirs follows a .git file.
func linkedGitDirs(dot, dir string) []string {
	target, ok := strings.CutPrefix(firstLine(dot), "gitdir: ")
	if !ok {
		return nil
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(dot), target)
	}
	target, err := filepath.EvalSymlinks(target)
	if err != nil || !isThere(filepath.Join(target, "HEAD")) {
		return nil
	}
	if common := filepath.Dir(filepath.Dir(target)); filepath.Base(filepath.Dir(target)) == "worktrees" &&
		isThere(filepath.Join(common, "HEAD")) && sameFile(firstLine(filepath.Join(target, "gitdir")), dot) {
		return []string{common}
	}
	for at := filepath.Dir(filepath.Dir(dot)); ; at = filepath.Dir(at) {
		if within(target, filepath.Join(at, ".git/modules")) && within(dir, at) {
			return []string{target}
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// firstLine reads a line of at most some KiB; "" where there is none.
func firstLine(path string) string {
	line, _, _ := strings.Cut(textOf(path, 8<<10), "\n")
	return strings.TrimRight(line, "\r")
}

// textOf is a file's text, as far as max bytes; "" where there is none.
func textOf(path string, max int64) string {
	if !isFile(path) { // to open a pipe would be to wait
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, max))
	return string(text)
}
