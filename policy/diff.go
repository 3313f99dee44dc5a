package policy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"sort"
	"strings"

	"agentguard/policy/action"
)

// Change is one difference between two policies, in words.
type Change struct {
	Effect string // Wider, Narrower, or Other where neither can be said
	Where  string // "allow.open-prs", "network.allow"
	Text   string
}

// The effects of a change on what an agent may do.
const (
	Wider    = "wider"
	Narrower = "narrower"
	Other    = "changed"
)

// Diff says part by part what became wider or narrower from one policy to another. Each part is compared with the part of
// the same name; whether another part still allows or forbids the same is not looked at.
func Diff(before, after *Policy) []Change {
	var d differ
	d.where = "agent"
	d.same("its name, by which limits are counted and records are kept,", before.Agent.Name, after.Agent.Name)
	for _, name := range either(before.Credentials, after.Credentials) {
		d.where = "credential." + name
		d.credential(before.Credentials[name], after.Credentials[name])
	}
	for _, name := range either(before.Services, after.Services) {
		d.where = "service." + name
		d.service(before.Services[name], after.Services[name])
	}
	for _, name := range either(before.Allow, after.Allow) {
		d.where = "allow." + name
		d.rule(before, after, before.Allow[name], after.Allow[name], Wider, Narrower)
	}
	for _, name := range either(before.Deny, after.Deny) {
		d.where = "deny." + name
		d.rule(before, after, before.Deny[name], after.Deny[name], Narrower, Wider)
	}
	d.where = "network.allow"
	d.listsOf("host", hostWithin, openTexts(before, false), openTexts(after, false), Wider, Narrower)
	d.where = "network.tunnel"
	d.listsOf("host", hostWithin, openTexts(before, true), openTexts(after, true), Wider, Narrower)
	d.where = "env.pass"
	d.listsOf("variable", prefixWithin, before.Env.Pass, after.Env.Pass, Wider, Narrower)
	d.where = "env.set"
	d.lists("variable", settings(before.Env.Set), settings(after.Env.Set), Other, Other)
	d.where = "upstream"
	d.lists("private address", before.Upstream.AllowPrivate, after.Upstream.AllowPrivate, Wider, Narrower)
	d.lists("address", settings(before.Upstream.Resolve), settings(after.Upstream.Resolve), Other, Other)
	d.proxy(before.Upstream.Proxy, after.Upstream.Proxy)
	d.same("the file of further roots", before.Upstream.CA, after.Upstream.CA)
	d.where = "limits"
	d.same("the place where they are counted", cmp.Or(before.Limits.Store, "file"), cmp.Or(after.Limits.Store, "file"))
	d.same("the place of the password", before.Limits.Password, after.Limits.Password)
	d.where = "isolation"
	d.isolation(&before.Isolation, &after.Isolation)
	sort.SliceStable(d.changes, func(i, j int) bool { return weight(d.changes[i].Effect) < weight(d.changes[j].Effect) })
	return d.changes
}

// weight puts first what a reviewer looks for.
func weight(effect string) int { return slices.Index([]string{Wider, Other, Narrower}, effect) }

// either gives the keys of two maps, sorted.
func either[V any](a, b map[string]V) []string {
	var keys []string
	for _, m := range []map[string]V{a, b} {
		for k := range m {
			keys = append(keys, k)
		}
	}
	return action.Unique(keys)
}

// differ collects changes.
type differ struct {
	where   string
	changes []Change
}

func (d *differ) add(effect, format string, a ...any) {
	d.changes = append(d.changes, Change{effect, d.where, clean(fmt.Sprintf(format, a...))})
}

// widerIf is the effect of what makes wider if it holds, and narrower if not.
func widerIf(holds bool) string {
	if holds {
		return Wider
	}
	return Narrower
}

//go:noinline
func (d *differ) same(what, before, after string) {
	if before != after {
		d.add(Other, "%s was %q and is %q", what, before, after)
	}
}

// lists tells what came to a list and what went from it, but for what the other covers anyway.
// proxy compares addresses that may hold a password, which is not shown.
func (d *differ) proxy(before, after string) {
	shown := func(address string) string {
		if u, err := url.Parse(address); err == nil {
			return u.Redacted()
		}
		return address
	}
	d.same("the proxy", shown(before), shown(after))
	if before != after && shown(before) == shown(after) {
		d.add(Other, "the password of the proxy is another")
	}
}

//go:noinline
func (d *differ) lists(what string, before, after []string, more, less string) {
	d.listsOf(what, anywhere, before, after, more, less)
}

func (d *differ) listsOf(what string, covered within, before, after []string, more, less string) {
	for _, s := range missing(after, before, covered) {
		d.add(more, "%s %s is new", what, s)
	}
	for _, s := range missing(before, after, covered) {
		d.add(less, "%s %s is gone", what, s)
	}
}

// missing gives what of a list another does not cover.
func missing(from, in []string, covered within) []string {
	var out []string
	for _, s := range action.Unique(slices.Clone(from)) {
		if !covered(s, in) {
			out = append(out, s)
		}
	}
	return out
}

func settings(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

func openTexts(p *Policy, tunnel bool) []string {
	var out []string
	for _, o := range p.Network.open {
		if o.tunnel != tunnel {
			continue
		}
		text := o.pattern.String()
		if o.port != 0 {
			text += fmt.Sprintf(":%d", o.port)
		}
		out = append(out, text)
	}
	return out
}

func (d *differ) credential(before, after *Credential) {
	switch {
	case before == nil:
		d.add(Wider, "new: %s, for service %s", after.From, after.Service)
		return
	case after == nil:
		d.add(Narrower, "gone")
		return
	}
	d.same("where it lives", before.From, after.From)
	d.same("its service", before.Service, after.Service)
	d.lists("variable", before.Env, after.Env, Other, Other)
	d.same("its place", slotTexts(before.Slots), slotTexts(after.Slots))
	d.lists("place of its placeholder", strings.Fields(slotTexts(before.Swap)), strings.Fields(slotTexts(after.Swap)), Wider, Narrower)
	if before.Inject != after.Inject {
		d.add(widerIf(after.Inject), "it goes on requests without its placeholder: %v, was %v", after.Inject, before.Inject)
	}
}

func slotTexts(slots []action.Slot) string {
	var out []string
	for _, s := range slots {
		out = append(out, s.String())
	}
	return strings.Join(out, " ")
}

// service compares services of one's own; the built-in ones are the program's.
func (d *differ) service(before, after *action.Service) {
	var hosts, routes [2][]string
	var auth [2]string
	var slashes [2]bool
	for i, s := range []*action.Service{before, after} {
		if s == nil || action.Lookup(s.Name) == s {
			continue
		}
		for j := range s.Hosts {
			h := &s.Hosts[j]
			auth[i], slashes[i] = slotTexts(h.Slots), h.EncodedSlash
			hosts[i] = append(hosts[i], h.At(h.Pattern.String()).URL(h.Plain))
		}
		for _, r := range s.Operations() {
			routes[i] = append(routes[i], strings.TrimSuffix(fmt.Sprintf("%s = %s %s -> %s", r.Action, r.Method, r.Template, r.Resource), " -> "))
		}
	}
	d.listsOf("host", hostWithin, hosts[0], hosts[1], Wider, Narrower)
	d.lists("action", routes[0], routes[1], Other, Other)
	if before != nil && after != nil {
		d.same("its base", before.Base, after.Base)
		d.same("the place of its credential", auth[0], auth[1])
		if slashes[0] != slashes[1] {
			d.add(widerIf(slashes[1]), "paths with an escaped slash are taken: %v, was %v", slashes[1], slashes[0])
		}
	}
}

// isolation compares what the child may reach. Where no level is named it is filtered as a rule, which env is less than; but
// the command line may ask for env.
func (d *differ) isolation(before, after *Isolation) {
	rank := func(level string) int { return slices.Index([]string{"sealed", "filtered", "", "env"}, level) }
	if was, is := rank(before.Minimum), rank(after.Minimum); was != is {
		d.add(widerIf(is > was), "its minimum was %s and is %s", cmp.Or(before.Minimum, "none"), cmp.Or(after.Minimum, "none"))
	}
	d.listsOf("readable path", pathWithin, before.Read, after.Read, Wider, Narrower)
	d.listsOf("writable path", pathWithin, before.Write, after.Write, Wider, Narrower)
	d.listsOf("hidden path", pathWithin, before.Hide, after.Hide, Narrower, Wider)
	d.lists("local service", services(before.AllowTCP), services(after.AllowTCP), Wider, Narrower)
	if was, is := before.User.String(), after.User.String(); was != is {
		d.add(Other, "root's command ran as %q and runs as %q", was, is)
	}
	if before.Nested != after.Nested {
		d.add(widerIf(after.Nested), "sandboxes of the child's own: %v, was %v", after.Nested, before.Nested)
	}
}

func services(list []netip.AddrPort) (texts []string) {
	for _, s := range list {
		texts = append(texts, s.String())
	}
	return texts
}
