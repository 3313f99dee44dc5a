package run

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of a PKCS12 trust store (RFC 7292 section 4, RFC 2985 section 5.5.1).
var (
	oidData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidCertBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	// Without this attribute Java takes a certificate for no trust anchor (sun.security.pkcs12.PKCS12KeyStore,
	// ORACLE_TrustedKeyUsage), with the value anyExtendedKeyUsage.
	oidJavaTrusted = asn1.ObjectIdentifier{2, 16, 840, 1, 113894, 746875, 1, 1}
	oidAnyUsage    = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
)

// trustStore makes a PKCS12 file of a PEM bundle. It has no password: it holds public certificates alone, a password
// would have to stand in JAVA_TOOL_OPTIONS for all to see, and the key derivation behind one costs milliseconds. Java
// reads such a file when no javax.net.ssl.trustStorePassword is given. Written out here because go-pkcs12 takes
// twice as long and three times the memory for the 140 roots of a system; the tests read it back with it and with Java.
func trustStore(bundle []byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(bundle)))
	b.AddASN1(der.SEQUENCE, func(pfx *cryptobyte.Builder) {
		pfx.AddASN1Int64(3)
		addData(pfx, func(safes *cryptobyte.Builder) {
			addData(safes, func(bags *cryptobyte.Builder) {
				n := 0
				for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
					if block.Type == "CERTIFICATE" {
						addTrusted(bags, block.Bytes, strconv.Itoa(n))
						n++
					}
				}
			})
		})
	})
	store, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("trust store for Java: %w", err)
	}
	return store, nil
}

// addData adds a ContentInfo of type data that holds a SEQUENCE.
func addData(b *cryptobyte.Builder, fill cryptobyte.BuilderContinuation) {
	b.AddASN1(der.SEQUENCE, func(info *cryptobyte.Builder) {
		info.AddASN1ObjectIdentifier(oidData)
		info.AddASN1(der.Tag(0).ContextSpecific().Constructed(), func(content *cryptobyte.Builder) {
			content.AddASN1(der.OCTET_STRING, func(octets *cryptobyte.Builder) { octets.AddASN1(der.SEQUENCE, fill) })
		})
	})
}

// addTrusted adds a SafeBag with a certificate that Java trusts. Java wants a name for each; alias is ASCII.
func addTrusted(b *cryptobyte.Builder, certificate []byte, alias string) {
	b.AddASN1(der.SEQUENCE, func(bag *cryptobyte.Builder) {
		bag.AddASN1ObjectIdentifier(oidCertBag)
		bag.AddASN1(der.Tag(0).ContextSpecific().Constructed(), func(value *cryptobyte.Builder) {
			value.AddASN1(der.SEQUENCE, func(cert *cryptobyte.Builder) {
				cert.AddASN1ObjectIdentifier(oidX509)
				cert.AddASN1(der.Tag(0).ContextSpecific().Constructed(), func(x509 *cryptobyte.Builder) { x509.AddASN1OctetString(certificate) })
			})
		})
		bag.AddASN1(der.SET, func(attributes *cryptobyte.Builder) {
			addAttribute(attributes, oidFriendlyName, func(v *cryptobyte.Builder) {
				v.AddASN1(der.Tag(30), func(bmp *cryptobyte.Builder) { // BMPString
					for _, c := range []byte(alias) {
						bmp.AddUint16(uint16(c))
					}
				})
			})
			addAttribute(attributes, oidJavaTrusted, func(v *cryptobyte.Builder) { v.AddASN1ObjectIdentifier(oidAnyUsage) })
		})
	})
}

func addAttribute(b *cryptobyte.Builder, id asn1.ObjectIdentifier, value cryptobyte.BuilderContinuation) {
	b.AddASN1(der.SEQUENCE, func(attribute *cryptobyte.Builder) {
		attribute.AddASN1ObjectIdentifier(id)
		attribute.AddASN1(der.SET, value)
	})
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
