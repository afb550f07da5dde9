/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's ends (arch/cpu.h): restart, by every means in turn; power off; and halt. Called by
 * core/domain.c when domain 0 wants it, by debug keys and by panic(): so restarting takes no locks,
 * allocates nothing and waits for nobody.
 */
#include "arch/cpu.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/cpu.h"
#include "x86/page.h"
#include "x86/panic.h"
#include "x86/pci.h"

/*
 * An access to this port takes about a microsecond on real machines; time_now() may be what is
 * broken.
 */
#define PORT_DELAY  0x80
#define RESET_DELAY 50000u /* accesses: how long a means may take before the next is tried */

/* Keyboard controller (8042): its output port's bit 0 is the processor's reset line. */
#define PORT_8042      0x64
#define KEYBOARD_FULL  BIT(1) /* of the status */
#define KEYBOARD_RESET 0xfe
#define KEYBOARD_LOOKS 10000u

/* Reset control register of PC chipsets (Intel ICH10 data sheet, 13.7.5). */
#define PORT_RESET   0xcf9
#define RESET_SYSTEM BIT(1) /* a hard reset, when next bit 2 goes from 0 to 1 */
#define RESET_CPU    BIT(2)

/* A reset register in PCI configuration space (ACPI 6.4, table 5.1): on bus 0. */
#define PCI_ADDRESS_DEVICE(a)   ((u32)((a) >> 32) & 0x1f)
#define PCI_ADDRESS_FUNCTION(a) ((u32)((a) >> 16) & 0x7)
#define PCI_ADDRESS_OFFSET(a)   ((u32)(a)&0xff)

static volatile u8 *reset_window; /* the reset register, if it lies in memory */

init_text void reset_init(void)
{
    const struct acpi_fadt_info *fadt = &acpi_info.fadt;
    if (fadt->has_reset_register && fadt->reset_register.space == ACPI_SPACE_MEMORY)
        reset_window = map_device(fadt->reset_register.address, sizeof(*reset_window));
}

#define CACHE_LINE 64u /* no x86-64 processor has shorter ones */

void memory_write_back(const void *p, size_t bytes)
{
    const char *end = (const char *)p + bytes;
    for (const char *line = p; line < end; line += CACHE_LINE)
        __asm__ volatile("clflush %0" : : "m"(*line) : "memory");
    __asm__ volatile("mfence" : : : "memory");
}

static void wait(u32 accesses)
{
    for (u32 i = 0; i < accesses; i++)
        (void)port_in8(PORT_DELAY);
}

/* Around the lock that guards the two ports: its holder may be stopped for good. */
static void pci_write(u64 address, u8 value)
{
    u32 offset = PCI_ADDRESS_OFFSET(address);
    u32 devfn = PCI_ADDRESS_DEVICE(address) << 3 | PCI_ADDRESS_FUNCTION(address);
    port_out32(PCI_PORT_ADDRESS, PCI_CF8(0, devfn, offset));
    port_out8((u16)(PCI_PORT_DATA + offset % sizeof(u32)), value);
}

bool acpi_reset(void)
{
    const struct acpi_fadt_info *fadt = &acpi_info.fadt;
    const struct acpi_register *r = &fadt->reset_register;
    if (!fadt->has_reset_register)
        return false;
    if (r->space == ACPI_SPACE_IO)
        port_out8((u16)r->address, fadt->reset_value);
    else if (r->space == ACPI_SPACE_PCI)
        pci_write(r->address, fadt->reset_value);
    else if (reset_window)
        *reset_window = fadt->reset_value;
    else
        return false;
    wait(RESET_DELAY);
    return true;
}

static void keyboard_reset(void)
{
    if (acpi_info.fadt.no_8042)
        return;
    for (u32 i = 0; i < KEYBOARD_LOOKS && port_in8(PORT_8042) & KEYBOARD_FULL; i++)
        wait(1);
    port_out8(PORT_8042, KEYBOARD_RESET);
    wait(RESET_DELAY);
}

static void chipset_reset(void)
{
    port_out8(PORT_RESET, RESET_SYSTEM);
    wait(1);
    port_out8(PORT_RESET, RESET_SYSTEM | RESET_CPU);
    wait(RESET_DELAY);
}

/* An exception while there is no handler for it, nor for the one that this causes, shuts the
 * processor down, which resets the machine (AMD APM vol. 2, 8.2.9). */
static noreturn void triple_fault(void)
{
    static const struct {
        u16 limit;
        u64 base;
    } packed nothing = {0};
    for (;;)
        __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing));
}

void machine_restart(void)
{
    __asm__ volatile("cli");
    (void)acpi_reset();
    keyboard_reset();
    chipset_reset();
    triple_fault();
}

static void cpu_stop(void *data)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void machine_halt(void)
{
    watchdog_stop();
    /* The last that it does is to stop this CPU, too: nobody waits for the others' answers. */
    cpu_call(&cpu_online_mask, cpu_stop, NULL);
    cpu_stop(NULL);
    __builtin_unreachable();
}

void machine_power_off(void)
{
    int error = acpi_power_off();
    log_error("the machine cannot be turned off: error %d; it is halted", error);
    machine_halt();
}
