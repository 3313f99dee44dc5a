package action

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"agentguard/policy/pack"
	"agentguard/policy/pack/packtest"
)

// What the pack cannot prove, the server tells: commits that it has of another branch, of an upstream, of before the
// bottom of a shallow clone. With and without a server that can leave files out.
func TestServerProves(t *testing.T) {
	for _, filter := range []string{"true", "false"} {
		g := newGitServer(t)
		g.config(t, "uploadpack.allowFilter", filter)
		w := newWorkTree(t, g)
		w.write("f", strings.Repeat("some text\n", 100))
		w.git("checkout -q -b main\nadd f\ncommit -q -m one\npush -q origin main\ncheckout -q -b feature")
		importCommits(t, w.dir, 30, "feature")
		w.git("push -q origin feature")
		g.asked = nil
		w.push("origin feature:main", push, "")
		if len(g.asked) != 2 || !strings.HasPrefix(g.asked[1], "POST /o/r.git/git-upload-pack whether a push is forced: ") {
			t.Errorf("filter %s: asked %q", filter, g.asked)
		}
		w.push("--force origin feature~3:main", forced, has)
		w.git("checkout -q -b more feature\ncommit -q --allow-empty -m more\ncheckout -q -b side feature~9\ncommit -q --allow-empty -m side\n" +
			"push -q origin more side\nmerge -q --no-ff -m merged more")
		w.push("origin side:main", push, "") // main lies below its second parent, which the pack does not hold
		w.git("push -q --force origin feature~20:main feature~10:refs/heads/b\nfetch -q origin")
		w.push("--atomic --force origin feature:main feature~25:b", forced+push, "refs/heads/b counts")
	}
}

func TestServerProvesForShallowClones(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\n" + strings.Repeat("commit -q --allow-empty -m more\n", 5) + "push -q origin main~4:refs/heads/main main:feature")
	runGit(t, filepath.Join(g.root, "o/r.git"), "symbolic-ref", "HEAD", "refs/heads/feature")
	w = newWorkTree(t, g, "--depth=1", "--no-local")
	w.git("commit -q --allow-empty -m new")
	w.push("--force origin HEAD:main", push, "") // git itself cannot tell
	w.git("checkout -q --orphan alone\ncommit -q --allow-empty -m alone")
	w.push("--force origin alone:main", forced, "does not hold the old one")
}

// A server that cannot be asked, or says something else, proves nothing.
func TestServerThatProvesNothing(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\npush -q origin main\ncommit -q --allow-empty -m two\nbranch feature\npush -q origin feature")
	on := func(method string, do func(*Reply)) func(*Question, *Reply) {
		return func(q *Question, r *Reply) {
			if q.Method == method {
				do(r)
			}
		}
	}
	body := func(b []byte) func(*Reply) { return func(r *Reply) { r.Body = b } }
	other := packtest.New()
	other.Plain(1, packtest.Commit("other", one))
	otherPack := append(append(pkt("packfile\n")[:13], appendPkt(nil, "\x01"+string(other.Done()))...), "0000"...)
	for reason, ask := range map[string]func(*Question, *Reply){
		"it answered 404":       on("GET", func(r *Reply) { r.Status = 404 }),
		"it answered 500":       on("POST", func(r *Reply) { r.Status = 500 }),
		"something else than":   on("POST", func(r *Reply) { r.Header = http.Header{"Content-Type": {"text/html"}} }),
		"does not speak":        on("GET", body(pkt("# service=git-upload-pack\n"))),
		"malformed pkt":         on("GET", body([]byte("<htm"))),
		"cut off":               on("GET", body([]byte("000eversion 2\n00"))),
		"too long":              on("POST", func(r *Reply) { r.Body = make([]byte, maxHistory+1) }),
		"holds no pack":         on("POST", body(nil)),
		`it said "not our ref"`: on("POST", body(pkt("ERR not our ref"))),
		`it said "no more"`:     on("POST", body(append(pkt("packfile\n")[:13], pkt("\x03no more")...))),
		"no pack of version 2":  on("POST", body(append(pkt("packfile\n")[:13], pkt("\x01PACKxxxxxxxxxxxx")...))),
		"or an object shorter":  on("POST", func(r *Reply) { r.Body = r.Body[:len(r.Body)/2] }),
		"neither does what":     on("POST", body(otherPack)),
		"its answer: an object ": on("POST", func(r *Reply) {
			r.Body = bytes.Replace(r.Body, []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"), []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x00"), 1)
		}),
	} {
		g.lets(ask, false)
		w.push("origin feature:main", forced, reason)
		w.git("push -q --force origin main~1:main")
	}
	g.lets(nil, true)
	w.push("origin feature:main", forced, "what the server already has is not looked at")
}

// However an answer is cut off, it proves an update or it does not, and only by commits that it holds whole.
func TestAnswersCutOff(t *testing.T) {
	old, first := two, packtest.Commit("first", two)
	second := packtest.Commit("second", packtest.ID(first))
	p := packtest.New()
	p.Plain(1, second)
	p.Plain(1, first)
	whole := append(append(pkt("packfile\n")[:13], appendPkt(nil, "\x01"+string(p.Done()))...), "0000"...)
	proven := 0
	for n := range len(whole) + 1 {
		u := askedAbout(old, packtest.ID(second), whole[:n])
		if u.Reason() == "" {
			proven++
		} else if u.Asked == "" {
			t.Errorf("%d bytes: %+v", n, u)
		}
	}
	if proven == 0 || proven > 60 { // the checksum and the flush, which prove nothing
		t.Errorf("proven at %d of %d lengths", proven, len(whole))
	}
}

// askedAbout resolves a push of commits that the server has, with a given answer of the server.
func askedAbout(old, new string, answer []byte) pack.Update {
	path, _ := ParsePath("/o/r.git/git-receive-pack", true)
	r := &Request{Path: path, Ask: func(q *Question) (*Reply, error) {
		if q.Method == http.MethodGet {
			return &Reply{200, http.Header{"Content-Type": {"application/x-git-upload-pack-advertisement"}}, pkt("version 2\n", "fetch=filter\n")}, nil
		}
		return &Reply{200, http.Header{"Content-Type": {"application/x-git-upload-pack-result"}}, bytes.Clone(answer)}, nil
	}}
	u := []pack.Update{{Old: old, New: new}}
	h := pack.NewHistory(20, nil)
	h.Judge(u)
	(&resolver{request: r, history: h}).resolve(u)
	return u[0]
}

// The server is asked once for each old commit, of all that are open there, and not without end.
func TestQuestionsAreBounded(t *testing.T) {
	var commands []string
	for i := range 40 {
		commands = append(commands, fmt.Sprintf("%040x %040x refs/heads/b%d", 1+i/2, 1000+i, i))
	}
	commands[0] += "\x00report-status"
	p := packtest.New()
	body := append(pkt(commands...), p.Done()...)
	q := gitRequest(pushRequest(), body)
	asked := 0
	q.Ask = func(q *Question) (*Reply, error) {
		if q.Method == http.MethodGet {
			return &Reply{200, http.Header{"Content-Type": {"application/x-git-upload-pack-advertisement"}}, pkt("version 2\n", "fetch=shallow\n")}, nil
		}
		asked++
		if want := fmt.Sprintf("0011command=fetch0001000fno-progress0031want %040x0031want %040x0031have %040x0008done0000", 998+2*asked, 999+2*asked, asked); string(q.Body) != want {
			t.Errorf("asked %q\nwant %q", q.Body, want)
		}
		return nil, io.ErrUnexpectedEOF
	}
	if m := settled(q); asked != maxQuestions || strings.Count(spell(m), "force_push") != 40 || !strings.Contains(m.Reason, "unexpected EOF") {
		t.Errorf("asked %d times: %s, %s", asked, spell(m), m.Reason)
	}
}

func FuzzAnswer(f *testing.F) {
	a := packtest.Commit("a", two)
	p := packtest.New()
	p.Ofs(p.Plain(1, a), packtest.Delta(a, packtest.Commit("b", packtest.ID(a))))
	f.Add(pkt("packfile\n", "\x01"+string(p.Done())))
	f.Add(pkt("acknowledgments\n", "ready\n"))
	f.Add([]byte("0001000dpackfile\n0005\x02"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		// Nobody knows bytes with these ids, so no answer leads from one to the other.
		if u := askedAbout(strings.Repeat("4", 40), strings.Repeat("5", 40), answer); u.Reason() == "" {
			t.Fatal("proven")
		}
		canFilter(answer)
	})
}
