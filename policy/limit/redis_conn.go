package limit

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
)

// redisConn speaks the part of RESP2 (Redis serialization protocol specification) that a few commands with short answers
// need. It is strict and bounded: a client for everything takes the server's word for how much memory an answer needs,
// and a false or hostile server would end the run with it.
type redisConn struct {
	net.Conn
	in *bufio.Reader
}

// maxAnswer bounds a line, maxItems an array of an answer.
const (
	maxAnswer = 1 << 10
	maxItems  = 4
)

func newRedisConn(c net.Conn) *redisConn { return &redisConn{c, bufio.NewReaderSize(c, maxAnswer)} }

// redisError is the server's refusal, in its words: the connection is as good as before.
type redisError string

func (e redisError) Error() string { return "it answers: " + string(e) }

// redisHints say what mends the refusals that an operator meets, by their first word.
var redisHints = map[string]string{
	"NOAUTH":    `name the password's place: [limits] password = "keychain:redis"`,
	"WRONGPASS": "store the right password, or mend the user in [limits] store",
	"NOPERM":    "let this user write keys that begin with agentguard: by EVAL, TIME and the commands of lists",
	"READONLY":  "it is a replica: name the primary in [limits] store",
	"MISCONF":   "the server cannot save what it holds: free space on its disk",
	"OOM":       "the server's maxmemory is used up: raise it, with maxmemory-policy noeviction",
	"LOADING":   "the server is still starting",
	"MOVED":     "it is one node of a cluster: name the node that its answer names",
}

func (e redisError) hint() string {
	code, _, _ := strings.Cut(string(e), " ")
	return redisHints[code]
}

// do sends a command and reads the answer: its numbers, none where it is a word. An error other than a redisError leaves
// the connection of no use.
func (c *redisConn) do(ctx context.Context, cmd []string) ([]int64, error) {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	b := make([]byte, 0, 4<<10)
	b = append(strconv.AppendInt(append(b, '*'), int64(len(cmd)), 10), "\r\n"...)
	for _, arg := range cmd {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(arg)), 10), "\r\n"...)
		b = append(append(b, arg...), "\r\n"...)
	}
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	return c.answer()
}

func (c *redisConn) answer() ([]int64, error) {
	kind, rest, err := c.line()
	switch {
	case err != nil:
		return nil, err
	case kind == '+':
		return nil, nil
	case kind == '-':
		return nil, redisError(rest[:min(len(rest), 200)])
	case kind == ':':
		n, err := number(rest)
		return []int64{n}, err
	case kind != '*':
		return nil, errAnswer
	}
	n, err := number(rest)
	if err != nil || n < 0 || n > maxItems {
		return nil, errAnswer
	}
	items := make([]int64, n)
	for i := range items {
		kind, rest, err := c.line()
		if err != nil {
			return nil, err
		}
		if items[i], err = number(rest); err != nil || kind != ':' {
			return nil, errAnswer
		}
	}
	return items, nil
}

var errAnswer = errors.New("what it answers is none of Redis to such a command")

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errAnswer
	}
	return n, nil
}

// line reads the kind of an answer and what follows it, in characters that print.
func (c *redisConn) line() (kind byte, rest string, err error) {
	b, err := c.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, "", errAnswer
	case err != nil:
		return 0, "", err
	case len(b) < 3 || b[len(b)-2] != '\r':
		return 0, "", errAnswer
	}
	rest = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b[1:len(b)-2]))
	return b[0], rest, nil
}
