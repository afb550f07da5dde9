/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of domains: references and uses in every order against a model that counts them, the lists
 * and totals of the owners, and the way back to the heap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "core/domain.h"
#include "errno.h"
#include "tests/unit/host/memory_world.h"

static struct domain *owners[2];
static u64 free_at_start;

/* --- domains: nothing but their reference count */

bool domain_try_ref(struct domain *d)
{
    return d->refs ? ++d->refs : false;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs > 0);
    d->refs--;
}

static u32 domain_order(void)
{
    u32 order = 0;
    while ((PAGE_SIZE << order) < sizeof(struct domain))
        order++;
    return order;
}

static struct domain *domain_make(domid_t id)
{
    struct domain *d = pages_alloc(domain_order());
    d->id = id;
    d->refs = 1;
    d->max_frames = ~0ull;
    d->frames_head = d->frames_tail = FRAME_LINK_END;
    spin_init(&d->frame_lock, LOCK_FRAME_LIST);
    return d;
}

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
    free_at_start = heap_free_frames();
    owners[0] = domain_make(1);
    owners[1] = domain_make(2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(owners[i]->refs, 1);
        assert_int_equal(owners[i]->tot_frames, 0);
        assert_int_equal(owners[i]->frame_refs, 0);
        assert_null(frame_list_first(owners[i]));
        pages_free(owners[i], domain_order());
    }
    assert_int_equal(heap_free_frames(), free_at_start);
    return 0;
}

static struct frame *frame_new(struct domain *d)
{
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(domain_assign_frames(d, f, 0), 0);
    return f;
}

/* --- by hand */

static void test_assign_and_release(void **state)
{
    (void)state;
    struct domain *d = owners[0];
    struct frame *f = heap_alloc(2, NODE_ANY, ADDRESS_ANY, 0);
    assert_null(frame_owner(f));
    assert_false(frame_get(f, d));
    d->max_frames = 3;
    assert_int_equal(domain_assign_frames(d, f, 2), -E2BIG);
    assert_int_equal(d->refs, 1);
    d->max_frames = 4;
    d->dying = DOMAIN_DYING;
    assert_int_equal(domain_assign_frames(d, f, 2), -EINVAL);
    d->dying = DOMAIN_ALIVE;
    assert_int_equal(domain_assign_frames(d, f, 2), 0);
    assert_int_equal(d->tot_frames, 4);
    assert_int_equal(d->refs, 2); /* all frames together hold one */
    struct frame *walk = frame_list_first(d);
    for (u32 i = 0; i < 4; i++) {
        assert_ptr_equal(walk, f + i);
        assert_ptr_equal(frame_owner(f + i), d);
        walk = frame_list_next(walk);
    }
    assert_null(walk);

    u64 free = heap_free_frames();
    assert_true(frame_get(f, d));
    assert_false(frame_get(f, owners[1]));
    assert_true(frame_release(f));
    assert_false(frame_release(f));
    assert_int_equal(heap_free_frames(), free);
    assert_int_equal(d->tot_frames, 4); /* as long as somebody uses it */
    assert_true(frame_get(f, d));
    frame_put(f);
    frame_put(f);
    assert_int_equal(heap_free_frames(), free + 1);
    assert_int_equal(d->tot_frames, 3);
    assert_false(frame_get(f, d));
    for (u32 i = 3; i >= 1; i--) {
        assert_int_equal(d->refs, 2);
        assert_true(frame_release(f + i));
    }
    assert_int_equal(d->refs, 1);
    d->max_frames = ~0ull;
}

static void test_writable(void **state)
{
    (void)state;
    struct domain *d = owners[0];
    struct frame *f = frame_new(d);
    assert_int_equal(frame_get_writable(f, owners[1]), -EINVAL);
    assert_int_equal(frame_get_writable(f, d), 0);
    assert_int_equal(f->type, FRAME_TYPE_WRITABLE | FRAME_VALIDATED | 1);
    assert_int_equal(frame_get_writable(f, d), 0);
    assert_int_equal(f->count & FRAME_REFS, 3);
    frame_put_writable(f);
    frame_put_writable(f);
    assert_int_equal(f->type & FRAME_TYPE_COUNT, 0);

    /* The stamp of whoever took a mapping away last stays: it may be later than our clock was. */
    assert_int_equal(frame_type_get_writable(f), 0);
    f->tlb_stamp = tlb_clock() + 1;
    frame_type_put_writable(f);
    assert_int_equal(f->tlb_stamp, tlb_clock() + 1);

    /* As long as it is a page table, it is not to be written to; and no longer. */
    f->type = FRAME_TYPE_L3 | FRAME_VALIDATED | 1;
    assert_int_equal(frame_type_get_writable(f), -EBUSY);
    assert_int_equal(frame_get_writable(f, d), -EBUSY);
    assert_int_equal(f->count & FRAME_REFS, 1);
    f->type = FRAME_TYPE_L3;
    assert_int_equal(frame_type_get_writable(f), 0);
    frame_type_put_writable(f);

    /* No count runs over. */
    f->type = FRAME_TYPE_WRITABLE | (FRAME_TYPE_COUNT - 1);
    assert_int_equal(frame_type_get_writable(f), -EBUSY);
    f->type = FRAME_TYPE_WRITABLE;
    f->count = FRAME_ALLOCATED | (FRAME_REFS - 1);
    assert_false(frame_get(f, d));
    f->count = FRAME_ALLOCATED | 1;
    assert_true(frame_release(f));
}

static void test_share(void **state)
{
    (void)state;
    struct domain *d = owners[0];
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    u64 free = heap_free_frames();
    assert_int_equal(frame_share_with(f, d), 0);
    assert_int_equal(d->tot_frames, 0);
    assert_null(frame_list_first(d));
    assert_int_equal(frame_get_writable(f, d), 0); /* the guest maps it */
    assert_int_equal(frame_steal(f, d), -EBUSY);
    frame_unshare(f);
    assert_int_equal(heap_free_frames(), free);
    assert_int_equal(d->refs, 2);
    frame_unshare(f); /* nothing more */
    frame_put_writable(f);
    assert_int_equal(heap_free_frames(), free + 1);
    assert_int_equal(d->refs, 1);

    /* Withdrawn, it cannot be referred to; what is referred to cannot be withdrawn. */
    f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(frame_share_with(f, d), 0);
    assert_true(frame_share_withdraw(f));
    assert_false(frame_get(f, d));
    frame_share_restore(f);
    assert_true(frame_get(f, d));
    assert_false(frame_share_withdraw(f));
    frame_put(f);
    f->count |= FRAME_FOREIGN; /* by the tools, before */
    assert_true(frame_share_withdraw(f));
    frame_unshare(f);
    assert_int_equal(heap_free_frames(), free + 1);
    assert_int_equal(d->refs, 1);

    /* What is only shown cannot be written. */
    f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(frame_show_to(f, d), 0);
    assert_true(frame_get(f, d));
    frame_put(f);
    assert_int_equal(frame_get_writable(f, d), -EBUSY);
    f->type = 0;
    assert_true(frame_release(f));
    assert_int_equal(d->refs, 1);

    d->refs = 0;
    f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(frame_share_with(f, d), -EINVAL);
    assert_int_equal(domain_assign_frames(d, f, 0), -EINVAL);
    assert_int_equal(d->tot_frames, 0);
    d->refs = 1;
    heap_free(f, 0);
}

static void test_steal(void **state)
{
    (void)state;
    struct domain *d = owners[0];
    struct frame *f = frame_new(d), *other = frame_new(d);
    assert_int_equal(frame_steal(f, owners[1]), -EINVAL);
    assert_true(frame_get(f, d));
    assert_int_equal(frame_steal(f, d), -EBUSY);
    frame_put(f);
    f->type = FRAME_TYPE_L1 | FRAME_VALIDATED | 1;
    assert_int_equal(frame_steal(f, d), -EBUSY);
    f->type = FRAME_TYPE_L1;
    assert_int_equal(f->count, FRAME_ALLOCATED | 1);

    u32 flushes = memory_world.flushes;
    memset(frame_to_virt(f), 4, PAGE_SIZE);
    assert_int_equal(frame_steal(f, d), 0);
    assert_int_equal(d->tot_frames, 1);
    assert_int_equal(f->count, 0);
    assert_null(frame_owner(f));
    assert_false(frame_get(f, d));
    assert_int_equal(*(u8 *)frame_to_virt(f), 4);
    assert_int_equal(memory_world.flushes, flushes);
    heap_free(f, 0);

    /* Borrowed, it keeps its place among what d may have; the one that comes for it takes that. */
    f = frame_new(d);
    d->max_frames = 2;
    struct frame *third = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    assert_int_equal(frame_borrow(f, d), 0);
    assert_int_equal(d->tot_frames, 1);
    assert_int_equal(domain_assign_frames(d, third, 0), -E2BIG);
    assert_int_equal(domain_replace_frames(d, third, 0), 0);
    assert_int_equal(d->borrowed_frames, 0);
    heap_free(f, 0);
    f = third;
    /* Back, although d was given less meanwhile. */
    assert_int_equal(frame_borrow(f, d), 0);
    d->max_frames = 1;
    frame_return(f, d);
    assert_int_equal(d->tot_frames, 2);
    assert_int_equal(d->borrowed_frames, 0);
    assert_ptr_equal(frame_owner(f), d);

    assert_int_equal(frame_borrow(f, d), 0);
    assert_int_equal(frame_steal(other, d), 0);
    assert_int_equal(d->refs, 1);

    u64 free = heap_free_frames();
    d->dying = DOMAIN_DYING;
    frame_return(f, d);
    assert_int_equal(d->borrowed_frames, 0);
    assert_int_equal(heap_free_frames(), free + 1);
    heap_free(other, 0);
    d->dying = DOMAIN_ALIVE;
    d->max_frames = ~0ull;
}

/* Another domain had them mapped: nobody knows which CPUs remember that. */
static void test_steal_marked(void **state)
{
    (void)state;
    struct domain *d = owners[0];
    struct frame *f = frame_new(d), *other = frame_new(d);
    f->count |= FRAME_MARKS;
    other->count |= FRAME_FOREIGN;
    u32 flushes = memory_world.flushes, write_backs = memory_world.write_backs;
    assert_int_equal(frame_borrow(f, d), 0);
    assert_false(frame_get(f, d));
    assert_int_equal(memory_world.flushes, flushes);
    frames_clear_marks(&f, 1);
    assert_int_equal(f->count, 0);
    assert_int_equal(memory_world.flushes, flushes + 1);
    assert_int_equal(memory_world.write_backs, write_backs + 1);
    frames_clear_marks(&f, 1);
    assert_int_equal(memory_world.flushes, flushes + 1);
    assert_int_equal(frame_steal(other, d), 0);
    assert_int_equal(other->count, 0);
    assert_int_equal(memory_world.flushes, flushes + 2);
    assert_int_equal(memory_world.write_backs, write_backs + 1);
    heap_free(other, 0);
    frame_return(f, d);
    assert_int_equal(f->count, FRAME_ALLOCATED | 1);
    assert_true(frame_release(f));
}

static void test_last_reference_is_checked(void **state)
{
    (void)state;
    struct frame *f = frame_new(owners[0]);
    assert_true(frame_get(f, owners[0]));
    assert_true(frame_release(f));
    /* Freed while in use as something: never. */
    f->type = FRAME_TYPE_WRITABLE | 1;
    expect_assert_failure(frame_put(f));
    f->type = 0;
    f->count = 1;
    frame_put(f);
}

/* --- all operations in any order, against a model */

enum kind { KIND_HEAP, KIND_OWNED, KIND_SHARED, KIND_STOLEN, KIND_BORROWED };

struct model {
    struct frame *f;
    u32 owner;
    enum kind kind;
    bool held;      /* the owner's, or the sharing hypervisor's, own reference */
    u32 refs, uses; /* taken by others; each use has a reference too */
    u32 plain;      /* references without a use */
};
#define MODELS 48
static struct model models[MODELS];

static bool model_gone(const struct model *m)
{
    return !m->held && !m->refs && !m->plain;
}

static void model_check(const struct model *m)
{
    if (m->kind == KIND_HEAP) {
        assert_null(m->f);
        return;
    }
    u32 own = m->held ? 1 : 0;
    if (m->kind >= KIND_STOLEN) {
        assert_int_equal(m->f->count, 0);
        return;
    }
    assert_int_equal(m->f->count & FRAME_REFS, own + m->uses + m->plain);
    assert_int_equal(!!(m->f->count & FRAME_ALLOCATED), m->held);
    assert_int_equal(!!(m->f->count & FRAME_HYPERVISOR), m->kind == KIND_SHARED);
    assert_int_equal(m->f->type & FRAME_TYPE_COUNT, m->uses + (m->kind == KIND_SHARED && m->held));
    assert_ptr_equal(frame_owner(m->f), owners[m->owner]);
}

static void models_check(void)
{
    u64 listed[2] = {0, 0}, counted[2] = {0, 0}, borrowed[2] = {0, 0}, out = 0;
    for (u32 i = 0; i < MODELS; i++) {
        const struct model *m = &models[i];
        model_check(m);
        listed[m->owner] += m->kind == KIND_OWNED;
        counted[m->owner] += m->kind == KIND_OWNED || m->kind == KIND_SHARED;
        borrowed[m->owner] += m->kind == KIND_BORROWED;
        out += m->kind != KIND_HEAP;
    }
    for (u32 o = 0; o < 2; o++) {
        u64 n = 0;
        struct frame *last = NULL;
        for (struct frame *f = frame_list_first(owners[o]); f; f = frame_list_next(f), n++) {
            assert_int_equal(f->prev, last ? frame_mfn(last).v : FRAME_LINK_END);
            last = f;
        }
        assert_int_equal(n, listed[o]);
        assert_int_equal(owners[o]->tot_frames, listed[o]);
        assert_int_equal(owners[o]->borrowed_frames, borrowed[o]);
        assert_int_equal(owners[o]->frame_refs, counted[o]);
        assert_int_equal(owners[o]->refs, counted[o] ? 2 : 1);
    }
    assert_int_equal(heap_free_frames() + out + (2ull << domain_order()), free_at_start);
}

/* It left the model if that was the last reference. */
static void model_settle(struct model *m)
{
    m->refs = m->uses;
    if (model_gone(m))
        *m = (struct model){.kind = KIND_HEAP};
}

static void model_create(struct model *m)
{
    m->f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    m->owner = memory_world_random(2);
    m->held = true;
    if (memory_world_random(4)) {
        m->kind = KIND_OWNED;
        assert_int_equal(domain_assign_frames(owners[m->owner], m->f, 0), 0);
    } else {
        m->kind = KIND_SHARED;
        assert_int_equal(frame_share_with(m->f, owners[m->owner]), 0);
    }
}

static void model_steal(struct model *m)
{
    bool can = m->kind == KIND_OWNED && m->held && !m->uses && !m->plain;
    bool borrow = memory_world_random(2);
    int error = borrow ? frame_borrow(m->f, owners[m->owner]) : frame_steal(m->f, owners[m->owner]);
    assert_int_equal(error, can ? 0 : -EBUSY);
    if (can)
        m->kind = borrow ? KIND_BORROWED : KIND_STOLEN;
}

static void model_come_back(struct model *m)
{
    if (m->kind == KIND_STOLEN) {
        m->owner ^= 1;
        assert_int_equal(domain_assign_frames(owners[m->owner], m->f, 0), 0);
    } else if (memory_world_random(2)) {
        frame_return(m->f, owners[m->owner]);
    } else {
        assert_int_equal(domain_replace_frames(owners[m->owner], m->f, 0), 0);
    }
    m->kind = KIND_OWNED;
}

static void model_let_go(struct model *m)
{
    if (m->kind == KIND_SHARED)
        frame_unshare(m->f);
    else
        assert_int_equal(frame_release(m->f), m->held);
    m->held = false;
}

static void model_put_use(struct model *m)
{
    if (m->uses) {
        m->uses--;
        frame_put_writable(m->f);
    }
}

static void model_put_plain(struct model *m)
{
    if (m->plain) {
        m->plain--;
        frame_put(m->f);
    }
}

static void model_step(struct model *m)
{
    struct domain *d = owners[m->owner];
    if (m->kind == KIND_HEAP) {
        model_create(m);
        return;
    }
    if (m->kind >= KIND_STOLEN) {
        model_come_back(m);
        return;
    }
    switch (memory_world_random(8)) {
    case 0:
        assert_true(frame_get(m->f, d));
        m->plain++;
        break;
    case 1:
        assert_int_equal(frame_get_writable(m->f, d), 0);
        m->uses++;
        break;
    case 2:
        assert_false(frame_get(m->f, owners[!m->owner]));
        assert_int_equal(frame_get_writable(m->f, owners[!m->owner]), -EINVAL);
        break;
    case 3:
        model_let_go(m);
        break;
    case 4:
        model_steal(m);
        return;
    case 5:
        model_put_use(m);
        break;
    case 6:
        model_put_plain(m);
        break;
    default:
        spin_lock(&d->frame_lock);
        if (frame_list_first(d))
            frame_list_rotate(d);
        spin_unlock(&d->frame_lock);
        break;
    }
    model_settle(m);
}

static void test_random(void **state)
{
    (void)state;
    memset(models, 0, sizeof(models));
    for (u32 i = 0; i < 20000; i++) {
        model_step(&models[memory_world_random(MODELS)]);
        models_check();
    }
    for (u32 i = 0; i < MODELS; i++) {
        struct model *m = &models[i];
        if (m->kind >= KIND_STOLEN)
            model_come_back(m);
        while (m->kind != KIND_HEAP) {
            model_let_go(m);
            model_put_use(m);
            model_put_plain(m);
            model_settle(m);
        }
        models_check();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_assign_and_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steal_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_reference_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
