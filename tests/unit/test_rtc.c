/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock (arch/x86/platform/rtc.c) against the C library's calendar, and clocks that
 * are broken, absent, or in the middle of an update. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "errno.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/cmos.h"
#include "x86/rtc.h"

#define CENTURY_INDEX 0x32
#define FORMAT_BINARY 4u
#define FORMAT_24     2u

struct acpi_info acpi_info;
static u8 cmos[128];
static u32 warnings, reads, updating, tick_at;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    warnings += level == LOG_WARNING;
}

u8 cmos_read(u8 index)
{
    reads++;
    assert_true(index < sizeof(cmos));
    if (index == 0x0a)
        return updating && updating-- ? 0x80 : 0;
    if (reads == tick_at) { /* midnight */
        cmos[0] = cmos[2] = cmos[4] = 0;
        cmos[7]++;
    }
    return cmos[index];
}

static int setup(void **state)
{
    (void)state;
    warnings = reads = updating = tick_at = 0;
    acpi_info.fadt.no_cmos_rtc = false;
    acpi_info.fadt.century = CENTURY_INDEX;
    return 0;
}

static u8 encode(int value, u32 format)
{
    return (u8)(format & FORMAT_BINARY ? value : value / 10 << 4 | value % 10);
}

static void clock_set(const struct tm *t, u32 format)
{
    u8 pm = 0;
    int hour = t->tm_hour;
    if (!(format & FORMAT_24)) {
        pm = hour >= 12 ? 0x80 : 0;
        hour = hour % 12 ? hour % 12 : 12;
    }
    cmos[0] = encode(t->tm_sec, format);
    cmos[2] = encode(t->tm_min, format);
    cmos[4] = encode(hour, format) | pm;
    cmos[7] = encode(t->tm_mday, format);
    cmos[8] = encode(t->tm_mon + 1, format);
    cmos[9] = encode(t->tm_year % 100, format);
    cmos[0x0b] = (u8)format;
    cmos[CENTURY_INDEX] = encode(19 + t->tm_year / 100, format);
}

/* Every fifth hour or so for four centuries, in all four formats. */
static void calendar(void **state)
{
    (void)state;
    for (time_t at = 0; at < 13569465600; at += 20123) {
        struct tm t;
        u32 format = (u32)(at / 7 % 4) << 1;
        gmtime_r(&at, &t);
        clock_set(&t, format);
        assert_int_equal(rtc_read_unix(), at);
    }
    assert_int_equal(warnings, 0);
}

static void century(void **state)
{
    (void)state;
    struct tm t = {.tm_year = 99, .tm_mon = 11, .tm_mday = 31, .tm_hour = 23};
    clock_set(&t, FORMAT_24);
    cmos[CENTURY_INDEX] = 0xff; /* not a number */
    assert_int_equal(rtc_read_unix(), 946681200);
    acpi_info.fadt.century = 0;
    assert_int_equal(rtc_read_unix(), 946681200);
    t.tm_year = 124;
    t.tm_mon = 1;
    t.tm_mday = 29;
    clock_set(&t, FORMAT_24);
    assert_int_equal(rtc_read_unix(), 1709247600);
    cmos[9] = 0x23; /* no leap year */
    assert_int_equal(rtc_read_unix(), 0);
    assert_int_equal(warnings, 1);
}

static void invalid(void **state)
{
    (void)state;
    static const struct {
        u8 index, value, format;
    } bad[] = {{0, 0x60, 2}, {0, 0x5a, 2}, {2, 60, 6},   {4, 0x24, 2}, {4, 0x00, 0}, {4, 0x13, 0},
               {7, 0, 2},    {7, 0x31, 2}, {8, 0x13, 2}, {8, 0, 6},    {9, 0xff, 2}, {9, 100, 6}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        struct tm t = {.tm_year = 126, .tm_mon = 5, .tm_mday = 1};
        clock_set(&t, bad[i].format);
        cmos[bad[i].index] = bad[i].value;
        assert_int_equal(rtc_read_unix(), 0);
        assert_int_equal(warnings, i + 1);
    }
    acpi_info.fadt.no_cmos_rtc = true;
    reads = 0;
    assert_int_equal(rtc_read_unix(), 0);
    assert_int_equal(reads, 0);
}

static void torn(void **state)
{
    (void)state;
    struct tm t = {
        .tm_year = 126, .tm_mon = 6, .tm_mday = 3, .tm_hour = 23, .tm_min = 59, .tm_sec = 59};
    u64 before = (u64)timegm(&t);
    for (u32 at = 1; at < 30; at++) {
        clock_set(&t, FORMAT_24 | FORMAT_BINARY);
        reads = 0;
        tick_at = at;
        u64 read = rtc_read_unix();
        assert_true(read == before || read == before + 1);
    }
    tick_at = 0;
    clock_set(&t, FORMAT_24);
    updating = 100;
    assert_int_equal(rtc_read_unix(), before);
    updating = ~0u; /* for ever: it ends all the same */
    assert_int_equal(rtc_read_unix(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(calendar, setup),
        cmocka_unit_test_setup(century, setup),
        cmocka_unit_test_setup(invalid, setup),
        cmocka_unit_test_setup(torn, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
