package policy

import (
	"net/url"
	"slices"

	"agentguard/policy/action"
)

// probe stands in for a part of a service of one's own while another part is tried alone, so that what is wrong can be
// told with its line.
const probe = "probe.agentguard.example"

var (
	probeAuth    = []action.Slot{{Kind: action.Bearer}}
	probeActions = map[string]string{"probe": "GET /probe"}
)

// serviceTable reads a service of the user's own.
func (d *draft) serviceTable(t *table) {
	name := t.short()
	own := &ownService{line: t.at.line}
	d.own[name] = own
	before := len(d.errs)
	if action.Lookup(name) != nil {
		t.doc.fail(t.at.line, "give yours another name, as in [service.my-"+name+"]",
			"%s: %s is built in, and its hosts and actions cannot be changed", t.name, name)
		return
	}
	desc := d.description(t)
	hosts := d.hostTexts(t, desc)
	auth := d.slots(t, "auth")
	base, hasBase := t.text("base")
	slashes := t.boolean("escaped_slash")
	actions := d.ownActions(t)
	t.done(nil)
	names := d.ownHosts(t, own, hosts)
	if len(d.errs) > before {
		return
	}
	routes, prefix := desc.routes(name, names, base.s)
	if len(d.errs) > before {
		return
	}
	svc, errs := action.NewDescribedService(name, names, auth, actions, routes, slashes)
	for _, err := range errs {
		d.fail(t.at.line, "", "%s: %v", t.name, err)
	}
	if len(errs) > 0 {
		return
	}
	if svc.Base != "" {
		svc.Base += prefix
	}
	if hasBase && !d.checkBase(t, base, svc) {
		return
	}
	own.Service, own.hasAuth = svc, len(auth) > 0
	d.policy.Services[name] = svc
}

// hostTexts are the hosts that the policy names, or else the description.
func (d *draft) hostTexts(t *table, desc *description) []text {
	hosts := t.texts("hosts")
	_, named := t.values["hosts"]
	_, described := t.values["openapi"]
	switch {
	case !named && desc != nil:
		return desc.hosts()
	case !named && !described:
		d.fail(t.at.line, `write hosts = ["api.example.com"]`, "%s.hosts is missing", t.name)
	}
	return hosts
}

// ownHosts checks hosts one by one, so that each mistake is told with its line.
func (d *draft) ownHosts(t *table, own *ownService, hosts []text) []string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.s)
		own.hostLines = append(own.hostLines, h.line)
		_, errs := action.NewService(t.short(), []string{h.s}, probeAuth, probeActions)
		for _, err := range errs {
			d.fail(h.line, "", "%s: %v", t.path("hosts"), err)
		}
	}
	return names
}

// ownActions reads [service.x.actions], which a service with a description need not have.
func (d *draft) ownActions(service *table) map[string]string {
	t := service.sub("actions")
	_, byHand := service.values["actions"]
	if _, described := service.values["openapi"]; !byHand && !described {
		d.fail(service.at.line, "write ["+service.name+".actions] with lines like: anything = \"* /{path...}\", or openapi = \"FILE\"", "%s.actions is missing", service.name)
	}
	if t == nil {
		return nil
	}
	actions := map[string]string{}
	for _, name := range t.names() {
		route, ok := t.text(name)
		if !ok {
			continue
		}
		actions[name] = route.s
		_, errs := action.NewService("probe", []string{probe}, probeAuth, map[string]string{name: route.s})
		for _, err := range errs {
			d.fail(route.line, `a route is METHOD PATH [-> resource], as in "GET /customers/{id} -> customer:{id}"`, "%s: %v", t.name, err)
		}
	}
	if len(t.values) == 0 {
		d.fail(t.at.line, "", "%s is empty", t.name)
	}
	return actions
}

// checkBase sets where the gateway leads. It must be one of the service's own hosts: a credential goes there.
func (d *draft) checkBase(t *table, base text, svc *action.Service) bool {
	u, err := url.Parse(base.s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		t.fail("base", `as in "https://api.example.com/v2"`, "must be an https:// URL without user, query and fragment")
		return false
	}
	a, plain, err := action.AuthorityOf(u)
	if err != nil {
		t.fail("base", "", "%v", err)
		return false
	}
	h := svc.Host(a)
	switch {
	case h == nil:
		t.fail("base", "", "leads to %s, which is not one of the service's hosts", a)
		return false
	case h.Plain != plain:
		t.fail("base", "", "has another scheme than the service's host")
		return false
	}
	svc.Base = base.s
	return true
}

// service finds the service that a key names, and notes that the file uses it. It says what is wrong with the name;
// a service whose own table is wrong gives nil without another word.
func (d *draft) service(name text, key string) *action.Service {
	if own, ok := d.own[name.s]; ok {
		return own.Service
	}
	if svc := action.Lookup(name.s); svc != nil {
		d.policy.Services[name.s] = svc
		return svc
	}
	known := action.Names()
	for own := range d.own {
		known = append(known, own)
	}
	slices.Sort(known)
	d.fail(name.line, "define your own as [service."+name.s+"]", "%s names an unknown service %q%s", key, name.s, d.suggest(name.s, known))
	return nil
}
