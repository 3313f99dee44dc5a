//go:build !linux

package vault

import (
	"context"
	"errors"

	"github.com/zalando/go-keyring"
)

// reachKeychain: the keychain is part of these systems.
func reachKeychain(context.Context, func(string) (string, bool)) error { return nil }

// inspectKeychain asks for a name that nobody stores: only an open keychain says that it is not there.
func inspectKeychain(ctx context.Context, _ func(string) (string, bool)) (detail string, locked bool, err error) {
	answer := make(chan error, 1)
	go func() { _, err := keyring.Get(keychainService, "agentguard.probe"); answer <- err }()
	select {
	case err = <-answer:
	case <-ctx.Done():
		return keychainService, true, nil // it waits for somebody to unlock it
	}
	err = keychainError(err)
	switch {
	case err == nil, errors.Is(err, ErrNotFound):
		return keychainService, false, nil
	case errors.Is(err, ErrLocked):
		return keychainService, true, nil
	}
	return keychainService, false, err
}
