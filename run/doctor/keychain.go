package doctor

import (
	"context"
	"strings"

	"agentguard/vault"
)

// checkKeychain asks for the keychain's state; nothing is read from it, and nobody is asked for a passphrase.
func checkKeychain(ctx context.Context, c *Config) []Finding {
	for _, p := range c.Vault.Where(ctx) {
		if p.Backend != "keychain" {
			continue
		}
		reason, missing := strings.CutPrefix(p.State, "no keychain: ")
		switch {
		case missing:
			return one(Warn, "keychain", "there is none here: "+reason,
				"on Linux install gnome-keyring or KeePassXC, and log in to the desktop, which makes and opens the default keyring; until then secrets go into the encrypted file (age:)")
		case p.Err != nil:
			return one(Warn, "keychain", p.State+": "+p.Err.Error(), "unlock it, then run doctor again")
		case p.State == "locked":
			return []Finding{{Object: "keychain", Status: Warn, What: "locked",
				Why: "a run waits until somebody unlocks it, and is refused where nobody does", Fix: vault.UnlockHint}}
		}
		return one(OK, "keychain", strings.TrimSpace(p.State+" "+p.Detail), "")
	}
	return one(Fail, "keychain", "this binary knows no keychain", "use age: instead")
}
