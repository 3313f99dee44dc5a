package policy

import (
	"slices"
	"strings"

	"agentguard/policy/action"
)

// backends are the words in front of a vault reference's colon; the vault itself knows what they do.
var backends = []string{"keychain", "age", "env", "file", "exec"}

const hintFrom = `write where the secret lives: "keychain:NAME", "age:NAME", "env:VARIABLE", "file:PATH" or "exec:COMMAND"`

// laterCredentialKeys belong to the kinds of credential that are made when needed.
var laterCredentialKeys = func() map[string]string {
	later := map[string]string{"grace": "rotation", "expires": "rotation"}
	for _, key := range strings.Fields(`kind region regions role role_arn session audience lifetime token_url client_id
		client_secret refresh_token scope scopes app_id installation installation_id private_key repositories permissions`) {
		later[key] = "credentials that are minted or sign requests"
	}
	return later
}()

func (d *draft) credentialTable(t *table) {
	c := &credentialDraft{Credential: &Credential{Name: t.short(), Inject: true, Line: t.at.line}}
	if from, ok := t.required("from", hintFrom); ok {
		c.From = from.s
		c.backend, c.where = d.checkFrom(t, "from", from.s)
	}
	if service, ok := t.required("service", "write which service it is for: it can go nowhere else"); ok {
		c.service, c.Service = service, service.s
	}
	c.env = d.credentialEnv(t)
	for _, name := range c.env {
		c.Env = append(c.Env, name.s)
	}
	c.Slots = d.slots(t, "auth")
	c.Swap = d.slots(t, "swap")
	if inject, ok := t.text("inject"); ok {
		switch inject.s {
		case "always":
		case "placeholder":
			c.Inject = false
		default:
			words := []string{"always", "placeholder"}
			t.fail("inject", "", `must be "always" or "placeholder", not %q%s`, inject.s, didYouMean(inject.s, words))
		}
	}
	t.done(laterCredentialKeys)
	d.credentials = append(d.credentials, c)
	d.policy.Credentials[c.Name] = c.Credential
}

// checkFrom checks the spelling of a vault reference, takes it apart, and notes the files of a command. Whether the secret
// is there is the vault's to say.
func (d *draft) checkFrom(t *table, key, ref string) (backend, where string) {
	backend, where, found := strings.Cut(ref, ":")
	switch {
	case !found:
		t.fail(key, hintFrom, "is not a reference of the form backend:name")
	case backend == "vault":
		t.fail(key, `what agentguard vault set stores is "keychain:NAME" or "age:NAME"`, `is not supported yet: the backend "vault" (HashiCorp Vault, OpenBao)`)
	case !slices.Contains(backends, backend):
		t.fail(key, hintFrom, "names an unknown backend %q%s", backend, didYouMean(backend, backends))
	case strings.TrimSpace(where) == "":
		t.fail(key, hintFrom, "names nothing after %q", backend+":")
	case backend == "env" && !isEnvName(where):
		t.fail(key, "", "%q is not the name of a variable", where)
	case backend == "exec":
		d.program(t, key, where)
	}
	return backend, where
}

func (d *draft) credentialEnv(t *table) []text {
	names := t.textOrTexts("env")
	for _, name := range names {
		switch {
		case !isEnvName(name.s):
			d.fail(name.line, "", "%s: %q is not the name of a variable", t.path("env"), name.s)
		case Reserved(name.s):
			d.fail(name.line, "", "%s: %s is a variable that agentguard itself sets or removes", t.path("env"), name.s)
		}
	}
	return names
}

// slots reads places for a credential, one or a list.
func (d *draft) slots(t *table, key string) []action.Slot {
	var out []action.Slot
	for _, s := range t.textOrTexts(key) {
		slot, err := action.ParseSlot(s.s)
		switch {
		case err != nil:
			d.fail(s.line, "", "%s: %v", t.path(key), err)
		case slot.Kind == action.Header && !isHeaderName(slot.Name):
			d.fail(s.line, "", "%s: %q is not a header that can hold a credential", t.path(key), slot.Name)
		case slot.Kind == action.Basic && strings.Contains(slot.Name, ":"):
			d.fail(s.line, "", "%s: the user of basic cannot hold a colon", t.path(key))
		default:
			out = append(out, slot)
		}
	}
	return out
}

// unfit are headers that say where a message goes or how it ends.
var unfit = []string{"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect",
	"keep-alive", "proxy-authorization", "proxy-connection"}

// isHeaderName says whether a credential may stand in the header.
func isHeaderName(s string) bool {
	return action.IsToken(s) && !slices.Contains(unfit, strings.ToLower(s))
}
