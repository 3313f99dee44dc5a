//go:build unix

package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"agentguard/run/environ"
)

// TestPipesAreNotWaitedFor: in the place of files of the user's that every start reads.
func TestPipesAreNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, ".wgetrc"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Symlink(pipe, link)
	ca, _ := authority(t)
	f, err := Write(t.TempDir(), ca, Config{Environ: environ.Of([]string{"HOME=" + dir, "SSL_CERT_FILE=" + pipe, "NODE_EXTRA_CA_CERTS=" + link}), Roots: pipe})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Bundle); err != nil || !bytes.Contains(text, ca) {
		t.Errorf("%v: %s", err, text)
	}
}
