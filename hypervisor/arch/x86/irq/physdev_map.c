/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which interrupt of the machine a pirq of a domain is: PHYSDEVOP_map_pirq, _unmap_pirq and
 * _get_free_pirq. Domain 0 maps the lines and messages of its own devices, and those of devices
 * that it passes on.
 */
#include "abi/physdev.h"
#include "core/domain.h"
#include "core/hypercall.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/irq.h"
#include "x86/pci_device.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/physdev.def"
#undef SUBOP
#undef UNAVAILABLE

#define BUS_SEGMENT_SHIFT 16
#define MSI_BLOCK_MAX     32

/* A line may have any free number, but its own is preferred. d->lock held. */
static int gsi_choose_pirq(struct domain *d, u32 gsi, s32 wanted)
{
    if (wanted >= 0)
        return wanted;
    int present = pirq_of_irq(d, gsi);
    if (present >= 0)
        return present;
    return d->is_hardware && !pirq_is_mapped(d, gsi) ? (int)gsi : pirq_find_free(d, true, 1);
}

static int map_gsi(struct domain *d, struct domain *caller, struct physdev_map_pirq *op)
{
    struct irq *irq = op->index >= 0 && (u32)op->index < nr_gsis ? irq_of((u32)op->index) : NULL;
    if (!irq || !irq->chip)
        return -EINVAL;
    if (!rangeset_contains(&caller->irqs, irq->number, irq->number))
        return -EPERM;
    spin_lock(&d->lock);
    int pirq = gsi_choose_pirq(d, irq->number, op->pirq);
    int error = pirq < 0 ? pirq : pirq_map(d, (u32)pirq, irq->number);
    spin_unlock(&d->lock);
    if (!error)
        op->pirq = pirq;
    return error;
}

/* What the message is that op names, as far as it says. */
static int msi_request_fill(struct msi_request *r, struct pci_address *address,
                            const struct physdev_map_pirq *op)
{
    *address = (struct pci_address){.bus = (u8)op->bus, .devfn = (u8)op->devfn};
    if (op->type != MAP_PIRQ_TYPE_MSI)
        address->segment = (u16)((u32)op->bus >> BUS_SEGMENT_SHIFT);
    *r = (struct msi_request){.count = 1};
    if (op->type == MAP_PIRQ_TYPE_MULTI_MSI) {
        if (op->entry_nr < 1 || op->entry_nr > MSI_BLOCK_MAX)
            return -EDOM;
        while (r->count < (u32)op->entry_nr)
            r->count *= 2;
    } else if (op->table_base) {
        if (op->entry_nr < 0)
            return -EINVAL;
        r->msix = true;
        r->entry = (u32)op->entry_nr;
        r->table_base = op->table_base;
    }
    return 0;
}

/* The numbers, consecutive, that a block of messages gets. d->lock held. */
static int msi_choose_pirq(struct domain *d, u32 count, s32 wanted)
{
    if (wanted < 0)
        return pirq_find_free(d, false, count);
    for (u32 i = 0; i < count; i++)
        if (pirq_is_mapped(d, (u32)wanted + i))
            return -EEXIST;
    return wanted;
}

/* The IRQs from first on are pirqs from pirq on; all or none. d->lock held. */
static int msi_map_pirqs(struct domain *d, u32 pirq, u32 first, u32 count)
{
    int error = 0;
    u32 done = 0;
    while (done < count && !error) {
        error = pirq_map(d, pirq + done, first + done);
        done += !error;
    }
    if (!error)
        return 0;
    /* Messages that have a number go with it, the others by themselves. */
    for (u32 i = done; i < count; i++)
        msi_unmap(irq_of(first + i));
    if (done && pirq_unmap(d, pirq))
        log_error("physdev: pirq %u of domain %u cannot be taken back", pirq, d->id);
    return error;
}

static int map_msi(struct domain *d, struct physdev_map_pirq *op)
{
    struct msi_request r;
    struct pci_address address;
    int error = msi_request_fill(&r, &address, op);
    if (error)
        return error;
    struct vcpu *target = domain_vcpu(d, 0);
    r.cpu = target ? READ_ONCE(target->cpu) : 0;

    spin_lock(&d->lock);
    int pirq = msi_choose_pirq(d, r.count, op->pirq);
    error = pirq < 0 ? pirq : 0;
    u32 first = 0;
    if (!error) {
        spin_lock(&pci_lock);
        r.device = pci_device_find(address);
        error = r.device ? msi_map(&r, &first) : -ENODEV;
        spin_unlock(&pci_lock);
    }
    if (!error)
        error = msi_map_pirqs(d, (u32)pirq, first, r.count);
    spin_unlock(&d->lock);
    if (!error)
        op->pirq = pirq;
    return error;
}

static int map_pirq(struct domain *d, struct domain *caller, struct physdev_map_pirq *op)
{
    switch (op->type) {
    case MAP_PIRQ_TYPE_GSI:
        return map_gsi(d, caller, op);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        return map_msi(d, op);
    default:
        return -EINVAL;
    }
}

long physdev_map_pirq_op(struct vcpu *v, void *arg)
{
    struct physdev_map_pirq *op = arg;
    struct domain *d = domain_get(op->domid);
    if (!d)
        return -ESRCH;
    int error = may_control(d) ? map_pirq(d, v->domain, op) : -EPERM;
    if (error)
        log_guest(LOG_WARNING,
                  "physdev: no pirq for domain %u: type %d, index %d, device %#x:%#x: error %d",
                  d->id, op->type, op->index, (u32)op->bus, (u32)op->devfn, error);
    domain_put(d);
    return error;
}

long physdev_unmap_pirq_op(struct vcpu *v, void *arg)
{
    const struct physdev_unmap_pirq *op = arg;
    struct domain *d = domain_get(op->domid);
    if (!d)
        return -ESRCH;
    int error = -EPERM;
    if (may_control(d)) {
        spin_lock(&d->lock);
        error = op->pirq < 0 ? -EINVAL : pirq_unmap(d, (u32)op->pirq);
        spin_unlock(&d->lock);
    }
    domain_put(d);
    return error;
}

long physdev_get_free_pirq_op(struct vcpu *v, void *arg)
{
    struct physdev_get_free_pirq *op = arg;
    /* What is not for a line is for messages, whatever the type. */
    struct domain *d = v->domain;
    spin_lock(&d->lock);
    int pirq = pirq_find_free(d, op->type == MAP_PIRQ_TYPE_GSI, 1);
    if (pirq >= 0)
        d->arch.pirqs[pirq].reserved = true;
    spin_unlock(&d->lock);
    if (pirq < 0)
        return pirq;
    op->pirq = (u32)pirq;
    return 0;
}
