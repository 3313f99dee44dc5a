package clients

import (
	"path/filepath"
	"strings"

	"agentguard/run/environ"
)

func userWgetrc(env *environ.Env) []byte {
	path, set := env.Lookup("WGETRC")
	if !set && env.Get("HOME") != "" {
		path = filepath.Join(env.Get("HOME"), ".wgetrc")
	}
	if path == "" {
		return nil
	}
	text, _ := ReadUsers(path)
	return text
}

// kept are the commands of wgetrc(5) that the child has of the user's: neither those that we set, nor those that hold a password. All others are
// left out, since what we read need not be a wgetrc: a command may have made it a link to what it cannot read itself.
const kept = " accept acceptregex addhostdir adjustextension authnochallenge background backupconverted backups base bindaddress cache ciphers compression connecttimeout" +
	" contentdisposition contentonerror continue convertlinks cookies cutdirs defaultpage deleteafter dirprefix dirstruct dnscache dnsservers dnstimeout domains" +
	" dotbytes dotsinline dotspacing dotstyle excludedirectories excludedomains followftp followtags glob hsts hstsfile htmlextension httpkeepalive httpsonly ignorecase" +
	" ignorelength ignoretags includedirectories inet4only inet6only iri keepsessioncookies limitrate localencoding logfile maxredirect mirror noclobber noparent" +
	" numtries outputdocument pagerequisites passiveftp preferfamily preservepermissions progress protocoldirectories quiet quota randomwait readtimeout reclevel" +
	" recursive referer regextype reject rejectregex relativeonly remoteencoding removelisting restrictfilenames retrsymlinks retryconnrefused retryonhosterror" +
	" retryonhttperror robots savecookies saveheaders secureprotocol serverresponse showprogress spanhosts spider strictcomments timeout timestamping tries" +
	" trustservernames unlink useragent useservertimestamps verbose wait waitretry xattr "

// wgetrc is the user's own settings without what is ours to say, and the CA: WGETRC replaces ~/.wgetrc.
func wgetrc(user []byte, bundle string) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(user)) {
		name, value, set := strings.Cut(line, "=")
		if name = wgetCommand(name); set && name != "" && strings.Contains(kept, " "+name+" ") && !environ.SecretValue(strings.TrimSpace(value)) {
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
func (f Files) phpScanDirs(user string) string {
	if f.PHPDir == "" {
		return user
	}
	return user + string(filepath.ListSeparator) + f.PHPDir
}

// nodeOptions appends the preload to the user's own NODE_OPTIONS. Node splits at spaces, and knows double quotes with
// backslashes in them.
func (f Files) nodeOptions(user string) string {
	if f.Preload == "" {
		return user
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.Preload) + `"`
	return strings.TrimSpace(user + " --require=" + quoted)
}

// javaOptions appends the trust store, and the proxy that knows its clients without a password, to the user's own
// JAVA_TOOL_OPTIONS. The JVM prints what it picks up from there on stderr; there is no quieter way that reaches each of them.
func (f Files) javaOptions(user string) string {
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
