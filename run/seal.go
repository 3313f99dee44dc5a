package run

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"agentguard/run/child"
	"agentguard/run/clients"
	"agentguard/run/sandbox"
)

// seal makes the box of a sealed run. That begins before this process is made undumpable, and ends before any secret is loaded;
// meanwhile there is other work to do.
func (s *session) seal() error {
	if err := s.holdStreams(sandbox.Sealed); err != nil {
		s.Begun.Close()
		return err
	}
	box := s.Begun
	if box != nil && s.User != nil {
		box.Kill()
		box = nil
	}
	if box == nil {
		var err error
		if box, err = sandbox.Fork(s.User.Boxed()); err != nil {
			return err
		}
	}
	furnished := make(chan error, 1)
	go func() { furnished <- box.Furnish(s.inside()) }()
	err := box.Forked()
	if err == nil {
		err = s.protect()
	}
	if failed := <-furnished; err == nil {
		err = failed
	}
	if err != nil {
		box.Close()
		return err
	}
	s.box = box
	return nil
}

// inside makes what must be there for a box, and says what it is to be.
func (s *session) inside() sandbox.Config {
	places := s.places()
	gitDirs := sandbox.GitDirs(places.Dir)
	s.makePlaces(places, gitDirs)
	if temp := s.ownTemp(); s.makeOwnDirs(temp, func(place string) bool { return places.Lacks(place) }) == nil {
		places.Temp = append(places.Temp, temp)
	}
	s.toolCaches(places)
	config := sandbox.Config{User: s.User.Boxed(), Rules: s.rules(places, gitDirs), Nested: s.Policy.Isolation.Nested, Ports: []int{22}, Terminal: child.TerminalName(s.Stdin, s.Stdout, s.Stderr)}
	for _, to := range s.Policy.Isolation.AllowTCP {
		if port := int(to.Port()); !slices.Contains(config.Forward, port) && !s.isFree(to) {
			config.Forward = append(config.Forward, port)
		}
	}
	for _, port := range append(s.Policy.Ports(), 80, 443) {
		if p := int(port); !slices.Contains(config.Ports, p) && !slices.Contains(config.Forward, p) && p != 53 {
			config.Ports = append(config.Ports, p)
		}
	}
	return config
}

// isFree says whether nobody answers at an address of the loopback. Its port inside is then the command's own, as it is in a
// filtered run: what listens for it there would keep the command's server from it.
func (s *session) isFree(to netip.AddrPort) bool {
	c, err := net.DialTimeout("tcp", to.String(), time.Second)
	if err == nil {
		c.Close()
	}
	free := errors.Is(err, syscall.ECONNREFUSED)
	if free {
		s.Say("isolation sealed: nothing answers on %s, so the port is the command's own", to)
	}
	return free
}

// unmet says why the level, which was found to work here, does not after all, and what mends it.
func (s *session) unmet(err error) error {
	w := sandbox.Wish{Level: s.level.Level, Minimum: s.Isolation.Minimum}
	return failure(&sandbox.Unmet{Wish: w, Tried: []sandbox.Tried{{Level: w.Level, Err: err}}}, "")
}

// serveSealed serves the child by the box's listeners, which it alone can reach.
func (s *session) serveSealed() error {
	s.main = s.box.Proxy
	s.files.JavaProxy = s.main.Addr().String()
	go s.proxy.ServeSealed(s.box.Proxy)
	for _, l := range s.box.Captured {
		go s.proxy.ServeCaptured(l)
	}
	if c, ok := s.box.Names.(*net.UDPConn); ok {
		go s.names.ServePackets(c)
	}
	go s.names.ServeStreams(s.box.Queries)
	for _, to := range s.Policy.Isolation.AllowTCP {
		if l := s.box.Forward[int(to.Port())]; l != nil {
			go relay(l, func() (net.Conn, error) { return net.Dial("tcp", to.String()) })
		}
	}
	for port, l := range s.published {
		go relay(l, func() (net.Conn, error) { return s.box.Dial(port) })
	}
	shown := []sandbox.Replacement{{Path: clients.RootsDir, Source: s.files.CertDir, Among: true}}
	for _, path := range clients.SystemTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.Bundle})
	}
	for _, path := range clients.JavaTrust {
		shown = append(shown, sandbox.Replacement{Path: path, Source: s.files.PKCS12})
	}
	if home := s.env.Get("HOME"); filepath.IsAbs(home) && !s.opens(".pki") {
		shown = append(shown, sandbox.Replacement{Path: filepath.Join(home, clients.NSSFile), Source: s.files.NSS, Laid: true})
	}
	if err := s.box.Show(shown); err != nil {
		return s.unmet(err)
	}
	return nil
}

// relay leads the connections of a listener elsewhere.
func relay(l net.Listener, dial func() (net.Conn, error)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			to, err := dial()
			if err != nil {
				return
			}
			defer to.Close()
			go pipe(to, c)
			pipe(c, to)
		}()
	}
}

// publish listens on the loopback for what a server of the child's is to be reached by.
func (s *session) publish() error {
	s.published = map[int]net.Listener{}
	for _, port := range s.Publish {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return failure(fmt.Errorf("--publish %d: %w", port, err), "another program has this port")
		}
		s.published[port] = l
		s.closers = append(s.closers, func() { l.Close() })
	}
	return nil
}

// pipe copies one direction and passes its end on.
func pipe(dst, src net.Conn) {
	io.Copy(dst, src)
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
