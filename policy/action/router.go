package action

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxParams bounds the parameters of one template; captures live on the stack.
const maxParams = 8

// node is one segment of the trie. A literal is tried before a parameter with a suffix ("{model}:generateContent"), that
// before a plain parameter, that before a rest; where a branch holds no route of the method, the next is tried.
type node struct {
	literals []literal // sorted
	suffixes []suffix
	param    *node
	rest     []leaf
	ends     []leaf
	slashes  bool // of the root: see Host.SlashInside
}

type literal struct {
	text string
	next *node
}

type suffix struct {
	text string
	next *node
}

// leaf is a route that ends at a node.
type leaf struct {
	method string
	route  *compiled
}

// compiled is a route with its resource taken apart.
type compiled struct {
	Route
	params   []string // names of the captures, in order
	resource []part   // pieces of the resource's name
	kind     string
	at       int // in the routes that it was compiled from
}

// part is a piece of a resource's name: literal text, or the param'th capture.
type part struct {
	text  string
	param int // -1: text
}

// captures are the values of a route's parameters: segments of the path, and for a rest the index where it begins.
type captures struct {
	values [maxParams]string
	n      int
	rest   int  // -1: none
	dead   bool // a segment differs from a literal in case alone: the search is over
	inside bool // a {x} takes a segment with a slash in it
}

// compile checks the routes and builds the router. It is called once, before the Host is shared; Classify compiles a
// Host that nobody compiled on every call, which is right but slow.
func (h *Host) compile() error {
	root, err := newRouter(h.Routes)
	if err != nil {
		return err
	}
	root.slashes = h.SlashInside
	h.whole, h.router = nil, func() *node { return root }
	return nil
}

func newRouter(routes []Route) (*node, error) {
	root := &node{}
	return root, root.addAll(routes, 0)
}

// addAll adds the routes from number first on.
func (n *node) addAll(routes []Route, first int) error {
	var errs []error
	room := make([]compiled, len(routes)-first)
	for i := range room {
		c := &room[i]
		c.Route, c.at = routes[first+i], first+i
		if err := n.add(c); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", c.Method, c.Template, err))
		}
	}
	return errors.Join(errs...)
}

func (n *node) add(c *compiled) error {
	r := &c.Route
	if r.Method == "" || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" && r.Method != "*" {
		return fmt.Errorf("%q is not a method; use capital letters, or * for any", r.Method)
	}
	if !strings.HasPrefix(r.Template, "/") {
		return errors.New("the path does not begin with a slash")
	}
	if k := strings.Count(r.Template, "{"); k > 0 {
		c.params = make([]string, 0, k)
	}
	at, leaves, left := n, &n.ends, strings.TrimSuffix(r.Template[1:], "/")
	for more := left != ""; more; {
		var s string
		s, left, more = strings.Cut(left, "/")
		name, tail, rest, err := templateSegment(s)
		switch {
		case err != nil:
			return err
		case rest && more:
			return fmt.Errorf("{%s...} must be the last segment", name)
		case name != "":
			if slices.Contains(c.params, name) {
				return fmt.Errorf("{%s} stands there twice", name)
			}
			if c.params = append(c.params, name); len(c.params) > maxParams {
				return fmt.Errorf("more than %d parameters", maxParams)
			}
		}
		if rest {
			leaves = &at.rest
		} else {
			at = at.child(s, name, tail)
			leaves = &at.ends
		}
	}
	if err := c.compileResource(); err != nil {
		return err
	}
	return addLeaf(leaves, c)
}

// templateSegment takes "{name...}", "{name}", "{name}tail" or a literal apart.
func templateSegment(s string) (name, tail string, rest bool, err error) {
	if s == "" {
		return "", "", false, errors.New("an empty segment")
	}
	if s[0] != '{' {
		if strings.ContainsAny(s, "{}*") {
			return "", "", false, fmt.Errorf("segment %q: a parameter begins a segment, and * is spelt {x}", s)
		}
		return "", "", false, nil
	}
	name, tail, ok := strings.Cut(s[1:], "}")
	name, rest = strings.CutSuffix(name, "...")
	if !ok || name == "" || strings.ContainsAny(name, "{}.") || strings.ContainsAny(tail, "{}*") || rest && tail != "" {
		return "", "", false, fmt.Errorf("segment %q is neither {name}, {name...} nor {name}suffix", s)
	}
	return name, tail, rest, nil
}

func (n *node) child(text, name, tail string) *node {
	switch {
	case name == "":
		return n.literal(text)
	case tail != "":
		for _, s := range n.suffixes {
			if s.text == tail {
				return s.next
			}
		}
		n.suffixes = append(n.suffixes, suffix{tail, &node{}})
		return n.suffixes[len(n.suffixes)-1].next
	}
	if n.param == nil {
		n.param = &node{}
	}
	return n.param
}

// literal gives the branch of a literal, made if need be.
func (n *node) literal(text string) *node {
	i, found := n.search(text)
	if !found {
		n.literals = slices.Insert(n.literals, i, literal{text, &node{}})
	}
	return n.literals[i].next
}

// search gives the place of a literal among the sorted ones.
func (n *node) search(text string) (at int, found bool) {
	low, high := 0, len(n.literals)
	for low < high {
		mid := int(uint(low+high) / 2)
		switch l := n.literals[mid].text; {
		case l == text: // mostly told by the length
			return mid, true
		case l < text:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

func addLeaf(leaves *[]leaf, c *compiled) error {
	for _, l := range *leaves {
		if l.method == c.Method {
			return fmt.Errorf("the same as %s %s", l.method, l.route.Template)
		}
	}
	*leaves = append(*leaves, leaf{c.Method, c})
	return nil
}

// compileResource takes "repo:{owner}/{repo}" apart.
func (c *compiled) compileResource() error {
	if c.Resource == "" {
		return nil
	}
	kind, name, ok := strings.Cut(c.Resource, ":")
	if !ok || kind == "" || name == "" {
		return fmt.Errorf("resource %q is not kind:{parameter}", c.Resource)
	}
	c.kind = kind
	c.resource = make([]part, 0, strings.Count(name, "{")+strings.Count(name, "}"))
	for name != "" {
		text, after, found := strings.Cut(name, "{")
		if text != "" {
			c.resource = append(c.resource, part{text, -1})
		}
		if !found {
			return nil
		}
		param, after, closed := strings.Cut(after, "}")
		i := index(c.params, param)
		if !closed || i < 0 {
			return fmt.Errorf("resource %q names no parameter of the path", c.Resource)
		}
		c.resource = append(c.resource, part{"", i})
		name = after
	}
	return nil
}

func index(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// find gives the route of a request, nil where there is none. It does not allocate.
func (n *node) find(method string, segments []string, c *captures) *compiled {
	// A trailing slash changes nothing to most servers; it must not lead to a less strict route either.
	if k := len(segments); k > 0 && segments[k-1] == "" {
		segments = segments[:k-1]
	}
	c.n, c.rest, c.dead, c.inside = 0, -1, false, n.slashes
	return n.walk(method, segments, 0, c)
}

func (n *node) walk(method string, segments []string, i int, c *captures) *compiled {
	if i == len(segments) {
		return pick(n.ends, method)
	}
	s := segments[i]
	if c.inside || strings.IndexByte(s, '/') < 0 { // else it belongs to a rest alone
		if r := n.walkLiteral(method, segments, i, c); r != nil || c.dead {
			return r
		}
		if r := n.walkParam(method, segments, i, c); r != nil || c.dead {
			return r
		}
	} else if begin, _, _ := strings.Cut(s, "/"); n.nearly(begin) { // a server that undoes the slash first goes another way
		c.dead = true
		return nil
	}
	if r := pick(n.rest, method); r != nil && c.n < maxParams {
		c.rest = i
		c.n++
		return r
	}
	return nil
}

// walkLiteral also ends the whole search where the segment differs from a literal in case or accents alone, or in what servers drop
// at its ends: whether this one tells those apart is unknown, so a broader route must not serve it.
func (n *node) walkLiteral(method string, segments []string, i int, c *captures) *compiled {
	s := segments[i]
	if k, found := n.search(s); found {
		return n.literals[k].next.walk(method, segments, i+1, c)
	}
	c.dead = n.nearly(s)
	return nil
}

// nearly says whether a segment is a literal but for what a server may not tell.
func (n *node) nearly(s string) bool {
	if !isPlainWord(s) {
		s = strings.Trim(Loose(Reread(s)), "/")
	}
	for _, l := range n.literals {
		if len(l.text) == len(s) && strings.EqualFold(l.text, s) {
			return true
		}
	}
	return false
}

// Bare is a name without what some servers drop: white space at its ends, and dots at the last (as MySQL compares, languages
// trim, and Windows names files).
func Bare(name string) string {
	if k := len(name); k == 0 || name[0] > ' ' && name[0] < utf8.RuneSelf && name[k-1] > '.' && name[k-1] < utf8.RuneSelf {
		return name // as nearly all are
	}
	s := strings.TrimRightFunc(strings.TrimLeftFunc(name, unicode.IsSpace), func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
	if s == "" {
		return name
	}
	return s
}

func (n *node) walkParam(method string, segments []string, i int, c *captures) *compiled {
	s, at := segments[i], c.n
	if at == maxParams {
		return nil
	}
	bare := s
	if len(n.suffixes) > 0 {
		bare = Bare(s)
	}
	for _, x := range n.suffixes {
		k := len(bare) - len(x.text)
		if k <= 0 || !strings.EqualFold(bare[k:], x.text) {
			continue
		}
		v := bare[:k]
		if c.dead = bare != s || s[k:] != x.text; c.dead {
			return nil
		}
		c.values[at], c.n = v, at+1
		if r := x.next.walk(method, segments, i+1, c); r != nil || c.dead {
			return r
		}
		c.n, c.rest = at, -1
	}
	if n.param != nil {
		c.values[at], c.n = s, at+1
		if r := n.param.walk(method, segments, i+1, c); r != nil || c.dead {
			return r
		}
		c.n, c.rest = at, -1
	}
	return nil
}

// pick chooses by method: the same, GET for HEAD, any.
func pick(leaves []leaf, method string) *compiled {
	var get, whatever *compiled
	for _, l := range leaves {
		switch l.method {
		case method:
			return l.route
		case http.MethodGet:
			get = l.route
		case "*":
			whatever = l.route
		}
	}
	if method == http.MethodHead && get != nil {
		return get
	}
	return whatever
}

// value is the i'th capture; a rest's segments are joined by slashes.
func (c *captures) value(i int, segments []string) string {
	if c.rest >= 0 && i == c.n-1 {
		return strings.TrimSuffix(strings.Join(segments[c.rest:], "/"), "/")
	}
	return c.values[i]
}
