/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boot loader tells, in one form for both of its languages (Multiboot Specification
 * 0.6.96, 3.3; Multiboot2 Specification 2.0, 3.6). Parsed once, at the very start, by a pure
 * function; texts are copied, so that of the loader's memory only modules and the RSDP's copy (in
 * [start, end)) must stay for a while.
 */
#ifndef DOMUS_X86_BOOT_INFO_H
#define DOMUS_X86_BOOT_INFO_H

#include "types.h"
#include "x86/memory_map.h"

#define MULTIBOOT1_BOOT_MAGIC 0x2badb002u
#define MULTIBOOT2_BOOT_MAGIC 0x36d76289u

#define BOOT_MODULES_MAX 8u
/* Bytes of all texts together: command lines of the image and of the modules, the loader's name. */
#define BOOT_TEXT_BYTES 8192u

struct boot_module {
    paddr_t start, end;  /* end exclusive; start < end */
    const char *cmdline; /* never NULL */
};

enum boot_screen_kind { BOOT_SCREEN_UNKNOWN, BOOT_SCREEN_TEXT, BOOT_SCREEN_PIXELS };

/* The mode that the loader left the screen in. */
struct boot_screen {
    enum boot_screen_kind kind;
    paddr_t address;
    u32 width, height; /* characters for TEXT */
    u32 pitch;         /* bytes in a row */
    u32 bits;          /* per pixel */
    u8 red_position, red_bits, green_position, green_bits, blue_position, blue_bits; /* PIXELS */
};

/* Things that were left out, for the log. */
#define BOOT_NOTE_TEXT    BIT(0) /* texts were cut short */
#define BOOT_NOTE_MODULES BIT(1) /* more than BOOT_MODULES_MAX modules, or empty ones */
#define BOOT_NOTE_MEMORY  BIT(2) /* more than MEMORY_RAW_MAX ranges of memory */
#define BOOT_NOTE_TAG     BIT(3) /* a part whose lengths contradict one another was ignored */

struct boot_info {
    u32 protocol;       /* 1 or 2 */
    paddr_t start, end; /* where the loader's information lies (protocol 1: its fixed part) */
    const char *cmdline, *loader; /* never NULL */
    bool named;                   /* command lines begin with the name of a file */
    u32 nr_modules;
    struct boot_module modules[BOOT_MODULES_MAX];
    u32 nr_memory; /* unsorted, as given: memory_map_build() */
    struct memory_range memory[MEMORY_RAW_MAX];
    paddr_t rsdp;             /* of the loader's copy of the ACPI RSDP; 0: none was given */
    u32 rsdp_bytes;           /* of that copy */
    paddr_t efi_system_table; /* 0: no EFI */
    bool efi_64bit;           /* the table is 64-bit UEFI's */
    bool efi_services;        /* boot services are still running */
    paddr_t efi_map;          /* of UEFI's memory map, in [start, end): its first descriptor */
    u32 efi_map_bytes;        /* 0: there is none */
    u32 efi_map_step;         /* bytes from one descriptor to the next */
    struct boot_screen screen;
    u64 notes; /* BOOT_NOTE_* */
    u32 text_used;
    char text[BOOT_TEXT_BYTES];
};

/* The memory at [pa, pa + bytes), or NULL if it cannot be read. */
typedef const void *(*boot_physical_t)(paddr_t pa, size_t bytes);

/*
 * Fill *info from what the loader left: magic (eax) and address (ebx) at entry. 0, or with a reason
 * in *why: -EINVAL (no known loader, or information that contradicts itself), -EFAULT (it cannot be
 * read).
 */
must_check int boot_info_parse(struct boot_info *info, u32 magic, paddr_t address,
                               boot_physical_t physical, const char **why);
/* The notes, in words, to the log. */
void boot_info_report(const struct boot_info *info);

#endif
