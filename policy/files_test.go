package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestProgramsBesideThePolicy: a file that a command names is noted, in whatever way it does.
func TestProgramsBesideThePolicy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the lines are Unix's")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	project, linked, elsewhere, conf := filepath.Join(home, "proj"), filepath.Join(home, "link"), filepath.Join(home, "other"), filepath.Join(home, "conf")
	for _, dir := range []string{filepath.Join(project, "my tools"), elsewhere, conf} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script, spaced := filepath.Join(project, "get.sh"), filepath.Join(project, "my tools", "it's")
	for _, file := range []string{script, spaced, filepath.Join(elsewhere, "get.sh")} {
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{linked: project, filepath.Join(project, "out.sh"): filepath.Join(elsewhere, "get.sh"), filepath.Join(conf, "p.toml"): filepath.Join(project, "p.toml")} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	const text = "version = 1\nagent.name = \"a\"\ncredential.c = { from = %q, service = \"github\" }\n" +
		"allow.a = { service = \"github\", actions = [\"read\"], limits = { read = \"5/hour\" } }\n" +
		"limits = { store = \"redis://127.0.0.1\", password = %q }\n"
	// named gives the files that are noted where a line stands, for a credential and for the password of the limits, or the error.
	named := func(file, line string) (both [2]string) {
		for i, from := range [][2]string{{line, "env:P"}, {"env:P", line}} {
			p, err := LoadText(file, fmt.Appendf(nil, text, from[0], from[1]))
			if err != nil {
				both[i] = err.Error()
				continue
			}
			var names []string
			for _, f := range p.Files {
				_, name, _ := strings.Cut(strings.TrimSuffix(f.Key, ")"), " (")
				names = append(names, name)
			}
			both[i] = strings.Join(names, " ")
		}
		return both
	}
	for _, file := range []string{filepath.Join(project, "p.toml"), filepath.Join(linked, "p.toml"), filepath.Join(conf, "p.toml")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for line, want := range map[string]string{
			"~/proj/get.sh":                               "get.sh",
			script + " x":                                 "get.sh",
			filepath.Join(linked, "get.sh"):               "get.sh",
			filepath.Join(home, "other/../proj/get.sh"):   "get.sh",
			filepath.Join(elsewhere, "get.sh"):            "",
			`cat "` + spaced + `"`:                        "my tools/it's",
			"cat " + home + `/proj/my\ tools/it\'s`:       "my tools/it's",
			"op read --config=" + script:                  "get.sh",
			"op read --config='~/proj/my tools/it'\\''s'": "my tools/it's",
			"env A=B=" + script + " cat":                  "get.sh",
			`sh -c "exec ` + script + ` x; true"`:         "get.sh",
			`sh -c "exec ~/link/get.sh"`:                  "get.sh",
		} {
			for _, got := range named(file, "exec:"+line) {
				if got != want {
					t.Errorf("%s: %s: %q", file, line, got)
				}
			}
		}
	}
	beside := filepath.Join(project, "p.toml")
	for line, want := range map[string]string{"cat get.sh": "get.sh", "cat out.sh": "out.sh", "cat none": ""} {
		for _, got := range named(beside, "exec:"+line) {
			if got != want {
				t.Errorf("%s: %q", line, got)
			}
		}
	}
	for line, want := range map[string]string{
		"./get.sh":  `names a program by the relative path "./get.sh"`,
		`a/b\ c`:    `names a program by the relative path "a/b c"`,
		"cat x | y": "is no command: there is no shell to understand",
		`cat "x`:    "is not closed",
		"'' x":      "names no command",
	} {
		for _, got := range named(beside, "exec:"+line) {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s", line, got)
			}
		}
	}
}
