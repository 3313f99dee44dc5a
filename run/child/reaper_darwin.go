package child

import "os"

func ownProgram() (string, error) { return os.Executable() }
