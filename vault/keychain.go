package vault

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// keychainService is the name under which the entries stand in the keychain; the account is the secret's name.
const keychainService = "agentguard"

// keychain is the operating system's: Keychain, Credential Manager, or a Secret Service on D-Bus.
type keychain struct {
	opt   Options
	gate  *gate
	index index
}

func openKeychain(opt Options) backend {
	return &keychain{opt, newGate(opt, "the keychain"), index{opt.StateDir, opt.Now}}
}

func (k *keychain) get(ctx context.Context, name string) (Secret, error) {
	value, err := bounded(ctx, k.gate, func(ctx context.Context) (string, error) {
		if err := reachKeychain(ctx, k.opt.LookupEnv); err != nil {
			return "", err
		}
		value, err := keyring.Get(keychainService, name)
		return value, k.whyLocked(ctx, err)
	})
	if err != nil {
		return Secret{}, keychainError(err)
	}
	return NewSecret([]byte(value))
}

func (k *keychain) set(ctx context.Context, name string, s Secret) error {
	if n := len(s.Reveal()); n > keychainLimit {
		return hint(fmt.Errorf("the value has %d bytes; the keychain of %s holds at most %d", n, runtime.GOOS, keychainLimit), "agentguard vault set age:"+name)
	}
	err := k.change(ctx, func() error { return keyring.Set(keychainService, name, string(s.Reveal())) })
	if err != nil {
		return err
	}
	return k.index.add(ctx, name)
}

func (k *keychain) remove(ctx context.Context, name string) error {
	err := k.change(ctx, func() error { return keyring.Delete(keychainService, name) })
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return errors.Join(err, k.index.drop(ctx, name))
}

func (k *keychain) change(ctx context.Context, do func() error) error {
	_, err := bounded(ctx, k.gate, func(ctx context.Context) (struct{}, error) {
		if err := reachKeychain(ctx, k.opt.LookupEnv); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, k.whyLocked(ctx, do())
	})
	return keychainError(err)
}

// whyLocked is the reason where what the library could not unlock is no keyring at all: to unlock it would mend nothing.
func (k *keychain) whyLocked(ctx context.Context, err error) error {
	if err != nil && isLocked(err) {
		if _, _, none := inspectKeychain(ctx, k.opt.LookupEnv); none != nil {
			return none
		}
	}
	return err
}

func (k *keychain) list(context.Context) ([]Entry, error) { return k.index.list() }

// lookLimit bounds `vault where` and the choice of a default, which nobody wants to wait for.
const lookLimit = 5 * time.Second

func (k *keychain) place(ctx context.Context) Place {
	ctx, cancel := context.WithTimeout(ctx, min(lookLimit, k.opt.Timeout))
	defer cancel()
	detail, locked, err := inspectKeychain(ctx, k.opt.LookupEnv)
	p := Place{State: "unlocked", Detail: detail, Err: err}
	switch {
	case err != nil:
		p.State = noKeychain + strings.TrimPrefix(err.Error(), ErrUnavailable.Error()+": ")
	case locked:
		p.State = "locked"
	}
	return p
}

func (k *keychain) close() {}

// noKeychainHint is of no secret in particular: fail puts its name in the place of NAME.
const noKeychainHint = `keep the secret in the encrypted file instead: agentguard vault set age:NAME, and from = "age:NAME" in the policy; in a CI job, from = "env:VARIABLE"`

// securityLocked are the exit statuses of /usr/bin/security that mean "nobody let me in": the low byte of
// errSecInteractionNotAllowed (-25308), errSecAuthFailed (-25293) and errSecUserCanceled (-128), SecBase.h.
var securityLocked = map[int]bool{36: true, 51: true, 128: true}

// keychainError gives the libraries' errors, most of them untyped, one of ours.
func keychainError(err error) error {
	var exit *osexec.ExitError
	switch {
	case err == nil, errors.Is(err, ErrUnavailable), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return hint(errors.New("the value is too large for this keychain"), noKeychainHint)
	case errors.Is(err, ErrLocked):
		return hint(err, UnlockHint)
	case isLocked(err), errors.As(err, &exit) && securityLocked[exit.ExitCode()]:
		return hint(fmt.Errorf("%w: the keychain was not unlocked", ErrLocked), UnlockHint)
	}
	return hint(fmt.Errorf("%w: %s", ErrUnavailable, clean(err.Error())), noKeychainHint)
}

// isLocked knows go-keyring's words for a dismissed prompt, and the Secret Service's error for a locked object.
func isLocked(err error) bool {
	text := err.Error()
	return strings.Contains(text, "failed to unlock correct collection") || strings.Contains(text, "org.freedesktop.Secret.Error.IsLocked")
}
