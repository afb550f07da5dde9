/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first instructions: a Multiboot 1 or 2 loader jumps here in 32-bit protected mode without paging.
 * Check that the processor can run us, build the boot page tables, enter 64-bit mode at the linked
 * address, call boot_start(magic, information). Also where application processors start.
 *
 * Boot page tables map the first 4 GiB twice, at 0 (dropped by paging_init) and as directmap, and the
 * image with 2 MiB pages at its linked address.
 *
 * Sources: Multiboot Specification 0.6.96, 3.1; Multiboot2 Specification 2.0, 3.1; AMD APM vol. 2, 14.6.
 */
#include "offsets.h"
#include "x86/layout.h"

#define PHYSICAL(a) ((a) - LAYOUT_IMAGE + BOOT_LOAD_ADDRESS)

#define MULTIBOOT1_MAGIC 0x1badb002
#define MULTIBOOT1_FLAGS 0x00010003 /* pages aligned, memory map, addresses below */
#define MULTIBOOT2_MAGIC 0xe85250d6

#define BOOT_CS32       0x08
#define BOOT_DS         0x10
#define BOOT_CS64       0x18
#define BOOT_L2_PAGES   4  /* 4 GiB */
#define IMAGE_L2_ENTRIES 8 /* 16 MiB */
#define MSR_APIC_BASE     0x1b
#define MSR_X2APIC_ID     0x802
#define APIC_BASE_X2APIC  0x400
#define APIC_BASE_ADDRESS 0xfffff000
#define APIC_ID           0x20 /* register, in bits 24-31 (Intel SDM vol. 3, 10.4.6) */
#define TABLE_FLAGS     0x63 /* present, writable, accessed, dirty */
#define LARGE_FLAGS     0xe3 /* the same and a large page */

/* eax: physical address of the top-level table. Clobbers eax, ecx, edx. */
.macro ENTER_LONG_MODE
    mov %eax, %cr3
    mov $0x20, %eax /* PAE, and nothing that firmware left: five-level paging least of all */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* NXE, LME, SCE */
    wrmsr
    mov %cr0, %eax
    and $0x9fffffff, %eax /* caches on */
    or $0x80010001, %eax /* PG, WP, PE */
    mov %eax, %cr0
.endm

    .section .head, "ax"
    .code32

    .balign 8
multiboot1_header:
    .long MULTIBOOT1_MAGIC
    .long MULTIBOOT1_FLAGS
    .long -(MULTIBOOT1_MAGIC + MULTIBOOT1_FLAGS)
    .long PHYSICAL(multiboot1_header)
    .long PHYSICAL(image_start)
    .long PHYSICAL(load_end)
    .long PHYSICAL(image_end)
    .long PHYSICAL(multiboot_entry)

    .balign 8
multiboot2_header:
    .long MULTIBOOT2_MAGIC
    .long 0 /* i386 */
    .long multiboot2_header_end - multiboot2_header
    .long -(MULTIBOOT2_MAGIC + (multiboot2_header_end - multiboot2_header))
    /* information request: memory map (6), modules (3), command line (1); ACPI copies are optional */
    .balign 8
    .short 1, 0
    .long 8 + 3 * 4
    .long 6, 3, 1
    .balign 8
    .short 6, 0 /* modules on page boundaries */
    .long 8
    .balign 8
    .short 4, 1 /* console: a text screen is supported, none is required */
    .long 12
    .long 2
    .balign 8
    .short 5, 1 /* framebuffer: any mode, for domain 0; UEFI has no text screens */
    .long 20
    .long 0, 0, 0
    .balign 8
    .short 0, 0
    .long 8
multiboot2_header_end:

    .globl multiboot_entry
multiboot_entry:
    cli
    cld
    lgdt PHYSICAL(boot_gdt_pointer)
    ljmp $BOOT_CS32, $PHYSICAL(1f)
1:  mov $BOOT_DS, %ecx
    mov %ecx, %ds
    mov %ecx, %es
    mov %ecx, %ss
    xor %ecx, %ecx
    mov %ecx, %fs
    mov %ecx, %gs
    mov $PHYSICAL(boot_stack_block + STACK_BLOCK_SIZE - CPU_INFO_SIZE), %esp

    /* bss; eax and ebx are the loader's. */
    mov %eax, %esi
    mov $PHYSICAL(bss_start), %edi
    mov $PHYSICAL(image_end), %ecx
    sub %edi, %ecx
    shr $2, %ecx
    xor %eax, %eax
    rep stosl
    mov %esi, PHYSICAL(boot_magic)
    mov %ebx, PHYSICAL(boot_information)

    /* Long mode and no-execute are what we cannot do without. */
    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_long_mode
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode
    bt $20, %edx
    jnc no_nx

    /* First 4 GiB in large pages. */
    mov $PHYSICAL(boot_l2), %edi
    mov $LARGE_FLAGS, %eax
    xor %edx, %edx
1:  mov %eax, (%edi)
    mov %edx, 4(%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 1b
    mov $PHYSICAL(boot_l3_direct), %edi
    mov $PHYSICAL(boot_l2) + TABLE_FLAGS, %eax
    mov $BOOT_L2_PAGES, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 1b
    /* The image. */
    mov $PHYSICAL(boot_l2_image), %edi
    mov $BOOT_LOAD_ADDRESS + LARGE_FLAGS, %eax
    mov $IMAGE_L2_ENTRIES, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    loop 1b
    movl $PHYSICAL(boot_l2_image) + TABLE_FLAGS, PHYSICAL(boot_l3_image) + ((LAYOUT_IMAGE >> 30) & 511) * 8
    movl $PHYSICAL(boot_l3_direct) + TABLE_FLAGS, PHYSICAL(boot_l4)
    movl $PHYSICAL(boot_l3_image) + TABLE_FLAGS, PHYSICAL(boot_l4) + ((LAYOUT_IMAGE >> 39) & 511) * 8
    movl $PHYSICAL(boot_l3_direct) + TABLE_FLAGS, PHYSICAL(boot_l4) + ((LAYOUT_DIRECTMAP >> 39) & 511) * 8

    mov $PHYSICAL(boot_l4), %eax
    ENTER_LONG_MODE
    ljmp $BOOT_CS64, $PHYSICAL(1f)
    .code64
1:  movabs $1f, %rax
    jmp *%rax
1:  mov $BOOT_DS, %ecx
    mov %ecx, %ss
    lea boot_stack_block + STACK_BLOCK_SIZE - CPU_INFO_SIZE(%rip), %rsp
    lgdt boot_gdt_pointer64(%rip)
    mov boot_magic(%rip), %edi
    mov boot_information(%rip), %esi
    xor %ebp, %ebp
    call boot_start
    ud2

    .code32
no_long_mode:
    mov $PHYSICAL(message_no_long_mode), %esi
    jmp early_fail
no_nx:
    mov $PHYSICAL(message_no_nx), %esi
/* esi: a message, printed on COM1 and the text screen; then halt. */
early_fail:
    mov $0xb8000, %edi
1:  lodsb
    test %al, %al
    jz 3f
    mov $0x07, %ah
    mov %ax, (%edi)
    add $2, %edi
    mov %eax, %ebx
    mov $0x10000, %ecx /* wait, bounded, for room in the transmitter */
2:  mov $0x3fd, %dx
    in (%dx), %al
    test $0x20, %al
    loopz 2b
    mov $0x3f8, %dx
    mov %ebx, %eax
    out %al, (%dx)
    jmp 1b
3:  hlt
    jmp 3b

message_no_long_mode:
    .asciz "\r\nDomus cannot start: this processor has no 64-bit (long) mode.\r\n"
message_no_nx:
    .asciz "\r\nDomus cannot start: this processor has no execute-disable (NX) bit, or the firmware hides it.\r\n"

.macro BOOT_GDT
    .quad 0
    .quad 0x00cf9b000000ffff /* BOOT_CS32 */
    .quad 0x00cf93000000ffff /* BOOT_DS */
    .quad 0x00af9b000000ffff /* BOOT_CS64 */
.endm
    .balign 8
boot_gdt:
    BOOT_GDT
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .long PHYSICAL(boot_gdt)
    .balign 8
    .globl boot_gdt_pointer64
boot_gdt_pointer64:
    .short boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

/*
 * Application processors start in real mode in a copy of what lies between ap_start and ap_end, placed
 * on a page below 1 MiB: cs:ip = page:0. The fields at its end are filled in by cpu/smp_boot.c.
 */
    .balign 16
    .globl ap_start, ap_end, ap_cr3, ap_stack
    .code16
ap_start:
    cli
    mov %cs, %ax
    mov %ax, %ds
    xor %ebx, %ebx /* where this copy lies */
    mov %ax, %bx
    shl $4, %ebx
    lgdtl (ap_gdt_pointer - ap_start)
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl *(ap_jump32 - ap_start)
    .code32
ap_32:
    mov $BOOT_DS, %ecx
    mov %ecx, %ds
    mov %ecx, %es
    mov %ecx, %ss
    xor %ecx, %ecx
    mov %ecx, %fs
    mov %ecx, %gs
    /* The own APIC id, and whether it is that of the processor that is waited for. */
    mov $MSR_APIC_BASE, %ecx
    rdmsr
    test $APIC_BASE_X2APIC, %eax
    jnz 1f
    and $APIC_BASE_ADDRESS, %eax
    mov APIC_ID(%eax), %esi
    shr $24, %esi
    jmp 2f
1:  mov $MSR_X2APIC_ID, %ecx
    rdmsr
    mov %eax, %esi
2:  cmp (ap_apic_id - ap_start)(%ebx), %esi
    jne ap_unexpected
    mov (ap_cr3 - ap_start)(%ebx), %eax
    ENTER_LONG_MODE
    ljmp *(ap_jump64 - ap_start)(%ebx)
    .code64
ap_64:
    mov (ap_stack - ap_start)(%rbx), %rsp
    /* Again: if it is still waited for now, that was its stack. */
    cmp (ap_apic_id - ap_start)(%rbx), %esi
    jne ap_unexpected
    movabs $1f, %rax
    jmp *%rax
1:  lgdt boot_gdt_pointer64(%rip)
    xor %ebp, %ebp
    call smp_boot_ap_main
    ud2
ap_unexpected: /* in either mode, and before it touches anything */
    cli
    hlt
    jmp ap_unexpected

    .balign 8
    .globl ap_gdt, ap_gdt_base, ap_apic_id
ap_gdt:
    BOOT_GDT
ap_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
ap_gdt_base:
    .long 0 /* physical address of ap_gdt in this copy */
ap_jump32:
    .long 0 /* physical address of ap_32 in this copy */
    .short BOOT_CS32
    .balign 8
ap_jump64:
    .long 0
    .short BOOT_CS64
    .balign 8
ap_cr3:   .quad 0
ap_stack: .quad 0
ap_apic_id: .long 0
ap_end:
    .globl ap_jump32, ap_jump64
    .globl ap_32, ap_64

    .section .bss.stack, "aw", @nobits
    .balign STACK_BLOCK_SIZE
    .globl boot_stack_block
boot_stack_block:
    .skip STACK_BLOCK_SIZE

    .section .bss.init, "aw", @nobits
    .balign 4096
boot_l2:        .skip 4096 * BOOT_L2_PAGES
boot_l2_image:  .skip 4096

    .section .bss, "aw", @nobits
    .balign 4096
    .globl boot_l4, boot_l3_direct, boot_l3_image
boot_l4:        .skip 4096
boot_l3_direct: .skip 4096
boot_l3_image:  .skip 4096
boot_magic:       .long 0
boot_information: .long 0

    .section .note.GNU-stack, "", @progbits
