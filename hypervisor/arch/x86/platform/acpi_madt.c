/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multiple APIC description table (ACPI 6.4, 5.2.12): CPUs, I/O APICs, and how legacy
 * interrupts and NMIs are wired. Called by acpi.c.
 */
#include "acpi_tables.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

struct madt {
    struct acpi_header header;
    u32 lapic_address;
    u32 flags;
} packed;
#define MADT_PCAT_COMPAT BIT(0)

enum madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_NMI_SOURCE = 3,
    MADT_LAPIC_NMI = 4,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10,
    MADT_TYPES
};

struct madt_lapic {
    struct acpi_entry head;
    u8 uid, apic_id;
    u32 flags;
} packed;
struct madt_x2apic {
    struct acpi_entry head;
    u16 reserved;
    u32 apic_id, flags, uid;
} packed;
#define LAPIC_ENABLED        BIT(0)
#define LAPIC_ONLINE_CAPABLE BIT(1)
#define LAPIC_ID_NONE        0xffu /* broadcasts; firmware marks unused entries so */
#define X2APIC_ID_NONE       0xffffffffu
#define LAPIC_UID_ALL        0xffu

struct madt_ioapic {
    struct acpi_entry head;
    u8 id, reserved;
    u32 address, gsi_base;
} packed;
struct madt_override {
    struct acpi_entry head;
    u8 bus, irq; /* bus: 0, ISA */
    u32 gsi;
    u16 flags;
} packed;
struct madt_nmi_source {
    struct acpi_entry head;
    u16 flags;
    u32 gsi;
} packed;
struct madt_lapic_nmi {
    struct acpi_entry head;
    u8 uid;
    u16 flags;
    u8 lint;
} packed;
struct madt_x2apic_nmi {
    struct acpi_entry head;
    u16 flags;
    u32 uid;
    u8 lint, reserved[3];
} packed;
struct madt_lapic_address {
    struct acpi_entry head;
    u16 reserved;
    u64 address;
} packed;

static const u8 entry_least[MADT_TYPES] = {
    [MADT_LAPIC] = sizeof(struct madt_lapic),
    [MADT_IOAPIC] = sizeof(struct madt_ioapic),
    [MADT_OVERRIDE] = sizeof(struct madt_override),
    [MADT_NMI_SOURCE] = sizeof(struct madt_nmi_source),
    [MADT_LAPIC_NMI] = sizeof(struct madt_lapic_nmi),
    [MADT_LAPIC_ADDRESS] = sizeof(struct madt_lapic_address),
    [MADT_X2APIC] = sizeof(struct madt_x2apic),
    [MADT_X2APIC_NMI] = sizeof(struct madt_x2apic_nmi),
};

/* MPS INTI flags, table 5.50. The value 2 of either is reserved. */
#define INTI_FIELD         3u
#define INTI_RESERVED      2u
#define INTI_TRIGGER_SHIFT 2

static init_text u8 polarity_of(u16 flags)
{
    u32 p = flags & INTI_FIELD;
    return (u8)(p == INTI_RESERVED ? ACPI_POLARITY_BUS : p);
}

static init_text u8 trigger_of(u16 flags)
{
    u32 t = flags >> INTI_TRIGGER_SHIFT & INTI_FIELD;
    return (u8)(t == INTI_RESERVED ? ACPI_TRIGGER_BUS : t);
}

/* True if one more fits in a list of max; *lost counts those that do not. */
static init_text bool fits(u32 count, u32 max, u32 *lost)
{
    if (count < max)
        return true;
    (*lost)++;
    return false;
}

/* A CPU may be listed in both forms, and CPUs that do not exist under any id. */
static init_text void lapic_add(struct acpi_info *out, const struct acpi_lapic *cpu, u32 *lost)
{
    for (u32 i = 0; i < out->nr_lapics; i++)
        if (out->lapics[i].apic_id == cpu->apic_id)
            return;
    if (fits(out->nr_lapics, ACPI_LAPICS_MAX, lost))
        out->lapics[out->nr_lapics++] = *cpu;
}

/* False if the entry is not a CPU's. */
static init_text bool lapic_decode(const struct acpi_entry *e, struct acpi_lapic *cpu)
{
    u32 flags;
    if (e->type == MADT_LAPIC) {
        const struct madt_lapic *l = (const void *)e;
        if (l->apic_id == LAPIC_ID_NONE)
            return false;
        *cpu = (struct acpi_lapic){.apic_id = l->apic_id, .uid = l->uid};
        flags = l->flags;
    } else if (e->type == MADT_X2APIC) {
        const struct madt_x2apic *l = (const void *)e;
        if (l->apic_id == X2APIC_ID_NONE)
            return false;
        *cpu = (struct acpi_lapic){.apic_id = l->apic_id, .uid = l->uid};
        flags = l->flags;
    } else {
        return false;
    }
    cpu->enabled = flags & LAPIC_ENABLED;
    cpu->online_capable = !cpu->enabled && flags & LAPIC_ONLINE_CAPABLE;
    return true;
}

/* Those that can be used first: the others must not take their places, nor their ids. */
static init_text void lapics_read(const void *table, size_t length, struct acpi_info *out,
                                  bool enabled, u32 *lost)
{
    size_t offset = sizeof(struct madt);
    const struct acpi_entry *e;
    while ((e = acpi_entry_next(table, length, &offset))) {
        struct acpi_lapic cpu;
        if (lapic_decode(e, &cpu) && cpu.enabled == enabled)
            lapic_add(out, &cpu, lost);
    }
}

static init_text void lapic_nmi_add(struct acpi_info *out, u32 uid, u16 flags, u8 lint, u32 *lost)
{
    if (fits(out->nr_lapic_nmis, ACPI_LAPIC_NMIS_MAX, lost))
        out->lapic_nmis[out->nr_lapic_nmis++] = (struct acpi_lapic_nmi){
            .uid = uid, .lint = lint, .polarity = polarity_of(flags), .trigger = trigger_of(flags)};
}

static init_text void ioapic_read(const struct madt_ioapic *io, struct acpi_info *out, u32 *lost)
{
    if (io->address && fits(out->nr_ioapics, ACPI_IOAPICS_MAX, lost))
        out->ioapics[out->nr_ioapics++] =
            (struct acpi_ioapic){.id = io->id, .address = io->address, .gsi_base = io->gsi_base};
}

static init_text void override_read(const struct madt_override *o, struct acpi_info *out, u32 *lost)
{
    if (!o->bus && fits(out->nr_overrides, ACPI_OVERRIDES_MAX, lost))
        out->overrides[out->nr_overrides++] =
            (struct acpi_override){.bus_irq = o->irq,
                                   .gsi = o->gsi,
                                   .polarity = polarity_of(o->flags),
                                   .trigger = trigger_of(o->flags)};
}

static init_text void nmi_source_read(const struct madt_nmi_source *n, struct acpi_info *out,
                                      u32 *lost)
{
    if (fits(out->nr_nmi_sources, ACPI_NMI_SOURCES_MAX, lost))
        out->nmi_sources[out->nr_nmi_sources++] = (struct acpi_nmi_source){
            .gsi = n->gsi, .polarity = polarity_of(n->flags), .trigger = trigger_of(n->flags)};
}

/* Everything but CPUs. */
static init_text void entry_read(const struct acpi_entry *e, struct acpi_info *out, u32 *lost)
{
    if (e->type == MADT_IOAPIC) {
        ioapic_read((const void *)e, out, lost);
    } else if (e->type == MADT_OVERRIDE) {
        override_read((const void *)e, out, lost);
    } else if (e->type == MADT_NMI_SOURCE) {
        nmi_source_read((const void *)e, out, lost);
    } else if (e->type == MADT_LAPIC_NMI) {
        const struct madt_lapic_nmi *n = (const void *)e;
        lapic_nmi_add(out, n->uid == LAPIC_UID_ALL ? ACPI_UID_ALL : n->uid, n->flags, n->lint,
                      lost);
    } else if (e->type == MADT_X2APIC_NMI) {
        const struct madt_x2apic_nmi *n = (const void *)e;
        lapic_nmi_add(out, n->uid, n->flags, n->lint, lost);
    } else if (e->type == MADT_LAPIC_ADDRESS) {
        out->lapic_address = ((const struct madt_lapic_address *)e)->address;
    }
}

init_text int acpi_madt_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    const struct madt *madt = table;
    u32 lost = 0;
    if (length < sizeof(*madt)) {
        *why = "it is shorter than its fixed part";
        return -EINVAL;
    }
    length = acpi_entries_end("APIC", table, length, sizeof(*madt), entry_least, MADT_TYPES, why);
    if (!length)
        return -EINVAL;

    out->pcat_compat = madt->flags & MADT_PCAT_COMPAT;
    out->lapic_address = madt->lapic_address;
    lapics_read(table, length, out, true, &lost);
    lapics_read(table, length, out, false, &lost);
    size_t offset = sizeof(*madt);
    const struct acpi_entry *e;
    while ((e = acpi_entry_next(table, length, &offset)))
        entry_read(e, out, &lost);
    if (lost)
        log_warning("acpi: %u entries of the APIC table are more than there is room for", lost);
    return 0;
}
