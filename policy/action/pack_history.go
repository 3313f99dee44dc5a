package action

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"errors"
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

// update is the move of a branch from one commit to another.
type update struct {
	old, new string
	proven   bool // the new commit descends from the old
	within   bool // or it was seen not to: no way leads out of the pack
	missed   bool // some of the pack was not read
}

// reason says why an update counts as forced, "" where it does not.
func (u *update) reason() string {
	switch {
	case u.proven:
		return ""
	case u.within:
		return "the history of the new commit does not hold the old one"
	case u.missed:
		return "the pack holds more than is read of one, and that does not prove a fast-forward"
	}
	return "the commits of the push do not lead from the new one to the old one; " +
		"what the server already has is not looked at"
}

// history is the commits of a pack and their parents.
type history struct {
	index   map[[20]byte]int32 // of nodes
	nodes   []commitNode
	parents []int32    // of all nodes
	texts   []text     // in the order of the pack
	kept    int        // bytes of texts
	dropped int        // texts whose bytes were let go
	shallow [][20]byte // sorted
	steps   int
	walk    int32
	missed  bool // some commit was not read
	full    bool // no more are taken
}

// commitNode is a commit, or an id that a commit names.
type commitNode struct {
	first, count int32 // its parents
	text         int32 // 1 + its text; 0 is a commit that the pack does not hold
	seen         int32 // the last walk that came by
}

// text is what a commit at a place of the pack holds; nil when it was let go.
type text struct {
	at    int64
	bytes []byte
}

func newHistory(shallow []string) *history {
	h := &history{index: map[[20]byte]int32{}}
	for _, s := range shallow {
		if id, ok := parseID(s); ok {
			h.shallow = append(h.shallow, id)
		}
	}
	sort.Slice(h.shallow, func(i, j int) bool { return compareIDs(h.shallow[i], h.shallow[j]) < 0 })
	return h
}

func compareIDs(a, b [20]byte) int { return slices.Compare(a[:], b[:]) }

func parseID[T string | []byte](s T) (id [20]byte, ok bool) {
	if len(s) != 40 {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// textAt gives the commit at an offset of the pack: false where there is none, nil where its bytes were let go.
func (h *history) textAt(offset int64) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(h.texts, offset, func(t text, at int64) int { return cmp.Compare(t.at, at) })
	if !ok {
		return nil, false
	}
	return h.texts[i].bytes, true
}

// textOf gives the commit with an id.
func (h *history) textOf(id [20]byte) ([]byte, bool) {
	i, ok := h.index[id]
	if !ok || h.nodes[i].text == 0 {
		return nil, false
	}
	return h.texts[h.nodes[i].text-1].bytes, true
}

// add takes a commit under the id that its bytes have.
func (h *history) add(at int64, commit []byte) error {
	parents, err := readParents(commit)
	if err != nil {
		return err
	}
	if len(h.texts) >= maxCommits || len(h.nodes)+len(parents) >= maxCommits ||
		len(h.parents)+len(parents) > 2*maxCommits {
		h.full, h.missed = true, true
		return nil
	}
	h.keep(at, commit)
	id := commitID(commit)
	i := h.node(id)
	if h.nodes[i].text != 0 {
		return nil // again
	}
	h.nodes[i].text = int32(len(h.texts))
	if _, cut := slices.BinarySearchFunc(h.shallow, id, compareIDs); cut {
		return nil // the server may take it for one without parents, too
	}
	first := int32(len(h.parents))
	for _, p := range parents {
		h.parents = append(h.parents, h.node(p))
	}
	h.nodes[i].first, h.nodes[i].count = first, int32(len(parents))
	return nil
}

// keep holds the bytes of a commit as long as there is room for them; the oldest go first.
func (h *history) keep(at int64, commit []byte) {
	h.texts = append(h.texts, text{at, slices.Clone(commit)})
	for h.kept += len(commit); h.kept > maxTexts; h.dropped++ {
		h.kept -= len(h.texts[h.dropped].bytes)
		h.texts[h.dropped].bytes = nil
	}
}

func (h *history) node(id [20]byte) int32 {
	i, ok := h.index[id]
	if !ok {
		i = int32(len(h.nodes))
		h.index[id] = i
		h.nodes = append(h.nodes, commitNode{})
	}
	return i
}

func commitID(commit []byte) (id [20]byte) {
	sum := sha1.New()
	sum.Write(strconv.AppendInt([]byte("commit "), int64(len(commit)), 10))
	sum.Write([]byte{0})
	sum.Write(commit)
	sum.Sum(id[:0])
	return id
}

// readParents reads them as git does (commit.c, parse_commit_buffer): one tree, then the parents, nothing between.
func readParents(commit []byte) (parents [][20]byte, err error) {
	_, rest, ok := header(commit, "tree ")
	if !ok {
		return nil, errors.New("a commit without a tree")
	}
	for len(rest) >= len("parent ") && string(rest[:len("parent ")]) == "parent " {
		var id [20]byte
		if id, rest, ok = header(rest, "parent "); !ok {
			return nil, errors.New("a commit with a malformed parent")
		}
		parents = append(parents, id)
	}
	return parents, nil
}

func header(b []byte, key string) (id [20]byte, rest []byte, ok bool) {
	n := len(key) + 40
	if len(b) <= n || string(b[:len(key)]) != key || b[n] != '\n' {
		return id, nil, false
	}
	id, ok = parseID(b[len(key):n])
	return id, b[n+1:], ok
}

// judge walks from each new commit that is not yet proven towards its old one. It says whether all are decided: more of
// the pack would not change that.
func (h *history) judge(updates []update) (decided bool) {
	decided = true
	for i := range updates {
		u := &updates[i]
		if !u.proven {
			from, _ := parseID(u.new)
			to, _ := parseID(u.old)
			u.proven, u.within = h.reaches(from, to)
			u.missed = h.missed
		}
		decided = decided && (u.proven || u.within)
	}
	return decided
}

// reaches says whether the parents lead from one commit to another, and if not, whether they all end within the pack.
func (h *history) reaches(from, to [20]byte) (reaches, within bool) {
	start, ok := h.index[from]
	if from == to || !ok {
		return from == to, false
	}
	end, ok := h.index[to]
	if !ok {
		end = -1
	}
	h.walk++
	h.nodes[start].seen = h.walk
	within = true
	for todo := []int32{start}; len(todo) > 0; {
		n := h.nodes[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		within = within && n.text != 0
		if h.steps += 1 + int(n.count); h.steps > maxSteps {
			h.missed = true
			return false, false
		}
		for _, p := range h.parents[n.first : n.first+n.count] {
			if p == end {
				return true, false
			}
			if h.nodes[p].seen != h.walk {
				h.nodes[p].seen = h.walk
				todo = append(todo, p)
			}
		}
	}
	return false, within
}
