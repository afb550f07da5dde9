/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APICs: the interrupt lines of the machine (GSIs). Each pin has a redirection entry that says
 * which vector goes to which CPU, and how the line signals. Intel 82093AA data sheet; ACPI
 * specification 6.4, 5.2.12.3 and 5.2.12.5.
 *
 * Registers are reached by an index and a data window, which is slow, more so under another
 * hypervisor: so the entries' lower halves are kept in memory too, and the index is written only
 * where it changes.
 */
#include "arch/cpu.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "apic_registers.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/page.h"

#define WINDOW_INDEX 0x00
#define WINDOW_DATA  0x10
#define WINDOW_BYTES 0x20

#define REG_ID      0u
#define REG_VERSION 1u
#define REG_LAST    2u /* of those that are not entries: the arbitration id */
#define REG_ENTRIES 0x10u
#define NO_INDEX    0xffffffffu

#define VERSION_LAST_PIN_SHIFT 16
#define VERSION_LAST_PIN_MASK  0xffu

/* Redirection entry, lower half. */
#define ENTRY_LOW    (1u << 13)
#define ENTRY_IRR    (1u << 14)
#define ENTRY_LEVEL  (1u << 15)
#define ENTRY_MASKED (1u << 16)
/* Upper half. */
#define ENTRY_CPU_SHIFT 24

#define NR_ISA_IRQS 16u
#define GSI_MAX     8192u /* the firmware's numbers above this are not believed */

struct ioapic {
    struct spinlock lock; /* LOCK_IRQ_CHIP: the window, the index and the entries */
    paddr_t address;
    u32 gsi_base, pins;
    volatile u8 *window;
    u32 index;    /* what the index register holds, or NO_INDEX */
    u32 *entries; /* lower halves, as written last */
};

static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static u32 nr_ioapics;
/* Some chips' index register forgets (XENPF_platform_quirk). */
static bool index_forgotten;

/* --- registers; io->lock held */

static void select(struct ioapic *io, u32 reg)
{
    if (io->index == reg && !index_forgotten)
        return;
    *(volatile u32 *)(io->window + WINDOW_INDEX) = reg;
    io->index = reg;
}

static u32 reg_read(struct ioapic *io, u32 reg)
{
    select(io, reg);
    return *(volatile u32 *)(io->window + WINDOW_DATA);
}

static void reg_write(struct ioapic *io, u32 reg, u32 value)
{
    select(io, reg);
    *(volatile u32 *)(io->window + WINDOW_DATA) = value;
}

static u32 reg_of_entry(u32 pin)
{
    return REG_ENTRIES + 2 * pin;
}

static void entry_write_low(struct ioapic *io, u32 pin, u32 low)
{
    io->entries[pin] = low;
    reg_write(io, reg_of_entry(pin), low);
}

/* --- lines */

static void ioapic_mask(struct irq *irq)
{
    struct ioapic *io = irq->ioapic;
    spin_lock(&io->lock);
    entry_write_low(io, irq->pin, io->entries[irq->pin] | ENTRY_MASKED);
    spin_unlock(&io->lock);
}

static void ioapic_unmask(struct irq *irq)
{
    struct ioapic *io = irq->ioapic;
    spin_lock(&io->lock);
    entry_write_low(io, irq->pin, io->entries[irq->pin] & ~ENTRY_MASKED);
    spin_unlock(&io->lock);
}

static u32 entry_low(const struct irq *irq)
{
    return APIC_DELIVERY_FIXED | irq->vector | (irq->active_low ? ENTRY_LOW : 0) |
           (irq->level ? ENTRY_LEVEL : 0);
}

/* Both halves, the line being held back meanwhile; then masked or not. */
static void entry_write(const struct irq *irq, u32 mask)
{
    struct ioapic *io = irq->ioapic;
    spin_lock(&io->lock);
    u32 low = entry_low(irq);
    entry_write_low(io, irq->pin, low | ENTRY_MASKED);
    reg_write(io, reg_of_entry(irq->pin) + 1, cpu_apic_id(irq->cpu) << ENTRY_CPU_SHIFT);
    if (!mask)
        entry_write_low(io, irq->pin, low);
    spin_unlock(&io->lock);
}

static void ioapic_route(struct irq *irq)
{
    entry_write(irq, irq->masked ? ENTRY_MASKED : 0);
}

void ioapic_program(struct irq *irq)
{
    entry_write(irq, ENTRY_MASKED);
}

/*
 * A move takes place while the interrupt is being served: it is not under way with the old vector.
 */
static bool ioapic_can_move(const struct irq *irq, bool new_vector)
{
    return true;
}

/* Remote IRR: the APIC has taken the interrupt, and not ended it. Reading this also brings what was
 * written before to its place. */
static bool ioapic_is_ending(const struct irq *irq)
{
    struct ioapic *io = irq->ioapic;
    if (!irq->level)
        return false;
    spin_lock(&io->lock);
    u32 low = reg_read(io, reg_of_entry(irq->pin));
    spin_unlock(&io->lock);
    return low & ENTRY_IRR;
}

static const struct irq_chip ioapic_chip = {
    .name = "io-apic",
    .mask = ioapic_mask,
    .unmask = ioapic_unmask,
    .route = ioapic_route,
    .can_move = ioapic_can_move,
    .is_ending = ioapic_is_ending,
};

/* --- finding them */

/* Firmware may have left lines open: whatever is known of them was for its own use. */
static init_text void pins_mask(struct ioapic *io)
{
    for (u32 pin = 0; pin < io->pins; pin++)
        entry_write_low(io, pin, ENTRY_MASKED);
}

static init_text void ioapic_add(const struct acpi_ioapic *a)
{
    struct ioapic *io = &ioapics[nr_ioapics];
    spin_init(&io->lock, LOCK_IRQ_CHIP);
    io->address = a->address;
    io->gsi_base = a->gsi_base;
    io->index = NO_INDEX;
    io->window = map_device(a->address, WINDOW_BYTES);
    if (!io->window) {
        log_error("ioapic: no memory to map the one at %#lx", (unsigned long)a->address);
        return;
    }
    u32 version = reg_read(io, REG_VERSION);
    io->pins = (version >> VERSION_LAST_PIN_SHIFT & VERSION_LAST_PIN_MASK) + 1;
    bool sound = version != ~0u && io->gsi_base <= GSI_MAX - io->pins;
    io->entries = sound ? object_new_array(u32, io->pins) : NULL;
    if (!io->entries) {
        log_error("ioapic: nothing usable at %#lx", (unsigned long)a->address);
        map_remove((void *)io->window, WINDOW_BYTES);
        return;
    }
    pins_mask(io);
    nr_ioapics++;
    nr_gsis = MAX(nr_gsis, io->gsi_base + io->pins);
    log_info("ioapic: id %u at %#lx, GSIs %u-%u", a->id, (unsigned long)a->address, io->gsi_base,
             io->gsi_base + io->pins - 1);
}

init_text void ioapic_init(void)
{
    /* Numbers below are ISA's, whether there is a line or not. */
    nr_gsis = NR_ISA_IRQS;
    for (u32 i = 0; i < acpi_info.nr_ioapics; i++)
        ioapic_add(&acpi_info.ioapics[i]);
}

static struct ioapic *ioapic_of_gsi(u32 gsi)
{
    for (u32 i = 0; i < nr_ioapics; i++)
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return &ioapics[i];
    return NULL;
}

/* ISA lines are edge-triggered and high, all others PCI's: level-triggered and low. The SCI is as
 * the latter even among the former (ACPI 5.2.9). */
static init_text void line_set_default(struct irq *irq)
{
    bool sci = acpi_info.fadt.present && irq->number == acpi_info.fadt.sci_irq;
    irq->level = irq->active_low = irq->number >= NR_ISA_IRQS || sci;
}

static init_text void line_override(const struct acpi_override *o)
{
    struct irq *irq = o->gsi < nr_gsis ? irq_of(o->gsi) : NULL;
    if (!irq)
        return;
    bool sci = acpi_info.fadt.present && o->bus_irq == acpi_info.fadt.sci_irq;
    irq->level = o->trigger == ACPI_TRIGGER_LEVEL || (o->trigger == ACPI_TRIGGER_BUS && sci);
    irq->active_low = o->polarity == ACPI_POLARITY_LOW || (o->polarity == ACPI_POLARITY_BUS && sci);
}

/* A line that the firmware wired as NMI belongs to nobody. */
static init_text void nmi_source_init(const struct acpi_nmi_source *s)
{
    struct ioapic *io = ioapic_of_gsi(s->gsi);
    if (!io)
        return;
    u32 pin = s->gsi - io->gsi_base;
    bool low = s->polarity == ACPI_POLARITY_LOW;
    reg_write(io, reg_of_entry(pin) + 1, cpu_apic_id(0) << ENTRY_CPU_SHIFT);
    entry_write_low(io, pin, APIC_DELIVERY_NMI | (low ? ENTRY_LOW : 0));
    irq_of(s->gsi)->chip = NULL;
}

init_text bool ioapic_isa_to_nmi(u32 irq)
{
    struct acpi_nmi_source s = {.gsi = irq};
    for (u32 i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].bus_irq == irq)
            s = (struct acpi_nmi_source){.gsi = acpi_info.overrides[i].gsi,
                                         .polarity = acpi_info.overrides[i].polarity};
    if (!ioapic_of_gsi(s.gsi))
        return false;
    nmi_source_init(&s);
    return true;
}

init_text void ioapic_lines_init(void)
{
    for (u32 gsi = 0; gsi < nr_gsis; gsi++) {
        struct ioapic *io = ioapic_of_gsi(gsi);
        if (!io)
            continue;
        struct irq *irq = irq_of(gsi);
        irq->chip = &ioapic_chip;
        irq->ioapic = io;
        irq->pin = gsi - io->gsi_base;
        line_set_default(irq);
    }
    for (u32 i = 0; i < acpi_info.nr_overrides; i++)
        line_override(&acpi_info.overrides[i]);
    for (u32 i = 0; i < acpi_info.nr_nmi_sources; i++)
        nmi_source_init(&acpi_info.nmi_sources[i]);
}

/* --- for domain 0 */

static struct ioapic *ioapic_at(paddr_t base)
{
    for (u32 i = 0; i < nr_ioapics; i++)
        if (ioapics[i].address == base)
            return &ioapics[i];
    return NULL;
}

static bool reg_exists(const struct ioapic *io, u32 reg)
{
    return reg <= REG_LAST || (reg >= REG_ENTRIES && reg < reg_of_entry(io->pins));
}

int ioapic_guest_read(paddr_t base, u32 reg, u32 *value)
{
    struct ioapic *io = ioapic_at(base);
    if (!io || !reg_exists(io, reg))
        return -EINVAL;
    spin_lock(&io->lock);
    *value = reg_read(io, reg);
    spin_unlock(&io->lock);
    return 0;
}

/*
 * Of what old kernels write, only how a line signals is taken, from the lower half of an entry;
 * where it goes is not theirs to say. A line in use stays as it is, as under Xen.
 */
int ioapic_guest_write(paddr_t base, u32 reg, u32 value)
{
    struct ioapic *io = ioapic_at(base);
    if (!io || !reg_exists(io, reg))
        return -EINVAL;
    if (reg < REG_ENTRIES || (reg - REG_ENTRIES) % 2)
        return 0;
    u32 gsi = io->gsi_base + (reg - REG_ENTRIES) / 2;
    int error = irq_set_type(gsi, value & ENTRY_LEVEL, value & ENTRY_LOW);
    return error == -EBUSY ? 0 : error;
}

void ioapic_set_index_kept(bool kept)
{
    index_forgotten = !kept;
}
