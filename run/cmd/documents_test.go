package cmd_test

import (
	"go/ast"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"agentguard/run/cmd"
)

// documents are the texts for people, by their path from the top of the repository, but for those of examples/, which
// TestExampleFiles reads.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != repository && (strings.HasPrefix(name, ".") && name != ".." || name == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(repository, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "SECURITY.md", "policy/README.md", "vault/README.md", "proxy/README.md", "run/README.md", "run/sandbox/README.md", "run/audit/README.md"} {
		if found[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	return found
}

var (
	fenced  = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	inline  = regexp.MustCompile("`agentguard ([^`]+)`")
)

// TestDocumentsLinks: each link within the repository leads to a file, and to a heading of it.
func TestDocumentsLinks(t *testing.T) {
	texts := documents(t)
	for name, text := range texts {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			to, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := name
			if to != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), to))
			}
			if _, err := os.Stat(filepath.Join(repository, target)); err != nil {
				t.Errorf("%s: (%s) leads nowhere", name, m[1])
			} else if anchor != "" && !hasHeading(texts[target], anchor) {
				t.Errorf("%s: (%s): %s has no such heading", name, m[1], target)
			}
		}
	}
}

// hasHeading says whether the text has a heading with the anchor that GitHub gives it.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		plain := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(plain, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// TestDocumentsCommands: the program takes each command line that a document shows, in a block for a shell or in a sentence.
func TestDocumentsCommands(t *testing.T) {
	tried, lines := map[string]bool{}, 0
	for name, text := range documents(t) {
		var shown []string
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			if m[1] == "sh" || m[1] == "yaml" {
				shown = append(shown, strings.Split(m[2], "\n")...)
			}
		}
		for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			shown = append(shown, "agentguard "+m[1])
		}
		for _, line := range shown {
			_, line, piped := strings.Cut("| "+line, "| ")
			if args := commandIn(line); piped && args != nil {
				lines++
				understands(t, name, args, tried)
			}
		}
	}
	if lines < 60 {
		t.Errorf("found %d command lines: are they written in another way?", lines)
	}
}

// TestDocumentsPolicies: each policy that a document shows is right, and so is each part of one, with what it lacks added;
// cases hold for the document's first policy.
func TestDocumentsPolicies(t *testing.T) {
	policies, parts := 0, 0
	for name, text := range documents(t) {
		dir := t.TempDir()
		write := func(file, content string) string {
			path := filepath.Join(dir, file)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		write("crm.yaml", "openapi: 3.0.0\nservers:\n- url: https://crm.example.com\npaths:\n  /customers:\n    get:\n      operationId: list\n")
		first := ""
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			if m[1] != "toml" {
				continue
			}
			what := []string{"policy", "check", filepath.Join(dir, "part.toml")}
			switch block := m[2]; {
			case strings.Contains(block, "[[case]]"):
				write("agentguard.toml", first)
				what = []string{"policy", "test", write("agentguard.test.toml", block)}
			case strings.HasPrefix(block, "version = 1"):
				policies++
				write("part.toml", block)
				if first == "" {
					first = block
				}
			default:
				parts++
				write("part.toml", completed(block))
			}
			out, err := exec.Command("agentguard", what...).CombinedOutput()
			if err != nil || strings.HasPrefix(m[2], "version = 1") && strings.Contains(string(out), "warning") {
				t.Errorf("%s: %v\n%s\n%s", name, err, out, m[2])
			}
		}
	}
	if policies < 2 || parts < 4 {
		t.Errorf("found %d policies and %d parts of one", policies, parts)
	}
}

var credentialOf = regexp.MustCompile(`service\s*= "(\w+)"\ncredential = "([\w-]+)"`)

// completed is a part of a policy with an agent, and the credentials that its rules name.
func completed(part string) string {
	whole := "version = 1\n[agent]\nname = \"a\"\n"
	for _, m := range credentialOf.FindAllStringSubmatch(part, -1) {
		whole += "[credential." + m[2] + "]\nfrom = \"env:SOME_KEY\"\nservice = \"" + m[1] + "\"\n"
	}
	return whole + part
}

var named = regexp.MustCompile("agentguard((?: policy| vault| audit) [a-z-]+)|`agentguard( [a-z-]+)")

// TestTextsNameCommands: a hint, and whatever else the program prints, names only commands that there are.
func TestTextsNameCommands(t *testing.T) {
	there := map[string]bool{" policy": true, " vault": true, " audit": true}
	for _, c := range cmd.LeafCommands() {
		there[strings.Join(append([]string{""}, c.Path...), " ")] = true
	}
	found := 0
	eachFile(t, func(_, file string, f *ast.File) {
		var look func(ast.Node) bool
		look = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CaseClause: // what it compares with is what somebody may have typed by mistake
				for _, statement := range n.Body {
					ast.Inspect(statement, look)
				}
				return false
			case *ast.BasicLit:
				text, _ := strconv.Unquote(n.Value)
				for _, m := range named.FindAllStringSubmatch(text, -1) {
					if found++; !there[m[1]+m[2]] {
						t.Errorf("%s: %q names no command", file, m[0])
					}
				}
			}
			return true
		}
		ast.Inspect(f, look)
	})
	if found < 30 {
		t.Errorf("found %d names of commands", found)
	}
}

// TestDocumentsKeys: policy/README.md names each key of each table, and no other. An unknown key has the program list those
// that it knows.
func TestDocumentsKeys(t *testing.T) {
	_, tables, _ := strings.Cut(documents(t)["policy/README.md"], "\n## Its keys\n")
	tables, _, _ = strings.Cut(tables, "\n## ")
	documented := map[string][]string{}
	policy := "version = 1\n"
	for _, row := range regexp.MustCompile("(?m)^\\| `\\[([a-z.A-Z]+)\\]` \\| (.*?) \\|").FindAllStringSubmatch(tables, -1) {
		table := strings.Replace(row[1], "NAME", "x", 1)
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			key := strings.TrimSuffix(m[1][strings.LastIndexByte(m[1], '.')+1:], "]") // [service.NAME.actions] is a key too
			documented[table] = append(documented[table], key)
		}
		policy += "[" + table + "]\nzzz = 1\n"
	}
	if len(documented) != 10 {
		t.Fatalf("found %d tables", len(documented))
	}
	file := filepath.Join(t.TempDir(), "agentguard.toml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command("agentguard", "policy", "check", file).CombinedOutput()
	for table, keys := range documented {
		m := regexp.MustCompile(`unknown key ` + regexp.QuoteMeta(table) + `\.zzz.*\n.*known here: (.*)`).FindSubmatch(out)
		if m == nil {
			t.Fatalf("the keys of [%s] are not told:\n%s", table, out)
		}
		known := strings.Split(string(m[1]), ", ")
		slices.Sort(known)
		if slices.Sort(keys); !slices.Equal(known, keys) {
			t.Errorf("[%s] has %q, and policy/README.md says %q", table, known, keys)
		}
	}
}
