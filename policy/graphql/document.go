// Package graphql reads what a client asks a GraphQL server to execute: operations and fragments. It knows no schema. What
// servers read differently, or only some of them (block strings, descriptions, fragments with variables, characters that
// end a line for some), is an error, and so is whatever goes beyond its bounds.
package graphql

// Document holds the operations and fragments of a text, in their order. Names may be there twice.
type Document struct {
	Operations []*Operation
	Fragments  []*Fragment
}

// Operation is one that a request may choose.
type Operation struct {
	Kind      string // Query, Mutation or Subscription
	Name      string // "" for one without
	Variables []Variable
	Set       []Selection
}

// The kinds of operations.
const (
	Query        = "query"
	Mutation     = "mutation"
	Subscription = "subscription"
)

// Variable is one that an operation declares.
type Variable struct {
	Name    string
	Default *Value // nil if there is none; it holds no variables
}

// Fragment is a set of selections that others name.
type Fragment struct {
	Name string
	Set  []Selection
}

// Selection is a field, the name of a fragment to put here, or else what an inline fragment holds. Conditions on types,
// and directives, of which @skip and @include may take it out, are read and left out.
type Selection struct {
	Field  *Field
	Spread string
	Set    []Selection
}

// Field is what is asked of an object.
type Field struct {
	Alias     string // the name it has in the answer: its own if it was given none
	Name      string
	Arguments []Argument
	Set       []Selection
}

// Argument is a named value: of a field, or within an object.
type Argument struct {
	Name  string
	Value *Value
}

// Value is one of a literal's, by its kind.
type Value struct {
	Kind   Kind
	Text   string     // of a Variable its name, of a String what it means, of others as it was written
	Items  []*Value   // of a List
	Fields []Argument // of an Object
}

// Kind is what sort of value a literal is.
type Kind uint8

// The kinds of values (GraphQL, section 2.9). The zero Kind is none.
const (
	_ Kind = iota
	VariableName
	Number
	String
	Boolean
	Null
	Enum
	List
	Object
)
