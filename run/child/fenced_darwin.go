package child

import "syscall"

// forkFenced starts the child by way of sandbox-exec, which becomes the child.
func forkFenced(path string, cfg Config, attr *syscall.ProcAttr) (pid int, err error) {
	argv, err := cfg.Fence.Command(path, cfg.Argv)
	if err != nil {
		return 0, err
	}
	cfg.Argv = argv
	return forkPlain(argv[0], cfg, attr)
}
