package testbed

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"testing"
)

// TestLeaksFindsEveryForm is the control of all other tests: the detector sees what it is there to see.
func TestLeaksFindsEveryForm(t *testing.T) {
	const secret = "ghp_0123456789+/abcdefghijklmnop"
	for _, before := range []string{"", "B", "Be", "Bearer ", "x-access-token:"} {
		for _, after := range []string{"", "!", "!!"} {
			whole := before + secret + after
			for form, text := range map[string]string{
				"raw":       whole,
				"base64":    base64.StdEncoding.EncodeToString([]byte(whole)),
				"base64url": base64.RawURLEncoding.EncodeToString([]byte(whole)),
				"hex":       hex.EncodeToString([]byte(whole)),
				"percent":   url.QueryEscape(whole),
			} {
				if len(Leaks([]byte("{"+text+"}"), secret)) == 0 {
					t.Errorf("%s of %q: not found in %s", form, whole, text)
				}
			}
		}
	}
	if found := Leaks([]byte("ghp_0123456789 and nothing more"), secret); len(found) > 0 {
		t.Errorf("found %v where there is nothing", found)
	}
}
