package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxPermits bounds the N of a rate, and with it the memory of a window: one timestamp of 8 bytes for each permit.
const MaxPermits = 100_000

// units are the words of a rate, from short to long.
var units = []struct {
	word string
	per  time.Duration
}{
	{"second", time.Second},
	{"minute", time.Minute},
	{"hour", time.Hour},
	{"day", 24 * time.Hour},
}

// ParseRate reads the policy's spelling: a number, a slash and second, minute, hour or day: "5/hour".
func ParseRate(s string) (Rate, error) {
	number, word, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, fmt.Errorf("%q is not a rate: write it as \"5/hour\"", s)
	}
	n, err := permits(number)
	if err != nil {
		return Rate{}, err
	}
	for _, u := range units {
		if u.word == word {
			return Rate{n, u.per}, nil
		}
	}
	return Rate{}, fmt.Errorf("%q is not a unit of time: use second, minute, hour or day", word)
}

// permits reads the number of a rate. Digits alone: signs, underscores, spaces and leading zeros are not numbers here.
func permits(s string) (int, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil || n > MaxPermits:
		return 0, fmt.Errorf("%s is more than a limit can count: at most %d", s, MaxPermits)
	case n == 0:
		return 0, fmt.Errorf("a limit of 0 permits nothing: leave the action out of the rule, or deny it")
	}
	return n, nil
}

// String is the policy's spelling.
func (r Rate) String() string {
	for _, u := range units {
		if u.per == r.Per {
			return strconv.Itoa(r.N) + "/" + u.word
		}
	}
	return fmt.Sprintf("%d in %v", r.N, r.Per)
}
