#include "textflag.h"

// func start(args *cloneArgs, size uintptr, first *call) (pid uintptr)
//
// The child has its parent's memory and stack. It touches neither, but for the results of its calls: all it knows is in registers, which
// the kernel leaves as they are, but for AX, CX and R11.
TEXT ·start(SB), NOSPLIT, $0-32
	MOVQ  args+0(FP), DI
	MOVQ  size+8(FP), SI
	MOVQ  first+16(FP), R12
	MOVL  $435, AX // clone3
	SYSCALL
	TESTQ AX, AX
	JNZ   parent

next:
	MOVQ  0(R12), AX
	MOVQ  8(R12), DI
	MOVQ  16(R12), SI
	MOVQ  24(R12), DX
	MOVQ  32(R12), R10
	MOVQ  40(R12), R8
	SYSCALL
	MOVQ  AX, 48(R12)
	ADDQ  $56, R12
	CMPQ  AX, $-4095
	JCS   next
	MOVL  $1, DI
	MOVL  $231, AX // exit_group
	SYSCALL
	INT   $3

parent:
	MOVQ AX, pid+24(FP)
	RET
