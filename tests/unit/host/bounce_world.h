/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU of a PV guest with handlers for everything, and what stands on its stacks: for tests of
 * what is delivered to it (test_bounce.c). bounce_world_reset() before each.
 */
#ifndef DOMUS_TESTS_BOUNCE_WORLD_H
#define DOMUS_TESTS_BOUNCE_WORLD_H

#include "core/event_channel.h"
#include "x86/cpu.h"
#include "x86/pv.h"

extern struct domain domain;
extern struct vcpu vcpu;
extern struct vcpu_info info;
extern struct regs before; /* with which the guest entered */
/* Registers that the guest on CPU 0 entered with. */
#define guest (host_cpu_info[0].guest)
extern u32 crashes, toggles, softirq_runs;

/* Stacks of the guest: its kernel's for entries from user mode, and what runs. */
#define STACK_WORDS 64
extern u64 kernel_stack[STACK_WORDS], other_stack[STACK_WORDS];

#define STACK_TOP(stack) ((u64) & (stack)[STACK_WORDS])

#define HANDLER    0xffffffff81000100ull
#define USER_CS    0x33
#define KERNEL_CS  0xe033
#define UPCALL     0xffffffff81000200ull
#define NMI        (HANDLER + TRAP_NMI)
#define SYSCALL    0xffffffff81000400ull
#define SYSCALL32  0xffffffff81000500ull
#define SYSENTER   0xffffffff81000600ull
#define FAILSAFE   0xffffffff81000700ull
#define ARITHMETIC 0x8d5 /* flags that mean nothing to the system */

/* In kernel mode, with nothing to deliver. */
void bounce_world_reset(void);
void in_user_mode(void);
/* Whether those bytes are all on the stack. */
bool in(const u64 *stack, u64 at, size_t bytes);
/* The frame at rsp: cs as the handler shall see it, n words between r11 and rip. */
void check_frame(u64 cs, const u64 *extra, u32 n, bool events_masked);
void check_entered(u64 rip);

#endif
