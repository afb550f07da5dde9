/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rangesets against a bitmap, at both ends of the numbers, and with memory running out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/heap.h"
#include "errno.h"
#include "lib/rangeset.h"

#define NUMBERS 256

static bool out_of_memory;

void *object_alloc_array(size_t size, size_t n)
{
    return out_of_memory ? NULL : calloc(n, size);
}

void object_free(void *object)
{
    free(object);
}

void cpu_wait(void)
{
}

static bool model[NUMBERS];

static void check_invariants(const struct rangeset *s)
{
    for (u32 i = 0; i < s->count; i++) {
        assert_true(s->ranges[i].first <= s->ranges[i].last);
        if (i)
            assert_true(s->ranges[i].first > s->ranges[i - 1].last + 1);
    }
    assert_true(s->count <= s->capacity);
}

static void check_questions(struct rangeset *s, u64 base, u32 first, u32 last)
{
    bool all = true, any = false;
    for (u32 i = first; i <= last; i++) {
        all &= model[i];
        any |= model[i];
    }
    assert_int_equal(rangeset_contains(s, base + first, base + last), all);
    assert_int_equal(rangeset_overlaps(s, base + first, base + last), any);
}

static void run_model(u64 base)
{
    struct rangeset s;
    rangeset_init(&s);
    memset(model, 0, sizeof(model));
    for (int i = 0; i < 20000; i++) {
        u32 first = (u32)random() % NUMBERS;
        u32 last = MIN(first + (u32)random() % 12, NUMBERS - 1u);
        bool add = random() % 2;
        out_of_memory = random() % 8 == 0;
        int error = add ? rangeset_add(&s, base + first, base + last)
                        : rangeset_remove(&s, base + first, base + last);
        if (!error)
            for (u32 n = first; n <= last; n++)
                model[n] = add;
        else
            assert_true(error == -ENOMEM && out_of_memory);
        check_invariants(&s);
        check_questions(&s, base, first, last);
        first = (u32)random() % NUMBERS;
        check_questions(&s, base, first, MIN(first + (u32)random() % 40, NUMBERS - 1u));
    }
    rangeset_destroy(&s);
}

static void test_model(void **state)
{
    (void)state;
    run_model(0);
    run_model(1ull << 40);
    run_model(~0ull - (NUMBERS - 1));
}

static void test_edges(void **state)
{
    (void)state;
    struct rangeset s;
    out_of_memory = false;
    rangeset_init(&s);
    assert_int_equal(rangeset_add(&s, 2, 1), -EINVAL);
    assert_int_equal(rangeset_remove(&s, 2, 1), -EINVAL);
    assert_false(rangeset_contains(&s, 0, 0));
    assert_int_equal(rangeset_add(&s, 0, ~0ull), 0);
    assert_true(rangeset_contains(&s, 0, ~0ull));
    assert_int_equal(rangeset_remove(&s, 10, 20), 0);
    assert_int_equal(s.count, 2);
    assert_true(rangeset_overlaps(&s, 20, 21));
    assert_false(rangeset_overlaps(&s, 10, 20));
    assert_false(rangeset_contains(&s, 21, 5));
    assert_int_equal(rangeset_remove(&s, 0, ~0ull), 0);
    assert_int_equal(s.count, 0);
    rangeset_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_edges),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
