package pack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"agentguard/policy/pack/packtest"
)

const (
	one = "1111111111111111111111111111111111111111"
	two = "2222222222222222222222222222222222222222"
)

func judgePack(pack []byte, shallow []string, old, new string) (Update, error) {
	u := []Update{{Old: old, New: new}}
	err := NewHistory(len(old)/2, shallow).Read(bytes.NewReader(pack), u)
	return u[0], err
}

func TestPackProves(t *testing.T) {
	a := packtest.Commit("a", two)
	b := packtest.Commit("b", packtest.ID(a))
	c := packtest.Commit("c", strings.Repeat("3", 40), packtest.ID(b))
	root := packtest.Commit("root")
	evil := "tree " + one + "\nauthor parent " + two + "\n\nparent " + two + "\n"
	for name, x := range map[string]struct {
		make    func(p *packtest.Writer)
		shallow []string
		new     string
		reason  string
	}{
		"one commit":   {func(p *packtest.Writer) { p.Plain(1, a) }, nil, packtest.ID(a), ""},
		"newest first": {func(p *packtest.Writer) { p.Plain(1, c); p.Plain(1, b); p.Plain(1, a); p.Plain(3, "x") }, nil, packtest.ID(c), ""},
		"oldest first": {func(p *packtest.Writer) {
			p.Plain(3, "x")
			p.Plain(1, a)
			p.Plain(1, b)
			p.Plain(3, "y")
			p.Plain(1, c)
		}, nil, packtest.ID(c), ""},
		"delta by offset": {func(p *packtest.Writer) { p.Ofs(p.Plain(1, c), packtest.Delta(c, a)); p.Plain(1, b) }, nil, packtest.ID(c), ""},
		"chain of deltas": {func(p *packtest.Writer) { p.Ofs(p.Ofs(p.Plain(1, c), packtest.Delta(c, b)), packtest.Delta(b, a)) }, nil, packtest.ID(c), ""},
		"delta by id": {func(p *packtest.Writer) {
			p.Plain(1, c)
			p.Ref(packtest.ID(c), packtest.Delta(c, b))
			p.Ref(packtest.ID(b), packtest.Delta(b, a))
		}, nil, packtest.ID(c), ""},
		"twice":                         {func(p *packtest.Writer) { p.Plain(1, a); p.Plain(1, a); p.Plain(1, b) }, nil, packtest.ID(b), ""},
		"a hole":                        {func(p *packtest.Writer) { p.Plain(1, a); p.Plain(1, c) }, nil, packtest.ID(c), "do not lead"},
		"nothing":                       {func(p *packtest.Writer) {}, nil, packtest.ID(c), "do not lead"},
		"the old commit alone":          {func(p *packtest.Writer) { p.Plain(1, root) }, nil, packtest.ID(a), "do not lead"},
		"no move":                       {func(p *packtest.Writer) {}, nil, two, ""},
		"no move, named":                {func(p *packtest.Writer) { p.Plain(1, a) }, nil, two, ""},
		"a delta of a parent elsewhere": {func(p *packtest.Writer) { p.Plain(1, c); p.Ref(packtest.ID(b), packtest.Delta(b, a)) }, nil, packtest.ID(c), "do not lead"},
		"another root":                  {func(p *packtest.Writer) { p.Plain(1, root); p.Plain(1, a) }, nil, packtest.ID(root), "does not hold the old"},
		"a parent elsewhere":            {func(p *packtest.Writer) { p.Plain(1, evil) }, nil, packtest.ID(evil), "does not hold the old"},
		"a blob that says so":           {func(p *packtest.Writer) { p.Plain(3, a) }, nil, packtest.ID(a), "do not lead"},
		"a tag that says so":            {func(p *packtest.Writer) { p.Plain(4, a) }, nil, packtest.ID(a), "do not lead"},
		"a delta of a blob":             {func(p *packtest.Writer) { p.Ofs(p.Plain(3, "x"), packtest.Delta("x", a)) }, nil, packtest.ID(a), "do not lead"},
		"a delta of the server's":       {func(p *packtest.Writer) { p.Ref(packtest.ID(b), packtest.Delta(b, a)) }, nil, packtest.ID(a), "do not lead"},
		"cut by shallow":                {func(p *packtest.Writer) { p.Plain(1, c); p.Plain(1, b); p.Plain(1, a) }, []string{packtest.ID(b)}, packtest.ID(c), "do not lead"},
		"cut at its tip":                {func(p *packtest.Writer) { p.Plain(1, a) }, []string{packtest.ID(c), packtest.ID(a)}, packtest.ID(a), "do not lead"},
		"shallow at the old":            {func(p *packtest.Writer) { p.Plain(1, a) }, []string{two}, packtest.ID(a), ""},
		"a large commit": {func(p *packtest.Writer) { p.Plain(1, packtest.Commit(strings.Repeat("x", maxCommitSize), two)) }, nil,
			packtest.ID(packtest.Commit(strings.Repeat("x", maxCommitSize), two)), "more than is read"},
		"a large delta": {func(p *packtest.Writer) {
			p.Ofs(p.Plain(1, a), append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(a))), maxCommitSize+1), 1, 1))
		},
			nil, packtest.ID(c), "more than is read"},
	} {
		p := packtest.New()
		x.make(p)
		u, err := judgePack(p.Done(), x.shallow, two, x.new)
		if err != nil || (u.Reason() == "") != (x.reason == "") || !strings.Contains(u.Reason(), x.reason) {
			t.Errorf("%s: %q, %v", name, u.Reason(), err)
		}
	}
}

// A pack that is none makes the push unknown.
func TestPackRefusesWhatItCannotRead(t *testing.T) {
	a := packtest.Commit("a", two)
	made := func(do func(p *packtest.Writer)) []byte {
		p := packtest.New()
		do(p)
		return p.Done()
	}
	delta := func(b ...byte) []byte {
		return made(func(p *packtest.Writer) {
			p.Ofs(p.Plain(1, a), append(binary.AppendUvarint(nil, uint64(len(a))), b...))
		})
	}
	good := made(func(p *packtest.Writer) { p.Plain(1, a); p.Plain(3, "x") })
	flipped := bytes.Clone(good)
	flipped[30] ^= 0x10
	preset := append([]byte{}, "PACK\x00\x00\x00\x02\x00\x00\x00\x01\x31\x78\xbb\x00\x00\x00\x00"...)
	for name, c := range map[string]struct {
		pack   []byte
		reason string
	}{
		"empty":               {nil, "cut off"},
		"version 3":           {append([]byte("PACK\x00\x00\x00\x03"), good[8:]...), "version 2"},
		"push options":        {append([]byte("000bci.skip"), good...), "version 2"},
		"cut in the header":   {good[:11], "cut off"},
		"cut in an object":    {good[:40], "cut off"},
		"flipped bit":         {flipped, ""},
		"more declared":       {made(func(p *packtest.Writer) { p.Plain(1, a); p.Excess = 1 }), ""},
		"all declared":        {made(func(p *packtest.Writer) { p.Plain(1, a); p.Excess = -2 }), ""},
		"no author":           {made(func(p *packtest.Writer) { p.Plain(1, "tree "+one+"\nparent "+two+"\n") }), "without an author"},
		"no author, longer":   {made(func(p *packtest.Writer) { p.Plain(1, "tree "+one+"\nparent "+two+"\n\nauthor a") }), "without an author"},
		"type 0":              {made(func(p *packtest.Writer) { p.Plain(0, "x") }), "type 0"},
		"type 5":              {made(func(p *packtest.Writer) { p.Plain(5, "x") }), "type 5"},
		"larger than said":    {made(func(p *packtest.Writer) { p.Object(3, 5, nil, make([]byte, 1<<20)) }), "larger than declared"},
		"commit larger":       {made(func(p *packtest.Writer) { p.Object(1, 5, nil, []byte(a)) }), "larger than declared"},
		"smaller than said":   {made(func(p *packtest.Writer) { p.Object(3, 50, nil, []byte("x")) }), "shorter"},
		"commit smaller":      {made(func(p *packtest.Writer) { p.Object(1, uint64(len(a))+1, nil, []byte(a)) }), "shorter"},
		"petabytes":           {made(func(p *packtest.Writer) { p.Object(3, 1<<50, nil, []byte("x")) }), "impossible size"},
		"size of 64 bits":     {made(func(p *packtest.Writer) { p.Object(3, 1<<63, nil, []byte("x")) }), "impossible size"},
		"no zlib":             {append(append(packtest.New().Bytes()[:11], 1, 0x31), make([]byte, 40)...), "broken object"},
		"preset dictionary":   {append(preset, make([]byte, 40)...), "broken object"},
		"base in the header":  {made(func(p *packtest.Writer) { p.Back(5, packtest.Delta(a, a)) }), "impossible base"},
		"base in itself":      {made(func(p *packtest.Writer) { p.Plain(1, a); p.Back(0, packtest.Delta(a, a)) }), "impossible base"},
		"endless offset":      {made(func(p *packtest.Writer) { p.Object(6, 1, bytes.Repeat([]byte{0xff}, 20), nil) }), "impossible base"},
		"no tree":             {made(func(p *packtest.Writer) { p.Plain(1, "parent "+two+"\n\n") }), "without a tree"},
		"malformed parent":    {made(func(p *packtest.Writer) { p.Plain(1, "tree "+one+"\nparent "+two[:39]+"\n") }), "malformed parent"},
		"parent in excess":    {made(func(p *packtest.Writer) { p.Plain(1, "tree "+one+"\nparent "+two+"2\n") }), "malformed parent"},
		"another base size":   {made(func(p *packtest.Writer) { p.Ofs(p.Plain(1, a), packtest.Delta(a+"x", a)) }), "does not fit"},
		"empty delta":         {made(func(p *packtest.Writer) { p.Ofs(p.Plain(1, a), nil) }), "does not fit"},
		"endless size":        {delta(bytes.Repeat([]byte{0xff}, 20)...), "does not fit"},
		"reserved":            {delta(1, 0), "malformed delta"},
		"insert cut off":      {delta(9, 9, 'x'), "malformed delta"},
		"copy cut off":        {delta(9, 0xff, 1), "malformed delta"},
		"copy from behind":    {delta(100, 0x91, 200, 100), "malformed delta"},
		"copy of the default": {delta(100, 0x80), "malformed delta"},
		"more than declared":  {delta(1, 2, 'x', 'y'), "malformed delta"},
		"less than declared":  {delta(3, 2, 'x', 'y'), "less than"},
	} {
		u, err := judgePack(c.pack, nil, strings.Repeat("4", 40), packtest.ID(a))
		if err == nil || !strings.Contains(err.Error(), c.reason) || u.proven {
			t.Errorf("%s: %v, %+v", name, err, u)
		}
	}
}

// Once all is decided, nothing more is read: what follows cannot take a proof back.
func TestPackIsNotReadInVain(t *testing.T) {
	a, root := packtest.Commit("a", two), packtest.Commit("root")
	for _, x := range []struct{ text, reason string }{{a, ""}, {root, "does not hold the old one"}} {
		p := packtest.New()
		p.Plain(1, x.text)
		p.Plain(2, "x")
		p.Write(make([]byte, 200_000)) // no object
		r := bytes.NewReader(p.Bytes())
		u := []Update{{Old: two, New: packtest.ID(x.text)}}
		p.Excess = 9
		p.Done()
		if err := NewHistory(20, nil).Read(r, u); err != nil || u[0].Reason() != "" != (x.reason != "") || !strings.Contains(u[0].Reason(), x.reason) || r.Len() < 100_000 {
			t.Error(u, err, r.Len())
		}
	}
}

// What stands behind the objects that the header declares is not the server's to read, and not ours.
func TestPackEndsWhereItSays(t *testing.T) {
	a := packtest.Commit("a", two)
	p := packtest.New()
	p.Plain(3, "x")
	first := p.Done()
	p = packtest.New()
	p.Plain(1, a)
	for name, pack := range map[string][]byte{
		"two packs": append(bytes.Clone(first), p.Done()...),
		"fewer declared": func() []byte {
			p := packtest.New()
			p.Plain(3, "x")
			p.Plain(1, a)
			p.Excess = -1
			return p.Done()
		}(),
	} {
		if u, err := judgePack(pack, nil, two, packtest.ID(a)); err != nil || u.proven {
			t.Error(name, u, err)
		}
	}
}

// Far behind the last commit none is looked for any more.
func TestPackIsReadWhereCommitsAre(t *testing.T) {
	a := packtest.Commit("a", two)
	for _, c := range []struct {
		gap    int
		reason string
	}{{maxGap >> 1, ""}, {maxGap + 1<<16, "more than is read"}} {
		p := &packtest.Writer{Buffer: packtest.New().Buffer, Stored: true}
		for p.Len() < c.gap {
			p.Plain(3, strings.Repeat("x", 60_000))
		}
		p.Plain(1, a)
		if u, err := judgePack(p.Done(), nil, two, packtest.ID(a)); err != nil || (u.Reason() == "") != (c.reason == "") || !strings.Contains(u.Reason(), c.reason) {
			t.Error(c.gap, u.Reason(), err)
		}
	}
}

// hostile reads a pack as it is made, and watches the memory meanwhile.
type hostile struct {
	head  []byte
	chunk func() []byte
	peak  uint64
	read  int
}

func (h *hostile) Read(b []byte) (int, error) {
	if len(h.head) == 0 {
		if h.head = h.chunk(); h.head == nil {
			return 0, io.EOF
		}
	}
	if h.read++; h.read%64 == 0 {
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapInuse > h.peak+16<<20 {
			runtime.GC() // what is garbage by now a busy machine may not have taken away
			runtime.ReadMemStats(&m)
		}
		h.peak = max(h.peak, m.HeapInuse)
	}
	n := copy(b, h.head)
	h.head = h.head[n:]
	return n, nil
}

// Memory stays flat and the work bounded, however large the push: more commits than are kept, long ones, repeated ones,
// commits of many parents, small deltas that make large commits.
func TestPackInFlatMemory(t *testing.T) {
	noise := make([]byte, 3000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	large := packtest.Commit(strings.Repeat("x", maxCommitSize-1000), two)
	many := packtest.Commit("", strings.Split(strings.Repeat(two+" ", 20_000)+one, " ")...)
	parent := two
	bomb := packtest.Delta(large, large+"x")
	next := func(message string) string {
		s := packtest.Commit(message, parent)
		parent = packtest.ID(s)
		return s
	}
	zeros := &packtest.Writer{}
	zeros.Plain(3, string(make([]byte, 10<<20)))
	for name, c := range map[string]struct {
		rounds int
		make   func(p *packtest.Writer)
		want   string // "": the rest is not looked at
	}{
		"commits": {35, func(p *packtest.Writer) {
			for range 2000 {
				p.Plain(1, next("m"))
			}
		}, ""},
		"long commits": {40, func(p *packtest.Writer) {
			for range 500 {
				p.Plain(1, next(string(noise)))
			}
		}, "cut off"},
		"repeated commits": {35, func(p *packtest.Writer) {
			a := packtest.Commit("a", two)
			for range 2000 {
				p.Plain(1, a)
			}
		}, ""},
		"many parents": {3, func(p *packtest.Writer) {
			at, last := p.Plain(1, many), many
			for i := range 20 {
				at, last = p.Ofs(at, packtest.Delta(last, many+fmt.Sprint(i))), many+fmt.Sprint(i)
			}
		}, ""},
		"delta bomb": {20, func(p *packtest.Writer) {
			at := p.Plain(1, large)
			for range 20 {
				p.Ofs(at, bomb)
			}
		}, ""},
		"zip bomb": {20, func(p *packtest.Writer) { p.Write(zeros.Bytes()) }, ""},
	} {
		parent = two
		h := &hostile{head: []byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff")}
		same := strings.Contains(name, "bomb") || name == "many parents"
		var made []byte
		h.chunk = func() []byte {
			if c.rounds--; c.rounds < 0 {
				return nil
			}
			if made == nil || !same {
				p := &packtest.Writer{Stored: !same}
				c.make(p)
				made = p.Bytes()
			}
			return made
		}
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		u := []Update{{Old: strings.Repeat("4", 40), New: strings.Repeat("5", 40)}}
		all := NewHistory(20, nil)
		if strings.Contains(name, "bomb") {
			all.inflated = maxInflated - 100<<20 // the rest is as much work as the beginning
		}
		err := all.Read(h, u)
		if !u[0].Open() || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		if h.peak > before.HeapInuse+64<<20 {
			t.Errorf("%s took %d MiB", name, (h.peak-before.HeapInuse)>>20)
		}
	}
}

// Many updates over a long history: the walks are bounded.
func TestPackWalksAreBounded(t *testing.T) {
	h := NewHistory(20, nil)
	parent := two
	for i := range 20_000 {
		s := packtest.Commit("m", parent)
		if err := h.add(int64(i), []byte(s)); err != nil {
			t.Fatal(err)
		}
		parent = packtest.ID(s)
	}
	updates := make([]Update, 8000)
	for i := range updates {
		updates[i] = Update{Old: strings.Repeat("4", 40), New: parent}
	}
	h.Judge(updates)
	if h.steps > maxSteps+len(updates)*2 || updates[len(updates)-1].Reason() == "" || !updates[len(updates)-1].missed {
		t.Error(h.steps, updates[len(updates)-1])
	}
}

func FuzzPack(f *testing.F) {
	a, b := packtest.Commit("a", two), packtest.Commit("b", packtest.ID(packtest.Commit("a", two)))
	p := packtest.New()
	p.Ofs(p.Plain(1, b), packtest.Delta(b, a))
	p.Ref(packtest.ID(b), packtest.Delta(b, a))
	p.Plain(2, "x")
	f.Add(p.Done(), []byte{})
	f.Add(p.Bytes(), packtest.Delta(b, a))
	f.Add([]byte("PACK"), []byte{9, 1, 1, 'x'})
	f.Fuzz(func(t *testing.T, pack, delta []byte) {
		// Whatever the pack, nothing proves that the id 5... descends from 4...: nobody knows bytes with that id.
		if u, _ := judgePack(pack, nil, strings.Repeat("4", 40), strings.Repeat("5", 40)); u.proven {
			t.Fatal("proven")
		}
		p := packtest.New() // with a sound checksum and zlib stream, the fuzzer gets to the deltas
		p.Ofs(p.Plain(1, b), delta)
		p.Plain(1, string(delta))
		u, err := judgePack(p.Done(), nil, strings.Repeat("4", 40), packtest.ID(b))
		if u.proven && err == nil && !bytes.Contains(append(delta, b...), bytes.Repeat([]byte("4"), 40)) {
			t.Fatalf("%+v", u)
		}
	})
}

// largePack is about 130 MB of 29,000 commits, each a delta, and as many files: behind them, as git packs them, or each
// behind its own, as libgit2 does.
func largePack(b *testing.B, scattered bool) (pack []byte, tip string) {
	b.Helper()
	p := packtest.New()
	random := rand.New(rand.NewPCG(1, 2))
	file := make([]byte, 9000)
	write := func() {
		for i := range file {
			file[i] = "abcdefghijklmnop etaoin\n()*0123"[random.IntN(31)]
		}
		p.Plain(3, string(file))
	}
	text := packtest.Commit("first", two)
	at := p.Plain(1, text)
	for i := range 29_000 {
		next := packtest.Commit(fmt.Sprintf("commit %d: what it says of itself\n", i), packtest.ID(text))
		if i%50 == 0 {
			at = p.Plain(1, next)
		} else {
			at = p.Ofs(at, packtest.Delta(text, next))
		}
		if text = next; scattered {
			write()
		}
	}
	for i := 0; i < 29_000 && !scattered; i++ {
		write()
	}
	return p.Done(), packtest.ID(text)
}

// BenchmarkPack counts the bytes that are read: of a pack in git's order the commits, and some way behind them where they
// prove nothing.
func BenchmarkPack(b *testing.B) {
	for _, c := range []struct {
		name, old string
		scattered bool
	}{{"Proven", two, false}, {"Unproven", strings.Repeat("4", 40), false}, {"Scattered", strings.Repeat("4", 40), true}} {
		pack, tip := largePack(b, c.scattered)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := bytes.NewReader(pack)
				u := []Update{{Old: c.old, New: tip}}
				if err := NewHistory(20, nil).Read(r, u); err != nil || u[0].proven != (c.old == two) {
					b.Fatal(u, err)
				}
				b.SetBytes(int64(len(pack) - r.Len()))
			}
			b.ReportMetric(float64(len(pack))/1e6, "MB-whole")
		})
	}
}
