package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"time"
)

// CA signs the certificates that the child sees. Its key lives in memory, for one run.
type CA struct {
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	leafKey *ecdsa.PrivateKey // one for all leaves: a signature mints a leaf
	now     func() time.Time

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

const (
	caLife    = 365 * 24 * time.Hour
	leafLife  = 30 * 24 * time.Hour // some clients refuse more than 398 days
	clockSlip = time.Hour
	maxLeaves = 512 // 9 KB each
)

// NewCA makes a CA for one run. If now is nil, time.Now.
func NewCA(now func() time.Time) (*CA, error) {
	if now == nil {
		now = time.Now
	}
	c := &CA{now: now, leaves: map[string]*tls.Certificate{}}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if c.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "agentguard run CA", Organization: []string{"agentguard"}},
		NotBefore: now().Add(-clockSlip), NotAfter: now().Add(caLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key)
	if err != nil {
		return nil, err
	}
	c.cert, err = x509.ParseCertificate(der)
	return c, err
}

// PEM is the CA's certificate.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// Leaf gives a certificate for exactly host, a canonical name or IP address.
func (c *CA) Leaf(host string) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.leaves[host]; leaf != nil && c.now().Before(leaf.Leaf.NotAfter.Add(-leafLife/2)) {
		return leaf, nil
	}
	if len(c.leaves) >= maxLeaves {
		clear(c.leaves)
	}
	leaf, err := c.mint(host)
	if err == nil {
		c.leaves[host] = leaf
	}
	return leaf, err
}

func (c *CA) mint(host string) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: c.now().Add(-clockSlip), NotAfter: c.now().Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, SubjectKeyId: c.cert.SubjectKeyId[:8:8],
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	if len(host) <= 64 { // ub-common-name, RFC 5280 appendix A.1
		template.Subject.CommonName = host
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, c.leafKey.Public(), c.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: c.leafKey, Leaf: leaf}, nil
}

// serial is 127 random bits.
func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
