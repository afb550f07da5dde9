/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A UEFI firmware that started the machine: what it leaves for operating systems in its system
 * table, and its runtime services. All of this is 64-bit UEFI's; of a 32-bit one only the boot
 * loader's copy of the ACPI root pointer is used. Sections are those of the UEFI specification 2.9.
 */
#ifndef DOMUS_X86_EFI_H
#define DOMUS_X86_EFI_H

#include "abi/platform.h"
#include "types.h"
#include "x86/boot_info.h"

/* 7.2.3, in a map whose entries may be longer. */
struct efi_descriptor {
    u32 type, pad;
    u64 physical, virtual, pages, attributes;
};
#define EFI_ATTRIBUTE_WB      BIT(3)
#define EFI_ATTRIBUTE_RUNTIME BIT(63) /* a runtime service needs it mapped */

/* Common to all tables of UEFI (4.2.1). */
struct efi_header {
    u64 signature;
    u32 revision, bytes, crc32, reserved;
};

/* On the boot CPU, when map_firmware() works: read the system table, if info tells of one. */
void efi_init(const struct boot_info *info);
/* Where the firmware says the ACPI root pointer is; 0: it does not, or there is no UEFI. */
paddr_t efi_rsdp(void);
/* The firmware's table of runtime services; 0: there is none. */
paddr_t efi_runtime_table(void);
/* Entry i of the memory map that the loader got last; false beyond its end. */
must_check bool efi_map_entry(u32 i, struct efi_descriptor *d);
/* XENPF_firmware_info's XEN_FW_EFI_INFO. -ENOSYS (not started by UEFI), -EOPNOTSUPP, -ESRCH,
 * -ENODATA (nothing of that kind), -EINVAL (no such kind), -EFAULT. */
must_check long efi_firmware_info(u32 index, union xenpf_efi_info *info);

/* --- platform/efi_runtime.c */

/* Prepare the runtime services, after efi_init() and when there is a heap. */
void efi_runtime_init(void);
/* Their table's revision; 0: there are none. */
u32 efi_runtime_revision(void);

#endif
