/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hardware domain may touch: all I/O ports, all physical memory that is not RAM and all
 * IRQs, except what the hypervisor drives itself.
 */
#include "core/domain.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/console_devices.h"
#include "x86/cpu.h"
#include "x86/dom0.h"

static const struct range ports_kept[] = {
    {0x20, 0x21},   {0xa0, 0xa1}, /* 8259s */
    {0x40, 0x43},   {0x61, 0x61}, /* PIT */
    {0xcf9, 0xcf9},               /* reset */
    {0xcfc, 0xcff},               /* PCI configuration: emulated */
};

#define PORTS_LAST 0xffff
#define MSI_FIRST  0xfee00000ull /* local APIC and interrupt messages */
#define MSI_LAST   0xfeefffffull
#define HT_FIRST   0xfd00000000ull /* AMD: HyperTransport, interrupts too */
#define HT_LAST    0xffffffffffull
#define IRQS_LAST  0xffff

/* Sets are being filled at boot: only lack of memory can fail. */
static init_text void must(int error)
{
    if (error)
        panic("domain 0 cannot be built: no memory for its permissions (error %d)", error);
}

static init_text void deny_memory(struct domain *d, paddr_t first, paddr_t last)
{
    must(rangeset_remove(&d->iomem, first >> PAGE_SHIFT, last >> PAGE_SHIFT));
}

init_text void dom0_grant_permissions(struct domain *d)
{
    must(rangeset_add(&d->ioports, 0, PORTS_LAST));
    for (u32 i = 0; i < ARRAY_SIZE(ports_kept); i++)
        must(rangeset_remove(&d->ioports, ports_kept[i].first, ports_kept[i].last));
    if (acpi_info.fadt.pm_timer.space == ACPI_SPACE_IO && acpi_info.fadt.pm_timer.address)
        must(rangeset_remove(&d->ioports, acpi_info.fadt.pm_timer.address,
                             acpi_info.fadt.pm_timer.address + 3));

    for (u32 i = 0; i < NR_SERIALS; i++) {
        u16 first, last;
        u32 gsi;
        if (serial_resources(i, &first, &last, &gsi))
            must(rangeset_remove(&d->ioports, first, last));
    }

    must(rangeset_add(&d->iomem, 0, (1ull << (cpu_features.physical_bits - PAGE_SHIFT)) - 1));
    deny_memory(d, MSI_FIRST, MSI_LAST);
    if (cpu_features.amd)
        deny_memory(d, HT_FIRST, HT_LAST);
    for (u32 i = 0; i < acpi_info.nr_ioapics; i++)
        deny_memory(d, acpi_info.ioapics[i].address, acpi_info.ioapics[i].address);

    must(rangeset_add(&d->irqs, 0, IRQS_LAST));
}
