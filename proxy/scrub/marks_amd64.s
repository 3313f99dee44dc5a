#include "textflag.h"

// HALF leaves in OUT, for 32 characters at off(AX), a 0 for each that is marked.
#define HALF(off, OUT) \
	VMOVDQU   off(AX), Y0   \ // characters
	VMOVDQU   off+1(AX), Y1 \ // the next ones
	VPSRLW    $4, Y0, Y2    \
	VPSRLW    $4, Y1, Y3    \
	VPAND     Y15, Y2, Y2   \
	VPAND     Y15, Y3, Y3   \
	VPSHUFB   Y2, Y9, Y4    \
	VPSHUFB   Y0, Y10, Y5   \
	VPSHUFB   Y3, Y11, Y6   \
	VPSHUFB   Y1, Y12, Y7   \
	VPSHUFB   Y3, Y13, Y2   \
	VPSHUFB   Y1, Y14, Y3   \
	VPAND     Y5, Y4, Y4    \ // the classes that each may be first in
	VPAND     Y7, Y6, Y6    \
	VPAND     Y3, Y2, Y2    \
	VPOR      Y2, Y6, Y6    \ // those that the next one goes on in
	VPAND     Y6, Y4, Y4    \
	VPCMPEQB  Y8, Y4, Y4    \
	VPMOVMSKB Y4, OUT

// func marksAVX2(p *byte, n int, t *[7][32]byte, m *marks)
TEXT ·marksAVX2(SB), NOSPLIT, $0-32
	MOVQ    p+0(FP), AX
	MOVQ    n+8(FP), CX
	MOVQ    t+16(FP), DX
	MOVQ    m+24(FP), DI
	VPXOR   Y8, Y8, Y8
	VMOVDQU (DX), Y9
	VMOVDQU 32(DX), Y10
	VMOVDQU 64(DX), Y11
	VMOVDQU 96(DX), Y12
	VMOVDQU 128(DX), Y13
	VMOVDQU 160(DX), Y14
	VMOVDQU 192(DX), Y15

next:
	HALF(0, R8)
	HALF(32, R9)
	SHLQ $32, R9
	ORQ  R9, R8
	NOTQ R8
	MOVQ R8, (DI)
	ADDQ $64, AX
	ADDQ $8, DI
	SUBQ $64, CX
	JNZ  next
	VZEROUPPER
	RET
