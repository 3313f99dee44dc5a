package sandbox

// Calls says what the filter of system calls leaves open.
type Calls struct {
	// Nested allows namespaces, mounts and chroot, for programs that have a sandbox of their own (browsers, bwrap).
	Nested bool
	// UDP allows datagram sockets of IPv4 and IPv6. Only for a network in which they reach nothing but us: Landlock does not
	// hold them.
	UDP bool
}
