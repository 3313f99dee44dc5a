package reap

import "time"

// Settled is how long after its beginning the start of a run, or of a process, is over.
const Settled = 100 * time.Millisecond
