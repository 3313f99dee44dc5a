package run

import "os"

// isConnectedHere is for levels that this system does not have.
func isConnectedHere(*os.File) bool { return false }
