package clients

import "strconv"

// Tags of DER (ITU-T X.690 section 8).
const (
	derOctets    = 0x04
	derBMPString = 0x1e
	derSequence  = 0x30
	derSet       = 0x31
	derExplicit0 = 0xa0
)

const pfxVersion = "\x02\x01\x03" // RFC 7292 section 4

// Object identifiers of a PKCS12 trust store (RFC 7292 section 4, RFC 2985 section 5.5.1), as DER.
const (
	oidData         = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"         // 1.2.840.113549.1.7.1
	oidCertBag      = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03" // 1.2.840.113549.1.12.10.1.3
	oidX509         = "\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"     // 1.2.840.113549.1.9.22.1
	oidFriendlyName = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"         // 1.2.840.113549.1.9.20
	// Without this attribute Java takes a certificate for no trust anchor (sun.security.pkcs12.PKCS12KeyStore,
	// ORACLE_TrustedKeyUsage), with the value anyExtendedKeyUsage.
	oidJavaTrusted = "\x06\x0c\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01" // 2.16.840.1.113894.746875.1.1
	oidAnyUsage    = "\x06\x04\x55\x1d\x25\x00"                                 // 2.5.29.37.0
)

// trustStore makes a PKCS12 file of a PEM bundle. It has no password: it holds public certificates alone, a password
// would have to stand in JAVA_TOOL_OPTIONS for all to see, and the key derivation behind one costs milliseconds. Java
// reads such a file when no javax.net.ssl.trustStorePassword is given. Written out here because every start pays for it:
// go-pkcs12 takes twenty times as long for the 140 roots of a system; the tests read it back with it and with Java.
func trustStore(bundle [][]byte) []byte {
	size := 1024
	for _, text := range bundle {
		size += len(text)
	}
	d := &derWriter{buf: make([]byte, size)}
	end := d.end()
	n := 0
	for _, text := range bundle {
		for _, certificate := range certificates(text) {
			d.trusted(certificate, strconv.Itoa(n))
			n++
		}
	}
	d.wrapData(end) // the bags
	d.wrapData(end) // the safes
	d.put(pfxVersion)
	d.wrap(derSequence, end)
	return d.bytes()
}

// trusted adds a SafeBag with a certificate that Java trusts. Java wants a name for each; alias is ASCII.
func (d *derWriter) trusted(certificate []byte, alias string) {
	end := d.end()
	d.put(oidAnyUsage)
	d.wrapAttribute(oidJavaTrusted, end)
	name := d.end()
	for i := len(alias) - 1; i >= 0; i-- {
		d.put(alias[i : i+1])
		d.put("\x00")
	}
	d.wrap(derBMPString, name)
	d.wrapAttribute(oidFriendlyName, name)
	d.wrap(derSet, end)
	value := d.end()
	copy(d.room(len(certificate)), certificate)
	d.wrap(derOctets, value)
	d.wrap(derExplicit0, value)
	d.put(oidX509)
	d.wrap(derSequence, value)
	d.wrap(derExplicit0, value)
	d.put(oidCertBag)
	d.wrap(derSequence, end)
}

// wrapAttribute makes what stands before end the value of an attribute.
func (d *derWriter) wrapAttribute(id string, end int) {
	d.wrap(derSet, end)
	d.put(id)
	d.wrap(derSequence, end)
}

// wrapData makes what stands before end a SEQUENCE in a ContentInfo of type data.
func (d *derWriter) wrapData(end int) {
	d.wrap(derSequence, end)
	d.wrap(derOctets, end)
	d.wrap(derExplicit0, end)
	d.put(oidData)
	d.wrap(derSequence, end)
}

// derWriter writes DER from its end to its beginning: where a length has to be written, what it measures is there, and
// nothing is moved.
type derWriter struct {
	buf  []byte
	used int // at the end of buf
}

// end is a position for wrap: the end of what is written next. It counts from the back.
func (d *derWriter) end() int { return d.used }

func (d *derWriter) bytes() []byte { return d.buf[len(d.buf)-d.used:] }

// room gives the n bytes before what is written.
//
//go:noinline
func (d *derWriter) room(n int) []byte {
	if d.used+n > len(d.buf) {
		bigger := make([]byte, 2*len(d.buf)+n)
		copy(bigger[len(bigger)-d.used:], d.bytes())
		d.buf = bigger
	}
	d.used += n
	return d.bytes()[:n]
}

func (d *derWriter) put(s string) { copy(d.room(len(s)), s) }

// wrap writes tag and length of what stands before end (X.690 section 8.1.3).
func (d *derWriter) wrap(tag byte, end int) {
	n := d.used - end
	if n < 0x80 {
		copy(d.room(2), []byte{tag, byte(n)})
		return
	}
	octets := byte(0)
	for ; n > 0; n >>= 8 {
		d.room(1)[0] = byte(n)
		octets++
	}
	copy(d.room(2), []byte{tag, 0x80 | octets})
}
