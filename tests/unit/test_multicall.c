/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicalls: entries done once each and in order, results in their places, preemption between and
 * inside entries at every point, faults at every copy, lists in lists, and leaving by iret.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/xen.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "errno.h"
#include "tests/unit/host/hypercall_stubs.h"
#include "tests/unit/host/memory_world.h"

#define ENTRIES 40

static struct domain domain;
static struct vcpu vcpu;
static struct multicall_entry list[ENTRIES];

/* What the handlers did: (value, step) of each part of each call. */
static struct {
    u64 value, step;
} done[4096];
static u32 nr_done;

/* arch_hypercall_reissue() */
static bool reissued;
static u64 reissue_values[6];
static u32 reissue_count;

#define REISSUE_RESULT 0x1234

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    assert_ptr_equal(v, &vcpu);
    assert_false(reissued);
    reissued = true;
    reissue_count = count;
    memcpy(reissue_values, values, count * sizeof(u64));
    return REISSUE_RESULT;
}

/*
 * The guest's calls: stack_switch(value, steps, step) does its steps, looking for something more
 * urgent after each; fpu_taskswitch() leaves for user mode.
 */
static long on_hypercall(const char *function, struct vcpu *v, const u64 args[6])
{
    if (!strcmp(function, "iret"))
        return 99;
    if (!strcmp(function, "fpu_taskswitch")) {
        v->arch.kernel_mode = false;
        return 98;
    }
    assert_string_equal(function, "stack_switch");
    for (u64 step = args[2]; step < args[1]; step++) {
        assert_true(nr_done < ARRAY_SIZE(done));
        done[nr_done].value = args[0];
        done[nr_done++].step = step;
        if (step + 1 < args[1] && memory_world.preempt_after && !--memory_world.preempt_after)
            return hypercall_continue(v, 3, args[0], args[1], step + 1);
    }
    return (long)args[0] * 10;
}

static int setup(void **state)
{
    (void)state;
    memory_world_reset();
    host_percpu_init(1);
    domain = (struct domain){.id = 1};
    vcpu = (struct vcpu){.domain = &domain, .arch.kernel_mode = true};
    hypercall_stubs.hypercall = on_hypercall;
    nr_done = 0;
    reissued = false;
    for (u64 i = 0; i < ENTRIES; i++)
        list[i] = (struct multicall_entry){
            .op = __HYPERVISOR_stack_switch, .result = 0xdead, .args = {i + 1, 1, 0, 44, 55, 66}};
    return 0;
}

/* As the entry code does: the call is issued again as long as it wants to be. */
static long multicall(void *at, u64 count, u32 *rounds)
{
    u64 a[2] = {(u64)at, count};
    for (u32 n = 1;; n++) {
        reissued = false;
        long result = hypercall_multicall(&vcpu, a[0], a[1], 0, 0, 0, 0);
        if (rounds)
            *rounds = n;
        if (!reissued)
            return result;
        assert_int_equal(result, REISSUE_RESULT);
        assert_int_equal(reissue_count, 2);
        assert_false(vcpu.hypercall_continued);
        a[0] = reissue_values[0];
        a[1] = reissue_values[1];
    }
}

static void test_plain(void **state)
{
    (void)state;
    list[3].op = 11;            /* nobody's */
    list[4].op = NR_HYPERCALLS; /* no such number */
    list[5].op = ~0ull;
    list[6].op = __HYPERVISOR_tmem_op; /* not there */
    assert_int_equal(multicall(list, 8, NULL), 0);
    assert_int_equal(nr_done, 4);
    for (u32 i = 0; i < ENTRIES; i++) {
        assert_int_equal(list[i].result, i >= 8            ? 0xdead
                                         : i >= 3 && i < 7 ? (u64)-ENOSYS
                                                           : (i + 1) * 10);
        assert_int_equal(list[i].args[3], 44);
    }
    assert_int_equal(multicall(list, 0, NULL), 0);
    assert_int_equal(multicall(list, 1ull << 32, NULL), 0); /* the count is an unsigned int */
    assert_int_equal(nr_done, 4);
}

static void test_not_the_guests(void **state)
{
    (void)state;
    assert_int_equal(multicall((void *)BIT(47), 1, NULL), -EFAULT);
    /* Its end is not: then nothing is done. */
    assert_int_equal(multicall((void *)(BIT(47) - sizeof(list[0])), 2, NULL), -EFAULT);
    assert_int_equal(nr_done, 0);
    assert_int_equal(multicall((void *)~63ull, 2, NULL), -EFAULT);
}

static void test_nested(void **state)
{
    (void)state;
    struct multicall_entry inner[2] = {list[0], list[1]};
    list[1].op = __HYPERVISOR_multicall;
    list[1].args[0] = (u64)inner;
    list[1].args[1] = 2;
    assert_int_equal(multicall(list, 3, NULL), 0);
    assert_int_equal(list[0].result, 10);
    assert_int_equal(list[1].result, (u64)-EINVAL);
    assert_int_equal(list[2].result, 30);
    assert_int_equal(inner[0].result, 0xdead);
    /* It leaves nothing behind. */
    assert_int_equal(multicall(inner, 2, NULL), 0);
    assert_int_equal(inner[1].result, 20);
}

/* Each copy fails once: what was done, was done once. */
static void test_faults(void **state)
{
    (void)state;
    for (u32 copy = 1; copy <= 10; copy++) {
        setup(NULL);
        memory_world.copy_fail_after = copy;
        assert_int_equal(multicall(list, 5, NULL), -EFAULT);
        u32 executed = copy / 2;
        assert_int_equal(nr_done, executed);
        for (u32 i = 0; i < 5; i++)
            assert_int_equal(list[i].result, i < (copy - 1) / 2 ? (i + 1) * 10 : 0xdead);
        /* And the next one is not mistaken for a nested one. */
        assert_int_equal(multicall(list + 10, 1, NULL), 0);
    }
    setup(NULL);
    list[0].args[1] = 4;
    memory_world.preempt_after = 2;
    memory_world.copy_fail_after = 2; /* that of the arguments that go on */
    assert_int_equal(multicall(list, 5, NULL), -EFAULT);
    assert_false(vcpu.hypercall_continued);
    assert_int_equal(multicall(list + 10, 1, NULL), 0);
}

static void check_all_done(u32 count)
{
    u32 n = 0;
    for (u32 i = 0; i < count; i++) {
        for (u64 step = 0; step < list[i].args[1]; step++, n++) {
            assert_int_equal(done[n].value, i + 1);
            assert_int_equal(done[n].step, step);
        }
        assert_int_equal(list[i].result, (i + 1) * 10);
        assert_int_equal(list[i].args[5], 66);
    }
    assert_int_equal(nr_done, n);
}

/* Preempted once, at every point that there is. */
static void test_preemption_points(void **state)
{
    (void)state;
    u32 rounds = 2, preempted = 0;
    for (u32 after = 1; rounds > 1; after++) {
        setup(NULL);
        for (u32 i = 0; i < ENTRIES; i++)
            list[i].args[1] = 1 + i % 4;
        memory_world.preempt_after = after;
        assert_int_equal(multicall(list, ENTRIES, &rounds), 0);
        check_all_done(ENTRIES);
        preempted += rounds > 1;
    }
    assert_in_range(preempted, 60, 70); /* 60 between steps, some between entries */
}

/* Preempted at every other point or so. */
static void test_preemption_random(void **state)
{
    (void)state;
    for (u32 run = 0; run < 300; run++) {
        setup(NULL);
        u64 seed = run;
        for (u32 i = 0; i < ENTRIES; i++)
            list[i].args[1] = 1 + (seed = seed * 2862933555777941757ull + 3037000493ull) / 7 % 6;
        u64 a[2] = {(u64)list, ENTRIES};
        u32 rounds = 0;
        for (bool more = true; more; rounds++) {
            memory_world.preempt_after = 1 + (u32)(seed = seed * 2862933555777941757ull + 1) % 5;
            reissued = false;
            long result = hypercall_multicall(&vcpu, a[0], a[1], 0, 0, 0, 0);
            assert_int_equal(result, reissued ? REISSUE_RESULT : 0);
            more = reissued;
            memcpy(a, reissue_values, sizeof(a));
            assert_true(rounds < 1000);
        }
        check_all_done(ENTRIES);
    }
}

static void test_continue_alone(void **state)
{
    (void)state;
    assert_int_equal(hypercall_continue(&vcpu, 3, 7ull, 8ull, 9ull), REISSUE_RESULT);
    assert_true(reissued);
    assert_int_equal(reissue_count, 3);
    assert_int_equal(reissue_values[2], 9);
    assert_false(vcpu.hypercall_continued);
}

static void test_leaving(void **state)
{
    (void)state;
    /* To user mode: the list is in another address space now. */
    list[1].op = __HYPERVISOR_fpu_taskswitch;
    assert_int_equal(multicall(list, 3, NULL), 98);
    assert_int_equal(nr_done, 1);
    assert_int_equal(list[1].result, 0xdead);
    /* By iret, to wherever: its result is the RAX that was asked for. */
    setup(NULL);
    list[1].op = __HYPERVISOR_iret;
    assert_int_equal(multicall(list, 3, NULL), 99);
    assert_int_equal(nr_done, 1);
    assert_int_equal(list[2].result, 0xdead);
    assert_int_equal(multicall(list + 4, 1, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain, setup),
        cmocka_unit_test_setup(test_not_the_guests, setup),
        cmocka_unit_test_setup(test_nested, setup),
        cmocka_unit_test_setup(test_faults, setup),
        cmocka_unit_test_setup(test_preemption_points, setup),
        cmocka_unit_test_setup(test_preemption_random, setup),
        cmocka_unit_test_setup(test_continue_alone, setup),
        cmocka_unit_test_setup(test_leaving, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
