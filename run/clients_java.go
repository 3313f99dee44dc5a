package run

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"

	"software.sslmate.com/src/go-pkcs12"
)

// trustStore makes a PKCS12 file of a PEM bundle. It has no password: it holds public certificates alone, a password
// would have to stand in JAVA_TOOL_OPTIONS for all to see, and the key derivation behind one costs milliseconds. Java
// reads such a file when no javax.net.ssl.trustStorePassword is given.
func trustStore(bundle []byte) ([]byte, error) {
	var entries []pkcs12.TrustStoreEntry
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			// Only Raw is read; parsing 140 roots would cost more than all the rest.
			entries = append(entries, pkcs12.TrustStoreEntry{Cert: &x509.Certificate{Raw: block.Bytes}, FriendlyName: strconv.Itoa(len(entries))})
		}
	}
	store, err := pkcs12.Passwordless.EncodeTrustStoreEntries(entries, "")
	if err != nil {
		return nil, fmt.Errorf("trust store for Java: %w", err)
	}
	return store, nil
}

// certificatesOnly leaves out what else a user's PEM file may hold: a private key must not be copied.
func certificatesOnly(text []byte) []byte {
	var out bytes.Buffer
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			pem.Encode(&out, &pem.Block{Type: block.Type, Bytes: block.Bytes})
		}
	}
	return out.Bytes()
}
