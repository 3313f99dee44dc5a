package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestDialWaitsForAFile: where as many files are open as may be, one that comes free is waited for, and those of idle connections are
// given up; but not for ever.
func TestDialWaitsForAFile(t *testing.T) {
	l := listenHere(t)
	left, freed := 3, 0
	d := &dialer{net.Dialer{Timeout: patience, Control: func(string, string, syscall.RawConn) error {
		if left--; left >= 0 {
			return syscall.EMFILE
		}
		return nil
	}}, func() { freed++ }}
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil || freed != 3 {
		t.Fatal(err, freed)
	}
	c.Close()
	left, d.Timeout = 1e9, time.Second/2
	if _, err := d.DialContext(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, syscall.EMFILE) {
		t.Error(err)
	}
}

// TestFewFiles: as many connections are served at once as there are files for; the others wait their turn.
func TestFewFiles(t *testing.T) {
	for files, want := range map[int]int{0: maxConns, 1 << 20: maxConns, 1024: 488, 64: 8, 1: 4} {
		if got := cap(placesFor(files)); got != want {
			t.Errorf("%d files: %d places, want %d", files, got, want)
		}
	}
	var mu sync.Mutex
	now, most := 0, 0
	count := func(n int) { mu.Lock(); defer mu.Unlock(); now += n; most = max(most, now) }
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		count(1)
		time.Sleep(50 * time.Millisecond)
		count(-1)
	}, rigOptions{adjust: func(c *Config, _ *UpstreamConfig) { c.OpenFiles = 1 }})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			resp, err := r.inside("api.example.com:443", "api.example.com", "GET /items/1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
			if err != nil || resp.StatusCode != 200 {
				t.Error(resp, err)
				return
			}
			io.Copy(io.Discard, resp.Body)
		})
	}
	wg.Wait()
	if most > 4 {
		t.Errorf("%d at once", most)
	}
	if e := strings.Join(r.reached(), " "); strings.Count(e, "GET") != 12 {
		t.Error(e)
	}
}
