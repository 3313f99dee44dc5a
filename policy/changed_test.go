package policy

import (
	"os"
	"path/filepath"
	"testing"
)

// TestChanged: a policy has changed with its file, or with one that it names, whatever the time of it says.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	file, description := filepath.Join(dir, "agentguard.toml"), filepath.Join(dir, "crm.json")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const (
		text = "version = 1\n[agent]\nname = \"a\"\npurpose = \"b\"\nowner = \"c\"\n[service.crm]\nhosts = [\"crm.example.com\"]\nopenapi = \"crm.json\"\n"
		api  = `{"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {"/a": {"get": {"operationId": "a", "responses": {}}}}}`
	)
	write(file, text)
	write(description, api)
	p, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if p.Changed() {
		t.Error("nothing has changed")
	}
	write(file, text+"#")
	if !p.Changed() {
		t.Error("the policy has changed")
	}
	write(file, text)
	write(description, api+" ")
	if !p.Changed() {
		t.Error("its description has changed")
	}
	os.Remove(description)
	if !p.Changed() {
		t.Error("its description is gone")
	}
	if (&Policy{}).Changed() {
		t.Error("a policy of no file")
	}
}
