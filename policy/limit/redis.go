package limit

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// takeScript runs in the server, which runs nothing else meanwhile: two machines never get the last permit both.
//
//go:embed take.lua
var takeScript string

// RedisConfig says where the counters are that machines share.
type RedisConfig struct {
	Address  Address
	Password func() []byte  // called for each connection; nil: none is needed
	Roots    *x509.CertPool // for TLS; nil: the system's
	Timeout  time.Duration  // of one Take, its connection included; 0: 2 s
}

const (
	redisTimeout = 2 * time.Second
	maxConns     = 8
)

// Redis is a Store in a Redis server, of version 5 or later, on that server's clock. What the server does not answer in
// time, or answers with an error, is an *Error: nothing is permitted then, and a permit that may have been taken stays so.
// Whoever controls the server controls the limits; nothing else. It keeps what it counts as durably as it is configured
// to: one without persistence begins again with none taken.
type Redis struct {
	RedisConfig
	slots chan struct{}   // one for each connection there may be
	idle  chan *redisConn // open and not in use

	testOnlyNow func() time.Time // in place of the server's clock
}

// NewRedis makes a store. It connects to nothing; Ping does.
func NewRedis(c RedisConfig) *Redis {
	if c.Timeout <= 0 {
		c.Timeout = redisTimeout
	}
	return &Redis{RedisConfig: c, slots: make(chan struct{}, maxConns), idle: make(chan *redisConn, maxConns)}
}

// Take counts all takes, or none of them when one does not fit.
func (r *Redis) Take(ctx context.Context, takes []Take) (Verdict, error) {
	if err := valid(ctx, takes); err != nil {
		return Verdict{}, err
	}
	if len(takes) == 0 {
		return Verdict{OK: true}, nil
	}
	answer, err := r.do(ctx, r.command(takes)...)
	if err != nil {
		return Verdict{}, err
	}
	switch {
	case len(answer) != 3:
	case answer[0] == 1:
		return Verdict{OK: true}, nil
	case answer[0] == 0 && answer[1] >= 0 && answer[1] < int64(len(takes)) && answer[2] > 0 && answer[2] <= int64(longest(takes)/time.Microsecond):
		return Verdict{Which: takes[answer[1]], Retry: time.Duration(answer[2]) * time.Microsecond}, nil
	}
	return Verdict{}, r.fail(fmt.Errorf("answers %v, which is none to what was asked", answer), "")
}

// Ping says whether the server answers and lets us in.
func (r *Redis) Ping(ctx context.Context) error {
	_, err := r.do(ctx, "PING")
	return err
}

// Close ends the connections that are not in use.
func (r *Redis) Close() error {
	for {
		select {
		case c := <-r.idle:
			c.Close()
		default:
			return nil
		}
	}
}

// longest is the longest period of takes.
func longest(takes []Take) time.Duration {
	var per time.Duration
	for _, t := range takes {
		per = max(per, t.Rate.Per)
	}
	return per
}

// command is the script with its keys. Names are hashed, so that they may hold anything; those of one agent share a hash
// tag, so that a cluster keeps them on one node (Redis cluster specification, "Hash tags").
func (r *Redis) command(takes []Take) []string {
	moment := ""
	if r.testOnlyNow != nil {
		moment = strconv.FormatInt(r.testOnlyNow().UnixMicro(), 10)
	}
	cmd := []string{"EVAL", takeScript, strconv.Itoa(len(takes))}
	args := []string{moment}
	for i, t := range takes {
		agent, _, _ := strings.Cut(t.Key, "/")
		cmd = append(cmd, "agentguard:{"+hashed(agent)+"}:"+hashed(t.Key))
		args = append(args, strconv.FormatInt(t.Rate.Per.Microseconds(), 10), strconv.Itoa(min(t.Rate.N, MaxPermits)),
			strconv.Itoa(min(t.N, MaxPermits+1)), strconv.Itoa(asked(takes, i)))
	}
	return append(cmd, args...)
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// do sends one command and reads its answer. A connection that was idle may have died meanwhile: then another one is
// tried, which at worst takes twice.
func (r *Redis) do(ctx context.Context, cmd ...string) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, r.fail(ctx.Err(), "")
	}
	for {
		c, used, err := r.connection(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := c.do(ctx, cmd)
		var refused redisError
		switch {
		case err == nil:
			r.idle <- c
			return answer, nil
		case errors.As(err, &refused):
			r.idle <- c
			return nil, r.fail(err, refused.hint())
		}
		c.Close()
		if !used || !broken(err) {
			return nil, r.fail(err, "")
		}
	}
}

// broken says whether the other end had gone.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// connection gives one that was used before, or a new one.
func (r *Redis) connection(ctx context.Context) (c *redisConn, used bool, err error) {
	select {
	case c := <-r.idle:
		return c, true, nil
	default:
	}
	c, err = r.dial(ctx)
	return c, false, err
}

func (r *Redis) dial(ctx context.Context) (*redisConn, error) {
	const hint = "start the server, or mend [limits] store"
	var d net.Dialer
	conn, err := d.DialContext(ctx, r.Address.Network, r.Address.Target)
	if err != nil {
		return nil, r.fail(err, hint)
	}
	if r.Address.TLS {
		host, _, _ := net.SplitHostPort(r.Address.Target)
		secure := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: r.Roots, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, r.fail(err, "")
		}
		conn = secure
	}
	c := newRedisConn(conn)
	for _, cmd := range r.greeting() {
		if _, err := c.do(ctx, cmd); err != nil {
			c.Close()
			var refused redisError
			errors.As(err, &refused)
			return nil, r.fail(err, refused.hint())
		}
	}
	return c, nil
}

// greeting is what a new connection begins with.
func (r *Redis) greeting() [][]string {
	var cmds [][]string
	if r.Password != nil {
		auth := []string{"AUTH"}
		if r.Address.User != "" {
			auth = append(auth, r.Address.User)
		}
		cmds = append(cmds, append(auth, string(r.Password())))
	}
	if r.Address.DB != 0 {
		cmds = append(cmds, []string{"SELECT", strconv.Itoa(r.Address.DB)})
	}
	return cmds
}

func (r *Redis) fail(err error, hint string) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("no answer within %v", r.Timeout)
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{fmt.Errorf("%s: %w", r.Address, err), hint}
}
