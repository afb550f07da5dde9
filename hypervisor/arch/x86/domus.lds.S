/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image: linked at LAYOUT_IMAGE, loaded at BOOT_LOAD_ADDRESS. The file holds the bytes exactly as
 * they lie in memory, so that loaders which go by the Multiboot header's addresses and loaders which
 * go by ELF segments see the same.
 */
#include "x86/layout.h"

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(multiboot_entry)

#define PHYSICAL(a) ((a) - LAYOUT_IMAGE + BOOT_LOAD_ADDRESS)

PHDRS
{
    image PT_LOAD FLAGS(7);
    bss PT_LOAD FLAGS(6); /* apart, so that its alignment does not move the image within the file */
    note PT_NOTE FLAGS(4);
}

SECTIONS
{
    . = LAYOUT_IMAGE;
    image_start = .;
    .text : AT(PHYSICAL(ADDR(.text))) {
        KEEP(*(.head))
        *(.text.entry)
        *(.text .text.*)
        text_end = .;
    } :image
    . = ALIGN(4096);
    .rodata : AT(PHYSICAL(ADDR(.rodata))) {
        rodata_start = .;
        *(.rodata .rodata.*)
        . = ALIGN(8);
        exception_table_start = .;
        KEEP(*(.exception_table))
        exception_table_end = .;
        . = ALIGN(8);
        __options_start = .;
        KEEP(*(.options))
        __options_end = .;
        alternatives_start = .;
        KEEP(*(.alternatives))
        alternatives_end = .;
        . = ALIGN(8);
        *(.symbols)
    } :image
    .note.gnu.build-id : AT(PHYSICAL(ADDR(.note.gnu.build-id))) {
        build_id_note_start = .;
        *(.note.gnu.build-id)
        build_id_note_end = .;
    } :image :note
    . = ALIGN(4096);
    rodata_end = .;
    .data : AT(PHYSICAL(ADDR(.data))) {
        *(.data .data.*)
        *(.got .got.plt .igot.plt)
    } :image
    . = ALIGN(4096);
    .init : AT(PHYSICAL(ADDR(.init))) {
        init_start = .;
        *(.init.text)
        *(.init.data)
        . = ALIGN(4096);
    } :image
    load_end = .;
    .bss.init (NOLOAD) : AT(PHYSICAL(ADDR(.bss.init))) {
        bss_start = .;
        . = ALIGN(0x10000);
        *(.bss.stack)
        *(.bss.init)
        . = ALIGN(4096);
        init_end = .;
    } :bss
    .bss (NOLOAD) : AT(PHYSICAL(ADDR(.bss))) {
        . = ALIGN(128);
        percpu_start = .;
        *(.bss.percpu)
        . = ALIGN(128);
        percpu_end = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
    } :bss
    image_end = .;

    image_start_physical = PHYSICAL(image_start);
    load_end_physical = PHYSICAL(load_end);
    image_end_physical = PHYSICAL(image_end);

    /* Linked at a fixed address: there is nothing to relocate. */
    .rela.dyn 0 : { *(.rela.*) }
    .iplt 0 : { *(.iplt .plt) }
    ASSERT(SIZEOF(.rela.dyn) == 0 && SIZEOF(.iplt) == 0, "the image needs relocation at run time")

    /* For debuggers; not loaded. */
    .debug_info 0 : { *(.debug_info) }
    .debug_abbrev 0 : { *(.debug_abbrev) }
    .debug_aranges 0 : { *(.debug_aranges) }
    .debug_line 0 : { *(.debug_line) }
    .debug_line_str 0 : { *(.debug_line_str) }
    .debug_str 0 : { *(.debug_str) }
    .debug_loclists 0 : { *(.debug_loclists) }
    .debug_rnglists 0 : { *(.debug_rnglists) }
    .debug_frame 0 : { *(.debug_frame) }
    .symtab 0 : { *(.symtab) }
    .strtab 0 : { *(.strtab) }
    .shstrtab 0 : { *(.shstrtab) }

    /DISCARD/ : {
        *(.comment)
        *(.eh_frame)
        *(.note.GNU-stack)
        *(.note.gnu.property)
    }
}
