/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a CPU finds its own data: each hypervisor stack lies in a block of STACK_BLOCK bytes, aligned
 * to its size, whose end holds a struct cpu_info. The stacks for NMI, #DF and #MC lie in the same
 * block, with unmapped guard pages below each stack.
 */
#ifndef DOMUS_MACHINE_PERCPU_H
#define DOMUS_MACHINE_PERCPU_H

#include "types.h"
#include "x86/regs.h"

struct vcpu;

#define STACK_BLOCK 0x10000ull

struct cpu_info {
    struct regs guest; /* the processor and the entry code push a guest's registers here */
    struct vcpu *vcpu; /* whose context is on this CPU */
    u64 percpu_offset;
    const u32 *softirqs; /* the CPU's softirq_pending, for entry.S */
    u32 cpu;
    u32 pad[3];
    /* The syscall entry's stack pointer while it switches stacks; or the error code and vector <<
     * 32 of an instruction that the exception table names. */
    u64 scratch;
};
/*
 * The processor aligns the stack to 16 bytes before it pushes a guest's registers: their end must
 * be.
 */
STATIC_ASSERT((sizeof(struct cpu_info) - sizeof(struct regs)) % 16 == 0);

static inline struct cpu_info *cpu_info(void)
{
    u64 sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp | (STACK_BLOCK - 1)) + 1 - sizeof(struct cpu_info));
}

#define current (cpu_info()->vcpu)

static inline u32 cpu_id(void)
{
    return cpu_info()->cpu;
}

static inline u64 percpu_offset(void)
{
    return cpu_info()->percpu_offset;
}

extern u64 percpu_offsets[];

static inline u64 percpu_offset_of(u32 cpu)
{
    return percpu_offsets[cpu];
}

/* Registers of the guest that this CPU entered from. */
static inline struct regs *guest_regs(void)
{
    return &cpu_info()->guest;
}

#endif
