package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// workFactor is the scrypt cost of a new file's passphrase, as a power of two: 128 MiB and half a second once a run,
// the least that OWASP's Password Storage Cheat Sheet names for p=1. A run that must start faster uses an identity.
var workFactor = 17

// mostWork bounds what a file may ask of us: 1 GiB. age's own default, 22, would be four.
const mostWork = 20

// minPassphrase is the shortest that a new file is made with.
const minPassphrase = 8

// The variables of the supervisor's environment that open the file without a prompt.
const (
	ageIdentity       = "AGENTGUARD_AGE_IDENTITY"        // path of an identity file: age or plugin
	agePassphraseFile = "AGENTGUARD_AGE_PASSPHRASE_FILE" // path of a file that holds the passphrase
	agePassphrase     = "AGENTGUARD_AGE_PASSPHRASE"      // the passphrase itself
)

const ageKeyHint = "set " + ageIdentity + " or " + agePassphraseFile + " to the path of a file, or run it on a terminal"

var (
	errWrongKey     = errors.New("wrong key")
	errNoPassphrase = hint(fmt.Errorf("%w: the age vault wants a passphrase, and there is no terminal to ask on", ErrLocked), ageKeyHint)
)

// ageKey opens and seals the file.
type ageKey struct {
	identities []age.Identity
	recipients []age.Recipient
	passphrase bool
	from       string // the variable that it came by; "": it was typed, by somebody who can try again
}

var errNotAge = fmt.Errorf("%w: it is empty, cut off or not an age file", ErrCorrupt)

// findAgeKey looks for the key to a file that is there, which wants a passphrase or an identity.
func findAgeKey(ctx context.Context, opt Options, sealed []byte) (*ageKey, error) {
	if !bytes.HasPrefix(sealed, []byte(ageMagic)) {
		return nil, errNotAge // nobody should look for a key to it
	}
	if !byPassphrase(sealed) {
		path, ok := opt.LookupEnv(ageIdentity)
		if !ok || path == "" {
			return nil, hint(fmt.Errorf("%w: %s is encrypted to an age identity", ErrLocked, opt.AgeFile), "set "+ageIdentity+" to the path of the identity file")
		}
		return identityKey(ctx, path, opt)
	}
	p, from, err := givenPassphrase(opt.LookupEnv)
	if err == nil && p == nil {
		p, err = ask(ctx, opt, "Passphrase for "+opt.AgeFile)
	}
	if err != nil {
		return nil, err
	}
	return passphraseKey(p, from)
}

// newAgeKey is the key for a file that is not there yet. A passphrase is typed twice.
func newAgeKey(ctx context.Context, opt Options) (*ageKey, error) {
	if path, ok := opt.LookupEnv(ageIdentity); ok && path != "" {
		return identityKey(ctx, path, opt)
	}
	p, from, err := givenPassphrase(opt.LookupEnv)
	if err == nil && p == nil {
		p, err = askTwice(ctx, opt)
	}
	if err != nil {
		return nil, err
	}
	if len(p) < minPassphrase {
		return nil, fmt.Errorf("the passphrase has %d characters; at least %d are needed", len(p), minPassphrase)
	}
	return passphraseKey(p, from)
}

func askTwice(ctx context.Context, opt Options) ([]byte, error) {
	first, err := ask(ctx, opt, "New passphrase for "+opt.AgeFile)
	if err != nil {
		return nil, err
	}
	again, err := ask(ctx, opt, "The same passphrase again")
	if err == nil && !bytes.Equal(first, again) {
		err = errors.New("the two passphrases differ")
	}
	return first, err
}

func ask(ctx context.Context, opt Options, message string) ([]byte, error) {
	if opt.Prompt == nil {
		return nil, errNoPassphrase
	}
	p, err := opt.Prompt(ctx, message)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, hint(fmt.Errorf("%w: no passphrase was given: %w", ErrLocked, err), ageKeyHint)
	case len(p) == 0:
		return nil, fmt.Errorf("%w: no passphrase was given", ErrLocked)
	}
	return p, nil
}

// givenPassphrase is nil where the environment gives none, else from is the variable that does. A file that is named and
// cannot be read is an error: to ask instead would hang a service that has nobody to answer.
func givenPassphrase(lookup func(string) (string, bool)) (p []byte, from string, err error) {
	if path, ok := lookup(agePassphraseFile); ok && path != "" {
		b, err := readKey(agePassphraseFile, path)
		if err != nil {
			return nil, "", err
		}
		if b = trimNewline(b); len(b) == 0 {
			return nil, "", fmt.Errorf("%w: the file that %s names is empty", ErrLocked, agePassphraseFile)
		}
		return b, agePassphraseFile, nil
	}
	if p, ok := lookup(agePassphrase); ok && p != "" {
		return []byte(p), agePassphrase, nil
	}
	return nil, "", nil
}

// readKey reads the file that a variable names. One that is not there is not ErrNotFound, which would mean that there is no vault yet.
func readKey(variable, path string) ([]byte, error) {
	b, _, err := readRegular(path, maxFile)
	if err == nil {
		return b, nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return nil, hint(fmt.Errorf("%w: %s is %s: %w", ErrLocked, variable, path, err), "set "+variable+" to the whole path of a file that you can read")
}

func passphraseKey(p []byte, from string) (*ageKey, error) {
	defer clear(p)
	id, err := age.NewScryptIdentity(string(p))
	if err != nil {
		return nil, errors.New("the passphrase cannot be used")
	}
	to, err := age.NewScryptRecipient(string(p))
	if err != nil {
		return nil, errors.New("the passphrase cannot be used")
	}
	id.SetMaxWorkFactor(mostWork)
	to.SetWorkFactor(workFactor)
	return &ageKey{[]age.Identity{id}, []age.Recipient{to}, true, from}, nil
}

// identityKey reads an identity file: lines of age or plugin identities. What it says of a bad line is its number alone. SSH
// keys are refused: age's package for them makes every start of the program a tenth slower, and few keep such a key
// without a passphrase, which is the only kind that it can read.
func identityKey(ctx context.Context, path string, opt Options) (*ageKey, error) {
	b, err := readKey(ageIdentity, path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	if bytes.HasPrefix(b, []byte("-----BEGIN")) {
		return nil, hint(fmt.Errorf("%w: %s is no age identity; SSH keys are not taken", ErrUnavailable, path), "age-keygen -o FILE   (and "+ageIdentity+"=FILE)")
	}
	key := &ageKey{from: ageIdentity}
	var public age.Recipient
	for n, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || line == "" {
			public = orRecipient(statedRecipient(line), public)
			continue
		}
		if err := key.add(line, public, pluginUI(ctx, opt)); err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", ErrUnavailable, path, n+1, err)
		}
		public = nil
	}
	if len(key.identities) == 0 {
		return nil, fmt.Errorf("%w: %s holds no age identity", ErrUnavailable, path)
	}
	return key, nil
}

func orRecipient(a, b age.Recipient) age.Recipient {
	if a != nil {
		return a
	}
	return b
}

// statedRecipient reads the comment that plugins write above an identity, "# Recipient: age1yubikey1...": with it,
// writing needs no touch of the key.
func statedRecipient(line string) age.Recipient {
	_, word, _ := strings.Cut(line, ":")
	word = strings.TrimSpace(word)
	if name, _, err := plugin.ParseRecipient(word); err != nil || name == "" {
		return nil
	}
	r, err := plugin.NewRecipient(word, &plugin.ClientUI{})
	if err != nil {
		return nil
	}
	return r
}

func (k *ageKey) add(line string, public age.Recipient, ui *plugin.ClientUI) error {
	switch {
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		id, err := plugin.NewIdentity(line, ui)
		if err != nil {
			return errors.New("not a plugin identity")
		}
		k.identities = append(k.identities, id)
		k.recipients = append(k.recipients, orRecipient(public, id.Recipient()))
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		id, err := age.ParseHybridIdentity(line)
		if err != nil {
			return errors.New("not an age identity")
		}
		k.identities, k.recipients = append(k.identities, id), append(k.recipients, id.Recipient())
	default:
		id, err := age.ParseX25519Identity(line)
		if err != nil {
			return errors.New("not an age identity")
		}
		k.identities, k.recipients = append(k.identities, id), append(k.recipients, id.Recipient())
	}
	return nil
}

// pluginUI lets a plugin talk to the user. PINs come by the hidden prompt, as all else that it asks for.
func pluginUI(ctx context.Context, opt Options) *plugin.ClientUI {
	prompt := func(name, message string) (string, error) {
		b, err := ask(ctx, opt, clean("age-plugin-"+name+": "+message))
		return string(b), err
	}
	return &plugin.ClientUI{
		DisplayMessage: func(name, message string) error {
			opt.Notice(clean("age-plugin-" + name + ": " + message))
			return nil
		},
		RequestValue: func(name, message string, _ bool) (string, error) { return prompt(name, message) },
		Confirm: func(name, message, yes, no string) (bool, error) {
			answer, err := prompt(name, message+" ["+yes+"/"+no+"]")
			return strings.EqualFold(strings.TrimSpace(answer), yes), err
		},
		WaitTimer: func(name string) { opt.Notice(clean("waiting for age-plugin-" + name + "...")) },
	}
}

const ageMagic = "age-encryption.org/v1\n"

// byPassphrase looks at the first stanza; a passphrase is always alone (age specification, "The scrypt recipient type").
func byPassphrase(sealed []byte) bool { return bytes.HasPrefix(sealed, []byte(ageMagic+"-> scrypt ")) }

// decrypt opens the file. None of age's own words reach the error but a plugin's.
func (k *ageKey) decrypt(sealed []byte) (contents, error) {
	switch {
	case !bytes.HasPrefix(sealed, []byte(ageMagic)):
		return nil, errNotAge
	case k.passphrase != byPassphrase(sealed):
		return nil, fmt.Errorf("%w: %w: it was encrypted in another way than before", ErrLocked, errWrongKey)
	}
	if k.passphrase {
		defer debug.FreeOSMemory() // scrypt's 128 MiB would stay ours for minutes
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identities...)
	if err != nil {
		return nil, k.explain(err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxSealed))
	defer clear(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: it is cut off or was changed after it was written", ErrCorrupt)
	}
	return parseContents(plain)
}

func (k *ageKey) explain(err error) error {
	var noMatch *age.NoIdentityMatchError
	var noPlugin *plugin.NotFoundError
	switch {
	case errors.As(err, &noPlugin):
		return hint(fmt.Errorf("%w: the program age-plugin-%s is not installed", ErrUnavailable, clean(noPlugin.Name)), "install age-plugin-"+clean(noPlugin.Name))
	case errors.As(err, &noMatch) && k.passphrase && k.from == "":
		return fmt.Errorf("%w: %w: the passphrase does not open it", ErrLocked, errWrongKey)
	case errors.As(err, &noMatch) && k.passphrase:
		return fmt.Errorf("%w: %w: the passphrase of %s does not open it", ErrLocked, errWrongKey, k.from)
	case errors.As(err, &noMatch):
		return fmt.Errorf("%w: %w: the identity in %s does not open it", ErrLocked, errWrongKey, ageIdentity)
	case k.usesPlugin():
		return fmt.Errorf("%w: %s", ErrUnavailable, clean(err.Error()))
	}
	return fmt.Errorf("%w: its header is cut off or was changed", ErrCorrupt)
}

func (k *ageKey) usesPlugin() bool {
	for _, id := range k.identities {
		if _, ok := id.(*plugin.Identity); ok {
			return true
		}
	}
	return false
}

func (k *ageKey) encrypt(all contents) ([]byte, error) {
	if k.passphrase {
		defer debug.FreeOSMemory()
	}
	plain, err := all.format()
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, k.recipients...)
	if err != nil && !k.usesPlugin() {
		return nil, fmt.Errorf("%w: the identities in %s cannot be used together", ErrUnavailable, ageIdentity)
	}
	if err != nil {
		return nil, k.explain(err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}
