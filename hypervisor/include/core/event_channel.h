/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels: one-bit signals between domains, from virtual and physical interrupts and between
 * a domain's own vCPUs. Two ABIs say how a guest sees the bits: two-level bitmaps in shared_info,
 * and FIFO queues in pages that the guest registers.
 *
 * Locks: a domain's LOCK_EVENT guards which ports exist and what they are bound to; each port's
 * LOCK_PORT its state, and is all that sending takes.
 */
#ifndef DOMUS_CORE_EVENT_CHANNEL_H
#define DOMUS_CORE_EVENT_CHANNEL_H

#include "abi/event_channel.h"
#include "core/domain.h"
#include "types.h"

must_check int event_domain_init(struct domain *d, u32 max_ports);
/* Close every port and give back all memory. -ERESTART while there is more. */
must_check int event_domain_destroy(struct domain *d);
/* After the last vCPU is gone. */
void event_domain_free(struct domain *d);
void event_vcpu_destroy(struct vcpu *v);

/* Signal the other end of port of d, as EVTCHNOP_send does. Used by the hypervisor for a domain. */
must_check long event_send(struct domain *d, u32 port);

/*
 * A VIRQ for one vCPU; one for the domain that bound it (global ones, on whichever vCPU it is
 * bound).
 */
void event_raise_virq(struct vcpu *v, u32 virq);
void event_raise_global_virq(struct domain *d, u32 virq);
/* To the hardware domain or whoever set_virq_handler named. */
void event_raise_host_virq(u32 virq);

/* A physical interrupt arrived: make the port pending that the domain bound to pirq. Returns false
 * if it has none. Called by the interrupt code, which holds nothing of rank LOCK_PORT or above. */
bool event_raise_pirq(struct domain *d, u32 pirq);

/* From now on d hears of that global VIRQ of the host (XEN_DOMCTL_set_virq_handler). Holds a
 * reference to d until another domain is named or d is destroyed. -EINVAL: no global VIRQ, or d is
 * going away. */
must_check int event_set_virq_handler(struct domain *d, u32 virq);

/* The port that d bound to pirq, 0 if none: for PHYSDEVOP_eoi with automatic unmasking. */
u32 event_pirq_port(const struct domain *d, u32 pirq);
/* As EVTCHNOP_unmask does. -EINVAL: no such port. */
must_check int event_unmask(struct domain *d, u32 port);

/* Close every port of d and go back to two-level (EVTCHNOP_reset, soft reset). d is the running
 * domain or paused, else -EINVAL. -ERESTART while there is more: call again. */
must_check int event_domain_reset(struct domain *d);

/* An unbound port of d for remote (hypervisor use: store and console rings). */
must_check int event_alloc_unbound(struct domain *d, domid_t remote, u32 *port);

/* Any event pending for v that its upcall mask lets through / regardless of the mask. */
static inline bool event_upcall_wanted(const struct vcpu *v)
{
    const struct vcpu_info *i = v->info;
    return i && READ_ONCE(i->evtchn_upcall_pending) && !READ_ONCE(i->evtchn_upcall_mask);
}

/* Set upcall_pending and make v run or leave the guest so that it sees it. */
void event_mark_pending(struct vcpu *v);

/* The 64-bit words that select pending bits moved with vcpu_info: mark everything pending again. */
void event_vcpu_info_moved(struct vcpu *v);

/*
 * SCHEDOP_poll. begin: v, the running vCPU, counts as polling from now on (VCPU_PAUSED_POLL and
 * poll_port are set): a port of its domain that becomes pending - port itself, or any if port is
 * EVENT_POLL_SEVERAL - ends it and wakes it. The caller looks at the ports after that, and goes to
 * sleep if none is pending. end: v polls no more; true if it did until now (then the caller, if it
 * is not v itself, calls sched_wake). Also for the poll's time-out and for vCPUs that are taken
 * down.
 */
#define EVENT_POLL_SEVERAL (~0u)
void event_poll_begin(struct vcpu *v, u32 port);
bool event_poll_end(struct vcpu *v);

/* True if the port is pending (SCHEDOP_poll). */
bool event_port_is_pending(struct domain *d, u32 port);
/* True if the guest masked it, or has no such port. */
bool event_port_is_masked(struct domain *d, u32 port);
bool event_port_is_valid(struct domain *d, u32 port);

/* Debug key: list d's ports. */
void event_dump(struct domain *d);

#endif
