// Package trust remembers which policies a person has looked at. A policy that lies in a working tree can be written by
// whatever works there, so that a run takes it only as it was when it was trusted: by the hash of its exact bytes, and of
// the files that it names. A record belongs to one path; the same text elsewhere is not trusted by it.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"agentguard/run/private"
)

// Record is what was trusted.
type Record struct {
	Version int               `json:"version"` // of this format: 1
	Policy  string            `json:"policy"`  // its path, as Path gives it
	SHA256  string            `json:"sha256"`  // of its text
	Files   map[string]string `json:"files"`   // of the files that it names, by the key that names them
	When    time.Time         `json:"when"`
	Text    string            `json:"text"` // so that a later version can be compared
}

// Path is the name by which a policy is known: absolute, its folder without symbolic links. The last part is left as it is:
// a link that leads to another policy does not make that one's trust its own.
func Path(file string) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// Same says whether a policy with this hash, which names files with these hashes, is what was trusted.
func (r *Record) Same(sha256 string, files map[string]string) bool {
	return r != nil && r.SHA256 == sha256 && maps.Equal(r.Files, files)
}

// Changed lists the keys that name a file still, which is not as it was.
func (r *Record) Changed(files map[string]string) []string {
	var keys []string
	for key, sum := range files {
		if was, ok := r.Files[key]; ok && was != sum {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// Store keeps records, a file for each policy, in a directory that is for its owner alone.
type Store struct{ dir string }

// In is the store below the user's state home.
func In(stateHome string) *Store { return &Store{filepath.Join(stateHome, "agentguard", "trusted")} }

const extension = ".json"

func (s *Store) file(policy string) string {
	sum := sha256.Sum256([]byte(policy))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+extension)
}

// Get gives the record of the policy at a path, nil where there is none.
func (s *Store) Get(policy string) (*Record, error) {
	r, err := read(s.file(policy))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && r.Policy != policy:
		err = fmt.Errorf("is about %s", r.Policy)
	}
	if err != nil {
		return nil, fmt.Errorf("the record of what was trusted: %s: %w", s.file(policy), err)
	}
	return r, nil
}

func read(file string) (*Record, error) {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() { // to open a pipe would be to wait
		return nil, errors.New("is not a file")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	switch err := json.Unmarshal(b, r); {
	case err != nil:
		return nil, fmt.Errorf("is damaged: %w", err)
	case r.Version != 1:
		return nil, fmt.Errorf("is of version %d, which this agentguard does not know", r.Version)
	}
	return r, nil
}

// Put keeps a record in the place of an older one, whole or not at all.
func (s *Store) Put(r Record) error {
	r.Version = 1
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.put(s.file(r.Policy), b); err != nil {
		return fmt.Errorf("the record of what is trusted: %w", err)
	}
	return nil
}

func (s *Store) put(file string, b []byte) error {
	root, err := private.Dir(s.dir)
	if err != nil {
		return err
	}
	root.Close()
	f, err := os.CreateTemp(s.dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Remove forgets the policy at a path. One that is not there is fs.ErrNotExist.
func (s *Store) Remove(policy string) error { return os.Remove(s.file(policy)) }

// List gives all records by path. What cannot be read is an error beside those that can.
func (s *Store) List() ([]Record, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []Record
	errs := []error{err}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), extension) {
			continue
		}
		file := filepath.Join(s.dir, e.Name())
		r, err := read(file)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
			continue
		}
		out = append(out, *r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Policy < out[j].Policy })
	return out, errors.Join(errs...)
}
