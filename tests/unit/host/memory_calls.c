/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that calls memory_op (host/memory_calls.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/vcpu.h"
#include "core/cmdline.h"
#include "core/hypercall_handlers.h"
#include "core/percpu.h"
#include "errno.h"
#include "tests/unit/host/memory_calls.h"

struct domain *guest;
u64 list[EXTENTS];
u32 reissues;
bool reissued;
u64 reissue_values[6];

static u64 free_at_start;

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    assert_int_equal(count, 2);
    reissued = true;
    reissues++;
    memcpy(reissue_values, values, count * sizeof(u64));
    return 0x7777;
}

/* Nothing is on the command line. */
int cmdline_parse_number(const char *text, u64 *number, const char **end)
{
    (void)text, (void)number, (void)end;
    return -EINVAL;
}

long memory_op(u64 cmd, void *arg)
{
    u64 a[2] = {cmd, (u64)arg};
    for (reissues = 0;;) {
        reissued = false;
        long result = hypercall_memory_op(current, a[0], a[1], 0, 0, 0, 0);
        if (!reissued)
            return result;
        assert_true(reissues < 10000);
        memcpy(a, reissue_values, sizeof(a));
    }
}

int memory_calls_setup_group(void **state)
{
    (void)state;
    domain_world_init();
    return 0;
}

int memory_calls_setup(void **state)
{
    (void)state;
    domain_world_reset();
    free_at_start = heap_free_frames();
    guest = domain_world_create(7, 1);
    domain_world_run(guest->vcpus[0]);
    for (u32 i = 0; i < EXTENTS; i++)
        list[i] = 0x1000 + 16 * i;
    return 0;
}

/* Nothing may be held for an operation that is over. */
int memory_calls_teardown(void **state)
{
    (void)state;
    assert_int_equal(guest->refs, 2);
    for (struct frame *f = frame_list_first(guest); f; f = frame_list_next(f)) {
        assert_int_equal(f->count, FRAME_ALLOCATED | 1);
        assert_int_equal(f->type, 0);
    }
    domain_world_run(domain_world.dom0->vcpus[0]);
    domain_world_kill(guest);
    assert_int_equal(domain_world.dom0->tot_frames, 0);
    assert_int_equal(domain_world.dom0->refs, 2);
    assert_int_equal(heap_free_frames(), free_at_start);
    return 0;
}

void again(void)
{
    memory_calls_teardown(NULL);
    memory_calls_setup(NULL);
}

struct xen_memory_reservation reservation(u64 extents, u32 order)
{
    return (struct xen_memory_reservation){.extent_start.va = (u64)list,
                                           .nr_extents = extents,
                                           .extent_order = order,
                                           .domid = DOMID_SELF};
}

u64 frames_listed(const struct domain *d)
{
    u64 n = 0;
    for (struct frame *f = frame_list_first((struct domain *)d); f; f = frame_list_next(f))
        n++;
    return n;
}

/* d owns the extent, whose frames are called first_gfn (INVALID_GFN: nothing) and on. */
void check_extent(struct domain *d, u64 mfn, u32 order, u64 first_gfn)
{
    assert_int_equal(mfn & ((1ull << order) - 1), 0);
    for (u64 i = 0; i < 1ull << order; i++) {
        struct frame *f = frame_of_mfn(MFN(mfn + i));
        assert_non_null(f);
        assert_ptr_equal(frame_owner(f), d);
        assert_int_equal(domain_world.m2p[mfn + i],
                         first_gfn == INVALID_GFN.v ? first_gfn : first_gfn + i);
    }
}

void populate(u32 extents, u32 order)
{
    struct xen_memory_reservation r = reservation(extents, order);
    assert_int_equal(memory_op(XENMEM_populate_physmap, &r), extents);
}
