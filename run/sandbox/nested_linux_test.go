package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNested: with Config.Nested a program may have a sandbox of its own, with a /proc as bwrap makes one; from within it nothing
// can be uncovered or set that the box holds. Without, there is none.
func TestNested(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root has no right left by which it could map itself") // user_namespaces(7), on CAP_SETFCAP
		}
		dir := files(t, ".netrc", ".aws/credentials", "settled", "plain")
		rule := func(name string, view View) Rule { return Rule{filepath.Join(dir, name), view} }
		c := Config{Rules: []Rule{rule("", Writable), rule(".netrc", Hidden), rule(".aws", Hidden), rule("settled", ReadOnly)}}
		script := "cd '" + dir + `' && unshare -Urmpf --mount-proc sh -c '
			echo "made as $(id -u), alone as $$"; cat plain
			umount .netrc; umount -l .aws; umount -l /proc; mount --bind -o remount,rw settled; mkdir -p /tmp/m.$$; mount --bind . /tmp/m.$$; mount --make-rshared /
			mount -t tmpfs x .aws && umount .aws; cat .netrc .aws/credentials /tmp/m.*/.netrc; echo x >>settled && echo changed
			for f in kernel/core_pattern kernel/modprobe vm/drop_caches; do echo x >/proc/sys/$f && echo "set $f"; done; unshare -n true && echo deeper' 2>/dev/null; rmdir /tmp/m.* 2>/dev/null; true`
		if out, _ := inBox(t, c, script); strings.Contains(out, "made") {
			t.Errorf("without Nested: %s", out)
		}
		c.Nested = true
		out, _ := inBox(t, c, script)
		for _, want := range []string{"made as 0, alone as 1", "secret of plain", "deeper"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
		for _, bad := range []string{"secret of .", "changed", "set "} {
			if strings.Contains(out, bad) {
				t.Errorf("%q in %s", bad, out)
			}
		}
	})
}
