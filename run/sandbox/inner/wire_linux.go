package inner

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// Conn is one end of the control socket: a stream of frames, each a length, a kind and strings, with descriptors beside.
type Conn struct {
	fd     int
	out    sync.Mutex
	polled *os.File // nil: its calls wait themselves
	raw    syscall.RawConn
}

// NewConn takes a connected stream socket of the Unix domain.
func NewConn(fd int) *Conn { return &Conn{fd: fd} }

// NewPolled takes one of which the runtime says when it is to be read. A call that waits holds one of the processors that goroutines
// have, until the runtime sees that it does: some milliseconds, at the worst.
func NewPolled(fd int) (*Conn, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	c := &Conn{fd: fd, polled: os.NewFile(uintptr(fd), "control socket")}
	var err error
	c.raw, err = c.polled.SyscallConn()
	return c, err
}

// Close closes the socket.
func (c *Conn) Close() error {
	if c.polled != nil {
		return c.polled.Close()
	}
	return syscall.Close(c.fd)
}

// try makes a call until it need not wait.
func (c *Conn) try(through func(syscall.RawConn, func(fd uintptr) bool) error, call func() error) (err error) {
	if c.raw == nil {
		return call()
	}
	if failed := through(c.raw, func(uintptr) bool {
		err = call()
		return err != syscall.EAGAIN
	}); failed != nil {
		return failed
	}
	return err
}

// Shutdown ends both directions, which wakes a Receive that waits.
func (c *Conn) Shutdown() error { return syscall.Shutdown(c.fd, syscall.SHUT_RDWR) }

// maxFrame bounds a frame: arguments and environment together are far below it (execve(2), "Limits").
const maxFrame = 64 << 20

// maxFiles is how many descriptors a frame carries at most (SCM_MAX_FD of linux/include/net/scm.h).
const maxFiles = 253

// Send sends one frame.
func (c *Conn) Send(kind byte, fields []string, files ...int) error {
	size := 1
	for _, f := range fields {
		size += 4 + len(f)
	}
	frame := append(make([]byte, 0, 4+size), byte(size), byte(size>>8), byte(size>>16), byte(size>>24), kind)
	for _, f := range fields {
		n := len(f)
		frame = append(append(frame, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), f...)
	}
	var rights []byte
	if len(files) > 0 {
		rights = syscall.UnixRights(files...)
	}
	c.out.Lock()
	defer c.out.Unlock()
	for len(frame) > 0 {
		var n int
		err := c.try(syscall.RawConn.Write, func() (err error) {
			n, err = syscall.SendmsgN(c.fd, frame, rights, nil, syscall.MSG_NOSIGNAL)
			return err
		})
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		frame, rights = frame[n:], nil
	}
	return nil
}

// Receive waits for a frame. Its descriptors are closed on exec. At the end of the stream the error is io.EOF.
func (c *Conn) Receive() (kind byte, fields []string, files []int, err error) {
	var head [4]byte
	if files, err = c.fill(head[:], nil); err != nil {
		closeAll(files)
		return 0, nil, nil, err
	}
	size := number(head[:])
	if size < 1 || size > maxFrame {
		closeAll(files)
		return 0, nil, nil, errors.New("control socket: a frame of an impossible length")
	}
	body := make([]byte, size)
	if files, err = c.fill(body, files); err != nil {
		closeAll(files)
		return 0, nil, nil, err
	}
	kind = body[0]
	for body = body[1:]; len(body) >= 4; {
		n := number(body)
		if n > len(body)-4 {
			closeAll(files)
			return 0, nil, nil, errors.New("control socket: a field beyond its frame")
		}
		fields = append(fields, string(body[4:4+n]))
		body = body[4+n:]
	}
	return kind, fields, files, nil
}

func number(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24 }

// fill reads until b is full and adds the descriptors that came along.
func (c *Conn) fill(b []byte, files []int) ([]int, error) {
	room := make([]byte, syscall.CmsgSpace(4*maxFiles))
	for len(b) > 0 {
		var n, rights int
		err := c.try(syscall.RawConn.Read, func() (err error) {
			n, rights, _, _, err = syscall.Recvmsg(c.fd, b, room, syscall.MSG_CMSG_CLOEXEC)
			return err
		})
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return files, err
		}
		files = append(files, passed(room[:rights])...)
		if n == 0 {
			return files, io.EOF
		}
		b = b[n:]
	}
	return files, nil
}

func passed(room []byte) (files []int) {
	messages, err := syscall.ParseSocketControlMessage(room)
	if err != nil {
		return nil
	}
	for i := range messages {
		if rights, err := syscall.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, rights...)
		}
	}
	return files
}

func closeAll(files []int) {
	for _, fd := range files {
		syscall.Close(fd)
	}
}
