//go:build !purego

#include "textflag.h"

// func searchPair(p *byte, blocks, gap int, first, last byte) int
TEXT ·searchPair(SB), NOSPLIT, $0-40
	MOVQ         p+0(FP), SI
	MOVQ         blocks+8(FP), CX
	MOVQ         gap+16(FP), DX
	MOVBLZX      first+24(FP), AX
	VMOVD        AX, X0
	VPBROADCASTB X0, Y0
	MOVBLZX      last+25(FP), AX
	VMOVD        AX, X1
	VPBROADCASTB X1, Y1
	MOVQ         SI, DI

block:
	VPCMPEQB  (SI), Y0, Y2
	VPCMPEQB  (SI)(DX*1), Y1, Y3
	VPAND     Y2, Y3, Y2
	VPMOVMSKB Y2, AX
	TESTL     AX, AX
	JNZ       found
	ADDQ      $32, SI
	DECQ      CX
	JNZ       block
	VZEROUPPER
	MOVQ      $-1, ret+32(FP)
	RET

found:
	BSFL       AX, AX
	SUBQ       DI, SI
	ADDQ       SI, AX
	VZEROUPPER
	MOVQ       AX, ret+32(FP)
	RET
