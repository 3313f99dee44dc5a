package policy

import (
	"strings"

	"agentguard/policy/action"
)

// glob is a resource of a rule: a kind, and a name in which * stands for any text, none included. A * at the end stands
// for all that follows, slashes included: repo:myorg/* covers every repository of myorg, bucket:b/* every key at any
// depth, path:/v1/* everything below /v1/ but not /v1 itself. A * before the end stays within its segment: repo:*/docs
// is not repo:a/b/docs. Nothing else is special.
type glob struct {
	kind  string
	name  string   // whole name of a literal
	parts []string // the texts between the stars; nil for a literal
	rest  bool     // ends in a star
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
	g = glob{kind: kind, name: name}
	if strings.Contains(name, "*") {
		g.parts = strings.Split(name, "*")
		if last := len(g.parts) - 1; g.parts[last] == "" {
			g.rest, g.parts = true, g.parts[:last]
		}
	}
	return g, ""
}

// literal says whether the glob is one name.
func (g glob) literal() bool { return g.parts == nil }

// match says whether a canonical resource is covered. A resource that is not known is covered by nothing.
func (g glob) match(r action.Resource) bool {
	if r.Kind != g.kind || r.Kind == "" || r.Name == "" {
		return false
	}
	if g.literal() {
		return r.Name == g.name
	}
	name, ok := strings.CutPrefix(r.Name, g.parts[0])
	return ok && matchParts(name, g.parts[1:], g.rest)
}

// matchParts matches what follows a star: the parts in turn, each star within a segment, the last one (rest) over all.
// It takes the leftmost place for each part but the last, which suffices within a segment and is tried further where a
// part holds a slash.
func matchParts(name string, parts []string, rest bool) bool {
	if len(parts) == 0 {
		return rest || name == ""
	}
	last := len(parts) == 1
	for from := 0; ; {
		i := strings.Index(name[from:], parts[0])
		if i < 0 || strings.Contains(name[:from+i], "/") {
			return false
		}
		after := name[from+i+len(parts[0]):]
		if last && !rest && after == "" || (!last || rest) && matchParts(after, parts[1:], rest) {
			return true
		}
		from += i + 1
	}
}

// canonical gives the glob in the spelling that the service's resources have, and says what is wrong with it: GitHub
// takes MyOrg/Repo in any case, and the catalogue gives it in lower case. The catalogue's own function is asked, segment
// by segment, so that a rule and a request cannot be read differently.
func (g glob) canonical(svc *action.Service) (glob, string) {
	if g.kind == "path" {
		if g.name[0] != '/' && g.name[0] != '*' {
			return g, "does not begin with a slash"
		}
		return g, ""
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
		} else if folded, _ := canon(params[i], "A"); folded == "a" {
			segments[i] = strings.ToLower(segment)
		}
		if err != nil {
			return g, "cannot match: " + err.Error()
		}
	}
	out, _ := parseGlob(g.kind + ":" + strings.Join(segments, "/"))
	return out, ""
}

// spelling gives the parameters in a kind's resources, and the function that gives their canonical form; nil where every
// name is its own.
func spelling(svc *action.Service, kind string) (params []string, canon func(param, value string) (string, error)) {
	for i := range svc.Hosts {
		h := &svc.Hosts[i]
		if h.Canon == nil {
			continue
		}
		for _, routes := range [...][]action.Route{h.Routes, h.Refined} {
			for _, r := range routes {
				if name, ok := strings.CutPrefix(r.Resource, kind+":"); ok {
					return strings.Split(strings.NewReplacer("{", "", "}", "", "...", "").Replace(name), "/"), h.Canon
				}
			}
		}
	}
	return nil, nil
}
