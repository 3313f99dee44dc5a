//go:build linux

package run_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentguard/run/testbed"
)

// manyConnections opens 500 connections to the proxy, leaves each in the middle of a word, and then asks for something.
const manyConnections = `
import os, socket, urllib.request
proxy = os.environ["HTTPS_PROXY"].rpartition("/")[2].rpartition("@")[2].rpartition(":")
held = [socket.create_connection((proxy[0], int(proxy[2])), timeout=30) for _ in range(500)]
for one in held:
    one.sendall(b"CONNECT api.echo.test:443 HTTP/1.1\r\nHo")
ask = urllib.request.Request("https://api.echo.test/v1/things/7", headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]})
print(len(held), urllib.request.urlopen(ask, timeout=30).status)
`

// TestHostileChildren: a child that turns on who started it harms itself at most: its run goes on, and ends as it ended.
func TestHostileChildren(t *testing.T) {
	testbed.NeedsPython()(t)
	o := testbed.Start(t)
	program := testbed.Build(t, t.TempDir(), "agentguard")
	for _, level := range []string{"sealed", "filtered"} {
		s := testbed.NewSession(t, o, program, filepath.Join("testdata", "e2e", "policy.toml"))
		s.Isolate(level)
		for _, c := range []struct {
			name, script, says string
			code               int
		}{
			{"kills its parent", `for s in INT TERM HUP STOP KILL; do kill -$s $PPID 2>/dev/null; done; echo sur""vived; exit 4`, "survived", 4},
			{"closes all that it has", `exec <&- >&- 2>&-; exit 7`, "", 7},
			{"ignores all signals, and dies of one", `trap "" INT TERM HUP; kill -SEGV $$`, "", 139},
			{"opens 500 connections at once", testbed.Python + " -c '" + manyConnections + "'", "500 200", 0},
			{"leaves a daemon that holds its output", `setsid sh -c 'trap "" HUP TERM; sleep 300' & echo le""ft`, "left", 0},
		} {
			t.Run(level+"/"+c.name, func(t *testing.T) {
				r := s.Run(t, time.Minute, "sh", "-c", "ulimit -c 0; "+c.script)
				last := r.Audit[len(r.Audit)-1]
				if r.Code != c.code || !strings.Contains(r.Stdout, c.says) || last["event"] != "run.end" {
					t.Error(r)
				}
			})
		}
	}
}
