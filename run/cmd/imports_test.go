package cmd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says which of our packages each may import: everything points one way. A package that is not here may import
// none of ours.
var layers = map[string][]string{
	".":                 {"run/cmd"},
	"run/cmd":           {"run", "run/*", "policy", "policy/suite", "vault", "vault/words"},
	"run/doctor":        {"run", "run/child", "run/sandbox", "run/audit", "run/origin", "policy", "vault"},
	"run/live":          {"proxy", "vault", "vault/cred", "policy", "policy/suite", "policy/action", "policy/limit", "run/origin"},
	"run":               {"proxy", "vault", "vault/cred", "policy", "policy/action", "policy/limit", "run/account", "run/audit", "run/child", "run/clients", "run/environ", "run/learn", "run/names", "run/peer", "run/private", "run/reap", "run/rundir", "run/sandbox"},
	"run/audit":         {"run/private"},
	"run/account":       {"run/environ", "run/sandbox"},
	"run/child":         {"run/account", "run/environ", "run/job", "run/proc", "run/reap", "run/sandbox", "run/sandbox/shim"},
	"run/clients":       {"run/environ"},
	"run/peer":          {"run/account", "run/proc", "run/reap", "run/sandbox"},
	"run/rundir":        {"run/reap"},
	"run/trust":         {"run/private"},
	"run/learn":         {"policy", "policy/action", "policy/limit", "policy/suite"},
	"proxy":             {"policy", "policy/action", "policy/limit", "vault", "vault/cred", "proxy/scrub"},
	"policy":            {"policy/action", "policy/limit", "policy/openapi", "vault/words"},
	"policy/suite":      {"policy", "policy/action", "policy/limit"},
	"policy/action":     {"policy/action/catalogue", "policy/graphql", "policy/pack"}, // tables, and readers
	"run/escape":        {"run/sandbox"},
	"run/sandbox":       {"run/job", "run/sandbox/shim", "run/sandbox/inner", "run/sandbox/vfork"},
	"run/sandbox/inner": {"run/job", "run/reap", "run/sandbox/shim"},
	"run/sandbox/shim":  {"run/job"},
	"run/sandbox/vfork": {"run/sandbox/vfork/limit"},
	"vault":             {"vault/words"},
	"vault/cred":        {"vault", "policy/action"}, // action says where a service reads its credential
}

// testOnly packages may import what they like and must not be imported by the program.
var testOnly = []string{"run/testbed", "policy/pack/packtest"}

// onlyFor are modules that one part of the program may import.
var onlyFor = map[string][]string{
	"github.com/urfave/cli/v2":            {"run/cmd"},
	"github.com/fatih/color":              {"run/cmd"},
	"golang.org/x/term":                   {"run/cmd", "run/child"},
	"github.com/zalando/go-keyring":       {"vault"},
	"filippo.io/age":                      {"vault"},
	"github.com/joho/godotenv":            {"vault"},
	"github.com/BurntSushi/toml":          {"policy"},
	"github.com/vektah/gqlparser/v2":      {"policy/action/catalogue/gen"}, // 260 KB with the log/slog that it brings
	"software.sslmate.com/src/go-pkcs12":  nil,                             // tests alone
	"github.com/rogpeppe/go-internal":     nil,                             // tests alone
	"github.com/creack/pty":               nil,
	"go.yaml.in/yaml":                     nil, // half a megabyte; policy/openapi reads what descriptions need
	"net/http/cgi":                        nil,
	"net/http/pprof":                      nil,
	"log/slog":                            nil, // a Secret refuses to be printed by it without importing it
	"html/template":                       nil, // looks methods up by name: no exported method could be left out, 1.1 MB (dispatch.go)
	"golang.org/x/net":                    nil, // a second copy of the tables that net/http has: 200 KB
	"plugin":                              nil,
	"github.com/hashicorp/vault":          nil, // three calls on net/http serve
	"github.com/elazarl/goproxy":          nil, // fails open in places
	"github.com/google/martian":           nil,
	"github.com/prometheus/client_golang": nil,
	"github.com/redis/go-redis":           nil,
	"github.com/gomodule/redigo":          nil, // takes a server's word for how much memory its answer needs
	"github.com/slack-go/slack":           nil,
	"go.opentelemetry.io/otel":            nil,
	"github.com/aws/aws-sdk-go-v2/config": nil,
	"github.com/zricethezav/gitleaks":     nil,
	"google.golang.org/grpc":              nil,
}

const repository = "../.."

// TestImportRules keeps the layers of the architecture: one direction, one importer per library, no heavy library.
func TestImportRules(t *testing.T) {
	seen := map[string]bool{}
	eachFile(t, func(pkg, file string, f *ast.File) {
		seen[pkg] = true
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if reason := forbidden(pkg, imported); reason != "" {
				t.Errorf("%s imports %q: %s", file, imported, reason)
			}
		}
	})
	for _, pkg := range []string{".", "run", "run/cmd", "proxy", "policy", "vault", "policy/action", "run/audit"} {
		if !seen[pkg] {
			t.Errorf("found no files of %s: the test looks in the wrong place", pkg)
		}
	}
}

// TestImportRulesAreDrawn: CONTRIBUTING.md lists every package, and draws the rules that hold.
func TestImportRulesAreDrawn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{".": true}
	eachFile(t, func(pkg, _ string, _ *ast.File) {
		listed := seen[pkg]
		if seen[pkg] = true; !listed && !strings.Contains(string(text), "\n| `"+pkg+"` |") {
			t.Errorf("CONTRIBUTING.md has no line for the package %s", pkg)
		}
	})
	_, chart, _ := strings.Cut(string(text), "\nmain -> ")
	chart, _, _ = strings.Cut(chart, "```")
	drawn := map[string][]string{".": {"run/cmd"}}
	for line := range strings.Lines("main -> " + strings.ReplaceAll(chart, ",\n", ",")) {
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "main -> "), "(")
		from, to, _ := strings.Cut(line, "->")
		for pkg := range strings.SplitSeq(from, ",") {
			drawn[strings.TrimSpace(pkg)] = strings.Fields(strings.ReplaceAll(to, ",", " "))
		}
	}
	for pkg, may := range layers {
		slices.Sort(drawn[pkg])
		if may = slices.Sorted(slices.Values(may)); !slices.Equal(drawn[pkg], may) {
			t.Errorf("CONTRIBUTING.md draws %s -> %v, and the rule is %v", pkg, drawn[pkg], may)
		}
	}
}

// The rules themselves: what must be refused is.
func TestImportRulesRefuse(t *testing.T) {
	for _, c := range []struct{ pkg, imported, want string }{
		{"proxy", "agentguard/run/audit", "layer"},
		{"policy", "agentguard/vault", "layer"},
		{"run/audit", "agentguard/policy", "layer"},
		{"run/cmd", "agentguard/run/testbed", "tests"},
		{"run", "github.com/urfave/cli/v2", "run/cmd"},
		{"run/cmd", "github.com/prometheus/client_golang/prometheus", "nobody"},
		{"policy", "plugin", "nobody"},
		{"policy", "net/http", ""},
		{"run/cmd", "agentguard/run/doctor", ""},
	} {
		if got := forbidden(c.pkg, c.imported); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s -> %s: %q, want %q", c.pkg, c.imported, got, c.want)
		}
	}
}

func forbidden(pkg, imported string) string {
	if ours, ok := strings.CutPrefix(imported, "agentguard/"); ok {
		switch {
		case slices.Contains(testOnly, ours):
			return "it is for tests"
		case !slices.ContainsFunc(layers[pkg], func(pattern string) bool { ok, _ := path.Match(pattern, ours); return ok }):
			return "another layer: " + pkg + " may import " + strings.Join(layers[pkg], ", ")
		}
		return ""
	}
	for _, module := range slices.Sorted(maps.Keys(onlyFor)) {
		if (imported == module || strings.HasPrefix(imported, module+"/")) && !slices.Contains(onlyFor[module], pkg) {
			return "it is for " + strings.Join(append([]string{}, orNobody(onlyFor[module])...), ", ")
		}
	}
	return ""
}

func orNobody(packages []string) []string {
	if len(packages) == 0 {
		return []string{"nobody"}
	}
	return packages
}

// TestOnlyTheCommandLineTouchesTheProcess: below run/cmd, arguments, environment, output and exit are values.
func TestOnlyTheCommandLineTouchesTheProcess(t *testing.T) {
	forbidden := map[string][]string{
		"os":  {"Exit", "Environ", "Getenv", "LookupEnv", "Args", "Stdin", "Stdout", "Stderr"},
		"fmt": {"Print", "Println", "Printf"},
		"log": {"Print", "Println", "Printf", "Fatal", "Fatalf", "Fatalln"},
	}
	excepted := map[string][]string{
		"main.go":                         {"os.Exit"},
		"run/reap/reap_unix.go":           {"os.Exit", "os.Args", "os.Stdin"}, // a process of its own
		"run/sandbox/shim/shim_linux.go":  {"os.Exit", "os.Args"},             // likewise
		"run/sandbox/inner/init_linux.go": {"os.Exit", "os.Args"},             // likewise
		"run/early_unix.go":               {"os.Exit"},                        // where a signal cannot end us that should
		"vault/keychain_linux.go":         {"os.Getenv"},                      // go-keyring reads that variable itself: it must be the one that was checked
	}
	eachFile(t, func(pkg, file string, f *ast.File) {
		if pkg == "run/cmd" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(forbidden[x.Name], s.Sel.Name) &&
				!slices.Contains(excepted[file], x.Name+"."+s.Sel.Name) {
				t.Errorf("%s uses %s.%s", file, x.Name, s.Sel.Name)
			}
			return true
		})
	})
}

// eachFile parses every file of the program, for every system, and leaves out tests and packages that are for tests.
func eachFile(t *testing.T, do func(pkg, file string, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(repository, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(repository, p)
		rel = filepath.ToSlash(rel)
		name := d.Name()
		if d.IsDir() && p != repository && (name[0] == '.' || name[0] == '_' || name == "testdata" || slices.Contains(testOnly, rel)) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if f.Name.Name == "main" && path.Dir(rel) != "." {
			return nil // a tool, not the program
		}
		do(path.Dir(rel), rel, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDependencies: what the whole program pulls in, indirect imports included, holds none of the heavy modules.
func TestDependencies(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-tags", "urfave_cli_no_docs", ".")
	list.Dir = repository
	list.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	out, err := list.Output()
	if err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	deps := strings.Fields(string(out))
	for _, d := range deps {
		for module, allowed := range onlyFor {
			if len(allowed) == 0 && (d == module || strings.HasPrefix(d, module+"/")) {
				t.Errorf("the program depends on %s", d)
			}
		}
		if strings.Contains(d, "go-md2man") {
			t.Errorf("the program depends on %s in spite of the build tag", d)
		}
	}
	if len(deps) < 100 {
		t.Errorf("only %d dependencies were listed", len(deps))
	}
}
