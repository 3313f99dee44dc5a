// Command report reads the output of `go test -json` and prints what a person needs: each package when it ends, the
// output of what failed, what was skipped and why, and the sums.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is one line; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

type report struct {
	output                  map[string][]string // by package and test, while it runs
	passed, failed, skipped int
	skips                   map[string]int // reason -> tests
	failures                []string
}

func main() {
	r := report{output: map[string][]string{}, skips: map[string]int{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text()) // go's own words
			continue
		}
		r.take(e)
	}
	if lines.Err() != nil {
		r.failures = append(r.failures, "reading the tests' output: "+lines.Err().Error())
	}
	os.Exit(r.end())
}

func (r *report) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.packageEnds(e)
		} else {
			r.testEnds(e)
		}
		delete(r.output, key)
	}
}

func (r *report) packageEnds(e event) {
	if e.Action != "skip" { // no test files
		fmt.Printf("%-4s %s %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
	}
	if e.Action == "fail" {
		for _, line := range r.output[e.Package+" "] { // what no test said: a panic, a failed TestMain
			if !strings.HasPrefix(line, "FAIL") {
				fmt.Print(line)
			}
		}
		r.failures = append(r.failures, e.Package)
	}
}

func (r *report) testEnds(e event) {
	output := strings.Join(r.output[e.Package+" "+e.Test], "")
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.failures = append(r.failures, e.Package+" "+e.Test)
		fmt.Print(output)
	case "skip":
		r.skipped++
		r.skips[reason(e.Test, output)]++
	}
}

var position = regexp.MustCompile(`(?m)^\s*\S+\.go:\d+: (.*)$`)

// reason is what t.Skip was told.
func reason(test, output string) string {
	if m := position.FindStringSubmatch(output); m != nil && m[1] != "" {
		return m[1]
	}
	return test + " gives no reason"
}

func (r *report) end() int {
	var reasons []string
	for why, n := range r.skips {
		reasons = append(reasons, fmt.Sprintf("skipped %d: %s", n, why))
	}
	slices.Sort(reasons)
	for _, line := range reasons {
		fmt.Println(line)
	}
	for _, name := range r.failures {
		fmt.Println("failed:", name)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if len(r.failures) > 0 || r.passed == 0 {
		return 1
	}
	return 0
}
