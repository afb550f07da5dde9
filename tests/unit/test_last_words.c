/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Last words: what one run says is heard by the next, and nothing that nobody said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hypervisor/core/last_words.c"

#define SLOTS 16u
#define LINES 100

static u8 area[SLOTS * LAST_WORDS_SLOT];
static char heard[LINES][LAST_WORDS_SLOT + 8];
static u32 nr_heard;

/* What was said reaches memory, whatever the caches do: here it is there at once. */
void memory_write_back(const void *p, size_t bytes)
{
    assert_in_range((uintptr_t)p, (uintptr_t)area, (uintptr_t)area + sizeof(area) - bytes);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list args;
    (void)level;
    assert_in_range(nr_heard, 0, LINES - 1);
    va_start(args, fmt);
    vsnprintf(heard[nr_heard++], sizeof(heard[0]), fmt, args);
    va_end(args);
}

static u32 nr_in_ring;

void log_to_ring(const char *fmt, ...)
{
    (void)fmt;
    nr_in_ring++;
}

static void start(void)
{
    nr_in_ring = 0;
    nr_heard = 0;
    slots = NULL;
    last_words_init(area, sizeof(area));
}

static void say(u32 from, u32 to)
{
    char line[40];
    for (u32 i = from; i < to; i++) {
        int length = snprintf(line, sizeof(line), "line %u", i);
        last_words_add(line, (size_t)length, false);
    }
}

/* The lines between the first and the last, which frame them. */
static void expect_lines(u32 from, u32 to)
{
    char line[40];
    assert_int_equal(nr_heard, to - from + 2);
    for (u32 i = from; i < to; i++) {
        snprintf(line, sizeof(line), "| line %u", i);
        assert_string_equal(heard[1 + i - from], line);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(area, 0, sizeof(area));
    assert_int_equal(option_last_words("all"), 0);
    start();
    assert_int_equal(nr_heard, 0);
    return 0;
}

static void test_few_lines(void **state)
{
    (void)state;
    say(0, 3);
    start();
    expect_lines(0, 3);
    start(); /* heard once only */
    assert_int_equal(nr_heard, 0);
}

static void test_newest_lines(void **state)
{
    (void)state;
    say(0, 3 * SLOTS + 5);
    start();
    expect_lines(2 * SLOTS + 5, 3 * SLOTS + 5);
    assert_string_equal(
        heard[0], "the run before this one did not end in order; of the last of its 53 lines: all");
}

/* Unless it is told otherwise, the console hears of errors only. */
static void test_selection(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        u32 heard, in_ring;
    } rows[] = {{"all", 6, 0}, {"errors", 1, 5}, {"none", 0, 6}};
    assert_int_equal(option_last_words("some"), -EINVAL);
    assert_int_equal(option_last_words(""), -EINVAL);
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(option_last_words(rows[i].value), 0);
        say(0, 3);
        last_words_add("why", 3, true);
        say(4, 6);
        start();
        assert_int_equal(nr_heard, rows[i].heard + 2);
        assert_int_equal(nr_in_ring, rows[i].in_ring);
        if (rows[i].heard == 1)
            assert_string_equal(heard[1], "| why");
    }
}

static void test_forgotten(void **state)
{
    (void)state;
    say(0, 5);
    last_words_forget();
    start();
    assert_int_equal(nr_heard, 0);
}

static void test_long_line_is_cut(void **state)
{
    (void)state;
    char line[2 * LAST_WORDS_SLOT];
    memset(line, 'x', sizeof(line));
    last_words_add(line, sizeof(line), false);
    start();
    assert_int_equal(nr_heard, 3);
    assert_int_equal(strlen(heard[1]), strlen("| ") + sizeof(slots->text));
}

/* A damaged line is left out, and its neighbours are heard. */
static void test_damage(void **state)
{
    (void)state;
    say(0, 5);
    slots[(SLOTS + 2) % SLOTS].text[3] ^= 4;
    start();
    assert_int_equal(nr_heard, 4 + 2);
    assert_string_equal(heard[2], "| line 1");
    assert_string_equal(heard[3], "| line 3");
}

/* Every bit of a slot is vouched for, but for the text beyond its end. */
static void test_each_bit(void **state)
{
    (void)state;
    for (u32 bit = 0; bit < 8 * (offsetof(struct slot, text) + 6); bit++) {
        setup(NULL);
        say(0, 1);
        area[bit / 8] ^= (u8)(1 << bit % 8);
        start();
        assert_int_equal(nr_heard, 0);
    }
}

static void test_rubbish(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(area); i++)
            area[i] = (u8)random();
        for (u32 i = 0; i < SLOTS; i++)
            ((struct slot *)area)[i].magic = MAGIC;
        start();
        assert_int_equal(nr_heard, 0);
    }
}

static void test_without_an_area(void **state)
{
    (void)state;
    slots = NULL;
    say(0, 3);
    last_words_forget();
    start();
    assert_int_equal(nr_heard, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_few_lines, setup),
        cmocka_unit_test_setup(test_newest_lines, setup),
        cmocka_unit_test_setup(test_selection, setup),
        cmocka_unit_test_setup(test_forgotten, setup),
        cmocka_unit_test_setup(test_long_line_is_cut, setup),
        cmocka_unit_test_setup(test_damage, setup),
        cmocka_unit_test_setup(test_each_bit, setup),
        cmocka_unit_test_setup(test_rubbish, setup),
        cmocka_unit_test_setup(test_without_an_area, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
