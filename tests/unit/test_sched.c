/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler on simulated CPUs: shares by weight, nobody waits while a CPU idles, affinities,
 * waking, blocking and pausing in any order, vCPU timers, CPUs that go and come. host/sched_world.c
 * checks what must hold after each event; a panic there ends the test. Caps: test_sched_cap.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/sched.h"
#include "core/softirq.h"
#include "core/vcpu_timer.h"
#include "errno.h"
#include "hypervisor/sched/schedule.h"
#include "lib/print.h"
#include "tests/unit/host/sched_world.h"
#include "tests/unit/host/traces.h"

/* Per cent by which a share may differ from the fair one. */
#define TOLERANCE 4

/* What another CPU does while one waits for a lock; NULL: nobody may have to wait. */
static void (*other_cpu)(void);

void cpu_wait(void)
{
    void (*act)(void) = other_cpu;

    if (!act)
        panic("waits for what no other CPU can do now");
    other_cpu = NULL;
    act();
}

static int teardown(void **state)
{
    world_destroy();
    return 0;
}

/* g had that part of one CPU's time since start, in thousandths. */
static void assert_share(const struct guest *g, nsec_t ran_before, nsec_t start, u32 thousandths)
{
    nsec_t fair = (host_now - start) * thousandths / 1000, ran = g->ran - ran_before;

    if (ran * 100 < fair * (100 - TOLERANCE) || ran * 100 > fair * (100 + TOLERANCE))
        panic("vCPU %u had %llu of %llu us", g->v->id, (unsigned long long)ran / 1000,
              (unsigned long long)fair / 1000);
}

static void pin(struct guest *g, u64 cpus)
{
    struct cpumask mask = {{cpus}};
    assert_int_equal(sched_set_affinity(g->v, &mask, &mask), 0);
}

static void test_weights_on_one_cpu(void **state)
{
    static const u32 weights[] = {256, 512, 1024, 128};
    world_init(1);
    for (u32 i = 0; i < ARRAY_SIZE(weights); i++)
        world_add(weights[i]);
    world_start_all();
    world_run(SECONDS(10));
    for (u32 i = 0; i < ARRAY_SIZE(weights); i++)
        assert_share(&world_guests[i], 0, 0, weights[i] * 1000 / 1920);
}

static void test_equal_on_more_cpus(void **state)
{
    static const u32 shapes[][2] = {{2, 3}, {2, 5}, {4, 5}, {4, 7}, {8, 13}, {3, 3}};
    for (u32 s = 0; s < ARRAY_SIZE(shapes); s++) {
        u32 cpus = shapes[s][0], vcpus = shapes[s][1];
        world_init(cpus);
        for (u32 i = 0; i < vcpus; i++)
            world_add(256);
        world_start_all();
        world_run(SECONDS(10));
        for (u32 i = 0; i < vcpus; i++)
            assert_share(&world_guests[i], 0, 0, 1000 * cpus / vcpus);
        if (s + 1 < ARRAY_SIZE(shapes))
            world_destroy();
    }
}

static void test_weights_on_two_cpus(void **state)
{
    world_init(2);
    world_add(768);
    for (u32 i = 0; i < 3; i++)
        world_add(256);
    world_add(256);
    world_start_all();
    world_run(SECONDS(10));
    /* 768 of 1792, of two CPUs. */
    assert_share(&world_guests[0], 0, 0, 857);
    for (u32 i = 1; i < 5; i++)
        assert_share(&world_guests[i], 0, 0, 286);
}

/* Weights that would be worth more than one CPU get one, and the others share the rest. */
static void test_weight_beyond_one_cpu(void **state)
{
    world_init(2);
    world_add(10000);
    world_add(256);
    world_add(256);
    world_start_all();
    world_run(SECONDS(10));
    assert_share(&world_guests[0], 0, 0, 1000);
    assert_share(&world_guests[1], 0, 0, 500);
    assert_share(&world_guests[2], 0, 0, 500);
}

/* Who ran alone, or slept, for long is neither punished nor rewarded for it. */
static void test_past_is_forgotten(void **state)
{
    world_init(1);
    world_add(256);
    world_add(256);
    world_start(&world_guests[0]);
    world_run(SECONDS(100));
    world_start(&world_guests[1]);
    nsec_t start = host_now, before = world_guests[0].ran;
    world_run(start + SECONDS(2));
    assert_share(&world_guests[0], before, start, 500);
    assert_share(&world_guests[1], 0, start, 500);
}

static void test_separate_cpus_then_together(void **state)
{
    world_init(2);
    for (u32 i = 0; i < 6; i++)
        world_add(256);
    pin(&world_guests[0], BIT(0));
    pin(&world_guests[1], BIT(0));
    for (u32 i = 2; i < 6; i++)
        pin(&world_guests[i], BIT(1));
    world_start_all();
    world_run(SECONDS(20));
    for (u32 i = 0; i < 6; i++)
        assert_share(&world_guests[i], 0, 0, i < 2 ? 500 : 250);

    nsec_t start = host_now, before[6];
    for (u32 i = 0; i < 6; i++) {
        pin(&world_guests[i], BIT(0) | BIT(1));
        before[i] = world_guests[i].ran;
    }
    world_run(start + SECONDS(20));
    for (u32 i = 0; i < 6; i++)
        assert_share(&world_guests[i], before[i], start, 333);
}

static void test_sleeper_is_served_soon(void **state)
{
    world_init(1);
    world_add(256);
    world_add(256);
    struct guest *sleeper = world_add(256);
    sleeper->burst = MICROSECONDS(200);
    sleeper->sleep = MILLISECONDS(5);
    world_start_all();
    world_run(SECONDS(5));
    struct vcpu_runstate_info info;
    sched_runstate_get(sleeper->v, &info);
    /* Of 5.2 ms and more it computes 0.2 ms each time, and waits for less than 1 ms. */
    assert_true(sleeper->ran > SECONDS(5) / 1000 * 32);
    assert_true(info.time[RUNSTATE_runnable] < sleeper->ran * 5);
}

/* Who slept beside an idle CPU was kept from nothing, and does not keep another from its own when
 * it wakes. */
static void test_sleep_is_no_claim(void **state)
{
    world_init(2);
    struct guest *busy = world_add(256), *others[2] = {world_add(256), world_add(256)};
    world_start(busy);
    world_settle();
    for (u32 i = 0; i < 2; i++) {
        others[i]->burst = MILLISECONDS(1);
        others[i]->sleep = SECONDS(100);
        world_start(others[i]);
        world_run(host_now + MILLISECONDS(2));
    }
    assert_int_equal(others[0]->v->cpu, others[1]->v->cpu);
    nsec_t start = MILLISECONDS(300);
    for (u32 i = 0; i < 2; i++) {
        others[i]->burst = SECONDS(1);
        others[i]->wake_at = start;
    }
    world_run(start);
    for (nsec_t at = start; at < start + MILLISECONDS(300); at += MILLISECONDS(30)) {
        struct vcpu_runstate_info before, after;
        sched_runstate_get(busy->v, &before);
        world_run(at + MILLISECONDS(30));
        sched_runstate_get(busy->v, &after);
        /* A third of it is the others'. */
        assert_in_range(after.time[RUNSTATE_runnable] - before.time[RUNSTATE_runnable], 0,
                        MILLISECONDS(20));
    }
}

static void test_no_ticks_alone(void **state)
{
    world_init(2);
    world_add(256);
    world_add(256);
    world_start_all();
    world_settle();
    for (u32 cpu = 0; cpu < 2; cpu++) {
        host_now = MAX(host_now, host_deadline[cpu] == ~0ull ? host_now : host_deadline[cpu]);
        world_settle();
    }
    assert_true(host_deadline[0] == ~0ull && host_deadline[1] == ~0ull);
    u64 programmed = host_timer_programmed;
    for (u32 i = 0; i < 100; i++) {
        vcpu_yield();
        world_settle();
    }
    assert_int_equal(host_timer_programmed, programmed);
}

static void test_yield_gives_way(void **state)
{
    world_init(1);
    world_add(256);
    world_add(256);
    world_start_all();
    world_settle();
    for (u32 i = 0; i < 10; i++) {
        struct vcpu *v = host_cpu_info[0].vcpu;
        vcpu_yield();
        world_settle();
        assert_ptr_not_equal(host_cpu_info[0].vcpu, v);
    }
}

static void test_soft_affinity(void **state)
{
    struct cpumask all, last = {{BIT(3)}};
    cpumask_fill(&all);
    world_init(4);
    struct guest *g = world_add(256);
    assert_int_equal(sched_set_affinity(g->v, &all, &last), 0);
    world_start(g);
    world_settle();
    assert_int_equal(g->v->cpu, 3);
}

static void test_pin_override(void **state)
{
    struct cpumask all, none = {{BIT(9)}};
    cpumask_fill(&all);
    world_init(4);
    struct guest *g = world_add(256);
    world_start(g);
    world_settle();
    for (u32 cpu = 0; cpu < 4; cpu++) {
        assert_int_equal(sched_pin_override(g->v, NR_CPUS), -EINVAL);
        assert_int_equal(sched_pin_override(g->v, cpu), 0);
        assert_int_equal(sched_pin_override(g->v, cpu), -EBUSY);
        assert_int_equal(sched_set_affinity(g->v, &all, &all), -EBUSY);
        world_settle();
        world_check();
        assert_int_equal(g->v->cpu, cpu);
        assert_int_equal(sched_pin_override(g->v, NR_CPUS), 0);
        assert_true(cpumask_count(&g->v->sched.affinity_hard) == NR_CPUS);
    }
    assert_int_equal(sched_pin_override(g->v, 9), -EINVAL);
    assert_int_equal(sched_set_affinity(g->v, &none, &all), -EINVAL);
}

static void test_pools(void **state)
{
    const struct cpumask first = {{BIT(0) | BIT(1)}}, second = {{BIT(2) | BIT(3)}};
    struct cpumask all;
    cpumask_fill(&all);
    world_init(4);
    struct guest *g = world_add(256), *pinned = world_add(256);
    pin(pinned, BIT(1));
    world_start_all();
    world_settle();
    sched_set_pool(g->v, &second);
    sched_set_pool(pinned->v,
                   &second); /* where it is pinned to it may not run: anywhere in the pool */
    world_settle();
    world_check();
    assert_true(g->v->cpu >= 2 && pinned->v->cpu >= 2 && g->v->cpu != pinned->v->cpu);
    assert_int_equal(sched_set_affinity(g->v, &first, &all), -EINVAL);
    assert_int_equal(sched_set_affinity(pinned->v, NULL, &second), 0);
    assert_int_equal(pinned->v->sched.affinity_soft.bits[0], second.bits[0]);
    sched_set_pool(pinned->v, &first);
    world_settle();
    assert_int_equal(pinned->v->cpu, 1);
}

static struct guest *moved_meanwhile;

static void restrict_and_unlock(void)
{
    pin(moved_meanwhile, BIT(1));
    spin_unlock(&per_cpu(sched_cpu, 0).lock);
}

/* It was about to go to an idle CPU, when its affinity excluded that. */
static void test_affinity_changes_on_the_way(void **state)
{
    world_init(2);
    struct guest *hog = world_add(256), *g = world_add(256);
    g->v->cpu = 1;
    pin(hog, BIT(1));
    world_start(hog);
    world_settle();
    moved_meanwhile = g;
    other_cpu = restrict_and_unlock;
    spin_lock(&per_cpu(sched_cpu, 0).lock);
    world_start(g);
    assert_null(other_cpu);
    world_settle();
    world_check();
    assert_int_equal(g->v->cpu, 1);
}

static struct vcpu *leaves;

static void sleep_and_unlock(void)
{
    __atomic_or_fetch(&leaves->pause_flags, VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_sleep_nosync(leaves);
    assert_true(leaves->running); /* sched_sleep_sync() would still wait */
    spin_unlock(&per_cpu(sched_cpu, 0).lock);
}

static void sleep_wake_and_unlock(void)
{
    __atomic_or_fetch(&leaves->pause_flags, VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_sleep_nosync(leaves);
    __atomic_and_fetch(&leaves->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_wake(leaves);
    spin_unlock(&per_cpu(sched_cpu, 0).lock);
}

/*
 * It has left CPU 1 for CPU 0, whose lock is held, when it is put to sleep: whoever waits for that,
 * to free it, waits until the scheduler does not look at it any more.
 */
static void test_sleeps_on_the_way(void **state)
{
    world_init(2);
    struct guest *g = world_add(256);
    leaves = g->v;
    for (int wake = 0; wake < 2; wake++) {
        pin(g, BIT(1));
        world_start(g);
        world_settle();
        assert_int_equal(leaves->cpu, 1);
        other_cpu = wake ? sleep_wake_and_unlock : sleep_and_unlock;
        spin_lock(&per_cpu(sched_cpu, 0).lock);
        host_cpu = 1;
        pin(g, BIT(0));
        world_serve(1);
        assert_null(other_cpu);
        world_settle();
        world_check();
        assert_int_equal(leaves->running, wake);
    }
}

/* Who wakes does not go back to where many wait if few do elsewhere. */
static void test_wakes_where_few_wait(void **state)
{
    world_init(2);
    for (u32 i = 0; i < 3; i++)
        pin(world_add(256), BIT(1));
    /* Its weight keeps others from being sent to it for the sake of fairness. */
    struct guest *other = world_add(2048), *g = world_add(256);
    pin(other, BIT(0));
    pin(g, BIT(1));
    g->burst = MILLISECONDS(20);
    g->sleep = MILLISECONDS(20);
    world_start_all();
    /* But to one that it prefers. */
    for (u32 prefers = 0; prefers < 2; prefers++) {
        struct cpumask hard = {{BIT(0) | BIT(1)}}, soft = {{prefers ? BIT(1) : hard.bits[0]}};
        pin(g, BIT(1));
        world_run(host_now + MILLISECONDS(200));
        while (g->wake_at == ~0ull)
            world_run(host_now + MILLISECONDS(1));
        assert_int_equal(sched_set_affinity(g->v, &hard, &soft), 0);
        world_run(g->wake_at);
        assert_int_equal(g->v->cpu, prefers);
    }
}

static void test_cpu_goes_and_comes(void **state)
{
    world_init(4);
    for (u32 i = 0; i < 12; i++)
        world_add(256);
    pin(&world_guests[3], BIT(2));
    world_start_all();
    world_run(SECONDS(1));
    sched_cpu_deactivate(2);
    world_settle();
    assert_true(host_cpu_info[2].vcpu->is_idle);
    world_run(SECONDS(3));
    assert_true(host_cpu_info[2].vcpu->is_idle);
    pin(&world_guests[3], BIT(2) | BIT(3));
    sched_cpu_activate(2);
    world_settle();
    assert_false(host_cpu_info[2].vcpu->is_idle);
    world_run(SECONDS(4));
}

static void unlock_and_deactivate(void)
{
    spin_unlock(&per_cpu(sched_cpu, 1).lock);
    sched_cpu_deactivate(2);
}

/* A CPU may be taken out of use while it looks for something to do, and finds nothing. */
static void test_cpu_goes_while_it_looks(void **state)
{
    world_init(3);
    for (u32 i = 0; i < 3; i++)
        pin(world_add(256), BIT(1));
    world_start_all();
    world_settle();
    other_cpu = unlock_and_deactivate;
    spin_lock(&per_cpu(sched_cpu, 1).lock);
    host_cpu = 2;
    softirq_raise_on(2, SOFTIRQ_SCHEDULE);
    world_serve(2);
    assert_null(other_cpu);
    assert_true(host_cpu_info[2].vcpu->is_idle);
    world_settle();
    world_check();
}

static void test_timers(void **state)
{
    world_init(2);
    struct guest *g = world_add(256);
    g->burst = MILLISECONDS(1);
    g->sleep = SECONDS(1000);
    world_start(g);
    world_settle();
    host_cpu = g->v->cpu;
    vcpu_timer_set_singleshot(g->v, MILLISECONDS(20));
    host_cpu = 0;
    world_run(MILLISECONDS(19));
    assert_true(host_cpu_info[g->v->cpu].vcpu->is_idle);
    world_run(MILLISECONDS(20));
    assert_int_equal(g->virqs, 1);
    assert_ptr_equal(host_cpu_info[g->v->cpu].vcpu, g->v);

    /* The periodic timer counts only while it runs. */
    g->wake_at = ~0ull;
    g->sleep = 0;
    world_settle();
    vcpu_timer_set_periodic(g->v, MILLISECONDS(10));
    world_run(MILLISECONDS(20) + SECONDS(1));
    assert_int_equal(g->virqs, 101);
    vcpu_timer_set_periodic(g->v, 0);
    world_run(MILLISECONDS(20) + SECONDS(2));
    assert_int_equal(g->virqs, 101);
}

static void test_runstate_area(void **state)
{
    struct vcpu_runstate_info area = {0};
    world_init(1);
    struct guest *g = world_add(256);
    g->v->runstate_guest = (vaddr_t)&area;
    world_domain.vm_assist = BIT(VMASST_TYPE_runstate_update_flag);
    g->burst = MILLISECONDS(3);
    g->sleep = MILLISECONDS(7);
    world_start(g);
    world_run(MILLISECONDS(25));
    assert_int_equal(area.state, RUNSTATE_blocked);
    assert_int_equal(area.state_entry_time, MILLISECONDS(23));
    assert_int_equal(area.time[RUNSTATE_running], MILLISECONDS(9));
    assert_int_equal(area.time[RUNSTATE_blocked], MILLISECONDS(14));
}

static void assert_traced(u32 event, u32 first, u32 second)
{
    const struct host_trace *t = host_trace_find(event);
    assert_non_null(t);
    assert_int_equal(t->extra[0], first);
    assert_int_equal(t->extra[1], second);
}

static void test_traces(void **state)
{
    world_init(1);
    world_domain.id = 7;
    world_add(256);
    struct guest *g = world_add(256);
    world_start_all();
    world_settle();
    world_run(MILLISECONDS(2));
    host_cpu = g->v->cpu;
    trace_on = true;
    struct vcpu *v = current, *other = v == g->v ? world_guests[0].v : g->v;
    vcpu_yield();
    world_settle();
    host_cpu = other->cpu;
    sched_block();
    world_settle();
    sched_unblock(other);
    world_settle();
    trace_on = false;
    assert_traced(TRC_SCHED_YIELD, 7, v->id);
    assert_traced(TRC_SCHED_BLOCK, 7, other->id);
    assert_traced(TRC_SCHED_WAKE, 7, other->id);
    assert_traced(TRC_SCHED_SWITCH, 7, v->id);
    const struct host_trace *t = host_trace_find(TRC_SCHED_SWITCH);
    assert_int_equal(t->extra[2], 7);
    assert_int_equal(t->extra[3], other->id);
    assert_traced(TRC_SCHED_RUNSTATE_CHANGE | RUNSTATE_running << 8 | RUNSTATE_runnable << 4,
                  7 << 16 | v->id, 0);
    assert_traced(TRC_SCHED_RUNSTATE_CHANGE | RUNSTATE_running << 8 | RUNSTATE_blocked << 4,
                  7 << 16 | other->id, 0);
    assert_null(host_trace_find(TRC_SCHED_RUNSTATE_CHANGE)); /* no change, no record */
}

/* --- anything in any order */

static void vcpu_pause_change(struct vcpu *v, int change)
{
    if (change < 0 && !v->pause_count)
        return;
    v->pause_count += (u32)change;
    if (change > 0)
        sched_sleep_nosync(v);
    else if (!v->pause_count)
        sched_wake(v);
}

static void random_mask(struct cpumask *mask)
{
    cpumask_zero(mask);
    mask->bits[0] = 1 + host_random((u32)BIT(world_cpus) - 1);
}

static void random_operation(void)
{
    struct guest *g = &world_guests[host_random(world_vcpus)];
    struct cpumask hard, soft;
    int error;

    host_cpu = host_random(world_cpus);
    switch (host_random(11)) {
    case 10:
        /* The first one always runs. */
        if (world_cpus > 1 && host_random(2))
            sched_cpu_deactivate(1 + host_random(world_cpus - 1));
        else
            sched_cpu_activate(host_random(world_cpus));
        for (u32 i = 0; i < world_vcpus; i++)
            sched_set_pool(world_guests[i].v, &world_guests[i].v->sched.pool);
        break;
    case 0:
    case 1:
        sched_unblock(g->v);
        break;
    case 2:
    case 3:
        if (!current->is_idle)
            sched_block();
        break;
    case 4:
        if (!current->is_idle)
            vcpu_yield();
        break;
    case 5:
        vcpu_pause_change(g->v, 1);
        break;
    case 6:
        vcpu_pause_change(g->v, -1);
        vcpu_pause_change(&world_guests[host_random(world_vcpus)].v[0], -1);
        break;
    case 7:
        random_mask(&hard);
        random_mask(&soft);
        error = sched_set_affinity(g->v, &hard, &soft);
        assert_true(error == 0 || error == -EBUSY ||
                    (error == -EINVAL && !cpumask_and(&soft, &hard, &cpu_active_mask)));
        break;
    case 9:
        sched_set_cap(&world_capped, host_random(3) ? host_random(120) : 0);
        break;
    case 8:
        error = sched_pin_override(g->v, host_random(2) ? NR_CPUS : host_random(world_cpus));
        assert_true(error == 0 || error == -EBUSY || error == -EINVAL);
        break;
    }
    host_cpu = 0;
}

static void random_world(u32 cpus, u32 vcpus, bool slow, u32 steps)
{
    world_init(cpus);
    world_slow_switches = slow;
    for (u32 i = 0; i < vcpus; i++) {
        u32 weight = 128u << host_random(4);
        if (i % 3)
            world_add(weight);
        else
            world_add_capped(weight);
    }
    world_start_all();
    for (u32 step = 0; step < steps; step++) {
        for (u32 n = host_random(6); n; n--)
            random_operation();
        world_settle();
        world_check();
        if (host_random(4) == 0)
            world_run(host_now + host_random(5000000));
    }
    world_destroy();
}

static void test_random(void **state)
{
    for (u32 slow = 0; slow < 2; slow++) {
        random_world(1, 3, slow, 20000);
        random_world(2, 4, slow, 30000);
        random_world(4, 9, slow, 30000);
        random_world(8, 8, slow, 30000);
        random_world(8, 40, slow, 20000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_weights_on_one_cpu, teardown),
        cmocka_unit_test_teardown(test_equal_on_more_cpus, teardown),
        cmocka_unit_test_teardown(test_weights_on_two_cpus, teardown),
        cmocka_unit_test_teardown(test_weight_beyond_one_cpu, teardown),
        cmocka_unit_test_teardown(test_past_is_forgotten, teardown),
        cmocka_unit_test_teardown(test_separate_cpus_then_together, teardown),
        cmocka_unit_test_teardown(test_sleeper_is_served_soon, teardown),
        cmocka_unit_test_teardown(test_sleep_is_no_claim, teardown),
        cmocka_unit_test_teardown(test_no_ticks_alone, teardown),
        cmocka_unit_test_teardown(test_yield_gives_way, teardown),
        cmocka_unit_test_teardown(test_soft_affinity, teardown),
        cmocka_unit_test_teardown(test_pin_override, teardown),
        cmocka_unit_test_teardown(test_pools, teardown),
        cmocka_unit_test_teardown(test_affinity_changes_on_the_way, teardown),
        cmocka_unit_test_teardown(test_sleeps_on_the_way, teardown),
        cmocka_unit_test_teardown(test_wakes_where_few_wait, teardown),
        cmocka_unit_test_teardown(test_cpu_goes_and_comes, teardown),
        cmocka_unit_test_teardown(test_cpu_goes_while_it_looks, teardown),
        cmocka_unit_test_teardown(test_timers, teardown),
        cmocka_unit_test_teardown(test_runstate_area, teardown),
        cmocka_unit_test_teardown(test_traces, teardown),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
