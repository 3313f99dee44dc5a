package sandbox

// Fence is what the level filtered puts around a child. Prepare it once, before the child starts.
type Fence struct {
	Places Places
	Ports  []uint16 // TCP ports that the child may connect to
	Nested bool     // it may make sandboxes of its own

	built built // by Prepare
}
