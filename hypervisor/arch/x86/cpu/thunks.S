/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small things between the compiler's code and other code.
 *
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

/*
 * spin_wait() of machine/lock.h: the lock and the ticket are on the stack, every register is kept.
 */
#define SAVED_BYTES 72
    .balign 32
    .globl spin_wait_keeping_registers
spin_wait_keeping_registers:
    .irp name, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    push %\name
    .endr
    movzwl SAVED_BYTES + 8(%rsp), %esi
    mov SAVED_BYTES + 16(%rsp), %rdi
    call spin_wait_turn
    .irp name, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
    pop %\name
    .endr
    ret

    .section .note.GNU-stack, "", @progbits
