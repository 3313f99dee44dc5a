package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// couldNotAsk says in words why the upstream could not be asked, and what can be done about it.
func couldNotAsk(ex *Exchange, err error) *Refusal {
	var private *GuardError
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	var refused *noTunnelError
	var op *net.OpError
	host, via, by := ex.Authority.String(), "", ""
	if ex.through != nil {
		via = proxyAddr(ex.through)
		by = ", by way of the corporate proxy " + via
	}
	switch {
	case errors.As(err, &private):
		return deny(private.Error(), fmt.Sprintf("if it should be reached: [upstream] allow_private = [%q]", ex.Authority.Host))
	case errors.As(err, &refused):
		return upstreamFailed(host+" could not be asked: "+refused.Error(), refused.hint())
	case errors.As(err, &op) && op.Op == "proxyconnect" && !errors.As(err, &dns):
		return upstreamFailed(host+" could not be asked: the corporate proxy "+via+" cannot be reached: "+op.Err.Error(), mendsProxy)
	case errors.As(err, &verify):
		return upstreamFailed("the certificate of "+host+" cannot be trusted: "+verify.Err.Error(), mendsTrust(verify.Err))
	case errors.As(err, &dns) && via != "" && dns.Name != ex.Authority.Host:
		return upstreamFailed("the corporate proxy "+via+" cannot be resolved: "+dns.Err, mendsProxy)
	case errors.As(err, &dns):
		return upstreamFailed(ex.Authority.Host+" cannot be resolved: "+dns.Err, "")
	case isLate(err):
		return upstreamFailed(host+" did not answer in time"+by, ex.doubt())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return upstreamFailed(host+" ended the connection before an answer came"+by, ex.doubt())
	case errors.Is(err, errSOCKS):
		return upstreamFailed(host+" could not be asked: "+err.Error(), "an http:// proxy, or [network] allow, which reads what passes")
	case errors.As(err, &op) && op.Op == "remote error":
		return upstreamFailed(host+" could not be asked: "+err.Error(), mendsAlert(err.Error()))
	}
	return upstreamFailed(host+" could not be asked"+by+": "+err.Error(), "")
}

func isLate(err error) bool {
	var timed net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}

// doubt is what to say of a request that changes something, once it was on its way: who breaks off may have done it.
func (ex *Exchange) doubt() string {
	if !ex.left || isSafe(ex.Method) {
		return ""
	}
	return "whether it was carried out is not known: look before it is sent again"
}

// isSafe says whether a request with this method may be sent twice (RFC 9110 section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions || method == http.MethodTrace
}

// mendsTrust says what to look at where a certificate was refused.
func mendsTrust(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "if the clock of this machine is right (agentguard doctor says), that of the host or its certificate is not"
	case errors.As(err, &name):
		return "somebody else answers there: look at [upstream] resolve and proxy, and at the name service"
	}
	return "a private CA is named by [upstream] ca = \"FILE.pem\"; whether this machine knows any CA at all, agentguard doctor says"
}

// mendsAlert says what the server's end of a handshake may mean (RFC 8446 section 6.2). crypto/tls does not export its alerts.
func mendsAlert(text string) string {
	switch {
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"):
		return "it wants a certificate of its client, which agentguard does not have: such a host can only be passed through unread, by [network] tunnel"
	case strings.Contains(text, "protocol version"), strings.Contains(text, "handshake failure"), strings.Contains(text, "insufficient security"):
		return "it may know no TLS 1.2, and agentguard nothing older"
	}
	return ""
}
