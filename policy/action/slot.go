package action

import (
	"fmt"
	"strings"
)

// SlotKind is a way in which a credential is put on a request.
type SlotKind uint8

// The kinds of slot. The zero value is none.
const (
	NoSlot SlotKind = iota
	Bearer          // Authorization: Bearer <secret>; the client's own scheme word ("token") is kept
	Basic           // Authorization: Basic base64(<Name>:<secret>); for no Name see Slot
	Header          // <Name>: <secret>
	Query           // ?<Name>=<secret>
	Body            // the field <Name> of a JSON or form body; swapped only, never added
	InPath          // a segment of the path; swapped only, never added
)

// Slot is one place of a request that may hold a credential: "bearer", "basic:x-access-token", "header:X-Api-Key",
// "query:key", "body:token", "path".
//
// Basic without a Name stands for services where the secret may be either half: the client's placeholder is swapped where
// it stands, as password behind a user name of the client's, or as user name with an empty password (Stripe's way). Where
// one is added, a secret that holds a colon is "user:password", any other is the user name with an empty password.
type Slot struct {
	Kind SlotKind
	Name string
}

// String is the policy's spelling.
func (s Slot) String() string {
	word := [...]string{"none", "bearer", "basic", "header", "query", "body", "path"}[s.Kind]
	if s.Name == "" {
		return word
	}
	return word + ":" + s.Name
}

// ParseSlot reads the policy's spelling.
func ParseSlot(s string) (Slot, error) {
	word, name, named := strings.Cut(s, ":")
	switch {
	case word == "bearer" && !named:
		return Slot{Bearer, ""}, nil
	case word == "path" && !named:
		return Slot{InPath, ""}, nil
	case word == "basic":
		return Slot{Basic, name}, nil
	case word == "header" && name != "":
		return Slot{Header, name}, nil
	case word == "query" && name != "":
		return Slot{Query, name}, nil
	case word == "body" && name != "":
		return Slot{Body, name}, nil
	}
	return Slot{}, fmt.Errorf("%q is not a place for a credential: use bearer, basic:USER, header:NAME, query:NAME, body:FIELD or path", s)
}
