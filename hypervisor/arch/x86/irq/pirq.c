/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts that belong to domains: which IRQ a domain's pirq is, who is bound to it, and when it
 * may interrupt again. The event channel code binds pirqs to ports (arch/vcpu.h: arch_pirq_*);
 * physdev_op.c maps them.
 *
 * Messages and edge-triggered lines are ended at once. A level-triggered line is masked and ended
 * when it comes in, and unmasked when every domain that was told has ended it (PHYSDEVOP_eoi).
 *
 * A domain's table is changed with its lock held, and read without: what is read is checked again
 * with the lock of the IRQ, which each change of a mapping takes too.
 */
#include "abi/physdev.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/frame.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/pci_device.h"

/* Numbers for messages of a domain that does not own the machine. */
#define PIRQS_EXTRA 32u
/* Below this, numbers are those of ISA lines, and not given out. */
#define PIRQ_FIRST_FREE 16u

#define EOI_MAP_BITS (PAGE_SIZE * 8)

u32 arch_pirq_limit(const struct domain *d)
{
    return d->is_hardware ? nr_irqs : nr_gsis + PIRQS_EXTRA;
}

/* --- the table */

static int table_create(struct domain *d)
{
    if (d->arch.pirqs)
        return 0;
    if (d->dying)
        return -EINVAL;
    struct pirq *table = object_new_array(struct pirq, arch_pirq_limit(d));
    if (!table)
        return -ENOMEM;
    d->arch.pirqs = table;
    __atomic_store_n(&d->arch.nr_pirqs, arch_pirq_limit(d), __ATOMIC_RELEASE);
    return 0;
}

static struct pirq *pirq_entry(struct domain *d, u32 pirq)
{
    u32 count = __atomic_load_n(&d->arch.nr_pirqs, __ATOMIC_ACQUIRE);
    return pirq < count ? &d->arch.pirqs[index_clamp(pirq, count)] : NULL;
}

bool pirq_is_mapped(struct domain *d, u32 pirq)
{
    struct pirq *p = pirq_entry(d, pirq);
    return p && READ_ONCE(p->mapped);
}

/* The IRQ behind a pirq with its lock taken; NULL, and no lock, if it is not mapped. */
static struct irq *irq_lock_pirq(struct domain *d, u32 pirq)
{
    struct pirq *p = pirq_entry(d, pirq);
    if (!p || !READ_ONCE(p->mapped))
        return NULL;
    struct irq *irq = irq_of(READ_ONCE(p->irq));
    spin_lock(&irq->lock);
    if (p->mapped && p->irq == irq->number)
        return irq;
    spin_unlock(&irq->lock);
    return NULL;
}

static bool entry_is_free(struct domain *d, u32 pirq)
{
    struct pirq *p = pirq_entry(d, pirq);
    return p && !p->mapped && !p->reserved;
}

static bool entries_are_free(struct domain *d, u32 first, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (!entry_is_free(d, first + i))
            return false;
    return true;
}

int pirq_find_free(struct domain *d, bool gsi, u32 count)
{
    int error = table_create(d);
    if (error)
        return error;
    if (gsi) {
        for (u32 pirq = PIRQ_FIRST_FREE; pirq + count <= nr_gsis; pirq++)
            if (entries_are_free(d, pirq, count))
                return (int)pirq;
        return -ENOSPC;
    }
    for (u32 pirq = d->arch.nr_pirqs - count; pirq >= nr_gsis; pirq--)
        if (entries_are_free(d, pirq, count))
            return (int)pirq;
    return -ENOSPC;
}

int pirq_of_irq(struct domain *d, u32 irq)
{
    for (u32 pirq = 0; pirq < d->arch.nr_pirqs; pirq++)
        if (d->arch.pirqs[pirq].mapped && d->arch.pirqs[pirq].irq == irq)
            return (int)pirq;
    return -ENOENT;
}

int pirq_map(struct domain *d, u32 pirq, u32 irq)
{
    if (d->dying)
        return -EINVAL;
    int error = table_create(d);
    if (error)
        return error;
    struct pirq *p = pirq_entry(d, pirq);
    int present = pirq_of_irq(d, irq);
    if (!p)
        return present >= 0 ? -EEXIST : -EINVAL;
    if (p->mapped ? p->irq != irq : present >= 0)
        return -EEXIST;
    if (!p->mapped)
        d->arch.pirq_count++;
    p->irq = (u16)irq;
    p->reserved = false;
    __atomic_store_n(&p->mapped, true, __ATOMIC_RELEASE);
    return 0;
}

/* --- who is bound */

static struct irq_guest *guest_find(struct irq *irq, const struct domain *d, u32 pirq)
{
    for (u32 i = 0; i < irq->nr_guests; i++)
        if (irq->guests[i].domain == d && irq->guests[i].pirq == pirq)
            return &irq->guests[i];
    return NULL;
}

static void guest_end_service(struct irq *irq, struct irq_guest *g)
{
    if (!g->in_service)
        return;
    g->in_service = false;
    if (--irq->nr_in_service == 0)
        irq_unmask(irq, IRQ_MASKED_SERVICE);
}

static void eoi_map_write(struct domain *d, u32 pirq, bool needs_eoi)
{
    u64 *map = READ_ONCE(d->arch.pirq_eoi_map);
    if (!map || pirq >= EOI_MAP_BITS)
        return;
    if (needs_eoi)
        bit_set(map, pirq);
    else
        bit_clear(map, pirq);
}

static void guest_remove(struct irq *irq, struct irq_guest *g)
{
    eoi_map_write(g->domain, g->pirq, false);
    guest_end_service(irq, g);
    *g = irq->guests[--irq->nr_guests];
    if (irq->nr_guests == 0) {
        irq_mask(irq, IRQ_MASKED_UNUSED);
        irq->shareable = false;
    }
}

static int bind_check(const struct irq *irq, u32 pirq, bool share)
{
    if (irq->handler) {
        log_guest(LOG_WARNING, "irq: pirq %u is refused: IRQ %u is the hypervisor's (%s)", pirq,
                  irq->number, irq->name);
        return -EBUSY;
    }
    if (irq->nr_guests && !(share && irq->shareable)) {
        log_guest(LOG_WARNING, "irq: pirq %u is refused: domain %u has IRQ %u, and not to share",
                  pirq, irq->guests[0].domain->id, irq->number);
        return -EBUSY;
    }
    return irq->nr_guests == IRQ_GUESTS_MAX ? -EBUSY : 0;
}

/* The first guest: the line gets its vector and its trigger mode. */
static int irq_begin(struct irq *irq, u32 cpu)
{
    if (!irq->vector) {
        int error = irq_vectors_alloc(irq, 1, irq_cpu_near(cpu));
        if (error)
            return error;
    } else if (irq->cpu != cpu) {
        irq->wanted_cpu = cpu;
    }
    if (!irq->msi)
        ioapic_program(irq);
    return 0;
}

int arch_pirq_bind(struct vcpu *v, u32 pirq, bool share)
{
    struct domain *d = v->domain;
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return -EPERM;
    int error = guest_find(irq, d, pirq) ? -EEXIST : bind_check(irq, pirq, share);
    if (!error && !irq->nr_guests)
        error = irq_begin(irq, v->cpu);
    if (!error) {
        irq->guests[irq->nr_guests++] = (struct irq_guest){.domain = d, .pirq = pirq};
        irq->shareable = share;
        eoi_map_write(d, pirq, irq->level);
        irq_unmask(irq, IRQ_MASKED_UNUSED);
    }
    spin_unlock(&irq->lock);
    return error;
}

void arch_pirq_unbind(struct domain *d, u32 pirq)
{
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return;
    struct irq_guest *g = guest_find(irq, d, pirq);
    if (g)
        guest_remove(irq, g);
    spin_unlock(&irq->lock);
}

void arch_pirq_set_affinity(struct domain *d, u32 pirq, const struct vcpu *v)
{
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return;
    u32 cpu = READ_ONCE(v->cpu);
    irq->wanted_cpu = cpu == irq->cpu ? IRQ_NO_CPU : cpu;
    spin_unlock(&irq->lock);
}

void arch_pirq_eoi(struct domain *d, u32 pirq)
{
    struct pirq *p = pirq_entry(d, pirq);
    /*
     * Most are messages, where there is nothing to do. The trigger does not change while it is
     * bound.
     */
    if (!p || !READ_ONCE(p->mapped) || !irq_of(READ_ONCE(p->irq))->level)
        return;
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return;
    struct irq_guest *g = guest_find(irq, d, pirq);
    if (g)
        guest_end_service(irq, g);
    spin_unlock(&irq->lock);
}

bool pirq_deliver(struct irq *irq)
{
    bool told = false;
    for (u32 i = 0; i < irq->nr_guests; i++) {
        struct irq_guest *g = &irq->guests[i];
        if (!event_raise_pirq(g->domain, g->pirq))
            continue;
        told = true;
        /* It cannot have ended it yet: that takes irq->lock. */
        if (irq->level && !g->in_service) {
            g->in_service = true;
            irq->nr_in_service++;
        }
    }
    return told || irq->nr_in_service;
}

/* --- for physdev_op and the end of a domain */

static void entry_clear(struct domain *d, u32 pirq)
{
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return;
    struct irq_guest *g = guest_find(irq, d, pirq);
    if (g)
        guest_remove(irq, g);
    d->arch.pirqs[pirq].mapped = false;
    d->arch.pirq_count--;
    bool message = irq->msi;
    spin_unlock(&irq->lock);
    if (message)
        msi_unmap(irq);
}

int pirq_unmap(struct domain *d, u32 pirq)
{
    struct irq *irq = irq_lock_pirq(d, pirq);
    if (!irq)
        return -EINVAL;
    u32 index = irq->msi ? irq->msi_index : 0;
    u32 count = irq->msi ? msi_block_count(irq) : 1;
    spin_unlock(&irq->lock);
    /* A block of messages comes and goes as a whole, by its first. */
    if (index)
        return -EINVAL;
    for (u32 i = 0; i < count; i++)
        entry_clear(d, pirq + i);
    return 0;
}

int pirq_eoi_map_register(struct domain *d, u64 gfn, bool auto_unmask)
{
    struct frame *f = arch_gfn_get_frame(d, GFN(gfn));
    if (!f)
        return -EINVAL;
    int error = frame_get_writable(f, d);
    frame_put(f);
    if (error)
        return error;
    spin_lock(&d->lock);
    if (d->arch.pirq_eoi_map || d->dying) {
        error = -EBUSY;
    } else {
        d->arch.pirq_eoi_map_mfn = frame_mfn(f);
        d->arch.auto_unmask = auto_unmask;
        WRITE_ONCE(d->arch.pirq_eoi_map, frame_to_virt(f));
        for (u32 pirq = 0; pirq < d->arch.nr_pirqs; pirq++) {
            struct irq *irq = irq_lock_pirq(d, pirq);
            if (!irq)
                continue;
            eoi_map_write(d, pirq, irq->level && guest_find(irq, d, pirq));
            spin_unlock(&irq->lock);
        }
    }
    spin_unlock(&d->lock);
    if (error)
        frame_put_writable(f);
    return error;
}

int pirq_status(struct domain *d, u32 pirq, u32 *flags)
{
    *flags = 0;
    if (pirq >= arch_pirq_limit(d))
        return -EINVAL;
    struct irq *irq = irq_lock_pirq(d, pirq);
    /* Who asks does not look at the map of pirqs, so it has to end every interrupt. */
    *flags |= XENIRQSTAT_needs_eoi;
    if (!irq)
        return 0;
    if (irq->nr_guests > 1)
        *flags |= XENIRQSTAT_shared;
    spin_unlock(&irq->lock);
    return 0;
}

void pirq_domain_destroy(struct domain *d)
{
    spin_lock(&d->lock);
    for (u32 pirq = 0; pirq < d->arch.nr_pirqs && d->arch.pirq_count; pirq++)
        entry_clear(d, pirq);
    u64 *map = d->arch.pirq_eoi_map;
    d->arch.pirq_eoi_map = NULL;
    struct pirq *table = d->arch.pirqs;
    d->arch.nr_pirqs = 0;
    d->arch.pirqs = NULL;
    spin_unlock(&d->lock);
    object_free(table);
    if (map)
        frame_put_writable(virt_to_frame(map));
}
