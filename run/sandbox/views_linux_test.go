package sandbox

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// control runs a script outside of any box.
func control(t *testing.T, script string) string {
	t.Helper()
	out, _ := exec.Command("/bin/sh", "-c", script).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// files makes files below a new directory, whose name stands for $D in scripts.
func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte("secret of "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// attack is a script that prints what it could do; in a box it prints none of it.
type attack struct{ name, script, does string }

func try(t *testing.T, dir string, c Config, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		script := "cd '" + dir + "' && D='" + dir + "'; " + a.script
		if inside, _ := inBox(t, c, script); strings.Contains(inside, a.does) {
			t.Errorf("%s: not stopped:\n%s", a.name, inside)
		}
		if outside := control(t, script); !strings.Contains(outside, a.does) {
			t.Errorf("%s: the control fails, so the test shows nothing:\n%s", a.name, outside)
		}
	}
}

func TestHidden(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, ".netrc", ".aws/credentials", ".aws/config", "real/key", "plain")
		os.Symlink("real", filepath.Join(dir, "link"))
		os.Symlink(filepath.Join(dir, "real", "key"), filepath.Join(dir, "keylink"))
		rule := func(name string) Rule { return Rule{filepath.Join(dir, name), Hidden} }
		c := Config{Rules: []Rule{{dir, Writable}, rule(".netrc"), rule(".aws"), rule("link"), rule("missing"), rule("plain/below"), rule("keylink")}}
		try(t, dir, c, []attack{
			{"a file", "cat .netrc", "secret"},
			{"a directory", "cat .aws/*", "secret"},
			{"by the name that a link leads to", "cat real/key", "secret"},
			{"through the root of a process", "cat /proc/self/root$D/.netrc", "secret"},
			{"through a working directory of before", "cat /proc/self/cwd/.netrc", "secret"},
			{"by a new name", "mv .netrc stolen && cat stolen; mv stolen .netrc", "secret"},
			{"by a hard link", "ln .netrc hard && cat hard; rm -f hard", "secret"},
			{"the directory moved away", "mv .aws moved && cat moved/credentials; mv moved .aws", "secret"},
		})
		out, _ := inBox(t, c, "cd '"+dir+`'; cat plain; umount .netrc 2>&1; umount .aws 2>&1; cat .netrc .aws/config; echo new > .aws/config && cat .aws/config`)
		if !strings.Contains(out, "secret of plain") || strings.Contains(out, "secret of .") || !strings.HasSuffix(out, "new") {
			t.Error(out)
		}
		try(t, "/", Config{Rules: []Rule{{"/proc/version", Hidden}, {"/dev/nosuch", Hidden}}}, []attack{{"what the kernel says", "cat /proc/version", "Linux"}})
		if text, _ := os.ReadFile(filepath.Join(dir, ".aws/config")); string(text) != "secret of .aws/config\n" {
			t.Errorf("outside it is now %q", text)
		}
	})
}

func TestReadOnly(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, ".bashrc", ".config/autostart/x", ".git/hooks/pre-commit", ".git/config", "policy.toml", "data")
		c := Config{Rules: []Rule{
			{dir, Writable}, {filepath.Join(dir, ".bashrc"), ReadOnly}, {filepath.Join(dir, ".config"), Writable}, {filepath.Join(dir, ".config/autostart"), ReadOnly},
			{filepath.Join(dir, ".git"), Writable}, {filepath.Join(dir, ".git/hooks"), ReadOnly}, {filepath.Join(dir, "policy.toml"), ReadOnly},
		}}
		restore := "; rm -rf moved; true"
		try(t, dir, c, []attack{
			{"a line more", "echo evil >> .bashrc && tail -1 .bashrc", "evil"},
			{"another file in its place", "echo evil > n && mv -f n .bashrc && cat .bashrc; rm -f n", "evil"},
			{"a new file in a directory", "echo evil > .git/hooks/post-checkout && cat .git/hooks/post-checkout", "evil"},
			{"the directory moved away", "cp -r .git/hooks moved && mv .git/hooks old && mv moved .git/hooks && echo evil && mv old moved" + restore, "evil"},
			{"its parent moved away", "mv .git moved && mkdir .git && cp -r moved/. .git/ && echo evil" + restore, "evil"},
			{"the parent of a start directory", "mv .config moved && mkdir -p .config/autostart && echo evil > .config/autostart/y && cat .config/autostart/y" + restore, "evil"},
			{"its mode", "chmod 755 policy.toml && ls -l policy.toml", "rwxr-xr-x"},
			{"truncated", "true > policy.toml && wc -c policy.toml", "0 policy.toml"},
		})
		dir = files(t, ".git/hooks/x", ".git/config", "data")
		c = Config{Rules: []Rule{{dir, Writable}, {filepath.Join(dir, ".git"), Writable}, {filepath.Join(dir, ".git/hooks"), ReadOnly}}}
		out, code := inBox(t, c, "cd '"+dir+"' && echo more >> .git/config && echo more >> data && mv data other && cat other .git/config")
		if code != 0 || strings.Count(out, "more") != 2 {
			t.Errorf("what may be written: %d %s", code, out)
		}
	})
}

// Where no rule speaks nothing can be changed: no file that is executed later, for root no file of the system.
func TestReadOnlyElsewhere(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, "home/x", "home/work/y")
		work := filepath.Join(dir, "home/work")
		c := Config{Rules: []Rule{{work, Writable}}}
		try(t, work, c, []attack{
			{"a new start file", "echo evil > ../.bash_profile && cat ../.bash_profile; rm -f ../.bash_profile", "evil"},
			{"a new directory", "mkdir -p ../.ssh && echo evil > ../.ssh/authorized_keys && cat ../.ssh/*; rm -rf ../.ssh", "evil"},
			{"what is there", "echo evil >> ../x && cat ../x", "evil"},
		})
		out, code := inBox(t, c, "cd '"+work+"' && echo fine > new && mkdir d && mv new d/ && cat d/new && echo also > /dev/shm/x && cat /dev/shm/x && : > /dev/null")
		if code != 0 || out != "fine\nalso" {
			t.Errorf("%d %s", code, out)
		}
		if os.Getuid() == 0 {
			for _, evil := range []string{"/etc/cron.d/evil-test", "/usr/bin/evil-test"} {
				os.Remove(evil) // of a run that failed
				t.Cleanup(func() { os.Remove(evil) })
			}
			out, _ := inBox(t, c, "echo evil > /etc/cron.d/evil-test; echo evil > /usr/bin/evil-test; ls /etc/cron.d/evil-test /usr/bin/evil-test 2>/dev/null")
			if strings.HasSuffix(out, "evil-test") {
				t.Error(out)
			}
		}
	})
}

// Shared memory is the box's own, but for what a rule shows of the system's.
func TestSharedMemory(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		var dirs []string
		for _, name := range []string{"shown", "other"} {
			dir, err := os.MkdirTemp("/dev/shm", "agentguard-test-")
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte(name+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, dir)
		}
		c := Config{Rules: []Rule{{"/dev/shm", Writable}, {dirs[0], ReadOnly}, {filepath.Join(dirs[1], "gone"), ReadOnly}}}
		out, _ := inBox(t, c, "cat "+dirs[0]+"/file "+dirs[1]+"/file 2>/dev/null; echo evil 2>/dev/null >> "+dirs[0]+"/file; rm -rf "+dirs[0]+" 2>/dev/null; cat "+dirs[0]+"/file; echo own > /dev/shm/own && cat /dev/shm/own")
		if out != "shown\nshown\nown" {
			t.Errorf("%q", out)
		}
		if _, err := os.Stat("/dev/shm/own"); err == nil {
			t.Error("it writes to the system's")
		}
	})
}

// A path comes back inside a hidden directory, as the policy's own list has it.
func TestShownAgain(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		dir := files(t, ".aws/config", ".aws/credentials", ".aws/sso/cache/x", ".ssh/id", ".npmrc")
		at := func(name string) string { return filepath.Join(dir, name) }
		c := Config{Rules: []Rule{
			{dir, Writable}, {at(".aws"), Hidden}, {at(".aws/config"), ReadOnly}, {at(".aws/sso/cache"), Writable}, {at(".ssh"), Hidden}, {at(".npmrc"), Hidden},
			{at(".npmrc"), ReadOnly}, {at(".ssh/nothing"), ReadOnly},
		}}
		out, _ := inBox(t, c, "cd '"+dir+`'; cat .aws/config .aws/sso/cache/x .npmrc; cat .aws/credentials .ssh/id; echo no >> .aws/config; echo no >> .npmrc; echo yes >> .aws/sso/cache/x; ls .ssh`)
		for _, want := range []string{"secret of .aws/config", "secret of .aws/sso/cache/x", "secret of .npmrc"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
		if strings.Contains(out, "secret of .aws/credentials") || strings.Contains(out, "secret of .ssh") {
			t.Error(out)
		}
		for name, want := range map[string]string{".aws/config": "secret of .aws/config\n", ".npmrc": "secret of .npmrc\n", ".aws/sso/cache/x": "secret of .aws/sso/cache/x\nyes\n"} {
			if text, _ := os.ReadFile(at(name)); string(text) != want {
				t.Errorf("%s is now %q", name, text)
			}
		}
	})
}

// Whoever listens on a socket with a name acts outside of the box.
func TestSocketsOfOthers(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		if _, err := exec.LookPath("python3"); err != nil {
			t.Skip("needs python3")
		}
		dir := t.TempDir()
		for _, name := range []string{"agent.sock", "with space.sock"} {
			l, err := net.Listen("unix", filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go serveAll(l)
		}
		abstract, err := net.Listen("unix", "@"+strings.ReplaceAll(dir, "/", "-"))
		if err != nil {
			t.Fatal(err)
		}
		defer abstract.Close()
		go serveAll(abstract)
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		go serveAll(tcp)
		connect := func(family, address string) string {
			return `python3 -c 'import socket
s = socket.socket(socket.` + family + `); s.settimeout(5); s.connect(` + address + `); print(s.recv(9))'`
		}
		_, port, _ := net.SplitHostPort(tcp.Addr().String())
		try(t, dir, Config{}, []attack{
			{"a socket", connect("AF_UNIX", `"agent.sock"`), "served"},
			{"one with a space", connect("AF_UNIX", `"with space.sock"`), "served"},
			{"an abstract one", connect("AF_UNIX", `"\0`+strings.ReplaceAll(dir, "/", "-")+`"`), "served"},
			{"a service of the host's loopback", connect("AF_INET", `("127.0.0.1", `+port+`)`), "served"},
		})
		allowed := Config{Rules: []Rule{{filepath.Join(dir, "agent.sock"), Writable}}}
		if out, _ := inBox(t, allowed, "cd '"+dir+"'; "+connect("AF_UNIX", `"agent.sock"`)); !strings.Contains(out, "served") {
			t.Errorf("a socket that a rule allows: %s", out)
		}
	})
}

func serveAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.Write([]byte("served"))
		c.Close()
	}
}

func TestSocketName(t *testing.T) {
	for line, want := range map[string]string{
		"Num       RefCount Protocol Flags    Type St Inode Path\n":                       "",
		"000000004660e1bb: 00000003 00000000 00000000 0001 03  1146\n":                    "",
		"000000004660e1bb: 00000002 00000000 00010000 0001 01 20010 /run/dbus/socket\n":   "/run/dbus/socket",
		"000000004660e1bb: 00000002 00000000 00010000 0001 01 20010 @/tmp/.X11-unix/X0\n": "@/tmp/.X11-unix/X0",
		"000000004660e1bb: 00000002 00000000 00010000 0001 01     7 /tmp/a b/c  d\n":      "/tmp/a b/c  d",
		"000000004660e1bb: 00000002 00000000 00010000 0001 01 20010 relative\n":           "relative",
		"": "",
	} {
		if got := socketName(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// What the kernel shows of the outside, and what could be set through it.
func TestBoxHoldsTheSystem(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		for range 9 { // as there are outside, but in a container
			cmd := exec.Command("sleep", "60")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
		}
		attacks := []attack{
			{"other processes", "ls -d /proc/[0-9]* | wc -l | awk '$1 > 8 { print \"many\" }'", "many"},
			{"the host's name", "hostname changed-by-a-test && hostname", "changed-by-a-test"},
			{"a user namespace", "unshare -U true && echo made", "made"},
		}
		const devices = "ls /dev/tty1 /dev/ttyS0 /dev/vda /dev/kmsg /dev/mem /dev/port 2>/dev/null | head -1"
		if out, _ := exec.Command("sh", "-c", devices).Output(); len(out) > 0 { // not in every container
			attacks = append(attacks, attack{"the devices of others", devices, "/dev/"})
		}
		if os.Getuid() != 0 {
			attacks = attacks[:1]
		}
		attacks = append(attacks[:1:1], attacks[min(2, len(attacks)):]...) // nobody renames this machine
		try(t, "/", Config{}, attacks)
		out, _ := inBox(t, Config{}, `
			for f in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger /proc/sys/kernel/modprobe; do (echo x > $f) 2>/dev/null && echo "wrote $f"; done
			cat /proc/keys | wc -c; mknod /tmp/node.$$ b 1 1 2>/dev/null && echo "made a device"; rm -f /tmp/node.$$
			hostname changed 2>/dev/null && echo "renamed"; mount -t tmpfs x /tmp 2>/dev/null && echo "mounted"; ip link add d0 type dummy 2>/dev/null && echo "linked"
			chroot / true 2>/dev/null && echo chrooted; kill -9 1 2>/dev/null; kill -TERM 1 2>/dev/null; kill -SEGV 1 2>/dev/null; sleep 0.05; echo still; grep Cap /proc/self/status | grep -v 0000000000000000; for f in fd/0 root exe; do readlink /proc/1/$f && echo "followed $f"; done; for f in mem environ maps; do (exec 3</proc/1/$f && head -c 1 <&3 | grep -q . && echo "read $f") 2>/dev/null; done`)
		for _, bad := range []string{"wrote", "made", "renamed", "mounted", "linked", "chrooted", "Cap", "followed", "read "} {
			if strings.Contains(out, bad) {
				t.Errorf("%s:\n%s", bad, out)
			}
		}
		if !strings.Contains(out, "still") {
			t.Error(out)
		}
	})
}

func TestNeeded(t *testing.T) {
	rules := []Rule{
		{"/dev/shm/x", ReadOnly}, {"/etc/shadow", Hidden}, {"/root", ReadOnly}, {"/root/.bashrc", ReadOnly}, {"/root/w", Writable}, {"/root/w-2", ReadOnly},
		{"/root/w/.git/hooks", ReadOnly}, {"/run/own", ReadOnly}, {"/run/user", Hidden}, {"/run/user/1/own", ReadOnly}, {"/run/user/1/own/in", ReadOnly},
	}
	want := []string{"/dev/shm/x", "/etc/shadow", "/root/w", "/root/w/.git/hooks", "/run/user", "/run/user/1/own"}
	var got []string
	for _, r := range needed(rules) {
		got = append(got, r.Path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
