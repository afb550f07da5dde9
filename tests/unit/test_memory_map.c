/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map against a model of single pieces of memory, and the subtraction of ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "errno.h"
#include "lib/print.h"
#include "x86/memory_map.h"

static u32 warnings;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    warnings += level == LOG_WARNING;
}

void panic(const char *fmt, ...)
{
    fail_msg("%s", fmt);
    abort();
}

static struct memory_map map;
static struct memory_range raw[MEMORY_RAW_MAX];

static void check_sound(void)
{
    for (u32 i = 0; i < map.count; i++) {
        const struct memory_range *r = &map.ranges[i];
        assert_true(r->start < r->end && r->end <= MEMORY_END);
        if (r->type == MEMORY_RAM)
            assert_true(r->start % PAGE_SIZE == 0 && r->end % PAGE_SIZE == 0);
        if (i) {
            assert_true(r[-1].end <= r->start);
            assert_false(r[-1].end == r->start && r[-1].type == r->type);
        }
    }
}

/* How bad a type is as RAM, as x86/memory_map.h promises an order at all. */
static u32 badness(u32 type)
{
    static const u32 order[] = {0,
                                MEMORY_RAM,
                                MEMORY_ACPI,
                                MEMORY_NVS,
                                MEMORY_PERSISTENT,
                                MEMORY_RESERVED,
                                MEMORY_UNUSABLE};
    for (u32 i = 0; i < ARRAY_SIZE(order); i++)
        if (order[i] == type)
            return i;
    return 0;
}

#define PIECE  0x400ull /* a quarter of a page */
#define PIECES 256u

static void test_model(void **state)
{
    (void)state;
    static const u32 types[] = {1, 1, 1, 1, 2, 3, 4, 5, 7, 0, 6, 99};
    for (int round = 0; round < 3000; round++) {
        u32 model[PIECES] = {0}, count = 0;
        u32 entries = (u32)random() % 12;
        for (u32 i = 0; i < entries; i++) {
            u32 start = (u32)random() % PIECES, length = (u32)random() % 100;
            u32 type = types[random() % ARRAY_SIZE(types)];
            assert_int_equal(memory_ranges_append(raw, &count, MEMORY_RAW_MAX, start * PIECE,
                                                  length * PIECE, type),
                             0);
            u32 known = badness(type) ? type : MEMORY_RESERVED;
            for (u32 p = start; p < MIN(start + length, PIECES); p++)
                if (badness(known) > badness(model[p]))
                    model[p] = known;
        }
        memory_map_build(&map, raw, count);
        check_sound();
        u64 ram = 0, last_ram = 0;
        for (u32 p = 0; p < PIECES; p += 4) {
            bool whole = true;
            for (u32 i = 0; i < 4; i++) {
                whole &= model[p + i] == MEMORY_RAM;
                const struct memory_range *r = memory_map_find(&map, (p + i) * PIECE);
                if (model[p + i] != MEMORY_RAM)
                    assert_int_equal(r ? r->type : 0, model[p + i]);
            }
            u64 frame = p / 4;
            assert_int_equal(memory_map_is_ram(&map, MFN(frame), MFN(frame)), whole);
            ram += whole ? PAGE_SIZE : 0;
            last_ram = whole ? frame + 1 : last_ram;
        }
        u64 beyond = 0; /* what lies above the model */
        for (u32 i = 0; i < map.count; i++)
            if (map.ranges[i].type == MEMORY_RAM && map.ranges[i].end > PIECES * PIECE)
                beyond += map.ranges[i].end - MAX(map.ranges[i].start, PIECES * PIECE);
        assert_int_equal(memory_map_ram_bytes(&map), ram + beyond);
        if (!beyond)
            assert_int_equal(memory_map_ram_end(&map).v, last_ram);
    }
}

static void test_absurd(void **state)
{
    (void)state;
    u32 count = 0;
    assert_int_equal(memory_ranges_append(raw, &count, 2, 0x1000, ~0ull, MEMORY_RAM), 0);
    assert_int_equal(raw[0].end, MEMORY_END);
    assert_int_equal(memory_ranges_append(raw, &count, 2, 0x1000, 0, MEMORY_RAM), 0);
    assert_int_equal(memory_ranges_append(raw, &count, 2, ~0ull, ~0ull, MEMORY_RAM), 0);
    assert_int_equal(memory_ranges_append(raw, &count, 2, MEMORY_END, 5, MEMORY_RAM), 0);
    assert_int_equal(count, 1);
    assert_int_equal(memory_ranges_append(raw, &count, 2, MEMORY_END - 1, 5, MEMORY_RESERVED), 0);
    assert_int_equal(memory_ranges_append(raw, &count, 2, 0, 5, MEMORY_RAM), -ENOSPC);
    memory_map_build(&map, raw, count);
    check_sound();
    assert_false(memory_map_is_ram(&map, MFN(5), MFN(4)));
    assert_false(memory_map_is_ram(&map, MFN(~0ull), MFN(~0ull)));
    assert_true(memory_map_is_ram(&map, MFN(1), MFN((MEMORY_END >> PAGE_SHIFT) - 2)));
    assert_false(memory_map_is_ram(&map, MFN(1), MFN((MEMORY_END >> PAGE_SHIFT) - 1)));
    memory_map_build(&map, raw, 0);
    assert_int_equal(map.count, 0);
    assert_int_equal(memory_map_ram_end(&map).v, 0);
    assert_int_equal(memory_map_ram_bytes(&map), 0);
}

static void test_too_many(void **state)
{
    (void)state;
    u32 count = 0;
    for (u64 i = 0; i < MEMORY_RAW_MAX; i++)
        assert_int_equal(memory_ranges_append(raw, &count, MEMORY_RAW_MAX, (1000 - i) * 0x4000,
                                              0x2000, MEMORY_RAM),
                         0);
    warnings = 0;
    memory_map_build(&map, raw, count);
    check_sound();
    assert_int_equal(map.count, MEMORY_MAP_MAX);
    assert_int_equal(warnings, 1);
}

static void test_subtract(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct memory_range ranges[8] = {{0, 64, 1}, {80, 200, 1}};
        u32 count = 2;
        bool model[256];
        for (u32 i = 0; i < 256; i++)
            model[i] = i < 64 || (i >= 80 && i < 200);
        for (int i = 0; i < 10; i++) {
            u32 start = (u32)random() % 220, end = start + (u32)random() % 30;
            int error = memory_ranges_subtract(ranges, &count, ARRAY_SIZE(ranges), start, end);
            assert_true(error == 0 || (error == -ENOSPC && count == ARRAY_SIZE(ranges)));
            for (u32 n = start; !error && n < end; n++)
                model[n] = false;
            for (u32 n = 0; n < 256; n++) {
                bool in = false;
                for (u32 r = 0; r < count; r++)
                    in |= n >= ranges[r].start && n < ranges[r].end;
                assert_int_equal(in, model[n]);
            }
            for (u32 r = 1; r < count; r++)
                assert_true(ranges[r - 1].end <= ranges[r].start);
        }
    }
}

/* Domain 0 is told of the bytes that no page holds; the hypervisor does not use them. */
static void test_exact(void **state)
{
    static struct memory_map exact, rounded;
    const struct memory_range raw[] = {
        {.start = 0, .end = 0x9fc00, .type = MEMORY_RAM},
        {.start = 0x9fc00, .end = 0xa0000, .type = MEMORY_RESERVED},
    };
    (void)state;
    memory_map_build(&rounded, raw, 2);
    memory_map_build_exact(&exact, raw, 2);
    assert_int_equal(rounded.ranges[0].end, 0x9f000);
    assert_int_equal(exact.count, 2);
    assert_int_equal(exact.ranges[0].end, 0x9fc00);
    assert_int_equal(exact.ranges[1].start, 0x9fc00);
}

/* What there are no tables for is as if it were not there; what else lies there stays known. */
static void test_limit(void **state)
{
    const u64 end = 1ull << 40;
    static struct memory_map before;
    const struct memory_range raw[] = {
        {.start = 0x100000, .end = 0xc0000000, .type = MEMORY_RAM},
        {.start = 1ull << 32, .end = end + 0x5000, .type = MEMORY_RAM},
        {.start = end + 0x5000, .end = end + 0x6000, .type = MEMORY_RESERVED},
        {.start = 6 * end, .end = 7 * end, .type = MEMORY_RAM},
    };
    (void)state;
    memory_map_build(&map, raw, ARRAY_SIZE(raw));
    before = map;
    warnings = 0;
    memory_map_limit_ram(&map, 8 * end);
    assert_memory_equal(&map, &before, sizeof(map));
    assert_int_equal(warnings, 0);
    memory_map_limit_ram(&map, end);
    check_sound();
    assert_int_equal(warnings, 1);
    assert_int_equal(map.count, 3);
    assert_int_equal(map.ranges[1].end, end);
    assert_int_equal(map.ranges[2].type, MEMORY_RESERVED);
    assert_int_equal(memory_map_ram_end(&map).v, end >> PAGE_SHIFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),    cmocka_unit_test(test_model),
        cmocka_unit_test(test_absurd),   cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_subtract), cmocka_unit_test(test_limit),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
