/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI configuration ports (x86/pci.h): shared by the interrupt code, which programs messages,
 * and by domain 0, whose accesses pv/emulate_io.c carries out here. Owns the lock that keeps an
 * address and its data together.
 */
#include "x86/pci.h"
#include "core/lock.h"
#include "x86/cpu.h"

static struct spinlock pci_port_lock = SPINLOCK_INIT(LOCK_PLATFORM);

u32 pci_cf8_read(u32 cf8, u32 offset, u32 bytes)
{
    u16 port = (u16)(PCI_PORT_DATA + offset);
    u32 value;

    spin_lock(&pci_port_lock);
    port_out32(PCI_PORT_ADDRESS, cf8);
    if (bytes == 1)
        value = port_in8(port);
    else if (bytes == 2)
        value = port_in16(port);
    else
        value = port_in32(port);
    spin_unlock(&pci_port_lock);
    return value;
}

void pci_cf8_write(u32 cf8, u32 offset, u32 bytes, u32 value)
{
    u16 port = (u16)(PCI_PORT_DATA + offset);

    spin_lock(&pci_port_lock);
    port_out32(PCI_PORT_ADDRESS, cf8);
    if (bytes == 1)
        port_out8(port, (u8)value);
    else if (bytes == 2)
        port_out16(port, (u16)value);
    else
        port_out32(port, value);
    spin_unlock(&pci_port_lock);
}
