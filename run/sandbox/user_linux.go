package sandbox

import "agentguard/run/sandbox/shim"

// Confine adds to a shim's configuration that its command runs as the user, for good: it cannot type at a terminal of root's.
func (u *User) Confine(c *shim.Config) (err error) {
	c.User = &shim.User{UID: u.UID, GID: u.GID}
	c.Keyring, c.Keep, c.Ignore = true, 0, ignored()
	if c.Seccomp == nil {
		c.Seccomp, err = terminalFilter()
	}
	return err
}
