/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits in arrays of words, and the clamp that speculation cannot step over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/bits.h"

#define WORDS 3

static void test_each_bit(void **state)
{
    (void)state;
    for (u64 n = 0; n < WORDS * 64; n++) {
        u64 map[WORDS] = {0};
        assert_false(bit_test_and_set(map, n));
        assert_true(bit_test_and_set(map, n));
        for (u64 k = 0; k < WORDS * 64; k++)
            assert_int_equal(bit_test(map, k), k == n);
        assert_true(bit_test_and_clear(map, n));
        assert_false(bit_test_and_clear(map, n));
        bit_set(map, n);
        assert_true(map[n / 64] == BIT(n % 64));
        bit_clear(map, n);
        assert_true(!map[0] && !map[1] && !map[2]);
    }
}

/* Where the bounds check was passed by mistake, index 0 is used. */
static void test_clamp(void **state)
{
    (void)state;
    const u64 sizes[] = {1, 2, 63, 64, 1ull << 32, ~0ull};
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        u64 size = sizes[s];
        assert_true(index_clamp(0, size) == 0);
        assert_true(index_clamp(size - 1, size) == size - 1);
        assert_true(index_clamp(size / 2, size) == size / 2);
        assert_true(index_clamp(size, size) == 0);
        assert_true(index_clamp(~0ull, size) == 0);
    }
    assert_true(index_clamp(5, 0) == 0);
}

/* The bounds check and its clamp in one. */
static void test_check(void **state)
{
    (void)state;
    const u64 sizes[] = {1, 2, 63, 64, 1ull << 32, ~0ull};
    u64 clamped = 77;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        u64 size = sizes[s], inside[] = {0, size / 2, size - 1};
        for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
            assert_true(index_check(inside[i], size, &clamped) && clamped == inside[i]);
        assert_false(index_check(size, size, &clamped));
        assert_false(index_check(~0ull, size, &clamped));
    }
    assert_false(index_check(0, 0, &clamped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bit),
        cmocka_unit_test(test_clamp),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
