package clients

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"math/bits"
	"strings"
)

// NSSFile is where browsers that are built on Chromium keep the certificates that their user trusts, below the directory of the
// user: a database of NSS, which has all its files in one directory and makes those that are missing.
const NSSFile = ".pki/nssdb/cert9.db"

// Attributes and values of NSS's tokens (PKCS #11 section 4, and NSS's pkcs11n.h), as the names of columns and as they are stored.
const (
	nssClass, nssToken, nssPrivate, nssLabel = "a0", "a1", "a2", "a3"
	nssValue, nssKind                        = "a11", "a80"
	nssIssuer, nssSerial, nssSubject         = "a81", "a82", "a101"
	nssServers, nssSHA1                      = "ace536358", "ace5363b4" // CKA_TRUST_SERVER_AUTH, CKA_CERT_SHA1_HASH

	nssCertificate, nssX509 = "\x00\x00\x00\x01", "\x00\x00\x00\x00" // CKO_CERTIFICATE, CKC_X_509
	nssTrust, nssDelegator  = "\xce\x53\x43\x53", "\xce\x53\x43\x52" // CKO_NSS_TRUST, CKT_NSS_TRUSTED_DELEGATOR
	nssYes, nssNo           = "\x01", "\x00"
)

// nssStore makes the database in which NSS finds a CA that it takes for the certificates of servers, and for nothing else.
func nssStore(ca *x509.Certificate) ([]byte, error) {
	serial, err := asn1.Marshal(ca.SerialNumber)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(ca.Raw)
	issuer := string(ca.RawIssuer)
	columns := []string{nssClass, nssToken, nssPrivate, nssLabel, nssValue, nssKind, nssIssuer, nssSerial, nssSubject, nssServers, nssSHA1}
	return sqliteTable("nssPublic", columns, [][]string{
		{nssCertificate, nssYes, nssNo, ca.Subject.CommonName, string(ca.Raw), nssX509, issuer, string(serial), string(ca.RawSubject), "", ""},
		{nssTrust, nssYes, nssNo, "", "", "", issuer, string(serial), "", nssDelegator, string(sum[:])},
	})
}

// sqliteTable writes SQLite's file format (sqlite.org, fileformat2): a table whose rows are numbered from 1 by its column id, with a
// blob in each other column, or NULL for "". All rows have to fit into one page.
func sqliteTable(name string, columns []string, rows [][]string) ([]byte, error) {
	schema := "CREATE TABLE " + name + " (id INTEGER PRIMARY KEY, " + strings.Join(columns, ", ") + ")"
	var cells [][]byte
	need := len(schema) + 256
	for n, row := range rows {
		types, body := []uint64{0}, "" // the id is NULL, and the row's own number in its place
		for _, blob := range row {
			kind := uint64(0)
			if blob != "" {
				kind = 12 + 2*uint64(len(blob))
			}
			types, body = append(types, kind), body+blob
		}
		cells = append(cells, sqliteCell(uint64(n+1), types, body))
		need += len(cells[n]) + 64
	}
	size := max(4096, 1<<bits.Len(uint(need)))
	if size > 32768 {
		return nil, errors.New("more than a page of SQLite's holds")
	}
	text := func(s string) uint64 { return 13 + 2*uint64(len(s)) }
	table := sqliteCell(1, []uint64{text("table"), text(name), text(name), 1, text(schema)}, "table"+name+name+"\x02"+schema)
	file := make([]byte, 2*size)
	copy(file, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(file[16:], uint16(size))
	copy(file[18:], "\x01\x01\x00\x40\x20\x20")
	// Change counter, pages; schema cookie and format; UTF-8; the change counter again, and the version that has written it.
	for at, v := range map[int]uint32{24: 1, 28: 2, 40: 1, 44: 4, 56: 1, 92: 1, 96: 3040001} {
		binary.BigEndian.PutUint32(file[at:], v)
	}
	sqlitePage(file[:size], 100, [][]byte{table})
	sqlitePage(file[size:], 0, cells)
	return file, nil
}

// sqlitePage makes a leaf of a table's tree of the page, whose own header begins at start.
func sqlitePage(page []byte, start int, cells [][]byte) {
	page[start] = 0x0d
	binary.BigEndian.PutUint16(page[start+3:], uint16(len(cells)))
	end := len(page)
	for n, cell := range cells {
		end -= len(cell)
		copy(page[end:], cell)
		binary.BigEndian.PutUint16(page[start+8+2*n:], uint16(end))
	}
	binary.BigEndian.PutUint16(page[start+5:], uint16(end))
}

// sqliteCell is a row: its length, its number, and a record of the types of its columns and their values.
func sqliteCell(number uint64, types []uint64, body string) []byte {
	var header []byte
	for _, kind := range types {
		header = sqliteVarint(header, kind)
	}
	record := append([]byte{byte(len(header) + 1)}, header...) // there are less than 127 bytes of it
	cell := sqliteVarint(nil, uint64(len(record)+len(body)))
	return append(append(sqliteVarint(cell, number), record...), body...)
}

// sqliteVarint appends a number of less than 21 bits: seven in a byte, the highest first, with a mark on all but the last.
func sqliteVarint(to []byte, v uint64) []byte {
	if v >= 1<<14 {
		to = append(to, 0x80|byte(v>>14))
	}
	if v >= 1<<7 {
		to = append(to, 0x80|byte(v>>7))
	}
	return append(to, byte(v&0x7f))
}
