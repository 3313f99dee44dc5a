package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTests: each test and fuzz target that SECURITY.md gives as its proof is there.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	var there strings.Builder
	for deep := range 4 {
		files, _ := filepath.Glob(filepath.Join(repository, strings.Repeat("*/", deep), "*_test.go"))
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			there.Write(source)
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(text, -1)
	if len(named) < 100 {
		t.Errorf("SECURITY.md names %d tests; are they written in another way?", len(named))
	}
	for _, m := range named {
		if name := string(m[1]); !strings.Contains(there.String(), "\nfunc "+name+"(") {
			t.Errorf("SECURITY.md names %s, which no file declares", name)
		}
	}
}
