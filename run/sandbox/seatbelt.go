package sandbox

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// machServices are what programs may ask of macOS: names of users, the log, settings to read, and trust in certificates, without
// which Go and everything that uses the system's TLS reaches nobody.
var machServices = []string{
	"com.apple.system.opendirectoryd.libinfo", "com.apple.system.opendirectoryd.membership", "com.apple.bsd.dirhelper",
	"com.apple.logd", "com.apple.system.logger", "com.apple.system.notification_center", "com.apple.diagnosticd",
	"com.apple.cfprefsd.agent", "com.apple.cfprefsd.daemon", "com.apple.SystemConfiguration.configd", "com.apple.SystemConfiguration.DNSConfiguration",
	"com.apple.trustd", "com.apple.trustd.agent", "com.apple.PowerManagement.control",
}

// secretServices hold the keychains, or start programs that are not confined. They are denied by default; the lines say so to
// whoever adds a service to the list above.
var secretServices = []string{
	"com.apple.SecurityServer", "com.apple.securityd", "com.apple.securityd.xpc", "com.apple.security.keychaind", "com.apple.secd",
	"com.apple.security.agent", "com.apple.security.authhost", "com.apple.coreservices.launchservicesd", "com.apple.coreservices.appleevents", "com.apple.pasteboard.1",
}

// Seatbelt is the profile by which sandbox-exec(1) of macOS confines a command. Rules hold no symbolic links. Of the lines of a
// profile the last that fits counts, so that they go from the root downwards. The error is for paths that no profile can hold.
func Seatbelt(rules []Rule, ports []uint16) (string, error) {
	p := &profile{}
	p.line("(version 1)")
	p.line("(deny default)")
	p.line("(allow process-fork process-exec*)")
	p.line("(allow process-info* signal (target same-sandbox))")
	p.line("(allow sysctl-read user-preference-read ipc-posix-sem ipc-posix-shm*)")
	p.line("(allow pseudo-tty)")
	for _, name := range machServices {
		p.line("(allow mach-lookup (global-name %s))", p.quote(name))
	}
	for _, name := range secretServices {
		p.line("(deny mach-lookup (global-name %s))", p.quote(name))
	}
	p.files(rules)
	p.network(rules, ports)
	return p.text.String(), p.err
}

// profile is a text of SBPL, whose syntax is Scheme's.
type profile struct {
	text strings.Builder
	err  error
}

func (p *profile) line(format string, a ...any) { fmt.Fprintf(&p.text, format+"\n", a...) }

// quote makes a string. What is no character that can be seen could end it, or be read in another way.
func (p *profile) quote(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			p.err = fmt.Errorf("%q cannot stand in a profile of sandbox-exec", s)
			return `""`
		}
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// files allows to read all, and to write what rules say; names and sizes of what is hidden can be seen, as of everything.
func (p *profile) files(rules []Rule) {
	p.line(`(allow file-read*)`)
	p.line(`(allow file-write-data file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/dtracehelper"))`)
	p.line(`(allow file-read* file-write* file-ioctl (literal "/dev/ptmx") (require-all (regex #"^/dev/ttys[0-9]+$") (extension "com.apple.sandbox.pty")))`)
	p.line(`(allow file-ioctl (regex #"^/dev/ttys[0-9]+$"))`)
	last := map[string]View{}
	for _, r := range rules {
		last[r.Path] = r.View
	}
	paths := make([]string, 0, len(last))
	for path := range last {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		at := "(subpath " + p.quote(path) + ")"
		switch last[path] {
		case Hidden:
			p.line("(deny file-read-data file-read-xattr file-write* %s)", at)
		case ReadOnly:
			p.line("(allow file-read* %s)", at)
			p.line("(deny file-write* %s)", at)
		default:
			p.line("(allow file-read* file-write* %s)", at)
		}
	}
}

// network allows to connect to the ports on this machine, and to listen there. Sockets with a path are connections too: only
// those below what is writable and no directory for everybody's temporary files, where ssh-agent has its own.
func (p *profile) network(rules []Rule, ports []uint16) {
	for _, port := range ports {
		p.line(`(allow network-outbound (remote tcp "localhost:%d"))`, port)
	}
	p.line(`(allow network-bind network-inbound (local tcp "localhost:*"))`)
	for _, r := range rules {
		if r.View > ReadOnly && !within(r.Path, "/private/tmp") && !within(r.Path, "/private/var") && !within(r.Path, "/tmp") && !within(r.Path, "/var") {
			p.line("(allow network-bind network-outbound (subpath %s))", p.quote(r.Path))
		}
	}
}
