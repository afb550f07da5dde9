/* SPDX-License-Identifier: MIT */
/*
 * Physical devices: hypercall physdev_op(cmd, struct *). Interrupts of the machine as physical
 * IRQs (pirq) of a domain, MSI, PCI devices as domain 0 finds them, and I/O privilege of PV vCPUs.
 */
#ifndef DOMUS_ABI_PHYSDEV_H
#define DOMUS_ABI_PHYSDEV_H

#include "xen.h"

#define PHYSDEVOP_IRQ_UNMASK_NOTIFY  4 /* old interface, no argument */
#define PHYSDEVOP_irq_status_query   5
#define PHYSDEVOP_set_iopl           6
#define PHYSDEVOP_set_iobitmap       7
#define PHYSDEVOP_apic_read          8
#define PHYSDEVOP_apic_write         9
#define PHYSDEVOP_alloc_irq_vector   10
#define PHYSDEVOP_free_irq_vector    11
#define PHYSDEVOP_eoi                12
#define PHYSDEVOP_map_pirq           13
#define PHYSDEVOP_unmap_pirq         14
#define PHYSDEVOP_manage_pci_add     15
#define PHYSDEVOP_manage_pci_remove  16
#define PHYSDEVOP_pirq_eoi_gmfn_v1   17 /* PHYSDEVOP_eoi unmasks the port too */
#define PHYSDEVOP_restore_msi        19
#define PHYSDEVOP_manage_pci_add_ext 20
#define PHYSDEVOP_setup_gsi          21
#define PHYSDEVOP_get_free_pirq      23
#define PHYSDEVOP_pci_mmcfg_reserved 24
#define PHYSDEVOP_pci_device_add     25
#define PHYSDEVOP_pci_device_remove  26
#define PHYSDEVOP_restore_msi_ext    27
#define PHYSDEVOP_pirq_eoi_gmfn_v2   28 /* PHYSDEVOP_eoi leaves the port alone */
#define PHYSDEVOP_pirq_eoi_gmfn      PHYSDEVOP_pirq_eoi_gmfn_v2
#define PHYSDEVOP_dbgp_op            29
#define PHYSDEVOP_prepare_msix       30
#define PHYSDEVOP_release_msix       31

struct physdev_eoi {
    uint32_t irq; /* pirq */
};
DEFINE_GUEST_HANDLE(physdev_eoi, struct physdev_eoi);

/* Registers a frame of one bit per pirq, set where the guest must end the interrupt itself. */
struct physdev_pirq_eoi_gmfn {
    uint64_t gmfn;
};
DEFINE_GUEST_HANDLE(physdev_pirq_eoi_gmfn, struct physdev_pirq_eoi_gmfn);

/* physdev_irq_status_query.flags. */
#define XENIRQSTAT_needs_eoi (1 << 0)
#define XENIRQSTAT_shared    (1 << 1)

struct physdev_irq_status_query {
    uint32_t irq;   /* pirq */
    uint32_t flags; /* out: XENIRQSTAT_* */
};
DEFINE_GUEST_HANDLE(physdev_irq_status_query, struct physdev_irq_status_query);

struct physdev_set_iopl {
    uint32_t iopl; /* 0-3; a kernel needs at least 1 */
};
DEFINE_GUEST_HANDLE(physdev_set_iopl, struct physdev_set_iopl);

struct physdev_set_iobitmap {
    guest_handle_uint8 bitmap; /* read on each access; a set bit forbids; 0 for none */
    uint32_t nr_ports;
};
DEFINE_GUEST_HANDLE(physdev_set_iobitmap, struct physdev_set_iobitmap);

struct physdev_apic {
    uint64_t apic_physbase; /* which I/O APIC */
    uint32_t reg;
    uint32_t value; /* out of a read */
};
DEFINE_GUEST_HANDLE(physdev_apic, struct physdev_apic);

struct physdev_irq {
    uint32_t irq;
    uint32_t vector; /* out */
};
DEFINE_GUEST_HANDLE(physdev_irq, struct physdev_irq);

/* physdev_map_pirq.type and physdev_get_free_pirq.type. */
#define MAP_PIRQ_TYPE_MSI       0
#define MAP_PIRQ_TYPE_GSI       1
#define MAP_PIRQ_TYPE_UNKNOWN   2
#define MAP_PIRQ_TYPE_MSI_SEG   3 /* bits 16-31 of bus are the segment */
#define MAP_PIRQ_TYPE_MULTI_MSI 4 /* entry_nr vectors; bus as for MSI_SEG */

struct physdev_map_pirq {
    domid_t domid;
    int32_t type;
    int32_t index;       /* GSI, or (MSI) ignored */
    int32_t pirq;        /* in and out; negative: any */
    int32_t bus;         /* MSI, as the two that follow */
    int32_t devfn;       /* device << 3 | function */
    int32_t entry_nr;    /* MSI-X entry; MULTI_MSI: count, in and out */
    uint64_t table_base; /* machine address of the MSI-X table, 0 for MSI */
};
DEFINE_GUEST_HANDLE(physdev_map_pirq, struct physdev_map_pirq);

struct physdev_unmap_pirq {
    domid_t domid;
    int32_t pirq;
};
DEFINE_GUEST_HANDLE(physdev_unmap_pirq, struct physdev_unmap_pirq);

/* PCI devices of segment 0: the older way to announce and withdraw one. */
struct physdev_manage_pci {
    uint8_t bus;
    uint8_t devfn;
};
DEFINE_GUEST_HANDLE(physdev_manage_pci, struct physdev_manage_pci);

struct physdev_restore_msi {
    uint8_t bus;
    uint8_t devfn;
};
DEFINE_GUEST_HANDLE(physdev_restore_msi, struct physdev_restore_msi);

struct physdev_manage_pci_ext {
    uint8_t bus;
    uint8_t devfn;
    uint32_t is_extfn;  /* bool */
    uint32_t is_virtfn; /* bool */
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn; /* of a virtual function */
};
DEFINE_GUEST_HANDLE(physdev_manage_pci_ext, struct physdev_manage_pci_ext);

/* Argument of the older hypercall, physdev_op_compat: number and argument in one. */
struct physdev_op {
    uint32_t cmd;
    union {
        struct physdev_irq_status_query irq_status_query;
        struct physdev_set_iopl set_iopl;
        struct physdev_set_iobitmap set_iobitmap;
        struct physdev_apic apic_op;
        struct physdev_irq irq_op;
    } u;
};
DEFINE_GUEST_HANDLE(physdev_op, struct physdev_op);

struct physdev_setup_gsi {
    int32_t gsi;
    uint8_t triggering; /* 0 edge, 1 level */
    uint8_t polarity;   /* 0 active high, 1 active low */
};
DEFINE_GUEST_HANDLE(physdev_setup_gsi, struct physdev_setup_gsi);

struct physdev_get_free_pirq {
    int32_t type;  /* MAP_PIRQ_TYPE_* */
    uint32_t pirq; /* out */
};
DEFINE_GUEST_HANDLE(physdev_get_free_pirq, struct physdev_get_free_pirq);

/* physdev_pci_mmcfg_reserved.flags: the range is reserved, so it may be used. */
#define XEN_PCI_MMCFG_RESERVED 1

struct physdev_pci_mmcfg_reserved {
    uint64_t address; /* machine, of bus 0 */
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus; /* inclusive */
    uint32_t flags;
};
DEFINE_GUEST_HANDLE(physdev_pci_mmcfg_reserved, struct physdev_pci_mmcfg_reserved);

/* physdev_pci_device_add.flags. */
#define XEN_PCI_DEV_EXTFN  1
#define XEN_PCI_DEV_VIRTFN 2
#define XEN_PCI_DEV_PXM    4 /* optarr[0] is the ACPI proximity domain */

struct physdev_pci_device_add {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
    uint32_t flags;
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
    uint32_t optarr[];
};
DEFINE_GUEST_HANDLE(physdev_pci_device_add, struct physdev_pci_device_add);

/* Argument of pci_device_remove, restore_msi_ext, prepare_msix and release_msix. */
struct physdev_pci_device {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
};
DEFINE_GUEST_HANDLE(physdev_pci_device, struct physdev_pci_device);

/* physdev_dbgp_op.op and .bus: dom0 resets the USB controller of a debug port. */
#define PHYSDEVOP_DBGP_RESET_PREPARE 1
#define PHYSDEVOP_DBGP_RESET_DONE    2
#define PHYSDEVOP_DBGP_BUS_UNKNOWN   0
#define PHYSDEVOP_DBGP_BUS_PCI       1

struct physdev_dbgp_op {
    uint8_t op;
    uint8_t bus;
    union {
        struct physdev_pci_device pci;
    } u;
};
DEFINE_GUEST_HANDLE(physdev_dbgp_op, struct physdev_dbgp_op);

#endif
