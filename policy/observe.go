package policy

import (
	"errors"
	"strings"

	"agentguard/policy/action"
)

// For is p for an agent of another name, by which its limits are counted.
func (p *Policy) For(agent string) *Policy {
	if p == nil || p.index == nil || agent == p.Agent.Name {
		return p
	}
	o := *p
	o.Agent.Name = agent
	o.index = compile(&o)
	return &o
}

// Observing is p with other allow rules: for each service whose hosts p knows, one that allows what it reads and writes,
// and with admin also what it administers. All else of p holds, its deny rules first of all. It is for finding out what
// is done; what no catalogue knows is denied as ever. Where a service has several credentials, the one that the first of
// p's rules for it names is used.
func (p *Policy) Observing(admin bool) *Policy {
	if p == nil || p.index == nil {
		return nil
	}
	o := *p
	o.observing, o.Allow = true, map[string]*Rule{}
	for _, s := range p.index.claimed {
		r := &Rule{Name: "allow.observed-" + s.service.Name, Service: s.service.Name, Actions: []string{action.GroupRead, action.GroupWrite}}
		if admin {
			r.Actions = append(r.Actions, action.GroupAdmin)
		}
		for _, was := range sorted(p.Allow) {
			if was.Service == r.Service && was.Credential != "" {
				r.Credential = was.Credential
				break
			}
		}
		if r.Credential == "" && len(s.credentials) > 0 {
			r.Credential = s.credentials[0].Name
		}
		o.Allow["observed-"+r.Service] = r
	}
	o.index = compile(&o)
	o.conditionals = conditionals(&o)
	return &o
}

// WithoutAllow is the text of a policy without its [allow.NAME] tables and the comments right above them.
func WithoutAllow(text string) (string, error) {
	s := newScanner(text)
	root := &place{line: 1}
	if err := s.document(root); err != nil {
		return "", err
	}
	lines := strings.SplitAfter(text, "\n")
	var out strings.Builder
	kept := 0 // lines that are dealt with
	for i, h := range s.headers {
		if h.top != "allow" {
			continue
		}
		end := len(lines)
		if i+1 < len(s.headers) {
			end = aboveComments(lines, h.line, s.headers[i+1].line-1)
		}
		for _, line := range lines[kept:aboveComments(lines, kept, h.line-1)] {
			out.WriteString(line)
		}
		kept = end
	}
	for _, line := range lines[kept:] {
		out.WriteString(line)
	}
	rest, err := places(out.String())
	if err != nil {
		return "", err
	}
	if rest.keys["allow"] != nil {
		return "", errors.New("its allow rules do not all stand in tables of their own: write [allow.NAME]")
	}
	return out.String(), nil
}

// aboveComments goes up from line number at, over the comments right above it, to number least at most.
func aboveComments(lines []string, least, at int) int {
	for at > least && strings.HasPrefix(strings.TrimSpace(lines[at-1]), "#") {
		at--
	}
	return at
}
