/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the firmware's static ACPI tables say about the machine, read once at boot. Domain 0
 * interprets the rest (the DSDT and SSDTs, which are programs): Domus has no interpreter.
 *
 * acpi_init() fills acpi_info; after that nobody writes it, so it needs no lock. What the firmware
 * does not say stays zero. Sections are those of the ACPI specification 6.4.
 */
#ifndef DOMUS_X86_ACPI_H
#define DOMUS_X86_ACPI_H

#include "core/heap.h"
#include "core/percpu.h"
#include "types.h"

#define ACPI_LAPICS_MAX      NR_CPUS
#define ACPI_IOAPICS_MAX     32u
#define ACPI_OVERRIDES_MAX   32u
#define ACPI_LAPIC_NMIS_MAX  NR_CPUS
#define ACPI_NMI_SOURCES_MAX 8u
#define ACPI_MCFG_MAX        16u
#define ACPI_NODES_MAX       HEAP_NODES_MAX /* the allocator knows no more */
#define ACPI_SRAT_MEMORY_MAX 128u
#define ACPI_UID_ALL         0xffffffffu /* a lapic NMI entry that means every processor */

/* MPS INTI flags (5.2.12.5): how an interrupt line signals. BUS: what the bus has by default, which
 * is high and edge for ISA, low and level for PCI and for the SCI. */
enum acpi_polarity { ACPI_POLARITY_BUS = 0, ACPI_POLARITY_HIGH = 1, ACPI_POLARITY_LOW = 3 };
enum acpi_trigger { ACPI_TRIGGER_BUS = 0, ACPI_TRIGGER_EDGE = 1, ACPI_TRIGGER_LEVEL = 3 };

/* A processor: types 0 (local APIC) and 9 (local x2APIC) of the MADT (5.2.12.2, 5.2.12.12); one
 * that is listed as both stands here once. */
struct acpi_lapic {
    u32 apic_id;
    u32 uid; /* the ACPI processor id, as domain 0 names it */
    bool enabled;
    bool online_capable; /* not enabled, but may be later */
};

/* 5.2.12.3 */
struct acpi_ioapic {
    u32 id;
    paddr_t address;
    u32 gsi_base;
};

/* A legacy interrupt that is not at the GSI of its own number, or not edge and high (5.2.12.5). */
struct acpi_override {
    u32 bus_irq;
    u32 gsi;
    u8 polarity, trigger; /* enum acpi_polarity, enum acpi_trigger */
};

/* Local APIC pin that is wired as NMI: types 4 and 10 (5.2.12.7, 5.2.12.13). */
struct acpi_lapic_nmi {
    u32 uid; /* of the processor, or ACPI_UID_ALL */
    u8 lint; /* 0 or 1 */
    u8 polarity, trigger;
};

/* GSI that is wired as NMI (5.2.12.6). */
struct acpi_nmi_source {
    u32 gsi;
    u8 polarity, trigger;
};

/*
 * A register, from a generic address structure (5.2.3.2) or a legacy port number; address 0:
 * absent.
 */
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };
struct acpi_register {
    u8 space; /* enum acpi_space */
    u8 bit_width;
    u8 bit_offset;
    u8 access_bytes; /* 1, 2, 4, 8; 0: undefined */
    u64 address;
};

/* Fixed hardware, from the FADT (5.2.9). */
struct acpi_fadt_info {
    bool present;
    u8 revision;
    bool hardware_reduced; /* no PM1 registers */
    bool no_legacy, no_vga, no_cmos_rtc, no_msi,
        no_8042; /* IA-PC boot architecture flags (5.2.9.3) */
    bool has_reset_register;
    bool pm_timer_32bit; /* else 24 bits */
    u32 sci_irq;
    u32 smi_command; /* port; 0: none */
    u8 acpi_enable, acpi_disable;
    u8 century; /* CMOS index of the century, 0: none */
    struct acpi_register pm1a_event, pm1b_event, pm1a_control, pm1b_control;
    struct acpi_register pm_timer;
    struct acpi_register reset_register;
    u8 reset_value;
    struct acpi_register sleep_control, sleep_status; /* hardware-reduced machines */
    paddr_t dsdt;                                     /* 0: none */
};

/* PCI Express configuration space in memory (PCI Firmware Specification 3.3, 4.1.2). */
struct acpi_mcfg {
    paddr_t address; /* of bus 0, whatever first_bus */
    u16 segment;
    u8 first_bus, last_bus; /* inclusive */
};

/*
 * SRAT (5.2.16). Nodes are proximity domains, numbered densely from 0 in the order that they are
 * met.
 */
struct acpi_cpu_affinity {
    u32 apic_id;
    u32 node;
};
struct acpi_memory_affinity {
    paddr_t base;
    u64 bytes;
    u32 node;
    bool hotplug;
};

struct acpi_info {
    bool present; /* tables were found and are sound */
    paddr_t rsdp; /* the firmware's; 0: only the boot loader's copy is known, or none */
    u8 rsdp_revision;
    paddr_t dmar, ivrs; /* tables of the IOMMUs; 0: none */

    /* MADT */
    bool pcat_compat; /* there are 8259s too, to be silenced */
    paddr_t lapic_address;
    u32 nr_lapics, nr_ioapics, nr_overrides, nr_lapic_nmis, nr_nmi_sources;
    struct acpi_lapic lapics[ACPI_LAPICS_MAX];
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    struct acpi_override overrides[ACPI_OVERRIDES_MAX];
    struct acpi_lapic_nmi lapic_nmis[ACPI_LAPIC_NMIS_MAX];
    struct acpi_nmi_source nmi_sources[ACPI_NMI_SOURCES_MAX];

    struct acpi_fadt_info fadt;

    /* \_S5 (7.4.2.6): sleep types for PM1a and PM1b control that turn the machine off. */
    bool has_s5;
    u8 s5_type_a, s5_type_b;

    /* HPET (IA-PC HPET specification 3.2.4); address 0: none. */
    paddr_t hpet_address;
    u16 hpet_min_tick;

    u32 nr_mcfg;
    struct acpi_mcfg mcfg[ACPI_MCFG_MAX];

    /* NUMA. nr_nodes is 1 and the lists empty on a machine without an SRAT. */
    u32 nr_nodes;
    u32 nr_cpu_affinities, nr_memory_affinities;
    u32 proximity[ACPI_NODES_MAX]; /* node to proximity domain */
    struct acpi_cpu_affinity cpu_affinities[ACPI_LAPICS_MAX];
    struct acpi_memory_affinity memory_affinities[ACPI_SRAT_MEMORY_MAX];
    u8 distances[ACPI_NODES_MAX]
                [ACPI_NODES_MAX]; /* SLIT (5.2.17); 10 local, 20 remote without one */
};

extern struct acpi_info acpi_info;

/* Find and read the tables. rsdp: a copy of the root pointer from the boot loader (of which there
 * are so many bytes), or NULL; place: where a UEFI says it is, or 0; with neither, the BIOS's areas
 * are searched. Its length is what its field says (5.2.5.3), as far as there are bytes. Called
 * once, on the boot CPU, when map_firmware() works. Leaves present false on a machine without ACPI.
 */
void acpi_init(const void *rsdp, size_t bytes, paddr_t place);

/*
 * The first table of that signature (4 letters): its physical address and length in bytes; 0: none.
 */
paddr_t acpi_find_table(const char *signature, u32 *bytes);

/* --- platform/acpi_sleep.c */

/* Write the sleep registers with what PM1a and PM1b control are to hold, or on machines without
 * them the sleep type in a. The machine is off when that works; -EPERM (no such registers), -EIO
 * (still on). */
must_check int acpi_enter_sleep(u16 a, u16 b, bool extended);
/* The same with the values of \_S5; -ENOENT if they are not known. */
must_check int acpi_power_off(void);

/* --- platform/reset.c */

/*
 * On the boot CPU, when the tables are read: reach the reset register (4.8.3.6), if it is in
 * memory.
 */
void reset_init(void);
/* Write it. False if there is none; true if the machine is still there some time afterwards. */
bool acpi_reset(void);

#endif
