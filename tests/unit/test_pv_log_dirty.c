/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of what a PV domain writes, and the shadows of its page tables: the processor, which
 * walks the shadows, is played by touch(). Guest frame numbers are machine frame numbers here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/domctl.h"
#include "abi/grant_table.h"
#include "arch/vcpu.h"
#include "errno.h"
#include "hypervisor/arch/x86/pv/mm_log_dirty.h"
#include "x86/pv.h"
#include "x86/regs.h"
#include "tests/unit/host_pv/pv_world.h"

#define MAX_FAULTS 16

static u64 bitmap[WORLD_FRAMES / 64 + 2];

static int setup(void **state)
{
    world_init();
    world_run(world.guest);
    return 0;
}

static int teardown(void **state)
{
    world_check();
    world_end();
    return 0;
}

static struct vcpu *guest_vcpu(void)
{
    return world.guest->vcpus[0];
}

/* The entry that the processor finds in the shadows: 0 if it cannot get there. */
static pte_t shadow_entry(vaddr_t va, bool write)
{
    mfn_t table = guest_vcpu()->arch.shadow_l4[0];
    for (u32 level = 4;; level--) {
        pte_t e = world_table(table)[pte_index(va, level)];
        if (!(e & PTE_PRESENT) || (write && !(e & PTE_WRITE)))
            return 0;
        if (level == 1)
            return e;
        table = pte_mfn(e);
    }
}

/* The guest reads or writes at va; false: it gets a page fault of its own. */
static bool touch(vaddr_t va, bool write)
{
    struct vcpu *v = guest_vcpu();
    for (u32 i = 0; i < MAX_FAULTS; i++) {
        if (shadow_entry(va, write))
            return true;
        u32 error = (u32)(shadow_entry(va, false) ? PF_PRESENT : 0) | (write ? PF_WRITE : 0);
        if (!shadow_fault(v, v->arch.shadow_l4[0], va, error))
            return false;
    }
    fail_msg("faults without end");
    return false;
}

static u32 take(bool clean)
{
    struct xen_domctl_shadow_op op = {.pages = WORLD_FRAMES, .dirty_bitmap.va = (u64)bitmap};
    int error;
    memset(bitmap, 0xff, sizeof(bitmap));
    do
        error = pv_log_dirty_read(world.guest, &op, clean);
    while (error == -ERESTART);
    assert_int_equal(error, 0);
    assert_int_equal(op.pages, WORLD_FRAMES);
    assert_int_equal(bitmap[WORLD_FRAMES / 64], ~0ull); /* no more than was asked for */
    return op.stats.dirty_count;
}

static bool is_dirty(mfn_t mfn)
{
    return bitmap[mfn.v / 64] >> mfn.v % 64 & 1;
}

static struct tree start(void)
{
    struct tree t = tree_load(world.guest);
    assert_int_equal(pv_log_dirty_enable(world.guest), 0);
    return t;
}

/* --- another vCPU, which changes an entry while a fault reads it, and then waits for its lock */

static struct {
    pte_t *entry;
    pte_t old, new;
} race;

struct frame *__real_frame_of_mfn(mfn_t mfn);
struct frame *__wrap_frame_of_mfn(mfn_t mfn);

/* A fault asks for the frame of what it has just read. */
struct frame *__wrap_frame_of_mfn(mfn_t mfn)
{
    if (race.entry && spin_is_locked(&world.guest->arch.log_dirty->lock) &&
        mfn_eq(mfn, pte_mfn(race.old)))
        *race.entry = race.new;
    return __real_frame_of_mfn(mfn);
}

/* --- */

static void writes_are_logged_once(void **state)
{
    struct tree t = start();
    assert_true(touch(TREE_VA, false));
    take(true);
    assert_false(is_dirty(t.data));
    assert_true(touch(TREE_VA, true));
    world_check();
    assert_int_equal(take(false), 1);
    assert_int_equal(take(true), 1);
    assert_true(is_dirty(t.data));
    assert_int_equal(take(true), 0);
    /* The new log needs a fault again. */
    assert_int_equal(shadow_entry(TREE_VA, true), 0);
    assert_true(touch(TREE_VA, true));
    assert_int_equal(take(true), 1);
    assert_true(is_dirty(t.data));
}

/* A tool that is interrupted while it takes the log goes on where it was; another one would miss
 * what went already. */
static void one_takes_at_a_time(void **state)
{
    struct xen_domctl_shadow_op op = {.pages = WORLD_FRAMES, .dirty_bitmap.va = (u64)bitmap};
    struct tree t = start();
    struct log_dirty *log = world.guest->arch.log_dirty;
    const struct vcpu other = {.id = 1};
    take(true);
    assert_true(touch(TREE_VA, true));
    log->is_taken = true;
    log->taker = &other;
    assert_int_equal(pv_log_dirty_read(world.guest, &op, true), -EBUSY);
    assert_int_equal(pv_log_dirty_read(world.guest, &op, false), -EBUSY);
    log->is_taken = false;
    assert_int_equal(take(true), 1);
    assert_true(is_dirty(t.data));
}

static void the_guest_sees_its_own_tables(void **state)
{
    struct tree t = start();
    pte_t l1 = world_table(t.l1)[0], l4 = world_table(t.l4)[1];
    world_table(t.l1)[0] &= ~(PTE_ACCESSED | PTE_DIRTY);
    world_table(t.l4)[1] &= ~PTE_ACCESSED;
    assert_true(touch(TREE_VA, false));
    assert_int_equal(world_table(t.l1)[0], l1 & ~PTE_DIRTY);
    assert_int_equal(world_table(t.l4)[1], l4);
    assert_true(touch(TREE_VA, true));
    assert_int_equal(world_table(t.l1)[0], l1);
    /* The bits that the processor would have set are writes too. */
    take(true);
    assert_true(is_dirty(t.l1) && is_dirty(t.l4) && is_dirty(t.data));
    assert_false(is_dirty(t.l3) || is_dirty(t.l2));
}

static void its_own_faults_stay_its_own(void **state)
{
    struct tree t = start();
    assert_false(touch(TREE_VA + PAGE_SIZE, false));
    assert_false(touch(1ull << 40, false));
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.data, RO)), 0);
    assert_false(touch(TREE_VA, true));
    /* The processor itself says that it is there, and may not be written to. */
    assert_true(shadow_entry(TREE_VA, false));
    assert_true(touch(TREE_VA, false));
    /* Reading what is present fails for a reason that is not the log's. */
    assert_false(shadow_fault(guest_vcpu(), guest_vcpu()->arch.shadow_l4[0], TREE_VA, PF_PRESENT));
    /* Nor through a link that denies it. */
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.data, RW)), 0);
    assert_true(touch(TREE_VA, true));
    assert_int_equal(world_mmu_update(at(t.l2, 3), pte_make(t.l1, RO)), 0);
    assert_false(touch(TREE_VA, true));
    assert_true(touch(TREE_VA, false));
    take(true);
    assert_true(is_dirty(t.l1) && is_dirty(t.l2));
}

static void a_changed_entry_is_gone_at_each_level(void **state)
{
    struct tree t = start();
    const mfn_t tables[] = {t.l1, t.l2, t.l3, t.l4}, below[] = {t.data, t.l1, t.l2, t.l3};
    const u32 slots[] = {0, 3, 2, 1};
    for (u32 i = 0; i < 4; i++) {
        assert_true(touch(TREE_VA, true));
        assert_int_equal(world_mmu_update(at(tables[i], slots[i]), 0), 0);
        world_check();
        assert_false(touch(TREE_VA, false));
        assert_int_equal(world_mmu_update(at(tables[i], slots[i]), pte_make(below[i], RW)), 0);
    }
    assert_true(touch(TREE_VA, true));
}

/* Also by an instruction of the guest's that faults and is emulated, and for a grant. */
static void other_ways_to_change_an_entry(void **state)
{
    struct tree t = start();
    struct regs regs = {.rip = 100};
    vaddr_t table_va = TREE_VA + PAGE_SIZE;
    mfn_t mine = world_frame(world.dom0);
    u32 flags = GNTMAP_host_map | GNTMAP_contains_pte;
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(t.l1, RO)), 0);
    assert_true(touch(TREE_VA, true));
    take(true);
    world.write = (struct memory_write){.address = table_va,
                                        .bytes = 8,
                                        .kind = MEMORY_WRITE_STORE,
                                        .operand = 0,
                                        .insn = {.length = 3, .operand_bytes = 8}};
    assert_true(pv_emulate_page_table_write(guest_vcpu(), &regs, table_va));
    assert_false(touch(TREE_VA, false));
    take(true);
    assert_true(is_dirty(t.l1));
    assert_int_equal(arch_grant_map(world.guest, at(t.l1, 0), mine, flags), GNTST_okay);
    assert_true(touch(TREE_VA, true)); /* another's frame: not in this log, and no fault for ever */
    assert_int_equal(arch_grant_unmap(world.guest, at(t.l1, 0), 0, mine, flags), GNTST_okay);
    assert_false(touch(TREE_VA, false));
    take(true);
    assert_false(is_dirty(mine));
    assert_int_equal(world_call(hypercall_update_va_mapping, TREE_VA, pte_make(t.data, RW), 0, 0),
                     0);
    assert_true(touch(TREE_VA, true));
}

static void a_fault_believes_one_value_of_an_entry(void **state)
{
    struct tree t = start();
    struct vcpu *v = guest_vcpu();
    mfn_t other = world_frame(world.guest);
    const pte_t before[] = {0, pte_make(t.data, RW), pte_make(t.data, RW & ~PTE_DIRTY)};
    const u32 errors[] = {0, PF_WRITE};
    for (u32 i = 0; i < ARRAY_SIZE(before) * ARRAY_SIZE(errors); i++) {
        pte_t *entry = &world_table(t.l1)[0], old = before[i / 2], new = pte_make(other, RW);
        take(true);
        log_dirty_mark(world.guest->arch.log_dirty, t.data);
        assert_int_equal(world_mmu_update(at(t.l1, 0), old), 0);
        race.entry = entry;
        race.old = old;
        race.new = new;
        shadow_fault(v, v->arch.shadow_l4[0], TREE_VA, errors[i % 2]);
        race.entry = NULL;
        pte_t s = shadow_entry(TREE_VA, true);
        assert_true(!s || log_dirty_has(world.guest->arch.log_dirty, pte_mfn(s)));
        /* Now the other one has the lock. */
        *entry = old;
        assert_int_equal(world_mmu_update(at(t.l1, 0), new), 0);
        assert_true(touch(TREE_VA, true));
        assert_int_equal(pte_mfn(shadow_entry(TREE_VA, true)).v, other.v);
        take(true);
        assert_true(is_dirty(other));
    }
}

static void a_frame_that_becomes_a_table_is_not_written_to(void **state)
{
    struct tree t = start();
    assert_true(touch(TREE_VA, true));
    assert_int_equal(world_mmu_update(at(t.l1, 0), 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, t.data.v, 0), 0);
    world_check();
    /* A table that is data again has no shadow: another of that number begins empty. */
    assert_int_equal(world_mmu_update(at(t.l2, 4), pte_make(t.data, RW)), 0);
    vaddr_t va = TREE_VA + (1ull << 21);
    mfn_t other = world_frame(world.guest);
    assert_int_equal(world_mmu_update(at(t.data, 0), pte_make(other, RW)), 0);
    assert_true(touch(va, true));
    assert_int_equal(world_mmu_update(at(t.l2, 4), 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, t.data.v, 0), 0);
    world_check();
    world_table(t.data)[0] = 0;
    assert_int_equal(world_mmu_update(at(t.l2, 4), pte_make(t.data, RW)), 0);
    assert_false(touch(va, false));
}

/* Tables and pins go to the target as such: a frame that becomes one, or is one no more, goes once
 * more. */
static void what_a_frame_is_counts_as_written(void **state)
{
    struct tree t = start();
    mfn_t table = world_frame(world.guest);
    const struct {
        u32 cmd;
        bool is_used; /* by the tree, too */
    } steps[] = {{MMUEXT_PIN_L1_TABLE, false},
                 {MMUEXT_UNPIN_TABLE, false},
                 {MMUEXT_PIN_L1_TABLE, true},
                 {MMUEXT_UNPIN_TABLE, true}};
    take(true);
    for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
        assert_int_equal(world_mmu_update(at(t.l2, 4), steps[i].is_used ? pte_make(table, RW) : 0),
                         0);
        take(true);
        assert_int_equal(world_mmuext(steps[i].cmd, table.v, 0), 0);
        take(true);
        assert_true(is_dirty(table));
        take(true);
        assert_false(is_dirty(table));
    }
    assert_int_equal(world_mmu_update(at(t.l2, 4), 0), 0);
    take(true);
    assert_true(is_dirty(table));
    assert_int_equal(world_mmu_update(at(t.l2, 4), pte_make(table, RW)), 0);
    take(true);
    assert_true(is_dirty(table));
}

static void another_base_is_another_address_space(void **state)
{
    struct tree t = start();
    assert_true(touch(TREE_VA, true));
    mfn_t empty = world_frame(world.guest);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, empty.v, 0), 0);
    assert_false(touch(TREE_VA, false));
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, t.l4.v, 0), 0);
    assert_true(touch(TREE_VA, true));
}

static void more_tables_than_shadows(void **state)
{
    struct tree t = start();
    u32 n = world.guest->arch.log_dirty->max_shadows + 20;
    mfn_t data = world_frame(world.guest), l1[PTES_PER_TABLE];
    assert_true(n + 8 < PTES_PER_TABLE);
    for (u32 i = 0; i < n; i++) {
        l1[i] = world_frame(world.guest);
        world_table(l1[i])[0] = pte_make(data, RW);
        assert_int_equal(world_mmu_update(at(t.l2, 8 + i), pte_make(l1[i], RW)), 0);
    }
    for (u32 round = 0; round < 2; round++)
        for (u32 i = 0; i < n; i++)
            assert_true(touch((TREE_VA & ~((1ull << 30) - 1)) + ((8ull + i) << 21), true));
    assert_true(world.guest->arch.log_dirty->nr_shadows <=
                world.guest->arch.log_dirty->max_shadows);
    take(true);
    assert_true(is_dirty(data));
}

static void what_others_write_is_logged(void **state)
{
    struct tree t = start();
    mfn_t mine = world_frame(world.guest);
    struct frame *f = frame_of_mfn(mine);
    take(true);
    assert_int_equal(frame_type_get_writable(f), 0);
    frame_type_put_writable(f);
    take(true);
    assert_true(is_dirty(mine));
    /* Mapped by another domain: when it is unmapped. */
    world_run(world.dom0);
    struct tree theirs = tree_load(world.dom0);
    struct mmu_update u = {.ptr = at(theirs.l1, 1), .val = pte_make(mine, RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, world.guest->id), 0);
    take(true);
    assert_int_equal(world_mmu_update(at(theirs.l1, 1), 0), 0);
    take(true);
    assert_true(is_dirty(mine));
    assert_false(is_dirty(t.data));
    /* Or when all of the table goes that maps it. */
    mfn_t table = world_frame(world.dom0);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, table.v, 0), 0);
    u.ptr = at(table, 1);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, world.guest->id), 0);
    take(true);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, table.v, 0), 0);
    assert_int_equal(world_type_count(mine), 0);
    take(true);
    assert_true(is_dirty(mine));
    world_run(world.guest);
}

static void what_cannot_be_delivered_is_kept(void **state)
{
    struct tree t = start();
    struct xen_domctl_shadow_op op = {.pages = WORLD_FRAMES, .dirty_bitmap.va = 8};
    assert_true(touch(TREE_VA, true));
    assert_int_equal(pv_log_dirty_read(world.guest, &op, true), -EFAULT);
    assert_int_equal(take(true), 1);
    assert_true(is_dirty(t.data));
    /* Room for a part only: the rest is for the next time. */
    assert_true(touch(TREE_VA, true));
    op = (struct xen_domctl_shadow_op){.pages = 8, .dirty_bitmap.va = (u64)bitmap};
    assert_int_equal(pv_log_dirty_read(world.guest, &op, true), 0);
    assert_int_equal(take(true), 1);
    assert_true(is_dirty(t.data));
}

static void refusals(void **state)
{
    struct xen_domctl_shadow_op op = {.pages = 1};
    assert_int_equal(pv_log_dirty_read(world.guest, &op, true), -EINVAL);
    world.guest->shared_info->arch.max_pfn = ~0ull - 1;
    assert_int_equal(pv_log_dirty_enable(world.guest), -EINVAL);
    world.guest->shared_info->arch.max_pfn = WORLD_FRAMES - 1;
    start();
    assert_int_equal(pv_log_dirty_enable(world.guest), -EINVAL);
    assert_true(touch(TREE_VA, true));
    pv_log_dirty_disable(world.guest);
    pv_log_dirty_disable(world.guest);
    assert_int_equal(pv_log_dirty_enable(world.guest), 0);
    assert_int_equal(take(true), 0);
}

/* --- many changes, one after another: the shadows never allow more, nor less, than the tables */

#define RANDOM_STEPS 3000u

static u32 random_state = 12345;
static u32 random_below(u32 n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

static void random_changes(void **state)
{
    struct tree t = start();
    mfn_t data[4], l1s[3];
    bool written[4] = {false};
    for (u32 i = 0; i < 4; i++)
        data[i] = world_frame(world.guest);
    for (u32 i = 0; i < 3; i++)
        l1s[i] = world_frame(world.guest);
    for (u32 n = 0; n < RANDOM_STEPS; n++) {
        u32 page = random_below(4), table = random_below(3), what = random_below(4);
        vaddr_t va = (TREE_VA & ~((1ull << 30) - 1)) + ((u64)(8 + table) << 21) + page * PAGE_SIZE;
        pte_t link = world_table(t.l2)[8 + table], e = world_table(l1s[table])[page];
        if (random_below(5) == 0) {
            pte_t new = random_below(4) ? pte_make(l1s[table], RW) : 0;
            assert_int_equal(world_mmu_update(at(t.l2, 8 + table), new), 0);
        } else if (random_below(3) == 0) {
            const u64 flags[] = {0, RO, RW & ~PTE_DIRTY, RW};
            pte_t new = what ? pte_make(data[random_below(4)], flags[what]) : 0;
            assert_int_equal(world_mmu_update(at(l1s[table], page), new), 0);
        } else if (random_below(20) == 0) {
            take(true);
            for (u32 i = 0; i < 4; i++) {
                assert_int_equal(is_dirty(data[i]), written[i]);
                written[i] = false;
            }
        } else {
            bool write = random_below(2), there = (link & PTE_PRESENT) && (e & PTE_PRESENT);
            bool expected = there && (!write || (e & PTE_WRITE));
            assert_int_equal(touch(va, write), expected);
            for (u32 i = 0; i < 4 && expected && write; i++)
                if (mfn_eq(pte_mfn(e), data[i]))
                    written[i] = true;
        }
        /* A data frame that was a table's memory meanwhile counts as written by that. */
        if (n % 16 == 0)
            world_check();
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(writes_are_logged_once),
        T(one_takes_at_a_time),
        T(what_a_frame_is_counts_as_written),
        T(the_guest_sees_its_own_tables),
        T(its_own_faults_stay_its_own),
        T(a_changed_entry_is_gone_at_each_level),
        T(other_ways_to_change_an_entry),
        T(a_fault_believes_one_value_of_an_entry),
        T(a_frame_that_becomes_a_table_is_not_written_to),
        T(another_base_is_another_address_space),
        T(more_tables_than_shadows),
        T(what_others_write_is_logged),
        T(what_cannot_be_delivered_is_kept),
        T(refusals),
        T(random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
