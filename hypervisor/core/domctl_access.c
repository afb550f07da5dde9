/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools let a domain touch: interrupts, memory of devices, I/O ports. Nobody can give what
 * he has not himself.
 */
#include "arch/vcpu.h"
#include "core/control.h"
#include "errno.h"
#include "lib/rangeset.h"

#define PORTS 0x10000u

/* Allow or deny [first, last] to d, out of what the caller has. -EPERM, -ENOMEM. */
static long range_permit(struct domctl_call *c, struct rangeset *mine, struct rangeset *theirs,
                         u64 first, u64 last, bool allow)
{
    if (!rangeset_contains(mine, first, last))
        return domctl_refuse(c, -EPERM, "not the caller's own to give");
    return allow ? rangeset_add(theirs, first, last) : rangeset_remove(theirs, first, last);
}

long domctl_irq_permission(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_irq_permission *op = &c->op.u.irq_permission;
    if (op->pirq >= arch_pirq_limit(v->domain))
        return -EINVAL;
    return range_permit(c, &v->domain->irqs, &c->d->irqs, op->pirq, op->pirq, op->allow_access);
}

long domctl_iomem_permission(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_iomem_permission *op = &c->op.u.iomem_permission;
    u64 last;
    if (!op->nr_mfns || __builtin_add_overflow(op->first_mfn, op->nr_mfns - 1, &last) ||
        last >> (64 - PAGE_SHIFT))
        return -EINVAL;
    return range_permit(c, &v->domain->iomem, &c->d->iomem, op->first_mfn, last, op->allow_access);
}

long domctl_ioport_permission(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_ioport_permission *op = &c->op.u.ioport_permission;
    if (op->first_port >= PORTS || op->nr_ports > PORTS - op->first_port)
        return -EINVAL;
    if (!op->nr_ports)
        return 0;
    return range_permit(c, &v->domain->ioports, &c->d->ioports, op->first_port,
                        (u64)op->first_port + op->nr_ports - 1, op->allow_access);
}
