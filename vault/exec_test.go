//go:build !windows

package vault

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func script(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "tool"), "#!/bin/sh\n"+text+"\n", 0o755)
}

func TestExecFails(t *testing.T) {
	v := New(Options{LookupEnv: lookup(map[string]string{"PATH": "/usr/bin:/bin"})})
	for text, reason := range map[string]string{
		`echo CANARY123; exit 3`: "exit status 3",
		`echo 'no \033[31mcolour'; printf 'not \033[31mlogged in\nmore' >&2; exit 1`: `not \x1b[31mlogged in`,
		`echo CANARY123; echo "bad CANARY123" >&2; exit 1`:                           "repeats its output",
		`echo please log in >&2`: "printed nothing: please log in",
		`yes CANARY123`:          "more than 65536 bytes",
		`echo "+ curl -H 'X-Key: CANARY123-0123456789abcdef' https://op.example.com/v1/items" >&2; exit 7`: "curl -H 'X-Key: [...]' https://op.example.com/v1/items",
		`(sleep 20) & echo CANARY123`:   "still holds its output",
		`yes CANARY123 | head -c 70000`: "more than 65536 bytes",
	} {
		_, err := v.Get(t.Context(), Ref{"exec", script(t, text)})
		wants(t, err, nil, reason)
	}
	_, err := v.Get(t.Context(), Ref{"exec", "no-such-tool-here x"})
	wants(t, err, ErrUnavailable, "no-such-tool-here is not installed")
	_, err = v.Get(t.Context(), Ref{"exec", "/etc/passwd"})
	wants(t, err, ErrUnavailable, "cannot be run")
}

// TestExecTimeoutKillsTheGroup: the tool's own children go too, and one that left the group cannot hold us up.
func TestExecTimeoutKillsTheGroup(t *testing.T) {
	within(t, 40*time.Second)
	n, pid := 0, filepath.Join(t.TempDir(), "pid")
	for limit := 300 * time.Millisecond; n == 0; limit *= 4 { // a busy machine may not have come so far
		if limit > 20*time.Second {
			t.Fatal("the tool does not begin")
		}
		c := command{lookup(map[string]string{"PATH": "/usr/bin:/bin"}), limit}
		_, err := c.get(t.Context(), script(t, "sleep 60 & echo $! > "+pid+"; setsid sleep 60 & wait"))
		wants(t, err, ErrUnavailable, "did not finish within "+limit.String())
		b, _ := os.ReadFile(pid)
		n, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	for range 1000 {
		if state(n) == "" || state(n) == "Z" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the tool's child lives: ", state(n), syscall.Kill(n, syscall.SIGKILL))
}

func state(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

func TestExecEnvironmentAndTerminal(t *testing.T) {
	v := New(Options{LookupEnv: lookup(map[string]string{"PATH": "/usr/bin:/bin", "HOME": "/h", "XDG_RUNTIME_DIR": "/r", "AWS_SECRET_ACCESS_KEY": "x", "GH_TOKEN": "y"})})
	s, err := v.Get(t.Context(), Ref{"exec", script(t, `env | sort | tr '\n' ' '; printf x=; (: </dev/tty) 2>/dev/null && echo tty; cat`)})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(s.Reveal()))
	got = slices.DeleteFunc(got, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"PWD", "SHLVL", "_", "OLDPWD", "x"}, name) // the shell's own, and the end
	})
	if want := []string{"HOME=/h", "PATH=/usr/bin:/bin", "PYTHONSAFEPATH=1", "XDG_RUNTIME_DIR=/r"}; !slices.Equal(got, want) {
		t.Fatal(got)
	}
}

func TestExecPassesOverRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, filepath.Join(dir, "gh"), "#!/bin/sh\necho planted-by-the-agent", 0o755)
	v := New(Options{LookupEnv: lookup(map[string]string{"PATH": ".::./x:/nonexistent"})})
	_, err := v.Get(t.Context(), Ref{"exec", "gh auth token"})
	wants(t, err, ErrUnavailable, "gh is not installed")
}

// TestExecPassesOverTheProject: a program that PATH has where the agent works, by whatever name, is not the user's; nor is one that the
// user's own tool would start. In the home directory the user's own are.
func TestExecPassesOverTheProject(t *testing.T) {
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	for _, dir := range []string{"work/bin", "home/bin", "venv/bin", "other/node_modules/.bin", "tools"} {
		os.MkdirAll(at(dir), 0o755)
		write(t, at(dir+"/gh"), "#!/bin/sh\necho planted-by-the-agent", 0o755)
	}
	write(t, at("venv/pyvenv.cfg"), "", 0o644)
	os.Symlink(at("work/bin"), at("link"))
	os.Symlink(at("work/bin/gh"), at("tools/linked"))
	write(t, at("tools/tool"), "#!/bin/sh\necho $(gh) says $PATH", 0o755)
	t.Chdir(at("work"))
	planted := strings.Join([]string{at("work/bin"), at("link"), at("venv/bin"), at("other/node_modules/.bin")}, ":")
	env := map[string]string{"PATH": planted, "HOME": at("home")}
	v := New(Options{LookupEnv: lookup(env)})
	_, err := v.Get(t.Context(), Ref{"exec", "gh auth token"})
	wants(t, err, ErrUnavailable, "gh is not installed")
	env["PATH"] = planted + ":" + at("tools")
	_, err = v.Get(t.Context(), Ref{"exec", "linked"})
	wants(t, err, ErrUnavailable, "linked is not installed")
	write(t, at("tools/gh"), "#!/bin/sh\necho the-user-has-this", 0o755)
	if s, err := v.Get(t.Context(), Ref{"exec", "tool"}); err != nil || string(s.Reveal()) != "the-user-has-this says "+at("tools") {
		t.Errorf("%q, %v", s.Reveal(), err)
	}
	write(t, at("work/json.py"), "def dumps(x): return 'planted-by-the-agent'", 0o644)
	write(t, at("work/ask"), "#!/bin/sh\nexec /usr/bin/python3 -c 'import sys, json; print(sys.version_info < (3, 11) or json.dumps(1))'", 0o755)
	if s, err := v.Get(t.Context(), Ref{"exec", at("work/ask")}); err == nil && string(s.Reveal()) == "planted-by-the-agent" {
		t.Errorf("a module of the project's is imported: %q", s.Reveal())
	}
	env["PATH"] = at("home/bin")
	t.Chdir(at("home"))
	if s, err := v.Get(t.Context(), Ref{"exec", "gh"}); err != nil || string(s.Reveal()) != "planted-by-the-agent" {
		t.Errorf("in the home directory: %q, %v", s.Reveal(), err)
	}
}
