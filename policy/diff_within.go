package policy

import (
	"math"
	"path"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// within says whether all that one entry of a list stands for is among what the entries of another do. Where that cannot be
// seen it is false: then both are told.
type within func(entry string, list []string) bool

func anywhere(entry string, list []string) bool { return slices.Contains(list, entry) }

// resourceWithin is for resources. Of two patterns, only one that is the beginning of the other is seen to be.
func resourceWithin(resource string, list []string) bool {
	inner, _ := parseGlob(resource)
	return slices.ContainsFunc(list, func(s string) bool {
		outer, _ := parseGlob(s)
		if inner.literal() {
			return outer.match(action.Resource{Kind: inner.kind, Name: inner.name})
		}
		prefix, star := strings.CutSuffix(outer.name, "*")
		return s == resource || star && !strings.Contains(prefix, "*") && inner.kind == outer.kind && strings.HasPrefix(inner.name, prefix)
	})
}

// canonicalResources are resources as rules are matched against them.
func canonicalResources(resources []string, svc *action.Service) []string {
	out := slices.Clone(resources)
	for i, r := range out {
		if g, wrong := parseGlob(r); wrong == "" && svc != nil {
			if g, wrong = g.canonical(svc); wrong == "" {
				out[i] = g.kind + ":" + g.name
			}
		}
	}
	return out
}

// actionWithin is for the actions of a service; nil for rules about every one.
func actionWithin(svc *action.Service) within {
	return func(name string, list []string) bool {
		if slices.Contains(list, name) || slices.Contains(list, action.GroupAll) {
			return true
		}
		if svc == nil || slices.Contains(groups, name) {
			return false
		}
		found := false
		for _, o := range svc.Operations() {
			if o.Action != name && o.Operation != name {
				continue
			}
			if found = true; !slices.Contains(list, groupOf(o.Class)) && !slices.Contains(list, o.Operation) && (o.Action == "" || !slices.Contains(list, o.Action)) {
				return false
			}
		}
		return found
	}
}

// hostWithin is for hosts as openTexts and the service of a differ write them, each with what stands before and behind it.
func hostWithin(host string, list []string) bool {
	scheme, name, port := hostParts(host)
	return slices.ContainsFunc(list, func(s string) bool {
		ofScheme, wide, ofPort := hostParts(s)
		below, wild := strings.CutPrefix(wide, "*")
		return s == host || ofScheme == scheme && ofPort == port && wild && strings.HasSuffix(name, below) && len(name) > len(below)
	})
}

func hostParts(s string) (scheme, name, port string) {
	if before, after, ok := strings.Cut(s, "://"); ok {
		scheme, s = before, after
	}
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		s, port = s[:i], s[i+1:]
	}
	return scheme, s, port
}

// prefixWithin is for names, and patterns that end in a star.
func prefixWithin(name string, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		prefix, star := strings.CutSuffix(s, "*")
		return s == name || star && strings.HasPrefix(name, prefix)
	})
}

// pathWithin is for files and directories, which hold what is below them.
func pathWithin(file string, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return path.Clean(s) == path.Clean(file) || strings.HasPrefix(path.Clean(file), strings.TrimSuffix(path.Clean(s), "/")+"/")
	})
}

// conditionWithin says whether all values that meet one condition meet another.
func conditionWithin(inner, outer *Condition) bool {
	switch {
	case inner.truth != nil || outer.truth != nil:
		return inner.Want == outer.Want
	case inner.op != "" && outer.op != "":
		low, high := inner.span()
		least, most := outer.span()
		return low >= least && high <= most
	case inner.op != "" || outer.op != "":
		return false
	}
	for _, parts := range inner.texts {
		if !slices.ContainsFunc(outer.texts, func(of []string) bool {
			return slices.Equal(of, parts) || len(parts) == 1 && matchSegment(of, parts[0]) || len(of) == 2 && of[1] == "" && strings.HasPrefix(parts[0], of[0])
		}) {
			return false
		}
	}
	return true
}

// span is the least and the greatest whole number that meet a comparison.
func (c *Condition) span() (low, high int64) {
	low, high = math.MinInt64, math.MaxInt64
	switch c.op {
	case "=":
		return c.n, c.n
	case "<=":
		high = c.n
	case ">=":
		low = c.n
	case "<":
		if high = c.n; high > math.MinInt64 {
			high--
		}
	case ">":
		if low = c.n; low < math.MaxInt64 {
			low++
		}
	}
	return low, high
}
