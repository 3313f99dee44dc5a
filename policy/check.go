package policy

import (
	"maps"
	"slices"
	"strings"

	"agentguard/policy/action"
)

// groups are the words that stand for many actions of a service.
var groups = []string{action.GroupAll, action.GroupRead, action.GroupWrite, action.GroupAdmin}

// check compares the parts of the file with each other and with the catalogues. Rules and credentials are checked in
// an order in which the services that the file uses are known when deny rules for every service are looked at.
func (d *draft) check() {
	for _, c := range d.credentials {
		d.checkCredential(c)
	}
	for _, r := range d.rules {
		if r.service.s != "" {
			r.svc = d.service(r.service, r.Name+".service")
		}
	}
	for _, r := range d.rules {
		switch {
		case r.svc != nil:
			d.checkNames(r, r.svc)
		case r.deny && r.service.s == "":
			d.checkNames(r, slices.Collect(maps.Values(d.policy.Services))...)
		}
		d.checkLimits(r)
		d.checkRuleCredential(r)
	}
	d.checkEnv()
	d.checkHosts()
	d.warnUnused()
	d.warnElsewhere()
	d.warnWrite()
	d.warnOperations()
	d.warnShared()
	d.warnChannels()
}

func (d *draft) checkCredential(c *credentialDraft) {
	if c.service.s == "" {
		return
	}
	svc := d.service(c.service, "credential."+c.Name+".service")
	if svc != nil && svc.Signed {
		d.fail(c.service.line, `until then let the child hold temporary keys of a role that can do no more than its task: write [env] pass = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]`,
			"credential.%s: agentguard holds no credential for service %s yet: its requests are signed, and it does not sign them anew", c.Name, svc.Name)
		return
	}
	if own := d.own[c.service.s]; svc != nil && own != nil && !own.hasAuth && len(c.Slots) == 0 {
		d.fail(c.Line, `write auth = "bearer", "basic:USER", "header:NAME" or "query:NAME" in [service.`+svc.Name+"]",
			"service.%s does not say where credential %s goes", svc.Name, c.Name)
	}
}

// of gives the credentials of a service, in the order of their names.
func (d *draft) of(service string) []string {
	var names []string
	for _, c := range d.credentials {
		if c.Service == service {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (d *draft) checkRuleCredential(r *ruleDraft) {
	if r.deny || r.svc == nil {
		return
	}
	have := d.of(r.svc.Name)
	if r.Credential == "" {
		if len(have) > 1 {
			d.fail(r.Line, "", "%s must name its credential: service %s has %s", r.Name, r.svc.Name, strings.Join(have, ", "))
		}
		return
	}
	c := d.policy.Credentials[r.Credential]
	switch {
	case c == nil:
		known := slices.Sorted(maps.Keys(d.policy.Credentials))
		d.fail(r.credential.line, "define it as [credential."+r.Credential+"]", "%s.credential names an unknown credential %q%s", r.Name, r.Credential, d.suggest(r.Credential, known))
	case c.Service != r.svc.Name && c.Service != "":
		d.fail(r.credential.line, "a credential can only ever go to its own service",
			"%s is for service %s, and credential %s is for service %s", r.Name, r.svc.Name, c.Name, c.Service)
	}
}

// checkNames checks a rule's actions and resources against the services that it is for.
func (d *draft) checkNames(r *ruleDraft, services ...*action.Service) {
	for _, a := range r.actions {
		if !knownTo(services, a.s) {
			hint, meant := "", ""
			if len(d.errs) < beyondHelp {
				hint, meant = d.elsewhere(a.s, services), d.suggest(a.s, actionNames(services))
			}
			d.fail(a.line, hint, "%s.actions: %s %q%s", r.Name, lack(services, "action"), a.s, meant)
			continue
		}
		if slices.ContainsFunc(services, func(s *action.Service) bool { return s.Permission(a.s) }) {
			d.checkPermission(r, a.line, a.s)
		}
	}
	for _, res := range r.resources {
		if d.checkResource(r, res, services) {
			r.Resources = append(r.Resources, res.s)
		}
	}
}

// checkResource says whether a rule's resource is one of the services that it is for.
func (d *draft) checkResource(r *ruleDraft, res text, services []*action.Service) bool {
	g, wrong := parseGlob(res.s)
	if wrong != "" {
		d.fail(res.line, `a resource is KIND:NAME, as in "repo:myorg/*"`, "%s.resources: %q %s", r.Name, res.s, wrong)
		return false
	}
	var kinds []string
	for _, svc := range services {
		kinds = append(kinds, svc.ResourceKinds...)
	}
	if !slices.Contains(kinds, g.kind) {
		kinds = action.Unique(kinds)
		hint := "its kinds are " + strings.Join(kinds, ", ")
		if len(kinds) == 0 {
			hint = "its actions name no resources"
		}
		d.fail(res.line, hint, "%s.resources: %s %q%s", r.Name, lack(services, "kind of resource"), g.kind, d.suggest(g.kind, kinds))
		return false
	}
	if r.deny && g.kind == "arn" {
		d.fail(res.line, `name it as in "function:prod-*" or "table:users", which forbids its ARN as well`, "%s.resources: %q would forbid nothing: a request can call the same by its name", r.Name, res.s)
		return false
	}
	if wrong := spelt(g, services); wrong != "" {
		d.fail(res.line, "", "%s.resources: %q %s", r.Name, res.s, wrong)
		return false
	}
	d.warnResource(r, res, &g, services)
	return true
}

// checkPermission refuses to forbid by permission: an operation whose permission is not known would slip through. In an
// allow rule it is merely not covered, which is worth saying.
func (d *draft) checkPermission(r *ruleDraft, line int, name string) {
	if r.deny {
		d.fail(line, "name actions, operations or a group", "%s.actions: %q cannot be forbidden: the catalogue does not know the permission of every operation", r.Name, name)
		return
	}
	d.warn(line, "name those besides that the rule is to allow", "%s.actions: %q covers only operations whose permission the catalogue knows; no GraphQL and no git push", r.Name, name)
}

// spelt says what keeps a resource from ever matching at the services that have its kind.
func spelt(g glob, services []*action.Service) string {
	for _, svc := range services {
		if slices.Contains(svc.ResourceKinds, g.kind) {
			if _, wrong := g.canonical(svc); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func knownTo(services []*action.Service, name string) bool {
	if slices.Contains(groups, name) {
		return true
	}
	return slices.ContainsFunc(services, func(s *action.Service) bool {
		_, ok := s.Knows(name)
		return ok
	})
}

func actionNames(services []*action.Service) []string {
	names := slices.Clone(groups)
	for _, s := range services {
		names = append(names, s.ActionNames()...)
	}
	return names
}

// lack says that services do not have what is asked of them.
func lack(services []*action.Service, what string) string {
	if len(services) == 1 {
		return "service " + services[0].Name + " has no " + what
	}
	return "no service that the policy uses has the " + what
}

// elsewhere is a hint when a built-in service that the rule is not for knows the action.
func (d *draft) elsewhere(name string, not []*action.Service) string {
	for _, other := range action.Names() {
		svc := action.Lookup(other)
		if _, ok := svc.Knows(name); ok && !slices.Contains(not, svc) {
			return "service " + other + " has it"
		}
	}
	return ""
}

// checkLimits refuses a limit that would never count: its author believes that it does.
func (d *draft) checkLimits(r *ruleDraft) {
	if r.svc == nil {
		return
	}
	for _, l := range r.limits {
		switch name := l.s; {
		case !knownTo([]*action.Service{r.svc}, name) && slices.Contains(r.Actions, name): // which is said of the actions
		case !knownTo([]*action.Service{r.svc}, name):
			d.fail(l.line, "", "%s.limits: service %s has no action %q%s", r.Name, r.svc.Name, name, d.suggest(name, r.Actions))
		case !limits(r, name):
			d.fail(l.line, "add it to the rule's actions, or limit it where it is allowed", "%s.limits: the rule does not allow %q, so the limit would count nothing", r.Name, name)
		}
	}
}

// limits says whether an action that the rule allows can count against the limit called name.
func limits(r *ruleDraft, name string) bool {
	class, _ := r.svc.Knows(name)
	return slices.ContainsFunc(r.Actions, func(allowed string) bool {
		mine, _ := r.svc.Knows(allowed)
		switch {
		case allowed == name || allowed == action.GroupAll || name == action.GroupAll:
			return true
		case allowed == groupOf(class) || name == groupOf(mine):
			return true
		}
		return sameAction(r.svc, allowed, name)
	})
}

// groupOf is the group that covers a class, "" for what no group covers.
func groupOf(c action.Class) string {
	switch c {
	case action.Read:
		return action.GroupRead
	case action.Write:
		return action.GroupWrite
	case action.Admin:
		return action.GroupAdmin
	}
	return ""
}

// sameAction says whether some route of the service goes by both names: by an alias and by its operation.
func sameAction(svc *action.Service, a, b string) bool {
	for _, h := range svc.Hosts {
		for _, r := range h.Routes {
			if r.Action == a && r.Operation == b || r.Action == b && r.Operation == a {
				return true
			}
		}
	}
	return false
}

// checkEnv refuses variables that two parts of the policy claim, and those that would hand a secret through.
func (d *draft) checkEnv() {
	holder := map[string]string{}
	for _, c := range d.credentials {
		for _, name := range c.env {
			if other, taken := holder[name.s]; taken {
				d.fail(name.line, "", "credential.%s.env: %s already holds the placeholder of credential %s", c.Name, name.s, other)
				continue
			}
			holder[name.s] = c.Name
		}
	}
	for _, name := range d.set {
		if c, taken := holder[name.s]; taken {
			d.fail(name.line, "", "env.set.%s already holds the placeholder of credential %s", name.s, c)
		}
	}
	for _, name := range d.pass {
		if c, taken := holder[name.s]; taken {
			d.fail(name.line, "", "env.pass: %s already holds the placeholder of credential %s", name.s, c)
			continue
		}
		for _, c := range d.credentials {
			if c.backend == "env" && c.where == name.s {
				d.fail(name.line, "", "env.pass: %s is where credential %s lives: the child would get the secret itself", name.s, c.Name)
			}
		}
	}
}

// serviceHost is one claim of a service, with the line to blame for it.
type serviceHost struct {
	service string
	host    *action.Host
	line    int
}

// checkHosts refuses hosts that two parts of the policy claim: what a request may do must not depend on who is asked
// first, and a host with a credential must never be reached unread.
func (d *draft) checkHosts() {
	claims := d.serviceHosts()
	for i, a := range claims {
		for _, b := range claims[:i] {
			if a.service != b.service && a.host.EffectivePort() == b.host.EffectivePort() && a.host.Pattern.Overlaps(b.host.Pattern) {
				d.fail(max(a.line, b.line), "", "host %s of service %s is also %s of service %s", a.host.Pattern, a.service, b.host.Pattern, b.service)
			}
		}
	}
	for i, n := range d.network {
		d.checkNetworkHost(n, d.network[:i], claims)
	}
}

func (d *draft) checkNetworkHost(n networkHost, before []networkHost, claims []serviceHost) {
	for _, c := range claims {
		if n.pattern.Overlaps(c.host.Pattern) {
			d.fail(n.line, "take it out here: what the service's rules allow goes through anyway",
				"network.%s: %s is %s of service %s", n.word(), n.pattern, c.host.Pattern, c.service)
			return
		}
	}
	for _, o := range before {
		if n.tunnel != o.tunnel && n.pattern.Overlaps(o.pattern) {
			d.fail(n.line, "", "network.%s: %s is also %s of network.%s", n.word(), n.pattern, o.pattern, o.word())
			return
		}
	}
}

//go:noinline
func (o openHost) word() string {
	if o.tunnel {
		return "tunnel"
	}
	return "allow"
}

// serviceHosts lists the hosts of the services that the file uses, in the order of their names.
func (d *draft) serviceHosts() []serviceHost {
	var out []serviceHost
	for _, name := range slices.Sorted(maps.Keys(d.policy.Services)) {
		svc := d.policy.Services[name]
		for i := range svc.Hosts {
			line := 0
			if own := d.own[name]; own != nil && i < len(own.hostLines) {
				line = own.hostLines[i]
			}
			out = append(out, serviceHost{name, &svc.Hosts[i], line})
		}
	}
	return out
}

// warnUnused names what is written and has no effect.
func (d *draft) warnUnused() {
	for _, c := range d.credentials {
		used := slices.ContainsFunc(d.rules, func(r *ruleDraft) bool {
			return !r.deny && r.Service == c.Service && (r.Credential == c.Name || r.Credential == "")
		})
		if !used {
			d.warn(c.Line, "write an [allow.NAME] with service = \""+c.Service+"\" and credential = \""+c.Name+"\"", "no rule allows anything with credential %s", c.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.own)) {
		used := slices.ContainsFunc(d.rules, func(r *ruleDraft) bool { return !r.deny && r.Service == name })
		if !used {
			d.warn(d.own[name].line, "write an [allow.NAME] with service = \""+name+"\"", "no rule allows anything at service %s", name)
		}
	}
}
