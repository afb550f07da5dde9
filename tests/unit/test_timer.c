/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers: fire in order and never early, on their CPU; stopped, moved and killed ones do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/cpumask.h"
#include "core/lock.h"
#include "core/softirq.h"
#include "core/timer.h"
#include "lib/print.h"
#include "tests/unit/host/simulation.h"

#define CPUS   3
#define TIMERS 200
#define STEPS  200000

static u32 fired[TIMERS];
static u32 fired_on;
static nsec_t last_expired;
static struct timer timers[TIMERS];

/* One thread: who waits, waits for ever. */
void cpu_wait(void)
{
    panic("a lock is held that nobody will release");
}

static void expired(void *data)
{
    struct timer *t = data;

    assert_true(t->expires <= host_now);
    assert_true(t->expires >= last_expired);
    assert_false(timer_is_active(t));
    last_expired = t->expires;
    fired[t - timers]++;
    fired_on = cpu_id();
}

static int setup(void **state)
{
    host_machine_init(CPUS);
    timers_init();
    for (u32 cpu = 1; cpu < CPUS; cpu++)
        assert_int_equal(timers_init_cpu(cpu), 0);
    for (u32 i = 0; i < TIMERS; i++) {
        timer_init(&timers[i], expired, &timers[i], i % CPUS);
        fired[i] = 0;
    }
    return 0;
}

/* Interrupts and softirqs of all CPUs, at this moment. */
static void serve(void)
{
    for (u32 cpu = 0; cpu < CPUS; cpu++) {
        host_timer_poll(cpu);
        host_cpu = cpu;
        last_expired = 0;
        softirq_run();
    }
    host_cpu = 0;
}

static void advance(nsec_t to)
{
    host_now = to;
    serve();
}

static void test_fires_at_its_time(void **state)
{
    timer_set(&timers[0], 100);
    assert_int_equal(host_deadline[0], 100);
    advance(99);
    assert_int_equal(fired[0], 0);
    advance(100);
    assert_int_equal(fired[0], 1);
    advance(1000);
    assert_int_equal(fired[0], 1);
    assert_true(host_deadline[0] == ~0ull);
}

static void test_past_fires_at_once(void **state)
{
    advance(500);
    timer_set(&timers[0], 3);
    serve();
    assert_int_equal(fired[0], 1);
}

static void test_later_does_not_touch_hardware(void **state)
{
    timer_set(&timers[0], 100);
    u64 programmed = host_timer_programmed;
    for (u32 i = 0; i < 10; i++)
        timer_set(&timers[0], 200 + i);
    assert_int_equal(host_timer_programmed, programmed);
    advance(100);
    assert_int_equal(fired[0], 0);
    assert_int_equal(host_deadline[0], 209);
    advance(209);
    assert_int_equal(fired[0], 1);
}

static void test_other_cpu(void **state)
{
    timer_set(&timers[1], 100);
    assert_int_equal(host_signals, 1);
    serve();
    assert_int_equal(host_deadline[1], 100);
    advance(100);
    assert_int_equal(fired[1], 1);
    assert_int_equal(fired_on, 1);
}

static void test_migrates(void **state)
{
    timer_set(&timers[0], 100);
    timer_migrate(&timers[0], 2);
    serve();
    advance(100);
    assert_int_equal(fired[0], 1);
    assert_int_equal(fired_on, 2);
}

static void test_killed_stays_dead(void **state)
{
    timer_set(&timers[0], 100);
    timer_kill(&timers[0]);
    timer_set(&timers[0], 50);
    assert_false(timer_is_active(&timers[0]));
    advance(1000);
    assert_int_equal(fired[0], 0);
}

static nsec_t expected[TIMERS]; /* 0: not armed */

/*
 * After all that was due has fired, each CPU's hardware timer comes no later than its first timer.
 */
static void check_hardware(void)
{
    for (u32 i = 0; i < TIMERS; i++)
        if (expected[i])
            assert_true(host_deadline[timers[i].cpu] <= expected[i]);
}

static void random_step(void)
{
    u32 i = host_random(TIMERS);

    host_cpu = host_random(CPUS);
    switch (host_random(4)) {
    case 0:
    case 1:
        expected[i] = host_now + 1 + host_random(1000);
        timer_set(&timers[i], expected[i]);
        break;
    case 2:
        expected[i] = 0;
        timer_stop(&timers[i]);
        break;
    case 3:
        timer_migrate(&timers[i], host_random(CPUS));
        break;
    }
    host_cpu = 0;
}

static void test_random(void **state)
{
    for (u32 i = 0; i < TIMERS; i++)
        expected[i] = 0;
    for (u32 step = 0; step < STEPS; step++) {
        random_step();
        if (host_random(3))
            continue;
        u32 before[TIMERS];
        for (u32 i = 0; i < TIMERS; i++)
            before[i] = fired[i];
        advance(host_now + host_random(60));
        for (u32 i = 0; i < TIMERS; i++) {
            bool due = expected[i] && expected[i] <= host_now;
            assert_int_equal(fired[i] - before[i], due);
            if (due)
                expected[i] = 0;
            assert_int_equal(timer_is_active(&timers[i]), expected[i] != 0);
        }
        check_hardware();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fires_at_its_time, setup),
        cmocka_unit_test_setup(test_past_fires_at_once, setup),
        cmocka_unit_test_setup(test_later_does_not_touch_hardware, setup),
        cmocka_unit_test_setup(test_other_cpu, setup),
        cmocka_unit_test_setup(test_migrates, setup),
        cmocka_unit_test_setup(test_killed_stays_dead, setup),
        cmocka_unit_test_setup(test_random, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
