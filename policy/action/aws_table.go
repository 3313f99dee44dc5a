package action

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"agentguard/policy/action/catalogue"
)

// awsModel is one API of AWS.
type awsModel struct {
	signing, iam, target string
	form                 bool              // it speaks the query protocol
	ops                  map[string]*awsOp // by name
	router               func() *node      // of those told by their paths, built once
	variants             [][]*awsOp        // by the number of the route
	strict               bool              // any query parameter that an operation does not have may choose another
	routes               []Route
	numbers              map[string]int // of the routes, by method and shape
}

// awsOp is one operation; action is IAM's name for it.
type awsOp struct {
	name, action string
	class        Class
	flags        []string // query parameters it cannot be without: "acl", "list-type=2"
	more         []string // "~NAME": one that it may have, where the model is strict; "|KIND.NAME": a field that names what it works on
}

type awsTables struct {
	models map[string][]*awsModel // by endpoint: some share one
	known  []Route                // for listing
}

// awsTable decodes the table once, on the first request or name that needs it.
var awsTable = sync.OnceValue(func() *awsTables {
	text, _, err := catalogue.Text("aws")
	t := &awsTables{models: map[string][]*awsModel{}}
	if err == nil {
		err = t.read(text)
	}
	if err != nil {
		panic("the catalogue of aws: " + err.Error()) // the package's own text, tried by its tests
	}
	return t
})

func awsRoutes() []Route { return awsTable().known }

func (t *awsTables) read(text string) error {
	t.known = append(t.known, awsBesides...)
	t.known = slices.Grow(t.known, strings.Count(text, "\n"))
	var m *awsModel
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 6 && f[0] == "@" {
			m = &awsModel{signing: f[2], iam: f[3], target: strings.TrimPrefix(f[4], "-"), form: f[5] == "form", strict: f[3] == "s3", ops: map[string]*awsOp{}}
			t.models[f[1]] = append(t.models[f[1]], m)
			m.router = sync.OnceValue(m.build)
			continue
		}
		if m == nil || len(f) < 3 {
			return fmt.Errorf("row %q is malformed", line)
		}
		t.known = append(t.known, m.shown(m.add(f)))
	}
	return nil
}

func (m *awsModel) build() *node {
	root, err := newRouter(m.routes)
	if err != nil {
		panic("the catalogue of aws: " + err.Error()) // tried by the tests
	}
	return root
}

// add enters "CLASS OPERATION IAMNAME [METHOD TEMPLATE] [FLAGS]".
func (m *awsModel) add(f []string) (Route, *awsOp) {
	op := &awsOp{name: f[1], action: f[2], class: map[string]Class{"r": Read, "w": Write, "a": Admin}[f[0]]}
	if op.action == "=" {
		op.action = op.name
	}
	r := Route{Method: "POST", Template: "/", Action: m.iam + ":" + op.action, Operation: m.iam + ":" + op.name, Class: op.class}
	if len(f)%2 == 0 { // the last is one more
		op.flags = strings.Split(f[len(f)-1], ",")
		for i, flag := range op.flags {
			if flag[0] == '~' || flag[0] == '|' {
				op.flags, op.more = op.flags[:i], op.flags[i:]
				break
			}
		}
	}
	if len(f) < 5 {
		m.ops[op.name] = op
		return r, op
	}
	r.Method, r.Template = f[3], f[4]
	key := r.Method + shape(r.Template)
	if i, taken := m.numbers[key]; taken {
		m.variants[i] = append(m.variants[i], op)
		return r, op
	}
	if m.numbers == nil {
		m.numbers = map[string]int{}
	}
	m.numbers[key] = len(m.routes)
	m.routes, m.variants = append(m.routes, r), append(m.variants, []*awsOp{op})
	return r, op
}

// shown is a route as people see it: with the resource, and the protocol that it is spoken in.
func (m *awsModel) shown(r Route, op *awsOp) Route {
	switch {
	case strings.HasPrefix(r.Template, "/{Bucket}/"):
		r.Resource = awsKey
	case strings.HasPrefix(r.Template, "/{Bucket}"):
		r.Resource = "bucket:{Bucket}"
	case m.iam == "lambda" && strings.Contains(r.Template, "{FunctionName}"):
		r.Resource = "function:{FunctionName}"
	default:
		for _, f := range op.on() {
			kind, name, _ := strings.Cut(f, ".")
			r.Resource = kind + ":{" + name + "}"
			break
		}
	}
	switch told := m.ops[op.name] != nil; {
	case told && m.target != "" && m.form:
		r.By = "JSON or query"
	case told && m.form:
		r.By = "query"
	case told:
		r.By = "JSON"
	}
	return r
}

// on gives the fields that name what the operation works on, "KIND.NAME".
func (op *awsOp) on() (fields []string) {
	for _, f := range op.more {
		if f[0] == '|' {
			fields = append(fields, f[1:])
		}
	}
	return fields
}

// shape is a template without the names of its parameters.
func shape(template string) string {
	b := make([]byte, 0, len(template))
	name := false
	for i := 0; i < len(template); i++ {
		if c := template[i]; c == '}' || c == '.' && name {
			name = c != '}'
			b = append(b, c)
		} else if !name {
			name = c == '{'
			b = append(b, c)
		}
	}
	return string(b)
}
