/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one-shot timer of each CPU (cpu_timer_set of arch/cpu.h), in its local APIC: a TSC deadline
 * where the processor has it, else a count that is decremented to zero. core/timer.c decides what
 * it is set to, and copes with its firing early.
 */
#include "arch/cpu.h"
#include "core/softirq.h"
#include "core/time.h"
#include "apic_registers.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/time.h"

#define DIVIDE_BY_1 0xbu /* encoding of the divide register (Intel SDM vol. 3, 10.5.4) */

#define CALIBRATION_TIME MILLISECONDS(5)
#define RATE_SHIFT       32
#define COUNT_MAX        0xffffffffu

/* Counts per nanosecond << RATE_SHIFT; 0: the TSC deadline is used. */
static u64 counts_per_ns;
/* Longest time that the count can hold, in ns. */
static nsec_t longest;

static init_text u64 timer_measure(nsec_t (*clock)(void))
{
    apic->write(APIC_REG_TIMER_DIVIDE, DIVIDE_BY_1);
    apic->write(APIC_REG_LVT_TIMER, APIC_LVT_MASKED);
    apic->write(APIC_REG_TIMER_INITIAL, COUNT_MAX);
    u32 count_start = apic->read(APIC_REG_TIMER_CURRENT);
    nsec_t start = clock(), now;
    do {
        cpu_pause();
        now = clock();
    } while (now - start < CALIBRATION_TIME);
    u32 counted = count_start - apic->read(APIC_REG_TIMER_CURRENT);
    apic->write(APIC_REG_TIMER_INITIAL, 0);
    return ((u64)counted << RATE_SHIFT) / (now - start);
}

init_text void apic_timer_init(nsec_t (*clock)(void))
{
    if (cpu_features.tsc_deadline) {
        log_info("apic: timer by TSC deadline");
        return;
    }
    counts_per_ns = timer_measure(clock);
    if (!counts_per_ns)
        panic("apic: the timer does not count");
    longest = (nsec_t)(((unsigned __int128)COUNT_MAX << RATE_SHIFT) / counts_per_ns);
    log_info("apic: timer of %lu kHz",
             (unsigned long)((unsigned __int128)counts_per_ns * 1000000 >> RATE_SHIFT));
}

void apic_timer_init_cpu(void)
{
    if (!counts_per_ns) {
        apic->write(APIC_REG_LVT_TIMER, APIC_LVT_TIMER_DEADLINE | VECTOR_TIMER);
        /*
         * The mode must be seen before the first deadline is written (Intel SDM vol. 3, 10.5.4.1).
         */
        __asm__ volatile("mfence" : : : "memory");
        return;
    }
    apic->write(APIC_REG_TIMER_DIVIDE, DIVIDE_BY_1);
    apic->write(APIC_REG_LVT_TIMER, APIC_LVT_TIMER_ONE_SHOT | VECTOR_TIMER);
}

static void timer_set_count(nsec_t deadline)
{
    if (deadline == ~0ull) {
        apic->write(APIC_REG_TIMER_INITIAL, 0);
        return;
    }
    nsec_t now = time_now();
    if (deadline <= now) {
        softirq_raise(SOFTIRQ_TIMER);
        return;
    }
    nsec_t wait = MIN(deadline - now, longest);
    /* Rounded up, so that it does not fire before the moment. */
    u64 count = (u64)((unsigned __int128)wait * counts_per_ns >> RATE_SHIFT) + 1;
    apic->write(APIC_REG_TIMER_INITIAL, (u32)MIN(count, (u64)COUNT_MAX));
}

void cpu_timer_set(nsec_t deadline)
{
    if (!counts_per_ns)
        wrmsr(MSR_TSC_DEADLINE, deadline == ~0ull ? 0 : time_to_tsc(deadline));
    else
        timer_set_count(deadline);
}
