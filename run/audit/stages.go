package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// MarshalJSON keeps the order.
func (s Stages) MarshalJSON() ([]byte, error) {
	var e encoder
	e.stageObject(s)
	return e.b, nil
}

// UnmarshalJSON keeps the order.
func (s *Stages) UnmarshalJSON(b []byte) error {
	*s = nil
	if string(b) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("stages_us is not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var us float64
		if err := d.Decode(&us); err != nil {
			return err
		}
		*s = append(*s, Stage{name.(string), time.Duration(math.Round(us * 1000))})
	}
	return nil
}
