/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X tables (arch/x86/irq/msi.c) of devices whose configuration space says odd things: Domus
 * writes to a table only where domain 0 may write itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/domain.h"
#include "core/frame.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/apic.h"
#include "x86/irq.h"
#include "x86/page.h"
#include "x86/pci_device.h"

#define PHYSICAL_BITS 40
#define RAM_FIRST     0x100000ull
#define RAM_END       0x40000000ull
#define BAR           0x80000000ull
#define TABLE_BYTES   0x2000u
#define CAPABILITY    0x50u
#define APIC_PAGE     0xfee00000ull
#define IRQ_NUMBER    24u

/* --- the machine around */

static u8 config[256];
static u8 table[TABLE_BYTES];
static paddr_t mapped; /* the entry that was, 0: none */
static struct irq message = {.number = IRQ_NUMBER};
static struct domain dom0 = {.is_hardware = true};
struct domain *hardware_domain = &dom0;
struct spinlock pci_lock = SPINLOCK_INIT(LOCK_PCI);

u32 pci_read(struct pci_address a, u32 reg, u32 bytes)
{
    u32 value = 0;
    memcpy(&value, config + reg, bytes);
    return value;
}

void pci_write(struct pci_address a, u32 reg, u32 bytes, u32 value)
{
    memcpy(config + reg, &value, bytes);
}

u32 pci_find_capability(struct pci_address a, u8 id)
{
    return id == PCI_CAP_MSIX ? CAPABILITY : 0;
}

void *map_device(paddr_t pa, size_t bytes)
{
    mapped = pa;
    return table + pa % TABLE_BYTES;
}

void map_remove(void *p, size_t bytes)
{
}

bool mfn_is_ram(mfn_t mfn)
{
    return paddr_of_mfn(mfn) >= RAM_FIRST && paddr_of_mfn(mfn) < RAM_END;
}

u32 cpu_apic_id(u32 cpu)
{
    return cpu;
}

u32 irq_cpu_near(u32 cpu)
{
    return cpu;
}

u32 irq_numbers_alloc(u32 count, const struct irq_chip *chip)
{
    message.chip = chip;
    return IRQ_NUMBER;
}

void irq_number_free(struct irq *irq)
{
    irq->chip = NULL;
}

struct irq *irq_of(u32 number)
{
    return &message;
}

int irq_vectors_alloc(struct irq *first, u32 count, u32 cpu)
{
    first->vector = VECTOR_DYNAMIC_FIRST;
    return 0;
}

void irq_vectors_free(struct irq *irq)
{
    irq->vector = 0;
}

void cpu_wait(void)
{
}

void *object_alloc(size_t bytes)
{
    return calloc(1, bytes);
}

void *object_alloc_array(size_t size, size_t n)
{
    return calloc(n, size);
}

void object_free(void *object)
{
    free(object);
}

void log_guest(enum log_level level, const char *fmt, ...)
{
}

void panic(const char *fmt, ...)
{
    abort();
}

/* --- */

static void config_set(u32 reg, u32 value)
{
    memcpy(config + reg, &value, sizeof(value));
}

static int setup(void **state)
{
    memset(config, 0, sizeof(config));
    memset(table, 0, sizeof(table));
    mapped = 0;
    config_set(PCI_REG_COMMAND, (u32)PCI_COMMAND_MEMORY);
    config_set(PCI_REG_BAR0, (u32)BAR);
    config[CAPABILITY + 2] = 3; /* 4 entries, from the BAR's start */
    rangeset_init(&dom0.iomem);
    assert_int_equal(rangeset_add(&dom0.iomem, 0, (1ull << (PHYSICAL_BITS - PAGE_SHIFT)) - 1), 0);
    assert_int_equal(rangeset_remove(&dom0.iomem, APIC_PAGE >> PAGE_SHIFT, APIC_PAGE >> PAGE_SHIFT),
                     0);
    return 0;
}

static int teardown(void **state)
{
    rangeset_destroy(&dom0.iomem);
    return 0;
}

/* Ask for a message of a device; one that is granted is given back. */
static int ask(bool is_virtual, u32 entry, paddr_t table_base)
{
    struct pci_device device = {.is_virtual = is_virtual};
    list_init(&device.sources);
    struct msi_request r = {
        .device = &device, .msix = true, .entry = entry, .table_base = table_base, .count = 1};
    u32 irq = 0;
    spin_lock(&pci_lock);
    int error = msi_map(&r, &irq);
    spin_unlock(&pci_lock);
    if (!error) {
        assert_int_equal(irq, IRQ_NUMBER);
        msi_unmap(&message);
    }
    return error;
}

static void test_table_in_bar(void **state)
{
    assert_int_equal(ask(false, 3, BAR), 0);
    assert_int_equal(mapped, BAR + 0x30);
    assert_int_equal(table[0x3c], 1); /* masked */
    assert_int_equal(ask(false, 4, BAR), -EINVAL);
    config_set(PCI_REG_COMMAND, 0);
    assert_int_equal(ask(false, 3, BAR), -ENXIO);
}

static void test_table_in_wide_bar(void **state)
{
    config_set(PCI_REG_BAR0, (u32)BAR | 4);
    config_set(PCI_REG_BAR0 + 4, 0x12);
    assert_int_equal(ask(false, 0, 0), 0);
    assert_int_equal(mapped, 0x12ull << 32 | BAR);
}

/* An address with more bits than the processor has cannot be mapped. */
static void test_table_beyond_addresses(void **state)
{
    config_set(PCI_REG_BAR0, (u32)BAR | 4);
    config_set(PCI_REG_BAR0 + 4, 1u << (PHYSICAL_BITS - 32));
    assert_int_equal(ask(false, 0, 0), -EINVAL);
    assert_int_equal(ask(true, 0, 1ull << 63), -EINVAL);
    assert_int_equal(mapped, 0);
}

/* The last BAR has no other behind it that could be its upper half. */
static void test_wide_bar_at_end(void **state)
{
    config_set(PCI_REG_BAR0 + 4 * (PCI_NR_BARS - 1), (u32)BAR | 4);
    config_set(CAPABILITY + 4, PCI_NR_BARS - 1);
    assert_int_equal(ask(false, 0, 0), -EINVAL);
    assert_int_equal(mapped, 0);
}

static void test_table_in_apic(void **state)
{
    config_set(PCI_REG_BAR0, (u32)APIC_PAGE);
    assert_int_equal(ask(false, 0, 0), -EINVAL);
    assert_int_equal(ask(true, 0, APIC_PAGE), -EINVAL);
    assert_int_equal(mapped, 0);
}

static void test_table_in_ram(void **state)
{
    assert_int_equal(ask(true, 0, RAM_FIRST), -EINVAL);
    assert_int_equal(ask(true, 0, RAM_END - 16), -EINVAL);
    /* Half of the entry is before memory, half of it inside. */
    assert_int_equal(ask(true, 0, RAM_FIRST - 8), -EINVAL);
    assert_int_equal(mapped, 0);
    assert_int_equal(ask(true, 0, RAM_END), 0);
}

/* Not even domain 0's word makes an entry lie where no processor writes at once. */
static void test_table_odd(void **state)
{
    assert_int_equal(ask(true, 0, BAR + 1), -EINVAL);
    assert_int_equal(mapped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table_in_bar, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_in_wide_bar, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_beyond_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_bar_at_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_in_apic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_in_ram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table_odd, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
