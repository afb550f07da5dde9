/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI devices that domain 0 found and announced (physdev_op), and their configuration space.
 * The device drivers are domain 0's; what is kept here serves interrupts and, later, passing
 * devices on.
 */
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/page.h"
#include "x86/pci.h"
#include "x86/pci_device.h"

#define PCI_REG_STATUS          0x06
#define PCI_STATUS_CAPABILITIES BIT(4)
#define PCI_REG_CAPABILITIES    0x34
#define PCI_CAPABILITY_FIRST    0x40u
#define PCI_CAPABILITIES_MAX    48u /* as many as fit */

struct spinlock pci_lock = SPINLOCK_INIT(LOCK_PCI);

static struct list_node devices = LIST_INIT(devices);
static u32 nr_devices;

/* --- configuration space */

/* The registers of a function in memory, for segments that the ports do not reach; NULL: none. */
static volatile u8 *ecam_map(struct pci_address a)
{
    for (u32 i = 0; i < acpi_info.nr_mcfg; i++) {
        const struct acpi_mcfg *m = &acpi_info.mcfg[i];
        if (m->segment != a.segment || a.bus < m->first_bus || a.bus > m->last_bus)
            continue;
        u64 offset = ((u64)a.bus << 8 | a.devfn) << PAGE_SHIFT;
        return map_device(m->address + offset, PAGE_SIZE);
    }
    return NULL;
}

static u32 all_ones(u32 bytes)
{
    return bytes == 4 ? ~0u : (1u << 8 * bytes) - 1;
}

static u32 ecam_read(struct pci_address a, u32 reg, u32 bytes)
{
    volatile u8 *page = ecam_map(a);
    if (!page)
        return all_ones(bytes);
    u32 value = bytes == 1   ? page[reg]
                : bytes == 2 ? *(volatile u16 *)(page + reg)
                             : *(volatile u32 *)(page + reg);
    map_remove((void *)page, PAGE_SIZE);
    return value;
}

static void ecam_write(struct pci_address a, u32 reg, u32 bytes, u32 value)
{
    volatile u8 *page = ecam_map(a);
    if (!page)
        return;
    if (bytes == 1)
        page[reg] = (u8)value;
    else if (bytes == 2)
        *(volatile u16 *)(page + reg) = (u16)value;
    else
        *(volatile u32 *)(page + reg) = value;
    map_remove((void *)page, PAGE_SIZE);
}

u32 pci_read(struct pci_address a, u32 reg, u32 bytes)
{
    if (a.segment)
        return ecam_read(a, reg, bytes);
    return pci_cf8_read(PCI_CF8(a.bus, a.devfn, reg), reg & 3, bytes);
}

void pci_write(struct pci_address a, u32 reg, u32 bytes, u32 value)
{
    if (a.segment)
        ecam_write(a, reg, bytes, value);
    else
        pci_cf8_write(PCI_CF8(a.bus, a.devfn, reg), reg & 3, bytes, value);
}

u32 pci_find_capability(struct pci_address a, u8 id)
{
    u32 status = pci_read(a, PCI_REG_STATUS, 2);
    if (status == all_ones(2) || !(status & PCI_STATUS_CAPABILITIES))
        return 0;
    u32 at = pci_read(a, PCI_REG_CAPABILITIES, 1) & 0xfc;
    for (u32 n = 0; n < PCI_CAPABILITIES_MAX && at >= PCI_CAPABILITY_FIRST; n++) {
        u32 header = pci_read(a, at, 2);
        if ((header & 0xff) == id)
            return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/* --- the list */

static bool address_eq(struct pci_address a, struct pci_address b)
{
    return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

struct pci_device *pci_device_find(struct pci_address a)
{
    struct pci_device *device;
    list_for_each (device, &devices, node)
        if (address_eq(device->address, a))
            return device;
    return NULL;
}

int pci_device_add(const struct pci_announcement *a)
{
    if (a->is_virtual && !pci_device_find(a->physical_function))
        return -ENODEV;
    struct pci_device *device = pci_device_find(a->address);
    if (!device) {
        if (nr_devices == PCI_DEVICES_MAX)
            return -ENOSPC;
        device = object_new(struct pci_device);
        if (!device)
            return -ENOMEM;
        device->address = a->address;
        list_init(&device->sources);
        list_push_back(&devices, &device->node);
        nr_devices++;
        log_debug("pci: %04x:%02x:%02x.%u", a->address.segment, a->address.bus,
                  a->address.devfn >> 3, a->address.devfn & 7u);
    }
    device->is_extended = a->is_extended;
    device->is_virtual = a->is_virtual;
    device->physical_function = a->physical_function;
    device->proximity = a->proximity;
    return 0;
}

int pci_device_remove(struct pci_address a)
{
    struct pci_device *device = pci_device_find(a);
    if (!device)
        return -ENODEV;
    if (!list_empty(&device->sources))
        return -EBUSY;
    list_remove(&device->node);
    nr_devices--;
    object_free(device);
    return 0;
}
