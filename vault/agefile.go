package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"
)

// ageFile keeps all its secrets in one file that filippo.io/age encrypts. The file is decrypted once a run, and again
// only when it has changed and a name is asked for that was not read before.
type ageFile struct {
	opt      Options
	gate     *gate // what is below is touched behind it alone
	key      *ageKey
	contents contents
	info     fs.FileInfo // the version that contents was read from; nil: none
	refused  error       // what came of asking a person, who is not asked again for the next secret
}

func openAge(opt Options) backend {
	gate := newGate(opt, "the age vault")
	if opt.Prompt != nil {
		gate.limit, gate.grace = opt.Patience, time.Second // a passphrase is looked up, and a new one thought of
	}
	return &ageFile{opt: opt, gate: gate}
}

const ageFileHint = "set AGENTGUARD_AGE_FILE to the path of the file"

var errNoAgeFile = hint(fmt.Errorf("%w: no file is configured for the age vault", ErrUnavailable), ageFileHint)

func (a *ageFile) get(ctx context.Context, name string) (Secret, error) {
	b, err := bounded(ctx, a.gate, func(ctx context.Context) ([]byte, error) {
		all, err := a.load(ctx)
		if err != nil {
			return nil, err
		}
		e, ok := all[name]
		if !ok {
			return nil, ErrNotFound
		}
		return bytes.Clone(e.Value), nil
	})
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(b)
}

func (a *ageFile) set(ctx context.Context, name string, s Secret) error {
	e := entry{bytes.Clone(s.Reveal()), a.opt.Now().UTC().Truncate(time.Second)}
	return a.edit(ctx, func(all contents) error {
		all[name] = e
		return nil
	})
}

func (a *ageFile) remove(ctx context.Context, name string) error {
	return a.edit(ctx, func(all contents) error {
		if _, ok := all[name]; !ok {
			return ErrNotFound
		}
		delete(all, name)
		return nil
	})
}

func (a *ageFile) list(ctx context.Context) ([]Entry, error) {
	if a.opt.AgeFile == "" {
		return nil, nil
	}
	list, err := bounded(ctx, a.gate, func(ctx context.Context) ([]Entry, error) {
		all, err := a.load(ctx)
		var list []Entry
		for _, name := range slices.Sorted(maps.Keys(all)) {
			list = append(list, Entry{Ref{"age", name}, all[name].Modified})
		}
		return list, err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil // nothing was stored yet
	}
	return list, err
}

// edit changes the contents and writes them, under the lock that other processes heed too.
func (a *ageFile) edit(ctx context.Context, change func(contents) error) error {
	if a.opt.AgeFile == "" {
		return errNoAgeFile
	}
	_, err := bounded(ctx, a.gate, func(ctx context.Context) (struct{}, error) {
		if err := a.unlock(ctx); err != nil { // a prompt must not keep other processes waiting for the lock
			return struct{}{}, err
		}
		return struct{}{}, edit(ctx, a.opt.AgeFile, func() ([]byte, error) {
			all, err := a.load(ctx)
			if errors.Is(err, ErrNotFound) {
				all, err = contents{}, nil
			}
			if err != nil {
				return nil, err
			}
			a.info = nil // whatever comes of it, read it again
			if err := change(all); err != nil {
				return nil, err
			}
			return a.key.encrypt(all)
		})
	})
	return err
}

// unlock makes a.key the one that opens the file, or the one that the first file will be made with.
func (a *ageFile) unlock(ctx context.Context) error {
	_, err := a.load(ctx)
	if !errors.Is(err, ErrNotFound) || a.key != nil {
		return ignoreMissing(err)
	}
	a.key, err = newAgeKey(ctx, a.opt)
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// load gives the contents of the file as it is now. A file that is there and cannot be read is an error, never empty.
func (a *ageFile) load(ctx context.Context) (contents, error) {
	if a.opt.AgeFile == "" {
		return nil, errNoAgeFile
	}
	info, err := os.Lstat(a.opt.AgeFile)
	if err == nil && a.info != nil && sameVersion(info, a.info) {
		return a.contents, nil
	}
	sealed, info, err := readSealed(a.opt.AgeFile)
	if err != nil {
		return nil, err
	}
	all, err := a.open(ctx, sealed)
	if err != nil {
		return nil, err
	}
	a.contents.wipe()
	a.contents, a.info = all, info
	return all, nil
}

// tries is how often somebody may mistype a passphrase.
const tries = 3

func (a *ageFile) open(ctx context.Context, sealed []byte) (all contents, err error) {
	if a.refused != nil {
		return nil, a.refused
	}
	opt, asked := a.opt, false
	if opt.Prompt != nil {
		opt.Prompt = func(ctx context.Context, message string) ([]byte, error) {
			asked = true
			return a.opt.Prompt(ctx, message)
		}
	}
	defer func() {
		if err = a.named(err); asked {
			a.refused = err
		}
	}()
	for range tries {
		if a.key == nil {
			if a.key, err = findAgeKey(ctx, opt, sealed); err != nil {
				return nil, err
			}
		}
		all, err = a.key.decrypt(sealed)
		if err == nil || !errors.Is(err, errWrongKey) {
			break
		}
		from := a.key.from
		a.key = nil
		if from != "" {
			break
		}
		a.opt.Notice("that passphrase does not open " + a.opt.AgeFile)
	}
	return all, err
}

// named says of a file that cannot be opened with what there is which it is, and what can be done.
func (a *ageFile) named(err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		return hint(fmt.Errorf("%w (%s)", err, a.opt.AgeFile), "put a copy of the file back, or move it away to begin a new one")
	case errors.Is(err, errWrongKey):
		return hint(err, "give the one that "+a.opt.AgeFile+" was made with; without it, move the file away to begin a new one")
	}
	return err
}

// maxSealed bounds the file: ten thousand secrets of a kilobyte.
const maxSealed = 16 << 20

// readSealed reads the file if it is this user's alone. One that another process replaces meanwhile is read anew, a bounded
// number of times.
func readSealed(path string) (sealed []byte, info fs.FileInfo, err error) {
	for range 50 {
		if sealed, info, err = readSealedOnce(path); !errors.Is(err, errReplaced) {
			break
		}
	}
	return sealed, info, err
}

var errReplaced = errors.New("was replaced while it was opened")

// readSealedOnce refuses a link in the file's place: what it points to would be trusted here, and replaced by a plain file at
// the next write.
func readSealedOnce(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, ErrNotFound
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, nil, fmt.Errorf("%w: %s is a symbolic link; name the file that it points to", ErrUnavailable, path)
	}
	b, opened, err := readRegular(path, maxSealed)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, path, err)
	}
	if !os.SameFile(info, opened) {
		return nil, nil, fmt.Errorf("%w: %s %w", ErrUnavailable, path, errReplaced)
	}
	return b, opened, private(path, opened)
}

// place opens the file only when that asks nobody anything: no passphrase, no touch of a hardware key.
func (a *ageFile) place(ctx context.Context) Place {
	p := Place{State: "missing", Detail: a.opt.AgeFile}
	if a.opt.AgeFile == "" {
		p.Err = errNoAgeFile
		return p
	}
	_, err := bounded(ctx, newGate(a.opt, a.gate.what), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.tryOpen(ctx)
	})
	switch {
	case err == nil:
		p.State = "unlocked"
	case errors.Is(err, errNoPassphrase):
		p.State = "locked"
	case !errors.Is(err, ErrNotFound):
		p.State, p.Err = "locked", err
	}
	return p
}

func (a *ageFile) tryOpen(ctx context.Context) error {
	sealed, _, err := readSealed(a.opt.AgeFile)
	if err != nil {
		return err
	}
	opt := a.opt
	opt.Prompt = nil
	key, err := findAgeKey(ctx, opt, sealed)
	if err != nil {
		return a.named(err)
	}
	if key.usesPlugin() {
		return errNoPassphrase
	}
	all, err := key.decrypt(sealed)
	all.wipe()
	return a.named(err)
}

func (a *ageFile) close() {
	select {
	case a.gate.busy <- struct{}{}: // and it stays busy: closed
		a.contents.wipe()
		a.contents, a.info, a.key = nil, nil, nil
	default: // somebody still waits at a prompt
	}
}
