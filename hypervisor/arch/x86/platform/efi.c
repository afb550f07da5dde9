/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a UEFI firmware tells (x86/efi.h): the system table with its list of configuration tables,
 * among them ACPI's root pointer, and the memory map. Domain 0's kernel asks for them by
 * XENPF_firmware_info. Read once at boot and constant from then on.
 *
 * The tables lie in memory that the firmware keeps for itself, and stay there.
 */
#include "x86/efi.h"
#include "core/guest_access.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/page.h"

#define SYSTEM_SIGNATURE 0x5453595320494249ull /* "IBI SYST" */
#define CONFIG_MAX       256u                  /* more is not believed */
#define VENDOR_MAX       100u                  /* characters, with the zero */

/* 4.3 */
struct system_table {
    struct efi_header header;
    u64 vendor; /* UCS-2 */
    u32 firmware_revision, pad;
    u64 console_in_handle, console_in, console_out_handle, console_out, error_handle, error;
    u64 runtime_services, boot_services;
    u64 nr_config, config;
};

/* 4.6 */
struct config_table {
    struct xenpf_efi_guid guid;
    u64 address;
};
STATIC_ASSERT(sizeof(struct config_table) == 24);

static const struct xenpf_efi_guid acpi_20_guid = {
    0x8868e871, 0xe4f1, 0x11d3, {0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
static const struct xenpf_efi_guid acpi_10_guid = {
    0xeb9d2d30, 0x2d88, 0x11d3, {0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};

static struct system_table system_table; /* signature 0: there is none */
static u16 vendor[VENDOR_MAX];
static paddr_t rsdp;

/* The loader's memory map, which stays where it is; bytes 0: none. */
static paddr_t map_address;
static u32 map_bytes, map_step;

/* Copy what lies at a physical address. */
static init_text bool firmware_read(void *to, paddr_t pa, size_t bytes)
{
    void *p = map_firmware(pa, bytes);
    if (!p)
        return false;
    memcpy(to, p, bytes);
    map_remove(p, bytes);
    return true;
}

static init_text void vendor_read(void)
{
    for (u32 i = 0; i < VENDOR_MAX - 1; i++)
        if (!firmware_read(&vendor[i], system_table.vendor + i * sizeof(u16), sizeof(u16)) ||
            !vendor[i])
            break;
}

static init_text void config_read(void)
{
    paddr_t old = 0;
    if (system_table.nr_config > CONFIG_MAX) {
        log_warning("efi: %lu configuration tables are not believed",
                    (unsigned long)system_table.nr_config);
        system_table.nr_config = 0;
    }
    for (u64 i = 0; i < system_table.nr_config; i++) {
        struct config_table t;
        if (!firmware_read(&t, system_table.config + i * sizeof(t), sizeof(t)))
            break;
        if (!memcmp(&t.guid, &acpi_20_guid, sizeof(t.guid)))
            rsdp = t.address;
        else if (!memcmp(&t.guid, &acpi_10_guid, sizeof(t.guid)))
            old = t.address;
    }
    if (!rsdp)
        rsdp = old;
}

init_text void efi_init(const struct boot_info *info)
{
    if (!info->efi_system_table || !info->efi_64bit)
        return;
    if (!firmware_read(&system_table, info->efi_system_table, sizeof(system_table)) ||
        system_table.header.signature != SYSTEM_SIGNATURE) {
        system_table = (struct system_table){0}; /* nothing in it is believed */
        log_warning("efi: there is no system table at %#lx", (unsigned long)info->efi_system_table);
        return;
    }
    map_address = info->efi_map;
    map_bytes = info->efi_map_bytes;
    map_step = info->efi_map_step;
    vendor_read();
    config_read();
    log_info("efi: UEFI %u.%u, %lu configuration tables, ACPI's root pointer at %#lx",
             system_table.header.revision >> 16, (system_table.header.revision & 0xffff) / 10,
             (unsigned long)system_table.nr_config, (unsigned long)rsdp);
}

paddr_t efi_rsdp(void)
{
    return rsdp;
}

paddr_t efi_runtime_table(void)
{
    return system_table.runtime_services;
}

bool efi_map_entry(u32 i, struct efi_descriptor *d)
{
    if (!map_bytes || i >= map_bytes / map_step)
        return false;
    memcpy(d, paddr_to_virt(map_address + (u64)i * map_step), sizeof(*d));
    return true;
}

/* --- domain 0's questions */

/* As much as there is room for, ended by a zero where it fits. */
static long vendor_info(union xenpf_efi_info *info)
{
    u32 room = info->vendor.bufsz / sizeof(u16), count = 0;
    while (count < room && count < VENDOR_MAX) {
        if (guest_copy_out(info->vendor.name.va + count * sizeof(u16), &vendor[count], sizeof(u16)))
            return -EFAULT;
        if (!vendor[count++])
            break;
    }
    info->vendor.revision = system_table.firmware_revision;
    return 0;
}

/* The range that holds an address; the size asked for is cut to its end. */
static long memory_info(union xenpf_efi_info *info)
{
    struct efi_descriptor d;
    for (u32 i = 0; efi_map_entry(i, &d); i++) {
        u64 bytes = d.pages << PAGE_SHIFT, inside = info->mem.addr - d.physical;
        if (info->mem.addr < d.physical || inside >= bytes)
            continue;
        info->mem.size = MIN(info->mem.size, bytes - inside);
        info->mem.type = d.type;
        info->mem.attr = d.attributes;
        return 0;
    }
    return -ESRCH;
}

long efi_firmware_info(u32 index, union xenpf_efi_info *info)
{
    if (!system_table.header.signature)
        return -ENOSYS;
    switch (index) {
    case XEN_FW_EFI_VERSION:
        info->version = system_table.header.revision;
        return 0;
    case XEN_FW_EFI_RT_VERSION:
        info->version = efi_runtime_revision();
        return info->version ? 0 : -EOPNOTSUPP;
    case XEN_FW_EFI_CONFIG_TABLE:
        info->cfg.addr = system_table.config;
        info->cfg.nent = (u32)system_table.nr_config;
        return 0;
    case XEN_FW_EFI_VENDOR:
        return vendor_info(info);
    case XEN_FW_EFI_MEM_INFO:
        return memory_info(info);
    case XEN_FW_EFI_PCI_ROM: /* what only boot services know was not asked */
        return -ESRCH;
    case XEN_FW_EFI_APPLE_PROPERTIES:
        return -ENODATA;
    default:
        return -EINVAL;
    }
}
