/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of domains: made or not made at all when memory runs out at any point, looked up, kept
 * by references, taken apart in slices whatever they still hold, and nothing left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/sched.h"
#include "arch/vcpu.h"
#include "core/claim.h"
#include "core/grant_table.h"
#include "core/percpu.h"
#include "core/time.h"
#include "errno.h"
#include "hypervisor/core/event_private.h"
#include "tests/unit/host/domain_world.h"

static u64 free_at_start;
static u32 domains_at_start, vcpus_at_start, units_at_start;

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    fail();
    return 0;
}

static int setup_group(void **state)
{
    (void)state;
    domain_world_init();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    domain_world_reset();
    free_at_start = heap_free_frames();
    domains_at_start = domain_world.arch_domains;
    vcpus_at_start = domain_world.arch_vcpus;
    units_at_start = domain_world.sched_vcpus;
    return 0;
}

static void check_nothing_left(void)
{
    memory_world_softirqs();
    assert_int_equal(heap_free_frames(), free_at_start);
    assert_int_equal(domain_world.arch_domains, domains_at_start);
    assert_int_equal(domain_world.arch_vcpus, vcpus_at_start);
    assert_int_equal(domain_world.sched_vcpus, units_at_start);
    assert_int_equal(domain_world.dom0->refs, 2); /* the list's, and its frames' */
    assert_null(domain_get(7));
}

static int teardown(void **state)
{
    (void)state;
    check_nothing_left();
    return 0;
}

static struct frame *frame_give(struct domain *d, u32 order)
{
    struct frame *f = heap_alloc(order, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(domain_assign_frames(d, f, order), 0);
    return f;
}

/* --- creation */

static void test_create(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 40);
    assert_int_equal(d->id, 7);
    assert_int_equal(d->refs, 2);
    assert_int_equal(d->dying, DOMAIN_ALIVE);
    assert_int_equal(d->tot_frames, 0);
    assert_true(virt_to_mfn(d->shared_info).v < BIT(32));
    struct frame *shared = virt_to_frame(d->shared_info);
    assert_ptr_equal(frame_owner(shared), d);
    assert_true(shared->count & FRAME_HYPERVISOR);
    assert_int_equal(d->shared_info->wc_version % 2, 0);
    assert_true(d->shared_info->wc_version > 0);
    for (u32 i = 0; i < 40; i++) {
        struct vcpu *v = domain_vcpu(d, i);
        assert_int_equal(v->id, i);
        assert_ptr_equal(v->domain, d);
        assert_false(vcpu_runnable(v));
        assert_ptr_equal(v->info, i < 32 ? &d->shared_info->vcpu_info[i] : NULL);
        if (v->info)
            assert_int_equal(v->info->evtchn_upcall_mask, 1);
    }
    assert_null(domain_vcpu(d, 40));
    assert_null(domain_vcpu(d, ~0ull));
    assert_null(vcpu_create(d, 3));
    assert_null(vcpu_create(d, 40));
    domain_world_kill(d);
}

static void test_create_out_of_memory(void **state)
{
    (void)state;
    int error = 0;
    u32 failures = 0;
    struct domain *d = NULL;
    for (u32 after = 1; !d; after++) {
        domain_world.fail_allocation_after = after;
        error = 0;
        d = domain_create(7, 3, &error);
        domain_world.fail_allocation_after = 0;
        if (d)
            break;
        assert_int_equal(error, -ENOMEM);
        failures++;
        check_nothing_left();
    }
    assert_int_equal(error, 0);
    assert_true(failures >= 6);
    domain_world_kill(d);

    domain_world.arch_create_error = -ENOSPC;
    assert_null(domain_create(7, 3, &error));
    assert_int_equal(error, -ENOSPC);
    memory_world_softirqs();
    domain_world.arch_create_error = 0;
}

static void test_vcpu_out_of_memory(void **state)
{
    (void)state;
    int error;
    struct domain *d = domain_create(7, 3, &error);
    u64 free = heap_free_frames();
    struct vcpu *v = NULL;
    for (u32 after = 1; !v; after++) {
        assert_null(domain_vcpu(d, 1));
        assert_int_equal(heap_free_frames(), free);
        assert_int_equal(domain_world.arch_vcpus, vcpus_at_start);
        assert_int_equal(domain_world.sched_vcpus, units_at_start);
        domain_world.fail_allocation_after = after;
        v = vcpu_create(d, 1);
        domain_world.fail_allocation_after = 0;
        assert_true(after < 20);
    }
    assert_ptr_equal(domain_vcpu(d, 1), v);
    domain_world_kill(d);
}

/* --- references */

static void test_lookup(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 1), *e = domain_world_create(3, 1);
    assert_ptr_equal(domain_get(7), d);
    assert_ptr_equal(domain_get(3), e);
    assert_int_equal(d->refs, 3);
    assert_null(domain_get(4));
    assert_ptr_equal(domain_get(DOMID_SELF), domain_world.dom0);
    domain_put(domain_world.dom0);
    assert_true(may_control(d));
    domain_world_run(d->vcpus[0]);
    assert_true(may_control(d));
    assert_false(may_control(e));
    assert_ptr_equal(domain_get(DOMID_SELF), d);
    domain_put(d);
    domain_put(d);
    domain_put(e);
    domain_world_run(domain_world.dom0->vcpus[0]);

    /* The walk has all of them, each once, and keeps none. */
    u32 seen = 0;
    for (struct domain *w = domain_list_next(NULL); w; w = domain_list_next(w)) {
        assert_in_range(w->refs, 3, 3);
        seen = seen * 10 + w->id;
    }
    assert_int_equal(seen, 73); /* 0, 7, 3 */
    assert_int_equal(d->refs, 2);
    domain_world_kill(d);
    domain_world_kill(e);
}

/* A dead domain stays as long as somebody refers to it. */
static void test_last_reference(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 2);
    assert_ptr_equal(domain_get(7), d);
    domain_world_kill(d);
    assert_int_equal(d->dying, DOMAIN_DEAD);
    assert_int_equal(d->refs, 1);
    assert_ptr_equal(domain_get(7), d);
    domain_put(d);
    memory_world_softirqs();
    assert_int_equal(d->refs, 1);
    /* The last one may go under locks that freeing a domain needs, or that rank above those. */
    struct spinlock tables;
    spin_init(&tables, LOCK_PAGE_TABLES);
    spin_lock(&tables);
    domain_put(d);
    spin_unlock(&tables);
    assert_null(domain_get(7));
    assert_true(heap_free_frames() < free_at_start);
    memory_world_softirqs();
    assert_int_equal(heap_free_frames(), free_at_start);
}

/* Two that go before anybody gets round to freeing them. */
static void test_two_unreferenced(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 2), *e = domain_world_create(8, 2);
    struct domain *both[] = {d, e};
    for (u32 i = 0; i < 2; i++) {
        assert_true(domain_try_ref(both[i]));
        while (domain_kill(both[i]))
            continue;
        domain_put(both[i]);
    }
    check_nothing_left();
    assert_null(domain_get(8));
}

/* --- vcpu_info */

static void test_register_info(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 34), *e = domain_world_create(8, 1);
    struct frame *f = frame_give(d, 0), *table = frame_give(d, 0), *others = frame_give(e, 0);
    gfn_t gfn = GFN(frame_mfn(f).v);
    struct vcpu *v = d->vcpus[0], *late = d->vcpus[33];
    table->type = FRAME_TYPE_L1 | FRAME_VALIDATED | 1;
    domain_world_run(v);

    assert_int_equal(vcpu_register_info(v, gfn, PAGE_SIZE - sizeof(struct vcpu_info) + 4), -ENXIO);
    assert_int_equal(vcpu_register_info(v, gfn, ~0u), -ENXIO);
    assert_int_equal(vcpu_register_info(v, GFN(WORLD_MID_END), 0), -EINVAL);
    assert_int_equal(vcpu_register_info(v, GFN(frame_mfn(others).v), 0), -EINVAL);
    assert_int_equal(vcpu_register_info(v, GFN(frame_mfn(table).v), 0), -EINVAL);
    assert_int_equal(table->count & FRAME_REFS, 1);
    assert_int_equal(others->count & FRAME_REFS, 1);
    assert_ptr_equal(v->info, &d->shared_info->vcpu_info[0]);
    /* Of another that runs: no. */
    d->vcpus[1]->pause_flags = 0;
    assert_int_equal(vcpu_register_info(d->vcpus[1], gfn, 0), -EINVAL);
    assert_int_equal(f->count & FRAME_REFS, 1);

    v->info->arch.cr2 = 0x1234;
    v->info->evtchn_upcall_mask = 0;
    assert_int_equal(vcpu_register_info(v, gfn, 64), 0);
    struct vcpu_info *info = (void *)((u8 *)frame_to_virt(f) + 64);
    assert_ptr_equal(v->info, info);
    assert_ptr_equal(v->info_frame, f);
    assert_int_equal(info->arch.cr2, 0x1234);
    assert_int_equal(info->evtchn_upcall_mask, 0);
    assert_int_equal(info->evtchn_upcall_pending, 1);
    assert_int_equal(info->evtchn_pending_sel, ~0ull);
    assert_int_equal(f->type, FRAME_TYPE_WRITABLE | FRAME_VALIDATED | 1);
    assert_int_equal(vcpu_register_info(v, gfn, 128), -EINVAL); /* once only */
    assert_int_equal(f->count & FRAME_REFS, 2);

    /* One that had none so far begins with events masked. */
    assert_int_equal(vcpu_register_info(late, gfn, PAGE_SIZE - sizeof(struct vcpu_info)), 0);
    assert_int_equal(late->info->evtchn_upcall_mask, 1);
    assert_int_equal(late->info->evtchn_pending_sel, ~0ull);
    assert_int_equal(f->type & FRAME_TYPE_COUNT, 2);

    domain_world_run(domain_world.dom0->vcpus[0]);
    table->type = 0;
    domain_world_kill(d);
    domain_world_kill(e);
}

static void test_reset(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 2);
    struct vcpu *v = d->vcpus[1];
    v->initialised = v->nmi_pending = true;
    v->pause_flags = VCPU_PAUSED_BLOCKED;
    vcpu_reset(v);
    assert_int_equal(domain_world.sleeps_sync, 2); /* its sibling, too */
    assert_int_equal(v->pause_flags, VCPU_PAUSED_DOWN);
    assert_int_equal(d->pause_count, 0);
    assert_false(v->initialised || v->nmi_pending);
    domain_world_kill(d);
}

/* --- pausing, shutting down */

static void test_pause(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 3);
    struct vcpu *v;
    for_each_vcpu (d, v)
        v->pause_flags = 0;
    v = d->vcpus[2];
    vcpu_pause(v);
    vcpu_pause(v);
    assert_int_equal(domain_world.sleeps_sync, 2);
    vcpu_unpause(v);
    assert_false(vcpu_runnable(v));
    assert_int_equal(domain_world.wakes, 0);
    vcpu_unpause(v);
    assert_true(vcpu_runnable(v));
    assert_int_equal(domain_world.wakes, 1);
    domain_pause(d);
    assert_false(vcpu_runnable(d->vcpus[0]));
    domain_unpause(d);
    assert_true(vcpu_runnable(d->vcpus[0]));
    assert_int_equal(domain_world.wakes, 4);
    /* Itself it cannot wait for. */
    domain_world_run(v);
    domain_world.sleeps_sync = 0;
    domain_pause(d);
    assert_int_equal(domain_world.sleeps, 1);
    assert_int_equal(domain_world.sleeps_sync, 2);
    domain_unpause(d);
    domain_world_run(domain_world.dom0->vcpus[0]);
    domain_world_kill(d);
}

static void test_shutdown(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 2);
    struct vcpu *v;
    assert_int_equal(d->shutdown_code, SHUTDOWN_CODE_NONE);
    domain_shutdown(d, SHUTDOWN_reboot);
    assert_true(d->is_shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_reboot);
    for_each_vcpu (d, v)
        assert_true(v->pause_flags & VCPU_PAUSED_SHUTDOWN);
    domain_crash(d, "no matter");
    assert_int_equal(d->shutdown_code, SHUTDOWN_reboot);
    domain_world_kill(d);

    /* Who sees that it is shut down waits for its vCPUs: they must know that they are to stop. */
    d = domain_world_create(7, 3);
    domain_world.stops_seen = 0;
    domain_world.stops_of = d;
    domain_shutdown(d, SHUTDOWN_suspend);
    assert_int_equal(domain_world.stops_seen, 3);
    domain_world.stops_of = NULL;
    domain_world_kill(d);

    d = domain_world_create(7, 1);
    d->shutdown_code = SHUTDOWN_suspend; /* latched before */
    domain_crash(d, "%s", "badly");
    assert_true(d->is_shut_down);
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    domain_world_kill(d);

    /* The machine ends as domain 0's code says, also if that was latched before its end came. */
    domain_world.dom0->shutdown_code = SHUTDOWN_poweroff;
    expect_assert_failure(domain_shutdown(domain_world.dom0, SHUTDOWN_crash));
    assert_true(domain_world.powered_off);
    domain_world.powered_off = false;
    domain_world.dom0->shutdown_code = SHUTDOWN_CODE_NONE;
    expect_assert_failure(domain_shutdown(domain_world.dom0, SHUTDOWN_poweroff));
    assert_true(domain_world.powered_off);
}

/* --- the end */

/* A domain that holds one of everything, and whose frames others hold. */
struct full_domain {
    struct domain *d;
    struct frame *mapped;   /* by somebody else */
    struct frame *given_up; /* by its guest, while somebody else maps it */
};

static struct full_domain full_domain_make(void)
{
    struct full_domain full = {.d = domain_world_create(7, 34)};
    struct domain *d = full.d;
    u32 port;
    full.given_up = frame_give(d, 0);
    assert_true(frame_get(full.given_up, d));
    assert_true(frame_release(full.given_up));
    for (u32 i = 0; i < 150; i++)
        frame_give(d, i % 3);
    full.mapped = frame_give(d, 0);
    assert_true(frame_get(full.mapped, d));
    frame_give(d, 4);
    for (u32 i = 0; i < 300; i++)
        assert_int_equal(event_alloc_unbound(d, 0, &port), 0);
    assert_int_equal(event_set_virq_handler(d, VIRQ_CON_RING), 0);
    assert_int_equal(rangeset_add(&d->ioports, 5, 9), 0);
    gfn_t gfn = GFN(frame_mfn(frame_list_first(d)->next == FRAME_LINK_END
                                  ? full.mapped
                                  : frame_list_next(frame_list_first(d)))
                        .v);
    assert_int_equal(vcpu_register_info(d->vcpus[1], gfn, 0), 0);
    assert_int_equal(vcpu_register_info(d->vcpus[33], gfn, 256), 0);
    d->vcpus[2]->info->evtchn_upcall_mask = 0;
    return full;
}

static void test_kill(void **state)
{
    (void)state;
    struct full_domain full = full_domain_make();
    struct domain *d = full.d;
    assert_true(domain_try_ref(d));
    domain_world.relinquish_slices = 2;
    assert_int_equal(domain_kill(d), -ERESTART);
    assert_int_equal(d->dying, DOMAIN_DYING);
    /* A watchdog that expires looks at all vCPUs: not when the last reference takes them away. */
    assert_int_equal(domain_world.watchdogs_ended, 1);
    assert_int_equal(domain_assign_frames(d, full.mapped, 0), -EINVAL);
    assert_int_equal(domain_kill(d), -ERESTART);
    assert_int_equal(domain_kill(d), 0);
    assert_int_equal(d->dying, DOMAIN_DEAD);
    /* What others map is all that is left. */
    assert_int_equal(d->tot_frames, 2);
    assert_null(d->shared_info);
    assert_null(d->vcpus[1]->info);
    assert_int_equal(d->refs, 2);
    domain_put(d);
    frame_put(full.mapped);
    assert_int_equal(d->refs, 1);
    assert_int_equal(d->tot_frames, 1);
    frame_put(full.given_up);
    check_nothing_left();
    assert_int_equal(domain_world.watchdogs_ended, 1);
}

/* The tools hear of a domain's death, and again when nothing of it is left. */
static void test_kill_is_told(void **state)
{
    (void)state;
    struct domain *dom0 = domain_world.dom0, *d = domain_world_create(7, 1);
    struct frame *mapped = frame_give(d, 0);
    u64 *pending = dom0->shared_info->evtchn_pending;
    u32 port;
    assert_int_equal(event_bind_virq(dom0, VIRQ_DOM_EXC, 0, &port), 0);
    pending[0] = 0;
    assert_true(frame_get(mapped, d));
    domain_world_kill(d);
    assert_int_equal(pending[0], BIT(port));
    pending[0] = 0;
    frame_put(mapped);
    memory_world_softirqs();
    assert_null(domain_get(7));
    assert_int_equal(pending[0], BIT(port));
    assert_int_equal(event_close(dom0, port), 0);
}

static void test_claims(void **state)
{
    (void)state;
    struct domain *first = domain_world_create(7, 1), *second = domain_world_create(8, 1),
                  *third = domain_world_create(9, 1);
    u64 free = heap_free_frames();
    assert_int_equal(claim_set(first, free - 10), 0);
    assert_int_equal(claim_set(first, free - 10), -EINVAL);
    assert_int_equal(claim_set(second, 11), -ENOMEM);
    assert_int_equal(claim_set(second, 10), 0);
    assert_int_equal(claims_total(), free);
    u64 own, others;
    assert_false(claim_begin(second, 11, &own));
    assert_true(claim_begin(second, 6, &own));
    claim_end(second, 6, own, false);
    assert_int_equal(claims_total(), free);
    assert_true(claim_begin(second, 4, &own));
    claim_end(second, 4, own, true);
    /* They have been given, but the heap of this test still has them: four are nobody's. */
    assert_true(claim_begin(third, 4, &own));
    assert_false(claim_begin(third, 1, &others)); /* not while those may be taken */
    claim_end(third, 4, own, false);
    assert_int_equal(claims_total(), free - 4);
    assert_true(domain_try_ref(first));
    domain_world_kill(first); /* takes its claim with it */
    assert_int_equal(claims_total(), 6);
    /* And gets none while somebody still holds it. */
    assert_int_equal(claim_set(first, 10), -EINVAL);
    domain_put(first);
    assert_int_equal(claims_total(), 6);
    domain_world_kill(second);
    domain_world_kill(third);
    assert_int_equal(claims_total(), 0);
}

/* However often it is preempted, and wherever for the first time. */
static void test_kill_preempted(void **state)
{
    (void)state;
    u32 slices = 2, runs = 0;
    for (u32 after = 1; slices > 1; after++, runs++) {
        struct full_domain full = full_domain_make();
        memory_world.preempt_after = after;
        slices = domain_world_kill(full.d);
        memory_world.preempt_after = 0;
        assert_int_equal(full.d->tot_frames, 2);
        frame_put(full.given_up);
        frame_put(full.mapped);
        check_nothing_left();
    }
    assert_true(runs > 10);

    struct full_domain full = full_domain_make();
    assert_true(domain_try_ref(full.d));
    u32 steps = 0, relinquished = domain_world.relinquished;
    do {
        memory_world.preempt_after = 1; /* always */
        assert_true(++steps < 1000);
    } while (domain_kill(full.d) == -ERESTART);
    memory_world.preempt_after = 0;
    assert_int_equal(domain_world.relinquished, relinquished + 1);
    domain_put(full.d);
    frame_put(full.given_up);
    frame_put(full.mapped);
}

/* A domain that another one's toolstack takes memory from while it is killed. */
static void test_kill_while_shrinking(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 1);
    struct frame *f[40];
    for (u32 i = 0; i < 40; i++)
        f[i] = frame_give(d, 0);
    assert_true(domain_try_ref(d));
    memory_world.preempt_after = 1;
    assert_int_equal(domain_kill(d), -ERESTART);
    for (u32 i = 0; i < 40; i += 3)
        if (frame_get(f[i], d)) {
            frame_release(f[i]);
            frame_put(f[i]);
        }
    memory_world.preempt_after = 0;
    assert_int_equal(domain_kill(d), 0);
    assert_int_equal(d->tot_frames, 0);
    domain_put(d);
}

/* Another CPU has just read where the shared page is, when the domain ends. */
static void test_shared_info_is_held(void **state)
{
    (void)state;
    struct domain *d = domain_world_create(7, 1);
    struct shared_info *page = d->shared_info;
    assert_true(domain_try_ref(d));
    assert_int_equal(domain_kill(d), 0);
    memset(page, 0x5a, PAGE_SIZE);
    d->shared_info = page;
    wallclock_update_domain(d);
    assert_null(domain_shared_info_get(d));
    d->shared_info = NULL;
    for (u32 i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(((u8 *)page)[i], 0x5a);
    domain_put(d);
}

static void test_kill_without_vcpus(void **state)
{
    (void)state;
    int error;
    struct domain *d = domain_create(7, 0, &error);
    assert_non_null(d);
    assert_int_equal(domain_world_kill(d), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vcpu_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_unreferenced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_register_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_preempted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_while_shrinking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_info_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_without_vcpus, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
