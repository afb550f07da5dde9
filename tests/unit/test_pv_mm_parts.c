/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PV MMU beyond single entries: preemption, base pointers, emulated writes to tables,
 * descriptor tables, entries of grants.
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

/* --- preemption */

#define BIG_L1S  40u
#define LDT_PAGE 16u /* of a vCPU's window, the LDT's first */

/* One table of levels 4 and 3, two of level 2, and many of level 1. */
struct big_tree {
    mfn_t l4, l3, l2[2], l1[BIG_L1S], data;
};

static void big_tree_make(struct big_tree *b)
{
    struct domain *d = world.dom0;
    b->l4 = world_frame(d);
    b->l3 = world_frame(d);
    b->data = world_frame(d);
    world_table(b->l4)[0] = pte_make(b->l3, RW);
    world_table(b->l4)[300] = pte_make(b->l3, RW);
    for (u32 i = 0; i < 2; i++) {
        b->l2[i] = world_frame(d);
        world_table(b->l3)[i] = pte_make(b->l2[i], RW);
    }
    for (u32 i = 0; i < BIG_L1S; i++) {
        b->l1[i] = world_frame(d);
        world_table(b->l1[i])[i] = pte_make(b->data, RW);
        world_table(b->l2[i & 1])[i] = pte_make(b->l1[i], RW);
    }
    /* And one that has two links, met early. */
    world_table(b->l2[0])[1] = pte_make(b->l1[0], RW);
}

static void preempted_anywhere_ends_the_same(void **state)
{
    struct big_tree b;
    big_tree_make(&b);
    for (u32 after = 1; after < 20; after++) {
        world.preempt_after = after;
        assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, b.l4.v, 0), 0);
        assert_int_equal(world_type_count(b.data), BIG_L1S);
        assert_int_equal(world_type_count(b.l3), 2);
        for (u32 i = 0; i < BIG_L1S; i++)
            assert_int_equal(world_type_count(b.l1[i]), i ? 1 : 2);
        world_check();
        world.preempt_after = after;
        assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, b.l4.v, 0), 0);
        assert_int_equal(world_type_count(b.data), 0);
        assert_int_equal(world_refs(b.data), 1);
        world_check();
    }
}

/* Begin to pin, and never come back. */
static void pin_and_leave(struct big_tree *b)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = b->l4.v};
    world.continued = false;
    world.preempt_after = 2;
    assert_int_equal(hypercall_mmuext_op(current, (u64)&op, 1, 0, DOMID_SELF, 0, 0), 0);
    world.preempt_after = 0;
    assert_true(world.continued);
    world_check();
}

static void what_an_abandoned_pin_left_can_be_had_back(void **state)
{
    struct big_tree b;
    struct tree t = tree_load(world.dom0);
    big_tree_make(&b);
    pin_and_leave(&b);
    assert_true(frame_of_mfn(b.l1[0])->type & FRAME_CARRIED);
    /* As data ... */
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(b.l1[0], RW)), 0);
    assert_int_equal(world_type(b.l1[0]), FRAME_TYPE_WRITABLE);
    assert_int_equal(world_mmu_update(at(t.l1, 1), 0), 0);
    /* ... or as another type. */
    assert_int_equal(world_mmuext(MMUEXT_CLEAR_PAGE, b.l1[2].v, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L2_TABLE, b.l1[2].v, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, b.l1[2].v, 0), 0);
    world_check();
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, b.l4.v, 0), 0);
    assert_int_equal(world_type_count(b.data), BIG_L1S - 1);
    for (u32 i = 0; i < BIG_L1S; i++)
        assert_false(frame_of_mfn(b.l1[i])->type & FRAME_CARRIED);
}

/* What is to be mapped writable is the table that is written to, and nobody's but a carried one. */
static void a_write_to_a_table_ends_that_table(void **state)
{
    struct big_tree b;
    big_tree_make(&b);
    pin_and_leave(&b);
    assert_true(frame_of_mfn(b.l1[2])->type & FRAME_CARRIED);
    u32 refs = world_refs(b.data);
    u64 entry = pte_make(b.l1[2], RW);
    assert_int_equal(world_mmu_update(at(b.l1[2], 2), entry), 0);
    assert_int_equal(world_refs(b.data), refs - 1);
    /* It is data now, and so is the entry. */
    assert_int_equal(world_type_count(b.l1[2]), 0);
    assert_int_equal(world_refs(b.l1[2]), 1);
    assert_int_equal(world_table(b.l1[2])[2], entry);
}

static void teardown_drops_what_was_carried(void **state)
{
    struct big_tree b;
    big_tree_make(&b);
    pin_and_leave(&b);
}

static void an_error_survives_the_continuation(void **state)
{
    struct big_tree b;
    u32 done = 9;
    big_tree_make(&b);
    assert_int_equal(world_mmuext(MMUEXT_PIN_L4_TABLE, b.l4.v, 0), 0);
    struct mmuext_op ops[2] = {{.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = b.l4.v},
                               {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = b.l4.v}};
    world.preempt_after = 2;
    assert_int_equal(world_call(hypercall_mmuext_op, (u64)ops, 2, (u64)&done, DOMID_SELF), -EINVAL);
    assert_int_equal(done, 1);
    assert_int_equal(world_type_count(b.data), 0);
}

/* --- base pointers */

static void base_pointers(void **state)
{
    struct tree a = tree_load(world.dom0), b = tree_make(world.dom0);
    u32 loads = world.cr3_loads;
    assert_int_equal(world_mmuext(MMUEXT_NEW_USER_BASEPTR, b.l4.v, 0), 0);
    assert_int_equal(world.cr3_loads, loads);
    assert_int_equal(world_type_count(b.l4), 1);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, b.l4.v, 0), 0);
    assert_int_equal(world.cr3_loads, loads + 1);
    assert_int_equal(world_type_count(b.l4), 2);
    assert_int_equal(world_type_count(a.l4), 1);
    assert_int_equal(world_mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, b.l4.v, 0), 0);
    assert_int_equal(world_type_count(b.l4), 1);
    assert_int_equal(world_mmuext(MMUEXT_UNPIN_TABLE, a.l4.v, 0), 0);
    assert_int_equal(world_type_count(a.l1), 0);
    u32 level = 0;
    assert_int_equal(pv_translate(b.l4, TREE_VA, &level), world_table(b.l1)[0]);
    assert_int_equal(level, 1);
    assert_int_equal(pv_translate(b.l4, TREE_VA + MIB(2), &level), 0);
}

/* --- emulated writes */

static bool emulate(mfn_t l1, vaddr_t va, enum memory_write_kind kind, u32 bytes, u64 value)
{
    struct regs regs = {.rip = 100};
    world.write = (struct memory_write){.address = va,
                                        .bytes = bytes,
                                        .kind = kind,
                                        .operand = value,
                                        .insn.length = 3,
                                        .insn.operand_bytes = (u8)bytes};
    bool done = pv_emulate_page_table_write(current, &regs, va);
    assert_true(!done || regs.rip == 103);
    return done;
}

static void writes_to_tables_are_updates(void **state)
{
    struct tree t = tree_load(world.dom0);
    vaddr_t window = TREE_VA + 7 * PAGE_SIZE;
    assert_int_equal(world_mmu_update(at(t.l1, 7), pte_make(t.l1, RO)), 0);
    assert_true(emulate(t.l1, window + 8, MEMORY_WRITE_STORE, 8, pte_make(t.data, RW)));
    assert_int_equal(world_type_count(t.data), 2);
    /* Half an entry, a byte of it: the rest stays. */
    assert_true(
        emulate(t.l1, window + 8, MEMORY_WRITE_STORE, 4, pte_make(t.data, RO) & 0xffffffff));
    assert_int_equal(world_table(t.l1)[1], pte_make(t.data, RO));
    assert_int_equal(world_type_count(t.data), 1);
    assert_true(emulate(t.l1, window + 15, MEMORY_WRITE_STORE, 1, 0x80));
    assert_int_equal(world_table(t.l1)[1], pte_make(t.data, RO | PTE_NX));
    /* What may not be, may not be; nor what is no table, or crosses an entry. */
    assert_false(emulate(t.l1, window + 8, MEMORY_WRITE_STORE, 8, pte_make(t.l2, RW)));
    assert_false(emulate(t.l1, window + 6, MEMORY_WRITE_STORE, 4, 0));
    assert_false(emulate(t.l1, TREE_VA, MEMORY_WRITE_STORE, 8, 0));
    assert_int_equal(world_mmu_update(at(t.l1, 8), pte_make(t.l2, RO)), 0);
    assert_false(emulate(t.l1, window + PAGE_SIZE, MEMORY_WRITE_STORE, 8, 0));
    assert_true(emulate(t.l1, window + 8, MEMORY_WRITE_XCHG, 8, 0));
    assert_int_equal(world_table(t.l1)[1], 0);
    /* By the time that it is read, the instruction may be one that writes elsewhere. */
    struct regs regs = {.rip = 100};
    world.write.address = TREE_VA + 8;
    assert_false(pv_emulate_page_table_write(current, &regs, window + 8));
    assert_int_equal(regs.rip, 100);
    world_check();
}

/* --- descriptor tables */

#define CODE_RING0 DESCRIPTOR_CODE64_RING0
#define GATE_CALL  0x0000ec0000e00000ull

static void descriptors_are_checked(void **state)
{
    u64 d = CODE_RING0;
    assert_true(pv_descriptor_check(&d));
    assert_int_equal(d, DESCRIPTOR_CODE64_RING3);
    d = GATE_CALL;
    assert_false(pv_descriptor_check(&d));
    d = descriptor_system_low(0x1000, 0xff, DESCRIPTOR_TYPE_TSS);
    assert_false(pv_descriptor_check(&d));
    d = descriptor_system_low(0x1000, 0xff, DESCRIPTOR_TYPE_LDT);
    assert_false(pv_descriptor_check(&d));
    d &= ~BIT(47);
    assert_true(pv_descriptor_check(&d));
}

static void gdt_frames_are_no_data(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t g = world_frame(world.dom0), bad = world_frame(world.dom0);
    u64 list[2] = {g.v, bad.v};
    world_table(g)[1] = CODE_RING0;
    world_table(bad)[511] = GATE_CALL;
    assert_int_equal(world_call(hypercall_set_gdt, (u64)list, 1024, 0, 0), -EINVAL);
    assert_int_equal(world_type_count(g), 0);
    assert_int_equal(world_call(hypercall_set_gdt, (u64)list, 512, 0, 0), 0);
    assert_int_equal(world_table(g)[1], DESCRIPTOR_CODE64_RING3);
    assert_int_equal(perdomain_mapped(current, 0).v, g.v);
    assert_int_equal(world_mmu_update(at(t.l1, 1), pte_make(g, RW)), -EBUSY);
    assert_int_equal(world_mmuext(MMUEXT_CLEAR_PAGE, g.v, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_descriptor, at(g, 2), CODE_RING0, 0, 0), 0);
    assert_int_equal(world_table(g)[2], DESCRIPTOR_CODE64_RING3);
    assert_int_equal(world_call(hypercall_update_descriptor, at(g, 2), GATE_CALL, 0, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_descriptor, at(g, 2) + 4, 0, 0, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_descriptor, at(t.l1, 2), 0, 0, 0), -EINVAL);
    assert_int_equal(world_call(hypercall_update_descriptor, at(bad, 2), CODE_RING0, 0, 0), 0);
    world_check();
    assert_int_equal(world_call(hypercall_set_gdt, (u64)list, GDT_RESERVED_START + 1, 0, 0),
                     -EINVAL);
    assert_int_equal(world_call(hypercall_set_gdt, 8, 1, 0, 0), -EFAULT);
    /* No CPU may remember the window: one flush for that, and one for the vCPU's new table. */
    world.flushes = 0;
    assert_int_equal(world_call(hypercall_set_gdt, 0, 0, 0, 0), 0);
    assert_int_equal(world.flushes, 2);
    assert_int_equal(world_type_count(g), 0);
    assert_int_equal(perdomain_mapped(current, 0).v, ~0ull);
}

static void ldt_pages_come_when_needed(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t ldt = world_frame(world.dom0);
    assert_int_equal(world_mmu_update(at(t.l1, 9), pte_make(ldt, RO)), 0);
    vaddr_t va = TREE_VA + 9 * PAGE_SIZE;
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, va + 8, 4), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, va, 8193), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, LAYOUT_START, 1), -EINVAL);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, va, 600), 0);
    assert_int_equal(pv_ldt_map_page(current, 8), 0);
    assert_int_equal(pv_ldt_map_page(current, 8), 0);
    assert_int_equal(pv_ldt_map_page(current, 4096 + 8), -EFAULT); /* nothing is mapped there */
    assert_int_equal(pv_ldt_map_page(current, 2 * 4096), -EFAULT); /* beyond its end */
    assert_int_equal(world_type(ldt), FRAME_TYPE_DESC);
    world_check();
    /* The guest takes its mapping away: the window follows. */
    assert_int_equal(world_mmu_update(at(t.l1, 9), 0), 0);
    assert_int_equal(world_type_count(ldt), 0);
    assert_int_equal(world_mmu_update(at(t.l1, 9), pte_make(ldt, RO)), 0);
    assert_int_equal(pv_ldt_map_page(current, 8), 0);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, 0, 0), 0);
    assert_int_equal(world_type_count(ldt), 0);
    assert_int_equal(world.ldt_loads, 2);
}

/* One that is a table that is just being given up, after many others: not at once, and not said to
 * be. */
static void ldt_page_of_tables_that_go(void **state)
{
    struct tree t = tree_load(world.dom0);
    struct big_tree b;
    vaddr_t va = TREE_VA + 9 * PAGE_SIZE;
    u32 slices = 0;
    int error;
    big_tree_make(&b);
    assert_int_equal(world_mmu_update(at(t.l1, 9), pte_make(b.l2[0], RO)), 0);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, va, 512), 0);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, b.l4.v, 0), 0);
    assert_int_equal(pv_set_kernel_l4(current, t.l4), 0);
    assert_int_equal(pv_ldt_map_page(current, 8), -EFAULT); /* it is a table yet */
    spin_lock(&world.dom0->arch.page_table_lock);
    assert_int_equal(pv_devalidate(world.dom0), -ERESTART);
    spin_unlock(&world.dom0->arch.page_table_lock);
    while ((error = pv_ldt_map_page(current, 8)) == -ERESTART) {
        assert_true(mfn_is_invalid(perdomain_mapped(current, LDT_PAGE)));
        slices++;
    }
    assert_true(slices > 1);
    assert_int_equal(error, 0);
    assert_int_equal(perdomain_mapped(current, LDT_PAGE).v, b.l2[0].v);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, 0, 0), 0);
    assert_int_equal(world_mmu_update(at(t.l1, 9), 0), 0);
}

static u32 ldt_unmaps;

void __real_mm_ldt_unmap(struct vcpu *v);
void __wrap_mm_ldt_unmap(struct vcpu *v);

void __wrap_mm_ldt_unmap(struct vcpu *v)
{
    ldt_unmaps++;
    __real_mm_ldt_unmap(v);
}

/* Windows of LDTs are looked at by the first entry that goes, and only if one shows anything. */
static void mappings_of_descriptors_go_at_once(void **state)
{
    struct tree t = tree_load(world.dom0);
    mfn_t gdt = world_frame(world.dom0), table = world_frame(world.dom0);
    u32 ldt_page = PERDOMAIN_LDT_OFFSET / PAGE_SIZE;
    assert_int_equal(world_call(hypercall_set_gdt, (u64)&gdt.v, 512, 0, 0), 0);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, TREE_VA, 1024), 0);
    for (u32 i = 0; i < 2; i++) {
        mfn_t ldt = world_frame(world.dom0);
        assert_int_equal(world_mmu_update(at(t.l1, i), pte_make(ldt, RO)), 0);
    }
    for (u32 i = 0; i < PTES_PER_TABLE; i++)
        world_table(table)[i] = pte_make(gdt, RO);
    for (u32 pages = 0; pages <= 2; pages++) {
        assert_int_equal(world_mmu_update(at(t.l2, 4), pte_make(table, RW)), 0);
        for (u32 i = 0; i < pages; i++)
            assert_int_equal(pv_ldt_map_page(current, i * PAGE_SIZE), 0);
        world_check();
        ldt_unmaps = 0;
        assert_int_equal(world_mmu_update(at(t.l2, 4), 0), 0);
        assert_int_equal(ldt_unmaps, pages ? world.dom0->max_vcpus : 0);
        for (u32 i = 0; i < 2; i++)
            assert_true(mfn_is_invalid(perdomain_mapped(current, ldt_page + i)));
        assert_int_equal(world_type_count(gdt), 1);
        world_check();
    }
}

/* --- grants */

static void grants_have_references_of_their_own(void **state)
{
    struct tree t = tree_load(world.dom0);
    struct domain *d = world.dom0;
    mfn_t g = world_frame(world.guest);
    struct frame *f = frame_of_mfn(g);
    vaddr_t va = TREE_VA + 11 * PAGE_SIZE;
    assert_int_equal(frame_get_writable(f, world.guest), 0);
    u32 host = GNTMAP_host_map, pte = GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_readonly;
    assert_int_equal(arch_grant_map(d, va, g, host), GNTST_okay);
    assert_int_equal(world_type_count(g), 2);
    assert_true(world_table(t.l1)[11] & PTE_WRITE);
    assert_int_equal(arch_grant_map(d, at(t.l1, 12), g, pte | 1 << 16), GNTST_okay);
    assert_int_equal(world_table(t.l1)[12] & (PTE_WRITE | PTE_AVAIL), BIT(9));
    assert_int_equal(arch_grant_map(d, at(t.l2, 12), g, pte), GNTST_general_error);
    assert_int_equal(arch_grant_map(d, at(t.l1, 12) + 4, g, pte), GNTST_general_error);
    assert_int_equal(arch_grant_map(d, LAYOUT_START, g, host), GNTST_general_error);
    world_check();
    /* It cannot be copied, nor made more of; its software bits may change. */
    assert_int_equal(world_mmu_update(at(t.l1, 13), world_table(t.l1)[12]), -EBUSY);
    assert_int_equal(world_mmu_update(at(t.l1, 12), world_table(t.l1)[12] | PTE_WRITE), -EBUSY);
    assert_int_equal(world_mmu_update(at(t.l1, 12), world_table(t.l1)[12] & ~PTE_ACCESSED), 0);
    /* Unmapped as something else, over itself, or twice. */
    assert_int_equal(arch_grant_unmap(d, va, 0, t.data, host), GNTST_general_error);
    assert_int_equal(arch_grant_unmap(d, va, 0, g, host | GNTMAP_readonly), GNTST_general_error);
    assert_int_equal(arch_grant_unmap(d, va, va, g, host), GNTST_general_error);
    /* Nor by another address of itself: it would stay, and the granter not know. */
    assert_int_equal(world_mmu_update(at(t.l2, 4), pte_make(t.l1, RW)), 0);
    assert_int_equal(arch_grant_unmap(d, va, va + MIB(2), g, host), GNTST_general_error);
    assert_true(pte_mfn(world_table(t.l1)[11]).v == g.v);
    assert_int_equal(world_mmu_update(at(t.l2, 4), 0), 0);
    /* Its domain has begun to die, and this vCPU runs yet. */
    d->dying = DOMAIN_DYING;
    assert_int_equal(arch_grant_unmap(d, va, TREE_VA, g, host), GNTST_okay);
    d->dying = DOMAIN_ALIVE;
    assert_int_equal(pte_mfn(world_table(t.l1)[11]).v, t.data.v);
    assert_int_equal(world_table(t.l1)[0], 0);
    assert_int_equal(arch_grant_unmap(d, at(t.l1, 12), 0, g, pte), GNTST_okay);
    assert_int_equal(arch_grant_unmap(d, at(t.l1, 12), 0, g, pte), GNTST_general_error);
    assert_int_equal(world_refs(g), 2);
    frame_put_writable(f);
    assert_int_equal(world_type_count(g), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(preempted_anywhere_ends_the_same),
        TEST(what_an_abandoned_pin_left_can_be_had_back),
        TEST(a_write_to_a_table_ends_that_table),
        TEST(teardown_drops_what_was_carried),
        TEST(an_error_survives_the_continuation),
        TEST(base_pointers),
        TEST(writes_to_tables_are_updates),
        TEST(descriptors_are_checked),
        TEST(gdt_frames_are_no_data),
        TEST(ldt_pages_come_when_needed),
        TEST(ldt_page_of_tables_that_go),
        TEST(mappings_of_descriptors_go_at_once),
        TEST(grants_have_references_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
