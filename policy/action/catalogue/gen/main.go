// Command gen writes the tables of the catalogue from specifications on disk; it never uses the network. See the package
// catalogue for the whole procedure.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// row is one line of a table.
type row struct {
	class             string // r, w, a
	method, template  string
	operation, permit string
}

func (r row) String() string {
	return strings.TrimSpace(strings.Join([]string{r.class, r.method, r.template, r.operation, r.permit}, " "))
}

// source reads one service's specification and tells where it came from.
type source struct {
	name string
	read func(specs, google string) (rows []string, from string, err error)
}

var sources = []source{
	{"github", github},
	{"github_graphql", githubMutations},
	{"linear", linear},
	{"stripe", stripe},
	{"slack", slack},
	{"jira", jira},
	{"gmail", gmail},
	{"workspace", workspace},
	{"aws", aws},
}

func main() {
	from := flag.String("from", "", "the folder with node_modules and, for AWS, usr/lib/python3 of python3-botocore")
	google := flag.String("google", "", "the folder of the Go module google.golang.org/api")
	to := flag.String("to", "policy/action/catalogue", "where the tables go")
	only := flag.String("only", "", "one table alone")
	flag.Parse()
	for _, s := range sources {
		if *only != "" && *only != s.name {
			continue
		}
		if err := s.write(*from, *google, *to); err != nil {
			fmt.Fprintf(os.Stderr, "gen: %s: %v\n", s.name, err)
			os.Exit(1)
		}
	}
}

func (s source) write(specs, google, folder string) error {
	rows, from, err := s.read(specs, google)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, s.name+".gz")
	before, _ := readTable(file)
	compare(s.name, before, rows)
	text := fmt.Sprintf("# %s: %d rows from %s\n%s\n", s.name, len(rows), from, strings.Join(rows, "\n"))
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // no name and no time in it: the same input gives the same file
	if _, err := io.WriteString(z, text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d rows, %d bytes, %d compressed\n", s.name, len(rows), len(text), b.Len())
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func readTable(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")[1:], nil
}

// compare prints what a refresh changes, for a person to look through.
func compare(name string, before, after []string) {
	if before == nil {
		return
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			fmt.Printf("%s: - %s\n", name, r)
		}
	}
	for _, r := range after {
		if !slices.Contains(before, r) {
			fmt.Printf("%s: + %s\n", name, r)
		}
	}
}

// spell sorts rows by template, which compresses best, and then by method. Of two that serve the same requests the
// first by its operation stays.
func spell(rows []row) []string {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.template, b.template), cmp.Compare(a.method, b.method), cmp.Compare(a.operation, b.operation))
	})
	var lines []string
	have := map[string]string{}
	for _, r := range rows {
		requests := r.method + " " + shape(r.template)
		if other, taken := have[requests]; taken {
			fmt.Printf("left out: %s, which is %s\n", r.operation, other)
			continue
		}
		have[requests] = r.operation
		lines = append(lines, r.String())
	}
	return lines
}

func readJSON(file string, into any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// npm gives the folder of a package, and its name and version.
func npm(specs, pkg string) (dir, version string, err error) {
	dir = filepath.Join(specs, "node_modules", filepath.FromSlash(pkg))
	var meta struct{ Version string }
	err = readJSON(filepath.Join(dir, "package.json"), &meta)
	return dir, "npm " + pkg + "@" + meta.Version, err
}
