package run

import (
	"fmt"
	"strings"
	"testing"
)

// The child provokes notices at will; they must not flood the terminal, nor move its cursor.
func TestNoticesAreBoundedAndSafe(t *testing.T) {
	var said []string
	s := &session{Config: Config{Say: func(format string, a ...any) { said = append(said, fmt.Sprintf(format, a...)) }}}
	for i := range 1000 {
		for range 2 {
			s.notice(fmt.Sprintf("\x1b[2Jstrayed\n%d", i) + strings.Repeat("x", 10000))
		}
	}
	all := strings.Join(said, "")
	if len(said) != maxNotices || !strings.Contains(said[maxNotices-1], "audit log") || len(all) > maxNotices*500 || strings.ContainsAny(all, "\x1b\n") || said[0] == said[1] {
		t.Errorf("%d lines, %d bytes, the last %q", len(said), len(all), said[len(said)-1])
	}
}
