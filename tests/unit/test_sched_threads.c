/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler on real threads, one for each CPU, so that its locks and hand-shakes meet what they
 * are for. Guests block, yield, and wake, pause and move one another at random; a vCPU must never
 * be on two CPUs at once, and none that was woken may be forgotten. Time is the host's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/softirq.h"
#include "core/time.h"
#include "lib/print.h"
#include "tests/unit/host/simulation.h"

#define CPUS  4
#define VCPUS 9
/* Each vCPU computes this often; the test stops when all have. */
#define TURNS 10000
/* A vCPU that waits for so long was forgotten. */
#define PATIENCE SECONDS(100)

struct token {
    struct vcpu *v;
    u32 owner; /* CPU + 1 that it is on; 0: none */
    u64 turns;
};

static struct token tokens[VCPUS];
static struct domain domain, idle;
struct domain *idle_domain = &idle;
struct domain *hardware_domain;
static u32 finished; /* vCPUs that had all their turns */
static _Thread_local jmp_buf exit_path;
static _Thread_local u64 seed;

static u32 random_below(u32 limit)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(seed >> 33) % limit;
}

void cpu_wait(void)
{
    thrd_yield();
}

struct vcpu *vcpu_create(struct domain *d, u32 id)
{
    struct vcpu *v = calloc(1, sizeof(*v));

    v->id = id;
    v->domain = d;
    v->is_idle = d->is_idle;
    v->pause_flags = d->is_idle ? 0 : VCPU_PAUSED_DOWN;
    spin_init(&v->timer_lock, LOCK_VCPU_TIMER);
    if (sched_vcpu_init(v))
        panic("sched_vcpu_init");
    return v;
}

noreturn void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    if (!prev->is_idle &&
        __atomic_exchange_n(&tokens[prev->id].owner, 0, __ATOMIC_SEQ_CST) != cpu_id() + 1)
        panic("vCPU %u left a CPU that it was not on", prev->id);
    if (random_below(4) == 0)
        thrd_yield();
    host_cpu_info[cpu_id()].vcpu = next;
    sched_switch_done(prev);
    if (!next->is_idle &&
        __atomic_exchange_n(&tokens[next->id].owner, cpu_id() + 1, __ATOMIC_SEQ_CST) != 0)
        panic("vCPU %u is on two CPUs", next->id);
    longjmp(exit_path, 1);
}

bool event_poll_end(struct vcpu *v)
{
    return false;
}

void event_raise_virq(struct vcpu *v, u32 virq)
{
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    return 0;
}

bool arch_vcpu_kernel_space_enter(struct vcpu *v)
{
    return false;
}

void arch_vcpu_kernel_space_leave(struct vcpu *v, bool entered)
{
}

static void pause_for_a_while(struct vcpu *v)
{
    if (v == current)
        return;
    __atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST);
    sched_sleep_nosync(v);
    if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0)
        sched_wake(v);
}

static void move(struct vcpu *v)
{
    struct cpumask mask;

    cpumask_zero(&mask);
    mask.bits[0] = 1 + random_below((u32)BIT(CPUS) - 1);
    if (sched_set_affinity(v, &mask, &mask))
        panic("sched_set_affinity");
}

/* What the guest on this CPU does between two exits. */
static void guest_turn(struct token *t)
{
    struct vcpu *other = tokens[random_below(VCPUS)].v;

    if (READ_ONCE(t->owner) != cpu_id() + 1)
        panic("vCPU %u runs on CPU %u, and on %u", t->v->id, cpu_id(), t->owner - 1);
    if (++t->turns == TURNS)
        __atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
    switch (random_below(8)) {
    case 0:
    case 1:
        sched_block();
        break;
    case 2:
        vcpu_yield();
        break;
    case 3:
        pause_for_a_while(other);
        break;
    case 4:
        move(other);
        break;
    default:
        sched_unblock(other);
        break;
    }
}

static int cpu_thread(void *data)
{
    host_cpu = (u32)(uintptr_t)data;
    seed = host_cpu + 1;
    while (READ_ONCE(finished) < VCPUS) {
        host_timer_poll(host_cpu);
        if (!setjmp(exit_path))
            softirq_run();
        if (!current->is_idle)
            guest_turn(&tokens[current->id]);
        else if (!softirq_is_pending())
            thrd_yield();
    }
    return 0;
}

static nsec_t host_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return SECONDS(now.tv_sec) + (nsec_t)now.tv_nsec;
}

/*
 * The main thread keeps the clock, and stands for the world outside: it wakes everybody now and
 * then.
 */
static void keep_time(nsec_t start)
{
    static nsec_t woken;
    nsec_t now = host_clock() - start;

    __atomic_store_n(&host_now, now, __ATOMIC_RELAXED);
    if (now - woken < MILLISECONDS(1))
        return;
    woken = now;
    for (u32 i = 0; i < VCPUS; i++)
        sched_unblock(tokens[i].v);
    if (now > PATIENCE) {
        for (u32 i = 0; i < VCPUS; i++)
            log_error("vCPU %u had %llu turns, CPU %u, flags %llx, state %d", i,
                      (unsigned long long)tokens[i].turns, tokens[i].v->cpu,
                      (unsigned long long)tokens[i].v->pause_flags, tokens[i].v->runstate.state);
        panic("somebody was forgotten");
    }
}

static void test_threads(void **state)
{
    thrd_t threads[CPUS];
    nsec_t start = host_clock();

    host_machine_init(CPUS + 1);
    /* One more, which is not the scheduler's, for keep_time(). */
    cpumask_clear(&cpu_online_mask, CPUS);
    idle.is_idle = true;
    timers_init();
    sched_init();
    for (u32 cpu = 0; cpu < CPUS; cpu++) {
        if (timers_init_cpu(cpu) || sched_cpu_up(cpu))
            panic("CPU %u does not come up", cpu);
        sched_cpu_activate(cpu);
        host_cpu_info[cpu].vcpu = sched_idle_vcpu(cpu);
    }
    host_cpu = CPUS;
    for (u32 i = 0; i < VCPUS; i++) {
        tokens[i].v = vcpu_create(&domain, i);
        tokens[i].v->pause_flags = 0;
        sched_wake(tokens[i].v);
    }
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        assert_int_equal(thrd_create(&threads[cpu], cpu_thread, (void *)(uintptr_t)cpu),
                         thrd_success);
    while (READ_ONCE(finished) < VCPUS) {
        keep_time(start);
        thrd_yield();
    }
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        thrd_join(threads[cpu], NULL);
    for (u32 i = 0; i < VCPUS; i++)
        free(tokens[i].v);
    for (u32 cpu = 0; cpu < CPUS; cpu++)
        free(sched_idle_vcpu(cpu));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
