// Package clients writes the files and sets the variables by which client programs find the proxy and the run's CA.
package clients

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"agentguard/run/environ"
)

// preload is what `node --require` loads into each Node process of the child.
//
//go:embed preload.js
var preload []byte

// Files are the files by which client programs find the proxy and the run's CA. All paths are absolute; an empty
// one sets no variable. None of them holds a secret.
type Files struct {
	CA        string // the run's CA alone, for clients that add it to their own roots
	CertDir   string // has the run's CA alone, for clients that look through a directory
	Bundle    string // the system's roots, the user's own and the run's CA, for clients that replace their roots by it
	Wgetrc    string // the user's own settings, the bundle
	PKCS12    string // the bundle, as Java reads it
	Preload   string // what makes Node use the proxy
	PHPDir    string // has a php.ini of the bundle alone
	AWSConfig string // empty: the user's profiles are not the child's
	GitConfig string // what leads git over https to the hosts that the policy guards; "": it guards none
	APT       string // names the bundle for apt
	NSS       string // the run's CA, as browsers that are built on Chromium read it
	JavaProxy string // host:port of a proxy for clients that cannot authenticate; "": Java is told of none
}

// Config is where the user's own settings are found.
type Config struct {
	Environ *environ.Env // the supervisor's own: HOME, WGETRC, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS are read
	Roots   string       // the system's roots; "": the first of the usual places that exists
	Git     []string     // hosts that serve git, see policy.GitHosts
}

// Write writes them into dir, which must be private to the user. A file of the user's own that cannot be read
// is left out: the client would not have read it either.
func Write(dir string, caPEM []byte, c Config) (Files, error) {
	f := filesIn(dir)
	if len(c.Git) > 0 {
		f.GitConfig = filepath.Join(dir, "gitconfig")
	}
	texts, err := f.texts(caPEM, c)
	if err == nil {
		err = os.Mkdir(f.CertDir, 0o700)
	}
	for path, text := range texts {
		if err == nil {
			err = writeTexts(path, text)
		}
	}
	if err != nil {
		return Files{}, fmt.Errorf("files for client programs: %w", err)
	}
	return f, nil
}

// filesIn are those of every run.
func filesIn(dir string) Files {
	return Files{
		CA:        filepath.Join(dir, "ca.pem"),
		CertDir:   filepath.Join(dir, "certs"),
		Bundle:    filepath.Join(dir, "bundle.pem"),
		Wgetrc:    filepath.Join(dir, "wgetrc"),
		PKCS12:    filepath.Join(dir, "trust.p12"),
		Preload:   filepath.Join(dir, "preload.js"),
		AWSConfig: filepath.Join(dir, "aws-config"),
		APT:       filepath.Join(dir, "apt.conf"),
		NSS:       filepath.Join(dir, "cert9.db"),
		PHPDir:    dir,
	}
}

// texts says what is in each file, in pieces.
func (f Files) texts(caPEM []byte, c Config) (map[string][][]byte, error) {
	ca, err := parseCA(caPEM)
	if err != nil {
		return nil, err
	}
	nss, err := nssStore(ca)
	if err != nil {
		return nil, err
	}
	hash, err := nameHash(ca.Subject)
	if err != nil {
		return nil, err
	}
	bundle := c.bundle(caPEM)
	texts := map[string][][]byte{
		f.CA:        {caPEM},
		f.Bundle:    bundle,
		f.PKCS12:    {trustStore(bundle)},
		f.Preload:   {preload},
		f.AWSConfig: nil,
		f.APT:       {aptSettings(f.Bundle)},
		f.NSS:       {nss},
		f.Wgetrc:    {wgetrc(userWgetrc(c.Environ), f.Bundle)},

		filepath.Join(f.PHPDir, "php.ini"): {phpSettings(f.Bundle)},
		// OpenSSL looks for the hash of an issuer's name, others (Guile, Go) read each file, some of them only what ends in .pem.
		filepath.Join(f.CertDir, hash+".0"):        {caPEM},
		filepath.Join(f.CertDir, "agentguard.pem"): {caPEM},
	}
	if f.GitConfig != "" {
		texts[f.GitConfig] = [][]byte{gitConfig(c.Git)}
	}
	return texts, nil
}

// writeTexts writes a file of several texts: to join the roots of a system first would be to touch as much memory once more.
func writeTexts(path string, texts [][]byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if _, err := f.Write(text); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
