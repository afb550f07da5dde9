/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space through its two I/O ports (PCI Local Bus Specification 3.0, 3.2.2.3.2).
 * The pair is one for the machine: each access writes the address port and uses the data port under
 * one lock (rank LOCK_PLATFORM, taken inside).
 */
#ifndef DOMUS_X86_PCI_H
#define DOMUS_X86_PCI_H

#include "types.h"

#define PCI_PORT_ADDRESS 0xcf8
#define PCI_PORT_DATA    0xcfc /* to 0xcff */

/* What the address port takes: enable, bus, device, function, register. */
#define PCI_CF8_ENABLE BIT(31)
#define PCI_CF8(bus, devfn, reg)                                                                   \
    ((u32)(PCI_CF8_ENABLE | (u32)(bus) << 16 | (u32)(devfn) << 8 | ((reg)&0xfc)))

/*
 * Access bytes (1, 2 or 4) at offset (0-3, offset + bytes <= 4) of the 32-bit register that cf8
 * names, as if a program had written cf8 to the address port before. Where there is nothing, reads
 * give all ones.
 */
u32 pci_cf8_read(u32 cf8, u32 offset, u32 bytes);
void pci_cf8_write(u32 cf8, u32 offset, u32 bytes, u32 value);

#endif
