package policy

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"agentguard/policy/action"
	"agentguard/policy/openapi"
)

// maxDescription bounds a service's description. That of GitHub has 13 MB.
const maxDescription = 32 << 20

// description is a service's own, with the table and the file that it belongs to.
type description struct {
	*openapi.Document
	t    *table
	file string
	line int // of the key that names it
}

// description reads the file that openapi names; nil where there is none, or where it is wrong, which is said.
func (d *draft) description(t *table) *description {
	name, ok := t.text("openapi")
	if !ok {
		return nil
	}
	if d.reader == nil {
		t.fail("openapi", "", "cannot be followed here: only a policy that is a file can name others")
		return nil
	}
	text := d.include(t, "openapi", name.s, maxDescription)
	if text == nil {
		return nil
	}
	file := d.policy.Files[len(d.policy.Files)-1].Path
	doc, err := openapi.Parse(text)
	switch wrong := (*openapi.Error)(nil); {
	case errors.As(err, &wrong):
		d.errs = append(d.errs, Error{file, wrong.Line, wrong.Message, wrong.Hint})
		return nil
	case err != nil:
		t.fail("openapi", "", "cannot be read: %v", err)
		return nil
	}
	return &description{doc, t, file, name.line}
}

func (o *description) fail(line int, hint, format string, a ...any) {
	o.t.doc.errs = append(o.t.doc.errs, Error{o.file, line, fmt.Sprintf(format, a...), hint})
}

func (o *description) warn(line int, hint, format string, a ...any) {
	o.t.doc.warnings = append(o.t.doc.warnings, Error{o.file, line, fmt.Sprintf(format, a...), hint})
}

// hosts are those of the servers, for a policy that names none.
func (o *description) hosts() []text {
	const hint = `name them in the policy: hosts = ["api.example.com"]`
	var out []text
	for _, s := range o.Servers {
		u, err := url.Parse(s.URL)
		switch {
		case s.Variables:
			o.fail(s.Line, hint, "the server's address has variables, so that the policy must say which hosts are meant")
		case err != nil || u.Host == "" || u.User != nil:
			o.fail(s.Line, hint, "the server's address %q does not name a host alone, so that the policy must say which is meant", s.URL)
		case u.Scheme != "https":
			o.fail(s.Line, hint, "the server %q is not reached by https, so that the policy must say that this is meant", s.URL)
		case !slices.Contains(out, text{u.Host, o.line}):
			out = append(out, text{u.Host, o.line})
		}
	}
	if len(o.Servers) == 0 {
		o.fail(1, hint, "the description names no servers, so that the policy must say which hosts are meant")
	}
	return out
}

// prefix is the path of the servers that are at the service's hosts, or that of the policy's base.
func (o *description) prefix(svc *action.Service, base string) string {
	if u, err := url.Parse(base); base != "" && err == nil {
		return u.EscapedPath()
	}
	var prefixes []string
	for _, s := range o.Servers {
		if path, ours := at(svc, s.URL); ours && !slices.Contains(prefixes, path) {
			prefixes = append(prefixes, path)
		}
	}
	switch {
	case len(prefixes) == 1:
		return prefixes[0]
	case len(o.Servers) == 0:
		return ""
	case len(prefixes) == 0:
		o.fail(o.Servers[0].Line, `write the host as it is there, or say where the API is: base = "https://api.example.com/v2"`,
			"no server is at a host of the service: the first is %q", o.Servers[0].URL)
	default:
		o.fail(o.Servers[0].Line, `say which of them is meant: base = "https://api.example.com/v2"`,
			"the servers are at different paths: %s", strings.Join(prefixes, " and "))
	}
	return ""
}

// at is the path of a server, and whether it is at a host of the service. An address without a host is at each.
func at(svc *action.Service, server string) (path string, ours bool) {
	u, err := url.Parse(server)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return "", false
	}
	path = strings.TrimSuffix(u.EscapedPath(), "/")
	if u.Host == "" {
		return path, u.Scheme == "" && (path == "" || path[0] == '/')
	}
	a, plain, err := action.AuthorityOf(u)
	if err != nil {
		return "", false
	}
	h := svc.Host(a)
	return path, h != nil && h.Plain == plain
}

// routes are the operations that requests can be told to be, for a service at these hosts, and the path before theirs.
func (o *description) routes(service string, hosts []string, base string) (out []action.Route, prefix string) {
	if o == nil {
		return nil, ""
	}
	where, _ := action.NewService(service, hosts, probeAuth, probeActions)
	prefix = o.prefix(where, base)
	shapes := map[string]int{}
	var left []Error
	for _, op := range o.Operations {
		r, err := o.route(op, prefix)
		if err != nil {
			left = append(left, Error{Line: op.Line, Message: fmt.Sprintf("%s %s: %v", op.Method, op.Path, err)})
			continue
		}
		if first, twice := shapes[r.Shape()]; twice {
			o.fail(op.Line, "", "requests of %s %s are those of line %d too", op.Method, op.Path, first)
			continue
		}
		shapes[r.Shape()] = op.Line
		out = append(out, r)
	}
	if len(left) > 0 {
		more := ""
		if n := len(left) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		o.warn(left[0].Line, "", "is left out, and so unknown: %s%s", left[0].Message, more)
	}
	return out, prefix
}

// route names an operation by its operationId, and one without by method and path: "GET /customers/{id}".
func (o *description) route(op openapi.Operation, prefix string) (action.Route, error) {
	class := action.Write
	if op.Method == "GET" || op.Method == "HEAD" {
		class = action.Read
	}
	switch op.Class {
	case "":
	case "read":
		class = action.Read
	case "write":
		class = action.Write
	case "admin":
		class = action.Admin
	default:
		o.fail(op.Line, "", "x-agentguard-class must be read, write or admin, not %q", op.Class)
	}
	if op.Elsewhere {
		return action.Route{}, errors.New("it has servers of its own")
	}
	name := op.ID
	if name == "" {
		name = op.Method + " " + op.Path
	} else if err := action.CheckDescribedName(name); err != nil {
		name = op.Method + " " + op.Path
		o.warn(op.Line, "", "operationId %q cannot be used (%v): its name is %q", op.ID, err, name)
	}
	return action.DescribedRoute(name, op.Method, prefix, op.Path, class)
}
