package run

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agentguard/proxy"
)

// preload is what `node --require` loads into each Node process of the child.
//
//go:embed clients/preload.js
var preload []byte

// clientFiles are the files by which client programs find the proxy and the run's CA. All paths are absolute; an empty
// one sets no variable. None of them holds a secret.
type clientFiles struct {
	Dir       string
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

// clientPlan is where the user's own settings are found.
type clientPlan struct {
	Environ []string // the supervisor's own: HOME, WGETRC, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS are read
	Roots   string   // the system's roots; "": the first of the usual places that exists
	Git     []string // hosts that serve git, see policy.GitHosts
}

// systemRoots are the usual places, as in crypto/x509's root_linux.go and root_bsd.go.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
	"/etc/ssl/cert.pem",                                 // macOS, Alpine, BSD
	"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
}

// writeClientFiles writes them into dir, which must be private to the user. A file of the user's own that cannot be read
// is left out: the client would not have read it either.
func writeClientFiles(dir string, caPEM []byte, plan clientPlan) (clientFiles, error) {
	env := envOf(plan.Environ)
	bundle := plan.bundle(env, caPEM)
	f := clientFiles{
		Dir:       dir,
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
	ca, err := parseCA(caPEM)
	var nss []byte
	var inDir []string
	if err == nil {
		nss, err = nssStore(ca)
	}
	if err == nil {
		inDir, err = certDir(f.CertDir, ca)
	}
	if err != nil {
		return clientFiles{}, fmt.Errorf("files for client programs: %w", err)
	}
	files := map[string][][]byte{
		f.CA:        {caPEM},
		f.Bundle:    bundle,
		f.PKCS12:    {trustStore(bundle)},
		f.Preload:   {preload},
		f.AWSConfig: nil,
		f.APT:       {aptSettings(f.Bundle)},
		f.NSS:       {nss},
		f.Wgetrc:    {wgetrc(userWgetrc(env), f.Bundle)},

		filepath.Join(f.PHPDir, "php.ini"): {phpSettings(f.Bundle)},
	}
	for _, path := range inDir {
		files[path] = [][]byte{caPEM}
	}
	if len(plan.Git) > 0 {
		f.GitConfig = filepath.Join(dir, "gitconfig")
		files[f.GitConfig] = [][]byte{gitConfig(plan.Git)}
	}
	for path, texts := range files {
		if err := writeTexts(path, texts); err != nil {
			return clientFiles{}, fmt.Errorf("files for client programs: %w", err)
		}
	}
	return f, nil
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

// bundle gives the system's roots, the user's own and the run's CA. Of the user's files the certificates alone are taken,
// and of a file that is already in it, nothing: most who set these variables name the system's roots.
func (p clientPlan) bundle(env *environment, caPEM []byte) [][]byte {
	roots := systemRoots
	if p.Roots != "" {
		roots = []string{p.Roots}
	}
	var in pemFiles
	for _, path := range roots {
		if text, ok := in.read(path); ok {
			in.add(text)
			break
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if text, ok := in.read(env.Get(name)); ok {
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
	text, err := readUsers(path)
	return text, err == nil
}

// maxUsers bounds what is read of a file of the user's, in bytes.
const maxUsers = 16 << 20

// readUsers reads a file of the user's. What is a pipe by now would have us wait for whoever put it there, so only a file counts,
// and opening does not wait.
func readUsers(path string) ([]byte, error) {
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

func userWgetrc(env *environment) []byte {
	path, set := env.Lookup("WGETRC")
	if !set && env.Get("HOME") != "" {
		path = filepath.Join(env.Get("HOME"), ".wgetrc")
	}
	if path == "" {
		return nil
	}
	text, _ := readUsers(path)
	return text
}

// ownedByUs are the commands of wgetrc(5) that we set, and those that hold a password.
const ownedByUs = " cacertificate cadirectory checkcertificate httpproxy httpsproxy ftpproxy noproxy useproxy proxy proxyuser proxypassword proxypasswd" +
	" user password httpuser httppassword httppasswd ftpuser ftppassword ftppasswd header loadcookies privatekey certificate usenetrc askpassword useaskpass input "

// wgetrc is the user's own settings without what is ours to say, and the CA: WGETRC replaces ~/.wgetrc.
func wgetrc(user []byte, bundle string) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(user)) {
		name, value, _ := strings.Cut(line, "=")
		if !strings.Contains(ownedByUs, " "+wgetCommand(name)+" ") && !secretValue(strings.TrimSpace(value)) {
			b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
		}
	}
	b.WriteString("ca_certificate = " + bundle + "\nuse_proxy = on\ncheck_certificate = on\n")
	return []byte(b.String())
}

// wgetCommand folds a command's name as wget does: case, "-" and "_" do not count.
func wgetCommand(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// phpSettings name the bundle for PHP's two ways to TLS, neither of which has a variable.
func phpSettings(bundle string) []byte {
	return []byte("curl.cainfo = \"" + bundle + "\"\nopenssl.cafile = \"" + bundle + "\"\n")
}

// aptSettings name the bundle for apt, which has no variable for it. What fetches for root is another user as a rule, who can neither
// read it nor be become inside of a sandbox.
func aptSettings(bundle string) []byte {
	return []byte("Acquire::https::CAInfo \"" + bundle + "\";\nAPT::Sandbox::User \"root\";\n")
}

// phpScanDirs appends our directory to those that PHP reads further settings from; an empty one stands for its own default
// (the PHP manual, "Scan directories").
func (f clientFiles) phpScanDirs(user string) string {
	if f.PHPDir == "" {
		return user
	}
	return user + string(filepath.ListSeparator) + f.PHPDir
}

// nodeOptions appends the preload to the user's own NODE_OPTIONS. Node splits at spaces, and knows double quotes with
// backslashes in them.
func (f clientFiles) nodeOptions(user string) string {
	if f.Preload == "" {
		return user
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.Preload) + `"`
	return strings.TrimSpace(user + " --require=" + quoted)
}

// javaOptions appends the trust store, and the proxy that knows its clients without a password, to the user's own
// JAVA_TOOL_OPTIONS. The JVM prints what it picks up from there on stderr; there is no quieter way that reaches each of them.
func (f clientFiles) javaOptions(user string) string {
	options := []string{user}
	if host, port, ok := strings.Cut(f.JavaProxy, ":"); ok {
		for _, scheme := range []string{"http", "https"} {
			options = append(options, "-D"+scheme+".proxyHost="+host, "-D"+scheme+".proxyPort="+port)
		}
		options = append(options, "-Dhttp.nonProxyHosts=localhost|127.*|[::1]")
	}
	if f.PKCS12 != "" {
		options = append(options, quoteJava("-Djavax.net.ssl.trustStore="+f.PKCS12), "-Djavax.net.ssl.trustStoreType=PKCS12")
	}
	return strings.TrimSpace(strings.Join(options, " "))
}

// quoteJava quotes for the JVM's own splitter: spaces end an option outside of quotes, and there is no escape.
func quoteJava(option string) string {
	switch {
	case !strings.ContainsAny(option, " \t'\""):
		return option
	case !strings.Contains(option, "'"):
		return "'" + option + "'"
	}
	return `"` + option + `"`
}

// clients is what client programs need to go by way of the proxy.
type clients struct {
	ca    *proxy.CA
	files clientFiles
}

func (s *session) writeClients() (clients, error) {
	ca, err := proxy.NewCA(nil)
	if err != nil {
		return clients{}, failure(err, "")
	}
	var files clientFiles
	err = s.User.Do(func() (err error) {
		files, err = writeClientFiles(s.dir, ca.PEM(), clientPlan{Environ: s.Environ, Git: s.Policy.GitHosts()})
		return err
	})
	if err != nil {
		err = failure(fmt.Errorf("the client files in %s: %w", s.dir, err), "free space there, or set XDG_RUNTIME_DIR")
	}
	return clients{ca, files}, err
}

// prepareClients reads the vault while the client files are written: neither waits for the other.
func (s *session) prepareClients(ctx context.Context) (*proxy.CA, error) {
	credErr := s.loadCredentials(ctx)
	made, err := s.clients()
	if err != nil {
		return nil, err
	}
	s.files = made.files
	return made.ca, credErr
}
