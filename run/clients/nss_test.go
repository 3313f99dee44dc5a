package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"agentguard/proxy"
	"agentguard/run/testbed"
)

// TestNSSStore: SQLite finds nothing wrong with what is written as its file, and in it what NSS looks for.
func TestNSSStore(t *testing.T) {
	testbed.NeedsPython("sqlite3")(t)
	ca, err := proxy.NewCA(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cert9.db")
	cert, err := parseCA(ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	text, err := nssStore(cert)
	if err != nil || os.WriteFile(file, text, 0o600) != nil {
		t.Fatal(err)
	}
	const read = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*db.execute("PRAGMA integrity_check").fetchone())
for row in db.execute("SELECT id, hex(a0), a3, length(a11), a81 = (SELECT a101 FROM nssPublic WHERE id = 1), length(a82), hex(ace536358), length(ace5363b4) FROM nssPublic"):
    print(*row)`
	out, err := exec.Command(testbed.Python, "-c", read, file).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 3 || lines[0] != "ok" || !strings.HasPrefix(lines[1], "1 00000001 b'agentguard run CA' ") || !strings.HasPrefix(lines[2], "2 CE534353 None None 1 ") || !strings.HasSuffix(lines[2], " CE534352 20") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSQLiteTable: rows of any size come back as they were, up to what a page holds.
func TestSQLiteTable(t *testing.T) {
	testbed.NeedsPython("sqlite3")(t)
	dir := t.TempDir()
	for _, size := range []int{1, 57, 58, 127, 128, 3900, 8000, 16500, 30000} {
		file := filepath.Join(dir, "t.db")
		text, err := sqliteTable("t", []string{"a", "b"}, [][]string{{"x", ""}, {"", strings.Repeat("y", size)}})
		if err != nil || os.WriteFile(file, text, 0o600) != nil {
			t.Fatal(err)
		}
		const read = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*db.execute("PRAGMA integrity_check").fetchone())
print(db.execute("SELECT * FROM t").fetchall() == [(1, b"x", None), (2, None, b"y" * int(sys.argv[2]))])`
		out, err := exec.Command(testbed.Python, "-c", read, file, strconv.Itoa(size)).CombinedOutput()
		if err != nil || string(out) != "ok\nTrue\n" {
			t.Errorf("%d bytes: %v\n%s", size, err, out)
		}
	}
	if _, err := sqliteTable("t", []string{"a"}, [][]string{{strings.Repeat("y", 1<<16)}}); err == nil {
		t.Error("a row of more than a page")
	}
}
