package graphql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	gqlparser "github.com/vektah/gqlparser/v2/parser"
)

// spell writes a document so that two are alike when they are written alike.
func spell(d *Document) string {
	var b strings.Builder
	for _, op := range d.Operations {
		fmt.Fprintf(&b, "%s %s", op.Kind, op.Name)
		for _, v := range op.Variables {
			b.WriteString(" $" + v.Name)
			if v.Default != nil {
				b.WriteString("=" + spellValue(v.Default))
			}
		}
		b.WriteString(spellSet(op.Set) + "\n")
	}
	for _, f := range d.Fragments {
		b.WriteString("fragment " + f.Name + spellSet(f.Set) + "\n")
	}
	return b.String()
}

func spellSet(set []Selection) string {
	var b strings.Builder
	for _, s := range set {
		switch {
		case s.Field != nil:
			b.WriteString(" " + s.Field.Alias + ":" + s.Field.Name)
			for _, a := range s.Field.Arguments {
				b.WriteString("," + a.Name + "=" + spellValue(a.Value))
			}
			b.WriteString(spellSet(s.Field.Set))
		case s.Spread != "":
			b.WriteString(" ..." + s.Spread)
		default:
			b.WriteString(" ..." + spellSet(s.Set))
		}
	}
	return "{" + b.String() + "}"
}

func spellValue(v *Value) string {
	s := fmt.Sprintf("%d", v.Kind)
	switch v.Kind {
	case List:
		for _, item := range v.Items {
			s += "[" + spellValue(item) + "]"
		}
	case Object:
		for _, f := range v.Fields {
			s += "(" + f.Name + ":" + spellValue(f.Value) + ")"
		}
	default:
		s += fmt.Sprintf("%q", v.Text)
	}
	return s
}

// other is the same of another reader.
func other(src string) (string, error) {
	q, err := gqlparser.ParseQuery(&ast.Source{Input: src})
	if err != nil {
		return "", err
	}
	d := &Document{}
	for _, op := range q.Operations {
		o := &Operation{Kind: string(op.Operation), Name: op.Name, Set: otherSet(op.SelectionSet)}
		for _, v := range op.VariableDefinitions {
			o.Variables = append(o.Variables, Variable{v.Variable, otherValue(v.DefaultValue)})
		}
		d.Operations = append(d.Operations, o)
	}
	for _, f := range q.Fragments {
		d.Fragments = append(d.Fragments, &Fragment{f.Name, otherSet(f.SelectionSet)})
	}
	return spell(d), nil
}

func otherSet(set ast.SelectionSet) (out []Selection) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			f := &Field{Alias: s.Alias, Name: s.Name, Set: otherSet(s.SelectionSet)}
			for _, a := range s.Arguments {
				f.Arguments = append(f.Arguments, Argument{a.Name, otherValue(a.Value)})
			}
			out = append(out, Selection{Field: f})
		case *ast.FragmentSpread:
			out = append(out, Selection{Spread: s.Name})
		case *ast.InlineFragment:
			out = append(out, Selection{Set: otherSet(s.SelectionSet)})
		}
	}
	return out
}

func otherValue(v *ast.Value) *Value {
	if v == nil {
		return nil
	}
	kinds := map[ast.ValueKind]Kind{ast.Variable: VariableName, ast.IntValue: Number, ast.FloatValue: Number, ast.StringValue: String,
		ast.BooleanValue: Boolean, ast.NullValue: Null, ast.EnumValue: Enum, ast.ListValue: List, ast.ObjectValue: Object}
	out := &Value{Kind: kinds[v.Kind], Text: v.Raw}
	for _, c := range v.Children {
		if out.Kind == List {
			out.Items = append(out.Items, otherValue(c.Value))
		} else {
			out.Fields = append(out.Fields, Argument{c.Name, otherValue(c.Value)})
		}
	}
	return out
}

var accepted = []string{
	`{a}`, `{a,b c}`, `query{a}`, `query Q{a}`, `mutation M($x:X!,$y:[Int!]!=[1,-2 3.5e+6 0 -0.1E2],$z:[[T]]={a:{b:[]},c:{}} @d(a:1)) @e(f:"g") {x:y(a:$x)@skip(if:$y){z}}`,
	`subscription{a}`, `{...F ...on T{a} ...{b} ...@include(if:true){c} ...F@x} fragment F on T@y{a} fragment query on T{b}`,
	"# a comment\n{a # another\r\n(x: 1)}#", `{a(s:"\"\\\/\b\f\n\r\tAé\ud83d\ude00 é😀")}`, `{a(s:"",e:E,t:true,f:false,n:null,o:{on:on,true:true})}`,
	`{query mutation fragment on true null}`, `{on:on}`, `query on{a}`, `query query{a}`, `fragment mutation on on{on}{a}`, ` ,,{ ,a, } ,`, `{__typename _ A1_b}`,
	`{a(x:{})}`, `{a(x:[])}`, `query($a:A@b(c:{d:[1]})){e}`, `{a(x:[$v,{y:$v}])}`, "\t{a}\n\n", `{a(i:123456789012345678901234567890)}`, `{a}{b}`, `query A{a} query A{b}`,
}

func TestParse(t *testing.T) {
	for _, src := range accepted {
		d, err := Parse(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if want, err := other(src); err != nil || spell(d) != want {
			t.Errorf("%s:\n%s\nby another reader, %v:\n%s", src, spell(d), err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for src, reason := range map[string]string{
		"": "no operation", "#": "no operation", "fragment F on T{a}": "no operation", "{": "the end instead of '}'", "{}": `'}' instead of a name`,
		"{a": "", "{a}}": "an operation", "{a{}}": "a name", "{a()}": "a name", "{a(b)}": "':'", "{a(b:)}": "a value", "{a:}": "a name", "{a(b:$)}": "a name",
		"query(){a}": "'$'", "query($a){b}": "':'", "query($a:){b}": "a name", "query($a:A=$b){c}": "a value", "query($a:A=[$b]){c}": "a value",
		"query($a:[A B]){c}": "']'", "query($a:A!!){c}": "'$'", "query($a:A@b(c:$d)){e}": "a value", "query Q": "'{'", "query 1{a}": "'{'",
		"fragment on on T{a}{b}": "the name of a fragment", "fragment F T{a}{b}": `"on"`, `fragment F "on" T{a}{b}`: `"on"`, "fragment F($x:X) on T{a}{b}": "variables of its own",
		`{... "on" T{a}}`: "", "{...on{a}}": "", "{...on T}": "", "{...}": "", "{....a}": "'.'", "{..a}": "'.'", `"d" {a}`: "an operation", `"""d""" {a}`: "block strings",
		"type T{a:A}": "an operation", "{a}\ntype T{a:A}": "an operation", "extend type T{a:A}": "", "schema{query:Q}": "", "{a@}": "", "{a @b()}": "",
		`{a(b:"""c""")}`: "as a variable", `{a(b:"c` + "\n" + `")}`: "not closed", `{a(b:"c`: "not closed", `{a(b:"\`: "no escape", `{a(b:"\x")}`: "no escape",
		`{a(b:"\u12")}`: "no escape", `{a(b:"\u{1F600}")}`: "no escape", `{a(b:"\ud83d")}`: "no escape", `{a(b:"\ude00")}`: "no escape", `{a(b:"\ud83d\u0041")}`: "no escape",
		`{a(b:"\u+123")}`: "no escape", `{a(b:"\ud83dxde00")}`: "no escape",
		"{a(b:01)}": "no number", "{a(b:-)}": "no number", "{a(b:1.)}": "no number", "{a(b:1e)}": "no number", "{a(b:1x)}": "no number", "{a(b:0xF)}": "no number", "{a(b:1.2.3)}": "no number",
		"{a(b:.5)}": "'.'", "{a(b:+1)}": "'+'", "{a(b:1_0)}": "no number", "{a(b:-01)}": "no number", "{é}": "'é'", "{a\u00a0}": "place", "{a;b}": "';'", "{a|b}": "'|'", "{a&b}": "'&'",
		"{a}\r": "carriage return", "# x\r{a}": "carriage return", "\ufeff{a}": "control", "{a}\x00": "control", "{a(b:\"\x7f\")}": "control", "{a}#\u2028": "control", "{a}#\xff": "UTF-8",
		strings.Repeat("{a", 300):                                      "nested",
		"{a(b:" + strings.Repeat("[", 300):                             "nested",
		"{a(b:" + strings.Repeat("{c:", 300):                           "nested",
		"query($a:" + strings.Repeat("[", 300):                         "nested",
		strings.Repeat("{...", 300):                                    "nested",
		"{" + strings.Repeat("a ", maxTokens) + "}":                    "too many",
		"{a(b:" + strings.Repeat("[", 100_000):                         "nested",
		"query($a:A@b(c:" + strings.Repeat("[", 300):                   "nested",
		"{a(b:\"" + strings.Repeat("x", 1<<20) + "\n\")}":              "not closed",
		"{a" + strings.Repeat("(b:{c:[", 100) + strings.Repeat("]", 9): "",
	} {
		d, err := Parse(src)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.80q: %v, %v; want %q", src, d, err, reason)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("%.80q: an error of %d bytes", src, len(err.Error()))
		}
	}
	if _, err := Parse("{\n  a\n  b(1)\n}"); err == nil || !strings.Contains(err.Error(), "line 3, column") {
		t.Errorf("no place: %v", err)
	}
}

// FuzzParse: what is accepted, another reader takes for the same.
func FuzzParse(f *testing.F) {
	for _, s := range accepted {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Parse(src)
		if err != nil {
			return
		}
		if want, err := other(src); err != nil || spell(d) != want {
			t.Errorf("%q:\n%s\nby another reader, %v:\n%s", src, spell(d), err, want)
		}
	})
}
