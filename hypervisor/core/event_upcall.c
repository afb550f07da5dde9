/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a vCPU comes to notice its events: the flag in its vcpu_info, and waking it from a block or
 * poll. Called by the event ABIs when they have made something visible to the guest, and by
 * sched_op.
 */
#include "event_private.h"

void event_mark_pending(struct vcpu *v)
{
    /* Without a place for it the event waits in its pending bit: event_vcpu_info_moved(). */
    struct vcpu_info *info = READ_ONCE(v->info);
    if (likely(info))
        event_mark_pending_in(v, info);
}

void event_vcpu_info_moved(struct vcpu *v)
{
    /* Every word may have been selected in the old place. */
    WRITE_ONCE(v->info->evtchn_pending_sel, ~0ull);
    event_mark_pending(v);
}

void event_poll_begin(struct vcpu *v, u32 port)
{
    WRITE_ONCE(v->poll_port, port);
    /* It may poll already: a multicall goes on behind a poll for some entries. */
    u64 old = __atomic_fetch_or(&v->pause_flags, VCPU_PAUSED_POLL, __ATOMIC_SEQ_CST);
    if (likely(!(old & VCPU_PAUSED_POLL)))
        __atomic_fetch_add(&v->domain->events->pollers, 1, __ATOMIC_SEQ_CST);
}

bool event_poll_end(struct vcpu *v)
{
    /* poll_port stays: v may be polling again by the time that it would be cleared. */
    if (!(__atomic_fetch_and(&v->pause_flags, ~VCPU_PAUSED_POLL, __ATOMIC_SEQ_CST) &
          VCPU_PAUSED_POLL))
        return false;
    __atomic_fetch_sub(&v->domain->events->pollers, 1, __ATOMIC_SEQ_CST);
    return true;
}

void event_wake_pollers(struct domain *d, u32 port)
{
    struct vcpu *v;
    for_each_vcpu (d, v) {
        if (!(READ_ONCE(v->pause_flags) & VCPU_PAUSED_POLL))
            continue;
        u32 wanted = READ_ONCE(v->poll_port);
        if ((wanted == port || wanted == EVENT_POLL_SEVERAL) && event_poll_end(v))
            sched_wake(v);
    }
}
