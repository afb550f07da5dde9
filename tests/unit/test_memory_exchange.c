/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XENMEM_exchange: between all sizes of extents, preempted between chunks, refused, and with every
 * copy and every allocation failing once: then what was not exchanged is as it was.
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
#include "tests/unit/host/memory_calls.h"

#define NODE_BEYOND 64 /* the ABI's callers may name 0 to 63 */

static u64 out_list[1024];

static struct xen_memory_exchange exchange(u64 ins, u32 in_order, u64 outs, u32 out_order)
{
    struct xen_memory_exchange x = {.in = reservation(ins, in_order),
                                    .out = reservation(outs, out_order)};
    x.out.extent_start.va = (u64)out_list;
    for (u32 i = 0; i < ARRAY_SIZE(out_list); i++)
        out_list[i] = 0x9000 + 16 * i;
    return x;
}

/* The guest's frames are those of in, as they were, but for the first taken extents. */
static void check_ins(const u64 *ins, u32 first, u32 end, u32 order)
{
    for (u32 i = first; i < end; i++)
        for (u32 k = 0; k < 1u << order; k++) {
            struct frame *f = frame_of_mfn(MFN(ins[i] + k));
            assert_ptr_equal(frame_owner(f), guest);
            assert_int_equal(*(u8 *)frame_to_virt(f), 1 + i);
        }
}

static void mark_ins(u32 extents, u32 order)
{
    for (u32 i = 0; i < extents; i++)
        memset(mfn_to_virt(MFN(list[i])), (u8)(1 + i), PAGE_SIZE << order);
}

static void exchange_once(u32 ins, u32 in_order, u32 outs, u32 out_order, u32 flags)
{
    populate(ins, in_order);
    mark_ins(ins, in_order);
    struct xen_memory_exchange x = exchange(ins, in_order, outs, out_order);
    x.out.mem_flags = flags;
    u64 free = heap_free_frames(), frames = guest->tot_frames;
    guest->max_frames = 1; /* what it has, it has */
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    guest->max_frames = ~0ull;
    assert_int_equal(x.nr_exchanged, ins);
    assert_int_equal(heap_free_frames(), free);
    assert_int_equal(guest->tot_frames, frames);
    for (u32 i = 0; i < outs; i++) {
        check_extent(guest, out_list[i], out_order, 0x9000 + 16 * i);
        assert_int_equal(*(u8 *)mfn_to_virt(MFN(out_list[i])), 0);
    }
    again();
}

static void test_exchange(void **state)
{
    (void)state;
    exchange_once(8, 0, 1, 3, 0);
    exchange_once(32, 0, 4, 3, 0);
    exchange_once(4, 3, 32, 0, 0);
    exchange_once(1, 9, 512, 0, 0);
    exchange_once(5, 2, 5, 2, 0);
    exchange_once(16, 0, 1, 4, XENMEMF_address_bits(20));
}

/* What a domain with control over others may do besides: name nodes, and have more in one piece. */
static void test_exchange_privileged(void **state)
{
    (void)state;
    guest->is_control = true;
    exchange_once(16, 0, 1, 4, XENMEMF_exact_node(1));
    guest->is_control = true;
    struct xen_memory_reservation r = reservation(8, 9);
    r.mem_flags = XENMEMF_exact_node(0); /* of the other nothing is missing yet */
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), 8);
    struct xen_memory_exchange x = exchange(8, 9, 1, 12);
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    check_extent(guest, out_list[0], 12, 0x9000);
    list[0] = out_list[0];
    x = exchange(1, 12, 8, 9);
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    for (u32 i = 0; i < 8; i++)
        check_extent(guest, out_list[i], 9, 0x9000 + 16 * i);
    assert_int_equal(guest->tot_frames, 4096);
    x = exchange(1, 13, 1, 13);
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EPERM);
    guest->is_control = false;
}

/* Naming a node takes a privilege; without it a wish is not heard, and a condition not met. */
static void test_exchange_names_node(void **state)
{
    (void)state;
    for (u32 privileged = 0; privileged < 2; privileged++) {
        populate(4, 0);
        struct xen_memory_exchange x = exchange(4, 0, 4, 0);
        u32 other = memory_world_node(list[0]) ^ 1;
        guest->is_control = privileged;
        x.out.mem_flags = XENMEMF_exact_node(NODE_BEYOND);
        assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
        x.out.mem_flags = XENMEMF_exact_node(other);
        if (!privileged)
            assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
        x.out.mem_flags = XENMEMF_node(other);
        assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
        for (u32 i = 0; i < 4; i++)
            assert_int_equal(memory_world_node(out_list[i]), privileged ? other : other ^ 1);
        again();
    }
    guest->is_control = false;
}

/* Frames that were given away are not known by their old names. */
static void test_exchange_forgets(void **state)
{
    (void)state;
    populate(8, 0);
    u64 ins[8];
    memcpy(ins, list, sizeof(ins));
    struct xen_memory_exchange x = exchange(8, 0, 1, 3);
    x.out.mem_flags = XENMEMF_address_bits(24);
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    for (u32 i = 0; i < 8; i++) {
        assert_int_equal(domain_world.m2p[ins[i]], INVALID_GFN.v);
        assert_null(frame_owner(frame_of_mfn(MFN(ins[i]))));
    }
}

/* The guest's other vCPU asks for memory while frames are away. */
static u32 asked;
static u64 got;

static void ask_for_more(void)
{
    u64 mfn = 0xa000;
    struct xen_memory_reservation r = reservation(1, 0);
    r.extent_start.va = (u64)&mfn;
    memory_world.on_flush = NULL;
    got += (u64)hypercall_memory_op(current, XENMEM_populate_physmap, (u64)&r, 0, 0, 0, 0);
    asked++;
}

static void test_exchange_keeps_maximum(void **state)
{
    (void)state;
    populate(8, 0);
    struct xen_memory_exchange x = exchange(8, 0, 8, 0);
    guest->max_frames = 8;
    asked = 0;
    got = 0;
    /* A frame that others had mapped is where the world lets another CPU act. */
    for (u32 i = 0; i < 8; i++)
        frame_of_mfn(MFN(list[i]))->count |= FRAME_FOREIGN;
    memory_world.on_flush = ask_for_more;
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    assert_int_equal(asked, 1);
    assert_int_equal(got, 0);
    assert_int_equal(guest->tot_frames, 8);
    guest->max_frames = ~0ull;
}

/* However many frames of a chunk others had mapped, all CPUs are asked once to forget them. */
static void test_exchange_flushes_once(void **state)
{
    (void)state;
    for (u32 fails = 0; fails < 2; fails++) {
        populate(32, 4);
        struct xen_memory_exchange x = exchange(32, 4, 1, 9);
        for (u32 i = 0; i < 512; i++)
            frame_of_mfn(MFN(list[i / 16] + i % 16))->count |= i & 1 ? FRAME_MARKS : FRAME_FOREIGN;
        u64 last = list[31];
        list[31] = fails ? ~0ull : last;
        memory_world.flushes = memory_world.write_backs = 0;
        assert_int_equal(memory_op(XENMEM_exchange, &x), fails ? -EINVAL : 0);
        assert_in_range(memory_world.flushes, 1, 2); /* and perhaps for what is allocated */
        assert_int_equal(memory_world.write_backs, fails ? 248 : 256);
        for (u32 i = 0; i < 16 && fails; i++)
            frame_of_mfn(MFN(last + i))->count &= ~FRAME_MARKS;
        again();
    }
}

static void test_exchange_preempted(void **state)
{
    (void)state;
    for (u32 after = 1; after <= 4; after++) {
        populate(20, 0);
        struct xen_memory_exchange x = exchange(20, 0, 5, 2);
        memory_world.preempt_after = after;
        assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
        assert_int_equal(reissues, 1);
        assert_int_equal(x.nr_exchanged, 20);
        for (u32 i = 0; i < 5; i++)
            check_extent(guest, out_list[i], 2, 0x9000 + 16 * i);
        assert_int_equal(guest->tot_frames, 20);
        again();
    }
    /* The guest may say itself where to go on. */
    populate(20, 0);
    struct xen_memory_exchange x = exchange(20, 0, 5, 2);
    x.nr_exchanged = 16;
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0);
    assert_int_equal(out_list[3], 0x9000 + 16 * 3);
    check_extent(guest, out_list[4], 2, 0x9000 + 16 * 4);
    assert_int_equal(memory_op(XENMEM_exchange, &x), 0); /* all done */
    x.nr_exchanged = 21;
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
}

static void test_exchange_refused(void **state)
{
    (void)state;
    populate(8, 0);
    mark_ins(8, 0);
    struct xen_memory_exchange x = exchange(8, 0, 1, 10);
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EPERM);
    x = exchange(8, 64, 8, 0);
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EPERM);
    x = exchange(8, 0, 2, 3);
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
    x = exchange(1ull << 63, 1, 0, 0); /* the product runs over */
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
    x = exchange(8, 0, 1, 3);
    x.out.domid = 7; /* the same domain, but not the same name */
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
    x.in.domid = x.out.domid = 12;
    assert_int_equal(memory_op(XENMEM_exchange, &x), -ESRCH);
    x.in.domid = x.out.domid = 0;
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EPERM);
    x = exchange(8, 0, 1, 3);
    x.out.mem_flags = XENMEMF_address_bits(12);
    assert_int_equal(memory_op(XENMEM_exchange, &x), -ENOMEM);
    x.out.mem_flags = XENMEMF_exact_node(1) | XENMEMF_address_bits(30);
    guest->is_control = true;
    assert_int_equal(memory_op(XENMEM_exchange, &x), -ENOMEM);
    guest->is_control = false;
    /* Another's, no RAM, in use, given twice: none is taken. */
    u64 bad[] = {frame_mfn(virt_to_frame(guest->shared_info)).v,
                 frame_mfn(virt_to_frame(domain_world.dom0->shared_info)).v, WORLD_LOW_END, ~0ull,
                 list[2]};
    x = exchange(8, 0, 1, 3);
    u64 good = list[7];
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        list[7] = bad[i];
        assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
        check_ins(list, 0, 7, 0);
    }
    list[7] = good;
    assert_true(frame_get(frame_of_mfn(MFN(good)), guest));
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
    frame_put(frame_of_mfn(MFN(good)));
    check_ins(list, 0, 8, 0);
    assert_int_equal(x.nr_exchanged, 0);
    assert_int_equal(guest->tot_frames, 8);
}

/* Each copy and each allocation fails once. */
static void test_exchange_failures(void **state)
{
    (void)state;
    bool done = false;
    for (u32 at = 1; !done; at++) {
        populate(8, 0);
        mark_ins(8, 0);
        u64 ins[8];
        memcpy(ins, list, sizeof(ins));
        struct xen_memory_exchange x = exchange(8, 0, 4, 1);
        memory_world.copy_fail_after = at;
        long result = memory_op(XENMEM_exchange, &x);
        done = memory_world.copy_fail_after > 0;
        assert_int_equal(result, done ? 0 : -EFAULT);
        /* Nothing is lost: chunks that were not exchanged are as they were. */
        assert_int_equal(guest->tot_frames, 8);
        assert_int_equal(frames_listed(guest), 8);
        if (at == 1 || at == 3)
            check_ins(ins, 0, 8, 0);
        memory_world.copy_fail_after = 0;
        again();
    }
    for (u32 at = 1; at <= 6; at++) {
        populate(8, 0);
        mark_ins(8, 0);
        u64 ins[8];
        memcpy(ins, list, sizeof(ins));
        struct xen_memory_exchange x = exchange(8, 0, 4, 1);
        domain_world.fail_allocation_after = at;
        assert_int_equal(memory_op(XENMEM_exchange, &x), -ENOMEM);
        u32 chunks = at > 3 ? at - 3 : 0; /* before that it is for the hypervisor itself */
        assert_int_equal(x.nr_exchanged, 2 * chunks);
        check_ins(ins, 2 * chunks, 8, 0);
        assert_int_equal(guest->tot_frames, 8);
        again();
    }
}

/* Half of a chunk's new extents are there, the others are not. */
static void test_exchange_half(void **state)
{
    (void)state;
    populate(2, 2);
    mark_ins(2, 2);
    u64 ins[2] = {list[0], list[1]}, free = heap_free_frames();
    for (u32 at = 4; at <= 6; at++) {
        struct xen_memory_exchange x = exchange(2, 2, 8, 0);
        domain_world.fail_allocation_after = at;
        assert_int_equal(memory_op(XENMEM_exchange, &x), -ENOMEM);
        assert_int_equal(x.nr_exchanged, 0);
        check_ins(ins, 0, 2, 2);
        assert_int_equal(heap_free_frames(), free);
    }
}

static void test_exchange_dying(void **state)
{
    (void)state;
    populate(8, 0);
    struct xen_memory_exchange x = exchange(8, 0, 1, 3);
    u64 free = heap_free_frames();
    domain_world_run(domain_world.dom0->vcpus[0]);
    x.in.domid = x.out.domid = 7;
    guest->dying = DOMAIN_DYING;
    assert_int_equal(memory_op(XENMEM_exchange, &x), -EINVAL);
    assert_int_equal(guest->tot_frames, 0);
    assert_int_equal(heap_free_frames(), free + 8);
    guest->dying = DOMAIN_ALIVE;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_calls_setup, memory_calls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exchange),
        TEST(test_exchange_privileged),
        TEST(test_exchange_forgets),
        TEST(test_exchange_names_node),
        TEST(test_exchange_keeps_maximum),
        TEST(test_exchange_flushes_once),
        TEST(test_exchange_preempted),
        TEST(test_exchange_refused),
        TEST(test_exchange_failures),
        TEST(test_exchange_half),
        TEST(test_exchange_dying),
    };
    return cmocka_run_group_tests(tests, memory_calls_setup_group, NULL);
}
