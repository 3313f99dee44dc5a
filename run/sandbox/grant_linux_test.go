package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/fstest"
)

// tree is a file system of which Grant sees the directories; a name that ends in @ is a symbolic link.
func tree(files ...string) func(string) ([]fs.DirEntry, error) {
	m := fstest.MapFS{}
	for _, f := range files {
		name, link := strings.CutSuffix(strings.TrimPrefix(f, "/"), "@")
		mode := fs.FileMode(0o644)
		if link {
			mode |= fs.ModeSymlink
		}
		m[name] = &fstest.MapFile{Mode: mode}
	}
	return func(dir string) ([]fs.DirEntry, error) {
		name := strings.TrimPrefix(dir, "/")
		if name == "" {
			name = "."
		}
		return m.ReadDir(name)
	}
}

var smallHome = tree(
	"/bin@", "/usr/bin/sh", "/etc/passwd", "/etc/shadow", "/tmp/x",
	"/home/u/.bashrc", "/home/u/.ssh/id", "/home/u/.ssh/known_hosts", "/home/u/.config/gh/hosts.yml", "/home/u/.config/git/config", "/home/u/link@",
	"/home/u/src/app/main.go", "/home/u/src/app/.env", "/home/u/.cache/x", "/home/v/.ssh/id",
)

// The rules, as "r /path" for reading, "w" for all, "l" for listing.
func TestGrant(t *testing.T) {
	for _, c := range []struct {
		name   string
		rules  []Rule
		want   string
		frozen string
	}{
		{"nothing hidden", nil, "r /", ""},
		{"nothing hidden, something writable", []Rule{{"/tmp", Writable}, {"/home/u/src", Writable}}, "r / | w /home/u/src | w /tmp", ""},
		{"writable below writable", []Rule{{"/home/u", Writable}, {"/home/u/src", Writable}}, "r / | w /home/u | w /home/u/src", ""},
		{"read-only below writable", []Rule{{"/home/u/src", Writable}, {"/home/u/src/app", ReadOnly}}, "r / | w /home/u/src", ""},
		{"a file hidden at the top", []Rule{{"/etc/shadow", Hidden}}, "l / | l /etc | r /etc/passwd | r /home | r /tmp | r /usr", ""},
		{"home", []Rule{{"/home/u/.ssh", Hidden}, {"/home/u/.config/gh", Hidden}, {"/home/u/src/app", Writable}},
			"r /etc | l / | l /home | l /home/u | r /home/u/.bashrc | r /home/u/.cache | l /home/u/.config | r /home/u/.config/git | r /home/u/src | w /home/u/src/app | r /home/v | r /tmp | r /usr", ""},
		{"a file shown in what is hidden", []Rule{{"/home/u/.ssh", Hidden}, {"/home/u/.ssh/known_hosts", ReadOnly}, {"/home/v", Hidden}},
			"l / | r /etc | l /home | l /home/u | r /home/u/.bashrc | r /home/u/.cache | r /home/u/.config | r /home/u/.ssh/known_hosts | r /home/u/src | r /tmp | r /usr", ""},
		{"hidden in what is shown in what is hidden", []Rule{{"/home", Hidden}, {"/home/u/src", Writable}, {"/home/u/src/app/.env", Hidden}},
			"l / | r /etc | l /home/u/src | l /home/u/src/app | w /home/u/src/app/main.go | r /tmp | r /usr", "/home/u/src /home/u/src/app"},
		{"a writable home", []Rule{{"/home/u", Writable}, {"/home/u/.ssh", Hidden}, {"/home/u/.bashrc", ReadOnly}},
			"l / | r /etc | l /home | l /home/u | r /home/u/.bashrc | w /home/u/.cache | w /home/u/.config | w /home/u/src | r /home/v | r /tmp | r /usr", "/home/u"},
		{"everything hidden", []Rule{{"/", Hidden}, {"/usr/bin/sh", ReadOnly}}, "r /usr/bin/sh", ""},
		{"everything writable", []Rule{{"/", Writable}}, "w /", ""},
		{"hidden and not there", []Rule{{"/home/u/.aws", Hidden}},
			"l / | r /etc | l /home | l /home/u | r /home/u/.bashrc | r /home/u/.cache | r /home/u/.config | r /home/u/.ssh | r /home/u/src | r /home/v | r /tmp | r /usr", ""},
		{"names that begin alike", []Rule{{"/home/u/.config", Hidden}, {"/home/u/.config/git", ReadOnly}, {"/home", ReadOnly}},
			"l / | r /etc | l /home | l /home/u | r /home/u/.bashrc | r /home/u/.cache | r /home/u/.config/git | r /home/u/.ssh | r /home/u/src | r /home/v | r /tmp | r /usr", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Grant(c.rules, smallHome)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range g.Rules {
				letter := map[uint64]string{accessReadDir: "l", accessRead: "r", accessRead | accessWrite: "w"}[r.Access]
				got = append(got, letter+" "+r.Path)
			}
			want := strings.Split(c.want, " | ")
			sort.Strings(got)
			sort.Strings(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if f := strings.Join(g.Frozen, " "); f != c.frozen {
				t.Errorf("frozen %q, want %q", f, c.frozen)
			}
		})
	}
}

// Whatever the rules are: no file is granted more than its nearest rule says, and none that is there gets less, but for what
// Grant says it cannot do.
func TestGrantAgainstTheNearestRule(t *testing.T) {
	files := []string{"/a/b/c", "/a/b/d", "/a/e", "/f/g/h", "/f/i", "/j"}
	read := tree(files...)
	places := []string{"/", "/a", "/a/b", "/a/b/c", "/f", "/j"}
	views := []View{Hidden, ReadOnly, Writable}
	count := 1
	for range places {
		count *= len(views) + 1
	}
	for n := range count {
		var rules []Rule
		view := map[string]View{}
		for i, k := 0, n; i < len(places); i, k = i+1, k/(len(views)+1) {
			if v := k % (len(views) + 1); v > 0 {
				rules = append(rules, Rule{places[i], views[v-1]})
				view[places[i]] = views[v-1]
			}
		}
		g, err := Grant(rules, read)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			want := nearest(view, f)
			var got uint64
			for _, r := range g.Rules {
				if within(f, r.Path) {
					got |= r.Access
				}
			}
			mayRead, mayWrite := got&accessReadFile != 0, got&accessWriteFile != 0
			overruled := want == ReadOnly && mayWrite && writableAbove(view, f)
			if mayRead != (want != Hidden) || mayWrite != (want == Writable) && !overruled {
				t.Fatalf("%s under %v: read %v, write %v\n%v", f, rules, mayRead, mayWrite, g.Rules)
			}
		}
	}
}

func nearest(view map[string]View, file string) View {
	for p := file; ; p = path.Dir(p) {
		if v, ok := view[p]; ok {
			return v
		}
		if p == "/" {
			return ReadOnly
		}
	}
}

func writableAbove(view map[string]View, file string) bool {
	for p := path.Dir(file); ; p = path.Dir(p) {
		if view[p] == Writable {
			return true
		}
		if p == "/" {
			return false
		}
	}
}

func TestGrantIsBounded(t *testing.T) {
	var files []string
	for i := range maxGrants + 5 {
		files = append(files, fmt.Sprintf("/d/%d", i))
	}
	if g, err := Grant([]Rule{{"/d/0", Hidden}}, tree(files...)); err == nil || len(g.Rules) != 0 || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("%d rules, %v", len(g.Rules), err)
	}
	if g, err := Grant([]Rule{{"/e", Hidden}}, tree(files...)); err != nil || len(g.Rules) != 2 {
		t.Errorf("beside a large directory: %d rules, %v", len(g.Rules), err)
	}
}

// What cannot be listed grants what rules name, and no more.
func TestGrantWhereADirectoryCannotBeListed(t *testing.T) {
	closed := func(dir string) ([]fs.DirEntry, error) {
		if dir == "/home" {
			return nil, errors.New("permission denied")
		}
		return smallHome(dir)
	}
	g, err := Grant([]Rule{{"/home/u/.ssh", Hidden}, {"/home/u/src", Writable}}, closed)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(g.Rules)
	if !strings.Contains(text, "/home/u/.cache") || !strings.Contains(text, "/home/u/src") || strings.Contains(text, "/home/v") || strings.Contains(text, ".ssh") {
		t.Error(text)
	}
}
