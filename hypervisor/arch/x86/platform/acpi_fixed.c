/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables that name single registers and windows: the FADT (ACPI 6.4, 5.2.9), the HPET's (IA-PC
 * HPET specification 1.0a, 3.2.4), the MCFG (PCI Firmware Specification 3.3, 4.1.2). Also the walk
 * over entries that MADT and SRAT share. Called by acpi.c and its other parts.
 */
#include "acpi_tables.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define PORTS_END 0x10000u

/* --- entries */

init_text const struct acpi_entry *acpi_entry_next(const void *table, size_t length, size_t *offset)
{
    if (*offset >= length)
        return NULL;
    const struct acpi_entry *e = (const void *)((const u8 *)table + *offset);
    *offset += e->length;
    return e;
}

init_text bool acpi_cut(const char *name, size_t offset, size_t start, const char *reason,
                        const char **why)
{
    *why = reason;
    if (offset == start)
        return false;
    log_warning("acpi: table %s: what begins at offset %lu is ignored, to its end: %s", name,
                (unsigned long)offset, reason);
    return true;
}

/* What is wrong with the entry at offset; NULL: nothing. */
static init_text const char *entry_complaint(const void *table, size_t length, size_t offset,
                                             const u8 *least, u32 count)
{
    const struct acpi_entry *e = (const void *)((const u8 *)table + offset);
    if (length - offset < sizeof(*e) || e->length < sizeof(*e) || e->length > length - offset)
        return "an entry's length does not fit into it";
    if (e->type < count && e->length < least[e->type])
        return "an entry is shorter than its type has it";
    return NULL;
}

init_text size_t acpi_entries_end(const char *name, const void *table, size_t length, size_t offset,
                                  const u8 *least, u32 count, const char **why)
{
    size_t start = offset;
    while (offset < length) {
        const char *complaint = entry_complaint(table, length, offset, least, count);
        if (complaint)
            return acpi_cut(name, offset, start, complaint, why) ? offset : 0;
        (void)acpi_entry_next(table, length, &offset);
    }
    return offset;
}

/* --- FADT */

struct fadt {
    struct acpi_header header;
    u32 facs, dsdt;
    u8 reserved0, profile;
    u16 sci_irq;
    u32 smi_command;
    u8 acpi_enable, acpi_disable, s4bios, pstate;
    u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    u8 pm1_event_bytes, pm1_control_bytes, pm2_control_bytes, pm_timer_bytes;
    u8 gpe0_bytes, gpe1_bytes, gpe1_base, cst;
    u16 c2_latency, c3_latency, flush_size, flush_stride;
    u8 duty_offset, duty_width, day_alarm, month_alarm, century;
    u16 boot_flags;
    u8 reserved1;
    u32 flags; /* revision 1 ends here */
    struct acpi_gas reset_register;
    u8 reset_value;
    u16 arm_flags;
    u8 minor;
    u64 x_facs, x_dsdt;
    struct acpi_gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control;
    struct acpi_gas x_pm_timer, x_gpe0, x_gpe1;
    struct acpi_gas sleep_control, sleep_status;
} packed;
STATIC_ASSERT(offsetof(struct fadt, reset_register) == 116);
STATIC_ASSERT(offsetof(struct fadt, sleep_control) == 244);
#define FADT_BYTES_MIN 116u

/* The boot architecture flags have a meaning from this revision on. */
#define FADT_REVISION_BOOT_FLAGS 3u
#define BOOT_LEGACY_DEVICES      BIT(0)
#define BOOT_8042                BIT(1)
#define BOOT_NO_VGA              BIT(2)
#define BOOT_NO_MSI              BIT(3)
#define BOOT_NO_CMOS_RTC         BIT(5)
#define FADT_PM_TIMER_32BIT      BIT(8)
#define FADT_RESET_REGISTER      BIT(10)
#define FADT_HARDWARE_REDUCED    BIT(20)

#define PM_TIMER_BYTES 4u
#define ACCESS_MAX     4u /* access size 4: 8 bytes */

/* Absent unless it lies where such a register can lie. */
static init_text struct acpi_register register_of(const struct acpi_gas *g)
{
    bool known = g->space == ACPI_SPACE_MEMORY || g->space == ACPI_SPACE_PCI ||
                 (g->space == ACPI_SPACE_IO && g->address < PORTS_END);
    if (!g->address || !known)
        return (struct acpi_register){0};
    u32 size = g->access_size;
    return (struct acpi_register){
        .space = g->space,
        .bit_width = g->bit_width,
        .bit_offset = g->bit_offset,
        .access_bytes = (u8)(size && size <= ACCESS_MAX ? 1u << (size - 1) : 0),
        .address = g->address,
    };
}

/*
 * A register that has an old description, by port, and a new one, which goes first if it is there.
 */
static init_text struct acpi_register register_choose(const struct acpi_gas *x, u32 port, u32 bytes)
{
    struct acpi_register r = register_of(x);
    if (r.address && (r.space == ACPI_SPACE_IO || r.space == ACPI_SPACE_MEMORY))
        return r;
    if (!port || port >= PORTS_END || !bytes)
        return (struct acpi_register){0};
    return (struct acpi_register){
        .space = ACPI_SPACE_IO, .bit_width = (u8)(bytes * 8), .address = port};
}

static init_text void fadt_registers(const struct fadt *f, struct acpi_fadt_info *out)
{
    out->pm1a_event = register_choose(&f->x_pm1a_event, f->pm1a_event, f->pm1_event_bytes);
    out->pm1b_event = register_choose(&f->x_pm1b_event, f->pm1b_event, f->pm1_event_bytes);
    out->pm1a_control = register_choose(&f->x_pm1a_control, f->pm1a_control, f->pm1_control_bytes);
    out->pm1b_control = register_choose(&f->x_pm1b_control, f->pm1b_control, f->pm1_control_bytes);
    if (f->pm_timer_bytes == PM_TIMER_BYTES)
        out->pm_timer = register_choose(&f->x_pm_timer, f->pm_timer, f->pm_timer_bytes);
}

init_text int acpi_fadt_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    struct fadt f = {0};
    if (length < FADT_BYTES_MIN) {
        *why = "it is shorter than its oldest form";
        return -EINVAL;
    }
    /* What an older, shorter one does not have is zero. */
    memcpy(&f, table, MIN(length, sizeof(f)));
    bool boot_flags = f.header.revision >= FADT_REVISION_BOOT_FLAGS;
    struct acpi_fadt_info *fadt = &out->fadt;
    *fadt = (struct acpi_fadt_info){
        .present = true,
        .revision = f.header.revision,
        .hardware_reduced = f.flags & FADT_HARDWARE_REDUCED,
        .no_legacy = boot_flags && !(f.boot_flags & BOOT_LEGACY_DEVICES),
        .no_8042 = boot_flags && !(f.boot_flags & BOOT_8042),
        .no_vga = boot_flags && f.boot_flags & BOOT_NO_VGA,
        .no_msi = boot_flags && f.boot_flags & BOOT_NO_MSI,
        .no_cmos_rtc = boot_flags && f.boot_flags & BOOT_NO_CMOS_RTC,
        .pm_timer_32bit = f.flags & FADT_PM_TIMER_32BIT,
        .sci_irq = f.sci_irq,
        .smi_command = f.smi_command < PORTS_END ? f.smi_command : 0,
        .acpi_enable = f.acpi_enable,
        .acpi_disable = f.acpi_disable,
        .century = f.century,
        .dsdt = f.x_dsdt ? f.x_dsdt : f.dsdt,
    };
    if (fadt->hardware_reduced) {
        fadt->sleep_control = register_of(&f.sleep_control);
        fadt->sleep_status = register_of(&f.sleep_status);
    } else {
        fadt_registers(&f, fadt);
    }
    if (f.flags & FADT_RESET_REGISTER) {
        fadt->reset_register = register_of(&f.reset_register);
        fadt->reset_value = f.reset_value;
        fadt->has_reset_register = fadt->reset_register.address != 0;
    }
    return 0;
}

/* --- HPET */

struct hpet {
    struct acpi_header header;
    u32 block_id;
    struct acpi_gas address;
    u8 number;
    u16 min_tick;
    u8 protection;
} packed;
STATIC_ASSERT(sizeof(struct hpet) == 56);
#define HPET_ALIGN 1024u

init_text int acpi_hpet_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    const struct hpet *h = table;
    if (length < sizeof(*h)) {
        *why = "it is too short";
        return -EINVAL;
    }
    if (h->address.space != ACPI_SPACE_MEMORY || !h->address.address ||
        h->address.address % HPET_ALIGN) {
        *why = "its address is none that an HPET can have";
        return -EINVAL;
    }
    out->hpet_address = h->address.address;
    out->hpet_min_tick = h->min_tick;
    return 0;
}

/* --- MCFG */

struct mcfg {
    struct acpi_header header;
    u64 reserved;
} packed;
struct mcfg_entry {
    u64 address;
    u16 segment;
    u8 first_bus, last_bus;
    u32 reserved;
} packed;
#define MCFG_ALIGN     MIB(1) /* a bus takes that much */
#define MCFG_BUS_SHIFT 20
#define PHYSICAL_END   BIT(52)

static init_text bool mcfg_is_sound(const struct mcfg_entry *e)
{
    u64 end = e->address + ((u64)(e->last_bus + 1u) << MCFG_BUS_SHIFT);
    return e->address && !(e->address % MCFG_ALIGN) && e->first_bus <= e->last_bus &&
           end > e->address && end <= PHYSICAL_END;
}

/* How many windows come before the first that is not sound; -EINVAL if that is all of them. */
static init_text int mcfg_count(const struct mcfg_entry *e, size_t bytes, const char **why)
{
    u32 whole = (u32)(bytes / sizeof(*e)), count = 0;
    const char *reason = bytes % sizeof(*e) ? "its length is not that of whole entries" : NULL;
    while (count < whole && mcfg_is_sound(&e[count]))
        count++;
    if (count < whole)
        reason = "a window's address or buses are impossible";
    size_t end = sizeof(struct mcfg) + count * sizeof(*e);
    if (reason && !acpi_cut("MCFG", end, sizeof(struct mcfg), reason, why))
        return -EINVAL;
    return (int)count;
}

init_text int acpi_mcfg_read(const void *table, size_t length, struct acpi_info *out,
                             const char **why)
{
    if (length < sizeof(struct mcfg)) {
        *why = "it is shorter than its fixed part";
        return -EINVAL;
    }
    const struct mcfg_entry *e = (const void *)((const u8 *)table + sizeof(struct mcfg));
    int sound = mcfg_count(e, length - sizeof(struct mcfg), why);
    if (sound < 0)
        return sound;
    u32 count = (u32)sound;
    if (count > ACPI_MCFG_MAX) {
        log_warning("acpi: %u windows of PCI configuration space, %u are used", count,
                    ACPI_MCFG_MAX);
        count = ACPI_MCFG_MAX;
    }
    for (u32 i = 0; i < count; i++)
        out->mcfg[i] = (struct acpi_mcfg){.address = e[i].address,
                                          .segment = e[i].segment,
                                          .first_bus = e[i].first_bus,
                                          .last_bus = e[i].last_bus};
    out->nr_mcfg = count;
    return 0;
}
