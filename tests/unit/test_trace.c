/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace buffers as the tools set them up and read them: sizes, masks, records of every length
 * across the ring's end, records for which there was no room, and a reader that spoils the ring.
 * The tests build on one another, since buffers are made once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/control.h"
#include "core/frame.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "core/percpu.h"
#include "core/trace.h"
#include "errno.h"
#include "hypervisor/core/event_private.h"
#include "tests/unit/host/domain_world.h"
#include "tests/unit/host/hypercall_stubs.h"

#define PAGES     2u
#define RING      (PAGES * PAGE_SIZE - sizeof(struct t_buf))
#define EVENT     (TRC_GUEST + 5)
#define EXTRA_MAX TRACE_EXTRA_MAX

static struct xen_sysctl sys;
static u64 cycles;

u64 cpu_cycles(void)
{
    return ++cycles << 20;
}

/* Not called. */
long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    abort();
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    abort();
}

static long call(u32 cmd, u32 value)
{
    u8 cpus = (u8)value;
    sys.u.tbuf_op = (struct xen_sysctl_tbuf_op){
        .cmd = cmd,
        .evt_mask = value,
        .size = value,
        .cpu_mask = {.bitmap.va = (u64)&cpus, .nr_bits = 8},
    };
    return sysctl_tbuf_op(current, &sys);
}

/* --- a reader, as xentrace is one */

struct record {
    u32 event, words;
    u64 time; /* 0: none */
    u32 extra[EXTRA_MAX];
};

static u32 *ring_place(u32 offset)
{
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_get_info, 0), 0);
    const u32 *list = mfn_to_virt(MFN(sys.u.tbuf_op.buffer_mfn));
    const struct t_info *t = (const void *)list;
    assert_int_equal(t->tbuf_size, PAGES);
    u64 mfn = list[t->mfn_offset[0] + offset / PAGE_SIZE];
    return (u32 *)((u8 *)mfn_to_virt(MFN(mfn)) + offset % PAGE_SIZE);
}

static struct t_buf *head(void)
{
    return (struct t_buf *)ring_place(0);
}

static u32 take_word(void)
{
    struct t_buf *b = head();
    assert_int_not_equal(b->cons, b->prod);
    u32 word = *ring_place((u32)sizeof(*b) + b->cons % (u32)RING);
    b->cons = (b->cons + 4) % (2 * (u32)RING);
    return word;
}

static struct record take(void)
{
    struct record r = {0};
    u32 first = take_word(), begin = head()->cons;
    r.event = first & 0xfffffff;
    r.words = first >> TRACE_EXTRA_SHIFT & TRACE_EXTRA_MAX;
    if (first & TRC_HD_CYCLE_FLAG) {
        r.time = take_word();
        r.time |= (u64)take_word() << 32;
    }
    for (u32 i = 0; i < r.words; i++)
        r.extra[i] = take_word();
    /* None goes over the end. */
    u32 end = head()->cons % RING;
    assert_true(end == 0 || end >= begin % RING || begin % RING == 0);
    return r;
}

static bool empty(void)
{
    return head()->cons == head()->prod;
}

/* --- tests */

static void test_setting_up(void **state)
{
    (void)state;
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_get_info, 0), 0);
    assert_int_equal(sys.u.tbuf_op.buffer_mfn, 0);
    assert_int_equal(sys.u.tbuf_op.evt_mask, TRC_ALL);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), -EINVAL);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_size, 0), -EINVAL);
    assert_int_equal(call(99, 0), -EINVAL);
    u64 free = heap_free_frames();
    for (u32 n = 1;; n++) {
        domain_world.fail_allocation_after = n;
        long result = call(XEN_SYSCTL_TBUFOP_set_size, PAGES);
        if (domain_world.fail_allocation_after) {
            domain_world.fail_allocation_after = 0;
            assert_int_equal(result, 0);
            break;
        }
        assert_int_equal(result, -ENOMEM);
        assert_int_equal(heap_free_frames(), free);
    }
    assert_int_equal(heap_free_frames(), free - PAGES - 1);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_size, PAGES), -EBUSY);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_size, PAGES + 1), -EINVAL);
    /* The tools may write to the rings, and not to the description. */
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_get_info, 0), 0);
    assert_int_equal(sys.u.tbuf_op.size, PAGE_SIZE);
    struct frame *shown = frame_of_mfn(MFN(sys.u.tbuf_op.buffer_mfn));
    struct frame *ring = virt_to_frame(head());
    assert_int_equal(frame_get_writable(shown, domain_xen()), -EBUSY);
    assert_int_equal(frame_get_writable(ring, domain_xen()), 0);
    frame_put_writable(ring);
}

static void test_masks(void **state)
{
    (void)state;
    trace2(EVENT, 1, 2);
    assert_true(empty());
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), 0);
    trace2(EVENT, 1, 2);
    struct record r = take();
    assert_int_equal(r.event, EVENT);
    assert_int_equal(r.words, 2);
    assert_int_equal(r.extra[0], 1);
    assert_int_equal(r.extra[1], 2);
    assert_int_equal(r.time, cycles << 20);
    assert_true(empty());

    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_evt_mask, TRC_SCHED_MIN), 0);
    trace2(EVENT, 1, 2);
    trace2(TRC_SCHED_WAKE, 1, 2); /* the class is asked for, the subclass is not */
    assert_true(empty());
    trace2(TRC_SCHED_RUNSTATE_CHANGE, 1, 2);
    assert_int_equal(take().event, TRC_SCHED_RUNSTATE_CHANGE);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_evt_mask, TRC_ALL), 0);

    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_cpu_mask, 2), 0);
    trace2(EVENT, 1, 2);
    assert_true(empty());
    memory_world.copy_fail_after = 1;
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_cpu_mask, 1), -EFAULT);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_set_cpu_mask, 1), 0);

    /* A number of bytes that is no number of words. */
    trace_record(EVENT, false, "abcde", 5);
    r = take();
    assert_int_equal(r.words, 2);
    assert_int_equal(r.time, 0);
    assert_memory_equal(r.extra, "abcde\0\0", 8);
    expect_assert_failure(trace_record(EVENT, false, &r, 29));
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_disable, 0), 0);
    trace2(EVENT, 1, 2);
    assert_true(empty());
}

static u64 called_with[6];

static long remember_call(const char *function, struct vcpu *v, const u64 args[6])
{
    memcpy(called_with, args, sizeof(called_with));
    return 55;
}

/* Every number answers as it does otherwise, and is recorded. */
static void test_hypercalls(void **state)
{
    (void)state;
    hypercall_stubs.hypercall = remember_call;
    assert_ptr_equal(hypercall_entries, hypercall_table);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), 0);
    assert_ptr_not_equal(hypercall_entries, hypercall_table);
    for (u32 i = 0; i < NR_HYPERCALLS; i++) {
        if (i == __HYPERVISOR_multicall)
            continue; /* a real one here */
        long expected = hypercall_table[i](current, 1, 2, 3, 4, 5, 6);
        memset(called_with, 0, sizeof(called_with));
        assert_int_equal(hypercall_entries[i](current, 11, 12, 13, 14, 15, 16), expected);
        for (u32 a = 0; expected == 55 && a < 6; a++)
            assert_int_equal(called_with[a], 11 + a);
        if (!hypercall_names[i])
            continue;
        struct record r = take();
        assert_int_equal(r.event, TRC_PV_HYPERCALL_V2);
        assert_int_equal(r.extra[0] & ~TRC_PV_HYPERCALL_V2_ARG_MASK, i);
        if (i == __HYPERVISOR_grant_table_op) {
            assert_int_equal(r.extra[0], i | 1u << 20 | 1u << 24);
            assert_int_equal(r.extra[1], 11);
            assert_int_equal(r.extra[2], 13);
        }
    }
    assert_true(empty());
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_disable, 0), 0);
    assert_ptr_equal(hypercall_entries, hypercall_table);
    hypercall_stubs.hypercall = NULL;
}

/* Records of any length, read now and then: what is missing is what was counted as lost. */
static void test_any_length(void **state)
{
    (void)state;
    u32 written = 0, seen = 0, lost = 0, wraps = 0;
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), 0);
    while (written < 100000 || !empty()) {
        u32 extra[EXTRA_MAX] = {0}, words = 1 + memory_world_random(EXTRA_MAX);
        for (u32 i = 0; i < words; i++)
            extra[i] = written + i;
        if (written < 100000) {
            trace_record(EVENT, memory_world_random(2), extra, words * 4);
            written++;
        }
        u32 reads = memory_world_random(500) ? 0 : memory_world_random(800);
        while (!empty() && (reads-- || written == 100000)) {
            struct record r = take();
            if (r.event == TRC_TRACE_WRAP_BUFFER) {
                assert_int_equal(head()->cons % RING, 0);
                wraps++;
            } else if (r.event == TRC_LOST_RECORDS) {
                assert_int_equal(r.words, 4);
                lost += r.extra[0];
                seen += r.extra[0];
                assert_true(((u64)r.extra[3] << 32 | r.extra[2]) < r.time);
            } else {
                for (u32 i = 0; i < r.words; i++)
                    assert_int_equal(r.extra[i], seen + i);
                seen++;
            }
            if (reads == ~0u)
                reads = 0;
        }
    }
    assert_true(lost > 1000 && wraps > 10);
    assert_true(seen <= written);
    /* What was lost before is not told of again, once it starts anew. */
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_disable, 0), 0);
    assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), 0);
    trace2(EVENT, 7, 8);
    struct record r = take();
    if (r.event == TRC_TRACE_WRAP_BUFFER)
        r = take();
    assert_int_equal(r.extra[0], 7);
}

static void test_tells_the_tool(void **state)
{
    (void)state;
    u64 *pending = domain_world.dom0->shared_info->evtchn_pending;
    u32 port, told = 0;
    assert_int_equal(event_bind_virq(domain_world.dom0, VIRQ_TBUF, 0, &port), 0);
    memory_world_softirqs(); /* of the test before */
    pending[0] = 0;
    head()->cons = head()->prod;
    for (u32 i = 0; i < 1000; i++) {
        u32 before = (head()->prod + 2 * (u32)RING - head()->cons) % (2 * (u32)RING);
        trace2(EVENT, i, 0);
        memory_world_softirqs();
        if (!pending[0])
            continue;
        assert_int_equal(pending[0], BIT(port));
        assert_true(before < RING / 2 && before > RING / 2 - 40);
        pending[0] = 0;
        told++;
    }
    assert_int_equal(told, 1);
    assert_int_equal(event_close(domain_world.dom0, port), 0);
}

static void test_spoilt(void **state)
{
    (void)state;
    const u32 bad[] = {~0u, 2 * (u32)RING, 2, 4};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(call(XEN_SYSCTL_TBUFOP_enable, 0), 0);
        head()->cons = head()->prod;
        trace2(EVENT, 0, 0);
        assert_true(trace_on);
        u32 prod = head()->prod;
        /* Not where anything was, or more behind than there is. */
        head()->cons = bad[i] == 4 ? (prod + 4) % (2 * (u32)RING) : bad[i];
        trace2(EVENT, 0, 0);
        assert_false(trace_on);
        assert_int_equal(head()->prod, prod);
    }
}

static int setup_group(void **state)
{
    (void)state;
    domain_world_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting_up),     cmocka_unit_test(test_masks),
        cmocka_unit_test(test_hypercalls),     cmocka_unit_test(test_any_length),
        cmocka_unit_test(test_tells_the_tool), cmocka_unit_test(test_spoilt),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
