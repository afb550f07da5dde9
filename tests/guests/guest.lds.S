/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test kernel as one read-write-execute segment at guest-physical 1 MiB, and its notes. */
#include "layout.h"

OUTPUT_FORMAT("elf64-x86-64")
ENTRY(guest_entry)
PHDRS
{
    image PT_LOAD FLAGS(7);
    notes PT_NOTE FLAGS(4);
}
SECTIONS
{
    . = GUEST_VIRT_BASE + GUEST_LOAD_ADDRESS;
    .text : AT(GUEST_LOAD_ADDRESS) { *(.text .text.*) } :image
    .rodata : { *(.rodata .rodata.*) } :image
    .note : { *(.note.Xen) } :image :notes
    . = ALIGN(4096); /* emulators dislike data that is written beside code that runs */
    .data : { *(.data .data.*) } :image
    .bss : { *(.bss .bss.* COMMON) . = ALIGN(4096); } :image
    /DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame*) }
}
