/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Caps: how much CPU time the vCPUs of a domain get at most, all together, even where CPUs idle.
 *
 * Each PERIOD a domain with a cap gets a budget, of which its vCPUs take what they run. When it is
 * used up they are parked: off the run queues, until a timer puts them back at the first period
 * with something left. They may overdraw it by as much as they run before somebody looks, RUN_MIN
 * at least, and pay that back; what is left at the end of a period is lost.
 */
#include "arch/cpu.h"
#include "core/softirq.h"
#include "core/time.h"
#include "schedule.h"

#define PERIOD  MILLISECONDS(10)
#define RUN_MIN MICROSECONDS(500) /* for less it is not worth a switch */

static s64 quota(const struct sched_cap *cap)
{
    return (s64)(PERIOD * cap->percent / 100);
}

/* cap->lock is held. */
static void refill(struct sched_cap *cap, nsec_t now)
{
    if (now < cap->period + PERIOD)
        return;
    u64 periods = (now - cap->period) / PERIOD;
    s64 full = quota(cap);
    cap->period += periods * PERIOD;
    if (periods > (u64)(full - cap->budget) / (u64)full)
        cap->budget = full;
    else
        cap->budget += (s64)periods * full;
}

void sched_cap_charge(const struct vcpu *v, nsec_t now)
{
    struct sched_cap *cap = &v->domain->cap;
    spin_lock(&cap->lock);
    if (cap->percent && now > v->sched.charged) {
        refill(cap, now);
        cap->budget -= (s64)(now - v->sched.charged);
    }
    spin_unlock(&cap->lock);
}

bool sched_cap_is_spent(const struct vcpu *v, nsec_t now)
{
    struct sched_cap *cap = &v->domain->cap;
    spin_lock(&cap->lock);
    if (cap->percent)
        refill(cap, now);
    bool spent = cap->percent && cap->budget <= 0;
    spin_unlock(&cap->lock);
    return spent;
}

nsec_t sched_cap_limit(const struct vcpu *v, nsec_t now)
{
    struct sched_cap *cap = &v->domain->cap;
    spin_lock(&cap->lock);
    /* Its siblings may run meanwhile. */
    s64 run = cap->budget / (s64)v->domain->max_vcpus;
    spin_unlock(&cap->lock);
    return now + (nsec_t)MAX(run, (s64)RUN_MIN);
}

void sched_cap_park(struct vcpu *v, nsec_t now)
{
    struct sched_cap *cap = &v->domain->cap;
    nsec_t when = now;
    spin_lock(&cap->lock);
    if (cap->percent && cap->budget <= 0)
        when = cap->period + PERIOD * ((u64)-cap->budget / (u64)quota(cap) + 1);
    spin_unlock(&cap->lock);
    v->sched.parked = true;
    timer_set(&cap->timer, when);
}

/* There is a budget again, or another one: who is parked or runs finds out. */
static void budget_changed(void *domain)
{
    struct domain *d = domain;
    struct vcpu *v;
    for_each_vcpu (d, v) {
        struct sched_cpu *q = sched_lock(v);
        if (v->sched.parked) {
            v->sched.parked = false;
            sched_place(q, v, SCHED_WOKEN);
            continue;
        }
        if (q->current_vcpu == v)
            softirq_raise_on(v->cpu, SOFTIRQ_SCHEDULE);
        spin_unlock(&q->lock);
    }
}

void sched_domain_init(struct domain *d)
{
    spin_init(&d->cap.lock, LOCK_CAP);
    timer_init(&d->cap.timer, budget_changed, d, cpu_id());
}

void sched_domain_destroy(struct domain *d)
{
    timer_kill(&d->cap.timer);
}

void sched_set_cap(struct domain *d, u32 percent)
{
    struct sched_cap *cap = &d->cap;
    struct vcpu *v;
    if (percent == cap->percent)
        return;
    /* What they have run until now is not of the new budget. */
    for_each_vcpu (d, v) {
        struct sched_cpu *q = sched_lock(v);
        if (q->current_vcpu == v)
            sched_charge(v, time_now());
        v->sched.capped = percent != 0;
        spin_unlock(&q->lock);
    }
    spin_lock(&cap->lock);
    WRITE_ONCE(cap->percent, percent);
    cap->period = time_now();
    cap->budget = quota(cap);
    spin_unlock(&cap->lock);
    budget_changed(d);
}
