package job

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// caught says whether this process has a handler for a signal (proc_pid_status(5)).
func caught(t *testing.T, s syscall.Signal) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "SigCgt:\t")
	mask, err := strconv.ParseUint(rest[:16], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask>>(s-1)&1 == 1
}

// TestDeadlyByDefault: a signal that ends a program at once has no handler until it is asked for, and has one then.
func TestDeadlyByDefault(t *testing.T) {
	EndByDefault()
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		if caught(t, s) {
			t.Errorf("%v is caught", s)
		}
		came := make(chan os.Signal, 1)
		signal.Notify(came, s)
		if !caught(t, s) {
			t.Fatalf("%v would end us", s)
		}
		syscall.Kill(os.Getpid(), s)
		select {
		case <-came:
		case <-time.After(time.Minute):
			t.Errorf("%v did not come", s)
		}
		signal.Stop(came)
	}
}
