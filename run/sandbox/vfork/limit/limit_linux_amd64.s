#include "textflag.h"

// func getrlimit(l *[2]uint64)
TEXT ·getrlimit(SB), NOSPLIT, $0-8
	MOVL $7, DI // RLIMIT_NOFILE
	MOVQ l+0(FP), SI
	MOVL $97, AX // getrlimit
	SYSCALL
	RET
