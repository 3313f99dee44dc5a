package clients

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
)

// RootsDir is where programs look through a directory of certificates, whatever their variables say: Qt does. It is a link on some systems.
const RootsDir = "/etc/ssl/certs"

// nameHash is X509_NAME_hash(3): the first bytes of the SHA-1 over a name's parts, whose texts are all in UTF-8 and lower case, without
// blanks at their ends and with single ones between words.
func nameHash(name pkix.Name) (string, error) {
	var parts bytes.Buffer
	for _, part := range name.ToRDNSequence() {
		for i, a := range part {
			text := strings.Join(strings.Fields(strings.ToLower(fmt.Sprint(a.Value))), " ")
			part[i].Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)}
		}
		der, err := asn1.Marshal(part)
		if err != nil {
			return "", err
		}
		parts.Write(der)
	}
	sum := sha1.Sum(parts.Bytes())
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:])), nil
}

// certDirs puts our directory before those that the user names. The system's own is in the bundle, and Go programs read each file of all.
func (f Files) certDirs(user string) string {
	if f.CertDir == "" {
		return user
	}
	if user == "" || user == RootsDir {
		return f.CertDir
	}
	return f.CertDir + string(filepath.ListSeparator) + user
}
