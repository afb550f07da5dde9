/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timers of a vCPU (core/vcpu_timer.h), and the hypercall set_timer_op that sets the
 * single-shot one; its other users are the vcpu_op and sched_op hypercalls and the scheduler.
 *
 * The single-shot and the poll timer are set by the vCPU itself only, on the CPU on which it runs;
 * they follow it to other CPUs when it runs there, so that it is not woken from afar for ever. The
 * periodic timer is guarded by timer_lock: any vCPU of the domain may set it. It stops while the
 * vCPU does not run, and makes up for it by one event when it runs again (so do other hypervisors
 * of this ABI).
 */
#include "core/event_channel.h"
#include "core/hypercall.h"
#include "core/time.h"
#include "core/vcpu_timer.h"

long hypercall_set_timer_op(struct vcpu *v, u64 timeout, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);

/* Time-outs so far away are taken for mistakes in the guest's arithmetic, ... */
#define TIMEOUT_FAR_SHIFT 50 /* 2^50 ns are 13 days */
/* ... and end after this. */
#define TIMEOUT_FAR_INSTEAD MILLISECONDS(100)

static void singleshot_expired(void *data)
{
    event_raise_virq(data, VIRQ_TIMER);
}

static void poll_expired(void *data)
{
    struct vcpu *v = data;

    if (event_poll_end(v))
        sched_wake(v);
}

/*
 * Whether an event is due, and if so when the next one; the timer is set for it. timer_lock is
 * held.
 */
static bool periodic_advance(struct vcpu *v)
{
    nsec_t now = time_now();
    /* v may have come from a CPU whose clock is a little ahead. */
    bool due = (s64)(now - v->periodic_last) >= (s64)v->periodic_period;

    if (due)
        v->periodic_last = now;
    timer_set(&v->periodic_timer, v->periodic_last + v->periodic_period);
    return due;
}

static void periodic_expired(void *data)
{
    struct vcpu *v = data;
    bool due = false;

    spin_lock(&v->timer_lock);
    if (v->periodic_period && READ_ONCE(v->running))
        due = periodic_advance(v);
    spin_unlock(&v->timer_lock);
    if (due)
        event_raise_virq(v, VIRQ_TIMER);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->singleshot_timer, singleshot_expired, v, v->cpu);
    timer_init(&v->periodic_timer, periodic_expired, v, v->cpu);
    timer_init(&v->poll_timer, poll_expired, v, v->cpu);
}

void vcpu_timers_destroy(struct vcpu *v)
{
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->periodic_timer);
    timer_kill(&v->poll_timer);
}

static void timer_follow(struct timer *t)
{
    if (unlikely(t->cpu != cpu_id()))
        timer_migrate(t, cpu_id());
}

void vcpu_timers_resume(struct vcpu *v)
{
    bool due = false;

    timer_follow(&v->singleshot_timer);
    if (likely(!READ_ONCE(v->periodic_period)))
        return;

    spin_lock(&v->timer_lock);
    if (v->periodic_period) {
        timer_follow(&v->periodic_timer);
        due = periodic_advance(v);
    }
    spin_unlock(&v->timer_lock);
    if (due)
        event_raise_virq(v, VIRQ_TIMER);
}

void vcpu_timers_suspend(struct vcpu *v)
{
    /* Set meanwhile by another vCPU, it fires once to no effect. */
    if (unlikely(READ_ONCE(v->periodic_period)))
        timer_stop(&v->periodic_timer);
}

void vcpu_timer_set_singleshot(struct vcpu *v, nsec_t when)
{
    timer_follow(&v->singleshot_timer);
    timer_set(&v->singleshot_timer, when);
}

void vcpu_timer_stop_singleshot(struct vcpu *v)
{
    if (timer_is_active(&v->singleshot_timer))
        timer_stop(&v->singleshot_timer);
}

void vcpu_timer_set_periodic(struct vcpu *v, nsec_t period)
{
    spin_lock(&v->timer_lock);
    WRITE_ONCE(v->periodic_period, period);
    v->periodic_last = time_now();
    if (period)
        timer_set(&v->periodic_timer, v->periodic_last + period);
    else
        timer_stop(&v->periodic_timer);
    spin_unlock(&v->timer_lock);
}

void vcpu_timer_set_poll(struct vcpu *v, nsec_t when)
{
    if (when) {
        timer_follow(&v->poll_timer);
        timer_set(&v->poll_timer, when);
    } else if (timer_is_active(&v->poll_timer)) {
        /* Of an earlier poll that a port has ended. */
        timer_stop(&v->poll_timer);
    }
}

/*
 * timeout is a system time; 0 stops the timer. What is negative or 13 days away is for Linux a
 * wrapped number of jiffies, or "no timer at all": a timer soon serves the first and does not burn
 * the CPU for the second.
 */
static nsec_t timeout_far(nsec_t timeout)
{
    nsec_t now = time_now();
    bool past = timeout <= now, sane = !((timeout - now) >> TIMEOUT_FAR_SHIFT);

    return (s64)timeout >= 0 && (past || sane) ? timeout : now + TIMEOUT_FAR_INSTEAD;
}

long hypercall_set_timer_op(struct vcpu *v, u64 timeout, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    if (timeout == 0) {
        vcpu_timer_stop_singleshot(v);
        return 0;
    }
    /* Below that, nothing can be far away. */
    if (unlikely(timeout >> TIMEOUT_FAR_SHIFT))
        timeout = timeout_far(timeout);
    vcpu_timer_set_singleshot(v, timeout);
    return 0;
}
