/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine (host/simulation.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch/cpu.h"
#include "core/cpumask.h"
#include "core/lock.h"
#include "core/softirq.h"
#include "core/time.h"
#include "lib/print.h"
#include "tests/unit/host/simulation.h"

nsec_t host_now;
nsec_t host_deadline[HOST_CPUS_MAX];
u64 host_timer_programmed, host_signals;
struct cpumask cpu_online_mask;

static u64 host_random_state;

void host_machine_init(u32 cpus)
{
    host_percpu_init(cpus);
    host_cpu = 0;
    host_now = 0;
    host_timer_programmed = host_signals = 0;
    host_random_state = 42;
    memset(host_deadline, 0xff, sizeof(host_deadline));
    cpumask_zero(&cpu_online_mask);
    for (u32 cpu = 0; cpu < cpus; cpu++)
        cpumask_set(&cpu_online_mask, cpu);
}

u32 host_random(u32 limit)
{
    host_random_state = host_random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(host_random_state >> 33) % limit;
}

void host_timer_poll(u32 cpu)
{
    u32 saved = host_cpu;

    if (host_deadline[cpu] > host_now)
        return;
    host_deadline[cpu] = ~0ull;
    host_cpu = cpu;
    softirq_raise(SOFTIRQ_TIMER);
    host_cpu = saved;
}

nsec_t time_now(void)
{
    return __atomic_load_n(&host_now, __ATOMIC_RELAXED);
}

void cpu_timer_set(nsec_t deadline)
{
    __atomic_store_n(&host_deadline[host_cpu], deadline, __ATOMIC_RELAXED);
    __atomic_add_fetch(&host_timer_programmed, 1, __ATOMIC_RELAXED);
}

void cpu_signal(u32 cpu)
{
    __atomic_add_fetch(&host_signals, 1, __ATOMIC_RELAXED);
}

void cpu_interrupt_window(void)
{
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (level > LOG_WARNING)
        return;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

noreturn void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
