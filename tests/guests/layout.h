/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a test kernel lies, and the pseudo-vectors of its entries; for C, assembly and the linker
 * script.
 */
#ifndef DOMUS_TESTS_GUESTS_LAYOUT_H
#define DOMUS_TESTS_GUESTS_LAYOUT_H

#define GUEST_VIRT_BASE    0xffffffff80000000
#define GUEST_LOAD_ADDRESS 0x100000

/* Entries that are no exceptions, as struct trap_regs.vector tells them. */
#define ENTRY_SYSCALL   0x100
#define ENTRY_FAILSAFE  0x101
#define ENTRY_EVENT     0x102
#define ENTRY_SYSENTER  0x103
#define ENTRY_SYSCALL32 0x104
#define ENTRY_NMI       0x105

#endif
