package names

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func query(name string, kind uint16) []byte {
	q := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	q = append(q, 0)
	q = binary.BigEndian.AppendUint16(q, kind)
	return binary.BigEndian.AppendUint16(q, classIN)
}

func TestEveryNameHasItsAddress(t *testing.T) {
	var table Table
	seen := map[netip.Addr]string{}
	for _, name := range []string{"api.github.com", "github.com", "a.b.c.d.example", "_dmarc.example.com", "x"} {
		a, ok := table.Address(name)
		if !ok || seen[a] != "" {
			t.Fatalf("%s: %v, which is %q's", name, a, seen[a])
		}
		seen[a] = name
		if again, _ := table.Address(name); again != a {
			t.Errorf("%s: %v, then %v", name, a, again)
		}
		if got, ok := table.Name(netip.AddrFrom16(a.As16())); !ok || got != name {
			t.Errorf("%v: %q", a, got)
		}
	}
	for _, a := range []string{"198.18.0.0", "198.18.0.6", "198.18.255.255", "198.19.0.1", "10.0.0.1", "::1", "127.0.0.1"} {
		if name, ok := table.Name(netip.MustParseAddr(a)); ok {
			t.Errorf("%s is %q", a, name)
		}
	}
	if a, _ := table.Address("db.localhost"); !a.IsLoopback() {
		t.Error(a)
	}
}

func TestNamesAreBounded(t *testing.T) {
	var table Table
	var last netip.Addr
	for i := range maxNames {
		a, ok := table.Address(string(rune('a'+i%26)) + strings.Repeat("x", i/26))
		if !ok {
			t.Fatal(i)
		}
		last = a
	}
	if _, ok := table.Address("one-more"); ok {
		t.Error("there is no bound")
	}
	if r := table.answer(query("yet-another", typeA)); r == nil || r[3]&0xf != serverFailure {
		t.Errorf("% x", r)
	}
	if _, ok := table.Name(last); !ok {
		t.Error("the last address has no name")
	}
}

func TestAnswers(t *testing.T) {
	var table Table
	full := query("api.example.com", typeA)
	for _, c := range []struct {
		name    string
		query   []byte
		code    int // -1: no answer at all
		answers byte
	}{
		{"an address", full, 0, 1},
		{"in capitals", query("API.Example.COM", typeA), 0, 1},
		{"version six", query("api.example.com", 28), 0, 0},
		{"text", query("api.example.com", 16), 0, 0},
		{"with more behind it", append(full[:len(full):len(full)], 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0), 0, 1},
		{"reverse", query("1.0.0.127.in-addr.arpa", 12), noSuchName, 0},
		{"no host name", query("a b.example", typeA), noSuchName, 0},
		{"the root", append([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 0, 0, 1, 0, 1), noSuchName, 0},
		{"an answer", append([]byte{0, 1, 0x81, 0x80}, full[4:]...), -1, 0},
		{"an update", append([]byte{0, 1, 0x28, 0}, full[4:]...), notImplemented, 0},
		{"two questions", append([]byte{0, 1, 1, 0, 0, 2}, full[6:]...), formatError, 0},
		{"a pointer", []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1}, formatError, 0},
		{"cut off", full[:len(full)-3], formatError, 0},
		{"another class", append(full[:len(full)-1:len(full)-1], 3), formatError, 0},
		{"a long name", query(strings.Repeat("abcdefghij.", 24)+"com", typeA), formatError, 0},
		{"nothing", nil, -1, 0},
	} {
		r := table.answer(c.query)
		switch {
		case c.code < 0 && r == nil:
		case len(r) < headerLen || int(r[3]&0xf) != c.code || r[7] != c.answers || r[0] != c.query[0] || r[2]&0x80 == 0:
			t.Errorf("%s: % x", c.name, r)
		}
	}
}

// A real resolver understands the answers, over both transports.
func TestGoResolver(t *testing.T) {
	var table Table
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	go table.ServePackets(packets)
	streams, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer streams.Close()
	go table.ServeStreams(streams)
	for _, to := range []net.Addr{packets.LocalAddr(), streams.Addr()} {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, to.Network(), to.String())
		}}
		got, err := r.LookupNetIP(t.Context(), "ip", "api.example.com.")
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", to.Network(), got, err)
		}
		if name, _ := table.Name(got[0]); name != "api.example.com" {
			t.Errorf("%s: %v is %q", to.Network(), got, name)
		}
		var missing *net.DNSError
		if _, err := r.LookupAddr(t.Context(), "8.8.8.8"); !errors.As(err, &missing) || !missing.IsNotFound {
			t.Errorf("%s: %v", to.Network(), err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(query("api.example.com", typeA))
	f.Add(query("a.b", 28))
	f.Add([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1})
	var table Table
	f.Fuzz(func(t *testing.T, q []byte) {
		r := table.answer(q)
		if r == nil {
			return
		}
		if len(r) > len(q)+16 || len(r) < headerLen || r[0] != q[0] || r[1] != q[1] || r[2]&0x80 == 0 {
			t.Errorf("% x: % x", q, r)
		}
	})
}
