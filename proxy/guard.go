package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// special are the networks that no public service lives in. What is dialled is checked against them, after resolution.
var special = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1",
	} { // IANA IPv4 and IPv6 Special-Purpose Address Registries, with multicast, the tunnels that embed an IPv4 address, and Azure's virtual public address
		list = append(list, netip.MustParsePrefix(s)) // of IPv6 only 2000::/3 is anybody's (IANA IPv6 Address Space)
	}
	return list
}()

// GuardError is an address that the policy does not let us dial.
type GuardError struct {
	Host string
	Addr netip.Addr
}

func (e *GuardError) Error() string {
	return fmt.Sprintf("%s leads to the private or special address %s", e.Host, e.Addr)
}

// guard says which special addresses may be dialled: by host name, or by address.
type guard struct {
	hosts map[string]bool
	nets  []netip.Prefix
}

func newGuard(allow []string) guard {
	g := guard{hosts: map[string]bool{}}
	for _, s := range allow {
		if p, err := netip.ParsePrefix(s); err == nil {
			g.nets = append(g.nets, p.Masked())
		} else if a, err := netip.ParseAddr(s); err == nil {
			a = a.Unmap()
			g.nets = append(g.nets, netip.PrefixFrom(a, a.BitLen()))
		} else {
			g.hosts[s] = true
		}
	}
	return g
}

// check is for one address that host was resolved to.
func (g *guard) check(host string, a netip.Addr) error {
	a = a.WithZone("").Unmap()
	for _, p := range special {
		if p.Contains(a) && !g.allows(host, a) {
			return &GuardError{host, a}
		}
	}
	return nil
}

func (g *guard) allows(host string, a netip.Addr) bool {
	if g.hosts[host] {
		return true
	}
	for _, p := range g.nets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// control is a net.Dialer's Control: the address checked is the address dialled.
func (g *guard) control(host string) func(string, string, syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ip, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		a, err := netip.ParseAddr(ip)
		if err != nil {
			return err
		}
		return g.check(host, a)
	}
}
