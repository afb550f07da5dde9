/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine of simulated CPUs and a simulated clock, for tests of the core: what include/arch/cpu.h
 * and core/time.h promise, the console as stderr, and panic() as the end of the test.
 */
#ifndef DOMUS_HOST_SIMULATION_H
#define DOMUS_HOST_SIMULATION_H

#include "core/percpu.h"
#include "types.h"

/* The clock. Each CPU's hardware timer: when it fires, ~0 if not. */
extern nsec_t host_now;
extern nsec_t host_deadline[HOST_CPUS_MAX];
/* Times that the hardware timers were programmed, that CPUs were signalled. */
extern u64 host_timer_programmed, host_signals;

/* CPUs 0 to cpus - 1, all online, at time 0; this thread is on CPU 0. */
void host_machine_init(u32 cpus);
/* Pseudo-random, below limit; the same sequence after each host_machine_init(). */
u32 host_random(u32 limit);
/* The CPU's hardware timer raises its softirq if it is due. */
void host_timer_poll(u32 cpu);

#endif
