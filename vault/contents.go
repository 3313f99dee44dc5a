package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// contents is what stands in the age file.
type contents map[string]entry

type entry struct {
	Value    []byte    `json:"value"` // base64 in JSON
	Modified time.Time `json:"modified"`
}

type payload struct {
	Version int      `json:"version"`
	Entries contents `json:"entries"`
}

const payloadVersion = 1

func (c contents) format() ([]byte, error) {
	b, err := json.Marshal(payload{payloadVersion, c})
	if err == nil && len(b) > maxSealed/2 {
		err = fmt.Errorf("the vault would hold %d bytes; at most %d are allowed", len(b), maxSealed/2)
	}
	return b, err
}

// parseContents has one strict reading: exactly the bytes that format gives. Anything else (duplicate or unknown keys,
// other spellings of them, trailing data) was not written here. The JSON reader's errors quote its input, so none of
// them is passed on.
func parseContents(plain []byte) (contents, error) {
	var v struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(plain, &v) == nil && v.Version > payloadVersion {
		return nil, fmt.Errorf("%w: it was written by a newer agentguard (version %d)", ErrUnavailable, v.Version)
	}
	var p payload
	if json.Unmarshal(plain, &p) != nil || p.Version != payloadVersion || p.Entries == nil {
		return nil, fmt.Errorf("%w: it decrypts to something else than a vault", ErrCorrupt)
	}
	again, err := p.Entries.format()
	defer clear(again)
	if err != nil || !bytes.Equal(again, plain) {
		return nil, fmt.Errorf("%w: it was not written by agentguard", ErrCorrupt)
	}
	for name, e := range p.Entries {
		if ValidName(name) != nil {
			return nil, fmt.Errorf("%w: it holds an entry without a valid name", ErrCorrupt)
		}
		if len(e.Value) < minSecret { // what else NewSecret wants of it is the reader's to say: the others can be read all the same
			return nil, fmt.Errorf("%w: %s: its value is too short", ErrCorrupt, name)
		}
	}
	return p.Entries, nil
}

func (c contents) wipe() {
	for _, e := range c {
		clear(e.Value)
	}
}
