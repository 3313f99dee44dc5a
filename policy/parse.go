package policy

import (
	"fmt"
	"strings"

	"agentguard/policy/action"
)

// Load reads and checks a policy file, and the files that it names. Everything that is wrong in it comes back at once, as
// Errors.
func Load(file string) (*Policy, error) {
	content, err := readFile(file, maxFile)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return LoadText(file, content)
}

// LoadText is Load as if the file held content: the files that it names are read.
func LoadText(file string, content []byte) (*Policy, error) { return parse(file, content, readFile) }

// Parse checks the text of a policy; file names it in messages. The error is of type Errors, by line. The files that a
// policy names are not read: one that cannot be understood without them is an error.
func Parse(file string, content []byte) (*Policy, error) { return parse(file, content, nil) }

func parse(file string, content []byte, read reader) (*Policy, error) {
	d := &draft{
		document: &document{file: file},
		policy: &Policy{
			Source:      file,
			Hash:        hashOf(content),
			Text:        content,
			Credentials: map[string]*Credential{},
			Allow:       map[string]*Rule{},
			Deny:        map[string]*Rule{},
			Services:    map[string]*action.Service{},
		},
		own:    map[string]*ownService{},
		reader: read,
	}
	if top := d.open(content); top != nil {
		d.read(top)
		d.check()
		d.checkConditions()
	}
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	d.warnings.sort()
	d.policy.Warnings = d.warnings
	d.policy.index = compile(d.policy)
	d.policy.conditionals = conditionals(d.policy)
	return d.policy, nil
}

// draft is a policy while it is read: its parts with the lines that the checks across the file need.
type draft struct {
	*document
	reader      reader // nil: files that the policy names are not read
	policy      *Policy
	own         map[string]*ownService
	credentials []*credentialDraft
	rules       []*ruleDraft
	network     []networkHost
	pass        []text
	set         []text // names alone
}

type credentialDraft struct {
	*Credential
	service text
	env     []text
	backend string
	where   string // what follows the backend
}

type ruleDraft struct {
	*Rule
	deny               bool
	service            text
	credential         text
	actions, resources []text
	limits             []text          // their names
	svc                *action.Service // once checked; nil for every service
}

type ownService struct {
	*action.Service // nil if it is wrong, which was said already
	line            int
	hostLines       []int
	hasAuth         bool
}

type networkHost struct {
	openHost
	line int
}

// laterTables are the tables that later work owns.
var laterTables = map[string]string{
	"approval": "approvals by a human",
	"anomaly":  "anomaly detection",
	"alert":    "alerts",
}

// read takes the file apart, table by table.
func (d *draft) read(top *table) {
	d.version(top)
	d.agent(top)
	for _, t := range top.named("service") {
		d.serviceTable(t)
	}
	for _, t := range top.named("credential") {
		d.credentialTable(t)
	}
	for _, t := range top.named("allow") {
		d.allowTable(t)
	}
	for _, t := range top.named("deny") {
		d.denyTable(t)
	}
	d.networkTable(top.sub("network"))
	d.envTable(top.sub("env"))
	d.upstreamTable(top.sub("upstream"))
	d.limitsTable(top.sub("limits"))
	d.isolationTable(top.sub("isolation"))
	top.done(laterTables)
}

func (d *draft) version(top *table) {
	v, ok := top.get("version")
	switch n, isInt := v.(int64); {
	case !ok:
		d.fail(1, "write version = 1 as the first line", "version is missing")
	case !isInt:
		top.fail("version", "write version = 1", "must be a number, not %s", kindOf(v))
	case n != 1:
		top.fail("version", "this agentguard reads version = 1", "%d is not known", n)
	}
}

func (d *draft) agent(top *table) {
	t := top.sub("agent")
	if t == nil {
		if _, there := top.values["agent"]; !there {
			d.fail(1, "write [agent] with name = \"...\": the name stands in every audit record", "agent.name is missing")
		}
		return
	}
	name, ok := t.required("name", "the name stands in every audit record")
	if ok {
		if err := CheckAgentName(name.s); err != nil {
			t.fail("name", "", "%v", err)
		}
	}
	purpose, _ := t.text("purpose")
	owner, _ := t.text("owner")
	d.policy.Agent = Agent{name.s, purpose.s, owner.s}
	t.done(nil)
}

// CheckAgentName takes what can be the name of an agent: what is safe in a file name, a header and the key of a limit.
func CheckAgentName(s string) error {
	if !isWord(s, ".") || strings.IndexByte(".-_", s[0]) >= 0 {
		return fmt.Errorf("%q is not a name: use letters, digits, . - and _, at most 64, beginning with a letter or digit", s)
	}
	return nil
}

// isWord says whether s is up to 64 letters, digits, - and _, or of the bytes more.
func isWord(s, more string) bool {
	for i := range len(s) {
		if !bare(s[i]) && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
