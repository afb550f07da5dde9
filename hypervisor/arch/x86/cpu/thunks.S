/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where every indirect branch of the hypervisor goes through: the compiler loads the target into a register
 * and calls (or jumps to) that register's thunk. The processor predicts the return below by its stack of
 * return addresses, which says "the loop"; so no guest has trained what is executed before the target is
 * known (Spectre v2). The names are the compiler's (-mindirect-branch=thunk-extern).
 *
 * Source: Intel, "Retpoline: a branch target injection mitigation", 3.
 */
    .section .text.thunks, "ax"

    .irp name, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    .balign 32
    .globl __x86_indirect_thunk_\name
__x86_indirect_thunk_\name:
    call 2f
1:  pause
    lfence
    jmp 1b
2:  mov %\name, (%rsp)
    ret
    .endr

    .section .note.GNU-stack, "", @progbits
