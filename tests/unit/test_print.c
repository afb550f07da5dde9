/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text_format() against the C library's snprintf(), over random formats and arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/print.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-zero-length"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"

/* Both write into exactly size bytes, so that the sanitizer sees one byte too many. */
#define check(size, ...)                                                                           \
    do {                                                                                           \
        char *ours_ = malloc((size) + 1), *theirs_ = malloc((size) + 1);                           \
        memset(ours_, '#', (size) + 1);                                                            \
        memset(theirs_, '#', (size) + 1);                                                          \
        int a_ = text_format(ours_, (size), __VA_ARGS__);                                          \
        int b_ = snprintf(theirs_, (size), __VA_ARGS__);                                           \
        if (a_ != b_ || memcmp(ours_, theirs_, (size) + 1))                                        \
            fail_msg("ours %d [%.*s], theirs %d [%.*s]", a_, (int)(size), ours_, b_, (int)(size),  \
                     theirs_);                                                                     \
        free(ours_);                                                                               \
        free(theirs_);                                                                             \
    } while (0)

static u64 random_number(void)
{
    u64 n = (u64)random() << 62 | (u64)random() << 31 | (u64)random();
    switch (random() % 6) {
    case 0:
        return n & 0xff;
    case 1:
        return 0;
    case 2:
        return ~0ull;
    case 3:
        return 1ull << (n % 64);
    default:
        return n;
    }
}

/* %[flags][width][.precision] into f; returns its end. */
static char *random_spec(char *f, bool zero_flag)
{
    *f++ = '%';
    for (int i = (int)(random() % 3); i > 0; i--)
        *f++ = (zero_flag ? "-+ #0" : "-")[random() % (zero_flag ? 5 : 1)];
    if (random() % 2)
        f += sprintf(f, "%d", (int)(1 + random() % 30));
    if (random() % 3 == 0)
        f += sprintf(f, ".%d", (int)(random() % 25));
    return f;
}

static void test_integers(void **state)
{
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z"};
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char format[64] = "<";
        const char *length = lengths[random() % ARRAY_SIZE(lengths)];
        char *f = random_spec(format + 1, true);
        f += sprintf(f, "%s", length);
        *f++ = "diuxXo"[random() % 6];
        strcpy(f, ">");
        size_t size = (size_t)(random() % 3 ? 64 : random() % 20);
        u64 n = random_number();
        if (!length[0] || length[0] == 'h')
            check(size, format, (int)n);
        else
            check(size, format, (unsigned long)n);
    }
}

static void test_texts(void **state)
{
    (void)state;
    for (int i = 0; i < 50000; i++) {
        char format[64], text[40];
        size_t length = (size_t)random() % sizeof(text);
        memset(text, 'x', sizeof(text));
        text[length ? length - 1 : 0] = 0;
        char *f = random_spec(format, false);
        strcpy(f, "s|");
        size_t size = (size_t)(random() % 50);
        check(size, format, text);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    check(80, "plain");
    check(80, "%%");
    check(80, "%c%5c%-5c|", 'a', 'b', 'c');
    check(80, "%*d|%-*d|%*d", 7, 1, 7, 2, -7, 3);
    check(80, "%.*s|%.*s", 2, "abcdef", -1, "abc");
    check(80, "%p", (void *)0xffff82d040000000);
    check(0, "%d", 42);
    check(1, "%s", "ab");
    char buffer[16];
    assert_int_equal(text_format(buffer, sizeof(buffer), "%s", (char *)NULL), 6);
    assert_string_equal(buffer, "(null)");
    assert_int_equal(text_format(buffer, sizeof(buffer), "end %"), 4);
    /* No format makes more of a width than a bound. */
    assert_true(text_format(buffer, sizeof(buffer), "%999999999d", 1) <= 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_pieces),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
