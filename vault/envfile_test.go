//go:build !windows

package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"
)

const envText = `# settings
DEBUG=1
export GITHUB_TOKEN=CANARY-0-github # the bot's

STRIPE="CANARY-0 stripe"
KEY="-----BEGIN CANARY-0
FAKE=CANARY-0
-----END"
PASS=CANARY-0pa$HOME
QUOTED='CANARY-0pa$HOME'
EMPTY=
STRIPE=CANARY-0-second
what is this CANARY-0
LAST: CANARY-0-yaml
RUN=CANARY-0$(id)
QUOTE='CANARY-0$(id)'`

func TestImportEnvFile(t *testing.T) {
	pairs, err := ImportEnvFile(strings.NewReader(envText))
	var got []string
	for _, p := range pairs {
		got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Name, p.Value.Reveal()))
	}
	want := []string{"3 GITHUB_TOKEN CANARY-0-github", "10 QUOTED CANARY-0pa$HOME", "12 STRIPE CANARY-0-second", "14 LAST CANARY-0-yaml", "16 QUOTE CANARY-0$(id)"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
	wantLines := []string{"line 2: DEBUG: the value has 1 bytes", "line 6: KEY: the value holds a line break", "line 9: PASS: holds a $", "line 13: is not NAME=value", "line 15: RUN: holds $("}
	for _, w := range wantLines {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v: lacks %q", err, w)
		}
	}
	var le *LineError
	if !errors.As(err, &le) || le.Name != "DEBUG" || le.Line != 2 || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "FAKE") {
		t.Error(err)
	}
}

// TestCommandsInEnvFile: a value with $( must be single-quoted, which is more than that its text has ='.
// A file that an editor of Windows has saved begins with a mark of its encoding, which stays and belongs to no name.
func TestEnvFileWithByteOrderMark(t *testing.T) {
	const text = "\ufeffA_KEY=CANARY-0-first\r\nB_KEY=CANARY-0-second\r\n"
	pairs, err := ImportEnvFile(strings.NewReader(text))
	if err != nil || len(pairs) != 2 || pairs[0].Name != "A_KEY" || string(pairs[0].Value.Reveal()) != "CANARY-0-first" {
		t.Errorf("%v, %v", pairs, err)
	}
	out, err := blank([]byte(text), pairs[:1])
	if want := "\ufeff" + blanked + "\r\nA_KEY=\r\nB_KEY=CANARY-0-second\r\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v", out, err)
	}
}

func TestCommandsInEnvFile(t *testing.T) {
	for line, ok := range map[string]bool{
		`K='CANARY-0$(id)'`:           true,
		`export K='CANARY-0$(id)'`:    true,
		`K='CANARY-0$(id)' # it's`:    true,
		`K=CANARY-0$(id)`:             false,
		`K=CANARY-0$(id)='`:           false,
		`K="CANARY-0$(id)='"`:         false,
		`K="CANARY-0$(id)" # not K='`: false,
		`K:a='CANARY-0$(id)'`:         false,
		`K='CANARY-0\'$(id)'`:         false,
		`A='x' K="CANARY-0$(id)"`:     false,
	} {
		pairs, err := ImportEnvFile(strings.NewReader(line + "\n"))
		kept := false
		for _, p := range pairs {
			kept = kept || strings.Contains(string(p.Value.Reveal()), "$(")
		}
		if kept != ok || !ok && (err == nil || !strings.Contains(err.Error(), "run a command")) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestSpellingsInEnvFile: what shells, docker and the readers of several languages make another value of is not guessed.
func TestSpellingsInEnvFile(t *testing.T) {
	for line, wrong := range map[string]string{
		`K='CANARY-0$w'`:         "",
		"K='CANARY-0`id`'":       "",
		`K='CANARY-0\w'`:         "",
		`K=CANARY-0$$w`:          "holds a $ that readers",
		`K="CANARY-0$w"`:         "holds a $ that readers",
		`K="CANARY-0\$w"`:        `holds a \ that readers`,
		`K=CANARY-0\w`:           `holds a \ that readers`,
		"K=CANARY-0`id`":         "run a command",
		"export K=CANARY-0; # c": "ends in a ;",
		`K="CANARY-0;"`:          "",
		`K='CANARY-0;'`:          "",
		`K=CANARY-0;b=c`:         "",
		`K="CANARY-0` + "`id`\"": "run a command",
		"\xff\xfeK\x00=\x00":     "is UTF-16",
	} {
		pairs, err := ImportEnvFile(strings.NewReader(line + "\n"))
		if wrong == "" && (err != nil || len(pairs) != 1) || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong) || len(pairs) > 0) {
			t.Errorf("%s: %v, %v", line, pairs, err)
		}
	}
}

func TestBlankEnvFile(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, ".env"), strings.ReplaceAll(envText, "EMPTY=\n", "EMPTY=\r\n"), 0o640)
	if os.Geteuid() == 0 {
		os.Chown(path, 65534, 65534)
	}
	before, _ := os.Stat(path)
	link := filepath.Join(dir, "link")
	os.Symlink(".env", link)
	if err := BlankEnvFile(link, []Pair{kept("GITHUB_TOKEN", "CANARY-0-github"), kept("STRIPE", "CANARY-0-second"),
		kept("KEY", "-----BEGIN CANARY-0\nFAKE=CANARY-0\n-----END"), kept("LAST", "CANARY-0-yaml")}); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	const c = blanked + "\n"
	want := "# settings\nDEBUG=1\n" + c + "export GITHUB_TOKEN=\n\n" + c + "STRIPE=\n" + c + "KEY=\nPASS=CANARY-0pa$HOME\nQUOTED='CANARY-0pa$HOME'\nEMPTY=\r\n" + c + "STRIPE=\nwhat is this CANARY-0\n" + c + "LAST=\nRUN=CANARY-0$(id)\nQUOTE='CANARY-0$(id)'"
	if string(b) != want {
		t.Fatalf("%s", b)
	}
	after, _ := os.Lstat(path)
	if after.Mode() != before.Mode() || fmt.Sprint(ownerOf(after)) != fmt.Sprint(ownerOf(before)) {
		t.Fatal(after.Mode(), ownerOf(after))
	}
	if l, _ := os.Lstat(link); l.Mode()&os.ModeSymlink == 0 {
		t.Fatal("the link was replaced")
	}
}

func TestBlankWhereCREndsLines(t *testing.T) {
	out, err := blank([]byte("A=CANARY-0-a\rB=CANARY-0-b\r"), []Pair{kept("A", "CANARY-0-a"), kept("B", "CANARY-0-b")})
	if want := blanked + "\nA=\n" + blanked + "\nB="; err != nil || string(out) != want {
		t.Fatalf("%q, %v", out, err)
	}
}

// What is left of a value beside its variable is told: by an editor, by a person, in a comment.
func TestCopies(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, ".env"), "# was CANARY-0-a\nA=\nB=https://me:CANARY-0-a@h/\n", 0o600)
	write(t, filepath.Join(dir, ".env.bak"), "\n\nA=CANARY-0-a\nC=CANARY-0-c\n", 0o600)
	write(t, filepath.Join(dir, ".env.swp"), "b0VIM\x00CANARY-0-c", 0o600)
	write(t, filepath.Join(dir, ".env.example"), "A=\n", 0o600)
	write(t, filepath.Join(dir, "notes"), "CANARY-0-a", 0o600)
	os.Mkdir(filepath.Join(dir, ".env.d"), 0o700)
	os.Symlink("notes", filepath.Join(dir, ".env.link"))
	want := []string{
		path + ", line 1, still holds the value of A", path + ".bak, line 3, still holds the value of A", path + ".bak, line 4, still holds the value of C",
		path + ".swp still holds the value of C",
	}
	if got := Copies(path, []Pair{kept("A", "CANARY-0-a"), kept("C", "CANARY-0-c"), {Name: "NONE"}}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := Copies(filepath.Join(dir, "none"), []Pair{kept("A", "CANARY-0-a")}); got != nil {
		t.Errorf("%q", got)
	}
}

func TestBlankEnvFileRefuses(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "other"), 0o755)
	path := write(t, filepath.Join(dir, "other", ".env"), "A=CANARY-0-a\nB='CANARY-0-b' C=CANARY-0-c\n", 0o600)
	a := []Pair{kept("A", "CANARY-0-a")}
	link := filepath.Join(dir, ".env")
	os.Symlink("other/.env", link)
	wants(t, BlankEnvFile(link, a), nil, "link out of its directory")
	wants(t, BlankEnvFile(path, []Pair{kept("NONE", "")}), nil, "no variable NONE")
	wants(t, BlankEnvFile(path, []Pair{kept("B", "CANARY-0-b")}), nil, "shares its line")
	wants(t, BlankEnvFile(path, []Pair{kept("A", "CANARY-0-before")}), nil, "A has another value than the one that was stored")
	os.Link(path, filepath.Join(dir, "hard"))
	wants(t, BlankEnvFile(path, a), nil, "hard links")
	wants(t, BlankEnvFile(filepath.Join(dir, "none"), a), os.ErrNotExist)
	if b, _ := os.ReadFile(path); !strings.Contains(string(b), "A=CANARY-0-a") {
		t.Fatal("a refusal wrote")
	}
}

// kept is a variable as if it had been stored.
func kept(name, text string) Pair { return Pair{Name: name, Value: Secret{&value{[]byte(text)}}} }

func FuzzEnvFile(f *testing.F) {
	f.Add(envText, "STRIPE")
	f.Add("A=\"\\$x\"\r\nB='a\nb'", "B")
	f.Fuzz(func(t *testing.T, text, name string) {
		pairs, err := ImportEnvFile(strings.NewReader(text))
		whole, parseErr := godotenv.Unmarshal(text)
		for _, p := range pairs {
			if parseErr == nil && err == nil && whole[p.Name] != string(p.Value.Reveal()) {
				t.Fatalf("%s: ours %q, godotenv's %q", p.Name, p.Value.Reveal(), whole[p.Name])
			}
			blanked, err := blank([]byte(text), []Pair{p})
			if err != nil {
				continue
			}
			again, _ := ImportEnvFile(strings.NewReader(string(blanked)))
			for _, q := range again {
				if q.Name == p.Name {
					t.Fatalf("%s is still there: %q", p.Name, blanked)
				}
			}
		}
	})
}
