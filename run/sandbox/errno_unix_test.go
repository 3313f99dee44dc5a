//go:build unix

package sandbox

import (
	"strings"
	"syscall"
	"testing"
)

func TestProblemNamesTheErrno(t *testing.T) {
	p := &Problem{Step: "restrict the file system", Call: "landlock_create_ruleset", Err: syscall.ENOSYS}
	if got := p.Error(); !strings.HasPrefix(got, "restrict the file system: landlock_create_ruleset: ") || !strings.HasSuffix(got, "(ENOSYS)") {
		t.Error(got)
	}
}
