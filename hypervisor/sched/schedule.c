/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduling framework: run queues, waking and sleeping, the choice of who runs
 * (SOFTIRQ_SCHEDULE) and the hand-over of vCPUs between CPUs. policy.h tells the states of a vCPU
 * and what is left to the policy.
 *
 * No vCPU waits while a CPU idles that may run it. A CPU that goes idle first says so
 * (sched_idle_cpus), then looks through the other queues; whoever lets a vCPU wait first queues it,
 * then looks for an idle CPU to notify. One of the two sees the other.
 *
 * runstate.c keeps the accounts, affinity.c the affinities and cap.c the caps (all see schedule.h).
 */
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/event_channel.h"
#include "core/softirq.h"
#include "core/time.h"
#include "core/trace.h"
#include "core/vcpu_timer.h"
#include "errno.h"
#include "lib/print.h"
#include "schedule.h"

/* Who wakes goes where so many fewer wait than on its own CPU. */
#define WAKE_MOVES 2u
#define NEVER      (~(nsec_t)0)

DEFINE_PER_CPU(struct sched_cpu, sched_cpu);
DEFINE_PER_CPU(u32, sched_waiting);
struct cpumask sched_idle_cpus, cpu_active_mask;
nsec_t sched_rate_limit = MILLISECONDS(1);

const struct sched_policy *const sched_policy = &sched_fair;

struct vcpu *sched_current_of(u32 cpu)
{
    return per_cpu(sched_cpu, cpu).current_vcpu;
}

struct vcpu *sched_idle_vcpu(u32 cpu)
{
    return per_cpu(sched_cpu, cpu).idle;
}

struct sched_cpu *sched_lock(const struct vcpu *v)
{
    for (;;) {
        u32 cpu = READ_ONCE(v->cpu);
        struct sched_cpu *q = &per_cpu(sched_cpu, cpu);
        spin_lock(&q->lock);
        if (likely(READ_ONCE(v->cpu) == cpu))
            return q;
        spin_unlock(&q->lock);
    }
}

/* --- queues */

static void queue_add(struct vcpu *v, enum sched_why why)
{
    sched_policy->enqueue(v, why);
    WRITE_ONCE(per_cpu(sched_waiting, v->cpu), per_cpu(sched_waiting, v->cpu) + 1);
}

void sched_queue_remove(struct vcpu *v)
{
    sched_policy->dequeue(v);
    WRITE_ONCE(per_cpu(sched_waiting, v->cpu), per_cpu(sched_waiting, v->cpu) - 1);
}

static bool vcpu_in_transit(const struct vcpu *v, const struct sched_cpu *q)
{
    return v->runstate.state == RUNSTATE_runnable && list_empty(&v->sched.run_node) &&
           !v->sched.parked && q->current_vcpu != v;
}

/* A CPU of the set, preferably cpu; NR_CPUS if it is empty. */
static u32 mask_prefer(const struct cpumask *set, u32 cpu)
{
    return cpumask_test(set, cpu) ? cpu : cpumask_first(set);
}

/* An idle CPU for v: where it ran, where it prefers to, anywhere; NR_CPUS if there is none. */
static u32 idle_cpu_find(const struct vcpu *v)
{
    struct cpumask idle, preferred;

    if (!cpumask_and(&idle, &sched_idle_cpus, &cpu_active_mask))
        return NR_CPUS;
    if (!cpumask_and(&preferred, &idle, &v->sched.allowed)) {
        if (!sched_affinity_is_void(v))
            return NR_CPUS;
        preferred = idle;
    }
    idle = preferred;
    if (!cpumask_and(&preferred, &preferred, &v->sched.affinity_soft))
        preferred = idle;
    return mask_prefer(&preferred, v->cpu);
}

static u32 waiting_on(u32 cpu)
{
    return READ_ONCE(per_cpu(sched_waiting, cpu));
}

/* Where v, which is in transit, should wait. Who wakes does not go back to a queue that is clearly
 * longer than another. */
static u32 cpu_choose(const struct vcpu *v, enum sched_why why)
{
    u32 cpu = idle_cpu_find(v), found = NR_CPUS;
    if (cpu != NR_CPUS)
        return cpu;
    bool may_stay = sched_cpu_allowed(v, v->cpu);
    if (likely(may_stay && (why != SCHED_WOKEN || waiting_on(v->cpu) < WAKE_MOVES)))
        return v->cpu;

    bool prefers = may_stay && cpumask_test(&v->sched.affinity_soft, v->cpu);
    for_each_active_cpu (cpu) {
        if (sched_cpu_allowed(v, cpu) && (!prefers || cpumask_test(&v->sched.affinity_soft, cpu)) &&
            (found == NR_CPUS || waiting_on(cpu) < waiting_on(found)))
            found = cpu;
    }
    if (found == NR_CPUS || (may_stay && waiting_on(found) + WAKE_MOVES > waiting_on(v->cpu)))
        return v->cpu;
    return found;
}

/* v was just put in the queue q of its CPU: make somebody look at it. */
static void queue_notify(struct sched_cpu *q, struct vcpu *v, nsec_t now)
{
    u32 cpu = v->cpu;
    struct vcpu *runs = q->current_vcpu;

    if (runs->is_idle) {
        softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
        if (cpumask_test(&sched_idle_cpus, cpu)) {
            cpumask_clear(&sched_idle_cpus, cpu);
            return;
        }
    } else {
        nsec_t when = sched_policy->preempt_at(runs, v, now);
        if (when <= now)
            softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
        else if (!timer_is_active(&q->choice_timer) || when < q->choice_timer.expires)
            timer_set(&q->choice_timer, when);
    }
    /* Pairs with the one in idle_steal(). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    u32 idle = idle_cpu_find(v);
    if (idle != NR_CPUS) {
        WRITE_ONCE(per_cpu(sched_cpu, idle).asked, true);
        softirq_raise_on(idle, SOFTIRQ_SCHEDULE);
    }
}

/* The context of v is saved and its place found: from now on v may be freed (sched_sleep_sync). */
static void vcpu_has_left(struct vcpu *v)
{
    __atomic_store_n(&v->running, false, __ATOMIC_RELEASE);
}

void sched_place(struct sched_cpu *q, struct vcpu *v, enum sched_why why)
{
    u32 from = v->cpu, to;
    bool leaving = v->running; /* nobody else places it, or frees it, until it has left */

    while ((to = cpu_choose(v, why)) != from) {
        struct sched_cpu *dst = &per_cpu(sched_cpu, to);
        spin_unlock(&q->lock);
        spin_lock_pair(&q->lock, &dst->lock);
        if (v->cpu != from || v->running != leaving || !vcpu_in_transit(v, q)) {
            /* It fell asleep meanwhile, or a later waker placed it. */
            if (leaving)
                vcpu_has_left(v);
            spin_unlock_pair(&q->lock, &dst->lock);
            return;
        }
        if (likely(sched_cpu_allowed(v, to))) {
            sched_policy->vcpu_move(v, to);
            WRITE_ONCE(v->cpu, to);
            spin_unlock(&q->lock);
            q = dst;
            break;
        }
        /* Its affinity has changed meanwhile. */
        spin_unlock(&dst->lock);
    }
    nsec_t now = time_now();
    /* The policy compares the two. */
    if (!q->current_vcpu->is_idle)
        sched_charge(q->current_vcpu, now);
    if (sched_is_capped(v) && sched_cap_is_spent(v, now)) {
        sched_cap_park(v, now);
    } else {
        queue_add(v, why);
        queue_notify(q, v, now);
    }
    if (leaving)
        vcpu_has_left(v);
    spin_unlock(&q->lock);
}

/* Take a vCPU that waits on from over to the queue of this CPU. */
static bool queue_steal(u32 from, enum sched_steal why)
{
    u32 cpu = cpu_id();
    struct sched_cpu *src = &per_cpu(sched_cpu, from), *dst = &per_cpu(sched_cpu, cpu);

    spin_lock_pair(&src->lock, &dst->lock);
    struct vcpu *v = sched_policy->steal(from, cpu, why);
    if (v) {
        sched_queue_remove(v);
        sched_policy->vcpu_move(v, cpu);
        WRITE_ONCE(v->cpu, cpu);
        queue_add(v, SCHED_MOVED);
    }
    spin_unlock_pair(&src->lock, &dst->lock);
    return v != NULL;
}

/* More wait there than the CPU, if it idles, is about to run itself. A hint: no lock is held. */
static bool queue_has_spare(u32 cpu)
{
    const struct sched_cpu *q = &per_cpu(sched_cpu, cpu);
    u32 takes = READ_ONCE(q->current_vcpu) == q->idle;

    return READ_ONCE(per_cpu(sched_waiting, cpu)) > takes;
}

/* This CPU has nothing to run: take over the first vCPU that waits elsewhere and may run here.
 * False if there is none. */
static bool idle_steal(void)
{
    u32 cpu = cpu_id(), other = cpu;

    if (!cpumask_test(&cpu_active_mask, cpu))
        return false;
    cpumask_set(&sched_idle_cpus, cpu);
    /* Pairs with the one in queue_notify(). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (;;) {
        other = cpumask_next(&cpu_active_mask, other + 1);
        if (other == NR_CPUS)
            other = cpumask_first(&cpu_active_mask);
        if (other == cpu || !cpumask_test(&cpu_active_mask, cpu))
            return false;
        if (queue_has_spare(other) && queue_steal(other, SCHED_STEAL_IDLE))
            return true;
    }
}

/*
 * This CPU has something to run; its current_vcpu and sched_waiting are up to date. look: all CPUs
 * that still are idle look for vCPUs that wait, because this one was asked to while it was idle,
 * and may have got another vCPU before it did; or because idle CPUs had left to it more than it can
 * run (queue_has_spare).
 */
static void idle_ends(u32 cpu, bool look)
{
    u32 other;

    if (cpumask_test(&sched_idle_cpus, cpu))
        cpumask_clear(&sched_idle_cpus, cpu);
    if (likely(!look))
        return;
    for_each_cpu (other, &sched_idle_cpus) {
        if (cpumask_test(&cpu_active_mask, other))
            softirq_raise_on(other, SOFTIRQ_SCHEDULE);
    }
}

/* --- waking, sleeping, giving up the CPU */

void sched_wake(struct vcpu *v)
{
    struct sched_cpu *q = sched_lock(v);

    if (vcpu_runnable(v)) {
        if (v->runstate.state >= RUNSTATE_blocked) {
            trace2(TRC_SCHED_WAKE, v->domain->id, v->id);
            sched_runstate_change(v, RUNSTATE_runnable, time_now());
            /* One that is leaving its CPU is placed when it has left. */
            if (!v->running) {
                sched_place(q, v, SCHED_WOKEN);
                return;
            }
        }
    } else if (v->runstate.state == RUNSTATE_blocked &&
               sched_state_of_sleeper(v) == RUNSTATE_offline) {
        sched_runstate_change(v, RUNSTATE_offline, time_now());
    }
    spin_unlock(&q->lock);
}

void sched_sleep_nosync(struct vcpu *v)
{
    struct sched_cpu *q = sched_lock(v);

    if (!vcpu_runnable(v)) {
        if (q->current_vcpu == v) {
            softirq_raise_on(v->cpu, SOFTIRQ_SCHEDULE);
        } else if (v->runstate.state == RUNSTATE_runnable) {
            if (!list_empty(&v->sched.run_node))
                sched_queue_remove(v);
            v->sched.parked = false;
            sched_runstate_change(v, sched_state_of_sleeper(v), time_now());
        }
    }
    spin_unlock(&q->lock);
}

void sched_sleep_sync(struct vcpu *v)
{
    BUG_ON(v == current);
    sched_sleep_nosync(v);
    while (__atomic_load_n(&v->running, __ATOMIC_ACQUIRE) && !vcpu_runnable(v))
        cpu_wait();
}

void sched_block(void)
{
    struct vcpu *v = current;

    /* First asleep, then look: who sends an event makes it pending, then looks whether to wake. */
    __atomic_or_fetch(&v->pause_flags, VCPU_PAUSED_BLOCKED, __ATOMIC_SEQ_CST);
    if (event_upcall_wanted(v) || READ_ONCE(v->nmi_pending)) {
        __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_BLOCKED, __ATOMIC_SEQ_CST);
    } else {
        trace2(TRC_SCHED_BLOCK, v->domain->id, v->id);
        softirq_raise(SOFTIRQ_SCHEDULE);
    }
}

void sched_unblock(struct vcpu *v)
{
    u64 old = __atomic_fetch_and(&v->pause_flags, ~VCPU_PAUSED_BLOCKED, __ATOMIC_SEQ_CST);

    if (event_poll_end(v) || (old & VCPU_PAUSED_BLOCKED))
        sched_wake(v);
}

void vcpu_yield(void)
{
    if (!READ_ONCE(this_cpu(sched_waiting)))
        return;
    trace2(TRC_SCHED_YIELD, current->domain->id, current->id);
    this_cpu(sched_cpu).yielded = true;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

/* --- the choice */

static bool may_stay(const struct vcpu *v, u32 cpu, nsec_t now)
{
    return !v->is_idle && vcpu_runnable(v) && sched_cpu_allowed(v, cpu) &&
           !(sched_is_capped(v) && sched_cap_is_spent(v, now));
}

/* Who runs next on this CPU, not dequeued. q is locked before and after, and open for a while. */
static struct vcpu *schedule_choose(struct sched_cpu *q, u32 cpu, struct vcpu *prev, nsec_t now)
{
    bool yielded = q->yielded;
    q->yielded = false;

    for (bool more = true;;) {
        struct vcpu *next;
        while ((next = sched_policy->choose(cpu, may_stay(prev, cpu, now) ? prev : NULL, yielded,
                                            now)) != NULL) {
            if (next == prev || !sched_is_capped(next) || !sched_cap_is_spent(next, now))
                return next;
            sched_queue_remove(next);
            sched_cap_park(next, now);
        }
        if (!more)
            break;
        spin_unlock(&q->lock);
        more = idle_steal();
        spin_lock(&q->lock);
    }
    if (cpumask_test(&cpu_active_mask, cpu) && !cpumask_test(&sched_idle_cpus, cpu))
        cpumask_set(&sched_idle_cpus, cpu);
    return q->idle;
}

/*
 * next will run here: until when, and could another CPU take one of those that wait? q is locked.
 */
static void schedule_arm(struct sched_cpu *q, u32 cpu, const struct vcpu *next, nsec_t now)
{
    bool alone = next->is_idle || !per_cpu(sched_waiting, cpu);
    if (alone && !sched_is_capped(next)) {
        if (timer_is_active(&q->choice_timer))
            timer_stop(&q->choice_timer);
        return;
    }
    nsec_t look = alone ? NEVER : sched_policy->next_choice(cpu, next, now);
    if (sched_is_capped(next))
        look = MIN(look, sched_cap_limit(next, now));
    timer_set(&q->choice_timer, look);
    if (alone)
        return;

    u32 other = sched_policy->balance(cpu, now);
    if (other != NR_CPUS) {
        WRITE_ONCE(per_cpu(sched_cpu, other).relieve, cpu + 1);
        softirq_raise_on(other, SOFTIRQ_SCHEDULE);
    }
}

static void switch_trace(const struct vcpu *prev, const struct vcpu *next)
{
    const u32 who[] = {prev->domain->id, prev->id, next->domain->id, next->id};

    trace_record(TRC_SCHED_SWITCH, true, who, sizeof(who));
}

/* next takes prev's place on this CPU; q is locked. */
static void schedule_switch(struct sched_cpu *q, struct vcpu *prev, struct vcpu *next, nsec_t now)
{
    if (unlikely(READ_ONCE(trace_on)))
        switch_trace(prev, next);
    if (!next->is_idle)
        sched_queue_remove(next);
    sched_runstate_change(
        prev, vcpu_runnable(prev) ? RUNSTATE_runnable : sched_state_of_sleeper(prev), now);
    sched_runstate_change(next, RUNSTATE_running, now);
    next->running = true;
    next->sched.started = next->sched.charged = now;
    q->current_vcpu = next;
    if (!next->is_idle)
        sched_charge(next, now);
}

static void schedule_softirq(void)
{
    u32 cpu = cpu_id();
    struct sched_cpu *q = &per_cpu(sched_cpu, cpu);
    struct vcpu *prev = q->current_vcpu;

    spin_lock(&q->lock);
    nsec_t now = time_now();
    if (!prev->is_idle)
        sched_charge(prev, now);
    u32 relieve = READ_ONCE(q->relieve);
    if (unlikely(relieve)) {
        q->relieve = 0;
        spin_unlock(&q->lock);
        if (!prev->is_idle)
            queue_steal(relieve - 1, SCHED_STEAL_BALANCE);
        spin_lock(&q->lock);
    }

    /* Written without the lock. */
    bool asked = READ_ONCE(q->asked) && __atomic_exchange_n(&q->asked, false, __ATOMIC_SEQ_CST);
    struct vcpu *next = schedule_choose(q, cpu, prev, now);
    if (next != prev)
        schedule_switch(q, prev, next, now);
    if (!next->is_idle)
        idle_ends(cpu, asked || (prev->is_idle && per_cpu(sched_waiting, cpu)));
    schedule_arm(q, cpu, next, now);
    if (next == prev) {
        spin_unlock(&q->lock);
        return;
    }
    struct vcpu_runstate_info runstate = prev->runstate;
    spin_unlock(&q->lock);

    sched_runstate_write(prev, &runstate);
    vcpu_timers_suspend(prev);
    vcpu_timers_resume(next);
    arch_context_switch(prev, next);
}

void sched_switch_done(struct vcpu *prev)
{
    struct sched_cpu *q = &per_cpu(sched_cpu, prev->cpu);

    spin_lock(&q->lock);
    if (!prev->is_idle && prev->runstate.state == RUNSTATE_runnable) {
        sched_place(q, prev, SCHED_MOVED);
        return;
    }
    vcpu_has_left(prev);
    spin_unlock(&q->lock);
}

/* --- CPUs and vCPUs come and go */

static void choice_timer_expired(void *data)
{
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_init(void)
{
    softirq_register(SOFTIRQ_SCHEDULE, schedule_softirq);
    log_info("Scheduler: %s", sched_policy->name);
}

int sched_cpu_up(u32 cpu)
{
    struct sched_cpu *q = &per_cpu(sched_cpu, cpu);

    if (!q->idle) {
        spin_init(&q->lock, LOCK_SCHED);
        sched_policy->cpu_init(cpu);
        q->idle = vcpu_create(idle_domain, cpu);
        if (!q->idle)
            return -ENOMEM;
    }
    q->current_vcpu = q->idle;
    timer_init(&q->choice_timer, choice_timer_expired, NULL, cpu);
    cpumask_set(&sched_idle_cpus, cpu);
    /* Its first act: look who waits. It does not run yet, so no signal. */
    __atomic_or_fetch(&per_cpu(softirq_pending, cpu), (u32)BIT(SOFTIRQ_SCHEDULE), __ATOMIC_SEQ_CST);
    return 0;
}

void sched_cpu_activate(u32 cpu)
{
    cpumask_set(&cpu_active_mask, cpu);
    softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
}

void sched_cpu_deactivate(u32 cpu)
{
    struct sched_cpu *q = &per_cpu(sched_cpu, cpu);
    u32 other;

    /* From now on nobody is placed there. */
    cpumask_clear(&cpu_active_mask, cpu);
    cpumask_clear(&sched_idle_cpus, cpu);
    for (;;) {
        spin_lock(&q->lock);
        struct vcpu *v = sched_policy->choose(cpu, NULL, false, time_now());
        if (!v)
            break;
        sched_queue_remove(v);
        sched_place(q, v, SCHED_MOVED);
    }
    spin_unlock(&q->lock);
    softirq_raise_on(cpu, SOFTIRQ_SCHEDULE);
    /* It may be the one that was asked to look for who waits (queue_notify). */
    for_each_active_cpu (other)
        if (cpumask_test(&sched_idle_cpus, other))
            softirq_raise_on(other, SOFTIRQ_SCHEDULE);
}

/* Where a new vCPU starts: a domain's vCPUs one after another on the CPUs that are online. */
static u32 cpu_of_new_vcpu(const struct vcpu *v)
{
    u32 skip = v->id % MAX(cpumask_count(&cpu_active_mask), 1u), cpu;

    for_each_active_cpu (cpu) {
        if (skip-- == 0)
            return cpu;
    }
    return cpu_id();
}

int sched_vcpu_init(struct vcpu *v)
{
    v->cpu = v->is_idle ? v->id : cpu_of_new_vcpu(v);
    v->running = v->is_idle;
    v->runstate.state = v->is_idle ? RUNSTATE_running : RUNSTATE_offline;
    v->runstate.state_entry_time = time_now();
    list_init(&v->sched.run_node);
    cpumask_fill(&v->sched.affinity_hard);
    cpumask_fill(&v->sched.affinity_soft);
    cpumask_fill(&v->sched.pool);
    cpumask_fill(&v->sched.allowed);
    v->sched.capped = v->domain->cap.percent != 0;
    vcpu_timers_init(v);
    if (!v->is_idle)
        sched_policy->vcpu_init(v);
    return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
    BUG_ON(vcpu_runnable(v));
    sched_sleep_sync(v);
    vcpu_timers_destroy(v);
}

void sched_dump(void)
{
    u32 cpu;

    log_info("Scheduler: %s, time %llu", sched_policy->name, (unsigned long long)time_now());
    for_each_online_cpu (cpu) {
        struct sched_cpu *q = &per_cpu(sched_cpu, cpu);

        spin_lock(&q->lock);
        const struct vcpu *v = q->current_vcpu;
        log_info("CPU %u runs d%uv%u, %u wait", cpu, v->domain->id, v->id,
                 per_cpu(sched_waiting, cpu));
        sched_policy->dump(cpu);
        spin_unlock(&q->lock);
    }
}
