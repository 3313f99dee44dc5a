package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// isLiteral says whether s is a number, true or false as JSON spells it.
func isLiteral(s string) bool {
	if s == "true" || s == "false" {
		return true
	}
	return len(s) <= maxWord && strings.Trim(s, "0123456789+-.eE") == "" && json.Valid([]byte(s))
}

// MarshalJSON keeps the order.
func (r Result) MarshalJSON() ([]byte, error) {
	var e encoder
	e.resultObject(r)
	return e.b, nil
}

var errResult = errors.New("result is not an object of texts, numbers and truth values")

// UnmarshalJSON keeps the order and the spelling of numbers.
func (r *Result) UnmarshalJSON(b []byte) error {
	*r = nil
	if string(b) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errResult
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return err
		}
		f := Field{Name: name.(string), Literal: true} // encoding/json has checked that b is an object
		switch v := value.(type) {
		case string:
			f.Value, f.Literal = v, false
		case json.Number:
			f.Value = v.String()
		case bool:
			f.Value = map[bool]string{true: "true", false: "false"}[v]
		default:
			return errResult
		}
		*r = append(*r, f)
	}
	return nil
}
