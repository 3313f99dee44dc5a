package sandbox

import (
	"errors"
	"net"
	"os"
)

// descriptors are what init has opened, in the order of its steps.
type descriptors []int

func (d *descriptors) next() (*os.File, error) {
	if len(*d) == 0 {
		return nil, errors.New("set up the sandbox: a listener is missing")
	}
	f := os.NewFile(uintptr((*d)[0]), "listener")
	*d = (*d)[1:]
	return f, nil
}

func (d *descriptors) stream() (net.Listener, error) {
	f, err := d.next()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

func (d *descriptors) packets() (net.PacketConn, error) {
	f, err := d.next()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FilePacketConn(f)
}

// adopt makes listeners of the descriptors that Config.world has opened.
func (l *Listeners) adopt(c *Config, files *descriptors) (err error) {
	if l.Proxy, err = files.stream(); err != nil {
		return err
	}
	if l.Names, err = files.packets(); err != nil {
		return err
	}
	if l.Queries, err = files.stream(); err != nil {
		return err
	}
	l.Captured = make([]net.Listener, len(c.Ports))
	for i := range l.Captured {
		if l.Captured[i], err = files.stream(); err != nil {
			return err
		}
	}
	l.Forward = map[int]net.Listener{}
	for _, port := range c.Forward {
		if l.Forward[port], err = files.stream(); err != nil {
			return err
		}
	}
	return nil
}

// end closes those that there are: not all, where adopt has failed.
func (l *Listeners) end() {
	streams := append([]net.Listener{l.Proxy, l.Queries}, l.Captured...)
	for _, s := range l.Forward {
		streams = append(streams, s)
	}
	for _, s := range streams {
		if s != nil {
			s.Close()
		}
	}
	if l.Names != nil {
		l.Names.Close()
	}
}
