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
    DEFINE(CPU_INFO_PERCPU_OFFSET, offsetof(struct cpu_info, percpu_offset));
    DEFINE(CPU_INFO_SCRATCH, offsetof(struct cpu_info, scratch));
    DEFINE(REGS_SIZE, sizeof(struct regs));
    DEFINE(REGS_RAX, offsetof(struct regs, rax));
    DEFINE(REGS_RCX, offsetof(struct regs, rcx));
    DEFINE(REGS_R11, offsetof(struct regs, r11));
    DEFINE(REGS_ERROR_CODE, offsetof(struct regs, error_code));
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
