/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real-time clock (x86/rtc.h): an MC146818 or what behaves like one, behind the CMOS ports.
 * Read once at boot; domain 0 sets and reads it afterwards. Chapter and table names are those of
 * the Motorola MC146818A data sheet.
 */
#include "x86/rtc.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/acpi.h"
#include "x86/cmos.h"

#define RTC_SECOND     0x00
#define RTC_MINUTE     0x02
#define RTC_HOUR       0x04
#define RTC_DAY        0x07
#define RTC_MONTH      0x08
#define RTC_YEAR       0x09
#define RTC_REGISTER_A 0x0a
#define RTC_REGISTER_B 0x0b

#define RTC_UPDATING BIT(7) /* register A */
#define RTC_BINARY   BIT(2) /* register B */
#define RTC_24_HOURS BIT(1)
#define RTC_PM       0x80u /* of the hour, in the 12-hour form */

/* An update takes 2 ms at the most, and a look at the clock at least about a microsecond. */
#define UPDATE_LOOKS  20000u
#define READ_ATTEMPTS 8u

/* Without a register for the century, years before this one are of the next. */
#define YEAR_OF_CENTURY_19 70u

#define SECONDS_PER_MINUTE 60u
#define SECONDS_PER_HOUR   3600u
#define SECONDS_PER_DAY    86400u
#define YEAR_EPOCH         1970u
#define YEAR_LAST          2399u /* so that nothing overflows, with room to spare */

static init_text int bcd_decode(u8 value, u32 *out)
{
    u32 tens = value >> 4, ones = value & 0xf;
    *out = tens * 10 + ones;
    return tens > 9 || ones > 9 ? -EINVAL : 0;
}

static init_text int number_decode(const struct rtc_registers *r, u8 value, u32 *out)
{
    *out = value;
    return r->format & RTC_BINARY ? 0 : bcd_decode(value, out);
}

static init_text int hour_decode(const struct rtc_registers *r, u32 *out)
{
    if (r->format & RTC_24_HOURS)
        return number_decode(r, r->hour, out);
    u32 hour;
    if (number_decode(r, r->hour & (u8)~RTC_PM, &hour) || hour < 1 || hour > 12)
        return -EINVAL;
    *out = hour % 12 + (r->hour & RTC_PM ? 12 : 0);
    return 0;
}

static init_text bool is_leap(u32 year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static init_text u32 days_of_month(u32 month, u32 year)
{
    static const u8 days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static init_text u64 days_since_epoch(u32 year, u32 month, u32 day)
{
    u64 days = day - 1;
    for (u32 y = YEAR_EPOCH; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (u32 m = 1; m < month; m++)
        days += days_of_month(m, year);
    return days;
}

/* The century register is in BCD on nearly every machine, and not maintained on some: a value that
 * cannot be is as good as none. */
static init_text u32 year_with_century(const struct rtc_registers *r, u32 year)
{
    u32 century = 0;
    if (!r->century || number_decode(r, r->century, &century) || century < 19 || century > 23)
        century = year < YEAR_OF_CENTURY_19 ? 20 : 19;
    return century * 100 + year;
}

init_text int rtc_decode(const struct rtc_registers *r, u64 *seconds)
{
    u32 second, minute, hour, day, month, year;
    if (number_decode(r, r->second, &second) || number_decode(r, r->minute, &minute) ||
        hour_decode(r, &hour) || number_decode(r, r->day, &day) ||
        number_decode(r, r->month, &month) || number_decode(r, r->year, &year))
        return -EINVAL;
    if (second > 59 || minute > 59 || hour > 23 || month < 1 || month > 12 || year > 99)
        return -EINVAL;
    year = year_with_century(r, year);
    if (year < YEAR_EPOCH || year > YEAR_LAST || day < 1 || day > days_of_month(month, year))
        return -EINVAL;
    *seconds = days_since_epoch(year, month, day) * SECONDS_PER_DAY + hour * SECONDS_PER_HOUR +
               minute * SECONDS_PER_MINUTE + second;
    return 0;
}

/* While it counts on, its registers are undefined ("Update Cycle"). */
static init_text void update_wait(void)
{
    for (u32 i = 0; i < UPDATE_LOOKS; i++)
        if (!(cmos_read(RTC_REGISTER_A) & RTC_UPDATING))
            return;
}

static init_text void registers_read(struct rtc_registers *r)
{
    u8 century = acpi_info.fadt.century & CMOS_INDEX_MASK;
    update_wait();
    *r = (struct rtc_registers){
        .second = cmos_read(RTC_SECOND),
        .minute = cmos_read(RTC_MINUTE),
        .hour = cmos_read(RTC_HOUR),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
        .century = century ? cmos_read(century) : 0,
        .format = cmos_read(RTC_REGISTER_B),
    };
}

init_text u64 rtc_read_unix(void)
{
    if (acpi_info.fadt.no_cmos_rtc) {
        log_warning("rtc: the firmware says that there is none; the clock starts in 1970");
        return 0;
    }
    /* Two readings that agree were not torn by an update between them. */
    struct rtc_registers now, before;
    u64 seconds;
    registers_read(&now);
    for (u32 i = 0; i < READ_ATTEMPTS; i++) {
        before = now;
        registers_read(&now);
        if (memcmp(&now, &before, sizeof(now)))
            continue;
        if (!rtc_decode(&now, &seconds))
            return seconds;
        break;
    }
    log_warning(
        "rtc: it shows %02x-%02x-%02x %02x:%02x:%02x (format %#x), which is no time; the clock "
        "starts in 1970",
        now.year, now.month, now.day, now.hour, now.minute, now.second, now.format);
    return 0;
}
