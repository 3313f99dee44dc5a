package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// glob is a resource of a rule: a kind, and a name in which * stands for any text, none included. A * at the end stands
// for all that follows, slashes included: repo:myorg/* covers every repository of myorg, bucket:b/* every key at any
// depth, path:/v1/* everything below /v1/ but not /v1 itself. A * before the end stays within its segment: repo:*/docs
// is not repo:a/b/docs. Nothing else is special.
type glob struct {
	kind     string
	name     string     // as written
	segments [][]string // of the name, each as the texts between its stars; nil for a literal
	rest     bool       // ends in a star
}

// parseGlob reads the policy's spelling and says what is wrong with it.
func parseGlob(s string) (g glob, wrong string) {
	kind, name, ok := strings.Cut(s, ":")
	switch {
	case !ok || kind == "" || name == "":
		return glob{}, "is not of the form KIND:NAME"
	case strings.Contains(kind, "*"):
		return glob{}, "has a * in its kind; name the kind"
	case strings.Contains(name, "**"):
		return glob{}, "has two * in a row; one at the end stands for all that follows"
	}
	g = glob{kind: kind, name: name, rest: strings.HasSuffix(name, "*")}
	if strings.Contains(name, "*") {
		for segment := range strings.SplitSeq(name, "/") {
			g.segments = append(g.segments, strings.Split(segment, "*"))
		}
	}
	return g, ""
}

// literal says whether the glob is one name.
func (g *glob) literal() bool { return g.segments == nil }

// folder is the literal beginning up to its last slash: every name that the glob covers lies in it.
func (g *glob) folder() string {
	before, _, _ := strings.Cut(g.name, "*")
	return before[:strings.LastIndexByte(before, '/')+1]
}

// match says whether a canonical resource is covered. A resource that is not known is covered by nothing.
func (g *glob) match(r action.Resource) bool {
	if r.Kind != g.kind || r.Kind == "" || r.Name == "" {
		return false
	}
	if g.literal() {
		return r.Name == g.name
	}
	name := r.Name
	for i, parts := range g.segments {
		segment, after, more := strings.Cut(name, "/")
		if !matchSegment(parts, segment) {
			return false
		}
		if i == len(g.segments)-1 {
			return g.rest || !more
		}
		if !more {
			return false
		}
		name = after
	}
	return false
}

// matchSegment matches the texts between stars: the first and the last at the ends, the others at the leftmost place
// that is left, which suffices where a star stands for anything.
func matchSegment(parts []string, s string) bool {
	last := len(parts) - 1
	if last == 0 {
		return s == parts[0]
	}
	s, begins := strings.CutPrefix(s, parts[0])
	s, ends := strings.CutSuffix(s, parts[last])
	if !begins || !ends {
		return false
	}
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return true
}

// canonical gives the glob in the spelling that the service's resources have, and says what is wrong with it: GitHub
// takes MyOrg/Repo in any case, and the catalogue gives it in lower case. The catalogue's own function is asked, segment
// by segment, so that a rule and a request cannot be read differently.
func (g glob) canonical(svc *action.Service) (glob, string) {
	if g.kind == "path" {
		return g, wrongPath(g.name)
	}
	params, canon := spelling(svc, g.kind)
	if canon == nil {
		return g, ""
	}
	segments := strings.Split(g.name, "/")
	if n := len(segments); n > len(params) || n < len(params) && !g.rest {
		return g, "is not of the form " + g.kind + ":" + strings.Join(params, "/")
	}
	for i, segment := range segments {
		var err error
		if !strings.Contains(segment, "*") {
			segments[i], err = canon(params[i], segment)
		} else if folds(segment, func(s string) string { s, _ = canon(params[i], s); return s }) {
			segments[i] = strings.ToLower(segment)
		}
		if err != nil {
			return g, "cannot match: " + err.Error()
		}
	}
	out, _ := parseGlob(g.kind + ":" + strings.Join(segments, "/"))
	return out, ""
}

// folds says whether names that are like a segment with a star have no capitals. Of Slack's channels names have none, and ids do.
func folds(segment string, canon func(string) string) bool {
	if strings.HasPrefix(segment, "#") {
		return canon("#A") == "#a"
	}
	return canon("A") == "a"
}

// wrongPath says why no path that gets as far as the rules is matched by one so written. A denial that its author copied from
// an address bar would forbid nothing.
func wrongPath(name string) string {
	decoded, err := url.PathUnescape(strings.ReplaceAll(name, "%2F", "%252F"))
	inner := strings.Split(strings.Trim(name, "/"), "/")
	switch {
	case name[0] != '/' && name[0] != '*':
		return "does not begin with a slash"
	case strings.ContainsAny(name, "?#"):
		return "cannot match: the query is no part of a path"
	case err == nil && decoded != name:
		return fmt.Sprintf("cannot match: a path stands here decoded, a slash within a segment alone as %%2F: write %q", "path:"+decoded)
	case strings.Contains(name, "//"), strings.Contains(name, `\`), slices.Contains(inner, "."), slices.Contains(inner, ".."):
		return "cannot match: such paths are refused"
	}
	return ""
}

// spelling gives the parameters in a kind's resources, and the function that gives their canonical form; nil where every
// name is its own.
func spelling(svc *action.Service, kind string) (params []string, canon func(param, value string) (string, error)) {
	for i := range svc.Hosts {
		h := &svc.Hosts[i]
		if h.Canon == nil {
			continue
		}
		for _, routes := range [...][]action.Route{h.Routes, h.Refined, h.Spoken} {
			for _, r := range routes {
				if name, ok := strings.CutPrefix(r.Resource, kind+":"); ok {
					return strings.Split(strings.NewReplacer("{", "", "}", "", "...", "").Replace(name), "/"), h.Canon
				}
			}
		}
	}
	return nil, nil
}
