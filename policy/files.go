package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"agentguard/vault/words"
)

// File is a further file that a policy says to read. What it holds is part of what the policy says.
type File struct {
	Key  string // the key that names it: "upstream.ca"
	Path string
	Hash string // hex SHA-256 of what was read
}

// maxRoots bounds a file of certificates, maxProgram one of a command beside the policy.
const (
	maxRoots   = 4 << 20
	maxProgram = 16 << 20
)

// reader reads a file, of one that is longer than max bytes the first max+1.
type reader func(path string, max int64) ([]byte, error)

// readFile is the reader of Load. To open a pipe with a name would be to wait for whoever writes to it, who may have put it there
// for that; one without a name, as a shell makes for <(...), has its writer.
func readFile(path string, max int64) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		if _, err := filepath.EvalSymlinks(path); err == nil {
			return nil, fmt.Errorf("%s is a pipe, not a file", path)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}

// include reads the file that a key names, relative to the policy, and notes what was read. Where files are not read, it
// gives nil without an error.
func (d *draft) include(t *table, key, name string, max int64) []byte {
	if d.reader == nil {
		return nil
	}
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.file), path)
	}
	b, err := d.reader(path, max)
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s is longer than %d MiB", path, max>>20)
	}
	if err != nil {
		t.fail(key, "", "cannot be read: %v", err)
		return nil
	}
	d.policy.Files = append(d.policy.Files, File{t.path(key), path, hashOf(b)})
	return b
}

// program notes the files of a command that lie beside the policy or below: a script in the working tree is as much a part of
// what the policy does as its text. What a relative name means hangs on where agentguard is started, and the agent may be the
// one who writes there.
func (d *draft) program(t *table, key, line string) {
	argv, err := words.Split(line)
	if err != nil {
		t.fail(key, "", "is no command: %v", err)
		return
	}
	if name := filepath.ToSlash(argv[0]); strings.Contains(name, "/") && !filepath.IsAbs(argv[0]) && !strings.HasPrefix(name, "~/") {
		t.fail(key, "write its whole path, or one that begins with ~/", "names a program by the relative path %q", argv[0])
		return
	}
	here, err := filepath.Abs(filepath.Dir(d.file))
	if d.reader == nil || err != nil {
		return
	}
	noted := map[string]bool{}
	for _, path := range paths(here, argv) {
		inside, path := d.inside(here, path)
		if inside == "" || noted[inside] {
			continue
		}
		noted[inside] = true
		b, err := d.reader(path, maxProgram)
		if err == nil && len(b) > maxProgram {
			err = fmt.Errorf("it is longer than %d MiB", maxProgram>>20)
		}
		if err != nil {
			t.fail(key, "", "names %s, which cannot be read: %v", path, err)
			return
		}
		d.policy.Files = append(d.policy.Files, File{t.path(key) + " (" + inside + ")", path, hashOf(b)})
	}
}

// paths are what the words of a command may name a file by: a word as a whole, what stands behind the = of --option=FILE, and,
// since a word may be a line for a shell (sh -c "exec ./get.sh"), the words in it.
func paths(here string, argv []string) []string {
	var list []string
	for _, word := range argv {
		names := append(strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(" \t\n'\"=;&|<>()`", r) }), word)
		if _, value, ok := strings.Cut(word, "="); ok {
			names = append(names, value)
		}
		for _, name := range names {
			if path := absolute(here, name); path != "" {
				list = append(list, path)
			}
		}
	}
	return list
}

// absolute is the path of a file that is named from here or by ~/; "" where nobody knows whose home that is.
func absolute(here, name string) string {
	if rest, ok := strings.CutPrefix(filepath.ToSlash(name), "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		name = filepath.Join(home, rest)
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(here, name)
}

// inside gives what a file in the directory of the policy or below is called from there, "" where a path is not that of one, and
// where it lies. The links that lead there from elsewhere are left out: a confined child may not see them, and must not write to it.
func (d *draft) inside(here, path string) (name, file string) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", ""
	}
	base, err := filepath.EvalSymlinks(here)
	if err != nil {
		return "", ""
	}
	if name, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(name) {
		return name, filepath.Join(base, name)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", ""
	}
	dirs := []string{base}
	if itself, err := filepath.EvalSymlinks(d.file); err == nil { // the policy may be a link
		dirs = append(dirs, filepath.Dir(itself))
	}
	for _, dir := range dirs {
		if name, err := filepath.Rel(dir, target); err == nil && filepath.IsLocal(name) {
			return name, target
		}
	}
	return "", ""
}

// Changed says whether the policy's file, or one that it names, is another by now or cannot be read. A policy that came from no
// file, or from a pipe, which can be read once, has not changed.
func (p *Policy) Changed() bool {
	if info, err := os.Stat(p.Source); p.Hash == "" || err == nil && !info.Mode().IsRegular() {
		return false
	}
	for _, f := range append([]File{{Path: p.Source, Hash: p.Hash}}, p.Files...) {
		if b, err := readFile(f.Path, maxDescription); err != nil || hashOf(b) != f.Hash {
			return true
		}
	}
	return false
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
