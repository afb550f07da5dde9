/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory_op as guests see it: growing, shrinking, populating, asking, preempted at every point,
 * with every copy failing once, at the limits; and that frames are neither lost nor had twice,
 * whatever goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/vcpu.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "errno.h"
#include "hypervisor/core/grant_private.h"
#include "tests/unit/host/memory_calls.h"

#define COMMAND_BITS 6

/* --- growing */

static void test_increase(void **state)
{
    (void)state;
    for (u32 order = 0; order <= 2; order++) {
        struct xen_memory_reservation r = reservation(EXTENTS, order);
        u64 before = guest->tot_frames;
        assert_int_equal(memory_op(XENMEM_increase_reservation, &r), EXTENTS);
        assert_int_equal(reissues, 0);
        assert_int_equal(guest->tot_frames - before, (u64)EXTENTS << order);
        assert_int_equal(frames_listed(guest), guest->tot_frames);
        for (u32 i = 0; i < EXTENTS; i++)
            check_extent(guest, list[i], order, INVALID_GFN.v);
    }
    /* The toolstack may want no list. */
    domain_world_run(domain_world.dom0->vcpus[0]);
    struct xen_memory_reservation r = reservation(3, 0);
    r.domid = 7;
    r.extent_start.va = 0;
    u64 before = guest->tot_frames;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 3);
    assert_int_equal(guest->tot_frames, before + 3);
}

static void test_populate(void **state)
{
    (void)state;
    for (u32 order = 0; order <= 9; order += 3) {
        struct xen_memory_reservation r = reservation(3, order);
        for (u32 i = 0; i < 3; i++)
            list[i] = 0x10000 * (order + 1) + (i << order);
        assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 3);
        for (u32 i = 0; i < 3; i++)
            check_extent(guest, list[i], order, 0x10000 * (order + 1) + (i << order));
    }
}

/* What was checked is what is used, though the guest changes it meanwhile. */
static void test_copied_once(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(1, 0);
    memory_world.copied_changes = true;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 1);
    check_extent(guest, list[0], 0, 0x1000);
    r = reservation(1, 3);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 1);
    check_extent(guest, list[0], 3, INVALID_GFN.v);
    memory_world.copied_changes = false;
}

static void check_populated(void)
{
    for (u32 i = 0; i < EXTENTS; i++)
        check_extent(guest, list[i], 0, 0x1000 + 16 * i);
    assert_int_equal(guest->tot_frames, EXTENTS);
}

/* Preempted at every point: once, and always. */
static void test_populate_preempted(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(EXTENTS, 0);
    u32 points = 0;
    for (u32 after = 1;; after++) {
        memory_world.preempt_after = after;
        assert_int_equal(memory_op(XENMEM_populate_physmap, &r), EXTENTS);
        check_populated();
        bool once = reissues == 1;
        again();
        if (!once)
            break;
        points++;
    }
    assert_int_equal(points, EXTENTS / 16); /* every 16 frames */

    u64 a[2] = {XENMEM_populate_physmap, (u64)&r};
    u32 slices = 0;
    do {
        reissued = false;
        memory_world.preempt_after = 1;
        long result = hypercall_memory_op(current, a[0], a[1], 0, 0, 0, 0);
        assert_true(reissued || result == EXTENTS);
        assert_int_equal(reissue_values[1], (u64)&r);
        memcpy(a, reissue_values, sizeof(a));
        slices++;
    } while (reissued);
    assert_int_equal(slices, points + 1);
    check_populated();
}

/* Larger extents ask before each. */
static void test_increase_preempted(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(5, 3);
    for (u32 after = 1; after <= 4; after++) {
        memory_world.preempt_after = after;
        assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 5);
        assert_int_equal(reissues, 1);
        assert_int_equal(guest->tot_frames, 40);
        for (u32 i = 0; i < 5; i++)
            check_extent(guest, list[i], 3, INVALID_GFN.v);
        again();
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(EXTENTS, 1);
    guest->max_frames = 21;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 10);
    assert_int_equal(guest->tot_frames, 20);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    guest->max_frames = ~0ull;

    r = reservation(2, 10); /* too large a piece */
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    r.extent_order = 64;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    r.extent_order = ~0u;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);

    r = reservation((UINT32_MAX >> COMMAND_BITS) + 1, 0); /* more than a continuation can say */
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);

    /* Where an earlier part is said to have got, is where it goes on. */
    r = reservation(5, 0);
    assert_int_equal(memory_op(XENMEM_populate_physmap | 5 << COMMAND_BITS, &r), 5);
    assert_int_equal(memory_op(XENMEM_populate_physmap | 900 << COMMAND_BITS, &r), 900);
    assert_int_equal(guest->tot_frames, 20);
    list[3] = 0x33;
    list[4] = 0x44;
    assert_int_equal(memory_op(XENMEM_populate_physmap | 3 << COMMAND_BITS, &r), 5);
    assert_int_equal(guest->tot_frames, 22);
    check_extent(guest, list[3], 0, 0x33);
    check_extent(guest, list[4], 0, 0x44);
}

/* All that can be done with one extent of the guest's. */
static void large_extent(u32 order)
{
    struct xen_memory_reservation r = reservation(1, order);
    r.domid = guest->id;
    list[0] = 0x20000;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 1);
    check_extent(guest, list[0], order, 0x20000);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1);
    assert_int_equal(guest->tot_frames, 0);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 1);
    check_extent(guest, list[0], order, INVALID_GFN.v);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1);
    assert_int_equal(guest->tot_frames, 0);
}

/* Domain 0 may ask for more than 2 MiB in one piece. */
static void test_large_extents(void **state)
{
    (void)state;
    struct domain *dom0 = domain_world.dom0;
    domain_world_run(dom0->vcpus[0]);
    for (u32 order = 10; order <= 12; order++)
        large_extent(order);
    /* Who owns the devices may have 16 MiB. Beyond, nothing is begun ... */
    dom0->is_control = false;
    struct xen_memory_reservation r = reservation(1, 12);
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 1);
    u64 frames = dom0->tot_frames;
    r.extent_order = 13;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(dom0->tot_frames, frames);
    /* ... but by who controls others: half of this extent is there. */
    dom0->is_control = true;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(dom0->tot_frames, frames - 4096);
    r.extent_order = 18; /* may be asked for, and is not there */
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    r.extent_order = 19;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
}

static void test_address_bits_and_nodes(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(EXTENTS, 0);
    r.mem_flags = XENMEMF_address_bits(20);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), EXTENTS);
    for (u32 i = 0; i < EXTENTS; i++)
        assert_true(list[i] < 256);
    r.mem_flags = XENMEMF_address_bits(12);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    r.mem_flags = XENMEMF_exact_node(1); /* which is for domains with privilege to say */
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    current->domain->is_control = true;
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), EXTENTS);
    for (u32 i = 0; i < EXTENTS; i++)
        assert_int_equal(memory_world_node(list[i]), 1);
    r.mem_flags = XENMEMF_exact_node(1) | XENMEMF_address_bits(32);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    r.mem_flags = XENMEMF_node(1) | XENMEMF_address_bits(32);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), EXTENTS);
    r.mem_flags = XENMEMF_exact_node(9);
    assert_int_equal(memory_op(XENMEM_increase_reservation, &r), 0);
    current->domain->is_control = false;
}

static const u32 reservation_commands[] = {XENMEM_increase_reservation, XENMEM_decrease_reservation,
                                           XENMEM_populate_physmap};

static void test_who_may(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_SIZE(reservation_commands); i++) {
        u32 cmd = reservation_commands[i];
        struct xen_memory_reservation r = reservation(4, 0);
        r.domid = 0;
        assert_int_equal(memory_op(cmd, &r), -EPERM);
        r.domid = 12; /* nobody: as if there was no memory */
        assert_int_equal(memory_op(cmd, &r), 0);
        assert_int_equal(memory_op(cmd | 2 << COMMAND_BITS, &r), 2);
        r.domid = 7; /* itself */
        r.nr_extents = 0;
        assert_int_equal(memory_op(cmd, &r), 0);
        memory_world.copy_fail_after = 1;
        assert_int_equal(memory_op(cmd | 3 << COMMAND_BITS, &r), 3);
    }
    domain_world_run(domain_world.dom0->vcpus[0]);
    struct xen_memory_reservation r = reservation(4, 0);
    r.domid = 7;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 4);
    assert_int_equal(guest->tot_frames, 4);
    guest->dying = DOMAIN_DYING;
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 0);
    guest->dying = DOMAIN_ALIVE;
    assert_int_equal(guest->tot_frames, 4);
}

/* Only what counts extents has a place for their number. */
static void test_progress_of_others(void **state)
{
    (void)state;
    struct xen_memory_domain self = {.domid = DOMID_SELF};
    struct xen_memory_exchange x = {.in = reservation(0, 0)};
    assert_int_equal(memory_op(XENMEM_current_reservation | 1 << COMMAND_BITS, &self), -EINVAL);
    assert_int_equal(memory_op(XENMEM_maximum_ram_page | 1 << COMMAND_BITS, NULL), -EINVAL);
    assert_int_equal(memory_op(XENMEM_exchange | 1 << COMMAND_BITS, &x), -EINVAL);
    assert_int_equal(memory_op(63, &self), -ENOSYS);
}

/* Each copy fails once, and each allocation: what is done is said, and nothing else was done. */
static void test_populate_failures(void **state)
{
    (void)state;
    for (u32 at = 1; at <= 2 * 6 + 1; at++) {
        struct xen_memory_reservation r = reservation(6, 1);
        memory_world.copy_fail_after = at;
        long done = memory_op(XENMEM_populate_physmap, &r);
        assert_int_equal(done, at == 1 ? 0 : (at - 2) / 2);
        /* One whose number could not be told is the guest's all the same. */
        assert_int_equal(guest->tot_frames, 2 * (u64)(done + (at > 1 && at % 2)));
        for (u32 i = 0; i < done; i++)
            check_extent(guest, list[i], 1, 0x1000 + 16 * i);
        again();
    }
    for (u32 at = 1; at <= 6; at++) {
        struct xen_memory_reservation r = reservation(6, 1);
        domain_world.fail_allocation_after = at;
        assert_int_equal(memory_op(XENMEM_increase_reservation, &r), at - 1);
        assert_int_equal(guest->tot_frames, 2 * (at - 1));
        again();
    }
}

/* --- shrinking */

static void test_decrease(void **state)
{
    (void)state;
    populate(EXTENTS, 2);
    u64 free = heap_free_frames();
    struct xen_memory_reservation r = reservation(EXTENTS - 1, 2);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), EXTENTS - 1);
    assert_int_equal(guest->tot_frames, 4);
    assert_int_equal(heap_free_frames(), free + 4 * (EXTENTS - 1));
    for (u32 i = 0; i < EXTENTS - 1; i++)
        assert_int_equal(domain_world.m2p[list[i] + 3], INVALID_GFN.v);
    check_extent(guest, list[EXTENTS - 1], 2, 0x1000 + 16 * (EXTENTS - 1));
    /* Gone is gone. */
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(heap_free_frames(), free + 4 * (EXTENTS - 1));
}

static void test_decrease_preempted(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(EXTENTS, 0);
    for (u32 after = 1; after <= EXTENTS / 16; after++) {
        populate(EXTENTS, 0);
        memory_world.preempt_after = after;
        assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), EXTENTS);
        assert_int_equal(reissues, 1);
        assert_int_equal(guest->tot_frames, 0);
        again();
    }
}

static void test_decrease_failures(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(6, 0);
    for (u32 at = 2; at <= 7; at++) {
        populate(6, 0);
        memory_world.copy_fail_after = at;
        assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), at - 2);
        assert_int_equal(guest->tot_frames, 6 - (at - 2));
        again();
    }
    populate(6, 0);
    list[2] = frame_mfn(virt_to_frame(domain_world.dom0->shared_info)).v; /* another's */
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 2);
    list[2] = WORLD_LOW_END; /* no RAM */
    assert_int_equal(memory_op(XENMEM_decrease_reservation | 2 << COMMAND_BITS, &r), 2);
    list[2] = ~0ull;
    assert_int_equal(memory_op(XENMEM_decrease_reservation | 2 << COMMAND_BITS, &r), 2);
    assert_int_equal(guest->tot_frames, 4);
}

/* What the hypervisor shares with the guest is not the guest's to give away. */
static void test_decrease_shared(void **state)
{
    (void)state;
    struct frame *shared = virt_to_frame(guest->shared_info);
    u64 count = shared->count, type = shared->type;
    struct xen_memory_reservation r = reservation(1, 0);
    list[0] = frame_mfn(shared).v;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    assert_int_equal(shared->count, count);
    assert_int_equal(shared->type, type);
}

/* Mapped by somebody, it goes when he is done with it. */
static void test_decrease_mapped(void **state)
{
    (void)state;
    populate(2, 0);
    struct frame *f = frame_of_mfn(MFN(list[0]));
    assert_true(frame_get(f, guest));
    u64 free = heap_free_frames();
    struct xen_memory_reservation r = reservation(1, 0);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 1); /* given up before */
    assert_int_equal(heap_free_frames(), free);
    assert_int_equal(guest->tot_frames, 2);
    frame_put(f);
    assert_int_equal(heap_free_frames(), free + 1);
    assert_int_equal(guest->tot_frames, 1);
}

/* --- inside a multicall */

static void test_in_multicall(void **state)
{
    (void)state;
    struct xen_memory_reservation r = reservation(EXTENTS, 0);
    struct multicall_entry calls[3] = {
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_populate_physmap, (u64)&r}},
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_decrease_reservation, (u64)&r}},
        {.op = __HYPERVISOR_memory_op, .args = {XENMEM_maximum_ram_page}},
    };
    u64 a[2] = {(u64)calls, 3};
    u32 rounds = 0;
    guest->vcpus[0]->arch.kernel_mode = true;
    do {
        reissued = false;
        memory_world.preempt_after = 1;
        long result = hypercall_multicall(current, a[0], a[1], 0, 0, 0, 0);
        assert_int_equal(result, reissued ? 0x7777 : 0);
        memcpy(a, reissue_values, sizeof(a));
        rounds++;
    } while (reissued);
    assert_int_equal(rounds, 2 * (EXTENTS / 16) + 1);
    assert_int_equal(calls[0].result, EXTENTS);
    assert_int_equal(calls[1].result, EXTENTS);
    assert_int_equal(calls[2].result, WORLD_HIGH_END);
    assert_int_equal(guest->tot_frames, 0);
}

/* --- questions */

static void test_queries(void **state)
{
    (void)state;
    struct xen_memory_domain self = {.domid = DOMID_SELF}, other = {.domid = 0},
                             nobody = {.domid = 12};
    static const u32 queries[] = {XENMEM_current_reservation, XENMEM_maximum_reservation,
                                  XENMEM_maximum_gpfn};
    populate(5, 0);
    assert_int_equal(memory_op(XENMEM_current_reservation, &self), 5);
    assert_int_equal(memory_op(XENMEM_maximum_reservation, &self), UINT32_MAX);
    guest->max_frames = 77;
    assert_int_equal(memory_op(XENMEM_maximum_reservation, &self), 77);
    assert_int_equal(memory_op(XENMEM_maximum_gpfn, &self), 0);
    guest->shared_info->arch.max_pfn = 1000;
    assert_int_equal(memory_op(XENMEM_maximum_gpfn, &self), 999);
    for (u32 i = 0; i < ARRAY_SIZE(queries); i++) {
        assert_int_equal(memory_op(queries[i], &other), -EPERM);
        assert_int_equal(memory_op(queries[i], &nobody), -ESRCH);
        assert_int_equal(memory_op(queries[i], NULL), -EFAULT);
    }
    assert_int_equal(memory_op(XENMEM_maximum_ram_page, NULL), WORLD_HIGH_END);
    domain_world_run(domain_world.dom0->vcpus[0]);
    other.domid = 7;
    assert_int_equal(memory_op(XENMEM_current_reservation, &other), 5);
}

/* --- resources */

static void test_resources(void **state)
{
    (void)state;
    const u64 high = XENMAPIDX_grant_table_status; /* means something else elsewhere */
    const u16 table = XENMEM_resource_grant_table;
    const u32 shared = XENMEM_resource_grant_table_id_shared;
    const u32 status = XENMEM_resource_grant_table_id_status;
    static u64 frames[64];
    const struct {
        u16 type;
        u32 id;
        u64 frame;
        u32 nr;
        void *to;
        long answer;
    } asked[] = {
        {table, shared, 1, 1, NULL, -EINVAL},
        {table, shared, 0, 0, frames, -EINVAL},
        {table, shared, high, 1, frames, -EINVAL},
        {table, shared, 63, 2, frames, -EINVAL},
        {table, shared, 0, 65, frames, -EINVAL},
        {table, shared, 0, 1025, frames, -EINVAL},
        {table, shared, UINT32_MAX, 1, frames, -EINVAL},
        {table, shared, 1ull << 32, 1, frames, -EINVAL},
        {table, status, 8, 1, frames, -EINVAL},
        {table, 2, 0, 1, frames, -EINVAL},
        {table, 2, 0, 0, NULL, -EINVAL},
        {XENMEM_resource_ioreq_server, 0, 0, 0, NULL, -EINVAL},
        {XENMEM_resource_ioreq_server, 0, 0, 1, frames, -EINVAL},
        {XENMEM_resource_vmtrace_buf, 0, 0, 1, frames, -EINVAL},
        {XENMEM_resource_vmtrace_buf + 1, 0, 0, 1, frames, -EOPNOTSUPP},
        {table, shared, 0, 0, NULL, 0},
        {table, status, 0, 0, NULL, 0},
        {table, status, 0, 1, frames, 0},
        {table, shared, 0, 64, frames, 0},
    };
    assert_int_equal(grant_table_set_version(guest, 2), 0);
    domain_world_run(domain_world.dom0->vcpus[0]);
    for (u32 i = 0; i < ARRAY_SIZE(asked); i++) {
        struct xen_mem_acquire_resource r = {.domid = 7,
                                             .type = asked[i].type,
                                             .id = asked[i].id,
                                             .frame = asked[i].frame,
                                             .nr_frames = asked[i].nr,
                                             .frame_list.va = (u64)asked[i].to};
        assert_int_equal(memory_op(XENMEM_acquire_resource, &r), asked[i].answer);
        if (asked[i].answer)
            assert_int_equal(guest->grants->nr_frames, 1); /* it did not grow for that */
        else if (!asked[i].nr)
            assert_int_equal(r.nr_frames, asked[i].id == shared ? 64 : 8);
    }
    for (u32 i = 0; i < 64; i++)
        assert_int_equal(frames[i], virt_to_mfn(guest->grants->shared[i]).v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_calls_setup, memory_calls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_increase),
        TEST(test_populate),
        TEST(test_copied_once),
        TEST(test_populate_preempted),
        TEST(test_increase_preempted),
        TEST(test_limits),
        TEST(test_large_extents),
        TEST(test_address_bits_and_nodes),
        TEST(test_who_may),
        TEST(test_progress_of_others),
        TEST(test_populate_failures),
        TEST(test_decrease),
        TEST(test_decrease_preempted),
        TEST(test_decrease_failures),
        TEST(test_decrease_shared),
        TEST(test_decrease_mapped),
        TEST(test_in_multicall),
        TEST(test_queries),
        TEST(test_resources),
    };
    return cmocka_run_group_tests(tests, memory_calls_setup_group, NULL);
}
