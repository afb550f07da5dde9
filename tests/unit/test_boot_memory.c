/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory before there is a heap, against a map of pages: what is reserved or taken is never given
 * again, and everything else arrives in the heap, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/heap.h"
#include "lib/print.h"
#include "x86/boot.h"

#define PAGES 4096u

enum state { HOLE, FREE, TAKEN, IN_HEAP };
static u8 pages[PAGES];
static u32 warnings;
static u64 random_state;

void heap_add(mfn_t start, mfn_t end)
{
    assert_true(start.v < end.v && end.v <= PAGES);
    for (u64 i = start.v; i < end.v; i++) {
        assert_int_equal(pages[i], FREE);
        pages[i] = IN_HEAP;
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    warnings += level <= LOG_WARNING;
}

noreturn void start_refuse(const char *fmt, ...)
{
    mock_assert(0, "start_refuse", __FILE__, __LINE__);
    abort();
}

noreturn void panic(const char *fmt, ...)
{
    mock_assert(0, "panic", __FILE__, __LINE__);
    abort();
}

static u32 random_below(u32 limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(random_state >> 33) % limit;
}

static void set(paddr_t start, paddr_t end, u8 from, u8 to)
{
    for (u64 i = start >> PAGE_SHIFT; i < end >> PAGE_SHIFT; i++)
        if (pages[i] == from)
            pages[i] = to;
}

static void add(paddr_t start, paddr_t end)
{
    boot_memory_add(start, end);
    set(ROUND_UP(start, PAGE_SIZE), ROUND_DOWN(end, PAGE_SIZE), HOLE, FREE);
}

static void reserve(paddr_t start, paddr_t end)
{
    boot_memory_reserve(start, end);
    set(ROUND_DOWN(start, PAGE_SIZE), ROUND_UP(end, PAGE_SIZE), FREE, TAKEN);
}

/* The highest place that has it. */
static bool find(u64 bytes, u64 align, paddr_t limit, paddr_t *at)
{
    u64 n = DIV_ROUND_UP(bytes, PAGE_SIZE);
    for (u64 i = PAGES + 1; i-- > 0;) {
        u64 k = 0;
        if ((i << PAGE_SHIFT) & (align - 1) || (i + n) << PAGE_SHIFT > limit || i + n > PAGES)
            continue;
        while (k < n && pages[i + k] == FREE)
            k++;
        *at = i << PAGE_SHIFT;
        if (k == n)
            return true;
    }
    return false;
}

static void alloc(u64 bytes, u64 align, paddr_t limit)
{
    paddr_t expected;
    if (!find(bytes, align, limit, &expected)) {
        expect_assert_failure((void)boot_memory_alloc(bytes, align, limit));
        return;
    }
    paddr_t at = boot_memory_alloc(bytes, align, limit);
    assert_int_equal(at, expected);
    set(at, at + ROUND_UP(bytes, PAGE_SIZE), FREE, TAKEN);
}

/* All goes to the heap; nothing is left behind. */
static void finish(void)
{
    boot_memory_to_heap();
    for (u32 i = 0; i < PAGES; i++)
        assert_int_not_equal(pages[i], FREE);
    boot_memory_to_heap(); /* no more */
}

static int setup(void **state)
{
    (void)state;
    memset(pages, HOLE, sizeof(pages));
    warnings = 0;
    random_state = 7;
    return 0;
}

static void test_rounding(void **state)
{
    (void)state;
    add(0x1001, 0x5fff); /* pages 2-4 */
    assert_int_equal(pages[1], HOLE);
    add(0x7800, 0x7fff); /* not a whole one */
    add(0x9000, 0x9000);
    add(0xb000, 0xa000);
    reserve(0x3fff, 0x4001); /* touches pages 3 and 4 */
    assert_int_equal(pages[3], TAKEN);
    assert_int_equal(pages[4], TAKEN);
    finish();
    assert_int_equal(pages[2], IN_HEAP);
}

static void test_alloc(void **state)
{
    (void)state;
    add(0x1000, 0x20000);
    add(0x40000, 0x100000);
    assert_int_equal(boot_memory_alloc(1, 1, ~0ull), 0xff000);
    set(0xff000, 0x100000, FREE, TAKEN);
    assert_int_equal(boot_memory_alloc(0x3000, 0x10000, ~0ull), 0xf0000);
    set(0xf0000, 0xf3000, FREE, TAKEN);
    /* What alignment left over is used. */
    assert_int_equal(boot_memory_alloc(0xc000, PAGE_SIZE, ~0ull), 0xf3000);
    set(0xf3000, 0xff000, FREE, TAKEN);
    assert_int_equal(boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, 0x50000), 0x4f000);
    set(0x4f000, 0x50000, FREE, TAKEN);
    assert_int_equal(boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, 0x4f000), 0x4e000);
    set(0x4e000, 0x4f000, FREE, TAKEN);
    assert_int_equal(boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, 0x30000), 0x1f000);
    set(0x1f000, 0x20000, FREE, TAKEN);
    expect_assert_failure((void)boot_memory_alloc(PAGE_SIZE, PAGE_SIZE, 0x1000));
    expect_assert_failure((void)boot_memory_alloc(MIB(1), PAGE_SIZE, ~0ull));
    expect_assert_failure((void)boot_memory_alloc(PAGE_SIZE, MIB(2), ~0ull));
    finish();
}

static void test_release(void **state)
{
    (void)state;
    pages[0x101] = pages[0x102] = FREE;
    boot_memory_release(0x100800, 0x103800);
    assert_int_equal(pages[0x102], IN_HEAP);
    boot_memory_release(0x105800, 0x105fff); /* no whole page: nothing */
    boot_memory_release(0x5000, 0x8000);     /* the first MiB is nobody's */
}

static void test_too_many_ranges(void **state)
{
    (void)state;
    for (u32 i = 0; i < 300; i++)
        boot_memory_add((paddr_t)i * 0x3000, (paddr_t)i * 0x3000 + 0x1000);
    assert_int_equal(warnings, 300 - 256);
    memset(pages, FREE, sizeof(pages));
    boot_memory_to_heap();
    u32 arrived = 0;
    for (u32 i = 0; i < PAGES; i++)
        arrived += pages[i] == IN_HEAP;
    assert_int_equal(arrived, 256);
}

static void random_run(void)
{
    for (u32 at = random_below(20); at < PAGES; at += 1 + random_below(400)) {
        u32 end = MIN(at + random_below(700), PAGES);
        add(((paddr_t)at << PAGE_SHIFT) + random_below(2) * 5, (paddr_t)end << PAGE_SHIFT);
        at = end;
    }
    for (u32 i = 0; i < 40; i++) {
        paddr_t at = (paddr_t)random_below(PAGES) << PAGE_SHIFT;
        if (random_below(3) == 0)
            reserve(at + random_below(2),
                    MIN(at + random_below(0x40000), (u64)PAGES << PAGE_SHIFT));
        else
            alloc(1 + random_below(0x30000), PAGE_SIZE << random_below(8),
                  random_below(2) ? ~0ull : at);
    }
    assert_int_equal(warnings, 0);
    finish();
}

static void test_random(void **state)
{
    (void)state;
    setup(NULL);
    for (u32 run = 0; run < 200; run++) {
        memset(pages, HOLE, sizeof(pages));
        random_run();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rounding, setup),
        cmocka_unit_test_setup(test_alloc, setup),
        cmocka_unit_test_setup(test_release, setup),
        cmocka_unit_test_setup(test_too_many_ranges, setup),
        cmocka_unit_test_setup(test_random, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
