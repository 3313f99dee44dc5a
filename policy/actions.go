package policy

import "agentguard/policy/action"

// Info is one thing that a policy may name.
type Info = action.Info

// ActionServices are the services whose actions the catalogue knows, by name.
func ActionServices() []string { return action.Names() }

// Actions lists what a policy may name for a built-in service and matches the word, "" for all; nil for a service that
// is not built in.
func Actions(service, word string) []Info { return actionsOf(action.Lookup(service), word) }

// Actions is the same for the services that the policy uses, its own among them.
func (p *Policy) Actions(service, word string) []Info {
	return actionsOf(p.Services[service], word)
}

func actionsOf(svc *action.Service, word string) []Info {
	if svc == nil {
		return nil
	}
	list := []Info{}
	for _, i := range svc.List() {
		if i.Matches(word) {
			list = append(list, i)
		}
	}
	return list
}
