//go:build unix

package escape

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Stage is a set of targets that live. Close takes all of them away.
type Stage struct {
	Targets
	File    string // the targets, for the attacker
	closers []func()
}

// NewStage makes targets below a directory that belongs to the user and is no temporary one. command is the program and the
// arguments by which it becomes Prey.
func NewStage(below, canary string, command []string) (*Stage, error) {
	s := &Stage{Targets: Targets{Canary: canary}}
	for _, step := range []func() error{func() error { return s.files(below) }, s.services, func() error { return s.prey(command) }, s.terminal} {
		if err := step(); err != nil {
			s.Close()
			return nil, fmt.Errorf("make targets: %w", err)
		}
	}
	return s, nil
}

// Close ends services and processes, and removes files.
func (s *Stage) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

func (s *Stage) files(below string) error {
	base, err := os.MkdirTemp(below, ".agentguard-escape-test-")
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { os.RemoveAll(base) })
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return err
	}
	s.Home = filepath.Join(base, "home")
	s.Work, s.Elsewhere = filepath.Join(s.Home, "project"), filepath.Join(s.Home, "documents")
	s.Settled, s.File = filepath.Join(s.Home, ".bashrc"), filepath.Join(s.Work, "targets.json")
	for _, name := range []string{".netrc", ".aws/credentials", ".ssh/id_ed25519", ".config/gh/hosts.yml", ".bash_history", ".local/share/agentguard/vault.age"} {
		s.Secrets = append(s.Secrets, filepath.Join(s.Home, name))
	}
	for _, file := range append(s.Secrets, s.Settled, filepath.Join(s.Elsewhere, "letter"), filepath.Join(s.Work, ".git/hooks/README"), filepath.Join(s.Work, ".git/HEAD")) {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		text := ""
		if file != s.Settled {
			text = s.Canary + "\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) services() error {
	s.Socket = filepath.Join(filepath.Dir(s.Home), "agent.sock")
	s.Abstract = "@" + filepath.Base(filepath.Dir(s.Home))
	for _, at := range []struct {
		network, address string
		to               *string
		must             bool
	}{
		{"tcp4", "127.0.0.1:0", &s.TCP4, true}, {"tcp6", "[::1]:0", &s.TCP6, false}, {"tcp", net.JoinHostPort(externalAddress(), "0"), &s.External, false},
		{"unix", s.Socket, &s.Socket, true}, {"unix", s.Abstract, &s.Abstract, false},
	} {
		l, err := net.Listen(at.network, at.address)
		if err != nil && at.must {
			return err
		}
		*at.to = ""
		if err != nil || at.address == ":0" {
			continue
		}
		*at.to = l.Addr().String()
		s.closers = append(s.closers, func() { l.Close() })
		go s.answer(l)
	}
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.UDP = u.LocalAddr().String()
	s.closers = append(s.closers, func() { u.Close() })
	go func() {
		buf := make([]byte, 16)
		for {
			_, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			u.WriteTo([]byte(s.Canary), from)
		}
	}()
	return nil
}

func (s *Stage) answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, s.Canary)
		c.Close()
	}
}

// externalAddress is one of this machine's that is not the loopback; "" where there is none.
func externalAddress() string {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// prey starts a process that holds the canary, and hears from it where.
func (s *Stage) prey(command []string) error {
	file, err := os.Open(s.Secrets[0])
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = []string{"AGENTGUARD_ESCAPE_CANARY=" + s.Canary}, "/", []*os.File{file}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.closers = append(s.closers, func() { in.Close(); cmd.Wait() })
	s.Pid = cmd.Process.Pid
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("a process to attack: %w", err)
	}
	s.Address, err = strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err
}

// Write puts the targets where the attacker reads them.
func (s *Stage) Write() error {
	text, err := json.Marshal(s.Targets)
	if err != nil {
		return err
	}
	return os.WriteFile(s.File, text, 0o600)
}

// LeaveOpen opens a secret the way a careless program does, so that every child inherits it.
func (s *Stage) LeaveOpen() (fd int, err error) {
	fd, err = syscall.Open(s.Secrets[0], syscall.O_RDONLY, 0)
	if err == nil {
		s.closers = append(s.closers, func() { syscall.Close(fd) })
	}
	return fd, err
}
