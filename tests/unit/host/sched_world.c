/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests for the scheduler's tests (host/sched_world.h). */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "arch/vcpu.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/softirq.h"
#include "core/time.h"
#include "hypervisor/sched/schedule.h"
#include "lib/print.h"
#include "tests/unit/host/sched_world.h"

struct domain world_domain, world_capped;
static struct vcpu *capped_vcpus[WORLD_VCPUS_MAX];
struct guest world_guests[WORLD_VCPUS_MAX];
u32 world_cpus, world_vcpus;
bool world_slow_switches;

static struct domain idle;
struct domain *idle_domain = &idle;
struct domain *hardware_domain;

static struct vcpu *leaving[HOST_CPUS_MAX]; /* whose context is still being saved */
static jmp_buf exit_path;
static nsec_t accounted; /* guests have run up to this moment */

/* --- what the scheduler asks of others */

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
    u32 cpu = cpu_id();

    BUG_ON(prev != current || next->cpu != cpu || !next->running || leaving[cpu]);
    host_cpu_info[cpu].vcpu = next;
    if (world_slow_switches)
        leaving[cpu] = prev;
    else
        sched_switch_done(prev);
    longjmp(exit_path, 1);
}

bool event_poll_end(struct vcpu *v)
{
    return __atomic_fetch_and(&v->pause_flags, ~VCPU_PAUSED_POLL, __ATOMIC_SEQ_CST) &
           VCPU_PAUSED_POLL;
}

void event_raise_virq(struct vcpu *v, u32 virq)
{
    world_guests[v->id].virqs++;
    sched_unblock(v);
}

/* Addresses of a guest are addresses of the test. */
int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    memcpy((void *)to, from, bytes);
    return 0;
}

bool arch_vcpu_kernel_space_enter(struct vcpu *v)
{
    BUG_ON(v != current);
    return false;
}

void arch_vcpu_kernel_space_leave(struct vcpu *v, bool entered)
{
}

/* --- the world */

void world_init(u32 cpus)
{
    world_cpus = cpus;
    world_vcpus = 0;
    world_slow_switches = false;
    accounted = 0;
    memset(&world_domain, 0, sizeof(world_domain));
    memset(&world_capped, 0, sizeof(world_capped));
    world_capped.vcpus = capped_vcpus;
    memset(world_guests, 0, sizeof(world_guests));
    memset(leaving, 0, sizeof(leaving));
    cpumask_zero(&sched_idle_cpus);
    cpumask_zero(&cpu_active_mask);
    idle.is_idle = true;
    host_machine_init(cpus);
    timers_init();
    sched_init();
    sched_domain_init(&world_capped);
    for (u32 cpu = 0; cpu < cpus; cpu++) {
        if (timers_init_cpu(cpu) || sched_cpu_up(cpu))
            panic("CPU %u does not come up", cpu);
        sched_cpu_activate(cpu);
        host_cpu_info[cpu].vcpu = sched_idle_vcpu(cpu);
    }
}

void world_destroy(void)
{
    for (u32 i = 0; i < world_vcpus; i++)
        free(world_guests[i].v);
    for (u32 cpu = 0; cpu < world_cpus; cpu++)
        free(sched_idle_vcpu(cpu));
}

static struct guest *add(struct domain *d, u32 weight)
{
    struct guest *g = &world_guests[world_vcpus];

    g->v = vcpu_create(d, world_vcpus++);
    g->v->sched.weight = weight;
    g->wake_at = ~0ull;
    return g;
}

struct guest *world_add(u32 weight)
{
    return add(&world_domain, weight);
}

struct guest *world_add_capped(u32 weight)
{
    struct guest *g = add(&world_capped, weight);
    capped_vcpus[world_capped.max_vcpus++] = g->v;
    return g;
}

void world_start(struct guest *g)
{
    g->left = g->burst;
    __atomic_and_fetch(&g->v->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
    sched_wake(g->v);
}

void world_start_all(void)
{
    for (u32 i = 0; i < world_vcpus; i++)
        world_start(&world_guests[i]);
}

void world_serve(u32 cpu)
{
    host_timer_poll(cpu);
    host_cpu = cpu;
    if (leaving[cpu] && (!world_slow_switches || host_random(3) == 0)) {
        struct vcpu *prev = leaving[cpu];
        leaving[cpu] = NULL;
        sched_switch_done(prev);
    }
    /* In the middle of a switch a CPU does nothing else. */
    if (!leaving[cpu] && !setjmp(exit_path))
        softirq_run();
}

static bool cpu_busy(u32 cpu)
{
    return leaving[cpu] || per_cpu(softirq_pending, cpu) || host_deadline[cpu] <= host_now;
}

void world_settle(void)
{
    for (bool busy = true; busy;) {
        busy = false;
        for (u32 cpu = 0; cpu < world_cpus; cpu++) {
            if (cpu_busy(cpu)) {
                busy = true;
                world_serve(cpu);
            }
        }
    }
    host_cpu = 0;
}

static struct guest *guest_on(u32 cpu)
{
    struct vcpu *v = host_cpu_info[cpu].vcpu;
    return v->is_idle ? NULL : &world_guests[v->id];
}

static void guests_account(void)
{
    nsec_t passed = host_now - accounted;

    accounted = host_now;
    for (u32 cpu = 0; cpu < world_cpus; cpu++) {
        struct guest *g = guest_on(cpu);
        if (!g)
            continue;
        g->ran += passed;
        if (g->sleep)
            g->left = g->left > passed ? g->left - passed : 0;
    }
}

/* Guests whose burst is over go to sleep, those that have slept long enough wake. */
static void guests_act(void)
{
    for (u32 cpu = 0; cpu < world_cpus; cpu++) {
        struct guest *g = guest_on(cpu);
        if (!g || !g->sleep || g->left || g->wake_at != ~0ull)
            continue;
        host_cpu = cpu;
        sched_block();
        g->wake_at = host_now + g->sleep;
    }
    for (u32 i = 0; i < world_vcpus; i++) {
        struct guest *g = &world_guests[i];
        if (g->wake_at > host_now)
            continue;
        g->wake_at = ~0ull;
        g->left = g->burst;
        sched_unblock(g->v);
    }
    host_cpu = 0;
}

static nsec_t next_moment(nsec_t until)
{
    nsec_t next = until;

    for (u32 cpu = 0; cpu < world_cpus; cpu++) {
        struct guest *g = guest_on(cpu);
        next = MIN(next, host_deadline[cpu]);
        if (g && g->sleep && g->wake_at == ~0ull)
            next = MIN(next, host_now + g->left);
    }
    for (u32 i = 0; i < world_vcpus; i++)
        next = MIN(next, world_guests[i].wake_at);
    return MAX(next, host_now);
}

void world_run(nsec_t until)
{
    world_settle();
    while (host_now < until) {
        host_now = next_moment(until);
        guests_account();
        guests_act();
        world_settle();
        world_check();
    }
}

/* --- what must hold */

static void check_vcpu(struct vcpu *v)
{
    bool runs = host_cpu_info[v->cpu].vcpu == v, waits = !list_empty(&v->sched.run_node);
    struct vcpu_runstate_info info;
    nsec_t sum = 0;

    bool parked = v->sched.parked;
    BUG_ON(runs != v->running || runs + waits + parked > 1);
    BUG_ON(vcpu_runnable(v) != (runs || waits || parked));
    BUG_ON(v->runstate.state != (runs              ? RUNSTATE_running
                                 : waits || parked ? RUNSTATE_runnable
                                                   : sched_state_of_sleeper(v)));
    BUG_ON(parked && !timer_is_active(&v->domain->cap.timer));
    BUG_ON((runs || waits) && !sched_cpu_allowed(v, v->cpu));

    sched_runstate_get(v, &info);
    for (u32 i = 0; i < ARRAY_SIZE(info.time); i++)
        sum += info.time[i];
    BUG_ON(sum != host_now);

    for (u32 cpu = 0; waits && cpu < world_cpus; cpu++)
        BUG_ON(host_cpu_info[cpu].vcpu->is_idle && sched_cpu_allowed(v, cpu));
}

void world_check(void)
{
    u32 waiting = 0, counted = 0;

    for (u32 i = 0; i < world_vcpus; i++) {
        check_vcpu(world_guests[i].v);
        waiting += !list_empty(&world_guests[i].v->sched.run_node);
    }
    for (u32 cpu = 0; cpu < world_cpus; cpu++) {
        counted += per_cpu(sched_waiting, cpu);
        BUG_ON(host_cpu_info[cpu].vcpu != sched_current_of(cpu));
        if (cpumask_test(&cpu_active_mask, cpu))
            BUG_ON(host_cpu_info[cpu].vcpu->is_idle != cpumask_test(&sched_idle_cpus, cpu));
    }
    BUG_ON(waiting != counted);
}
