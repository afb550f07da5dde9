/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLB clock and shooting down translations (arch/cpu.h).
 *
 * The clock counts flushes. A CPU notes the time of its last one; whoever takes a translation away
 * notes the time too, and later, when the frame is to become something else, flushes only the CPUs
 * that have not flushed since. The order matters: the clock ticks before the flush, and is read
 * after the translation is gone.
 *
 * The clock has 32 bits. When they are used up it stands at 0, which means: every CPU needs a
 * flush. A softirq then flushes all of them, notes 0 for each, and starts the clock again.
 *
 * Translations of guests are never global, so loading CR3 drops all of them.
 */
#include "arch/cpu.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "x86/cpu.h"
#include "x86/tlb.h"

#define CLOCK_STOPPED 0u
#define CLOCK_START   1u

/* The clock: flushes so far. */
static u32 ticks = CLOCK_START;
/* The clock at this CPU's last flush. */
static DEFINE_PER_CPU(u32, flushed_at);

/* What precedes each flush: the time at which the translations are gone that existed before it. */
static u32 clock_tick(void)
{
    u32 now = __atomic_load_n(&ticks, __ATOMIC_RELAXED);
    u32 next;
    do {
        next = now + 1;
        if (now == CLOCK_STOPPED) {
            next = CLOCK_STOPPED;
            break;
        }
    } while (
        !__atomic_compare_exchange_n(&ticks, &now, next, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if (unlikely(next == CLOCK_STOPPED))
        softirq_raise(SOFTIRQ_ARCH);
    return next;
}

u32 tlb_clock(void)
{
    /* The stores that took the translation away are visible before the clock is read. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return READ_ONCE(ticks);
}

void tlb_load_cr3(u64 cr3)
{
    u32 now = clock_tick();
    write_cr3(cr3);
    WRITE_ONCE(this_cpu(flushed_at), now);
}

void tlb_flush_local(void)
{
    tlb_load_cr3(read_cr3());
}

void tlb_flush_page_local(vaddr_t va)
{
    invlpg(va);
}

static void flush_call(void *data)
{
    tlb_flush_local();
}

static void flush_page_call(void *data)
{
    invlpg(*(const vaddr_t *)data);
}

void tlb_flush_mask(const struct cpumask *mask)
{
    cpu_call(mask, flush_call, NULL);
}

void tlb_flush_page_mask(const struct cpumask *mask, vaddr_t va)
{
    cpu_call(mask, flush_page_call, &va);
}

void tlb_flush_since(const struct cpumask *mask, u32 stamp)
{
    struct cpumask stale;
    u32 cpu;
    bool any = false, all = READ_ONCE(ticks) == CLOCK_STOPPED;
    cpumask_zero(&stale);
    for_each_cpu (cpu, mask) {
        if (!all && READ_ONCE(per_cpu(flushed_at, cpu)) > stamp)
            continue;
        stale.bits[cpu / 64] |= BIT(cpu % 64);
        any = true;
    }
    if (any)
        tlb_flush_mask(&stale);
}

static void era_flush(void *data)
{
    write_cr3(read_cr3());
    WRITE_ONCE(this_cpu(flushed_at), CLOCK_STOPPED);
}

/* The clock stands: flush everything, and start it again. */
static void era_begin(void)
{
    if (READ_ONCE(ticks) != CLOCK_STOPPED)
        return;
    cpu_call(&cpu_online_mask, era_flush, NULL);
    u32 stopped = CLOCK_STOPPED;
    __atomic_compare_exchange_n(&ticks, &stopped, CLOCK_START, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_RELAXED);
}

void tlb_init(void)
{
    softirq_register(SOFTIRQ_ARCH, era_begin);
}
