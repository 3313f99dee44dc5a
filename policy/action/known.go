package action

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// Bounds: how many ids one request may hold, and how many facts a run remembers.
const (
	maxIDs   = 100
	maxFacts = 10_000
)

// Fact is what a service knows of one of its ids.
type Fact struct {
	Resource Resource // what it belongs to; zero: the service does not say
	Ref      string   // of the id of a git ref: "refs/heads/main"
}

// ParseFact reads "repo:o/r", or "repo:o/r refs/heads/main" of the id of a ref.
func ParseFact(s string) (Fact, error) {
	resource, ref, _ := strings.Cut(s, " ")
	kind, name, ok := strings.Cut(resource, ":")
	if !ok || kind == "" || name == "" || strings.Contains(ref, " ") {
		return Fact{}, fmt.Errorf("%q is not of the form KIND:NAME, or KIND:NAME REF", s)
	}
	return Fact{Resource{kind, name}, ref}, nil
}

// Known is what the services have told about their ids in one run. Several requests that need the same id at once put one
// question. It is safe for concurrent use; a nil one remembers nothing.
type Known struct {
	mu    sync.Mutex
	known map[string]Fact          // by service and id
	asked map[string]chan struct{} // closed when the answer is there
}

// Learn adds a fact. When there are too many, some other one is forgotten.
func (k *Known) Learn(service, id string, f Fact) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.learn(service+" "+id, f)
}

func (k *Known) learn(key string, f Fact) {
	if k.known == nil {
		k.known = map[string]Fact{}
	}
	if _, old := k.known[key]; !old && len(k.known) >= maxFacts {
		for other := range k.known {
			delete(k.known, other)
			break
		}
	}
	k.known[key] = f
}

// facts gives what is known of ids, and asks for the rest: those that another request is asking for already when that has
// ended without them. What does not last is asked each time and not remembered.
func (k *Known) facts(service string, ids []string, lasting bool, ask func([]string) (map[string]Fact, error)) (map[string]Fact, error) {
	if k == nil {
		return ask(ids)
	}
	out := map[string]Fact{}
	if !lasting {
		return out, k.passing(service, ids, out, ask)
	}
	mine, others := k.claim(service, ids, out)
	err := k.fetch(service, mine, out, ask, true)
	var late []string
	for id, asked := range others {
		<-asked
		k.mu.Lock()
		f, ok := k.known[service+" "+id]
		k.mu.Unlock()
		if ok {
			out[id] = f
		} else {
			late = append(late, id)
		}
	}
	return out, errors.Join(err, k.fetch(service, late, out, ask, false))
}

// passing asks for what nobody has told beforehand.
func (k *Known) passing(service string, ids []string, out map[string]Fact, ask func([]string) (map[string]Fact, error)) error {
	var unknown []string
	k.mu.Lock()
	for _, id := range ids {
		if f, ok := k.known[service+" "+id]; ok {
			out[id] = f
		} else {
			unknown = append(unknown, id)
		}
	}
	k.mu.Unlock()
	if unknown == nil {
		return nil
	}
	told, err := ask(unknown)
	maps.Copy(out, told)
	return err
}

// claim sorts ids into those that are known, those that nobody asks for yet, and those that somebody does.
func (k *Known) claim(service string, ids []string, out map[string]Fact) (mine []string, others map[string]chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		key := service + " " + id
		if f, ok := k.known[key]; ok {
			out[id] = f
			continue
		}
		if asked := k.asked[key]; asked != nil {
			if others == nil {
				others = map[string]chan struct{}{}
			}
			others[id] = asked
			continue
		}
		if k.asked == nil {
			k.asked = map[string]chan struct{}{}
		}
		k.asked[key] = make(chan struct{})
		mine = append(mine, id)
	}
	return mine, others
}

// fetch asks, and remembers the answer; claimed ids are released.
func (k *Known) fetch(service string, ids []string, out map[string]Fact, ask func([]string) (map[string]Fact, error), claimed bool) error {
	if len(ids) == 0 {
		return nil
	}
	var told map[string]Fact
	defer func() { // whatever becomes of ask
		k.mu.Lock()
		defer k.mu.Unlock()
		for id, f := range told {
			k.learn(service+" "+id, f)
		}
		for _, id := range ids {
			if key := service + " " + id; claimed {
				close(k.asked[key])
				delete(k.asked, key)
			}
		}
	}()
	told, err := ask(ids)
	maps.Copy(out, told)
	return err
}
