package clients

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"agentguard/run/environ"
)

// decoded gives what encoding/pem finds.
func decoded(text []byte) (certificates [][]byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			certificates = append(certificates, block.Bytes)
		}
	}
	return certificates
}

func found(text []byte) (ders [][]byte) {
	for _, der := range certificates(text) {
		ders = append(ders, bytes.Clone(der))
	}
	return ders
}

const (
	aCertificate = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"
	aKey         = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
)

func TestCertificatesOnly(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a certificate":            {aCertificate, aCertificate},
		"comments and a key":       {"mine\n" + aKey + "theirs\n" + aCertificate, aCertificate},
		"no line break at the end": {"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----", aCertificate},
		"Windows line ends":        {"-----BEGIN CERTIFICATE-----\r\nAQID\r\n-----END CERTIFICATE-----\r\n", "-----BEGIN CERTIFICATE-----\r\nAQID\r\n-----END CERTIFICATE-----\n"},
		"blanks":                   {"-----BEGIN CERTIFICATE----- \nAQID \t\n-----END CERTIFICATE-----\n", aCertificate},
		"cut off":                  {"-----BEGIN CERTIFICATE-----\nAQID\n" + aCertificate, aCertificate},
		"a key in a certificate":   {"-----BEGIN CERTIFICATE-----\n" + aKey + "-----END CERTIFICATE-----\n" + aCertificate, aCertificate},
		"headers":                  {"-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\nAQID\n-----END CERTIFICATE-----\n", ""},
		"one line":                 {"-----BEGIN CERTIFICATE-----AQID-----END CERTIFICATE-----\n", ""},
		"half a group of base64":   {"-----BEGIN CERTIFICATE-----\nAQI\n-----END CERTIFICATE-----\n", ""},
		"another kind of end":      {"-----BEGIN CERTIFICATE-----\nAQID\n-----END PRIVATE KEY-----\n", ""},
		"no certificate":           {aKey, ""},
		"nothing":                  {"", ""},
	} {
		if got := string(certificatesOnly([]byte(c.text))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCertificatesOfThisSystem(t *testing.T) {
	for _, path := range systemRoots {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if got, want := found(text), decoded(text); len(want) == 0 || !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
			t.Errorf("%s: %d certificates, encoding/pem finds %d", path, len(got), len(want))
		}
		return
	}
	t.Skip("needs a file of root certificates")
}

func TestAFileIsInTheBundleOnce(t *testing.T) {
	dir := t.TempDir()
	roots, link := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "link.pem")
	if err := os.WriteFile(roots, []byte(aCertificate), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(roots, link); err != nil {
		t.Skip("needs symbolic links")
	}
	env := environ.Of([]string{"SSL_CERT_FILE=" + link, "NODE_EXTRA_CA_CERTS=" + roots})
	bundle := Config{Environ: env, Roots: roots}.bundle([]byte("the run's CA"))
	if want := aCertificate + "\nthe run's CA"; string(bytes.Join(bundle, nil)) != want {
		t.Errorf("bundle %q, want %q", bundle, want)
	}
}

// FuzzCertificatesOnly: what comes out is PEM that holds what we took for certificates, and nothing else.
func FuzzCertificatesOnly(f *testing.F) {
	f.Add([]byte(aKey + aCertificate))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\r\nAQ==\r\n-----END CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, text []byte) {
		out := certificatesOnly(text)
		want := found(text)
		if got := decoded(out); !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
			t.Errorf("%q: %q is %x, want %x", text, out, got, want)
		}
		if len(want) > 0 && bytes.Count(out, []byte("-----BEGIN ")) != len(want) {
			t.Errorf("%q: more than certificates in %q", text, out)
		}
	})
}

// FuzzTrustStore: whatever a bundle holds, its trust store is DER of the length that it says.
func FuzzTrustStore(f *testing.F) {
	f.Add([]byte(aCertificate))
	f.Add(bytes.Repeat([]byte(aCertificate), 200))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		store := trustStore([][]byte{bundle})
		n, header := int(store[1]), 2
		if n >= 0x80 {
			header += n & 0x7f
			n = 0
			for _, b := range store[2:header] {
				n = n<<8 | int(b)
			}
		}
		if store[0] != derSequence || header+n != len(store) {
			t.Errorf("%q: %x", bundle, store)
		}
	})
}
