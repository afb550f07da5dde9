/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GNTTABOP_set_version against a guest that works on its table with two vCPUs at once, and with
 * several status frames. (What a change of version does to entries: test_grant_table.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/memory.h"
#include "errno.h"
#include "hypervisor/core/grant_private.h"
#include "tests/unit/host/guests.h"

#define MAX_FRAMES (2 * GRANT_FRAMES_PER_STATUS)

static struct domain *guest;

static int setup(void **state)
{
    guests_init();
    guest = guests_domain(5, 1);
    assert_int_equal(grant_domain_init(guest, 2, MAX_FRAMES, 2), 0);
    return 0;
}

static int teardown(void **state)
{
    guest->dying = DOMAIN_DYING;
    assert_int_equal(grant_domain_release_mappings(guest), 0);
    grant_domain_destroy(guest);
    guests_domain_end(guest);
    assert_int_equal(guests_objects_used(), 0);
    assert_int_equal(guests_frames_used(), 0);
    return 0;
}

/* The answer says what the version is then. */
static long set_version(u32 wanted, u32 then)
{
    struct gnttab_set_version op = {.version = wanted};
    long result = hypercall_grant_table_op(current, GNTTABOP_set_version, (vaddr_t)&op, 1, 0, 0, 0);
    assert_int_equal(op.version, then);
    return result;
}

/* The guest's other vCPU tries to map a status frame while it is given up. */
static u32 frames_written, frames_mapped;

static void status_frame_map(struct frame *f)
{
    frames_written++;
    frames_mapped += frame_get(f, guest);
}

static void test_mapped_meanwhile(void **state)
{
    guests.on_frame_written = status_frame_map;
    u32 used = guests_frames_used();
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(set_version(2, 2), 0);
        assert_int_equal(set_version(1, 1), 0);
    }
    guests.on_frame_written = NULL;
    assert_int_equal(frames_written, 3);
    assert_int_equal(frames_mapped, 0);
    assert_int_equal(guests_frames_used(), used);
}

/* Of several status frames the last is mapped: all stay as they are. */
static void test_last_is_mapped(void **state)
{
    mfn_t mfn[2];
    assert_int_equal(set_version(2, 2), 0);
    assert_int_equal(grant_table_frame(guest, XENMAPIDX_grant_table_status | 0, &mfn[0]), 0);
    assert_int_equal(grant_table_frame(guest, XENMAPIDX_grant_table_status | 1, &mfn[1]), 0);
    struct frame *first = frame_of_mfn(mfn[0]), *last = frame_of_mfn(mfn[1]);
    assert_true(frame_get(last, guest));
    assert_int_equal(set_version(1, 2), -EBUSY);
    assert_int_equal(first->count & FRAME_REFS, 1);
    assert_true(frame_get(first, guest)); /* it can be mapped as before */
    frame_put(first);
    frame_put(last);
    assert_int_equal(set_version(1, 1), 0);
    assert_int_equal(guest->grants->nr_status_frames, 0);
}

/* A domain that was made for version 1 only cannot tell that there is another. */
static void test_1_only(void **state)
{
    guest->grants->max_version = 1;
    assert_int_equal(set_version(2, 1), -ENOSYS);
    assert_int_equal(set_version(3, 1), -EINVAL);
    assert_int_equal(set_version(1, 1), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {T(mapped_meanwhile), T(last_is_mapped), T(1_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
