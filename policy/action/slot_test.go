package action

import "testing"

func TestSlotSpelling(t *testing.T) {
	for _, s := range []string{"bearer", "basic", "basic:x-access-token", "header:X-Api-Key", "query:key", "body:token", "path"} {
		if slot, err := ParseSlot(s); err != nil || slot.String() != s {
			t.Errorf("%s: %v, %v", s, slot, err)
		}
	}
	for _, s := range []string{"", "bearer:x", "path:x", "header", "header:", "query:", "body", "cookie:x"} {
		if slot, err := ParseSlot(s); err == nil {
			t.Errorf("%q is %v", s, slot)
		}
	}
}
