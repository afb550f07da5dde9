/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PV MMU: what it refuses and what it counts. Preemption, descriptor tables, emulated writes
 * and grants are test_pv_mm_parts.c's, random sequences test_pv_mm_order.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/grant_table.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "errno.h"
#include "x86/descriptors.h"
#include "x86/pv.h"
#include "tests/unit/host_pv/pv_world.h"

#define PREEMPTED 0x80000000u

static int setup(void **state)
{
    world_init();
    return 0;
}

static int teardown(void **state)
{
    world_check();
    world_end();
    return 0;
}

/* --- counts */

static void pin_counts_every_use(void **state)
{
    struct tree t = tree_load(world.dom0);
    assert_int_equal(world_type(t.l4), FRAME_TYPE_L4);
    assert_int_equal(world_type_count(t.l4), 2);
    assert_int_equal(world_refs(t.l4), 3);
    assert_int_equal(world_type(t.l1), FRAME_TYPE_L1);
    assert_int_equal(world_type_count(t.l1), 1);
    assert_int_equal(world_type(t.data), FRAME_TYPE_WRITABLE);
    assert_int_equal(world_type_count(t.data), 1);
    assert_int_equal(world_refs(t.data), 2);
    /* The hypervisor's slots are in. */
    assert_int_equal(world_table(t.l4)[HYPERVISOR_FIRST_SLOT], 0xabc000 + HYPERVISOR_FIRST_SLOT);
    assert_int_equal(pte_mfn(world_table(t.l4)[PERDOMAIN_SLOT]).v,
                     world.dom0->arch.perdomain_l3_mfn.v);
    world_check();
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, t.l4.v, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, t.l4.v, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, t.l4.v, 0), -EINVAL);
    assert_int_equal(world_type_count(t.l4), 1);
    world_check();
}

static void unpin_makes_data_again(void **state)
{
    struct tree t = tree_make(world.dom0);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, t.l4.v, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, t.l4.v, 0), 0);
    const mfn_t all[] = {t.l4, t.l3, t.l2, t.l1, t.data};
    for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(world_type_count(all[i]), 0);
        assert_int_equal(world_refs(all[i]), 1);
    }
}

static void mapping_and_unmapping_balance(void **state)
{
    struct tree t = tree_load(world.dom0);
    for (u32 i = 1; i < 9; i++)
        assert_int_equal(world_mmu_update(at(t.l1, i), pte_make(t.data, i & 1 ? RW : RO)), 0);
    assert_int_equal(world_type_count(t.data), 5);
    assert_int_equal(world_refs(t.data), 10);
    /* Same frame, other flags: nothing to count. */
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(t.data, RW | PTE_NX | PTE_GLOBAL)), 0);
    assert_int_equal(world_table(t.l1)[1], pte_make(t.data, RW | PTE_NX));
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(t.data, RO & ~PTE_USER)), 0);
    assert_int_equal(world_table(t.l1)[1], pte_make(t.data, RO));
    assert_int_equal(world_type_count(t.data), 4);
    for (u32 i = 0; i < 9; i++)
        assert_int_equal(world_mmu_update(at(t.l1, i), 0xfff0), 0);
    assert_int_equal(world_type_count(t.data), 0);
    assert_int_equal(world_refs(t.data), 1);
}

static void accessed_and_dirty_are_preserved(void **state)
{
    struct tree t = tree_load(world.dom0);
    world_table(t.l1)[0] |= PTE_ACCESSED | PTE_DIRTY;
    u64 plain = PTE_PRESENT | PTE_WRITE | PTE_USER;
    assert_int_equal(
        world_mmu_update(at(t.l1, 0) | MMU_PT_UPDATE_PRESERVE_AD, pte_make(t.data, plain)), 0);
    assert_int_equal(world_table(t.l1)[0], pte_make(t.data, plain | PTE_ACCESSED | PTE_DIRTY));
    assert_int_equal(
        world_mmu_update(at(t.l1, 0) | MMU_PT_UPDATE_NO_TRANSLATE, pte_make(t.data, plain)), 0);
    assert_int_equal(world_table(t.l1)[0], pte_make(t.data, plain));
}

/* --- refusals */

static void level1_refusals(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t other = world_frame(world.guest);
    struct frame *shared = frame_of_mfn(world_frame(world.xen));
    pte_t before = world_table(t.l1)[0];
    const struct {
        pte_t value;
        int error;
    } rows[] = {
        {pte_make(other, RO), -EBUSY},
        {pte_make(frame_mfn(shared), RO), -EBUSY},
        {pte_make(t.l1, RW), -EBUSY},
        {pte_make(t.l4, RW), -EBUSY},
        {pte_make(MFN(WORLD_DEVICE_MFN + 16), RO), -EPERM},
        {pte_make(MFN(BIT(39)), RO), -EPERM},
        {PTE_ADDR | RO, -EINVAL},
    };
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(world_mmu_update(at(t.l1, 0), rows[i].value), rows[i].error);
        assert_int_equal(world_table(t.l1)[0], before);
        world_check();
    }
    cpu_features.nx = false;
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.data, RW | PTE_NX)), -EINVAL);
    assert_int_equal(world_mmu_update(at(t.l2, 3), pte_make(t.l1, RW | PTE_NX)), -EINVAL);
    cpu_features.nx = true;
    /* Tables may be looked at. */
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.l1, RO)), 0);
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.l4, RO)), 0);
    assert_int_equal(world_mmu_update(at(t.l1, 0) | 4, 0), -ENOSYS);
    assert_int_equal(world_mmu_update(at(MFN(WORLD_FRAMES), 0), 0), -EINVAL);
    assert_int_equal(world_mmu_update(at(other, 0), 0), -EINVAL);
}

static void upper_refusals(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t other = world_frame(world.guest), fresh = world_frame(world.dom0);
    const struct {
        u64 where;
        pte_t value;
        int error;
    } rows[] = {
        {at(t.l2, 3), pte_make(t.l1, RW | PTE_PSE), -EINVAL},
        {at(t.l2, 3), pte_make(t.l1, RW | PTE_PCD), -EINVAL},
        {at(t.l2, 3), pte_make(t.l1, RW | PTE_GLOBAL), -EINVAL},
        {at(t.l2, 4), pte_make(t.data, RW), -EINVAL}, /* it is writable */
        {at(t.l2, 4), pte_make(t.l2, RW), -EINVAL},   /* not a level-1 table */
        {at(t.l2, 4), pte_make(other, RW), -EPERM},
        {at(t.l2, 4), pte_make(MFN(WORLD_DEVICE_MFN), RW), -EPERM},
        {at(t.l3, 4), pte_make(t.l1, RW), -EINVAL},
        {at(t.l4, 4), pte_make(t.l4, RW), -EINVAL}, /* linear page table */
        {at(t.l4, HYPERVISOR_FIRST_SLOT), 0, -EINVAL},
        {at(t.l4, HYPERVISOR_LAST_SLOT), pte_make(fresh, RW), -EINVAL},
    };
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(world_mmu_update(rows[i].where, rows[i].value), rows[i].error);
        world_check();
    }
    assert_int_equal(world_mmu_update(at(t.l4, HYPERVISOR_LAST_SLOT + 1), pte_make(fresh, RW)), 0);
    assert_int_equal(world_type(fresh), FRAME_TYPE_L3);
    assert_int_equal(world_mmu_update(at(t.l4, HYPERVISOR_LAST_SLOT + 1), 0), 0);
    assert_int_equal(world_type_count(fresh), 0);
}

/* Linux maps another domain's frames in a loop that goes on from where it is told it was. */
static void refusals_say_what_was_done(void **state)
{
    world_run(world.dom0);
    struct mmu_update u = {.ptr = 0, .val = 0};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    const struct {
        long (*call)(struct vcpu *, u64, u64, u64, u64, u64, u64);
        void *array;
        u64 foreign;
        long result;
        u32 count, done;
    } rows[] = {
        {hypercall_mmu_update, &u, 99, -ESRCH, 1, 0},
        {hypercall_mmu_update, &u, DOMID_INVALID, -ESRCH, 1, 0},
        {hypercall_mmu_update, &u, 99, -ESRCH, 0x80000001, 77}, /* continued: as much as before */
        {hypercall_mmu_update, &u, DOMID_SELF | 100 << 16, -ESRCH, 1, 77},
        {hypercall_mmuext_op, &op, DOMID_IO, -EPERM, 1, 0},
        {hypercall_mmuext_op, &op, DOMID_XEN, -EPERM, 1, 0},
        {hypercall_mmuext_op, &op, DOMID_IO, -EPERM, 0x80000001, 77},
        {hypercall_mmuext_op, &op, 99, -ESRCH, 1, 77},
        {hypercall_mmuext_op, &op, DOMID_SELF, 0, 1, 1},
        {hypercall_mmuext_op, &op, DOMID_SELF, 0, 0x80000001, 78},
    };
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        u32 done = 77;
        assert_int_equal(world_call(rows[i].call, (u64)rows[i].array, rows[i].count, (u64)&done,
                                    rows[i].foreign),
                         rows[i].result);
        assert_int_equal(done, rows[i].done);
    }
}

static void unprivileged_refusals(void **state)
{
    world_run(world.guest);
    struct tree t = tree_load(world.guest);
    mfn_t other = world_frame(world.dom0);
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(t.data, RW | PTE_PCD)), -EINVAL);
    assert_int_equal(world_mmu_update(at(t.l1, 0), pte_make(MFN(WORLD_DEVICE_MFN), RO)), -EPERM);
    struct mmu_update u = {.ptr = at(t.l1, 0), .val = pte_make(other, RO)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 0), -EPERM);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_SELF | 1 << 16), -EPERM);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 99), -ESRCH);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), -ESRCH);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_SELF | 100 << 16),
                     -ESRCH);
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = other.v};
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)&op, 1, 0, 0), -EPERM);
    assert_int_equal(world_mmuext(MMUEXT_FLUSH_CACHE, 0, 0), -EACCES);
    assert_int_equal(world_mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_MARK_SUPER, 0, 0), -EOPNOTSUPP);
    assert_int_equal(world_mmuext(14, 0, 0), -ENOSYS);
    assert_int_equal(world_mmuext(21, 0, 0), -ENOSYS);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, 0, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, ~0ull, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, t.l3.v, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_NEW_USER_BASEPTR, other.v, 0), -EINVAL);
}

/* Each by a TLB whose last flush was later than all stamps, so that only new ones count. */
static void stale_translations_are_flushed(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t f = world_frame(world.dom0);
    /* A frame that was mapped writable becomes a table ... */
    for (u32 i = 0; i < 3; i++) {
        tlb_flush_local();
        assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(f, RW)), 0);
        world_check();
        assert_int_equal(world_mmu_update(at(t.l1, 1), i == 1 ? pte_make(f, RO) : 0), 0);
        assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, f.v, 0), 0);
        world_check();
        /* ... is linked, and becomes data. */
        assert_int_equal(world_mmu_update(at(t.l2, 9), pte_make(f, RW)), 0);
        tlb_flush_local();
        world_check();
        assert_int_equal(world_mmu_update(at(t.l2, 9), 0), 0);
        assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, f.v, 0), 0);
        assert_int_equal(world_mmuext(MMUEXT_CLEAR_PAGE, f.v, 0), 0);
        world_check();
        /* Nothing is flushed for nothing. */
        tlb_flush_local();
        world.flushes = 0;
        assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, f.v, 0), 0);
        assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, f.v, 0), 0);
        assert_int_equal(world.flushes, 0);
    }
    /* A whole branch goes, and what hung below it. */
    world_check();
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, t.l1.v, 0), 0);
    tlb_flush_local();
    world_check();
    assert_int_equal(world_mmu_update(at(t.l4, 1), 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, t.l1.v, 0), 0);
    world_check();
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, t.data.v, 0), 0);
}

static void a_bad_tree_is_refused_as_a_whole(void **state)
{
    for (u32 where = 0; where < 4; where++) {
        struct tree t = tree_make(world.dom0);
        mfn_t table = where == 0 ? t.l1 : where == 1 ? t.l2 : where == 2 ? t.l3 : t.l4;
        world_table(table)[511] = pte_make(table, RW);
        assert_true(world_mmuext(MMUEXT_PIN_L4_TABLE, t.l4.v, 0) < 0);
        const mfn_t all[] = {t.l4, t.l3, t.l2, t.l1, t.data};
        for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
            assert_int_equal(world_type_count(all[i]), 0);
            assert_int_equal(world_refs(all[i]), 1);
        }
        world_check();
    }
}

static void shared_frames_are_no_tables(void **state)
{
    mfn_t f = world_frame(world.dom0);
    frame_of_mfn(f)->count |= FRAME_HYPERVISOR;
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, f.v, 0), -EINVAL);
    frame_of_mfn(f)->count &= ~FRAME_HYPERVISOR;
}

static void a_dying_domain_gets_no_tables(void **state)
{
    struct tree t = tree_make(world.dom0);
    world.dom0->dying = DOMAIN_DYING;
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, t.l4.v, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, t.l4.v, 0), -EINVAL);
    assert_int_equal(world_type_count(t.l1), 0);
}

/* --- device memory and other domains */

static void device_memory(void **state)
{
    struct tree t = tree_load(world.dom0);
    u64 wc = RW | PTE_PCD | PTE_PAT;
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(MFN(WORLD_DEVICE_MFN), wc)), 0);
    assert_int_equal(world_table(t.l1)[1], pte_make(MFN(WORLD_DEVICE_MFN), wc));
    /* Read-only for guests: the bit goes, the mapping stays. */
    assert_int_equal(world_mmu_update(at(t.l1, 2), pte_make(MFN(WORLD_DEVICE_MFN + 15), RW)), 0);
    assert_int_equal(world_table(t.l1)[2], pte_make(MFN(WORLD_DEVICE_MFN + 15), RW & ~PTE_WRITE));
    struct mmu_update u = {.ptr = at(t.l1, 3), .val = pte_make(MFN(WORLD_DEVICE_MFN + 1), RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_IO), 0);
    /* In another's name both must be allowed to. */
    u.ptr = at(t.l1, 4);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), -EPERM);
    mfn_t io = world_frame(world.io);
    assert_int_equal(world_mmu_update(at(t.l1, 4), pte_make(io, RO)), -EPERM);
    assert_int_equal(rangeset_add(&world.dom0->iomem, io.v, io.v), 0);
    assert_int_equal(world_mmu_update(at(t.l1, 4), pte_make(io, RW)), 0);
    assert_int_equal(world_refs(io), 2);
    assert_int_equal(world_mmu_update(at(t.l1, 4), 0), 0);
    assert_int_equal(world_refs(io), 1);
}

/* What is checked is what the processor finds, also where a domain wrote past the caches. */
static void caches_do_not_hide_what_is_there(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t table = world_frame(world.dom0);
    pte_t behind[PTES_PER_TABLE] = {[3] = pte_make(t.l1, RW)};
    static const u64 bits[] = {PTE_PCD, PTE_PAT, PTE_PWT | PTE_PCD};
    world.behind_caches = behind;
    for (u32 i = 0; i < ARRAY_SIZE(bits); i++) {
        /* Mapped writable so, or first to be read. */
        if (i == 1)
            assert_int_equal(world_mmu_update(at(t.l1, 5), pte_make(table, RO | bits[i])), 0);
        assert_int_equal(world_mmu_update(at(t.l1, 5), pte_make(table, RW | bits[i])), 0);
        world.incoherent = table;
        assert_int_equal(world_mmu_update(at(t.l1, 5), pte_make(table, RO | bits[i])), 0);
        assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, table.v, 0), -EBUSY);
        assert_true(mfn_is_invalid(world.incoherent));
        memset(world_table(table), 0, PAGE_SIZE);
        assert_int_equal(world_mmu_update(at(t.l1, 5), 0), 0);
    }
    /* Of another's frame, too, such a mapping may change in bits that mean nothing here. */
    mfn_t other = world_frame(world.guest);
    struct mmu_update u = {.ptr = at(t.l1, 5), .val = pte_make(other, RW | PTE_PCD)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), 0);
    assert_true(frame_of_mfn(other)->count & FRAME_INCOHERENT);
    assert_int_equal(world_mmu_update(at(t.l1, 5), pte_make(other, (RW | PTE_PCD) & ~PTE_DIRTY)),
                     0);
    assert_int_equal(world_mmu_update(at(t.l1, 5), 0), 0);
    /* Once. */
    world.incoherent = table;
    assert_int_equal(world_mmuext(MMUEXT_PIN_L1_TABLE, table.v, 0), 0);
    assert_true(mfn_eq(world.incoherent, table));
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, table.v, 0), 0);
}

static void frames_of_other_domains(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t other = world_frame(world.guest), shown = world_frame(world.xen);
    mfn_t shared = world_frame(world.xen);
    frame_of_mfn(shown)->type = FRAME_TYPE_NONE | 1;
    struct mmu_update u = {.ptr = at(t.l1, 1), .val = pte_make(other, RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), 0);
    assert_int_equal(world_type_count(other), 1);
    assert_true(frame_of_mfn(other)->count & FRAME_FOREIGN);
    world_check();
    /* As long as that is so, the owner cannot make it a table; afterwards every CPU is flushed. */
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = other.v};
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)&op, 1, 0, 7), -EINVAL);
    assert_int_equal(world_mmu_update(at(t.l1, 1), 0), 0);
    cpumask_clear(&world.guest->dirty_cpus, 0);
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)&op, 1, 0, 7), 0);
    assert_false(frame_of_mfn(other)->count & FRAME_FOREIGN);
    world_check();
    /* A mapping that is refused leaves no mark: one that came before its use could be lost. */
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), -EBUSY);
    assert_int_equal(
        arch_grant_map(world.dom0, at(t.l1, 1), other, GNTMAP_host_map | GNTMAP_contains_pte),
        GNTST_general_error);
    assert_false(frame_of_mfn(other)->count & FRAME_FOREIGN);
    op.cmd = MMUEXT_UNPIN_TABLE;
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)&op, 1, 0, 7), 0);
    /* The hypervisor's own that it shows, to be read, and that it shares. */
    u.val = pte_make(shown, RW);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_XEN), -EBUSY);
    u.val = pte_make(shown, RO);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, DOMID_XEN), 0);
    struct mmu_update both = {.ptr = at(t.l1, 5), .val = pte_make(shared, RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&both, 1, 0, DOMID_XEN), 0);
    assert_int_equal(world_type_count(shared), 1);
    both.val = 0;
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&both, 1, 0, DOMID_SELF), 0);
    assert_int_equal(world_call(hypercall_update_va_mapping_otherdomain, TREE_VA + PAGE_SIZE,
                                pte_make(other, RO), UVMF_INVLPG, 7),
                     0);
    assert_int_equal(world_refs(shown), 1);
    assert_int_equal(world_refs(other), 2);
    assert_int_equal(world_call(hypercall_update_va_mapping_otherdomain, TREE_VA, 0, 0, 50),
                     -ESRCH);
    /* Links to other domains' tables are nobody's. */
    u = (struct mmu_update){.ptr = at(t.l2, 9), .val = pte_make(other, RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7), -EINVAL);
    frame_of_mfn(shown)->type = 0; /* the world takes it back */
}

static void tables_of_other_domains(void **state)
{
    struct tree t = tree_make(world.guest);
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = t.l4.v};
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)&op, 1, 0, 7), 0);
    mfn_t more = world_frame(world.guest);
    struct mmu_update u = {.ptr = at(t.l1, 5), .val = pte_make(more, RW)};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7 | 8 << 16), 0);
    assert_int_equal(world_type_count(more), 1);
    u = (struct mmu_update){.ptr = at(t.l2, 3), .val = 0};
    assert_int_equal(world_call(hypercall_mmu_update, (u64)&u, 1, 0, 7 | 8 << 16), 0);
    assert_int_equal(world_type_count(more), 0);
    world_check();
}

/* --- arrays */

static void arrays_tell_how_far_they_came(void **state)
{
    struct tree t = tree_load(world.dom0);
    struct mmu_update u[40];
    u32 done = 77;
    for (u32 i = 0; i < 40; i++)
        u[i] = (struct mmu_update){.ptr = at(t.l1, i), .val = pte_make(t.data, RW)};
    u[33].val = pte_make(t.l2, RW);
    assert_int_equal(world_call(hypercall_mmu_update, (u64)u, 40, (u64)&done, DOMID_SELF), -EBUSY);
    assert_int_equal(done, 33);
    assert_int_equal(world_type_count(t.data), 33);
    /* Preempted at each chance, the count goes on. */
    u[33].val = 0;
    world.preempt_after = 1;
    assert_int_equal(world_call(hypercall_mmu_update, (u64)u, 40, (u64)&done, DOMID_SELF), 0);
    assert_int_equal(done, 40);
    assert_int_equal(world_call(hypercall_mmu_update, 8, 1, (u64)&done, DOMID_SELF), -EFAULT);
    assert_int_equal(done, 0);
    assert_int_equal(world_call(hypercall_mmu_update, BIT(47), 1, 0, DOMID_SELF), -EFAULT);
    assert_int_equal(world_call(hypercall_mmu_update, 0, PREEMPTED, 0, 5ull), 5);
    assert_int_equal(world_call(hypercall_mmu_update, 0, PREEMPTED, 0, (u32)-EBUSY), -EBUSY);
}

static void plain_frames_are_written(void **state)
{
    mfn_t f = world_frame(world.dom0);
    assert_int_equal(world_mmu_update(at(f, 3), 0x1234), 0);
    assert_int_equal(world_table(f)[3], 0x1234);
    assert_int_equal(world_type_count(f), 0);
    assert_int_equal(world_mmuext(MMUEXT_CLEAR_PAGE, f.v, 0), 0);
    assert_int_equal(world_table(f)[3], 0);
    mfn_t from = world_frame(world.dom0);
    world_table(from)[9] = 7;
    assert_int_equal(world_mmuext(MMUEXT_COPY_PAGE, f.v, from.v), 0);
    assert_int_equal(world_table(f)[9], 7);
    struct tree t = tree_load(world.dom0);
    assert_int_equal(world_mmuext(MMUEXT_CLEAR_PAGE, t.l1.v, 0), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_COPY_PAGE, t.l1.v, from.v), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_COPY_PAGE, f.v, t.l1.v), 0);
    world_table(f)[0] = 0; /* now a copy of an entry: plain data */
}

static void va_mapping(void **state)
{
    struct tree t = tree_load(world.dom0);
    u64 cpus = 1;
    const struct {
        u64 flags;
        u32 flushes, pages;
    } rows[] = {
        {UVMF_NONE, 0, 0},
        {UVMF_INVLPG, 0, 1},
        {UVMF_TLB_FLUSH, 1, 0},
        {UVMF_INVLPG | UVMF_ALL, 0, 1},
        {3, 0, 0},
        {UVMF_TLB_FLUSH | UVMF_ALL, 1, 0},
        {UVMF_INVLPG | (u64)&cpus, 0, 1},
        {UVMF_TLB_FLUSH | (u64)&cpus, 1, 0},
    };
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        world.flushes = world.page_flushes = 0;
        pte_t e = pte_make(t.data, i & 1 ? RW : RO);
        assert_int_equal(
            world_call(hypercall_update_va_mapping, TREE_VA + 5 * PAGE_SIZE, e, rows[i].flags, 0),
            0);
        assert_int_equal(world_table(t.l1)[5], e);
        assert_int_equal(world.flushes, rows[i].flushes);
        assert_int_equal(world.page_flushes, rows[i].pages);
    }
    assert_int_equal(world_call(hypercall_update_va_mapping, TREE_VA, 0, UVMF_INVLPG | 8, 0),
                     -EFAULT);
    assert_int_equal(world_call(hypercall_update_va_mapping, LAYOUT_START, 0, 0, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_va_mapping, BIT(50), 0, 0, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_va_mapping, 0, 0, 0, 0), -EINVAL);
}

static void flush_commands(void **state)
{
    u64 both = 3, none = 2;
    tree_load(world.dom0);
    world.flushes = world.page_flushes = 0;
    assert_int_equal(world_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (u64)&both), 0);
    assert_int_equal(world.flushes, 3);
    assert_int_equal(world_mmuext(MMUEXT_INVLPG_LOCAL, TREE_VA, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_INVLPG_ALL, TREE_VA, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_INVLPG_MULTI, TREE_VA, (u64)&none), 0);
    assert_int_equal(world_mmuext(MMUEXT_INVLPG_ALL, LAYOUT_START, 0), 0);
    assert_int_equal(world.page_flushes, 3);
    assert_int_equal(world_mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, 8), -EINVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(pin_counts_every_use),
        TEST(unpin_makes_data_again),
        TEST(mapping_and_unmapping_balance),
        TEST(accessed_and_dirty_are_preserved),
        TEST(level1_refusals),
        TEST(upper_refusals),
        TEST(refusals_say_what_was_done),
        TEST(unprivileged_refusals),
        TEST(stale_translations_are_flushed),
        TEST(a_bad_tree_is_refused_as_a_whole),
        TEST(shared_frames_are_no_tables),
        TEST(a_dying_domain_gets_no_tables),
        TEST(device_memory),
        TEST(caches_do_not_hide_what_is_there),
        TEST(frames_of_other_domains),
        TEST(tables_of_other_domains),
        TEST(arrays_tell_how_far_they_came),
        TEST(plain_frames_are_written),
        TEST(va_mapping),
        TEST(flush_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
