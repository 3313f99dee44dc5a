package action

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ReplyToLookUp is what a service would say to one of our own questions, what ids belong to, if facts were all that it knew.
// It serves who plays the service; ok is false for a body that is no such question.
func ReplyToLookUp(body []byte, facts map[string]Fact) (reply []byte, ok bool) {
	var q struct {
		Query     string
		Variables map[string]any
	}
	if json.Unmarshal(body, &q) != nil {
		return nil, false
	}
	data := map[string]any{}
	switch {
	case q.Query == nodesQuery:
		ids, _ := q.Variables["ids"].([]any)
		nodes := make([]any, len(ids))
		for i, id := range ids {
			text, _ := id.(string)
			if f, known := facts[text]; known {
				nodes[i] = nodeOf(f)
			}
		}
		data["nodes"] = nodes
	case strings.HasPrefix(q.Query, "query($a0:String!,"):
		for name, id := range q.Variables {
			_, kind, _ := strings.Cut(q.Query, " "+name+":")
			kind, _, _ = strings.Cut(kind, "(")
			if f, known := facts[fmt.Sprintf("%s/%v", kind, id)]; known {
				data[name] = map[string]any{"key": f.Resource.Name}
			}
		}
	default:
		return nil, false
	}
	reply, err := json.Marshal(map[string]any{"data": data})
	return reply, err == nil
}

// nodeOf is an id's fact as nodesQuery is answered.
func nodeOf(f Fact) map[string]any {
	name := f.Resource.Name
	switch {
	case f.Ref != "":
		return map[string]any{"__typename": "Ref", "name": f.Ref, "repository": map[string]any{"nameWithOwner": name}}
	case f.Resource.Kind == "org":
		return map[string]any{"__typename": "Organization", "login": name}
	case f.Resource.Kind == "user":
		return map[string]any{"__typename": "User", "login": name}
	}
	return map[string]any{"__typename": "Repository", "nameWithOwner": name}
}
