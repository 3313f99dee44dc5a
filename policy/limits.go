package policy

import (
	"errors"

	"agentguard/policy/limit"
)

const hintStore = `write store = "file", or an address of Redis: "redis://HOST:6379/0", "rediss://USER@HOST", "unix:///PATH"`

// limitsTable reads where limits are counted.
func (d *draft) limitsTable(t *table) {
	if t == nil {
		return
	}
	if store, ok := t.required("store", hintStore); ok && store.s != "file" {
		d.redis(t, store.s)
	}
	if password, ok := t.text("password"); ok {
		d.policy.Limits.Password = password.s
		d.checkFrom(t, "password", password.s)
		if d.policy.Limits.Redis == nil && len(d.errs) == 0 {
			t.fail("password", "", "has no place here: the file needs none")
		}
	}
	t.done(nil)
	if !d.policy.Limited() {
		d.warn(t.at.line, `limit something: [allow.NAME] limits = { create_pr = "5/hour" }`, "%s has no effect: no rule has limits", t.name)
	}
}

func (d *draft) redis(t *table, store string) {
	a, err := limit.ParseAddress(store)
	switch {
	case errors.Is(err, limit.ErrPassword):
		t.fail("store", `say where it is kept instead: password = "keychain:redis"`, "%v, which does not belong in a file", err)
	case err != nil:
		t.fail("store", hintStore, "%q %v", store, err)
	default:
		d.policy.Limits.Store, d.policy.Limits.Redis = store, &a
	}
}

// Limited says whether a rule has limits, so that they must be counted.
func (p *Policy) Limited() bool {
	for _, r := range p.Allow {
		if len(r.Limits) > 0 {
			return true
		}
	}
	return false
}

// String says where limits are counted, for messages.
func (s LimitStore) String() string {
	if s.Redis == nil {
		return "a file of this machine"
	}
	return s.Redis.String()
}
