package cmd_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"agentguard/run/testbed"
)

// asJSON prints the documents of a YAML file as JSON. A key that is there twice is an error, as it is to Kubernetes.
const asJSON = `
import json, sys, yaml
class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(k, deep) for k, _ in node.value]
        assert len(set(keys)) == len(keys), f"a key twice: {keys}"
        return super().construct_mapping(node, deep)
print(json.dumps(list(yaml.load_all(open(sys.argv[1]), Strict))))
`

// TestExampleFiles: what the files of examples/ have agentguard do, it does. Each command line is one that the program takes,
// and each policy that it names lies beside it and is right.
func TestExampleFiles(t *testing.T) {
	files := map[string]func(*testing.T, string) [][]string{".md": linesOfMarkdown, ".yml": linesOfYAML, ".yaml": linesOfYAML, ".json": linesOfYAML, "Dockerfile": linesOfDockerfile}
	all, err := filepath.Glob("../../examples/*/*")
	if err != nil {
		t.Fatal(err)
	}
	found, tried := map[string]int{}, map[string]bool{}
	for _, file := range all {
		read := files[filepath.Ext(file)]
		if read == nil {
			read = files[filepath.Base(file)]
		}
		if read == nil {
			continue
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, filepath.FromSlash("../../examples/")))
		t.Run(name, func(t *testing.T) {
			lines := read(t, file)
			for _, args := range lines {
				takes(t, filepath.Dir(file), args, tried)
			}
			found[name] = len(lines)
		})
	}
	for name, want := range map[string]int{"docker/Dockerfile": 2, "kubernetes/README.md": 1, "mcp-server/mcp.json": 1, "ci/README.md": 3} {
		if found[name] < want {
			t.Errorf("%s: %d command lines, want %d or more", name, found[name], want)
		}
	}
}

// takes tries the options of a command line, and its policy.
func takes(t *testing.T, dir string, args []string, tried map[string]bool) {
	t.Helper()
	ours := understands(t, dir, args, tried)
	for i, a := range ours {
		if a == "--isolation" && !slices.Contains([]string{"sealed", "filtered", "env"}, ours[i+1]) {
			t.Errorf("agentguard %q: no level", args)
		}
		if !strings.HasSuffix(a, ".toml") {
			continue
		}
		policy := filepath.Join(dir, filepath.Base(a))
		if _, err := os.Stat(policy); err != nil {
			t.Errorf("agentguard %q: there is no such file beside it", args)
		}
		if out, err := exec.Command("agentguard", "policy", "check", policy).CombinedOutput(); err != nil && !strings.HasSuffix(a, ".test.toml") {
			t.Errorf("agentguard %q: %s", args, out)
		}
	}
}

// understands tries the options of a command line, and gives its part before the child's.
func understands(t *testing.T, where string, args []string, tried map[string]bool) []string {
	t.Helper()
	ours := slices.Clone(args)
	if end := slices.Index(ours, "--"); end >= 0 {
		ours = ours[:end]
	}
	if line := options(ours); !tried[strings.Join(line, " ")] {
		tried[strings.Join(line, " ")] = true
		if out, err := exec.Command("agentguard", append(line, "--help")...).CombinedOutput(); err != nil {
			t.Errorf("%s: agentguard %q: %v\n%s", where, args, err, out)
		}
	}
	return ours
}

// options is a command line without what it is about: agentguard has no help on a file.
func options(args []string) (line []string) {
	for i, a := range args {
		about := i > 0 && !strings.HasPrefix(a, "-") && !strings.HasPrefix(args[i-1], "-")
		if !about || i == 1 && (args[0] == "policy" || args[0] == "vault" || args[0] == "audit") {
			line = append(line, a)
		}
	}
	return line
}

// linesOfMarkdown are those of the blocks for a shell.
func linesOfMarkdown(t *testing.T, file string) (lines [][]string) {
	inside := false
	for _, line := range linesOf(t, file) {
		if strings.HasPrefix(line, "```") {
			inside = line == "```sh"
			continue
		}
		if args := commandIn(line); inside && args != nil {
			lines = append(lines, args)
		}
	}
	return lines
}

func linesOfDockerfile(t *testing.T, file string) (lines [][]string) {
	for _, line := range linesOf(t, file) {
		verb, rest, _ := strings.Cut(line, " ")
		var list []string
		switch {
		case verb == "RUN" && commandIn(rest) != nil:
			lines = append(lines, commandIn(rest))
		case verb == "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &list); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, list[1:])
		}
	}
	return lines
}

// linesOfYAML are all texts and lists of texts that are commands, wherever they stand.
func linesOfYAML(t *testing.T, file string) (lines [][]string) {
	testbed.NeedsPython("yaml")(t)
	out, err := exec.Command(testbed.Python, "-c", asJSON, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var documents []any
	if err := json.Unmarshal(out, &documents); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			for line := range strings.Lines(v) {
				if args := commandIn(line); args != nil {
					lines = append(lines, args)
				}
			}
		case []any:
			if len(v) > 1 && v[0] == "agentguard" {
				var args []string
				for _, a := range v[1:] {
					args = append(args, a.(string))
				}
				lines = append(lines, args)
				return
			}
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["command"] == "agentguard" {
				walk(append([]any{"agentguard"}, v["args"].([]any)...))
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(documents)
	if base := filepath.Base(file); len(lines) == 0 && base != "compose.yaml" && base != "kustomization.yaml" {
		t.Error("no command of agentguard's")
	}
	return lines
}

var commandLine = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*"?(?:\$RUNNER_TEMP/)?agentguard"? ([^#]*)`)

// commandIn gives the arguments of a command line of agentguard's; nil for any other.
func commandIn(line string) []string {
	m := commandLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return nil
	}
	return strings.Fields(m[1])
}

func linesOf(t *testing.T, file string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines
}
