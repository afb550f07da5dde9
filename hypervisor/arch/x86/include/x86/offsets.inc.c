/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Not linked: compiled to assembly, from which the build takes the constants that assembly code
 * uses.
 */
#include "core/domain.h"
#include "core/percpu.h"
#include "core/softirq.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

void offsets(void);
void offsets(void)
{
    DEFINE(STACK_BLOCK_SIZE, STACK_BLOCK);
    DEFINE(CPU_INFO_SIZE, sizeof(struct cpu_info));
    DEFINE(CPU_INFO_CURRENT, offsetof(struct cpu_info, vcpu));
    DEFINE(CPU_INFO_SOFTIRQS, offsetof(struct cpu_info, softirqs));
    DEFINE(CPU_INFO_SCRATCH, offsetof(struct cpu_info, scratch));
    DEFINE(REGS_SIZE, sizeof(struct regs));
    DEFINE(REGS_RAX, offsetof(struct regs, rax));
    DEFINE(REGS_RBX, offsetof(struct regs, rbx));
    DEFINE(REGS_RDX, offsetof(struct regs, rdx));
    DEFINE(REGS_RSI, offsetof(struct regs, rsi));
    DEFINE(REGS_RDI, offsetof(struct regs, rdi));
    DEFINE(REGS_RBP, offsetof(struct regs, rbp));
    DEFINE(REGS_R8, offsetof(struct regs, r8));
    DEFINE(REGS_R9, offsetof(struct regs, r9));
    DEFINE(REGS_R10, offsetof(struct regs, r10));
    DEFINE(REGS_R12, offsetof(struct regs, r12));
    DEFINE(REGS_R13, offsetof(struct regs, r13));
    DEFINE(REGS_R14, offsetof(struct regs, r14));
    DEFINE(REGS_R15, offsetof(struct regs, r15));
    DEFINE(REGS_ERROR_CODE, offsetof(struct regs, error_code));
    DEFINE(REGS_VECTOR_SYSCALL, (s32)REGS_VECTOR_SYSCALL);
    DEFINE(REGS_VECTOR, offsetof(struct regs, vector));
    DEFINE(REGS_RIP, offsetof(struct regs, rip));
    DEFINE(REGS_CS, offsetof(struct regs, cs));
    DEFINE(REGS_RFLAGS, offsetof(struct regs, rflags));
    DEFINE(REGS_RSP, offsetof(struct regs, rsp));
    DEFINE(VCPU_INFO, offsetof(struct vcpu, info));
    DEFINE(VCPU_KERNEL_MODE, offsetof(struct vcpu, arch.kernel_mode));
    DEFINE(VCPU_EXIT_WORK, offsetof(struct vcpu, arch.bounce.flags));
    DEFINE(INFO_PENDING, offsetof(struct vcpu_info, evtchn_upcall_pending));
    DEFINE(INFO_MASK, offsetof(struct vcpu_info, evtchn_upcall_mask));
}
