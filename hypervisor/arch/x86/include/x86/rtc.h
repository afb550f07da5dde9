/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's battery-backed calendar, read once at boot for the wall clock. */
#ifndef DOMUS_X86_RTC_H
#define DOMUS_X86_RTC_H

#include "types.h"

/* The clock's registers as they were read, not yet decoded (Motorola MC146818A, tables 2 and 3). */
struct rtc_registers {
    u8 second, minute, hour, day, month, year;
    u8 century; /* 0: the machine has no such register */
    u8 format;  /* register B: binary or decimal, 12 or 24 hours */
};

/* Seconds since 1970-01-01 00:00:00, the clock being taken to show UTC. -EINVAL if the registers do
 * not hold a date and time. */
must_check int rtc_decode(const struct rtc_registers *r, u64 *seconds);

/* The same, read from the clock: after acpi_init(). 0, with a line in the log, if there is no clock
 * or nothing sensible in it. */
u64 rtc_read_unix(void);

#endif
