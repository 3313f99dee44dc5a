package limit

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Address is where a Redis server is.
type Address struct {
	Network string // "tcp" or "unix"
	Target  string // "host:6379", or the path of a socket
	TLS     bool
	User    string // of Redis's access lists; "": the default user
	DB      int
}

// ErrPassword is an address that holds a password.
var ErrPassword = errors.New("holds a password")

// ParseAddress reads "redis://[USER@]HOST[:PORT][/DB]", the same with rediss:// for TLS, and "unix:///PATH[?db=DB]". A
// password is an error: it does not belong where everybody reads it.
func ParseAddress(s string) (Address, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Address{}, errors.New("is not a URL")
	}
	if _, has := u.User.Password(); has {
		return Address{}, ErrPassword
	}
	a := Address{Network: "tcp", TLS: u.Scheme == "rediss", User: u.User.Username()}
	db := strings.TrimPrefix(u.Path, "/")
	switch query := u.Query(); {
	case u.Fragment != "" || u.Opaque != "":
		return Address{}, errors.New("is not an address of Redis")
	case u.Scheme == "unix" && u.Host == "" && len(u.Path) > 1:
		a.Network, a.Target, db = "unix", u.Path, query.Get("db")
		query.Del("db")
		if len(query) > 0 {
			return Address{}, errors.New("says more than db=N after the path")
		}
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return Address{}, errors.New("begins neither with redis:// nor with rediss:// nor with unix:///")
	case u.RawQuery != "" || u.Hostname() == "":
		return Address{}, errors.New("must be of a host, a port and a number alone")
	default:
		if a.Target, err = hostPort(u); err != nil {
			return Address{}, err
		}
	}
	if db != "" {
		n, err := strconv.ParseUint(db, 10, 16)
		if err != nil {
			return Address{}, errors.New("names a database that is no number")
		}
		a.DB = int(n)
	}
	return a, nil
}

func hostPort(u *url.URL) (string, error) {
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("names a port that is none")
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// String is the address for messages.
func (a Address) String() string {
	if a.DB != 0 {
		return fmt.Sprintf("redis at %s/%d", a.Target, a.DB)
	}
	return "redis at " + a.Target
}
