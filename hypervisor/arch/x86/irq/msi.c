/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signalled interrupts: a PCI device writes a word, the data, to an address that says which
 * CPU is meant. MSI keeps both in configuration space, for a block of 2^n vectors; MSI-X in a table
 * in the device's memory, one entry for each message. PCI Local Bus Specification 3.0, 6.8; message
 * format: Intel SDM vol. 3, 10.11.
 *
 * Domus writes messages and their mask bits. Turning MSI or MSI-X on in the capability is domain
 * 0's.
 */
#include "core/domain.h"
#include "core/frame.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/page.h"
#include "x86/pci_device.h"

/* MSI capability: offsets from its start. */
#define MSI_CONTROL      0x02
#define MSI_ADDRESS      0x04
#define MSI_ADDRESS_HIGH 0x08
#define MSI_DATA_32      0x08
#define MSI_DATA_64      0x0c
#define MSI_MASK_32      0x0c
#define MSI_MASK_64      0x10

#define MSI_CONTROL_ENABLE    BIT(0)
#define MSI_CAPABLE_SHIFT     1 /* log2 of the messages that the device can send */
#define MSI_ENABLED_SHIFT     4 /* log2 of those that it may */
#define MSI_COUNT_MASK        7u
#define MSI_CONTROL_64        BIT(7)
#define MSI_CONTROL_MASKABLE  BIT(8)
#define MSI_MESSAGES_LOG2_MAX 5u

/* MSI-X capability. */
#define MSIX_CONTROL       0x02
#define MSIX_TABLE         0x04
#define MSIX_CONTROL_COUNT 0x7ffu /* entries - 1 */
#define MSIX_TABLE_BAR     7u
/* An entry of its table, in words. */
#define MSIX_ENTRY_ADDRESS      0
#define MSIX_ENTRY_ADDRESS_HIGH 1
#define MSIX_ENTRY_DATA         2
#define MSIX_ENTRY_CONTROL      3
#define MSIX_ENTRY_BYTES        16u
#define MSIX_ENTRY_ALIGN        8u
#define MSIX_ENTRY_MASKED       BIT(0)

#define MESSAGE_ADDRESS   0xfee00000u
#define MESSAGE_CPU_SHIFT 12

#define BAR_IO    BIT(0)
#define BAR_TYPE  (3u << 1)
#define BAR_64    (2u << 1)
#define BAR_FLAGS 0xfu

/*
 * A block of MSI messages, or one entry of an MSI-X table. pci_lock, and for the registers
 * chip_lock.
 */
struct msi_source {
    struct list_node node; /* device->sources */
    struct pci_device *device;
    u32 capability; /* offset in configuration space */
    bool msix, wide, maskable;
    u32 entry;           /* MSI-X */
    volatile u32 *table; /* MSI-X: the entry */
    u32 count, live;     /* IRQs: given out, and not yet taken back */
    u32 first_irq;
    u32 address, data, mask_bits; /* as written last */
};

/* Masks and messages of all devices: they change rarely. */
static struct spinlock chip_lock = SPINLOCK_INIT(LOCK_IRQ_CHIP);

/* --- registers; chip_lock held */

static void msix_write_message(const struct msi_source *s)
{
    /* An entry is not to be changed while it may be sent (PCI 3.0, 6.8.3.5). */
    u32 control = s->table[MSIX_ENTRY_CONTROL];
    if (!(control & MSIX_ENTRY_MASKED))
        s->table[MSIX_ENTRY_CONTROL] = control | (u32)MSIX_ENTRY_MASKED;
    s->table[MSIX_ENTRY_ADDRESS] = s->address;
    s->table[MSIX_ENTRY_ADDRESS_HIGH] = 0;
    s->table[MSIX_ENTRY_DATA] = s->data;
    if (!(control & MSIX_ENTRY_MASKED))
        s->table[MSIX_ENTRY_CONTROL] = control;
}

/* The address is written last: a move that keeps the vector is one write. */
static void msi_write_message(const struct msi_source *s)
{
    struct pci_address a = s->device->address;
    pci_write(a, s->capability + (s->wide ? MSI_DATA_64 : MSI_DATA_32), 2, s->data);
    if (s->wide)
        pci_write(a, s->capability + MSI_ADDRESS_HIGH, 4, 0);
    pci_write(a, s->capability + MSI_ADDRESS, 4, s->address);
}

static void message_write(const struct msi_source *s)
{
    if (s->msix)
        msix_write_message(s);
    else
        msi_write_message(s);
}

static void msi_write_masks(const struct msi_source *s)
{
    u32 reg = s->capability + (s->wide ? MSI_MASK_64 : MSI_MASK_32);
    pci_write(s->device->address, reg, 4, s->mask_bits);
}

static void message_set_mask(const struct irq *irq, bool mask)
{
    struct msi_source *s = irq->msi;
    if (!s->maskable)
        return;
    spin_lock(&chip_lock);
    if (s->msix) {
        s->table[MSIX_ENTRY_CONTROL] = mask ? (u32)MSIX_ENTRY_MASKED : 0;
    } else {
        u32 bit = 1u << irq->msi_index;
        s->mask_bits = mask ? s->mask_bits | bit : s->mask_bits & ~bit;
        msi_write_masks(s);
    }
    spin_unlock(&chip_lock);
}

/* --- the chip */

static void msi_mask(struct irq *irq)
{
    message_set_mask(irq, true);
}

static void msi_unmask(struct irq *irq)
{
    message_set_mask(irq, false);
}

static void msi_route(struct irq *irq)
{
    struct msi_source *s = irq->msi;
    spin_lock(&chip_lock);
    s->address = MESSAGE_ADDRESS | cpu_apic_id(irq->cpu) << MESSAGE_CPU_SHIFT;
    s->data = irq->vector;
    message_write(s);
    spin_unlock(&chip_lock);
}

/* MSI's address and data cannot be changed at one stroke, and a message of half and half would get
 * lost; the vectors of a block have to stay together. */
static bool msi_can_move(const struct irq *irq, bool new_vector)
{
    return irq->msi->msix || (!new_vector && irq->msi->count == 1);
}

static const struct irq_chip msi_chip = {
    .name = "msi",
    .mask = msi_mask,
    .unmask = msi_unmask,
    .route = msi_route,
    .can_move = msi_can_move,
};

/* --- setting up; pci_lock held */

static struct msi_source *source_find(struct pci_device *device, bool msix, u32 entry)
{
    struct msi_source *s;
    list_for_each (s, &device->sources, node)
        if (s->msix == msix && (!msix || s->entry == entry))
            return s;
    return NULL;
}

static bool sources_any(struct pci_device *device, bool msix)
{
    struct msi_source *s;
    list_for_each (s, &device->sources, node)
        if (s->msix == msix)
            return true;
    return false;
}

/* What a memory BAR holds; 0: it is none. */
static paddr_t bar_address(struct pci_address a, u32 bar)
{
    if (bar >= PCI_NR_BARS)
        return 0;
    u32 low = pci_read(a, PCI_REG_BAR0 + 4 * bar, 4);
    if (low == ~0u || low & BAR_IO)
        return 0;
    paddr_t address = low & ~BAR_FLAGS;
    if ((low & BAR_TYPE) != BAR_64)
        return address;
    if (bar + 1 == PCI_NR_BARS)
        return 0;
    return address | (paddr_t)pci_read(a, PCI_REG_BAR0 + 4 * (bar + 1), 4) << 32;
}

/*
 * What is written there must hit a device, and none that is the hypervisor's: so it must be where
 * domain 0 may write itself, which is nowhere beyond the processor's addresses.
 */
static bool entry_is_device(paddr_t entry)
{
    mfn_t first = mfn_of_paddr(entry), last = mfn_of_paddr(entry + MSIX_ENTRY_BYTES - 1);
    return entry % MSIX_ENTRY_ALIGN == 0 && !mfn_is_ram(first) && !mfn_is_ram(last) &&
           rangeset_contains(&hardware_domain->iomem, first.v, last.v);
}

/*
 * The MSI-X entry, mapped. The table lies where the device's BAR says; only a virtual function has
 * no BARs of its own, and there domain 0's word is taken.
 */
static int msix_map_entry(struct msi_source *s, const struct msi_request *r)
{
    struct pci_address a = r->device->address;
    u32 control = pci_read(a, s->capability + MSIX_CONTROL, 2);
    if (r->entry > (control & MSIX_CONTROL_COUNT))
        return -EINVAL;
    if (!r->device->is_virtual && !(pci_read(a, PCI_REG_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return -ENXIO;
    u32 where = pci_read(a, s->capability + MSIX_TABLE, 4);
    paddr_t base = r->device->is_virtual ? r->table_base : bar_address(a, where & MSIX_TABLE_BAR);
    paddr_t entry = base + (where & ~MSIX_TABLE_BAR) + r->entry * MSIX_ENTRY_BYTES;
    if (!base || entry < base || !entry_is_device(entry))
        return -EINVAL;
    if (r->table_base && r->table_base != base)
        log_guest(LOG_WARNING, "msi: domain 0 takes the BAR at %#lx for %#lx", (unsigned long)base,
                  (unsigned long)r->table_base);
    s->table = map_device(entry, MSIX_ENTRY_BYTES);
    if (!s->table)
        return -ENOMEM;
    s->table[MSIX_ENTRY_CONTROL] = MSIX_ENTRY_MASKED;
    s->entry = r->entry;
    s->maskable = true;
    return 0;
}

/* Domain 0 may have turned it on before; quiet until it does so again. */
static void msi_set_control(const struct msi_source *s, u32 count_log2)
{
    struct pci_address a = s->device->address;
    u32 control = pci_read(a, s->capability + MSI_CONTROL, 2);
    control &= ~((u32)MSI_CONTROL_ENABLE | MSI_COUNT_MASK << MSI_ENABLED_SHIFT);
    pci_write(a, s->capability + MSI_CONTROL, 2, control | count_log2 << MSI_ENABLED_SHIFT);
}

static int msi_prepare_block(struct msi_source *s, const struct msi_request *r)
{
    u32 control = pci_read(r->device->address, s->capability + MSI_CONTROL, 2);
    u32 capable = MIN(control >> MSI_CAPABLE_SHIFT & MSI_COUNT_MASK, MSI_MESSAGES_LOG2_MAX);
    if (r->count > 1u << capable)
        return -EINVAL;
    s->wide = control & MSI_CONTROL_64;
    s->maskable = control & MSI_CONTROL_MASKABLE;
    s->mask_bits = ~0u;
    msi_set_control(s, (u32)__builtin_ctz(r->count));
    if (s->maskable)
        msi_write_masks(s);
    return 0;
}

static void source_free(struct msi_source *s)
{
    if (s->table)
        map_remove((void *)s->table, MSIX_ENTRY_BYTES);
    object_free(s);
}

/* Numbers and vectors for the source. */
static int source_take_irqs(struct msi_source *s, const struct msi_request *r)
{
    u32 number = irq_numbers_alloc(r->count, &msi_chip);
    if (!number)
        return -ENOSPC;
    struct irq *first = irq_of(number);
    int error = irq_vectors_alloc(first, r->count, irq_cpu_near(r->cpu));
    for (u32 i = 0; i < r->count; i++) {
        struct irq *irq = first + i;
        spin_lock(&irq->lock);
        if (error) {
            irq_number_free(irq);
        } else {
            irq->msi = s;
            irq->msi_index = i;
            irq->level = irq->active_low = false;
        }
        spin_unlock(&irq->lock);
    }
    s->first_irq = number;
    s->count = s->live = r->count;
    return error;
}

int msi_map(const struct msi_request *r, u32 *irq)
{
    struct pci_device *device = r->device;
    u32 capability = pci_find_capability(device->address, r->msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
    if (!capability)
        return -ENODEV;
    if (source_find(device, r->msix, r->entry))
        return -EEXIST;
    /* A device sends by one of the two only (PCI 3.0, 6.8). */
    if (sources_any(device, !r->msix))
        return -EBUSY;
    struct msi_source *s = object_new(struct msi_source);
    if (!s)
        return -ENOMEM;
    s->device = device;
    s->capability = capability;
    s->msix = r->msix;
    int error = r->msix ? msix_map_entry(s, r) : msi_prepare_block(s, r);
    if (!error)
        error = source_take_irqs(s, r);
    if (error) {
        source_free(s);
        return error;
    }
    msi_route(irq_of(s->first_irq));
    list_push_back(&device->sources, &s->node);
    device->nr_msi_irqs += r->count;
    *irq = s->first_irq;
    return 0;
}

u32 msi_block_count(const struct irq *irq)
{
    return irq->msi->count;
}

void msi_unmap(struct irq *irq)
{
    spin_lock(&pci_lock);
    struct msi_source *s = irq->msi;
    /* Not one of a block's vectors may have a new owner while the device still sends. */
    if (s->live == s->count && !s->msix)
        msi_set_control(s, 0);
    bool last = --s->live == 0;
    spin_lock(&irq->lock);
    message_set_mask(irq, true);
    irq_vectors_free(irq);
    irq_number_free(irq);
    spin_unlock(&irq->lock);
    s->device->nr_msi_irqs--;
    if (last) {
        list_remove(&s->node);
        source_free(s);
    }
    spin_unlock(&pci_lock);
}

/* The mask bits of MSI are the source's, those of MSI-X follow from the IRQ's. */
static void source_restore(struct msi_source *s)
{
    struct irq *irq = irq_of(s->first_irq);
    spin_lock(&irq->lock);
    spin_lock(&chip_lock);
    if (s->msix) {
        s->table[MSIX_ENTRY_CONTROL] = MSIX_ENTRY_MASKED;
    } else {
        u32 reg = s->capability + MSI_CONTROL;
        u32 control = pci_read(s->device->address, reg, 2) & ~(MSI_COUNT_MASK << MSI_ENABLED_SHIFT);
        u32 count_log2 = (u32)__builtin_ctz(s->count);
        pci_write(s->device->address, reg, 2, control | count_log2 << MSI_ENABLED_SHIFT);
        if (s->maskable)
            msi_write_masks(s);
    }
    message_write(s);
    if (s->msix && !irq->masked)
        s->table[MSIX_ENTRY_CONTROL] = 0;
    spin_unlock(&chip_lock);
    spin_unlock(&irq->lock);
}

void msi_restore(struct pci_device *device)
{
    struct msi_source *s;
    list_for_each (s, &device->sources, node)
        source_restore(s);
}

int msix_prepare(struct pci_device *device, bool prepare)
{
    if (!pci_find_capability(device->address, PCI_CAP_MSIX))
        return -ENODEV;
    if (sources_any(device, true))
        return -EBUSY;
    device->msix_prepared = prepare;
    return 0;
}
