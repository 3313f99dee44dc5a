package private

import "os"

// checkOwner has nothing to say: a profile's directories carry an access list that keeps other users out.
func checkOwner(os.FileInfo) error { return nil }
