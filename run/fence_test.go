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
	for _, c := range []struct {
		name string
		make string
		env  []string
		want map[string]string
	}{
		{"a new home directory", "", nil, map[string]string{
			"BUNDLE_USER_CACHE": filepath.Join(home, ".cache", "bundle"), "GEM_SPEC_CACHE": filepath.Join(home, ".cache", "gem")}},
		{"a variable of the user's", "", []string{"BUNDLE_USER_CACHE=/x", "XDG_CACHE_HOME=/c"}, map[string]string{"GEM_SPEC_CACHE": filepath.Join("/c", "gem")}},
		{"a cache that is there", ".bundle/cache", nil, map[string]string{"GEM_SPEC_CACHE": filepath.Join(home, ".cache", "gem")}},
	} {
		if err := os.MkdirAll(filepath.Join(home, c.make), 0o700); err != nil {
			t.Fatal(err)
		}
		s := &session{Config: Config{Environ: c.env}, ownDirs: map[string]string{}}
		if s.toolCaches(sandbox.Places{Home: home}); !maps.Equal(s.ownDirs, c.want) {
			t.Errorf("%s: %v", c.name, s.ownDirs)
		}
	}
}
