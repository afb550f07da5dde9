/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's part of every address space: slots 256-271 of the top-level table, which the ABI
 * keeps from guests (HYPERVISOR_VIRT_START/END). Also used by assembly and the linker script.
 *
 *   slot 256  machine-to-physical table, readable by guests (the ABI's address)
 *   slot 260  per-domain: the running vCPU's GDT and LDT windows
 *   slot 261  the same table writable; mappings (devices, stacks); the image; the frame table
 *   262-271   directmap: all RAM
 */
#ifndef DOMUS_X86_LAYOUT_H
#define DOMUS_X86_LAYOUT_H

#define HYPERVISOR_FIRST_SLOT 256
#define HYPERVISOR_LAST_SLOT  271

#define LAYOUT_START         0xffff800000000000
#define LAYOUT_END           0xffff880000000000 /* exclusive */
#define LAYOUT_RO_M2P        0xffff800000000000
#define LAYOUT_RO_M2P_END    0xffff804000000000
#define LAYOUT_PERDOMAIN     0xffff820000000000
#define LAYOUT_M2P           0xffff828000000000
#define LAYOUT_MAPPINGS      0xffff82c000000000
#define LAYOUT_MAPPINGS_END  0xffff82d000000000
#define LAYOUT_IMAGE         0xffff82d040000000
#define LAYOUT_FRAMES        0xffff82e000000000
#define LAYOUT_DIRECTMAP     0xffff830000000000
#define LAYOUT_DIRECTMAP_END 0xffff880000000000

#define PERDOMAIN_SLOT 260
/*
 * Each vCPU has 2 x 64 KiB of its own there: GDT at +0, LDT at +64 KiB (ABI: 8192 descriptors
 * each).
 */
#define PERDOMAIN_VCPU_SHIFT 17
#define PERDOMAIN_LDT_OFFSET 0x10000

/*
 * Descriptors above this index in a guest's GDT are the hypervisor's (ABI: FIRST_RESERVED_GDT_ENTRY
 * 14*512).
 */
#define GDT_RESERVED_PAGE      14
#define GDT_RESERVED_START     (GDT_RESERVED_PAGE * 512)
#define SELECTOR_HYPERVISOR_CS 0xe008
#define SELECTOR_RING3_CS32    0xe023
#define SELECTOR_RING3_DS      0xe02b
#define SELECTOR_RING3_CS64    0xe033
#define SELECTOR_TSS           0xe040

#define BOOT_LOAD_ADDRESS 0x200000

#endif
