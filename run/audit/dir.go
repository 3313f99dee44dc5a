package audit

import "path/filepath"

// Dirs gives the directories of logs and anchors below the user's state home ($XDG_STATE_HOME or its like).
func Dirs(stateHome string) (audit, anchors string) {
	home := filepath.Join(stateHome, "agentguard")
	return filepath.Join(home, "audit"), filepath.Join(home, "anchors")
}
