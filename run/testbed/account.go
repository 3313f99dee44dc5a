package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Account makes a user for what is started behind the prefix that it gives: the machine's own accounts stay as they are. It takes
// root, and skips the test where that may not mount.
func Account(t testing.TB, name string, uid int, home string) (prefix []string) {
	t.Helper()
	if os.Geteuid() != 0 || exec.Command("unshare", "-m", "mount", "--bind", "/etc/passwd", "/etc/passwd").Run() != nil {
		t.Skip("takes root, and mounts")
	}
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(PublicDir(t), "passwd")
	text = fmt.Appendf(text, "%s:x:%d:%d::%s:/bin/dash\n", name, uid, uid, home)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`, file}
}
