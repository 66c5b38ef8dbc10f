//go:build !purego

#include "textflag.h"

// Rows of 64 values become words of 64 bits. Unsigned, x-lo <= span where min(x-lo, span) = x-lo. Packing goes by
// 128-bit lanes, so what is packed is put in order before its signs are taken.

// func ranges16(v *uint16, words int, lo, span uint16, out *uint64)
TEXT ·ranges16(SB), NOSPLIT, $0-32
	MOVQ         v+0(FP), SI
	MOVQ         words+8(FP), CX
	MOVWLZX      lo+16(FP), AX
	VMOVD        AX, X0
	VPBROADCASTW X0, Y0
	MOVWLZX      span+18(FP), AX
	VMOVD        AX, X1
	VPBROADCASTW X1, Y1
	MOVQ         out+24(FP), DI

word16:
	VMOVDQU   (SI), Y2
	VMOVDQU   32(SI), Y3
	VMOVDQU   64(SI), Y4
	VMOVDQU   96(SI), Y5
	VPSUBW    Y0, Y2, Y2
	VPSUBW    Y0, Y3, Y3
	VPSUBW    Y0, Y4, Y4
	VPSUBW    Y0, Y5, Y5
	VPMINUW   Y1, Y2, Y6
	VPMINUW   Y1, Y3, Y7
	VPMINUW   Y1, Y4, Y8
	VPMINUW   Y1, Y5, Y9
	VPCMPEQW  Y2, Y6, Y2
	VPCMPEQW  Y3, Y7, Y3
	VPCMPEQW  Y4, Y8, Y4
	VPCMPEQW  Y5, Y9, Y5
	VPACKSSWB Y3, Y2, Y2
	VPACKSSWB Y5, Y4, Y4
	VPERMQ    $0xd8, Y2, Y2
	VPERMQ    $0xd8, Y4, Y4
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y4, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, (DI)
	ADDQ      $128, SI
	ADDQ      $8, DI
	DECQ      CX
	JNZ       word16
	VZEROUPPER
	RET

// The double words of two packed pairs of vectors, lane by lane, in the order of the values.
DATA order32<>+0(SB)/4, $0
DATA order32<>+4(SB)/4, $4
DATA order32<>+8(SB)/4, $1
DATA order32<>+12(SB)/4, $5
DATA order32<>+16(SB)/4, $2
DATA order32<>+20(SB)/4, $6
DATA order32<>+24(SB)/4, $3
DATA order32<>+28(SB)/4, $7
GLOBL order32<>(SB), RODATA|NOPTR, $32

// func ranges32(v *uint32, words int, lo, span uint32, out *uint64)
TEXT ·ranges32(SB), NOSPLIT, $0-32
	MOVQ         v+0(FP), SI
	MOVQ         words+8(FP), CX
	MOVL         lo+16(FP), AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	MOVL         span+20(FP), AX
	VMOVD        AX, X1
	VPBROADCASTD X1, Y1
	MOVQ         out+24(FP), DI
	VMOVDQU      order32<>(SB), Y15

word32:
	VMOVDQU   (SI), Y2
	VMOVDQU   32(SI), Y3
	VMOVDQU   64(SI), Y4
	VMOVDQU   96(SI), Y5
	VPSUBD    Y0, Y2, Y2
	VPSUBD    Y0, Y3, Y3
	VPSUBD    Y0, Y4, Y4
	VPSUBD    Y0, Y5, Y5
	VPMINUD   Y1, Y2, Y6
	VPMINUD   Y1, Y3, Y7
	VPMINUD   Y1, Y4, Y8
	VPMINUD   Y1, Y5, Y9
	VPCMPEQD  Y2, Y6, Y2
	VPCMPEQD  Y3, Y7, Y3
	VPCMPEQD  Y4, Y8, Y4
	VPCMPEQD  Y5, Y9, Y5
	VPACKSSDW Y3, Y2, Y2
	VPACKSSDW Y5, Y4, Y4
	VPACKSSWB Y4, Y2, Y2
	VPERMD    Y2, Y15, Y2
	VPMOVMSKB Y2, AX

	VMOVDQU   128(SI), Y2
	VMOVDQU   160(SI), Y3
	VMOVDQU   192(SI), Y4
	VMOVDQU   224(SI), Y5
	VPSUBD    Y0, Y2, Y2
	VPSUBD    Y0, Y3, Y3
	VPSUBD    Y0, Y4, Y4
	VPSUBD    Y0, Y5, Y5
	VPMINUD   Y1, Y2, Y6
	VPMINUD   Y1, Y3, Y7
	VPMINUD   Y1, Y4, Y8
	VPMINUD   Y1, Y5, Y9
	VPCMPEQD  Y2, Y6, Y2
	VPCMPEQD  Y3, Y7, Y3
	VPCMPEQD  Y4, Y8, Y4
	VPCMPEQD  Y5, Y9, Y5
	VPACKSSDW Y3, Y2, Y2
	VPACKSSDW Y5, Y4, Y4
	VPACKSSWB Y4, Y2, Y2
	VPERMD    Y2, Y15, Y2
	VPMOVMSKB Y2, BX

	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, (DI)
	ADDQ $256, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  word32
	VZEROUPPER
	RET
