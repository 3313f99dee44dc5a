package pack

import (
	"bytes"
	"cmp"
	"crypto/sha1" // git's ids; its servers refuse the known collisions of SHA-1 themselves
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"sort"
	"strconv"
)

// The bounds of what is kept of a pack, about 20 MiB in all.
const (
	maxCommits = 1 << 16 // commits, and other ids that they name
	maxTexts   = 8 << 20 // of commits that others may be deltas of
	maxSteps   = 1 << 26 // of all walks from new commits to old ones
)

// oid is an object's id: a SHA-1, behind which zeros stand, or a SHA-256.
type oid [sha256.Size]byte

// Update is the move of a ref from one commit to another, in hexadecimal.
type Update struct {
	Old, New string
	Asked    string // what asking the server has come to, "" where it was not asked

	proven bool // the new commit descends from the old
	within bool // or it was seen not to: no way leads out of the commits that are known
	missed bool // some of the pack was not read
}

// Open says that what else there is could prove the update.
func (u *Update) Open() bool { return !u.proven && !u.within }

// Reason says why an update counts as forced, "" where it does not.
func (u *Update) Reason() string {
	switch {
	case u.proven:
		return ""
	case u.within:
		return "the history of the new commit does not hold the old one"
	case u.Asked != "":
		return "the commits of the push do not lead from the new one to the old one, and " + u.Asked
	case u.missed:
		return "the pack holds more than is read of one, and that does not prove a fast-forward"
	}
	return "the commits of the push do not lead from the new one to the old one; " +
		"what the server already has is not looked at"
}

// History is commits and their parents. It is not safe for concurrent use.
type History struct {
	width    int           // of ids, in bytes
	sum      hash.Hash     // that makes them
	room     []byte        // for it
	index    map[oid]int32 // of nodes
	nodes    []commitNode
	parents  []int32 // of all nodes
	texts    []text  // in the order of the pack
	kept     int     // bytes of texts
	dropped  int     // texts whose bytes were let go
	shallow  []oid   // sorted: commits that the client takes for ones without parents
	inflated uint64
	steps    int
	walk     int32
	missed   bool // some commit was not read
	full     bool // no more are taken
}

// commitNode is a commit, or an id that a commit names.
type commitNode struct {
	first, count int32 // its parents
	text         int32 // 1 + its text; 0 is a commit that the pack does not hold
	seen         int32 // the last walk that came by
	known        bool  // its parents are
	cut          bool  // they are not, since the client cut it off
}

// text is what a commit at a place of the pack holds; nil when it was let go.
type text struct {
	at    int64
	bytes []byte
}

// NewHistory is for ids of so many bytes. What is shallow counts as cut off, in hexadecimal.
func NewHistory(width int, shallow []string) *History {
	h := &History{width: width, sum: sha1.New(), index: map[oid]int32{}}
	if width == sha256.Size {
		h.sum = sha256.New()
	}
	for _, s := range shallow {
		if id, ok := parseID(s, width); ok {
			h.shallow = append(h.shallow, id)
		}
	}
	sort.Slice(h.shallow, func(i, j int) bool { return compareIDs(h.shallow[i], h.shallow[j]) < 0 })
	return h
}

// Unshallow has what is read next count whole, as what a server sends is that was not told of what is shallow.
func (h *History) Unshallow() { h.shallow = nil }

// nextPack forgets the texts, whose places are those of one pack.
func (h *History) nextPack() {
	for i := range h.nodes {
		h.nodes[i].text = 0
	}
	h.texts, h.kept, h.dropped = nil, 0, 0
}

func compareIDs(a, b oid) int { return bytes.Compare(a[:], b[:]) }

func parseID[T string | []byte](s T, width int) (id oid, ok bool) {
	if len(s) != 2*width {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// textAt gives the commit at an offset of the pack: false where there is none, nil where its bytes were let go.
func (h *History) textAt(offset int64) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(h.texts, offset, func(t text, at int64) int { return cmp.Compare(t.at, at) })
	if !ok {
		return nil, false
	}
	return h.texts[i].bytes, true
}

// textOf gives the commit with an id.
func (h *History) textOf(id oid) ([]byte, bool) {
	i, ok := h.index[id]
	if !ok || h.nodes[i].text == 0 {
		return nil, false
	}
	return h.texts[h.nodes[i].text-1].bytes, true
}

// add takes a commit under the id that its bytes have.
func (h *History) add(at int64, commit []byte) error {
	parents, err := readParents(commit, h.width)
	if err != nil {
		return err
	}
	if len(h.texts) >= maxCommits || len(h.nodes)+len(parents) >= maxCommits ||
		len(h.parents)+len(parents) > 2*maxCommits {
		h.full, h.missed = true, true
		return nil
	}
	h.keep(at, commit)
	id := h.idOf(commit)
	i := h.node(id)
	h.nodes[i].text = int32(len(h.texts))
	if h.nodes[i].known {
		return nil // again
	}
	if _, cut := slices.BinarySearchFunc(h.shallow, id, compareIDs); cut {
		h.nodes[i].cut = true
		return nil // the server may take it for one without parents, too
	}
	first := int32(len(h.parents))
	for _, p := range parents {
		h.parents = append(h.parents, h.node(p))
	}
	n := &h.nodes[i]
	n.first, n.count, n.known = first, int32(len(parents)), true
	return nil
}

// keep holds the bytes of a commit as long as there is room for them; the oldest go first.
func (h *History) keep(at int64, commit []byte) {
	h.texts = append(h.texts, text{at, slices.Clone(commit)})
	for h.kept += len(commit); h.kept > maxTexts; h.dropped++ {
		h.kept -= len(h.texts[h.dropped].bytes)
		h.texts[h.dropped].bytes = nil
	}
}

func (h *History) node(id oid) int32 {
	i, ok := h.index[id]
	if !ok {
		i = int32(len(h.nodes))
		h.index[id] = i
		h.nodes = append(h.nodes, commitNode{})
	}
	return i
}

func (h *History) idOf(commit []byte) (id oid) {
	h.sum.Reset()
	h.room = strconv.AppendInt(append(h.room[:0], "commit "...), int64(len(commit)), 10)
	h.sum.Write(append(h.room, 0))
	h.sum.Write(commit)
	h.room = h.sum.Sum(h.room[:0])
	copy(id[:], h.room)
	return id
}

// readParents reads them as git does (commit.c, parse_commit_buffer): one tree, then the parents, nothing between. The
// author must follow, as in every commit that git makes: on parents that end a commit its readers differ.
func readParents(commit []byte, width int) (parents []oid, err error) {
	_, rest, ok := header(commit, "tree ", width)
	if !ok {
		return nil, errors.New("a commit without a tree")
	}
	for bytes.HasPrefix(rest, []byte("parent ")) {
		var id oid
		if id, rest, ok = header(rest, "parent ", width); !ok {
			return nil, errors.New("a commit with a malformed parent")
		}
		parents = append(parents, id)
	}
	if !bytes.HasPrefix(rest, []byte("author ")) {
		return nil, errors.New("a commit without an author behind its parents")
	}
	return parents, nil
}

func header(b []byte, key string, width int) (id oid, rest []byte, ok bool) {
	n := len(key) + 2*width
	if len(b) <= n || string(b[:len(key)]) != key || b[n] != '\n' {
		return id, nil, false
	}
	id, ok = parseID(b[len(key):n], width)
	return id, b[n+1:], ok
}

// Judge walks from each new commit that is not yet proven towards its old one. It says whether all are decided: more
// commits would not change that.
func (h *History) Judge(updates []Update) (decided bool) {
	decided = true
	for i := range updates {
		u := &updates[i]
		if !u.proven {
			from, _ := parseID(u.New, h.width)
			to, _ := parseID(u.Old, h.width)
			u.proven, u.within = h.reaches(from, to)
			u.missed = h.missed
		}
		decided = decided && !u.Open()
	}
	return decided
}

// reaches says whether the parents lead from one commit to another, and if not, whether they all end within what is known.
func (h *History) reaches(from, to oid) (reaches, within bool) {
	start, ok := h.index[from]
	if from == to || !ok {
		return from == to, false
	}
	end, ok := h.index[to]
	if !ok {
		end = -1
	}
	within = true
	whole := h.visit(start, func(i int32, n *commitNode) bool {
		reaches = i == end
		within = within && n.known
		return !reaches
	})
	return reaches, whole && within
}

// Outside are the commits, at most so many, that the history of one leads to and that are known by their ids alone.
func (h *History) Outside(commit string, most int) (out []string) {
	from, ok := parseID(commit, h.width)
	if !ok {
		return nil
	}
	start, ok := h.index[from]
	if !ok {
		return []string{h.hex(from)}
	}
	missing := map[int32]bool{}
	h.visit(start, func(i int32, n *commitNode) bool {
		if !n.known && !n.cut {
			missing[i] = true
		}
		return len(missing) < most
	})
	for id, i := range h.index {
		if missing[i] {
			out = append(out, h.hex(id))
		}
	}
	slices.Sort(out)
	return out
}

func (h *History) hex(id oid) string { return hex.EncodeToString(id[:h.width]) }

// visit walks over a commit and all that it descends from until see has had enough, which it says by false. It says
// whether it came by all.
func (h *History) visit(start int32, see func(i int32, n *commitNode) bool) bool {
	h.walk++
	h.nodes[start].seen = h.walk
	for todo := []int32{start}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := &h.nodes[i]
		if h.steps += 1 + int(n.count); h.steps > maxSteps {
			h.missed = true
			return false
		}
		if !see(i, n) {
			return false
		}
		for _, p := range h.parents[n.first : n.first+n.count] {
			if h.nodes[p].seen != h.walk {
				h.nodes[p].seen = h.walk
				todo = append(todo, p)
			}
		}
	}
	return true
}
