package policy

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Isolation is how far the child must be confined, and what stays open to it.
type Isolation struct {
	Minimum  string           // the level below which nothing starts, one of isolationLevels; "": filtered, unless the command line asks for another
	Read     []string         // paths that can be read although they are hidden as a rule: absolute, or beginning with "~/"
	Write    []string         // paths that can be written; one that ends in a slash is a directory, made where it is missing
	Hide     []string         // paths that cannot be opened at all
	AllowTCP []netip.AddrPort // the user's own services on the loopback
	Nested   bool             // the child may make sandboxes of its own
	User     User             // whom the child of root runs as
}

// User is an account of the machine: a name, or a number. The zero User is none.
type User struct {
	Name string
	UID  uint32 // where Name is ""
	Line int    // in the policy; 0: none is named
}

func (u User) String() string {
	if u.Line == 0 || u.Name != "" {
		return u.Name
	}
	return strconv.FormatUint(uint64(u.UID), 10)
}

// isolationLevels are the names of levels, the strongest first.
var isolationLevels = []string{"sealed", "filtered", "env"}

func (d *draft) isolationTable(t *table) {
	if t == nil {
		return
	}
	i := &d.policy.Isolation
	if minimum, ok := t.text("minimum"); ok {
		if !slices.Contains(isolationLevels, minimum.s) {
			t.fail("minimum", "", "is %q and must be one of %s%s", minimum.s, strings.Join(isolationLevels, ", "), d.suggest(minimum.s, isolationLevels))
		}
		i.Minimum = minimum.s
	}
	seen := map[string]string{}
	i.Read = d.isolationPaths(t, "read", seen)
	i.Write = d.isolationPaths(t, "write", seen)
	i.Hide = d.isolationPaths(t, "hide", seen)
	i.AllowTCP = d.loopbackServices(t, "allow_tcp")
	i.Nested = t.boolean("nested")
	i.User = t.user("user")
	t.done(nil)
}

// user reads an account: its name as a text, its number as one.
func (t *table) user(key string) User {
	v, ok := t.get(key)
	if !ok {
		return User{}
	}
	u := User{Line: t.line(key)}
	switch v := v.(type) {
	case int64:
		if u.UID = uint32(v); int64(u.UID) != v || u.UID == 1<<32-1 {
			t.fail(key, "", "is %d, and a user's number is from 0 to 4294967294", v)
		}
	case string:
		u.Name = v
		switch {
		case v == "" || strings.ContainsAny(v, ":/ \t\r\n\x00") || v[0] == '-' || v[0] == '+':
			t.fail(key, "", "is %q, which is no name of a user", v)
		case strings.Trim(v, "0123456789") == "":
			t.fail(key, "a name is a text, a number is not: user = "+v, "is %q, which is a number", v)
		}
	default:
		t.fail(key, `as in user = "bot", or user = 1000`, "must be the name of a user or its number, not %s", kindOf(v))
	}
	return u
}

// isolationPaths reads paths. One that two lists name would be ambiguous. A slash at the end stays: it says that this is a directory.
func (d *draft) isolationPaths(t *table, key string, seen map[string]string) []string {
	var out []string
	for _, p := range t.textOrTexts(key) {
		clean := path.Clean(p.s)
		switch problem, hint := pathProblem(key, p.s); {
		case problem != "":
			d.fail(p.line, hint, "%s: %q %s", t.path(key), p.s, problem)
		case seen[clean] != "":
			d.fail(p.line, "", "%s: %s is named in %s too", t.path(key), p.s, seen[clean])
		default:
			seen[clean] = t.path(key)
			if strings.HasSuffix(p.s, "/") && clean != "/" {
				clean += "/"
			}
			out = append(out, clean)
		}
	}
	return out
}

// pathProblem says why a path is not one whose meaning everybody sees at once, or what cannot be done with it at every level.
func pathProblem(key, p string) (problem, hint string) {
	switch clean := path.Clean(p); {
	case clean == "/" && key != "read":
		return "is all there is", "name what of it is meant"
	case slices.Contains([]string{"/proc", "/dev", "/dev/null"}, clean) && key == "hide":
		return "is what every command needs", "name what of it is meant"
	case strings.HasPrefix(p, "~") && p != "~" && !strings.HasPrefix(p, "~/"):
		return "is below another user's directory", "write it as an absolute path"
	case !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~"):
		return "is not an absolute path", `begin it with / or with ~/`
	case strings.Contains(p, "$"):
		return "holds a variable, which is not looked up", "write the path itself; ~/ is your own directory"
	case strings.ContainsAny(p, "*?["):
		return "holds a pattern, and only paths are taken", "name the directory"
	case slices.Contains(strings.Split(p, "/"), ".."):
		return "holds ..", "write the path that it leads to"
	}
	return "", ""
}

// loopbackServices reads ports of this machine: 5432, "5432" or "localhost:5432".
func (d *draft) loopbackServices(t *table, key string) []netip.AddrPort {
	v, ok := t.get(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		t.fail(key, `as in allow_tcp = [5432, "localhost:6379"]`, "must be a list of ports, not %s", kindOf(v))
	case len(list) == 0:
		t.fail(key, "leave the key out, or name a port", "is an empty list")
	case len(list) > maxList:
		t.fail(key, "", "names more than %d", maxList)
		return nil
	}
	var out []netip.AddrPort
	for n, e := range list {
		line := t.at.keys[key].items[n].line
		service, problem := loopbackService(e)
		switch {
		case problem != "":
			d.fail(line, "only services of this machine: all that is elsewhere goes through the proxy ([network], or a service)", "%s: %v %s", t.path(key), e, problem)
		case slices.Contains(out, service):
			d.fail(line, "", "%s: %s is named twice", t.path(key), service)
		default:
			out = append(out, service)
		}
	}
	return out
}

func loopbackService(v any) (service netip.AddrPort, problem string) {
	host, port := "localhost", ""
	switch v := v.(type) {
	case int64:
		port = strconv.FormatInt(v, 10)
	case string:
		if i := strings.LastIndexByte(v, ':'); i >= 0 {
			host, port = v[:i], v[i+1:]
		} else {
			port = v
		}
	default:
		return service, "is no port"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return service, "has no port from 1 to 65535"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil || !addr.IsLoopback() || addr.Is4In6() || addr.Zone() != "" {
		return service, "is not on the loopback"
	}
	return netip.AddrPortFrom(addr, uint16(n)), ""
}
