package action

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Security 1: bodies that decide an action have one strict reading.
func TestStrictJSON(t *testing.T) {
	for text, want := range map[string]any{
		`null`: nil, ` true `: true, `"aü\n\u00e9\ud83d\ude00"`: "aü\né😀", `-1.5e+3`: Number("-1.5e+3"), `0`: Number("0"),
		`[]`: []any{}, `[1,"x"]`: []any{Number("1"), "x"}, `{"a":{"B":1},"b":[]}`: map[string]any{"a": map[string]any{"B": Number("1")}, "b": []any{}},
	} {
		if v, err := strictJSON([]byte(text), "state"); err != nil || !reflect.DeepEqual(v, want) {
			t.Errorf("%s: %#v, %v", text, v, err)
		}
	}
	for text, reason := range map[string]string{
		"": "ends early", `{"a":1,"a":2}`: "twice", `{"x":[{"a":1,"a":2}]}`: "twice", `{"State":1}`: "case alone", `{"ſtate":1}`: "case alone",
		`{"\u0073tate":1}`: "escapes", `{"a\"":1}`: "escapes", `{} {}`: "follows", `{}x`: "follows", "\ufeff{}": "byte order mark",
		"\"\xff\"": "UTF-8", `"\ud800"`: "surrogate", `"\ud800\u0041"`: "surrogate", `"\u12g4"`: "hexadecimal", `"\u12`: "not closed",
		`"\x"`: "escape", "\"a\nb\"": "control", `"a`: "not closed", `{"a"}`: "colon", `{a:1}`: "no key", `{'a':1}`: "no key",
		`{"a":1,}`: "comma", `[1,]`: "comma", `[1 2]`: "comma", `[`: "", `01`: "number", `1.`: "number", `.5`: "no value", `+1`: "no value",
		`1e`: "number", `-`: "number", `NaN`: "no value", `tru`: "no value", `truex`: "follows", `//x`: "no value", `/*x*/1`: "no value",
		strings.Repeat("[", 200) + strings.Repeat("]", 200): "nested",
	} {
		if v, err := strictJSON([]byte(text), "state"); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %#v, %v; want %q", text, v, err, reason)
		}
	}
}

func TestStrictFields(t *testing.T) {
	m, err := strictFields([]byte(`{"messages":[{"model":"no","a":"\ud83d\ude00\n"}],"model":"m","n":1.5}`), "model")
	if err != nil || !reflect.DeepEqual(m, map[string]any{"model": "m"}) {
		t.Errorf("%v, %v", m, err)
	}
	for text, reason := range map[string]string{
		`{"model":"a","x":1,"x":2}`: "twice", `{"x":{"\u0061":1}}`: "escapes", `{"Model":"a"}`: "case alone", `[]`: "not a JSON object",
		`{"x":"\ud800"}`: "surrogate", `{"x":[1,]}`: "comma",
	} {
		if m, err := strictFields([]byte(text), "model"); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `"\ud83d\ude00"`, `-0.1e9`, `{"state":"x"}`, `[[],{}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := strictJSON(b, "state")
		if _, fieldsErr := strictFields(b, "state"); err == nil && fieldsErr != nil {
			if _, ok := v.(map[string]any); ok {
				t.Fatalf("%q: strictFields alone refuses: %v", b, fieldsErr)
			}
		}
		if err != nil {
			return
		}
		var std any
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		if err := d.Decode(&std); err != nil || !reflect.DeepEqual(plainNumbers(v), std) {
			t.Fatalf("%q: %#v, encoding/json %#v, %v", b, v, std, err)
		}
	})
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case Number:
		return json.Number(v)
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}
