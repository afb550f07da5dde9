/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that the tools take out of use: free ones, those of a domain, the hypervisor's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/control.h"
#include "core/domain.h"
#include "errno.h"
#include "tests/unit/host/memory_world.h"

#define ROOM 1025u

static struct domain *owner;
static struct xen_sysctl sys;
static u32 status[ROOM];

bool domain_try_ref(struct domain *d)
{
    return ++d->refs;
}

void domain_put(struct domain *d)
{
    d->refs--;
}

static int setup_group(void **state)
{
    u32 order = 0;
    (void)state;
    memory_world_init();
    memory_world_reset();
    while ((PAGE_SIZE << order) < sizeof(struct domain))
        order++;
    owner = pages_alloc(order);
    owner->id = 7;
    owner->refs = 1;
    owner->max_frames = 100;
    owner->frames_head = owner->frames_tail = FRAME_LINK_END;
    spin_init(&owner->frame_lock, LOCK_FRAME_LIST);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memory_world_reset();
    memset(status, 0x55, sizeof(status));
    return 0;
}

static long call(u32 cmd, u64 mfn, u32 count)
{
    sys.u.page_offline = (struct xen_sysctl_page_offline_op){
        .cmd = cmd, .start = (u32)mfn, .end = (u32)mfn + count - 1, .status.va = (u64)status};
    return sysctl_page_offline_op(NULL, &sys);
}

/* The one command for one frame: its result is 0, its answer that. */
static void check(u32 cmd, u64 mfn, u32 answer)
{
    assert_int_equal(call(cmd, mfn, 1), 0);
    assert_int_equal(status[0], answer);
    assert_int_equal(status[1], 0x55555555);
    status[0] = 0x55555555;
}

static void test_of_nobody(void **state)
{
    (void)state;
    u64 mfn = WORLD_MID_START + 77, free = heap_free_frames();
    check(sysctl_query_page_offline, mfn, 0);
    check(sysctl_page_online, mfn, 0);
    check(sysctl_page_offline, mfn, PG_OFFLINE_OFFLINED);
    check(sysctl_page_offline, mfn, PG_OFFLINE_OFFLINED);
    check(sysctl_query_page_offline, mfn, PG_OFFLINE_STATUS_OFFLINED);
    assert_int_equal(heap_free_frames(), free - 1);
    check(sysctl_page_online, mfn, PG_ONLINE_ONLINED);
    check(sysctl_query_page_offline, mfn, 0);
    assert_int_equal(heap_free_frames(), free);
}

/* It is the domain's as long as that has it. */
static void test_owned(void **state)
{
    (void)state;
    u64 free = heap_free_frames();
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(domain_assign_frames(owner, f, 0), 0);
    u64 mfn = frame_mfn(f).v, count = f->count;
    u32 pending = PG_OFFLINE_PENDING | PG_OFFLINE_OWNED | 7 << PG_OFFLINE_OWNER_SHIFT;
    check(sysctl_page_offline, mfn, pending);
    check(sysctl_query_page_offline, mfn, PG_OFFLINE_STATUS_OFFLINE_PENDING);
    check(sysctl_page_online, mfn, PG_ONLINE_ONLINED);
    check(sysctl_query_page_offline, mfn, 0);
    check(sysctl_page_offline, mfn, pending);
    assert_int_equal(f->count, count);
    assert_true(frame_release(f));
    check(sysctl_query_page_offline, mfn, PG_OFFLINE_STATUS_OFFLINED);
    check(sysctl_page_offline, mfn, PG_OFFLINE_OFFLINED);
    assert_int_equal(heap_free_frames(), free - 1);
    check(sysctl_page_online, mfn, PG_ONLINE_ONLINED);
    assert_int_equal(heap_free_frames(), free);
}

static void test_hypervisors(void **state)
{
    (void)state;
    void *page = page_alloc();
    u64 mfn = virt_to_mfn(page).v;
    check(sysctl_page_offline, mfn,
          PG_OFFLINE_XENPAGE | PG_OFFLINE_PENDING | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT);
    page_free(page);
    check(sysctl_query_page_offline, mfn, PG_OFFLINE_STATUS_OFFLINED);
    check(sysctl_page_online, mfn, PG_ONLINE_ONLINED);
}

static u64 cleared;

static void flush_offlines(void)
{
    memory_world.on_flush = NULL;
    check(sysctl_page_offline, cleared, PG_OFFLINE_OFFLINED);
    check(sysctl_query_page_offline, cleared, PG_OFFLINE_STATUS_OFFLINED);
}

/* One that another CPU is just clearing is nobody's already. */
static void test_cleared(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(4, NODE_ANY, ADDRESS_ANY, 0);
    cleared = frame_mfn(f).v + 3;
    heap_free(f, 4);
    memory_world.on_flush = flush_offlines;
    while (heap_scrub_some())
        continue;
    assert_null(memory_world.on_flush);
    check(sysctl_query_page_offline, cleared, PG_OFFLINE_STATUS_OFFLINED);
    check(sysctl_page_online, cleared, PG_ONLINE_ONLINED);
}

/* Those that are not reached say so; nothing is done if that cannot be said. */
static void test_several(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(2, NODE_ANY, ADDRESS_ANY, 0);
    u64 mfn = frame_mfn(f).v;
    f[2].count = FRAME_NOT_RAM; /* a hole */
    u32 pending = PG_OFFLINE_XENPAGE | PG_OFFLINE_PENDING | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    assert_int_equal(call(sysctl_page_offline, mfn, 4), -EINVAL);
    assert_int_equal(status[0], pending);
    assert_int_equal(status[1], pending);
    assert_int_equal(status[2], PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM);
    assert_int_equal(status[3], 0x01010101);
    assert_int_equal(status[4], 0x55555555);
    assert_int_equal(call(sysctl_page_online, mfn, 3), 0);
    assert_int_equal(status[1], PG_ONLINE_ONLINED);
    assert_int_equal(status[2], 0);
    assert_int_equal(call(sysctl_query_page_offline, mfn + 2, 1), -EINVAL);
    assert_int_equal(status[0], 0x01010101);
    f[2].count = 0;
    heap_free(f, 2);
    for (u32 cmd = sysctl_page_offline; cmd <= sysctl_query_page_offline; cmd++)
        assert_int_equal(call(cmd, 0xfffffff0, 2), -EINVAL);
    assert_int_equal(call(0, WORLD_MID_START, 1), -EINVAL);
    assert_int_equal(call(4, WORLD_MID_START, 1), -EINVAL);
    assert_int_equal(call(sysctl_page_offline, WORLD_MID_START, 0), -EINVAL);
    assert_int_equal(call(sysctl_page_offline, WORLD_MID_START, ROOM), -E2BIG);
    memory_world.copy_fail_after = 2;
    assert_int_equal(call(sysctl_page_offline, WORLD_MID_START, 2), -EFAULT);
    memory_world.copy_fail_after = 4;
    assert_int_equal(call(sysctl_query_page_offline, WORLD_MID_START, 2), -EFAULT);
    assert_int_equal(status[0], 0);
}

static void test_no_room(void **state)
{
    (void)state;
    assert_int_equal(call(sysctl_page_offline, WORLD_MID_START, HEAP_RETIRED_MAX + 1), -ENOSPC);
    assert_int_equal(status[HEAP_RETIRED_MAX - 1], PG_OFFLINE_OFFLINED);
    assert_int_equal(status[HEAP_RETIRED_MAX], 0x01010101);
    assert_int_equal(call(sysctl_page_online, WORLD_MID_START, HEAP_RETIRED_MAX + 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_of_nobody, setup),
        cmocka_unit_test_setup(test_owned, setup),
        cmocka_unit_test_setup(test_hypervisors, setup),
        cmocka_unit_test_setup(test_several, setup),
        cmocka_unit_test_setup(test_no_room, setup),
        cmocka_unit_test_setup(test_cleared, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
