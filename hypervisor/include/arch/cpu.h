/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core asks of physical CPUs: signals, calls, shooting down translations, going to sleep.
 */
#ifndef DOMUS_ARCH_CPU_H
#define DOMUS_ARCH_CPU_H

#include "core/cpumask.h"
#include "types.h"

/* Make another CPU look at its softirqs and at its vCPU's pending events soon (an IPI). */
void cpu_signal(u32 cpu);
/* Run function(data) on each CPU of the mask (this one too if it is in), and wait for all.
 * Functions run with interrupts disabled and must not take locks that a caller may hold. */
void cpu_call(const struct cpumask *mask, void (*function)(void *data), void *data);
/* The hardware timer of this CPU fires SOFTIRQ_TIMER at that system time, at once if that has
 * passed; ~0: not at all. */
void cpu_timer_set(nsec_t deadline);
/* Sleep until an interrupt; called with interrupts disabled, returns with them disabled. */
void cpu_idle(void);
/* Open interrupts for an instant. */
void cpu_interrupt_window(void);
u32 cpu_node(u32 cpu);
/* The counter of this CPU that guests read too (x86: TSC), for traces. */
u64 cpu_cycles(void);
/* What VCPUOP_get_physid tells of a CPU: ACPI id << 32 | APIC id on x86. */
u64 cpu_physical_id(u32 cpu);

/* What was written there is in memory, and no cache of any CPU holds anything of it: it survives a
 * reset of the machine that leaves memory alone. */
void memory_write_back(const void *p, size_t bytes);

noreturn void machine_restart(void);
noreturn void machine_halt(void);
noreturn void machine_power_off(void);

/*
 * The TLB clock: each flush of a CPU's whole TLB of guest translations ticks it. It does not wrap:
 * when its 32 bits are used up it stands at 0 until all CPUs have flushed, and begins again at 1.
 */
u32 tlb_clock(void);
/* Flush all guest translations on the CPUs of the mask that have not done so since stamp. */
void tlb_flush_since(const struct cpumask *mask, u32 stamp);
void tlb_flush_mask(const struct cpumask *mask);
void tlb_flush_page_mask(const struct cpumask *mask, vaddr_t va);
void tlb_flush_local(void);
void tlb_flush_page_local(vaddr_t va);

#endif
