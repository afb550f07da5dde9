/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock's registers and the battery-backed memory behind them, by index 0-127. */
#ifndef DOMUS_X86_CMOS_H
#define DOMUS_X86_CMOS_H

#include "types.h"

#define CMOS_PORT_INDEX 0x70
#define CMOS_PORT_DATA  0x71
#define CMOS_INDEX_MASK 0x7f /* the index port's top bit masks NMIs: kept clear */

/* Rank LOCK_PLATFORM inside. */
u8 cmos_read(u8 index);
void cmos_write(u8 index, u8 value);

#endif
