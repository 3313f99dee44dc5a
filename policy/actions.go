package policy

import "agentguard/policy/action"

// ActionServices are the services whose actions the catalogue knows, by name.
func ActionServices() []string { return action.Names() }

// Actions lists what a policy may name for a built-in service and matches the word, "" for all; nil for a service that
// is not built in.
func Actions(service, word string) []action.Info {
	svc := action.Lookup(service)
	if svc == nil {
		return nil
	}
	list := []action.Info{}
	for _, i := range svc.List() {
		if i.Matches(word) {
			list = append(list, i)
		}
	}
	return list
}
