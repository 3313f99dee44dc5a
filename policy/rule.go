package policy

import (
	"agentguard/policy/action"
	"agentguard/policy/limit"
)

// laterRuleKeys are what rules will be able to say.
var laterRuleKeys = map[string]string{
	"approve": "approvals by a human",
	"redact":  "redaction of responses",
}

func (d *draft) allowTable(t *table) {
	r := d.ruleTable(t)
	if service, ok := t.required("service", "write which service it allows"); ok {
		r.service, r.Service = service, service.s
	}
	if credential, ok := t.text("credential"); ok {
		r.credential, r.Credential = credential, credential.s
	}
	d.ruleLimits(t.sub("limits"), r)
	r.Keep = t.fields("keep")
	t.done(laterRuleKeys)
	d.policy.Allow[t.short()] = r.Rule
}

func (d *draft) denyTable(t *table) {
	r := d.ruleTable(t)
	r.deny = true
	if service, ok := t.text("service"); ok {
		r.service, r.Service = service, service.s
	}
	for _, key := range []string{"credential", "limits", "keep"} {
		if _, ok := t.values[key]; ok {
			t.known = append(t.known, key)
			t.fail(key, "", "has no place in a deny rule: it denies for every credential, at every time, without an answer")
		}
	}
	t.done(laterRuleKeys)
	d.policy.Deny[t.short()] = r.Rule
}

// ruleTable reads what both kinds of rule have.
func (d *draft) ruleTable(t *table) *ruleDraft {
	r := &ruleDraft{Rule: &Rule{Name: t.name, Line: t.at.line}}
	if _, ok := t.values["actions"]; !ok {
		d.fail(t.at.line, `write actions = ["read"], with the names of what it is about`, "%s.actions is missing", t.name)
	}
	r.actions = t.texts("actions")
	r.resources = t.texts("resources")
	r.When = d.conditions(t.sub("when"))
	for _, a := range r.actions {
		r.Actions = append(r.Actions, a.s)
	}
	d.rules = append(d.rules, r)
	return r
}

// fields reads keep = ["number", "ticket.id"].
func (t *table) fields(key string) (out []action.Field) {
	list := t.texts(key)
	for _, item := range list {
		f, err := action.ParseField(item.s)
		switch {
		case err != nil:
			t.doc.fail(item.line, "", "%s: %q %v", t.path(key), item.s, err)
		case len(out) == maxKeep:
			t.fail(key, "", "names more than %d fields", maxKeep)
			return out
		default:
			out = append(out, f)
		}
	}
	return out
}

// maxKeep bounds the fields that one rule keeps.
const maxKeep = 16

func (d *draft) ruleLimits(t *table, r *ruleDraft) {
	if t == nil {
		return
	}
	if len(t.values) == 0 {
		d.fail(t.at.line, "leave the key out, or limit something", "%s is empty", t.name)
	}
	r.Limits = map[string]limit.Rate{}
	for _, name := range t.names() {
		rate, ok := t.text(name)
		if !ok {
			continue
		}
		parsed, err := limit.ParseRate(rate.s)
		if err != nil {
			t.fail(name, "", "is not a limit: %v", err)
			continue
		}
		r.Limits[name] = parsed
		r.limits = append(r.limits, text{name, rate.line})
	}
}
