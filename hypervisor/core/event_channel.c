/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event channels of a domain: its ports, what they are bound to, and signals through them.
 *
 * Owns struct event_state and its ports (core/event_private.h). The hypercall (event_op.c) binds,
 * closes and sends; the interrupt code, the timers and the rest of the hypervisor raise virtual and
 * physical interrupts; sched_op polls.
 */
#include "event_private.h"
#include "arch/vcpu.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"

/* Ports that teardown and reset close between two looks at whether to stop. */
#define CLOSE_BATCH 64

/* --- ports */

static int event_bucket_add(struct event_state *e)
{
    struct event_port *bucket = page_alloc();
    if (!bucket)
        return -ENOMEM;
    for (u32 i = 0; i < EVENT_BUCKET_PORTS; i++)
        spin_init(&bucket[i].lock, LOCK_PORT);
    e->buckets[e->valid_ports / EVENT_BUCKET_PORTS] = bucket;
    __atomic_store_n(&e->valid_ports, e->valid_ports + EVENT_BUCKET_PORTS, __ATOMIC_RELEASE);
    return 0;
}

int event_domain_init(struct domain *d, u32 max_ports)
{
    max_ports = MAX(2u, MIN(max_ports, (u32)EVTCHN_FIFO_NR_CHANNELS));
    u32 buckets = DIV_ROUND_UP(max_ports, EVENT_BUCKET_PORTS);
    struct event_state *e = object_alloc(sizeof(*e) + buckets * sizeof(e->buckets[0]));
    if (!e)
        return -ENOMEM;
    spin_init(&e->lock, LOCK_EVENT);
    e->abi = &event_abi_2level;
    e->max_ports = max_ports;
    e->free_hint = e->close_progress = 1;
    int error = event_bucket_add(e);
    if (error) {
        object_free(e);
        return error;
    }
    event_port_at(e, 0)->state = EVENT_RESERVED;
    d->events = e;
    return 0;
}

void event_domain_free(struct domain *d)
{
    struct event_state *e = d->events;
    if (!e)
        return;
    ASSERT(!e->bound_ports && !e->fifo);
    d->events = NULL;
    for (u32 i = 0; i < e->valid_ports / EVENT_BUCKET_PORTS; i++)
        page_free(e->buckets[i]);
    object_free(e->pirq_ports);
    object_free(e);
}

/*
 * The lowest port of d that is free; it stays so until event_port_take(). LOCK_EVENT is held.
 * -EINVAL: d is dying; -ENOSPC: all are in use; -ENOMEM.
 */
static int event_port_choose(struct domain *d, u32 *chosen)
{
    struct event_state *e = d->events;
    u32 limit = MIN(e->max_ports, e->abi->max_ports);
    u32 port, lowest_busy = limit;
    if (d->dying)
        return -EINVAL;
    for (port = e->free_hint; port < limit; port++) {
        if (port >= e->valid_ports) {
            int error = event_bucket_add(e);
            if (error)
                return error;
        }
        struct event_port *p = event_port_at(e, port);
        if (p->state != EVENT_FREE)
            continue;
        if (!e->abi->is_busy || !e->abi->is_busy(d, port, p))
            break;
        lowest_busy = MIN(lowest_busy, port);
    }
    e->free_hint = MIN(lowest_busy, port);
    if (port >= limit)
        return -ENOSPC;
    *chosen = port;
    return 0;
}

/*
 * A free port comes into use. Its lock and LOCK_EVENT are held; the caller fills what state needs.
 */
static void event_port_take(struct event_state *e, struct event_port *p,
                            enum event_port_state state, u32 vcpu)
{
    p->state = state;
    p->vcpu = (u16)vcpu;
    p->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    e->bound_ports++;
}

/* It goes out of use. The same locks, and the peer's. */
static void event_port_release(struct domain *d, u32 port, struct event_port *p)
{
    struct event_state *e = d->events;
    e->abi->clear_pending(d, port, p);
    p->state = EVENT_FREE;
    p->pending = false;
    p->vcpu = 0;
    e->bound_ports--;
    e->free_hint = MIN(e->free_hint, port);
}

/* --- binding */

int event_alloc_unbound(struct domain *d, domid_t remote, u32 *port)
{
    struct event_state *e = d->events;
    spin_lock(&e->lock);
    int error = event_port_choose(d, port);
    if (!error) {
        struct event_port *p = event_port_at(e, *port);
        spin_lock(&p->lock);
        event_port_take(e, p, EVENT_UNBOUND, 0);
        p->peer = remote;
        spin_unlock(&p->lock);
    }
    spin_unlock(&e->lock);
    return error;
}

/* Whether that port waits for the domain of that number; without re's lock, whether it just did. */
static bool event_port_is_offered(const struct event_state *re, u32 port, domid_t id)
{
    const struct event_port *p = event_port_find(re, port);
    return p && READ_ONCE(p->state) == EVENT_UNBOUND && READ_ONCE(p->peer) == id;
}

int event_bind_interdomain(struct domain *d, struct domain *remote, u32 remote_port, u32 *port)
{
    struct event_state *e = d->events, *re = remote->events;
    /* Who was offered nothing need not hold up the other while it looks for a port of its own. */
    if (!event_port_is_offered(re, remote_port, d->id))
        return -EINVAL;
    spin_lock_pair(&e->lock, &re->lock);
    int error = event_port_choose(d, port);
    if (error)
        goto out;
    if (!event_port_is_offered(re, remote_port, d->id)) {
        error = -EINVAL;
        goto out;
    }
    struct event_port *p = event_port_at(e, *port), *rp = event_port_find(re, remote_port);
    spin_lock_pair(&p->lock, &rp->lock);
    event_port_take(e, p, EVENT_INTERDOMAIN, 0);
    p->remote.domain = remote;
    p->remote.port = remote_port;
    rp->state = EVENT_INTERDOMAIN;
    rp->remote.domain = d;
    rp->remote.port = *port;
    /* What was sent before there was anybody to hear it was lost: give the newcomer one to look. */
    e->abi->set_pending(d, *port, p);
    spin_unlock_pair(&p->lock, &rp->lock);
out:
    spin_unlock_pair(&e->lock, &re->lock);
    return error;
}

/*
 * Global VIRQs have one port in a domain, noted in its vCPU 0; of the others each vCPU has its own.
 */
static bool virq_is_global(u32 virq)
{
    switch (virq) {
    case VIRQ_TIMER:
    case VIRQ_DEBUG:
    case VIRQ_XENOPROF:
    case VIRQ_XENPMU:
        return false;
    default:
        return true;
    }
}

int event_bind_virq(struct domain *d, u32 virq, u32 vcpu, u32 *port)
{
    struct event_state *e = d->events;
    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    struct vcpu *v = domain_vcpu(d, vcpu);
    if (!v)
        return -ENOENT;
    virq = (u32)index_clamp(virq, NR_VIRQS);
    spin_lock(&e->lock);
    int error = v->virq_port[virq] ? -EEXIST : event_port_choose(d, port);
    if (!error) {
        struct event_port *p = event_port_at(e, *port);
        spin_lock(&p->lock);
        event_port_take(e, p, EVENT_VIRQ, vcpu);
        p->virq = virq;
        spin_unlock(&p->lock);
        WRITE_ONCE(v->virq_port[virq], *port);
    }
    spin_unlock(&e->lock);
    return error;
}

int event_bind_ipi(struct domain *d, u32 vcpu, u32 *port)
{
    struct event_state *e = d->events;
    if (!domain_vcpu(d, vcpu))
        return -ENOENT;
    spin_lock(&e->lock);
    int error = event_port_choose(d, port);
    if (!error) {
        struct event_port *p = event_port_at(e, *port);
        spin_lock(&p->lock);
        event_port_take(e, p, EVENT_IPI, vcpu);
        spin_unlock(&p->lock);
    }
    spin_unlock(&e->lock);
    return error;
}

/* The table that finds a pirq's port; LOCK_EVENT is held. */
static int event_pirq_table(struct domain *d, u32 pirq)
{
    struct event_state *e = d->events;
    if (!e->pirq_ports) {
        u32 limit = arch_pirq_limit(d);
        u32 *ports = limit ? object_new_array(u32, limit) : NULL;
        if (!ports)
            return limit ? -ENOMEM : -EINVAL;
        e->pirq_limit = limit;
        __atomic_store_n(&e->pirq_ports, ports, __ATOMIC_RELEASE);
    }
    return pirq < e->pirq_limit ? 0 : -EINVAL;
}

u32 event_pirq_port(const struct domain *d, u32 pirq)
{
    const struct event_state *e = d->events;
    const u32 *ports = __atomic_load_n(&e->pirq_ports, __ATOMIC_ACQUIRE);
    return ports && pirq < e->pirq_limit ? READ_ONCE(ports[index_clamp(pirq, e->pirq_limit)]) : 0;
}

int event_bind_pirq(struct domain *d, u32 pirq, bool share, u32 *port)
{
    struct event_state *e = d->events;
    struct vcpu *v = domain_vcpu(d, 0);
    if (!v)
        return -EINVAL;
    spin_lock(&e->lock);
    int error = event_pirq_table(d, pirq);
    if (!error)
        error = e->pirq_ports[pirq] ? -EEXIST : event_port_choose(d, port);
    if (error)
        goto out;
    /* The port is ready before the line is opened: the first interrupt may come at once. */
    struct event_port *p = event_port_at(e, *port);
    spin_lock(&p->lock);
    event_port_take(e, p, EVENT_PIRQ, v->id);
    p->pirq = pirq;
    spin_unlock(&p->lock);
    WRITE_ONCE(e->pirq_ports[pirq], *port);
    error = arch_pirq_bind(v, pirq, share);
    if (error) {
        WRITE_ONCE(e->pirq_ports[pirq], 0);
        spin_lock(&p->lock);
        event_port_release(d, *port, p);
        spin_unlock(&p->lock);
    }
out:
    spin_unlock(&e->lock);
    return error;
}

int event_bind_vcpu(struct domain *d, u32 port, u32 vcpu)
{
    struct event_state *e = d->events;
    struct vcpu *v = domain_vcpu(d, vcpu);
    if (!v)
        return -ENOENT;
    struct event_port *p = event_port_find(e, port);
    if (!p)
        return -EINVAL;
    int error = 0;
    spin_lock(&e->lock);
    switch (p->state) {
    case EVENT_VIRQ:
        if (!virq_is_global(p->virq))
            error = -EINVAL;
        break;
    case EVENT_UNBOUND:
    case EVENT_INTERDOMAIN:
        break;
    case EVENT_PIRQ:
        if (p->vcpu != v->id)
            arch_pirq_set_affinity(d, p->pirq, v);
        break;
    default:
        error = -EINVAL;
    }
    if (!error)
        WRITE_ONCE(p->vcpu, (u16)v->id);
    spin_unlock(&e->lock);
    return error;
}

/* --- closing */

/* An end whose peer, or the want of one, does not matter to anybody else. LOCK_EVENT is held. */
static int event_close_single(struct domain *d, u32 port, struct event_port *p)
{
    struct event_state *e = d->events;
    switch (p->state) {
    case EVENT_PIRQ:
        arch_pirq_unbind(d, p->pirq);
        WRITE_ONCE(e->pirq_ports[p->pirq], 0);
        break;
    case EVENT_VIRQ:
        WRITE_ONCE(d->vcpus[virq_is_global(p->virq) ? 0 : p->vcpu]->virq_port[p->virq], 0);
        break;
    case EVENT_UNBOUND:
    case EVENT_IPI:
        break;
    default:
        return -EINVAL;
    }
    spin_lock(&p->lock);
    event_port_release(d, port, p);
    spin_unlock(&p->lock);
    return 0;
}

/*
 * One end of a pair; the other becomes unbound, for the same peer to connect again. The caller
 * holds a reference to remote, which was the peer's domain. -EAGAIN: it is that no more.
 */
static int event_close_pair(struct domain *d, u32 port, struct event_port *p, struct domain *remote)
{
    struct event_state *e = d->events, *re = remote->events;
    int error = -EAGAIN;
    spin_lock_pair(&e->lock, &re->lock);
    if (p->state == EVENT_INTERDOMAIN && p->remote.domain == remote) {
        struct event_port *rp = event_port_at(re, p->remote.port);
        ASSERT(rp->state == EVENT_INTERDOMAIN && rp->remote.domain == d && rp->remote.port == port);
        spin_lock_pair(&p->lock, &rp->lock);
        event_port_release(d, port, p);
        rp->state = EVENT_UNBOUND;
        rp->peer = d->id;
        spin_unlock_pair(&p->lock, &rp->lock);
        error = 0;
    }
    spin_unlock_pair(&e->lock, &re->lock);
    return error;
}

int event_close(struct domain *d, u32 port)
{
    struct event_state *e = d->events;
    struct event_port *p = event_port_find(e, port);
    int error;
    if (!p)
        return -EINVAL;
    do {
        spin_lock(&e->lock);
        if (p->state != EVENT_INTERDOMAIN) {
            error = event_close_single(d, port, p);
            spin_unlock(&e->lock);
        } else {
            /* The locks of both domains are taken in a fixed order, so this one must be left. */
            struct domain *remote = p->remote.domain;
            BUG_ON(!domain_try_ref(remote)); /* its end of the pair exists, so does it */
            spin_unlock(&e->lock);
            error = event_close_pair(d, port, p, remote);
            domain_put(remote);
        }
    } while (error == -EAGAIN);
    return error;
}

/* Close all ports. -ERESTART: preempted, come back. */
static int event_close_all(struct domain *d)
{
    struct event_state *e = d->events;
    u32 port = e->close_progress;
    for (; port < READ_ONCE(e->valid_ports); port++) {
        if (port % CLOSE_BATCH == 0 && port > e->close_progress && preempt_pending()) {
            e->close_progress = port;
            return -ERESTART;
        }
        if (!event_port_is_bound(event_port_at(e, port)))
            continue;
        int error = event_close(d, port);
        ASSERT(!error || error == -EINVAL); /* it was closed meanwhile */
    }
    e->close_progress = 1;
    return 0;
}

int event_domain_reset(struct domain *d)
{
    struct event_state *e = d->events;
    if (d != current->domain && !READ_ONCE(d->pause_count))
        return -EINVAL;
    int error = event_close_all(d);
    if (error)
        return error;
    spin_lock(&e->lock);
    if (e->bound_ports)
        error = -EAGAIN; /* another vCPU bound some meanwhile */
    else if (e->fifo)
        event_fifo_destroy(d);
    spin_unlock(&e->lock);
    return error;
}

/* --- sending */

long event_send(struct domain *d, u32 port)
{
    const struct event_state *e = d->events;
    long error = 0;
    u64 i;
    if (unlikely(!event_port_check(e, port, &i)))
        return -EINVAL;
    struct event_port *p = event_port_at(e, (u32)i);
    spin_lock(&p->lock);
    if (likely(p->state == EVENT_INTERDOMAIN)) {
        struct domain *remote = p->remote.domain;
        const struct event_state *re = remote->events;
        u32 remote_port = p->remote.port;
        re->abi->set_pending(remote, remote_port, event_port_at(re, remote_port));
    } else if (p->state == EVENT_IPI) {
        e->abi->set_pending(d, port, p);
    } else if (p->state != EVENT_UNBOUND) { /* an unbound one loses it silently */
        error = -EINVAL;
    }
    spin_unlock(&p->lock);
    return error;
}

int event_unmask(struct domain *d, u32 port)
{
    struct event_port *p = event_port_find(d->events, port);
    if (!p)
        return -EINVAL;
    spin_lock(&p->lock);
    if (event_port_is_bound(p))
        d->events->abi->unmask(d, port, p);
    spin_unlock(&p->lock);
    return 0;
}

int event_set_priority(struct domain *d, u32 port, u32 priority)
{
    struct event_port *p = event_port_find(d->events, port);
    int error;
    if (!p)
        return -EINVAL;
    spin_lock(&p->lock);
    const struct event_abi *abi = d->events->abi;
    if (!abi->set_priority)
        error = -ENOSYS;
    else if (!event_port_is_bound(p))
        error = -EACCES;
    else
        error = abi->set_priority(p, priority);
    spin_unlock(&p->lock);
    return error;
}

/* Make port of d pending if it is still bound as the caller believes (kind, source): it looked
 * without a lock. False if it is not. */
static bool event_raise(struct domain *d, u32 port, enum event_port_state kind, u32 source)
{
    struct event_state *e = d->events;
    struct event_port *p = event_port_at(e, port);
    spin_lock(&p->lock);
    bool bound = p->state == kind && (kind == EVENT_PIRQ ? p->pirq : p->virq) == source;
    if (likely(bound))
        e->abi->set_pending(d, port, p);
    spin_unlock(&p->lock);
    return bound;
}

bool event_raise_pirq(struct domain *d, u32 pirq)
{
    u32 port = event_pirq_port(d, pirq);
    return port && event_raise(d, port, EVENT_PIRQ, pirq);
}

void event_raise_virq(struct vcpu *v, u32 virq)
{
    ASSERT(virq < NR_VIRQS);
    u32 port = READ_ONCE(v->virq_port[virq]);
    if (likely(port))
        (void)event_raise(v->domain, port, EVENT_VIRQ, virq);
}

void event_raise_global_virq(struct domain *d, u32 virq)
{
    struct vcpu *v = domain_vcpu(d, 0);
    if (v)
        event_raise_virq(v, virq);
}

/*
 * Domains that asked for a VIRQ of the host instead of the hardware domain, with a reference each.
 */
static struct domain *virq_handlers[NR_VIRQS];
static struct spinlock virq_handlers_lock = SPINLOCK_INIT(LOCK_LEAF);

int event_set_virq_handler(struct domain *d, u32 virq)
{
    if (virq >= NR_VIRQS || !virq_is_global(virq) || d->dying || !domain_try_ref(d))
        return -EINVAL;
    spin_lock(&virq_handlers_lock);
    struct domain *old = virq_handlers[virq];
    virq_handlers[virq] = d;
    spin_unlock(&virq_handlers_lock);
    if (old)
        domain_put(old);
    return 0;
}

/* d is going away: its VIRQs are the hardware domain's again. */
static void event_drop_virq_handler(struct domain *d)
{
    for (u32 virq = 0; virq < NR_VIRQS; virq++) {
        spin_lock(&virq_handlers_lock);
        bool is_handler = virq_handlers[virq] == d;
        if (is_handler)
            virq_handlers[virq] = NULL;
        spin_unlock(&virq_handlers_lock);
        if (is_handler)
            domain_put(d);
    }
}

void event_raise_host_virq(u32 virq)
{
    ASSERT(virq < NR_VIRQS);
    struct domain *d = NULL;
    if (READ_ONCE(virq_handlers[virq])) {
        spin_lock(&virq_handlers_lock);
        if (virq_handlers[virq] && domain_try_ref(virq_handlers[virq]))
            d = virq_handlers[virq];
        spin_unlock(&virq_handlers_lock);
    }
    if (d) {
        event_raise_global_virq(d, virq);
        domain_put(d);
    } else if (hardware_domain) {
        event_raise_global_virq(hardware_domain, virq);
    }
}

int event_domain_destroy(struct domain *d)
{
    struct event_state *e = d->events;
    if (!e)
        return 0;
    event_drop_virq_handler(d);
    /* Who found the domain alive, and chose a port of it, has bound it once the lock is free. */
    spin_lock(&e->lock);
    ASSERT(d->dying);
    spin_unlock(&e->lock);
    /* A reset may have been under way, and ports bound behind it: go round until none is left. */
    do {
        int error = event_close_all(d);
        if (error)
            return error;
    } while (READ_ONCE(e->bound_ports));
    spin_lock(&e->lock);
    if (e->fifo)
        event_fifo_destroy(d);
    spin_unlock(&e->lock);
    return 0;
}

bool event_port_is_valid(struct domain *d, u32 port)
{
    return event_port_find(d->events, port) != NULL;
}

bool event_port_is_pending(struct domain *d, u32 port)
{
    struct event_port *p = event_port_find(d->events, port);
    if (!p)
        return false;
    spin_lock(&p->lock);
    bool pending = event_port_is_bound(p) && d->events->abi->is_pending(d, port, p);
    spin_unlock(&p->lock);
    return pending;
}

bool event_port_is_masked(struct domain *d, u32 port)
{
    struct event_port *p = event_port_find(d->events, port);
    if (!p)
        return true;
    spin_lock(&p->lock);
    bool masked = !event_port_is_bound(p) || d->events->abi->is_masked(d, port, p);
    spin_unlock(&p->lock);
    return masked;
}
