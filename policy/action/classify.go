package action

import "errors"

var errTodo = errors.New("not built yet")

// Classify reads one request for a service's host.
func Classify(s *Service, h *Host, r *Request) Match { return Match{Service: s} }
