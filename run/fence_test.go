package run

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"agentguard/run/sandbox"
)

// TestToolCaches: what has no cache where it would make one is told of another, and nothing else changes.
func TestToolCaches(t *testing.T) {
	home := t.TempDir()
	of := func(cache string, names ...string) map[string]string {
		dirs := map[string]string{}
		for _, name := range names {
			dirs[map[string]string{"bundle": "BUNDLE_USER_CACHE", "gem": "GEM_SPEC_CACHE", "cargo": "CARGO_HOME", "gradle": "GRADLE_USER_HOME", "maven": "MAVEN_USER_HOME", "yarn": "YARN_GLOBAL_FOLDER"}[name]] = filepath.Join(cache, name)
		}
		return dirs
	}
	for _, c := range []struct {
		name string
		make string
		env  []string
		want map[string]string
	}{
		{"a new home directory", "", nil, of(filepath.Join(home, ".cache"), "bundle", "gem", "cargo", "gradle", "maven", "yarn")},
		{"a variable of the user's", "", []string{"BUNDLE_USER_CACHE=/x", "XDG_CACHE_HOME=/c"}, of("/c", "gem", "cargo", "gradle", "maven", "yarn")},
		{"a cache that is there", ".bundle/cache", nil, of(filepath.Join(home, ".cache"), "gem", "cargo", "gradle", "maven", "yarn")},
		{"a directory of a tool's", ".cargo/bin", nil, of(filepath.Join(home, ".cache"), "gem", "gradle", "maven", "yarn")},
		{"Maven's settings", ".m2", nil, of(filepath.Join(home, ".cache"), "gem", "gradle", "yarn")},
	} {
		if err := os.MkdirAll(filepath.Join(home, c.make), 0o700); err != nil {
			t.Fatal(err)
		}
		s := newSession(Config{Environ: c.env})
		s.ownDirs = map[string]string{}
		if s.toolCaches(sandbox.Places{Home: home}); !maps.Equal(s.ownDirs, c.want) {
			t.Errorf("%s: %v", c.name, s.ownDirs)
		}
		if (s.maven != "") != (c.want["MAVEN_USER_HOME"] != "") {
			t.Errorf("%s: Maven keeps what it fetches in %q", c.name, s.maven)
		}
	}
}
