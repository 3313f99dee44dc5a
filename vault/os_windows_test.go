package vault

import "os"

func killSelf() { os.Exit(137) }
