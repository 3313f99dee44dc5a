package cmd

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"agentguard/policy"
	"agentguard/run/child"
	"agentguard/run/sandbox"
	"agentguard/vault"
)

// mostMistakes are shown of a policy at a time.
const mostMistakes = 100

// explain shows an error, line by line, and gives its exit code and what mends it.
func (p *program) explain(err error) (code int, hints []string) {
	code = ours
	var (
		f    *fault
		exit *child.ExitError
		all  policy.Errors
		low  *sandbox.Unmet
	)
	if errors.As(err, &low) {
		hints = append(hints, low.Mends()...)
	}
	if errors.As(err, &exit) {
		code = exit.Code
		hints = append(hints, exit.Hint)
	}
	if errors.As(err, &f) {
		code, hints = f.code, append(hints, f.hints...)
	}
	if errors.As(err, &all) {
		for _, e := range all[:min(len(all), mostMistakes)] {
			p.tell(p.fail, e)
		}
		if more := len(all) - mostMistakes; more > 0 {
			p.fail("and %d more of them", more)
		}
	} else {
		p.fail("%s", err)
		hints = append(hints, explainVault(err)...)
	}
	hints = slices.DeleteFunc(hints, func(h string) bool { return h == "" })
	if errors.Is(err, syscall.EFBIG) {
		hints = []string{"files may be no longer than that here: ulimit -f unlimited"}
	}
	if len(hints) == 0 {
		if hints = p.explainPlace(err); len(hints) == 0 {
			hints = explainDisk(err)
		}
	}
	return code, slices.Compact(hints)
}

// explainDisk gives the hint where a disk takes nothing more, whatever it was that should be written.
func explainDisk(err error) []string {
	var at *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return []string{"free space there"}
	case errors.Is(err, syscall.EROFS) && errors.As(err, &at) && !filepath.IsAbs(at.Path): // one that was named, or is here
		return []string{"nothing can be written in this directory: cd to one of yours"}
	case errors.Is(err, syscall.EROFS):
		return []string{"nothing can be written there: XDG_STATE_HOME and XDG_DATA_HOME name other places for what agentguard keeps"}
	}
	return nil
}

// explainPlace gives the hint where a variable names a directory that is not there, or is another user's.
func (p *program) explainPlace(err error) []string {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return nil
	}
	if at.Path == os.DevNull && runtime.GOOS == "linux" {
		return []string{"mknod -m 666 /dev/null c 1 3   (as root: without it hardly a program works)"}
	}
	for _, name := range []string{"TMPDIR", "HOME"} {
		dir := p.env.get(name)
		if dir == "" || at.Path != dir && !strings.HasPrefix(at.Path, dir+"/") {
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			return []string{name + " is " + dir + ": set it to a directory that is there and yours to write"}
		}
	}
	if tmp := os.TempDir(); filepath.Dir(at.Path) == filepath.Clean(tmp) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return []string{"set TMPDIR to a directory that is yours to write: " + tmp + " is not"}
	}
	above := func(base string) bool {
		return strings.HasPrefix(filepath.ToSlash(base)+"/agentguard/", filepath.ToSlash(at.Path)+"/")
	}
	own := strings.Contains(filepath.ToSlash(at.Path), "/agentguard/") || above(p.env.stateHome()) || above(p.env.dataHome())
	if own && errors.Is(err, fs.ErrPermission) {
		return []string{"that place is not yours to use: set HOME, or XDG_STATE_HOME and XDG_DATA_HOME, to a directory of yours"}
	}
	return nil
}

// signalCode is the exit code of a program that a signal ended.
func signalCode(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return ours
}

// sortedKeys gives a map's keys in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// parseStored reads a reference that `vault set` can write, and gives it as vault set takes it.
func parseStored(from string) (string, error) {
	ref, err := vault.ParseRef(from)
	switch {
	case err != nil:
		return "", err
	case !isStore(ref):
		return "", vault.ErrReadOnly
	case ref.Backend == "keychain":
		return ref.Name, nil
	}
	return ref.String(), nil
}
