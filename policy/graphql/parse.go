package graphql

import (
	"errors"
	"fmt"
)

const (
	maxTokens = 50_000
	maxDepth  = 200
)

// Parse reads a document.
func Parse(src string) (*Document, error) {
	if err := checked(src); err != nil {
		return nil, fmt.Errorf("it holds %w", err)
	}
	p := parser{lexer: lexer{src: src, left: maxTokens}}
	p.next()
	doc := &Document{}
	for p.err == nil && p.kind != end {
		p.definition(doc)
	}
	if p.err != nil {
		return nil, p.err
	}
	if len(doc.Operations) == 0 {
		return nil, errors.New("it holds no operation")
	}
	return doc, nil
}

// parser descends recursively. The first error ends the text for it, so that every list ends.
type parser struct {
	lexer
	depth int
	err   error
}

func (p *parser) next() {
	if p.err == nil {
		p.err = p.lexer.next()
	}
	if p.err != nil {
		p.kind, p.value = end, ""
	}
}

// fail notes what stands where something else must.
func (p *parser) fail(expected string) {
	if p.err != nil {
		return
	}
	got := "the end"
	switch p.kind {
	case end:
	case name, number, text:
		got = fmt.Sprintf("%q", p.value)
	default:
		got = fmt.Sprintf("%q", rune(p.kind))
	}
	p.err = fmt.Errorf("%s instead of %s before %s", got, expected, p.place())
	p.next()
}

// is takes a token if it is of that kind, and if it is one.
func (p *parser) is(k token) bool {
	if p.kind != k || p.err != nil {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(k token) {
	if !p.is(k) {
		p.fail(fmt.Sprintf("%q", rune(k)))
	}
}

func (p *parser) name() string {
	n := p.value
	if !p.is(name) {
		p.fail("a name")
	}
	return n
}

// deeper keeps the parser from recursing without bounds.
func (p *parser) deeper() {
	if p.depth++; p.depth > maxDepth && p.err == nil {
		p.err = fmt.Errorf("nested more than %d deep", maxDepth)
		p.next()
	}
}

// list calls read for each of the things between two tokens, of which there must be so many.
func (p *parser) list(open, shut token, least int, read func()) {
	p.deeper()
	p.want(open)
	for n := 0; p.err == nil && (p.kind != shut || n < least); n++ {
		if p.kind == end {
			p.fail(fmt.Sprintf("%q", rune(shut)))
		}
		read()
	}
	p.want(shut)
	p.depth--
}

// definition reads an operation or a fragment (section 2.3).
func (p *parser) definition(doc *Document) {
	if p.kind == '{' {
		doc.Operations = append(doc.Operations, &Operation{Kind: Query, Set: p.set()})
		return
	}
	switch word := p.value; {
	case p.kind == name && word == "fragment":
		p.next()
		f := &Fragment{Name: p.fragmentName()}
		if p.kind == '(' {
			p.err = errors.New("it holds a fragment with variables of its own")
			p.next()
		}
		p.condition()
		p.directives(false)
		f.Set = p.set()
		doc.Fragments = append(doc.Fragments, f)
	case p.kind == name && (word == Query || word == Mutation || word == Subscription):
		p.next()
		op := &Operation{Kind: word}
		if p.kind == name {
			op.Name = p.name()
		}
		if p.kind == '(' {
			p.list('(', ')', 1, func() { op.Variables = append(op.Variables, p.variable()) })
		}
		p.directives(false)
		op.Set = p.set()
		doc.Operations = append(doc.Operations, op)
	default:
		p.fail("an operation or a fragment")
	}
}

// fragmentName is any but on, which begins a condition (section 2.8).
func (p *parser) fragmentName() string {
	if p.value == "on" {
		p.fail("the name of a fragment")
	}
	return p.name()
}

func (p *parser) condition() {
	if p.kind != name || p.value != "on" {
		p.fail(`"on"`)
	}
	p.next()
	p.name()
}

// variable reads what declares one, and lets go of its type.
func (p *parser) variable() (v Variable) {
	p.want('$')
	v.Name = p.name()
	p.want(':')
	p.typed()
	if p.is('=') {
		v.Default = p.valueOf(true)
	}
	p.directives(true)
	return v
}

func (p *parser) typed() {
	if p.kind == '[' {
		p.deeper()
		p.want('[')
		p.typed()
		p.want(']')
		p.depth--
	} else {
		p.name()
	}
	p.is('!')
}

// set reads selections (section 2.4).
func (p *parser) set() (set []Selection) {
	p.list('{', '}', 1, func() {
		var s Selection
		switch {
		case !p.is(spread):
			s.Field = p.field()
		case p.kind == name && p.value != "on":
			s.Spread = p.name()
			p.directives(false)
		default:
			if p.kind == name {
				p.condition()
			}
			p.directives(false)
			s.Set = p.set()
		}
		set = append(set, s)
	})
	return set
}

func (p *parser) field() *Field {
	f := &Field{Name: p.name()}
	f.Alias = f.Name
	if p.is(':') {
		f.Name = p.name()
	}
	if p.kind == '(' {
		f.Arguments = p.arguments('(', ')', 1, false)
	}
	p.directives(false)
	if p.kind == '{' {
		f.Set = p.set()
	}
	return f
}

// arguments are those of a field or directive, of which there must be one, or the fields of an object.
func (p *parser) arguments(open, shut token, least int, constant bool) (all []Argument) {
	p.list(open, shut, least, func() {
		a := Argument{Name: p.name()}
		p.want(':')
		a.Value = p.valueOf(constant)
		all = append(all, a)
	})
	return all
}

func (p *parser) directives(constant bool) {
	for p.is('@') {
		p.name()
		if p.kind == '(' {
			p.arguments('(', ')', 1, constant)
		}
	}
}

// valueOf reads a literal (section 2.9), in which a constant holds no variable.
func (p *parser) valueOf(constant bool) *Value {
	v := &Value{Text: p.value}
	switch p.kind {
	case number:
		v.Kind = Number
	case text:
		v.Kind = String
	case name:
		switch v.Kind = Enum; p.value {
		case "true", "false":
			v.Kind = Boolean
		case "null":
			v.Kind = Null
		}
	case '[':
		v.Kind = List
		p.list('[', ']', 0, func() { v.Items = append(v.Items, p.valueOf(constant)) })
		return v
	case '{':
		v.Kind, v.Fields = Object, p.arguments('{', '}', 0, constant)
		return v
	case '$':
		if !constant {
			p.next()
			v.Kind, v.Text = VariableName, p.name()
			return v
		}
		fallthrough
	default:
		p.fail("a value")
	}
	p.next()
	return v
}
