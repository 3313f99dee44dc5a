package action

import (
	"errors"
	"fmt"
	"strings"
)

// statements makes one action of each statement.
func (x *awsRequest) statements(m *Match) error {
	operation := m.Actions[0].Operation
	list := map[string]string{"dynamodb:BatchExecuteStatement": "Statements", "dynamodb:ExecuteTransaction": "TransactStatements"}[operation]
	var items []any
	var err error
	if list != "" {
		items, err = x.items(list)
	} else {
		var one map[string]any
		one, err = x.body("Statement")
		items = []any{one}
	}
	if err != nil {
		return err
	}
	m.Actions = nil
	for _, item := range items {
		one, _ := item.(map[string]any)
		text, _ := one["Statement"].(string)
		a, err := partiQL(text)
		if err != nil {
			return fmt.Errorf("a statement: %w", err)
		}
		a.Operation = operation
		m.add(a)
	}
	return nil
}

// partiQL reads what one statement does ("PartiQL for DynamoDB reference"), and to which table where it says so in a plain way.
func partiQL(text string) (a Action, err error) {
	words, err := partiQLWords(text)
	if err != nil {
		return a, err
	}
	switch a.Class = Write; strings.ToLower(words[0]) {
	case "select", "exists":
		a.Name, a.Class = "dynamodb:PartiQLSelect", Read
	case "insert":
		a.Name = "dynamodb:PartiQLInsert"
	case "update":
		a.Name = "dynamodb:PartiQLUpdate"
	case "delete":
		a.Name = "dynamodb:PartiQLDelete"
	default:
		return a, fmt.Errorf("it begins with %q, which is none of SELECT, INSERT, UPDATE, DELETE, EXISTS", clip(words[0]))
	}
	if table := partiQLTable(words); table != "" {
		a.Resource, err = awsResource("table", table, "")
	}
	return a, err
}

// partiQLTable is the table of a statement, "" where that is not plain to see.
func partiQLTable(words []string) string {
	verb, at := strings.ToLower(words[0]), 0
	for i, w := range words {
		switch w = strings.ToLower(w); {
		case w == "from" && at > 0:
			return "" // there are two, or the first was none
		case w == "from" && verb != "update" && verb != "insert", w == "into" && verb == "insert" && i == 1, i == 0 && verb == "update":
			at = i + 1
		}
	}
	if at == 0 || at == len(words) || verb == "delete" && at != 2 {
		return ""
	}
	name, quoted := strings.CutPrefix(words[at], `"`)
	if !quoted && !letter(name[0]) {
		return ""
	}
	if at+1 < len(words) && !letter(words[at+1][0]) && strings.IndexByte(".);", words[at+1][0]) < 0 {
		return "" // the name goes on
	}
	return name
}

// partiQLWords takes a statement apart into words, names and texts (with their first quote in front) and single signs. Comments,
// Ion and a second statement are refused.
func partiQLWords(s string) (words []string, err error) {
	const space = " \t\r\n"
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		n := 1
		switch c := s[0]; {
		case c == '"' || c == '\'':
			end := strings.IndexByte(s[1:], c)
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			words, s = append(words, s[:end+1]), s[end+2:]
			continue
		case c == '`' || strings.HasPrefix(s, "--") || strings.HasPrefix(s, "/*"):
			return nil, errors.New("it holds a comment, or a value of Ion")
		case c == ';' && strings.Trim(s, ";"+space) != "":
			return nil, errors.New("another one follows it")
		case letter(c):
			for n < len(s) && (letter(s[n]) || s[n] >= '0' && s[n] <= '9') {
				n++
			}
		}
		words, s = append(words, s[:n]), s[n:]
	}
	if len(words) == 0 {
		return nil, errAWSItems
	}
	return words, nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
