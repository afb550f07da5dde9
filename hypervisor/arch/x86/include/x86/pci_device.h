/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI devices that domain 0 has announced, their configuration space, and their messages (MSI,
 * MSI-X). Domain 0 enumerates the buses; Domus keeps what it needs to program interrupts (PCI Local
 * Bus Specification 3.0, chapter 6).
 */
#ifndef DOMUS_X86_PCI_DEVICE_H
#define DOMUS_X86_PCI_DEVICE_H

#include "core/lock.h"
#include "lib/list.h"
#include "types.h"

struct irq;

/* Where a function is. */
struct pci_address {
    u16 segment;
    u8 bus;
    u8 devfn; /* device << 3 | function */
};

struct pci_device {
    struct list_node node;
    struct pci_address address;
    bool is_extended; /* function number above 7 by ARI */
    bool is_virtual;  /* SR-IOV, of physical_function */
    struct pci_address physical_function;
    u32 proximity;            /* ACPI proximity domain, or PCI_PROXIMITY_NONE */
    u32 nr_msi_irqs;          /* IRQs that its messages have */
    bool msix_prepared;       /* PHYSDEVOP_prepare_msix: its BARs do not move */
    struct list_node sources; /* struct msi_source */
};

#define PCI_PROXIMITY_NONE 0xffffffffu
/* Devices that domain 0 may announce. */
#define PCI_DEVICES_MAX 8192u

/* What PHYSDEVOP_pci_device_add says. */
struct pci_announcement {
    struct pci_address address;
    bool is_extended, is_virtual;
    struct pci_address physical_function;
    u32 proximity;
};

/* Configuration registers 0-255 of any segment; bytes 1, 2 or 4, aligned. Where there is nothing,
 * reads give all ones and writes are lost. Rank LOCK_PLATFORM inside. */
u32 pci_read(struct pci_address a, u32 reg, u32 bytes);
void pci_write(struct pci_address a, u32 reg, u32 bytes, u32 value);
/* Offset of the capability with that id; 0: none. */
u32 pci_find_capability(struct pci_address a, u8 id);

#define PCI_REG_COMMAND    0x04
#define PCI_COMMAND_MEMORY BIT(1)
#define PCI_REG_BAR0       0x10
#define PCI_NR_BARS        6u
#define PCI_CAP_MSI        0x05
#define PCI_CAP_MSIX       0x11

/*
 * pci_lock (LOCK_PCI) guards the list and everything that hangs on a device; all that follows needs
 * it held, but for msi_unmap() and msi_block_count().
 */
extern struct spinlock pci_lock;
struct pci_device *pci_device_find(struct pci_address a);
/* Announced again: updated. -ENODEV: its physical function is unknown; -ENOMEM; -ENOSPC. */
must_check int pci_device_add(const struct pci_announcement *a);
/* -ENODEV, -EBUSY: its messages are mapped. */
must_check int pci_device_remove(struct pci_address a);

/* One message that a device may send, or a block of 2^n (MSI). */
struct msi_request {
    struct pci_device *device;
    bool msix;
    u32 entry;          /* MSI-X: of its table */
    paddr_t table_base; /* MSI-X: the BAR that holds the table, as domain 0 sees it */
    u32 count;          /* MSI: how many, a power of two up to 32 */
    u32 cpu;            /* where the interrupts should go at first */
};

/*
 * Program the device, masked where it can be masked. Its IRQs' numbers begin at *irq. -ENODEV: no
 * such capability; -EINVAL: no such entry, or a table that is not the device's; -ENXIO: its memory
 * is not decoded; -EBUSY/-EEXIST: is in use; -ENOSPC: out of vectors or numbers; -ENOMEM.
 */
must_check int msi_map(const struct msi_request *r, u32 *irq);
/* An IRQ of a message is not used any more; with the last of a block the device is told to be
 * quiet. Takes pci_lock; nothing of rank LOCK_PCI or above is held. */
void msi_unmap(struct irq *irq);
/* IRQs of the block that it belongs to. irq->lock held. */
u32 msi_block_count(const struct irq *irq);
/* Write all messages again, after the device was reset. */
void msi_restore(struct pci_device *device);
/*
 * Announce that the BARs will not move (or may move again): -ENODEV: no MSI-X; -EBUSY: messages are
 * mapped.
 */
must_check int msix_prepare(struct pci_device *device, bool prepare);

#endif
