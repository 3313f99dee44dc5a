package limit

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bootID is a random id of this start of the kernel (proc_sys_kernel(5), random/boot_id), and which clock of it we see
// (time_namespaces(7)).
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, _ := os.Readlink("/proc/self/ns/time") // "": the kernel has none
	return strings.TrimSpace(string(b)) + namespace
})

// Now reads CLOCK_BOOTTIME, which runs on while the machine sleeps and is the same for all processes (clock_gettime(2)).
func Now() Reading {
	r := Reading{Wall: time.Now()}
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) == nil {
		r.Boot, r.Mono = bootID(), time.Duration(t.Nano())
	}
	return r
}
