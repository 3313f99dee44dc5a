package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// index remembers which names are in the keychain, because keychains cannot be asked by service on every system. It
// holds no secrets, and nothing is decided by it.
type index struct {
	dir string // "": none is kept
	now func() time.Time
}

type indexFile struct {
	Version int                  `json:"version"`
	Names   map[string]time.Time `json:"names"`
}

func (x index) path() string { return filepath.Join(x.dir, "keychain-names.json") }

func (x index) add(ctx context.Context, name string) error {
	return x.edit(ctx, func(names map[string]time.Time) { names[name] = x.now().UTC().Truncate(time.Second) })
}

func (x index) drop(ctx context.Context, name string) error {
	return x.edit(ctx, func(names map[string]time.Time) { delete(names, name) })
}

func (x index) edit(ctx context.Context, do func(map[string]time.Time)) error {
	if x.dir == "" {
		return nil
	}
	err := edit(ctx, x.path(), func() ([]byte, error) {
		names, err := x.read()
		if err != nil {
			return nil, err
		}
		do(names)
		return json.Marshal(indexFile{1, names})
	})
	if err != nil {
		return fmt.Errorf("the index of names: %w", err)
	}
	return nil
}

func (x index) read() (map[string]time.Time, error) {
	b, _, err := readRegular(x.path(), 4<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	var f indexFile
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || f.Version != 1 || f.Names == nil {
		return nil, hint(fmt.Errorf("%w: %s", ErrCorrupt, x.path()), "remove "+x.path()+": it holds names only")
	}
	return f.Names, nil
}

func (x index) list() ([]Entry, error) {
	if x.dir == "" {
		return nil, nil
	}
	if _, err := os.Stat(x.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names, err := x.read()
	var list []Entry
	for name, at := range names {
		if ValidName(name) == nil {
			list = append(list, Entry{Ref{"keychain", name}, at})
		}
	}
	return list, err
}
