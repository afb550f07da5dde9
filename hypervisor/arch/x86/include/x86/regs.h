/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers as the entry code saves them; the same order as the ABI's cpu_user_regs up to ss. */
#ifndef DOMUS_X86_REGS_H
#define DOMUS_X86_REGS_H

#include "types.h"

struct regs {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u32 error_code, vector; /* REGS_VECTOR_SYSCALL for the syscall entry */
    u64 rip, cs, rflags, rsp, ss;
};

/* Above the architecture's vectors. All ones, and the error code with it: one push of the entry. */
#define REGS_VECTOR_SYSCALL (~0u)

#define RFLAGS_CF    BIT(0)
#define RFLAGS_FIXED BIT(1)
#define RFLAGS_PF    BIT(2)
#define RFLAGS_AF    BIT(4)
#define RFLAGS_ZF    BIT(6)
#define RFLAGS_SF    BIT(7)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_OF    BIT(11)
#define RFLAGS_IOPL  (3ull << 12)
#define RFLAGS_NT    BIT(14)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_VM    BIT(17)
#define RFLAGS_AC    BIT(18)
#define RFLAGS_VIF   BIT(19)
#define RFLAGS_VIP   BIT(20)
#define RFLAGS_ID    BIT(21)

/* Exception vectors (Intel SDM vol. 3, 6.3.1). */
enum trap_vector {
    TRAP_DE = 0,
    TRAP_DB,
    TRAP_NMI,
    TRAP_BP,
    TRAP_OF,
    TRAP_BR,
    TRAP_UD,
    TRAP_NM,
    TRAP_DF,
    TRAP_TS = 10,
    TRAP_NP,
    TRAP_SS,
    TRAP_GP,
    TRAP_PF,
    TRAP_MF = 16,
    TRAP_AC,
    TRAP_MC,
    TRAP_XM,
    TRAP_VE,
    TRAP_CP,
};

/* Page fault error code. */
#define PF_PRESENT  BIT(0)
#define PF_WRITE    BIT(1)
#define PF_USER     BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH    BIT(4)

#endif
