#include "textflag.h"

// func getpid32() int
TEXT ·getpid32(SB), NOSPLIT, $0-8
	MOVL $20, AX // __NR_getpid of the 32-bit table
	INT  $0x80
	MOVLQSX AX, AX
	MOVQ AX, ret+0(FP)
	RET
