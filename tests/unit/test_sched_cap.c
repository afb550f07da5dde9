/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caps: what a domain's vCPUs get at most, together, on simulated CPUs (host/sched_world.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/sched.h"
#include "lib/print.h"
#include "tests/unit/host/sched_world.h"

/* By what it may overdraw in its last period. */
#define TOLERANCE MILLISECONDS(15)

void cpu_wait(void)
{
    panic("waits for what no other CPU can do now");
}

static int teardown(void **state)
{
    world_destroy();
    return 0;
}

/* They had that part of one CPU's time since start, in thousandths. */
static void assert_part(nsec_t ran, nsec_t start, u32 thousandths)
{
    nsec_t fair = (host_now - start) * thousandths / 1000;
    if (ran > fair + TOLERANCE || ran + TOLERANCE < fair)
        panic("%llu us of %llu", (unsigned long long)ran / 1000, (unsigned long long)fair / 1000);
}

static nsec_t capped_ran(void)
{
    nsec_t ran = 0;
    for (u32 i = 0; i < world_capped.max_vcpus; i++)
        ran += world_guests[world_capped.vcpus[i]->id].ran;
    return ran;
}

static void test_cap(void **state)
{
    static const u32 caps[] = {1, 7, 30, 99};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        world_init(2);
        world_add_capped(256);
        sched_set_cap(&world_capped, caps[i]);
        world_start_all();
        world_run(SECONDS(10));
        assert_part(capped_ran(), 0, caps[i] * 10);
        /* Without it, all; with one again, no more than that, whatever it had before. */
        sched_set_cap(&world_capped, 0);
        nsec_t start = host_now, before = capped_ran();
        world_run(start + SECONDS(1));
        assert_part(capped_ran() - before, start, 1000);
        start = host_now, before = capped_ran();
        sched_set_cap(&world_capped, 50);
        world_run(start + SECONDS(1));
        assert_part(capped_ran() - before, start, 500);
        if (i + 1 < ARRAY_SIZE(caps))
            world_destroy();
    }
}

/* The cap is of the domain, however many vCPUs it has; others get the rest. */
static void test_cap_of_many(void **state)
{
    world_init(4);
    for (u32 i = 0; i < 5; i++)
        world_add_capped(1024);
    struct guest *others[4] = {world_add(256), world_add(256), world_add(256), world_add(256)};
    sched_set_cap(&world_capped, 150);
    world_start_all();
    world_run(SECONDS(10));
    assert_part(capped_ran(), 0, 1500);
    for (u32 i = 0; i < 4; i++)
        assert_part(others[i]->ran, 0, 625);
}

/* A cap keeps nobody from sleeping, and what was not used is not saved up. */
static void test_cap_of_sleeper(void **state)
{
    world_init(1);
    struct guest *g = world_add_capped(256);
    sched_set_cap(&world_capped, 20);
    g->burst = SECONDS(1);
    g->sleep = SECONDS(5);
    world_start_all();
    world_run(SECONDS(9));
    /* Five seconds for the burst, asleep until the tenth. */
    assert_true(g->ran >= SECONDS(1) && g->ran < SECONDS(1) + TOLERANCE);
    nsec_t before = capped_ran();
    world_run(SECONDS(12));
    assert_part(capped_ran() - before, SECONDS(10), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_cap, teardown),
        cmocka_unit_test_teardown(test_cap_of_many, teardown),
        cmocka_unit_test_teardown(test_cap_of_sleeper, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
