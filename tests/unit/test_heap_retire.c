/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are taken out of use: free ones, such as somebody has, such as are just cleared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "errno.h"
#include "tests/unit/host/memory_world.h"

static int setup_group(void **state)
{
    (void)state;
    memory_world_init();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memory_world_reset();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(heap_free_frames(), WORLD_FRAMES);
    return 0;
}

/* All of the memory, once: none of it is a frame that is out of use. */
static void all_is_had_without(const u64 *out, u32 n)
{
    u32 taken = 0;
    static struct frame *all[WORLD_FRAMES];
    for (struct frame *f; (f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, HEAP_NO_SCRUB)) != NULL;) {
        for (u32 i = 0; i < n; i++)
            assert_int_not_equal(frame_mfn(f).v, out[i]);
        all[taken++] = f;
    }
    assert_int_equal(taken, WORLD_FRAMES - n);
    for (u32 i = 0; i < taken; i++)
        heap_free(all[i], 0);
}

/* Free frames go at once, whatever block they lie in, and come back to it. */
static void test_retire_free(void **state)
{
    (void)state;
    const u64 out[] = {WORLD_MID_START + 5, WORLD_MID_START + 6, WORLD_HIGH_END - 1,
                       WORLD_LOW_START};
    for (u32 i = 0; i < ARRAY_SIZE(out); i++) {
        struct frame *f = frame_of_mfn(MFN(out[i]));
        assert_int_equal(HEAP_NOT_RETIRED, heap_retirement(f));
        assert_int_equal(heap_retire(f), 0);
        assert_int_equal(HEAP_RETIRED, heap_retirement(f));
        assert_int_equal(f->count, FRAME_RETIRED);
        assert_int_equal(heap_free_frames(), WORLD_FRAMES - i - 1);
        assert_int_equal(heap_retire(f), 0); /* nothing changes */
        assert_int_equal(heap_free_frames(), WORLD_FRAMES - i - 1);
    }
    all_is_had_without(out, ARRAY_SIZE(out));
    while (heap_scrub_some())
        continue;
    all_is_had_without(out, ARRAY_SIZE(out));
    for (u32 i = 0; i < ARRAY_SIZE(out); i++) {
        assert_true(heap_reinstate(frame_of_mfn(MFN(out[i]))));
        assert_false(heap_reinstate(frame_of_mfn(MFN(out[i]))));
        assert_int_equal(HEAP_NOT_RETIRED, heap_retirement(frame_of_mfn(MFN(out[i]))));
    }
    all_is_had_without(NULL, 0);
}

/* Those of a block that somebody has go when it is freed; nobody reads what is in them later. */
static void test_retire_used(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(4, 0, ADDRESS_ANY, 0);
    u64 mfn = frame_mfn(f).v;
    const u64 out[] = {mfn, mfn + 7, mfn + 8, mfn + 15};
    for (u32 i = 0; i < ARRAY_SIZE(out); i++)
        assert_int_equal(heap_retire(frame_of_mfn(MFN(out[i]))), 0);
    assert_int_equal(f->count, 0);
    assert_int_equal(heap_retirement(f), HEAP_TO_RETIRE);
    assert_true(heap_reinstate(f + 8)); /* thought better of */
    assert_int_equal(heap_retire(f + 8), 0);
    heap_free(f, 4);
    assert_int_equal(heap_free_frames(), WORLD_FRAMES - ARRAY_SIZE(out));
    all_is_had_without(out, ARRAY_SIZE(out));
    memset(memory_world_page(mfn + 7), 0xaa, PAGE_SIZE);
    for (u32 i = 0; i < ARRAY_SIZE(out); i++)
        assert_true(heap_reinstate(frame_of_mfn(MFN(out[i]))));
    f = heap_alloc(4, 0, ADDRESS_ANY, 0);
    assert_int_equal(frame_mfn(f).v, mfn); /* one block again */
    assert_true(memory_world_page_is(mfn + 7, 0));
    heap_free(f, 4);
}

static struct frame *retired_while_cleared;

static void flush_retires(void)
{
    memory_world.on_flush = NULL;
    assert_int_equal(heap_retire(retired_while_cleared), 0);
    assert_int_equal(HEAP_RETIRED, heap_retirement(retired_while_cleared));
    assert_false(retired_while_cleared->count & FRAME_RETIRED);
}

/* What is just being cleared is on no list, and goes when it comes back. */
static void test_retire_beside_scrub(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(4, 0, ADDRESS_ANY, 0);
    heap_free(f, 4);
    retired_while_cleared = f + 3;
    memory_world.on_flush = flush_retires;
    while (heap_scrub_some())
        continue;
    assert_null(memory_world.on_flush);
    assert_int_equal(f[3].count, FRAME_RETIRED);
    assert_int_equal(heap_free_frames(), WORLD_FRAMES - 1);
    assert_true(heap_reinstate(f + 3));
}

static void flush_retires_other(void)
{
    memory_world.on_flush = NULL;
    assert_int_equal(heap_retire(retired_while_cleared), 0);
    assert_int_equal(HEAP_TO_RETIRE, heap_retirement(retired_while_cleared));
}

/* What is just being allocated still looks free, and is somebody's. */
static void test_retire_beside_alloc(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(4, 0, ADDRESS_ANY, 0);
    heap_free(f, 4);
    retired_while_cleared = f + 3;
    memory_world.on_flush = flush_retires_other;
    assert_ptr_equal(heap_alloc(4, 0, ADDRESS_ANY, 0), f);
    assert_null(memory_world.on_flush);
    assert_int_equal(heap_retirement(f + 3), HEAP_TO_RETIRE);
    heap_free(f, 4);
    assert_int_equal(heap_retirement(f + 3), HEAP_RETIRED);
    assert_true(heap_reinstate(f + 3));
}

static void test_retire_too_many(void **state)
{
    (void)state;
    struct frame *f = frame_of_mfn(MFN(WORLD_MID_START));
    for (u32 i = 0; i < HEAP_RETIRED_MAX; i++)
        assert_int_equal(heap_retire(f + i), 0);
    assert_int_equal(heap_retire(f + HEAP_RETIRED_MAX), -ENOSPC);
    assert_int_equal(HEAP_NOT_RETIRED, heap_retirement(f + HEAP_RETIRED_MAX));
    assert_int_equal(heap_retire(f + 1), 0);
    assert_int_equal(heap_free_frames(), WORLD_FRAMES - HEAP_RETIRED_MAX);
    for (u32 i = 0; i < HEAP_RETIRED_MAX; i++)
        assert_true(heap_reinstate(f + i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_retire_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retire_used, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retire_beside_scrub, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retire_beside_alloc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retire_too_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
