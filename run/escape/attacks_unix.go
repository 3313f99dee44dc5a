//go:build unix

package escape

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"agentguard/run/sandbox"
)

var attacks = slices.Concat([]Attack{
	{"secret-files", "read other tools' secrets: .netrc, .aws, .ssh, .config/gh, shell history, agentguard's own files", sandbox.Filtered, readSecrets},
	{"secret-links", "read them by other names: /proc/self/root, a hard link, a symbolic link, a move", sandbox.Filtered, readSecretsByLinks},
	{"dotfiles", "add a line to what the user's shell executes", sandbox.Filtered, appendTo(func(t *Targets) string { return t.Settled })},
	{"files-elsewhere", "leave a file outside of the working directory", sandbox.Filtered, writeElsewhere},
	{"git-hooks", "leave a hook that the user's next commit executes", sandbox.Sealed, appendTo(func(t *Targets) string { return filepath.Join(t.Work, ".git/hooks/pre-commit") })},
	{"inherited-file", "read a file that was left open when the child was started", sandbox.Env, readInherited},
	{"loopback", "connect to a service of this machine", sandbox.Filtered, connect("tcp4", func(t *Targets) string { return t.TCP4 })},
	{"loopback-ipv6", "the same over IPv6", sandbox.Filtered, connect("tcp6", func(t *Targets) string { return t.TCP6 })},
	{"direct", "connect to an address of the network, not by way of the proxy", sandbox.Filtered, connect("tcp", func(t *Targets) string { return t.External })},
	{"udp", "send a datagram (DNS tunnels, QUIC)", sandbox.Filtered, datagram},
	{"socket", "speak to a program of the user's by a socket with a path (docker, ssh-agent, keyring, editors)", sandbox.Sealed, connect("unix", func(t *Targets) string { return t.Socket })},
	{"signal", "signal a program of the user's", sandbox.Filtered, func(t *Targets) error { return syscall.Kill(t.Pid, 0) }},
	{"keyring", "ask the user's keyring for a secret", sandbox.Sealed, askKeyring},
	{"docker", "have Docker start a container", sandbox.Sealed, connect("unix", func(*Targets) string { return "/var/run/docker.sock" })},
	{"ssh-agent", "use the keys that ssh-agent holds", sandbox.Sealed, connect("unix", func(t *Targets) string { return t.SSHAgent })},
}, systemAttacks)

var errNothing = errors.New("nothing of it could be read")

// holds says whether a file's content has the canary in it.
func (t *Targets) holds(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.has(f)
}

func (t *Targets) has(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	switch {
	case bytes.Contains(text, []byte(t.Canary)):
		return nil
	case err != nil:
		return err
	}
	return errNothing
}

// readSecrets has worked when one of them could be read.
func readSecrets(t *Targets) error {
	err := errNothing
	for _, file := range t.Secrets {
		if err = t.holds(file); err == nil {
			return nil
		}
	}
	return err
}

func readSecretsByLinks(t *Targets) error {
	err := errNothing
	link := filepath.Join(t.Work, "link")
	for _, file := range t.Secrets {
		for _, try := range []func() error{
			func() error { return t.holds("/proc/self/root" + file) },
			func() error { return errors.Join(os.Symlink(file, link), t.holds(link)) },
			func() error { return errors.Join(os.Link(file, link), t.holds(link)) },
			func() error { // and back, or the next attack would not find it
				if err := os.Rename(file, link); err != nil {
					return err
				}
				defer os.Rename(link, file)
				return t.holds(link)
			},
			func() error { // a whole directory, into one whose files can be read
				dir := filepath.Dir(file)
				if dir == t.Home {
					return errNothing
				}
				if err := os.Rename(dir, link); err != nil {
					return err
				}
				defer os.Rename(link, dir)
				return t.holds(filepath.Join(link, filepath.Base(file)))
			},
		} {
			err = try()
			os.Remove(link)
			if err == nil {
				return nil
			}
		}
	}
	return err
}

// appendTo has worked when the file holds the line, which is then taken back.
func appendTo(file func(*Targets) string) func(*Targets) error {
	return func(t *Targets) error {
		f, err := os.OpenFile(file(t), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o755)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString("# " + t.Canary + "\n")
		return err
	}
}

func writeElsewhere(t *Targets) error {
	file := filepath.Join(t.Elsewhere, "left")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	return os.Remove(file)
}

func readInherited(t *Targets) error {
	for fd := 3; fd < 256; fd++ {
		buf := make([]byte, 256)
		if n, err := syscall.Pread(fd, buf, 0); err == nil && bytes.Contains(buf[:n], []byte(t.Canary)) {
			return nil
		}
	}
	return errors.New("no open file has it")
}

func connect(network string, address func(*Targets) string) func(*Targets) error {
	return func(t *Targets) error {
		to := address(t)
		if to == "" {
			return errors.New("there is none here")
		}
		d := net.Dialer{Timeout: 3 * time.Second}
		d.SetMultipathTCP(false)
		c, err := d.Dial(network, to)
		if err != nil {
			return err
		}
		defer c.Close()
		return t.answered(c)
	}
}

// answered tells our own services from whatever else may be at that address: they say the canary. Of others it is enough
// that they took the connection.
func (t *Targets) answered(c net.Conn) error {
	if a := c.RemoteAddr().String(); a != t.TCP4 && a != t.TCP6 && a != t.External && a != t.Socket && a != t.Abstract {
		return nil
	}
	c.SetDeadline(time.Now().Add(3 * time.Second))
	return t.has(c)
}

func datagram(t *Targets) error {
	c, err := net.DialTimeout("udp", t.UDP, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("?")); err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(2 * time.Second))
	buf := make([]byte, 256)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	return t.has(bytes.NewReader(buf[:n]))
}

func askKeyring(t *Targets) error {
	if !t.Keyring {
		return errors.New("there is none here, or it is locked")
	}
	cmd := exec.Command("secret-tool", "lookup", KeyringAttribute, t.Canary[:8])
	cmd.Env = append(cmd.Environ(), "DBUS_SESSION_BUS_ADDRESS="+t.Bus)
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	return t.has(strings.NewReader(string(out)))
}
