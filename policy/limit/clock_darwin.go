package limit

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bootID is a random id of this start of the kernel.
var bootID = sync.OnceValue(func() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
})

// Now reads CLOCK_MONOTONIC_RAW, which runs on while the machine sleeps and is never adjusted (clock_gettime(3)).
func Now() Reading {
	r := Reading{Wall: time.Now()}
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &t) == nil {
		r.Boot, r.Mono = bootID(), time.Duration(t.Nano())
	}
	return r
}
