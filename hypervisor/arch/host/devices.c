/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands around the processors: an interrupt controller with lines that nothing drives, no PCI
 * device, no firmware, a console that is nothing but the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include "abi/platform.h"
#include "arch/console.h"
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "core/console.h"
#include "core/hypercall.h"
#include "errno.h"
#include "host/machine.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/boot_info.h"
#include "x86/cmos.h"
#include "x86/efi.h"
#include "x86/irq.h"
#include "x86/page.h"
#include "x86/panic.h"
#include "x86/pci.h"
#include "x86/pci_device.h"
#include "x86/speculation.h"
#include "x86/time.h"

#define NR_LINES 24u

struct acpi_info acpi_info;
struct boot_info boot_info;
struct cpumask cpu_online_mask;

/* --- interrupts */

u32 cpus_present = HOST_CPUS;

static void apic_write(u32 reg, u32 value)
{
}

static const struct apic_access host_apic = {.name = "simulated", .write = apic_write};
const struct apic_access *apic = &host_apic;

u32 cpu_apic_id(u32 cpu)
{
    return cpu < HOST_CPUS ? cpu : APIC_ID_NONE;
}

u32 cpu_acpi_uid(u32 cpu)
{
    return cpu_apic_id(cpu);
}

bool cpu_takes_device_irqs(u32 cpu)
{
    return cpu < HOST_CPUS;
}

u64 cpu_physical_id(u32 cpu)
{
    return (u64)cpu << 32 | cpu;
}

void apic_send(u32 cpu, u32 vector)
{
    host_processors[cpu].vectors |=
        (u32)(vector == VECTOR_CALL ? HOST_VECTOR_CALL : HOST_VECTOR_SIGNAL);
}

void apic_error_interrupt(void)
{
}

bool apic_in_service(u32 vector)
{
    return false;
}

bool i8259_interrupt(u32 vector)
{
    return false;
}

void cpu_timer_set(nsec_t deadline)
{
    host_processors[cpu_id()].deadline = deadline;
}

static void line_nothing(struct irq *irq)
{
}

static bool line_can_move(const struct irq *irq, bool new_vector)
{
    return true;
}

static const struct irq_chip line_chip = {
    .name = "simulated",
    .mask = line_nothing,
    .unmask = line_nothing,
    .route = line_nothing,
    .can_move = line_can_move,
};

void ioapic_init(void)
{
    nr_gsis = NR_LINES;
}

void ioapic_lines_init(void)
{
    for (u32 i = 0; i < NR_LINES; i++) {
        irq_of(i)->chip = &line_chip;
        irq_of(i)->level = irq_of(i)->active_low = i >= 16;
    }
}

void ioapic_program(struct irq *irq)
{
}

int ioapic_guest_read(paddr_t base, u32 reg, u32 *value)
{
    return -EINVAL;
}

int ioapic_guest_write(paddr_t base, u32 reg, u32 value)
{
    return -EINVAL;
}

void ioapic_set_index_kept(bool kept)
{
}

int msi_map(const struct msi_request *r, u32 *irq)
{
    return -ENODEV;
}

void msi_unmap(struct irq *irq)
{
}

u32 msi_block_count(const struct irq *irq)
{
    return 1;
}

void msi_restore(struct pci_device *device)
{
}

int msix_prepare(struct pci_device *device, bool prepare)
{
    return -ENODEV;
}

/* --- firmware and what else a PC has */

u32 pci_cf8_read(u32 cf8, u32 offset, u32 bytes)
{
    return 0xffffffff;
}

void pci_cf8_write(u32 cf8, u32 offset, u32 bytes, u32 value)
{
}

u8 cmos_read(u8 index)
{
    return 0;
}

void cmos_write(u8 index, u8 value)
{
}

void *map_device(paddr_t pa, size_t bytes)
{
    return NULL;
}

void map_remove(void *p, size_t bytes)
{
}

mfn_t paging_lookup(vaddr_t va)
{
    return INVALID_MFN;
}

long efi_firmware_info(u32 index, union xenpf_efi_info *info)
{
    return -ENODEV;
}

long platform_efi_runtime_op(struct vcpu *v, void *arg);
long platform_enter_acpi_sleep_op(struct vcpu *v, void *arg);

long platform_efi_runtime_op(struct vcpu *v, void *arg)
{
    return -EOPNOTSUPP;
}

long platform_enter_acpi_sleep_op(struct vcpu *v, void *arg)
{
    host_power_off();
}

void speculation_switch(u32 domain)
{
}

u32 symbol_total(void)
{
    return 0;
}

const char *symbol_at(u32 index, u64 *address)
{
    *address = 0;
    return "";
}

const u8 build_id_note_start[32];

/* The one reference to measure the TSC against: time goes on when it is read. */
static u64 reference_start(void)
{
    return SECONDS(1);
}

static u64 reference_read(void)
{
    host_time_advance(MICROSECONDS(1));
    return host_now;
}

const struct time_reference time_hpet = {.name = "reference",
                                         .start = reference_start,
                                         .read = reference_read,
                                         .mask = ~0ull,
                                         .window = MILLISECONDS(1)};

static u64 reference_absent(void)
{
    return 0;
}

const struct time_reference time_pm_24 = {.name = "none", .start = reference_absent};
const struct time_reference time_pm_32 = {.name = "none", .start = reference_absent};
const struct time_reference time_pit = {.name = "none", .start = reference_absent};

/* --- console and power */

static void stderr_write(const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, stderr);
}

static const struct console_device stderr_console = {.name = "stderr", .write = stderr_write};

void arch_console_init(void)
{
    if (getenv("HOST_LOG"))
        console_register(&stderr_console);
}

void arch_console_init_input(void)
{
}

void arch_console_give_to_domain0(void)
{
}

void host_log_show(void)
{
    static char text[4096];
    u64 position = console_ring_start(0, false), next = position;
    size_t bytes;
    while ((bytes = console_ring_read(text, sizeof(text), &next)))
        fwrite(text, 1, bytes, stderr);
}

void machine_halt(void)
{
    host_power_off();
}

void machine_restart(void)
{
    host_power_off();
}

void machine_power_off(void)
{
    host_power_off();
}

void regs_dump(const struct regs *regs)
{
}

void panic(const char *fmt, ...)
{
    va_list args;
    host_log_show();
    fprintf(stderr, "panic on CPU %u: ", host_cpu);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
