/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the stages of starting up: memory before there is a heap, and what the linker knows. */
#ifndef DOMUS_X86_BOOT_H
#define DOMUS_X86_BOOT_H

#include "core/frame.h"
#include "types.h"
#include "x86/boot_info.h"
#include "x86/memory_map.h"

/* What the loader said, and the machine's memory as made of it. */
extern struct boot_info boot_info;
extern struct memory_map machine_memory;
/* The same to the byte: what firmware told, for domain 0. */
extern struct memory_map firmware_memory;

/* The linker script's marks. */
extern u8 image_start[], text_end[], rodata_start[], rodata_end[], init_start[], init_end[],
    load_end[], image_end[], percpu_start[], percpu_end[];

/* Physical address of something in the image. */
extern paddr_t image_physical;
static inline paddr_t image_paddr(const void *p)
{
    return image_physical + (u64)((const u8 *)p - image_start);
}

/* Free physical ranges, before the heap takes them over (boot/boot_memory.c). */
void boot_memory_add(paddr_t start, paddr_t end);
void boot_memory_reserve(paddr_t start, paddr_t end);
/* The same for whole pages that must all be free; false if they are not: nothing has changed. */
bool boot_memory_take(paddr_t start, paddr_t end);
/* bytes aligned to align (a power of two), wholly below limit, from the highest place that has
 * them. Panics if there is none. The contents are whatever was there. */
paddr_t boot_memory_alloc(u64 bytes, u64 align, paddr_t limit);
/* Hand what is left to the heap, node by node. */
void boot_memory_to_heap(void);
/* Give [start, end) to the heap afterwards (image's init part, modules). */
void boot_memory_release(paddr_t start, paddr_t end);
/* How many frames that brings. */
u64 boot_memory_frames(paddr_t start, paddr_t end);

/* mm/paging.c: replace the boot page tables by the final ones; map the frame table and the M2P. */
void paging_init(void);
/* Domains exist: the M2P may be mapped by whoever controls them, read-only, as DOMID_XEN's. */
void paging_share_m2p(void);
/* The heap is there: tables come from it now. */
void paging_heap_ready(void);
/* Drop the identity mapping for good / have it for a while (starting application processors). */
void paging_identity_enable(bool on);
/*
 * A zeroed page for page tables: from boot memory first, then from the heap. NULL if out of memory.
 */
void *table_alloc(void);
/* Map one page of the hypervisor's part at va in hypervisor_l4. -ENOMEM. */
must_check int paging_map(vaddr_t va, mfn_t mfn, u64 flags);
void paging_unmap(vaddr_t va);

/* cpu/cpu_setup.c */
void cpu_setup_boot(void);                /* IDT and descriptors for the boot stack */
must_check int cpu_setup_create(u32 cpu); /* stack, TSS, GDT, SYSCALL stubs of a CPU */
void cpu_setup_load(u32 cpu);             /* on the CPU itself, on its own stack */
void *cpu_setup_stack(u32 cpu);           /* its struct cpu_info */
void alternatives_apply(void);
noreturn void stack_reset_and_jump(void (*function)(void));
noreturn void stack_reset_and_exit(void);
noreturn void stack_switch_and_jump(void *info, void (*function)(void));

/* cpu/smp_boot.c */
void smp_boot_all(void);
/* Set aside the page below 1 MiB that they start in (before the heap). */
void smp_boot_reserve(void);

#endif
