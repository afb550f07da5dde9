/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall physdev_op: how domain 0 sets up the interrupts of the machine and announces its
 * PCI devices, and how every PV guest ends interrupts and asks for I/O privilege. Rows:
 * core/ops/physdev.def. Mapping pirqs is physdev_map.c's.
 */
#include "abi/physdev.h"
#include "arch/vcpu.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/irq.h"
#include "x86/pci_device.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/physdev.def"
#undef SUBOP
#undef UNAVAILABLE

#define NR_IO_PORTS 65536u
#define IOPL_MAX    3u

/* Called through hypercall_table. */
long hypercall_physdev_op(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);

long hypercall_physdev_op(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return subop_dispatch(v, &physdev_ops, a1, a2);
}

/* --- interrupts in use */

long physdev_eoi_op(struct vcpu *v, void *arg)
{
    const struct physdev_eoi *op = arg;
    struct domain *d = v->domain;
    if (!pirq_is_mapped(d, op->irq))
        return -EINVAL;
    if (d->arch.auto_unmask) {
        u32 port = event_pirq_port(d, op->irq);
        /* A port that was closed meanwhile has nothing to unmask. */
        if (port && event_unmask(d, port))
            log_guest(LOG_DEBUG, "physdev: domain %u: port %u of pirq %u is gone", d->id, port,
                      op->irq);
    }
    arch_pirq_eoi(d, op->irq);
    return 0;
}

/* The oldest way to end interrupts: all whose ports the guest has not masked. */
long physdev_unmask_notify_op(struct vcpu *v, void *arg)
{
    struct domain *d = v->domain;
    for (u32 pirq = 0; pirq < arch_pirq_limit(d); pirq++) {
        u32 port = event_pirq_port(d, pirq);
        if (port && !event_port_is_masked(d, port))
            arch_pirq_eoi(d, pirq);
    }
    return 0;
}

long physdev_irq_status_query_op(struct vcpu *v, void *arg)
{
    struct physdev_irq_status_query *op = arg;
    return pirq_status(v->domain, op->irq, &op->flags);
}

long physdev_pirq_eoi_gmfn_v1_op(struct vcpu *v, void *arg)
{
    const struct physdev_pirq_eoi_gmfn *op = arg;
    return pirq_eoi_map_register(v->domain, op->gmfn, true);
}

long physdev_pirq_eoi_gmfn_v2_op(struct vcpu *v, void *arg)
{
    const struct physdev_pirq_eoi_gmfn *op = arg;
    return pirq_eoi_map_register(v->domain, op->gmfn, false);
}

/* --- lines */

long physdev_setup_gsi_op(struct vcpu *v, void *arg)
{
    const struct physdev_setup_gsi *op = arg;
    if (op->gsi < 0)
        return -EINVAL;
    if (op->gsi == 0)
        return -EEXIST; /* the ISA timer's, which the ABI leaves to the hypervisor */
    int error = irq_set_type((u32)op->gsi, op->triggering, op->polarity);
    /* "Somebody has it", which kernels take for success, whatever the trigger mode. */
    return error == -EBUSY || (!error && irq_is_in_use((u32)op->gsi)) ? -EEXIST : error;
}

/*
 * Vectors are the hypervisor's own affair; kernels that ask expect a number that stands for the
 * line.
 */
long physdev_alloc_irq_vector_op(struct vcpu *v, void *arg)
{
    struct physdev_irq *op = arg;
    op->vector = op->irq;
    return 0;
}

long physdev_apic_read_op(struct vcpu *v, void *arg)
{
    struct physdev_apic *op = arg;
    return ioapic_guest_read(op->apic_physbase, op->reg, &op->value);
}

long physdev_apic_write_op(struct vcpu *v, void *arg)
{
    const struct physdev_apic *op = arg;
    return ioapic_guest_write(op->apic_physbase, op->reg, op->value);
}

/* --- I/O privilege of the calling vCPU */

long physdev_set_iopl_op(struct vcpu *v, void *arg)
{
    const struct physdev_set_iopl *op = arg;
    if (op->iopl > IOPL_MAX)
        return -EINVAL;
    v->arch.iopl = op->iopl;
    return 0;
}

long physdev_set_iobitmap_op(struct vcpu *v, void *arg)
{
    const struct physdev_set_iobitmap *op = arg;
    if (op->nr_ports > NR_IO_PORTS || !guest_range_ok(op->bitmap.va, (op->nr_ports + 7) / 8))
        return -EINVAL;
    v->arch.iobmp = op->bitmap.va;
    v->arch.iobmp_ports = op->nr_ports;
    return 0;
}

/* --- PCI devices */

static long device_announce(const struct pci_announcement *a)
{
    spin_lock(&pci_lock);
    int error = pci_device_add(a);
    spin_unlock(&pci_lock);
    if (error)
        log_guest(LOG_WARNING, "physdev: PCI device %04x:%02x:%02x.%u is refused: error %d",
                  a->address.segment, a->address.bus, a->address.devfn >> 3, a->address.devfn & 7u,
                  error);
    return error;
}

static long device_withdraw(struct pci_address address)
{
    spin_lock(&pci_lock);
    int error = pci_device_remove(address);
    spin_unlock(&pci_lock);
    return error;
}

long physdev_pci_device_add_op(struct vcpu *v, void *arg)
{
    vaddr_t from = *(vaddr_t *)arg;
    struct physdev_pci_device_add op;
    if (guest_copy_in(&op, from, sizeof(op)))
        return -EFAULT;
    u32 proximity = PCI_PROXIMITY_NONE;
    if (op.flags & XEN_PCI_DEV_PXM &&
        guest_copy_in(&proximity, from + offsetof(struct physdev_pci_device_add, optarr),
                      sizeof(proximity)))
        return -EFAULT;
    struct pci_announcement a = {
        .address = {.segment = op.seg, .bus = op.bus, .devfn = op.devfn},
        .is_extended = op.flags & XEN_PCI_DEV_EXTFN,
        .is_virtual = op.flags & XEN_PCI_DEV_VIRTFN,
        .physical_function = {.segment = op.seg, .bus = op.physfn.bus, .devfn = op.physfn.devfn},
        .proximity = proximity,
    };
    return device_announce(&a);
}

long physdev_pci_device_remove_op(struct vcpu *v, void *arg)
{
    const struct physdev_pci_device *op = arg;
    return device_withdraw(
        (struct pci_address){.segment = op->seg, .bus = op->bus, .devfn = op->devfn});
}

long physdev_manage_pci_add_op(struct vcpu *v, void *arg)
{
    const struct physdev_manage_pci *op = arg;
    struct pci_announcement a = {
        .address = {.bus = op->bus, .devfn = op->devfn},
        .proximity = PCI_PROXIMITY_NONE,
    };
    return device_announce(&a);
}

long physdev_manage_pci_remove_op(struct vcpu *v, void *arg)
{
    const struct physdev_manage_pci *op = arg;
    return device_withdraw((struct pci_address){.bus = op->bus, .devfn = op->devfn});
}

long physdev_manage_pci_add_ext_op(struct vcpu *v, void *arg)
{
    const struct physdev_manage_pci_ext *op = arg;
    if (op->is_extfn > 1 || op->is_virtfn > 1)
        return -EINVAL;
    struct pci_announcement a = {
        .address = {.bus = op->bus, .devfn = op->devfn},
        .is_extended = op->is_extfn,
        .is_virtual = op->is_virtfn,
        .physical_function = {.bus = op->physfn.bus, .devfn = op->physfn.devfn},
        .proximity = PCI_PROXIMITY_NONE,
    };
    return device_announce(&a);
}

static long device_restore(struct pci_address address)
{
    spin_lock(&pci_lock);
    struct pci_device *device = pci_device_find(address);
    if (device)
        msi_restore(device);
    spin_unlock(&pci_lock);
    return device ? 0 : -ENODEV;
}

long physdev_restore_msi_op(struct vcpu *v, void *arg)
{
    const struct physdev_restore_msi *op = arg;
    return device_restore((struct pci_address){.bus = op->bus, .devfn = op->devfn});
}

long physdev_restore_msi_ext_op(struct vcpu *v, void *arg)
{
    const struct physdev_pci_device *op = arg;
    return device_restore(
        (struct pci_address){.segment = op->seg, .bus = op->bus, .devfn = op->devfn});
}

static long device_prepare(const struct physdev_pci_device *op, bool prepare)
{
    struct pci_address address = {.segment = op->seg, .bus = op->bus, .devfn = op->devfn};
    spin_lock(&pci_lock);
    struct pci_device *device = pci_device_find(address);
    int error = device ? msix_prepare(device, prepare) : -ENODEV;
    spin_unlock(&pci_lock);
    return error;
}

long physdev_prepare_msix_op(struct vcpu *v, void *arg)
{
    return device_prepare(arg, true);
}

long physdev_release_msix_op(struct vcpu *v, void *arg)
{
    return device_prepare(arg, false);
}

/*
 * Configuration space in memory is used here where the firmware's MCFG table has it, whatever
 * domain 0 finds out about its being reserved: so there is nothing to turn on or off, only a
 * mistake to point out.
 */
long physdev_pci_mmcfg_reserved_op(struct vcpu *v, void *arg)
{
    const struct physdev_pci_mmcfg_reserved *op = arg;
    for (u32 i = 0; i < acpi_info.nr_mcfg; i++) {
        const struct acpi_mcfg *m = &acpi_info.mcfg[i];
        if (m->segment == op->segment && m->address == op->address)
            return 0;
    }
    return -ENODEV;
}

/* Domus's console is no USB debug port: nothing has to be kept from the reset of a controller. */
long physdev_dbgp_op_op(struct vcpu *v, void *arg)
{
    return 0;
}
