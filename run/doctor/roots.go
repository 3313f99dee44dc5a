package doctor

import (
	"context"
	"crypto/x509"
	"strings"
)

// checkRoots looks whether this machine knows any certificate authority. Small images of containers come without.
func checkRoots(_ context.Context, c *Config) []Finding {
	roots, err := x509.SystemCertPool()
	if err == nil && !roots.Equal(x509.NewCertPool()) {
		return one(OK, "roots", "there are some", "")
	}
	what := "there are none"
	for _, e := range c.Environ {
		if name, value, _ := strings.Cut(e, "="); value != "" && (name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR") { // which crypto/x509 reads
			what += ", and " + name + " is " + value
		}
	}
	const fix = "install ca-certificates, or set SSL_CERT_FILE to a file of certificates"
	if p := c.usable(); p != nil && p.Upstream.CA != "" {
		return one(Warn, "roots", what+": hosts are trusted for upstream.ca of the policy alone", fix)
	}
	return one(Fail, "roots", what, fix)
}
