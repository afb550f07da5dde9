/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two-level event ABI: in shared_info a bit for each port says that it is pending and another
 * that it is masked; in vcpu_info a bit for each 64 of them says where the vCPU should look. All of
 * it is the guest's to write, so nothing here is believed: it decides only whether that guest is
 * told.
 */
#include "event_private.h"

#define PORTS_PER_WORD 64

/* Port of d is pending and not masked: point its vCPU there. */
static inline void event_2level_select(struct domain *d, u32 port, const struct event_port *p)
{
    struct vcpu *v = d->vcpus[READ_ONCE(p->vcpu)];
    struct vcpu_info *info = likely(v) ? READ_ONCE(v->info) : NULL; /* tools may connect it first */
    u32 word = port / PORTS_PER_WORD % 64; /* of so many, as ports go: one word selects them */
    if (likely(info) && !bit_test_and_set(&info->evtchn_pending_sel, word))
        event_mark_pending_in(v, info);
}

/* Port of d has become pending. */
static inline void event_2level_tell(struct domain *d, u32 port, const struct event_port *p)
{
    if (!bit_test(d->shared_info->evtchn_mask, port))
        event_2level_select(d, port, p);
}

static noinline void event_2level_tell_pollers(struct domain *d, u32 port,
                                               const struct event_port *p)
{
    event_2level_tell(d, port, p);
    event_wake_pollers(d, port);
}

static void event_2level_set_pending(struct domain *d, u32 port, struct event_port *p)
{
    const struct event_state *e = d->events;
    bool was_pending = bit_test_and_set(d->shared_info->evtchn_pending, port);
    if (was_pending && likely(!READ_ONCE(e->fifo)))
        return;
    if (unlikely(READ_ONCE(e->fifo))) {
        /*
         * The domain is just going over to FIFO, and may have looked at these bits for the last
         * time.
         */
        event_abi_fifo.set_pending(d, port, p);
        return;
    }
    if (unlikely(READ_ONCE(e->pollers)))
        event_2level_tell_pollers(d, port, p);
    else
        event_2level_tell(d, port, p);
}

static void event_2level_clear_pending(struct domain *d, u32 port, struct event_port *p)
{
    (void)p;
    bit_clear(d->shared_info->evtchn_pending, port);
}

static void event_2level_unmask(struct domain *d, u32 port, struct event_port *p)
{
    struct shared_info *shared = d->shared_info;
    /* In this order: whoever sets the pending bit looks at the mask after that. */
    if (bit_test_and_clear(shared->evtchn_mask, port) && bit_test(shared->evtchn_pending, port))
        event_2level_select(d, port, p);
}

static bool event_2level_is_pending(struct domain *d, u32 port, const struct event_port *p)
{
    (void)p;
    return bit_test(d->shared_info->evtchn_pending, port);
}

static bool event_2level_is_masked(struct domain *d, u32 port, const struct event_port *p)
{
    (void)p;
    return bit_test(d->shared_info->evtchn_mask, port);
}

const struct event_abi event_abi_2level = {
    .max_ports = EVTCHN_2L_NR_CHANNELS,
    .set_pending = event_2level_set_pending,
    .clear_pending = event_2level_clear_pending,
    .unmask = event_2level_unmask,
    .is_pending = event_2level_is_pending,
    .is_masked = event_2level_is_masked,
};
