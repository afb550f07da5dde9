/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CMOS access (x86/cmos.h): for the hypervisor's own reading of the clock, and for domain 0, which
 * sets it (pv/emulate_io.c). Owns the lock that keeps an index and its data together.
 */
#include "x86/cmos.h"
#include "core/lock.h"
#include "x86/cpu.h"

static struct spinlock cmos_lock = SPINLOCK_INIT(LOCK_PLATFORM);

u8 cmos_read(u8 index)
{
    spin_lock(&cmos_lock);
    port_out8(CMOS_PORT_INDEX, index & CMOS_INDEX_MASK);
    u8 value = port_in8(CMOS_PORT_DATA);
    spin_unlock(&cmos_lock);
    return value;
}

void cmos_write(u8 index, u8 value)
{
    spin_lock(&cmos_lock);
    port_out8(CMOS_PORT_INDEX, index & CMOS_INDEX_MASK);
    port_out8(CMOS_PORT_DATA, value);
    spin_unlock(&cmos_lock);
}
