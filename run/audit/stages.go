package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
)

// MarshalJSON keeps the order.
func (s Stages) MarshalJSON() ([]byte, error) {
	var e encoder
	e.stageObject(s)
	return e.b, nil
}

var errStages = errors.New("stages_us is not an object of numbers")

// UnmarshalJSON keeps the order, which neither a map nor, at a bearable price, a json.Decoder does. encoding/json has
// checked that b is one JSON value.
func (s *Stages) UnmarshalJSON(b []byte) error {
	*s = nil
	if string(b) == "null" {
		return nil
	}
	if len(b) < 2 || b[0] != '{' {
		return errStages
	}
	for b = bytes.TrimSpace(b[1:]); len(b) > 0 && b[0] == '"'; {
		var name string
		end := stringEnd(b)
		if err := json.Unmarshal(b[:end], &name); err != nil {
			return err
		}
		b = bytes.TrimLeft(b[end:], ": \t\r\n")
		end = bytes.IndexAny(b, ",}")
		us, err := strconv.ParseFloat(string(bytes.TrimSpace(b[:max(end, 0)])), 64)
		if err != nil || !(math.Abs(us) < 1e15) {
			return errStages
		}
		*s = append(*s, Stage{name, time.Duration(math.Round(us * 1000))})
		b = bytes.TrimLeft(b[end:], ", \t\r\n")
	}
	return nil
}

// stringEnd is the offset after the JSON string at the start of b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
