/* SPDX-License-Identifier: MIT */
/*
 * Types of the ELF notes, named "Xen", by which a kernel image tells how it wants to be loaded; and
 * of those in crash and core dumps. Numbers are stored in 4 or 8 bytes. Constants only; may be used
 * from assembly.
 */
#ifndef DOMUS_ABI_ELFNOTE_H
#define DOMUS_ABI_ELFNOTE_H

#define XEN_ELFNOTE_INFO               0  /* text */
#define XEN_ELFNOTE_ENTRY              1  /* virtual address */
#define XEN_ELFNOTE_HYPERCALL_PAGE     2  /* virtual address of a page to fill */
#define XEN_ELFNOTE_VIRT_BASE          3  /* virtual address of guest frame 0 */
#define XEN_ELFNOTE_PADDR_OFFSET       4  /* to subtract from the ELF physical addresses */
#define XEN_ELFNOTE_XEN_VERSION        5  /* text: "xen-3.0" */
#define XEN_ELFNOTE_GUEST_OS           6  /* text */
#define XEN_ELFNOTE_GUEST_VERSION      7  /* text */
#define XEN_ELFNOTE_LOADER             8  /* text: "generic" */
#define XEN_ELFNOTE_PAE_MODE           9  /* text, 32-bit kernels */
#define XEN_ELFNOTE_FEATURES           10 /* text: names, '!' for required, '|' between */
#define XEN_ELFNOTE_BSD_SYMTAB         11 /* text: "yes" to load the symbol table */
#define XEN_ELFNOTE_HV_START_LOW       12 /* lowest address that the hypervisor may take */
#define XEN_ELFNOTE_L1_MFN_VALID       13 /* pairs of mask and value */
#define XEN_ELFNOTE_SUSPEND_CANCEL     14 /* number: 1 if a suspend may return */
#define XEN_ELFNOTE_INIT_P2M           15 /* virtual address for the initial p2m table */
#define XEN_ELFNOTE_MOD_START_PFN      16 /* number: 1 if the initrd need not be mapped */
#define XEN_ELFNOTE_SUPPORTED_FEATURES 17 /* bitmap of XENFEAT_* */
#define XEN_ELFNOTE_PHYS32_ENTRY       18 /* physical address, 32-bit entry of PVH */
#define XEN_ELFNOTE_MAX                XEN_ELFNOTE_PHYS32_ENTRY

#define XEN_ELFNOTE_CRASH_INFO 0x1000001
#define XEN_ELFNOTE_CRASH_REGS 0x1000002

#define XEN_ELFNOTE_DUMPCORE_NONE           0x2000000
#define XEN_ELFNOTE_DUMPCORE_HEADER         0x2000001
#define XEN_ELFNOTE_DUMPCORE_XEN_VERSION    0x2000002
#define XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION 0x2000003

#endif
