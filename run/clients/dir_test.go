package clients

import (
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"testing"

	"agentguard/proxy"
	"agentguard/run/environ"
)

// TestNameHash: the hashes are those of `openssl x509 -hash`.
func TestNameHash(t *testing.T) {
	for want, name := range map[string]pkix.Name{
		"7e9e0a23": {CommonName: "agentguard run CA", Organization: []string{"agentguard"}},
		"4042bcee": {CommonName: "ISRG Root X1", Organization: []string{"Internet Security Research Group"}, Country: []string{"US"}},
	} {
		if got, err := nameHash(name); got != want || err != nil {
			t.Errorf("%s: %s, want %s, %v", name, got, want, err)
		}
	}
}

// TestCertDir: the run's CA is found by both of its names, in no other directory than ours.
func TestCertDir(t *testing.T) {
	ca, err := proxy.NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Write(t.TempDir(), ca.PEM(), Config{Environ: &environ.Env{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"7e9e0a23.0", "agentguard.pem"} {
		if text, err := os.ReadFile(filepath.Join(f.CertDir, name)); string(text) != string(ca.PEM()) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for user, want := range map[string]string{"": f.CertDir, RootsDir: f.CertDir, "/mine": f.CertDir + string(filepath.ListSeparator) + "/mine"} {
		if got := f.certDirs(user); got != want {
			t.Errorf("beside %q: %s", user, got)
		}
	}
}
