/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment descriptors (AMD APM vol. 2, 4.7, 4.8) and the loading of descriptor tables. */
#ifndef DOMUS_X86_DESCRIPTORS_H
#define DOMUS_X86_DESCRIPTORS_H

#include "types.h"
#include "x86/layout.h"

#define SELECTOR_HYPERVISOR_DS 0xe010
#define SELECTOR_LDT           0xe050
#define GDT_LIMIT              0xefff

#define DESCRIPTOR_CODE64_RING0 0x00af9b000000ffffull
#define DESCRIPTOR_DATA_RING0   0x00cf93000000ffffull
#define DESCRIPTOR_CODE32_RING3 0x00cffb000000ffffull
#define DESCRIPTOR_DATA_RING3   0x00cff3000000ffffull
#define DESCRIPTOR_CODE64_RING3 0x00affb000000ffffull

#define DESCRIPTOR_TYPE_LDT 2
#define DESCRIPTOR_TYPE_TSS 9 /* available 64-bit TSS */

/* Low half of a 16-byte system descriptor; the high half is base >> 32. limit in bytes - 1. */
static inline u64 descriptor_system_low(u64 base, u32 limit, u64 type)
{
    return (limit & 0xffffull) | (base & 0xffffffull) << 16 | type << 40 | 1ull << 47 |
           (u64)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xffull) << 56;
}

/* On this CPU: a GDT with only the hypervisor's descriptors; the running guest's window. */
void gdt_load_native(void);
void gdt_load_guest(u64 base);
/*
 * The frame with a CPU's reserved descriptors, which stands at GDT_RESERVED_PAGE of every guest's
 * GDT.
 */
mfn_t gdt_page_mfn(u32 cpu);
/* entries 0: none. */
void ldt_load(u64 base, u32 entries);

/* 0, or -EFAULT if the selector cannot be loaded (then the null selector is). */
must_check int segment_load_ds(u16 selector);
must_check int segment_load_es(u16 selector);
must_check int segment_load_fs(u16 selector);
must_check int segment_load_gs(u16 selector);

#endif
