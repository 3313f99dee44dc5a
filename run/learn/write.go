package learn

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"

	"agentguard/policy"
	"agentguard/policy/action"
)

// Draft is what was learned, as two files and in words.
type Draft struct {
	Policy  string
	Cases   string
	Allowed []string // what the policy allows, by service
	Wider   []string // what it allows beyond what was done
	Missing []string // what was asked for and is not in it
}

// Draft writes the policy that allows what was done. text is the policy that the run was under, whose allow rules are
// left out; file is where the new one will lie, program what ran. It is checked: it loads, and its cases hold.
func (o *Observer) Draft(text, file, program string, now time.Time) (*Draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	base, err := policy.WithoutAllow(text)
	if err != nil {
		return nil, err
	}
	rules := o.rules()
	d := &Draft{Missing: o.missing()}
	var b strings.Builder
	fmt.Fprintf(&b, "# Learned on %s from %s of %s, by agentguard run --learn.\n", now.Format(time.DateOnly), requests(o.sent), comment(program))
	b.WriteString("# It allows what was done then, and what the lines that begin with \"wider\" say besides. Read it before you trust it.\n")
	b.WriteString(strings.TrimSpace(base) + "\n")
	for i := range rules {
		rules[i].write(&b, i+1)
		for _, n := range rules[i].notes {
			d.Wider = append(d.Wider, rules[i].service+": "+n)
		}
	}
	d.Policy = b.String()
	p, err := policy.LoadText(file, []byte(d.Policy))
	if err != nil {
		return nil, fmt.Errorf("what was learned is no policy: %w", err)
	}
	d.Allowed = o.summary()
	d.Cases, err = o.cases(p)
	return d, err
}

func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

func (r *rule) write(b *strings.Builder, number int) {
	fmt.Fprintf(b, "\n[allow.learned-%d] # done %d times\n", number, r.times)
	fmt.Fprintf(b, "service    = %s\n", quote(r.service))
	if r.credential != "" {
		fmt.Fprintf(b, "credential = %s\n", quote(r.credential))
	}
	fmt.Fprintf(b, "actions    = %s\n", list(r.actions))
	if len(r.resources) > 0 {
		fmt.Fprintf(b, "resources  = %s\n", list(r.resources))
	}
	if len(r.limits) > 0 {
		var parts []string
		for _, name := range keys(r.limits) {
			parts = append(parts, quote(name)+" = "+quote(r.limits[name]))
		}
		fmt.Fprintf(b, "limits     = { %s } # twice what was done in any hour, rounded up\n", strings.Join(parts, ", "))
	}
	for _, n := range r.notes {
		fmt.Fprintf(b, "# wider: %s\n", comment(n))
	}
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// quote is a basic string of TOML ("String"): JSON's escapes are among its own; DEL needs one there and has none here.
func quote(s string) string {
	b, _ := json.Marshal(strings.ToValidUTF8(s, "\ufffd"))
	return strings.ReplaceAll(string(b), "\x7f", `\u007f`)
}

// comment is a text that stays within its line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// summary is one line for each service: "github: 23 requests: read (7 actions), create_pr".
func (o *Observer) summary() []string {
	lines := map[string]map[action.Class][]string{}
	for by, uses := range o.actions {
		if lines[by.service] == nil {
			lines[by.service] = map[action.Class][]string{}
		}
		for name, u := range uses {
			lines[by.service][u.Class] = append(lines[by.service][u.Class], name)
		}
	}
	var out []string
	for _, service := range keys(lines) {
		var parts []string
		for _, c := range []action.Class{action.Read, action.Write, action.Admin} {
			names := lines[service][c]
			sort.Strings(names)
			if len(names) > 0 {
				parts = append(parts, fmt.Sprintf("%s (%s)", c, strings.Join(names, ", ")))
			}
		}
		out = append(out, service+": "+strings.Join(parts, ", "))
	}
	return out
}

// missing says what was refused, most often asked for first.
func (o *Observer) missing() []string {
	type line struct {
		text  string
		times int
	}
	var lines []line
	for _, k := range o.order {
		if k.Refused == "" {
			continue
		}
		what := k.Method + " " + k.URL
		if len(k.Actions) > 0 && k.Actions[0].Class != action.Unknown {
			what = strings.TrimSpace(k.Actions[0].Name + " " + k.Actions[0].Resource.String())
		}
		lines = append(lines, line{fmt.Sprintf("%s: %s", what, k.Refused), k.times})
	}
	for _, host := range keys(o.hosts) {
		lines = append(lines, line{host + ": the policy does not know the host", o.hosts[host]})
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].times > lines[j].times })
	var out []string
	for _, l := range lines {
		out = append(out, comment(fmt.Sprintf("%s (%d times)", l.text, l.times)))
	}
	if o.missed > 0 {
		out = append(out, fmt.Sprintf("more than %d kinds of request were made; %s of others", maxKinds, requests(o.missed)))
	}
	return out
}
