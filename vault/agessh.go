package vault

import (
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// sshKey takes an unencrypted Ed25519 or RSA key; one with a passphrase is ssh-agent's matter, which age cannot use.
func sshKey(pem []byte, path string) (*ageKey, error) {
	id, err := agessh.ParseIdentity(pem)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not an SSH key without a passphrase, of a kind that age uses (ed25519, rsa)", ErrUnavailable, path)
	}
	var to age.Recipient
	switch id := id.(type) {
	case *agessh.Ed25519Identity:
		to = id.Recipient()
	case *agessh.RSAIdentity:
		to = id.Recipient()
	default:
		return nil, fmt.Errorf("%w: %s holds a kind of SSH key that age does not use", ErrUnavailable, path)
	}
	return &ageKey{identities: []age.Identity{id}, recipients: []age.Recipient{to}}, nil
}
