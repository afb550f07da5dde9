/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses of a guest the copies in place accept (x86's machine/guest_access.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/guest_access.h"

#define LOWER_END 0x0000800000000000ull
#define FIRST     0xffff800000000000ull /* of the hypervisor's range */
#define LAST      0xffff87ffffffffffull

static bool accepted(vaddr_t va, u64 bytes)
{
    u64 place = 1;
    bool yes = guest_place(va, bytes, &place);
    if (yes)
        assert_int_equal(place, va);
    return yes;
}

static void test_guests_halves(void **state)
{
    (void)state;
    for (u64 bytes = 4; bytes <= 72; bytes += 4) {
        assert_true(accepted(0, bytes));
        assert_true(accepted(0x401000, bytes));
        assert_true(accepted(LOWER_END - bytes, bytes));
        assert_true(accepted(LAST + 1, bytes));
        assert_true(accepted(0xffffffff81000000ull, bytes));
        assert_true(accepted(0ull - bytes, bytes));
    }
}

static void test_others(void **state)
{
    (void)state;
    for (u64 bytes = 4; bytes <= 72; bytes += 4) {
        assert_false(accepted(LOWER_END - bytes + 1, bytes));
        assert_false(accepted(LOWER_END - 1, bytes));
        assert_false(accepted(LOWER_END, bytes));
        assert_false(accepted(1ull << 62, bytes));
        assert_false(accepted(1ull << 63, bytes));
        assert_false(accepted(FIRST - 1, bytes));
        assert_false(accepted(FIRST, bytes));
        assert_false(accepted(0xffff830000000000ull, bytes));
        assert_false(accepted(LAST + 1 - bytes, bytes));
        assert_false(accepted(LAST, bytes));
    }
}

static void test_sizes(void **state)
{
    (void)state;
    assert_true(accepted(0, LOWER_END));
    assert_false(accepted(0, LOWER_END + 1));
    assert_true(accepted(LAST + 1, 0x780000000000ull));
    assert_true(accepted(0x1000, 0));
    assert_false(accepted(FIRST, 0));
    assert_false(accepted(0x1000, ~0ull));
    assert_false(accepted(0x1000, 0ull - 0x1000));
    assert_false(accepted(LAST + 1, 1ull << 63));
    /* From the top of the address space it goes on at 0, where guests are again. */
    assert_true(accepted(~0ull, 2));
    assert_true(accepted(LAST + 1, 0xf80000000000ull));
    assert_false(accepted(LAST + 1, 0xf80000000001ull));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests_halves),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
