package run

import (
	"slices"
	"sync"

	"agentguard/run/audit"
)

// maxNotices bounds what the proxy may say at the terminal: the child can provoke it at will.
const maxNotices = 20

// notices are what a person was told in this run.
type notices struct {
	mu   sync.Mutex
	told []string
}

// notice tells the person something once: agents try again.
func (s *session) notice(text string) {
	text = audit.Clip(text, 400)
	n := &s.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.told) >= maxNotices || slices.Contains(n.told, text) {
		return
	}
	if n.told = append(n.told, text); len(n.told) == maxNotices {
		text = "more of this kind is only in the audit log"
	}
	s.Say("%s", text)
}
