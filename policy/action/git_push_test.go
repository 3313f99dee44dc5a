package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	push   = "push write repo:o/r; "
	forced = "push write repo:o/r; force_push write repo:o/r; "
	has    = "and neither does what the server has"
)

// workTree is a clone whose pushes a gitServer reads.
type workTree struct {
	t   *testing.T
	g   *gitServer
	dir string
}

func newWorkTree(t *testing.T, g *gitServer, clone ...string) *workTree {
	t.Helper()
	w := &workTree{t, g, filepath.Join(t.TempDir(), "w")}
	runGit(t, ".", append(append([]string{"clone", "-q"}, clone...), g.URL+"/o/r.git", w.dir)...)
	g.last()
	return w
}

// git runs commands of git, one a line.
func (w *workTree) git(script string) {
	w.t.Helper()
	for line := range strings.Lines(script) {
		runGit(w.t, w.dir, strings.Fields(line)...)
	}
	w.g.last()
}

// push runs one push and holds its last request against what it must be read as.
func (w *workTree) push(args, want, reason string) {
	w.t.Helper()
	runGit(w.t, w.dir, append([]string{"push", "-q"}, strings.Fields(args)...)...)
	got := w.g.last()
	got = got[strings.LastIndex(got, "\n")+1:]
	if want == "" && got == "" {
		return
	}
	rest, ok := strings.CutPrefix(got, "POST git-receive-pack: "+want)
	if !ok || !strings.Contains(rest, reason) || reason == "" && rest != "" {
		w.t.Errorf("push %s:\n\tgot  %s\n\twant %s%s", args, got, want, reason)
	}
}

func (w *workTree) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestPushOfBranches(t *testing.T) {
	w := newWorkTree(t, newGitServer(t))
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one")
	w.push("origin main", "create_branch write repo:o/r; ", "")
	w.git("commit -q --allow-empty -m two")
	w.push("origin main", push, "")
	w.git(strings.Repeat("commit -q --allow-empty -m more\n", 5))
	w.push("--atomic -o ci.skip origin main", push, "")
	w.git("checkout -q -b topic HEAD~3\ncommit -q --allow-empty -m side\ncheckout -q main\nmerge -q --no-ff -m merged topic")
	w.push("origin main", push, "")
	w.git("checkout -q topic\ncommit -q --allow-empty -m side2\nmerge -q --no-ff -m other main")
	w.push("origin topic:main", push, "") // main is the second parent
	w.git("checkout -q main\nmerge -q --ff-only topic\ncommit -q --amend --allow-empty -m amended")
	w.push("--force origin main", forced, has)
	w.push("origin main:keep", "create_branch write repo:o/r; ", "")
	w.push("--force origin main~1:main", forced, has)
	w.push("origin main", push, "") // a fast-forward to what the server has
	w.git("checkout -q --orphan alone\ncommit -q --allow-empty -m alone")
	w.push("--force origin alone:main", forced, "does not hold the old one")
	w.push("origin :main", "delete_branch write repo:o/r; ", "")
}

// What is neither a branch nor a tag: a new one takes nothing from anybody, and notes move forward as branches do.
func TestPushOfOtherRefs(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\nnotes add -m first\npush -q origin main")
	w.push("origin refs/notes/commits", push, "")
	w.git("commit -q --allow-empty -m two\nnotes add -m second\npush -q origin main")
	w.push("origin refs/notes/*:refs/notes/*", push, "")
	w.git("update-ref refs/notes/commits refs/notes/commits~1\nnotes add -m other")
	w.push("--force origin refs/notes/commits", forced, has)
	w.push("origin HEAD:refs/for/main", push, "")
	w.push("origin HEAD:refs/pull/7/head", push, "")
	w.push("origin :refs/pull/7/head", forced, "no tag, and stays")
	w.push("origin HEAD:refs/replace/"+one, forced, "no tag, and stays")
	w.push("origin HEAD", "", "") // up to date: nothing is posted
	w.git("commit -q --allow-empty -m three")
	w.push("origin HEAD", push, "")
	w.git("commit -q --allow-empty -m four")
	w.push("--force-with-lease origin main", push, "")
	w.git("commit -q --amend --allow-empty -m five")
	w.push("--force-with-lease origin main", forced, has)
}

// The first push of a repository, everything at once, and what is no longer there.
func TestPushOfMirrors(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\nbranch topic\ntag v1\ncommit -q --allow-empty -m two\ntag -a -m note v2")
	create := "create_branch write repo:o/r; create_branch write repo:o/r; "
	w.push("--tags origin main", "create_branch write repo:o/r; create_tag write repo:o/r; create_tag write repo:o/r; ", "")
	w.git("push -q origin :main :v1 :v2")
	w.push("--mirror origin", create+"create_tag write repo:o/r; create_tag write repo:o/r; ", "")
	w.git("branch -D topic\ncommit -q --allow-empty -m three")
	w.push("--prune origin refs/heads/*:refs/heads/*", push+"delete_branch write repo:o/r; ", "")
	w.git("tag -d v1\ncommit -q --allow-empty -m four")
	w.push("--mirror origin", push+"delete_tag write repo:o/r; "+push, "") // the last is refs/remotes/origin/main
}

func TestPushOfTags(t *testing.T) {
	w := newWorkTree(t, newGitServer(t))
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\ntag light\ntag -a -m note noted")
	w.push("origin light", "create_tag write repo:o/r; ", "")
	w.push("origin noted", "create_tag write repo:o/r; ", "")
	w.git("push -q origin main\ncommit -q --allow-empty -m two\ntag -f light\ntag -f -a -m note noted")
	w.push("--force origin light", forced, "no tag, and stays")
	w.push("--force origin noted", forced, "no tag, and stays")
	w.push("origin :noted", "delete_tag write repo:o/r; ", "")
	w.git("push -q origin main\ncommit -q --allow-empty -m three\ntag -a -m note v3")
	w.push("--follow-tags origin main", push+"create_tag write repo:o/r; create_tag write repo:o/r; ", "") // tag objects among the commits
}

// One ref that is not proven does not make the others forced, and is not hidden by them.
func TestPushOfManyRefs(t *testing.T) {
	w := newWorkTree(t, newGitServer(t))
	w.git("checkout -q -b a\ncommit -q --allow-empty -m one\nbranch b\npush -q origin a b\n" +
		"commit -q --allow-empty -m two\ncheckout -q b\ncommit -q --allow-empty --amend -m other")
	w.push("--atomic --force origin a b", push+forced, "refs/heads/b counts as push and force_push")
	w.push("--atomic --force origin a~1:a b:c :b",
		"push write repo:o/r; force_push write repo:o/r; delete_branch write repo:o/r; create_branch write repo:o/r; ", "refs/heads/a")
}

func TestPushFromShallowClone(t *testing.T) {
	g := newGitServer(t)
	w := newWorkTree(t, g)
	w.git("checkout -q -b main\n" + strings.Repeat("commit -q --allow-empty -m more\n", 4) + "push -q origin main")
	runGit(t, filepath.Join(g.root, "o/r.git"), "symbolic-ref", "HEAD", "refs/heads/main")
	w = newWorkTree(t, g, "--depth=2", "--no-local")
	w.git("commit -q --allow-empty -m new")
	w.push("origin main", push, "")
	w.git("checkout -q --orphan alone\ncommit -q --allow-empty -m alone")
	w.push("--force origin alone:main", forced, "does not hold the old one")
}

// A thin pack holds deltas of objects that the server has.
func TestPushOfThinPack(t *testing.T) {
	w := newWorkTree(t, newGitServer(t))
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d\n", i*i)
	}
	w.write("big", text.String())
	w.git("checkout -q -b main\nadd big\ncommit -q -m one\npush -q origin main")
	w.write("big", text.String()+"one more\n")
	w.git("commit -q -a -m two")
	w.push("--thin origin main", push, "")
}

// Commits that arrive as deltas of others are resolved, by offset and by id.
func TestPushOfThousandCommits(t *testing.T) {
	for _, offsets := range []string{"true", "false"} {
		g := newGitServer(t)
		g.config(t, "repack.useDeltaBaseOffset", offsets)
		w := newWorkTree(t, g)
		w.git("checkout -q -b main\ncommit -q --allow-empty -m one\npush -q origin main")
		importCommits(t, w.dir, 1000, "main")
		w.git("repack -q -a -d -f")
		w.push("origin main", push, "")
		packs, err := filepath.Glob(filepath.Join(g.root, "o/r.git/objects/pack/*.idx"))
		if err != nil || len(packs) != 1 {
			t.Fatal(packs, err)
		}
		deltas := 0
		for line := range strings.Lines(runGit(t, g.root, "verify-pack", "-v", packs[0])) {
			if f := strings.Fields(line); len(f) == 7 && f[1] == "commit" {
				deltas++
			}
		}
		if deltas < 500 {
			t.Errorf("only %d commits came as deltas: this shows nothing", deltas)
		}
		w.git("reset -q --hard HEAD~500\ncommit -q --allow-empty -m other")
		w.push("--force origin main", forced, has)
	}
}

func importCommits(t testing.TB, dir string, n int, branch string) {
	t.Helper()
	var b strings.Builder
	message := strings.Repeat("what every message of this import says\n", 10)
	for i := range n {
		fmt.Fprintf(&b, "commit refs/heads/%s\n", branch)
		fmt.Fprintf(&b, "committer a <a@example.com> %d +0000\ndata %d\n%04d\n%s\n", 1_800_000_000+i, len(message)+5, i, message)
		if i == 0 {
			fmt.Fprintf(&b, "from refs/heads/%s^0\n", branch)
		}
		fmt.Fprintf(&b, "M 100644 inline f\ndata %d\n%d\n\n", len(fmt.Sprint(i)), i)
	}
	file := filepath.Join(t.TempDir(), "import")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := "fast-import --quiet --force < " + file
	if out, err := shellGit(dir, cmd); err != nil {
		t.Fatal(err, out)
	}
	runGit(t, dir, "reset", "-q", "--hard")
}

// Git asks the same of receive-pack in all versions of its protocol, and large pushes come in chunks behind a probe.
func TestPushInEachProtocol(t *testing.T) {
	w := newWorkTree(t, newGitServer(t))
	w.git("checkout -q -b main\ncommit -q --allow-empty -m one\npush -q origin main")
	for _, version := range []string{"0", "1", "2"} {
		w.git("config protocol.version " + version + "\nconfig http.postBuffer 1\ncommit -q --allow-empty -m more")
		w.push("origin main", push, "")
	}
}

func TestPushToSHA256(t *testing.T) {
	w := newWorkTree(t, newGitServer(t, "--object-format=sha256"))
	runGit(t, w.dir, "init", "-q", "--object-format=sha256", "w")
	w.dir = filepath.Join(w.dir, "w")
	w.git("remote add origin " + w.g.URL + "/o/r.git\ncheckout -q -b main\ncommit -q --allow-empty -m one")
	w.push("origin main", "create_branch write repo:o/r; ", "")
	w.git("commit -q --allow-empty -m two")
	w.push("origin main", push, "")
	w.git("commit -q --allow-empty -m three")
	w.push("origin main:next", "create_branch write repo:o/r; ", "")
	w.push("origin main", push, "") // as the server tells
	w.git("commit -q --amend --allow-empty -m other")
	w.push("--force origin main", forced, has)
}
