package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// openAPI is what a table needs of an OpenAPI document.
type openAPI struct {
	Paths map[string]map[string]json.RawMessage
}

// rows lists the operations of a document; a path's other members (parameters, summary) are no methods.
func (d openAPI) rows(name func(method, template, id string) (row, bool)) ([]row, error) {
	var rows []row
	for template, item := range d.Paths {
		for method, raw := range item {
			if !slices.Contains([]string{"get", "put", "post", "patch", "delete", "head"}, method) {
				continue
			}
			var op struct{ OperationID string }
			if err := json.Unmarshal(raw, &op); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, template, err)
			}
			if r, ok := name(strings.ToUpper(method), template, op.OperationID); ok {
				rows = append(rows, r)
			}
		}
	}
	return rows, nil
}
