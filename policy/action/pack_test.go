package action

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// packWriter makes packs, also such as git would not.
type packWriter struct {
	bytes.Buffer
	objects uint32
	z       *zlib.Writer
	count   int  // what the header declares besides the objects
	stored  bool // not compressed: faster to make
}

func newPack() *packWriter {
	p := &packWriter{}
	p.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	return p
}

// object writes one with any declared size and gives its offset.
func (p *packWriter) object(kind byte, size uint64, base, data []byte) int {
	at := p.Len()
	c := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.WriteByte(c | 0x80)
		c = byte(size & 0x7f)
	}
	p.WriteByte(c)
	p.Write(base)
	p.objects++
	if p.stored {
		n := uint16(len(data))
		p.Write(append(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16([]byte{0x78, 1, 1}, n), ^n), data...))
		binary.Write(p, binary.BigEndian, adler32.Checksum(data))
		return at
	}
	if p.z == nil {
		p.z, _ = zlib.NewWriterLevel(&p.Buffer, zlib.BestSpeed)
	}
	p.z.Reset(&p.Buffer)
	p.z.Write(data)
	p.z.Close()
	return at
}

func (p *packWriter) plain(kind byte, data string) int {
	return p.object(kind, uint64(len(data)), nil, []byte(data))
}

// ofs writes a delta of the object at an offset.
func (p *packWriter) ofs(base int, delta []byte) int {
	return p.back(p.Len()-base, delta)
}

func (p *packWriter) back(n int, delta []byte) int {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append([]byte{byte(n&0x7f) | 0x80}, b...)
	}
	return p.object(typeOfsDelta, uint64(len(delta)), b, delta)
}

func (p *packWriter) ref(base string, delta []byte) int {
	id, _ := hex.DecodeString(base)
	return p.object(typeRefDelta, uint64(len(delta)), id, delta)
}

// done ends the pack with its count and checksum.
func (p *packWriter) done() []byte {
	binary.BigEndian.PutUint32(p.Bytes()[8:], uint32(int(p.objects)+p.count))
	sum := sha1.Sum(p.Bytes())
	p.Write(sum[:])
	return p.Bytes()
}

func commitText(message string, parents ...string) string {
	s := "tree " + one + "\n"
	if len(parents) > 0 {
		s += "parent " + strings.Join(parents, "\nparent ") + "\n"
	}
	return s + "author a <a@example.com> 0 +0000\ncommitter a <a@example.com> 0 +0000\n\n" + message
}

func idOf(commit string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(commit), commit))
	return hex.EncodeToString(sum[:])
}

// deltaOf makes one text of another by copying the front and the end that they share.
func deltaOf(base, text string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(base)))
	b = binary.AppendUvarint(b, uint64(len(text)))
	front := 0
	for front < min(len(base), len(text)) && base[front] == text[front] {
		front++
	}
	end := 0
	for end < min(len(base), len(text))-front && base[len(base)-1-end] == text[len(text)-1-end] {
		end++
	}
	b = appendCopy(b, 0, front)
	for middle := text[front : len(text)-end]; middle != ""; {
		n := min(len(middle), 127)
		b = append(append(b, byte(n)), middle[:n]...)
		middle = middle[n:]
	}
	return appendCopy(b, len(base)-end, end)
}

func appendCopy(b []byte, offset, size int) []byte {
	if size == 0 {
		return b
	}
	return append(b, 0xff, byte(offset), byte(offset>>8), byte(offset>>16), byte(offset>>24), byte(size), byte(size>>8), byte(size>>16))
}

func judgePack(pack []byte, shallow []string, old, new string) (update, error) {
	u := []update{{old: old, new: new}}
	err := newHistory(len(old)/2, shallow).readPack(bytes.NewReader(pack), u)
	return u[0], err
}

func TestPackProves(t *testing.T) {
	a := commitText("a", two)
	b := commitText("b", idOf(a))
	c := commitText("c", strings.Repeat("3", 40), idOf(b))
	root := commitText("root")
	evil := "tree " + one + "\nauthor parent " + two + "\n\nparent " + two + "\n"
	for name, x := range map[string]struct {
		make    func(p *packWriter)
		shallow []string
		new     string
		reason  string
	}{
		"one commit":                    {func(p *packWriter) { p.plain(1, a) }, nil, idOf(a), ""},
		"newest first":                  {func(p *packWriter) { p.plain(1, c); p.plain(1, b); p.plain(1, a); p.plain(3, "x") }, nil, idOf(c), ""},
		"oldest first":                  {func(p *packWriter) { p.plain(3, "x"); p.plain(1, a); p.plain(1, b); p.plain(3, "y"); p.plain(1, c) }, nil, idOf(c), ""},
		"delta by offset":               {func(p *packWriter) { p.ofs(p.plain(1, c), deltaOf(c, a)); p.plain(1, b) }, nil, idOf(c), ""},
		"chain of deltas":               {func(p *packWriter) { p.ofs(p.ofs(p.plain(1, c), deltaOf(c, b)), deltaOf(b, a)) }, nil, idOf(c), ""},
		"delta by id":                   {func(p *packWriter) { p.plain(1, c); p.ref(idOf(c), deltaOf(c, b)); p.ref(idOf(b), deltaOf(b, a)) }, nil, idOf(c), ""},
		"twice":                         {func(p *packWriter) { p.plain(1, a); p.plain(1, a); p.plain(1, b) }, nil, idOf(b), ""},
		"a hole":                        {func(p *packWriter) { p.plain(1, a); p.plain(1, c) }, nil, idOf(c), "do not lead"},
		"nothing":                       {func(p *packWriter) {}, nil, idOf(c), "do not lead"},
		"the old commit alone":          {func(p *packWriter) { p.plain(1, root) }, nil, idOf(a), "do not lead"},
		"no move":                       {func(p *packWriter) {}, nil, two, ""},
		"no move, named":                {func(p *packWriter) { p.plain(1, a) }, nil, two, ""},
		"a delta of a parent elsewhere": {func(p *packWriter) { p.plain(1, c); p.ref(idOf(b), deltaOf(b, a)) }, nil, idOf(c), "do not lead"},
		"another root":                  {func(p *packWriter) { p.plain(1, root); p.plain(1, a) }, nil, idOf(root), "does not hold the old"},
		"a parent elsewhere":            {func(p *packWriter) { p.plain(1, evil) }, nil, idOf(evil), "does not hold the old"},
		"a blob that says so":           {func(p *packWriter) { p.plain(3, a) }, nil, idOf(a), "do not lead"},
		"a tag that says so":            {func(p *packWriter) { p.plain(4, a) }, nil, idOf(a), "do not lead"},
		"a delta of a blob":             {func(p *packWriter) { p.ofs(p.plain(3, "x"), deltaOf("x", a)) }, nil, idOf(a), "do not lead"},
		"a delta of the server's":       {func(p *packWriter) { p.ref(idOf(b), deltaOf(b, a)) }, nil, idOf(a), "do not lead"},
		"cut by shallow":                {func(p *packWriter) { p.plain(1, c); p.plain(1, b); p.plain(1, a) }, []string{idOf(b)}, idOf(c), "do not lead"},
		"cut at its tip":                {func(p *packWriter) { p.plain(1, a) }, []string{idOf(c), idOf(a)}, idOf(a), "do not lead"},
		"shallow at the old":            {func(p *packWriter) { p.plain(1, a) }, []string{two}, idOf(a), ""},
		"a large commit": {func(p *packWriter) { p.plain(1, commitText(strings.Repeat("x", maxCommitSize), two)) }, nil,
			idOf(commitText(strings.Repeat("x", maxCommitSize), two)), "more than is read"},
		"a large delta": {func(p *packWriter) {
			p.ofs(p.plain(1, a), append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(a))), maxCommitSize+1), 1, 1))
		},
			nil, idOf(c), "more than is read"},
	} {
		p := newPack()
		x.make(p)
		u, err := judgePack(p.done(), x.shallow, two, x.new)
		if err != nil || (u.reason() == "") != (x.reason == "") || !strings.Contains(u.reason(), x.reason) {
			t.Errorf("%s: %q, %v", name, u.reason(), err)
		}
	}
}

// A pack that is none makes the push unknown.
func TestPackRefusesWhatItCannotRead(t *testing.T) {
	a := commitText("a", two)
	made := func(do func(p *packWriter)) []byte {
		p := newPack()
		do(p)
		return p.done()
	}
	delta := func(b ...byte) []byte {
		return made(func(p *packWriter) { p.ofs(p.plain(1, a), append(binary.AppendUvarint(nil, uint64(len(a))), b...)) })
	}
	good := made(func(p *packWriter) { p.plain(1, a); p.plain(3, "x") })
	flipped := bytes.Clone(good)
	flipped[30] ^= 0x10
	preset := append([]byte{}, "PACK\x00\x00\x00\x02\x00\x00\x00\x01\x31\x78\xbb\x00\x00\x00\x00"...)
	for name, c := range map[string]struct {
		pack   []byte
		reason string
	}{
		"empty":               {nil, "cut off"},
		"version 3":           {append([]byte("PACK\x00\x00\x00\x03"), good[8:]...), "version 2"},
		"push options":        {append(pkt("ci.skip"), good...), "version 2"},
		"cut in the header":   {good[:11], "cut off"},
		"cut in an object":    {good[:40], "cut off"},
		"flipped bit":         {flipped, ""},
		"more declared":       {made(func(p *packWriter) { p.plain(1, a); p.count = 1 }), ""},
		"all declared":        {made(func(p *packWriter) { p.plain(1, a); p.count = -2 }), ""},
		"no author":           {made(func(p *packWriter) { p.plain(1, "tree "+one+"\nparent "+two+"\n") }), "without an author"},
		"no author, longer":   {made(func(p *packWriter) { p.plain(1, "tree "+one+"\nparent "+two+"\n\nauthor a") }), "without an author"},
		"type 0":              {made(func(p *packWriter) { p.plain(0, "x") }), "type 0"},
		"type 5":              {made(func(p *packWriter) { p.plain(5, "x") }), "type 5"},
		"larger than said":    {made(func(p *packWriter) { p.object(3, 5, nil, make([]byte, 1<<20)) }), "larger than declared"},
		"commit larger":       {made(func(p *packWriter) { p.object(1, 5, nil, []byte(a)) }), "larger than declared"},
		"smaller than said":   {made(func(p *packWriter) { p.object(3, 50, nil, []byte("x")) }), "shorter"},
		"commit smaller":      {made(func(p *packWriter) { p.object(1, uint64(len(a))+1, nil, []byte(a)) }), "shorter"},
		"petabytes":           {made(func(p *packWriter) { p.object(3, 1<<50, nil, []byte("x")) }), "impossible size"},
		"size of 64 bits":     {made(func(p *packWriter) { p.object(3, 1<<63, nil, []byte("x")) }), "impossible size"},
		"no zlib":             {append(append(newPack().Bytes()[:11], 1, 0x31), make([]byte, 40)...), "broken object"},
		"preset dictionary":   {append(preset, make([]byte, 40)...), "broken object"},
		"base in the header":  {made(func(p *packWriter) { p.back(5, deltaOf(a, a)) }), "impossible base"},
		"base in itself":      {made(func(p *packWriter) { p.plain(1, a); p.back(0, deltaOf(a, a)) }), "impossible base"},
		"endless offset":      {made(func(p *packWriter) { p.object(6, 1, bytes.Repeat([]byte{0xff}, 20), nil) }), "impossible base"},
		"no tree":             {made(func(p *packWriter) { p.plain(1, "parent "+two+"\n\n") }), "without a tree"},
		"malformed parent":    {made(func(p *packWriter) { p.plain(1, "tree "+one+"\nparent "+two[:39]+"\n") }), "malformed parent"},
		"parent in excess":    {made(func(p *packWriter) { p.plain(1, "tree "+one+"\nparent "+two+"2\n") }), "malformed parent"},
		"another base size":   {made(func(p *packWriter) { p.ofs(p.plain(1, a), deltaOf(a+"x", a)) }), "does not fit"},
		"empty delta":         {made(func(p *packWriter) { p.ofs(p.plain(1, a), nil) }), "does not fit"},
		"endless size":        {delta(bytes.Repeat([]byte{0xff}, 20)...), "does not fit"},
		"reserved":            {delta(1, 0), "malformed delta"},
		"insert cut off":      {delta(9, 9, 'x'), "malformed delta"},
		"copy cut off":        {delta(9, 0xff, 1), "malformed delta"},
		"copy from behind":    {delta(100, 0x91, 200, 100), "malformed delta"},
		"copy of the default": {delta(100, 0x80), "malformed delta"},
		"more than declared":  {delta(1, 2, 'x', 'y'), "malformed delta"},
		"less than declared":  {delta(3, 2, 'x', 'y'), "less than"},
	} {
		u, err := judgePack(c.pack, nil, strings.Repeat("4", 40), idOf(a))
		if err == nil || !strings.Contains(err.Error(), c.reason) || u.proven {
			t.Errorf("%s: %v, %+v", name, err, u)
		}
	}
}

// Once all is decided, nothing more is read: what follows cannot take a proof back.
func TestPackIsNotReadInVain(t *testing.T) {
	a, root := commitText("a", two), commitText("root")
	for _, x := range []struct{ text, reason string }{{a, ""}, {root, "does not hold the old one"}} {
		p := newPack()
		p.plain(1, x.text)
		p.plain(2, "x")
		p.Write(make([]byte, 200_000)) // no object
		r := bytes.NewReader(p.Bytes())
		u := []update{{old: two, new: idOf(x.text)}}
		p.count = 9
		p.done()
		if err := newHistory(20, nil).readPack(r, u); err != nil || u[0].reason() != "" != (x.reason != "") || !strings.Contains(u[0].reason(), x.reason) || r.Len() < 100_000 {
			t.Error(u, err, r.Len())
		}
	}
}

// What stands behind the objects that the header declares is not the server's to read, and not ours.
func TestPackEndsWhereItSays(t *testing.T) {
	a := commitText("a", two)
	p := newPack()
	p.plain(3, "x")
	first := p.done()
	p = newPack()
	p.plain(1, a)
	for name, pack := range map[string][]byte{
		"two packs": append(bytes.Clone(first), p.done()...),
		"fewer declared": func() []byte {
			p := newPack()
			p.plain(3, "x")
			p.plain(1, a)
			p.count = -1
			return p.done()
		}(),
	} {
		if u, err := judgePack(pack, nil, two, idOf(a)); err != nil || u.proven {
			t.Error(name, u, err)
		}
	}
}

// Far behind the last commit none is looked for any more.
func TestPackIsReadWhereCommitsAre(t *testing.T) {
	a := commitText("a", two)
	for _, c := range []struct {
		gap    int
		reason string
	}{{maxGap >> 1, ""}, {maxGap + 1<<16, "more than is read"}} {
		p := &packWriter{Buffer: newPack().Buffer, stored: true}
		for p.Len() < c.gap {
			p.plain(3, strings.Repeat("x", 60_000))
		}
		p.plain(1, a)
		if u, err := judgePack(p.done(), nil, two, idOf(a)); err != nil || (u.reason() == "") != (c.reason == "") || !strings.Contains(u.reason(), c.reason) {
			t.Error(c.gap, u.reason(), err)
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
	large := commitText(strings.Repeat("x", maxCommitSize-1000), two)
	many := commitText("", strings.Split(strings.Repeat(two+" ", 20_000)+one, " ")...)
	parent := two
	bomb := deltaOf(large, large+"x")
	next := func(message string) string {
		s := commitText(message, parent)
		parent = idOf(s)
		return s
	}
	zeros := &packWriter{}
	zeros.plain(3, string(make([]byte, 10<<20)))
	for name, c := range map[string]struct {
		rounds int
		make   func(p *packWriter)
		want   string // "": the rest is not looked at
	}{
		"commits": {35, func(p *packWriter) {
			for range 2000 {
				p.plain(1, next("m"))
			}
		}, ""},
		"long commits": {40, func(p *packWriter) {
			for range 500 {
				p.plain(1, next(string(noise)))
			}
		}, "cut off"},
		"repeated commits": {35, func(p *packWriter) {
			a := commitText("a", two)
			for range 2000 {
				p.plain(1, a)
			}
		}, ""},
		"many parents": {3, func(p *packWriter) {
			at, last := p.plain(1, many), many
			for i := range 20 {
				at, last = p.ofs(at, deltaOf(last, many+fmt.Sprint(i))), many+fmt.Sprint(i)
			}
		}, ""},
		"delta bomb": {20, func(p *packWriter) {
			at := p.plain(1, large)
			for range 20 {
				p.ofs(at, bomb)
			}
		}, ""},
		"zip bomb": {20, func(p *packWriter) { p.Write(zeros.Bytes()) }, ""},
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
				p := &packWriter{stored: !same}
				c.make(p)
				made = p.Bytes()
			}
			return made
		}
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		u := []update{{old: strings.Repeat("4", 40), new: strings.Repeat("5", 40)}}
		all := newHistory(20, nil)
		if strings.Contains(name, "bomb") {
			all.inflated = maxInflated - 100<<20 // the rest is as much work as the beginning
		}
		err := all.readPack(h, u)
		if !u[0].open() || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		if h.peak > before.HeapInuse+64<<20 {
			t.Errorf("%s took %d MiB", name, (h.peak-before.HeapInuse)>>20)
		}
	}
}

// Many updates over a long history: the walks are bounded.
func TestPackWalksAreBounded(t *testing.T) {
	h := newHistory(20, nil)
	parent := two
	for i := range 20_000 {
		s := commitText("m", parent)
		if err := h.add(int64(i), []byte(s)); err != nil {
			t.Fatal(err)
		}
		parent = idOf(s)
	}
	updates := make([]update, 8000)
	for i := range updates {
		updates[i] = update{old: strings.Repeat("4", 40), new: parent}
	}
	h.judge(updates)
	if h.steps > maxSteps+len(updates)*2 || updates[len(updates)-1].reason() == "" || !updates[len(updates)-1].missed {
		t.Error(h.steps, updates[len(updates)-1])
	}
}

func FuzzPack(f *testing.F) {
	a, b := commitText("a", two), commitText("b", idOf(commitText("a", two)))
	p := newPack()
	p.ofs(p.plain(1, b), deltaOf(b, a))
	p.ref(idOf(b), deltaOf(b, a))
	p.plain(2, "x")
	f.Add(p.done(), []byte{})
	f.Add(p.Bytes(), deltaOf(b, a))
	f.Add([]byte("PACK"), []byte{9, 1, 1, 'x'})
	f.Fuzz(func(t *testing.T, pack, delta []byte) {
		// Whatever the pack, nothing proves that the id 5... descends from 4...: nobody knows bytes with that id.
		if u, _ := judgePack(pack, nil, strings.Repeat("4", 40), strings.Repeat("5", 40)); u.proven {
			t.Fatal("proven")
		}
		p := newPack() // with a sound checksum and zlib stream, the fuzzer gets to the deltas
		p.ofs(p.plain(1, b), delta)
		p.plain(1, string(delta))
		u, err := judgePack(p.done(), nil, strings.Repeat("4", 40), idOf(b))
		if u.proven && err == nil && !bytes.Contains(append(delta, b...), bytes.Repeat([]byte("4"), 40)) {
			t.Fatalf("%+v", u)
		}
	})
}

// largePack is about 130 MB of 29,000 commits, each a delta, and as many files: behind them, as git packs them, or each
// behind its own, as libgit2 does.
func largePack(b *testing.B, scattered bool) (pack []byte, tip string) {
	b.Helper()
	p := newPack()
	random := rand.New(rand.NewPCG(1, 2))
	file := make([]byte, 9000)
	write := func() {
		for i := range file {
			file[i] = "abcdefghijklmnop etaoin\n()*0123"[random.IntN(31)]
		}
		p.plain(3, string(file))
	}
	text := commitText("first", two)
	at := p.plain(1, text)
	for i := range 29_000 {
		next := commitText(fmt.Sprintf("commit %d: what it says of itself\n", i), idOf(text))
		if i%50 == 0 {
			at = p.plain(1, next)
		} else {
			at = p.ofs(at, deltaOf(text, next))
		}
		if text = next; scattered {
			write()
		}
	}
	for i := 0; i < 29_000 && !scattered; i++ {
		write()
	}
	return p.done(), idOf(text)
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
				u := []update{{old: c.old, new: tip}}
				if err := newHistory(20, nil).readPack(r, u); err != nil || u[0].proven != (c.old == two) {
					b.Fatal(u, err)
				}
				b.SetBytes(int64(len(pack) - r.Len()))
			}
			b.ReportMetric(float64(len(pack))/1e6, "MB-whole")
		})
	}
}
