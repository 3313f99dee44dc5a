package clients

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"slices"
)

// systemRoots are the usual places, as in crypto/x509's root_linux.go and root_bsd.go.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
	"/etc/ssl/cert.pem",                                 // macOS, Alpine, BSD
	"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
}

// SystemTrust are files of roots that programs read without being told so by a variable. All are read as our bundle inside.
var SystemTrust = append([]string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/certs/ca-bundle.crt"}, systemRoots...)

// JavaTrust are Java's.
var JavaTrust = []string{"/etc/ssl/certs/java/cacerts", "/etc/pki/ca-trust/extracted/java/cacerts", "/etc/pki/java/cacerts"}

// bundle gives the system's roots, the user's own and the run's CA. Of the user's files the certificates alone are taken,
// and of a file that is already in it, nothing: most who set these variables name the system's roots.
func (c Config) bundle(caPEM []byte) [][]byte {
	roots := systemRoots
	if c.Roots != "" {
		roots = []string{c.Roots}
	}
	var in pemFiles
	for _, path := range roots {
		if text, ok := in.read(path); ok {
			in.add(text)
			break
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if text, ok := in.read(c.Environ.Get(name)); ok {
			in.add(certificatesOnly(text))
		}
	}
	in.add(caPEM)
	return in.texts
}

// pemFiles are texts to be written one after the other, and the files that were read for it.
type pemFiles struct {
	texts [][]byte
	files []fs.FileInfo
}

// add adds a text, on a line of its own whether or not the one before ends in a line break.
func (in *pemFiles) add(text []byte) {
	if len(in.texts) > 0 {
		in.texts = append(in.texts, []byte("\n"))
	}
	in.texts = append(in.texts, text)
}

// read gives the text of a file that was not read before.
func (in *pemFiles) read(path string) ([]byte, bool) {
	info, err := os.Stat(path)
	if err != nil || slices.ContainsFunc(in.files, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
		return nil, false
	}
	in.files = append(in.files, info)
	text, err := ReadUsers(path)
	return text, err == nil
}

// maxUsers bounds what is read of a file of the user's, in bytes.
const maxUsers = 16 << 20

// ReadUsers reads a file of the user's. What is a pipe by now would have us wait for whoever put it there, so only a file counts,
// and opening does not wait.
func ReadUsers(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fs.ErrInvalid
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), maxUsers)) + bytes.MinRead)
	_, err = b.ReadFrom(io.LimitReader(f, maxUsers))
	return b.Bytes(), err
}
