package sandbox

import "golang.org/x/sys/unix"

const nativeArch = unix.AUDIT_ARCH_AARCH64

// refusedHere are calls that only this processor has.
var refusedHere []uint32

// foreignCalls has nothing to answer: 32-bit programs have another arch.
func foreignCalls() program { return nil }

// modesHere has nothing to answer: there are no older calls that make files.
func modesHere() program { return nil }
