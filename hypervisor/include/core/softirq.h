/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that an event asks for and that runs on the way back to the guest: interrupts raise, the
 * exit path (softirq_run) runs the handlers, with interrupts disabled and no lock held.
 */
#ifndef DOMUS_CORE_SOFTIRQ_H
#define DOMUS_CORE_SOFTIRQ_H

#include "core/percpu.h"
#include "types.h"

enum softirq {
    SOFTIRQ_TIMER,          /* timers are due */
    SOFTIRQ_TASKLET,        /* tasklets wait */
    SOFTIRQ_ARCH,           /* the architecture's own (x86: mm/tlb.c) */
    SOFTIRQ_HARDWARE_ERROR, /* domain 0 is to hear of one (x86: cpu/nmi.c) */
    SOFTIRQ_SCHEDULE,       /* choose the vCPU to run; runs last, does not return if it switches */
    NR_SOFTIRQS,
};

typedef void (*softirq_handler_t)(void);

DECLARE_PER_CPU(u32, softirq_pending);

void softirq_register(enum softirq nr, softirq_handler_t handler);
/* On this CPU. */
void softirq_raise(enum softirq nr);
/* On another CPU: sets its bit and, unless it is this CPU or polls, sends it a signal. */
void softirq_raise_on(u32 cpu, enum softirq nr);
/* Run what is pending on this CPU until nothing is. */
void softirq_run(void);

static inline bool softirq_is_pending(void)
{
    return READ_ONCE(this_cpu(softirq_pending)) != 0;
}

/*
 * A preemption point: opens interrupts for an instant, then tells whether this CPU has something
 * more urgent to do. Long work asks every few microseconds, with no lock held, and if true saves
 * its progress and returns (core/hypercall.h: continuations).
 */
bool preempt_pending(void);

#endif
