//go:build !linux

package sandbox

import (
	"errors"
	"net"
)

// Box is what Linux alone has.
type Box struct{ Listeners }

// Fork says so.
func Fork(*User) (*Box, error) {
	return nil, &Problem{Step: "make a sandbox with namespaces", Err: errors.New("this system has none")}
}

// Sweep does nothing.
func (b *Box) Sweep(string) error { return nil }

// Forked does nothing.
func (b *Box) Forked() error { return nil }

// Furnish does nothing.
func (b *Box) Furnish(Config) error { return nil }

// Next has nothing to say.
func (b *Box) Next() (Event, bool) { return Event{}, false }

// Show does nothing.
func (b *Box) Show([]Replacement) error { return nil }

// End does nothing.
func (b *Box) End() {}

// Kill does nothing.
func (b *Box) Kill() {}

// Close does nothing.
func (b *Box) Close() error { return nil }

// Reap does nothing.
func (b *Box) Reap() {}

// Dial reaches nothing.
func (b *Box) Dial(int) (net.Conn, error) { return nil, errors.New("this system has no sandbox") }

// Sockets lists none: where they are is not known here.
func Sockets() []string { return nil }

// HoldsSockets says that filtered does (the profile denies connections to them), and no other level.
func HoldsSockets(l Level) bool { return l == Filtered }
