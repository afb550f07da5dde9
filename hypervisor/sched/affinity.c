/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where vCPUs may run, and for how long compared with others: their affinities and weights, set by
 * the toolstack, and the hardware domain's pinning of its own.
 */
#include "core/softirq.h"
#include "errno.h"
#include "schedule.h"

bool sched_affinity_is_void(const struct vcpu *v)
{
    struct cpumask usable;
    return !cpumask_and(&usable, &v->sched.allowed, &cpu_active_mask);
}

bool sched_cpu_allowed(const struct vcpu *v, u32 cpu)
{
    if (unlikely(!cpumask_test(&cpu_active_mask, cpu)))
        return false;
    return likely(cpumask_test(&v->sched.allowed, cpu)) || sched_affinity_is_void(v);
}

/* The affinity has changed: v leaves a CPU that it may not run on any more, and if it waits, goes
 * to an idle CPU that it may run on now. q is locked, and unlocked. */
static void affinity_apply(struct sched_cpu *q, struct vcpu *v)
{
    if (!cpumask_and(&v->sched.allowed, &v->sched.affinity_hard, &v->sched.pool))
        v->sched.allowed = v->sched.pool;
    if (!list_empty(&v->sched.run_node)) {
        sched_queue_remove(v);
        sched_place(q, v, SCHED_MOVED);
        return;
    }
    if (q->current_vcpu == v && !sched_cpu_allowed(v, v->cpu))
        softirq_raise_on(v->cpu, SOFTIRQ_SCHEDULE);
    spin_unlock(&q->lock);
}

int sched_set_affinity(struct vcpu *v, const struct cpumask *hard, const struct cpumask *soft)
{
    struct cpumask usable;

    struct sched_cpu *q = sched_lock(v);
    bool possible = !hard || (cpumask_and(&usable, hard, &v->sched.pool) &&
                              cpumask_and(&usable, &usable, &cpu_active_mask));
    if (!possible || v->sched.overridden) {
        spin_unlock(&q->lock);
        return possible ? -EBUSY : -EINVAL;
    }
    if (hard)
        v->sched.affinity_hard = *hard;
    if (soft)
        v->sched.affinity_soft = *soft;
    affinity_apply(q, v);
    return 0;
}

int sched_pin_override(struct vcpu *v, u32 cpu)
{
    struct sched_unit *unit = &v->sched;
    bool undo = cpu == NR_CPUS;

    if (!undo && !cpumask_test(&cpu_active_mask, cpu))
        return -EINVAL;

    struct sched_cpu *q = sched_lock(v);
    if (undo != unit->overridden) {
        spin_unlock(&q->lock);
        return undo ? -EINVAL : -EBUSY;
    }
    if (undo) {
        unit->affinity_hard = unit->affinity_saved;
    } else {
        unit->affinity_saved = unit->affinity_hard;
        cpumask_zero(&unit->affinity_hard);
        cpumask_set(&unit->affinity_hard, cpu);
    }
    unit->overridden = !undo;
    affinity_apply(q, v);
    return 0;
}

void sched_set_pool(struct vcpu *v, const struct cpumask *cpus)
{
    struct sched_cpu *q = sched_lock(v);
    v->sched.pool = *cpus;
    affinity_apply(q, v);
}

void sched_set_weight(struct vcpu *v, u16 weight)
{
    struct sched_cpu *q = sched_lock(v);
    v->sched.weight = weight;
    spin_unlock(&q->lock);
}
