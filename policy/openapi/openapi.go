// Package openapi reads from the description of an HTTP API (OpenAPI 3, Swagger 2) what a policy needs: where its servers
// are, and which operations there are, by method, path and name. Descriptions are JSON (RFC 8259) or YAML 1.2; of YAML it
// reads what descriptions use, see yaml.go. The rest of a description is passed over, but must be of that form. What two
// readers could take differently is an error with its line. It does no I/O.
package openapi

import (
	"bytes"
	"fmt"
	"strings"
)

// Document is what was read.
type Document struct {
	Servers    []Server
	Operations []Operation // in the order of the description
}

// Server is one of the places where the API is.
type Server struct {
	URL       string // "https://api.example.com/v2", or "/v2" on the host that has the description
	Variables bool   // it was written with {variables}; the URL has their defaults, and {x} where x has none
	Line      int
}

// Operation is one method of one path.
type Operation struct {
	Method string // in capital letters
	Path   string // as written: "/customers/{id}"
	ID     string // its operationId, "" where it has none
	Class  string // its x-agentguard-class, "" where it has none
	Line   int
	// Elsewhere says that it, or its path, has servers of its own: it is not where the others are.
	Elsewhere bool
}

// Error is why a description cannot be read.
type Error struct {
	Line    int
	Message string
	Hint    string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Message) }

// source is the text of a description while it is read, JSON or YAML: at each moment one value is next, which is taken by
// one of these. What is not taken is passed over.
type source interface {
	// object reads a mapping. each is told every key and takes its value, or leaves it. A key that stands twice is an error.
	object(each func(key string, line int) error) error
	// list reads a sequence; each takes an item, or leaves it.
	list(each func(line int) error) error
	// text reads a string.
	text() (string, error)
}

// maxDepth bounds nesting: the readers recurse.
const maxDepth = 100

// maxOperations bounds what a description may hold: the largest that is published has some 16,000.
const maxOperations = 50_000

// Parse reads a description. The error is an *Error.
func Parse(b []byte) (*Document, error) {
	var s source
	var err error
	if trimmed := bytes.TrimLeft(b, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		s, err = newJSON(b)
	} else {
		s, err = newYAML(b)
	}
	if err != nil {
		return nil, err
	}
	d := &draft{source: s, ids: map[string]int{}}
	if err := d.root(); err != nil {
		return nil, err
	}
	return &d.Document, nil
}

// draft is a document while it is read.
type draft struct {
	source
	Document
	version            string
	host, base         string // of Swagger 2
	schemes            []string
	hostLine, baseLine int
	paths              bool
	ids                map[string]int // the line of each operationId
}

func (d *draft) root() error {
	err := d.object(func(key string, line int) (err error) {
		switch key {
		case "openapi", "swagger":
			if d.version, err = d.text(); err == nil && (key != "openapi" || !strings.HasPrefix(d.version, "3.")) && (key != "swagger" || d.version != "2.0") {
				err = &Error{line, fmt.Sprintf("%s %q is not known", key, d.version), "OpenAPI 3 and Swagger 2.0 are"}
			}
		case "servers":
			return d.servers()
		case "host":
			d.hostLine = line
			d.host, err = d.text()
		case "basePath":
			d.baseLine = line
			d.base, err = d.text()
		case "schemes":
			return d.list(func(int) error {
				scheme, err := d.text()
				d.schemes = append(d.schemes, scheme)
				return err
			})
		case "paths":
			d.paths = true
			return d.object(d.path)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case d.version == "":
		return &Error{1, "is no description of an API: it says neither openapi nor swagger", ""}
	case !d.paths:
		return &Error{1, "has no paths", ""}
	}
	if d.version == "2.0" {
		d.swagger()
	}
	return nil
}

// swagger puts the parts of a Swagger 2 address together. Where no scheme is named it is that of the description, which
// is taken for https.
func (d *draft) swagger() {
	d.Servers = nil
	switch {
	case d.host == "" && d.base == "":
		return
	case d.host == "":
		d.Servers = []Server{{URL: d.base, Line: d.baseLine}}
		return
	}
	scheme := "https"
	if len(d.schemes) > 0 && !contains(d.schemes, scheme) {
		scheme = d.schemes[0]
	}
	d.Servers = []Server{{URL: scheme + "://" + d.host + d.base, Line: d.hostLine}}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// servers reads the list of OpenAPI 3 ("Server Object").
func (d *draft) servers() error {
	return d.list(func(line int) error {
		s := Server{Line: line}
		defaults := map[string]string{}
		err := d.object(func(key string, line int) (err error) {
			switch key {
			case "url":
				s.Line = line
				s.URL, err = d.text()
			case "variables":
				return d.object(func(name string, _ int) error {
					return d.object(func(key string, _ int) (err error) {
						if key == "default" {
							defaults[name], err = d.text()
						}
						return err
					})
				})
			}
			return err
		})
		if err != nil {
			return err
		}
		s.fill(defaults)
		d.Servers = append(d.Servers, s)
		return nil
	})
}

// fill puts the defaults in the place of a URL's variables.
func (s *Server) fill(defaults map[string]string) {
	s.Variables = strings.Contains(s.URL, "{")
	var pairs []string
	for name, value := range defaults {
		pairs = append(pairs, "{"+name+"}", value)
	}
	s.URL = strings.NewReplacer(pairs...).Replace(s.URL)
}

// methods are the keys of a path that are operations ("Path Item Object").
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

func (d *draft) path(path string, line int) error {
	if strings.HasPrefix(path, "x-") {
		return nil // an extension
	}
	if !strings.HasPrefix(path, "/") {
		return &Error{line, fmt.Sprintf("the path %q does not begin with a slash", path), ""}
	}
	first, elsewhere := len(d.Operations), false
	err := d.object(func(key string, line int) error {
		switch {
		case key == "$ref":
			return &Error{line, fmt.Sprintf("the path %q stands somewhere else ($ref)", path), "bundle the description into one file"}
		case key == "servers":
			elsewhere = true
		case contains(methods, key):
			return d.operation(strings.ToUpper(key), path, line)
		}
		return nil
	})
	for i := range d.Operations[first:] {
		d.Operations[first+i].Elsewhere = d.Operations[first+i].Elsewhere || elsewhere
	}
	return err
}

func (d *draft) operation(method, path string, line int) error {
	if len(d.Operations) == maxOperations {
		return &Error{line, fmt.Sprintf("there are more than %d operations", maxOperations), ""}
	}
	op := Operation{Method: method, Path: path, Line: line}
	err := d.object(func(key string, line int) (err error) {
		switch key {
		case "operationId":
			if op.ID, err = d.text(); err != nil {
				return err
			}
			if first, twice := d.ids[op.ID]; twice {
				return &Error{line, fmt.Sprintf("operationId %q stands in line %d too", op.ID, first), "a name stands for one operation: give them two"}
			}
			d.ids[op.ID] = line
		case "x-agentguard-class":
			op.Class, err = d.text()
		case "servers":
			op.Elsewhere = true
		}
		return err
	})
	d.Operations = append(d.Operations, op)
	return err
}
