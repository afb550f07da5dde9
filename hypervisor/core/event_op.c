/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall event_channel_op: one function for each row of core/ops/event_channel.def, called
 * by the dispatcher with a copy of the guest's argument. They find the domain that is meant, check
 * that the caller may act on it, and leave the rest to event_channel.c. Also the debug key's list
 * of ports.
 */
#include "event_private.h"
#include "core/guest_access.h"
#include "errno.h"
#include "lib/print.h"

/* The domain that a guest names, with a reference, if it has event channels and the caller may act
 * on it. NULL and *error (-ESRCH, -EPERM) if not. */
static struct domain *event_target_get(domid_t id, int *error)
{
    struct domain *d = domain_get(id);
    *error = 0;
    if (d && !d->events) {
        domain_put(d);
        d = NULL;
    }
    if (!d) {
        *error = -ESRCH;
        return NULL;
    }
    if (!may_control(d)) {
        domain_put(d);
        *error = -EPERM;
        return NULL;
    }
    return d;
}

long event_op_alloc_unbound(struct vcpu *v, void *arg)
{
    struct evtchn_alloc_unbound *op = arg;
    int error;
    struct domain *d = event_target_get(op->dom, &error);
    if (!d)
        return error;
    domid_t remote = op->remote_dom == DOMID_SELF ? v->domain->id : op->remote_dom;
    error = event_alloc_unbound(d, remote, &op->port);
    domain_put(d);
    return error;
}

long event_op_bind_interdomain(struct vcpu *v, void *arg)
{
    struct evtchn_bind_interdomain *op = arg;
    /* No privilege is needed: the other side opened its port for the caller. */
    struct domain *remote = domain_get(op->remote_dom);
    if (!remote)
        return -ESRCH;
    int error = -ESRCH;
    if (remote->events)
        error = event_bind_interdomain(v->domain, remote, op->remote_port, &op->local_port);
    domain_put(remote);
    return error;
}

long event_op_bind_virq(struct vcpu *v, void *arg)
{
    struct evtchn_bind_virq *op = arg;
    return event_bind_virq(v->domain, op->virq, op->vcpu, &op->port);
}

long event_op_bind_ipi(struct vcpu *v, void *arg)
{
    struct evtchn_bind_ipi *op = arg;
    return event_bind_ipi(v->domain, op->vcpu, &op->port);
}

long event_op_bind_pirq(struct vcpu *v, void *arg)
{
    struct evtchn_bind_pirq *op = arg;
    return event_bind_pirq(v->domain, op->pirq, op->flags & BIND_PIRQ__WILL_SHARE, &op->port);
}

long event_op_close(struct vcpu *v, void *arg)
{
    const struct evtchn_close *op = arg;
    return event_close(v->domain, op->port);
}

long event_op_send(struct vcpu *v, void *arg)
{
    const struct evtchn_send *op = arg;
    return event_send(v->domain, op->port);
}

long event_op_unmask(struct vcpu *v, void *arg)
{
    const struct evtchn_unmask *op = arg;
    return event_unmask(v->domain, op->port);
}

long event_op_bind_vcpu(struct vcpu *v, void *arg)
{
    const struct evtchn_bind_vcpu *op = arg;
    return event_bind_vcpu(v->domain, op->port, op->vcpu);
}

long event_op_set_priority(struct vcpu *v, void *arg)
{
    const struct evtchn_set_priority *op = arg;
    return event_set_priority(v->domain, op->port, op->priority);
}

long event_op_init_control(struct vcpu *v, void *arg)
{
    return event_fifo_init_control(v->domain, arg);
}

long event_op_expand_array(struct vcpu *v, void *arg)
{
    const struct evtchn_expand_array *op = arg;
    return event_fifo_expand(v->domain, GFN(op->array_gfn));
}

/* What the ABI says of p; the domain's LOCK_EVENT is held. */
static void event_status_fill(const struct event_port *p, struct evtchn_status *status)
{
    status->vcpu = p->vcpu;
    switch (p->state) {
    case EVENT_UNBOUND:
        status->status = EVTCHNSTAT_unbound;
        status->u.unbound.dom = p->peer;
        break;
    case EVENT_INTERDOMAIN:
        status->status = EVTCHNSTAT_interdomain;
        status->u.interdomain.dom = p->remote.domain->id;
        status->u.interdomain.port = p->remote.port;
        break;
    case EVENT_PIRQ:
        status->status = EVTCHNSTAT_pirq;
        status->u.pirq = p->pirq;
        break;
    case EVENT_VIRQ:
        status->status = EVTCHNSTAT_virq;
        status->u.virq = p->virq;
        break;
    case EVENT_IPI:
        status->status = EVTCHNSTAT_ipi;
        break;
    default:
        status->status = EVTCHNSTAT_closed;
    }
}

int event_get_status(struct domain *d, struct evtchn_status *status)
{
    struct event_state *e = d->events;
    const struct event_port *p = event_port_find(e, status->port);
    if (!p)
        return -EINVAL;
    spin_lock(&e->lock);
    event_status_fill(p, status);
    spin_unlock(&e->lock);
    return 0;
}

long event_op_status(struct vcpu *v, void *arg)
{
    struct evtchn_status *op = arg;
    int error;
    struct domain *d = event_target_get(op->dom, &error);
    if (!d)
        return error;
    error = event_get_status(d, op);
    domain_put(d);
    return error;
}

long event_op_reset(struct vcpu *v, void *arg)
{
    vaddr_t va = *(const vaddr_t *)arg;
    struct evtchn_reset op;
    int error = guest_copy_in(&op, va, sizeof(op));
    if (error)
        return error;
    struct domain *d = event_target_get(op.dom, &error);
    if (!d)
        return error;
    error = event_domain_reset(d);
    domain_put(d);
    if (error == -ERESTART) /* how far it came, the domain knows */
        return hypercall_continue(v, 2, (u64)EVTCHNOP_reset, va);
    return error;
}

long hypercall_event_channel_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    if (likely((u32)cmd == EVTCHNOP_send)) {
        /*
         * By far the most frequent: what the dispatcher would do for its row, without looking it
         * up.
         */
        struct evtchn_send op;
        if (unlikely(guest_copy_in(&op, arg, sizeof(op))))
            return -EFAULT;
        return event_send(v->domain, op.port);
    }
    return subop_dispatch(v, &event_channel_ops, (u32)cmd, arg);
}

void event_dump(struct domain *d)
{
    static const char *const names[] = {
        [EVENT_UNBOUND] = "unbound", [EVENT_INTERDOMAIN] = "interdomain",
        [EVENT_PIRQ] = "pirq",       [EVENT_VIRQ] = "virq",
        [EVENT_IPI] = "ipi",
    };
    struct event_state *e = d->events;
    if (!e)
        return;
    log_info("d%u: %u event channels bound, %s", d->id, e->bound_ports,
             e->fifo ? "FIFO" : "2-level");
    for (u32 port = 1; port < READ_ONCE(e->valid_ports); port++) {
        struct event_port *p = event_port_at(e, port);
        spin_lock(&p->lock);
        if (event_port_is_bound(p)) {
            u32 detail = p->state == EVENT_PIRQ          ? p->pirq
                         : p->state == EVENT_VIRQ        ? p->virq
                         : p->state == EVENT_UNBOUND     ? p->peer
                         : p->state == EVENT_INTERDOMAIN ? p->remote.port
                                                         : 0;
            log_info("  %4u %s%s v%u %s %u%s%.0u", port, e->abi->is_pending(d, port, p) ? "P" : "-",
                     e->abi->is_masked(d, port, p) ? "M" : "-", p->vcpu, names[p->state], detail,
                     p->state == EVENT_INTERDOMAIN ? " of d" : "",
                     p->state == EVENT_INTERDOMAIN ? p->remote.domain->id : 0u);
        }
        spin_unlock(&p->lock);
    }
}
