/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls between CPUs and the TLB clock (arch/x86/cpu/smp_call.c, mm/tlb.c) on threads that play
 * CPUs: each has a TLB of one entry, fills it from a shared page table, and takes the translation
 * away at times. When a flush has returned, no CPU may use what was taken away any more; also where
 * the clock wraps around. (One that is about to load CR3 may have it yet: it uses nothing until it
 * has.)
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "x86/apic.h"
#include "x86/irq.h"

/* The file itself, for its clock. */
#include "hypervisor/arch/x86/mm/tlb.c"

#define CPUS   4u
#define PAGES  8u
#define ROUNDS 4000u

struct cpumask cpu_online_mask = {.bits = {BIT(CPUS) - 1}};

static u64 page_table[PAGES]; /* 0: not present; else a number that is never used again */
static u64 gone[PAGES];       /* numbers up to this one have been taken away from the page */
static u64 tlb[CPUS][PAGES];
static u64 next_number = 1;
static u32 flushes[CPUS], running, interrupts;
static _Thread_local bool era_due;
static bool stale_seen;

void apic_send(u32 cpu, u32 vector)
{
    __atomic_add_fetch(&interrupts, 1, __ATOMIC_RELAXED);
}

u64 read_cr3(void)
{
    return 0;
}

void write_cr3(u64 v)
{
    flushes[host_cpu]++;
    for (u32 page = 0; page < PAGES; page++)
        WRITE_ONCE(tlb[host_cpu][page], 0);
}

void invlpg(vaddr_t va)
{
    WRITE_ONCE(tlb[host_cpu][va], 0);
}

void softirq_raise(enum softirq nr)
{
    era_due = true;
}

void softirq_register(enum softirq nr, softirq_handler_t handler)
{
}

static void translate(u32 page)
{
    for (u32 p = 0; p < PAGES; p++) {
        u64 last = __atomic_load_n(&gone[p], __ATOMIC_ACQUIRE);
        u64 used = tlb[host_cpu][p];
        if (used && used <= last)
            stale_seen = true;
    }
    u64 number = READ_ONCE(page_table[page]);
    if (number)
        WRITE_ONCE(tlb[host_cpu][page], number);
}

/* Take a translation away, make sure that nobody has it any more, and put another one there. Each
 * page is changed by one CPU only. */
static void replace(u32 page, bool single)
{
    u64 old = READ_ONCE(page_table[page]);
    WRITE_ONCE(page_table[page], 0);
    u32 stamp = tlb_clock();
    for (int wait = rand() % 3; wait; wait--)
        cpu_wait();
    if (single)
        tlb_flush_page_mask(&cpu_online_mask, page);
    else
        tlb_flush_since(&cpu_online_mask, stamp);
    if (old)
        __atomic_store_n(&gone[page], old, __ATOMIC_RELEASE);
    WRITE_ONCE(page_table[page], __atomic_fetch_add(&next_number, 1, __ATOMIC_SEQ_CST));
}

static void *cpu_main(void *arg)
{
    host_cpu = (u32)(uintptr_t)arg;
    for (u32 round = 0; round < ROUNDS; round++) {
        translate((u32)rand() % PAGES);
        if (rand() % 8 == 0)
            replace(host_cpu + (rand() % 2) * CPUS, rand() % 4 == 0);
        if (rand() % 16 == 0)
            tlb_load_cr3(0);
        if (era_due) {
            era_due = false;
            era_begin();
        }
        cpu_wait();
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST))
        cpu_wait();
    return NULL;
}

static void run(u32 start)
{
    pthread_t threads[CPUS];
    host_percpu_init(CPUS);
    ticks = start;
    running = CPUS;
    stale_seen = false;
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        assert_int_equal(pthread_create(&threads[cpu], NULL, cpu_main, (void *)(uintptr_t)cpu), 0);
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        pthread_join(threads[cpu], NULL);
    assert_false(stale_seen);
}

static void test_no_stale_translations(void **state)
{
    run(CLOCK_START);
}

static void test_no_stale_translations_at_wrap(void **state)
{
    for (u32 i = 0; i < 10; i++) {
        run(0u - 200);
        assert_in_range(ticks, CLOCK_START, 1000000); /* it wrapped, and runs again */
    }
}

static void test_clock_saves_flushes(void **state)
{
    host_percpu_init(CPUS);
    ticks = CLOCK_START;
    host_cpu = 0;
    struct cpumask self = {.bits = {BIT(0)}};
    u32 stamp = tlb_clock();
    u32 before = flushes[0];
    tlb_flush_since(&self, stamp);
    assert_int_equal(flushes[0], before + 1);
    tlb_flush_since(&self, stamp);
    assert_int_equal(flushes[0], before + 1);
    tlb_flush_since(&self, tlb_clock());
    assert_int_equal(flushes[0], before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_saves_flushes),
        cmocka_unit_test(test_no_stale_translations),
        cmocka_unit_test(test_no_stale_translations_at_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
