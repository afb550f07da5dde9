/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors of a guest's tables, as the emulation of instructions reads them: from pages that
 * another vCPU may take away at that very moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "x86/descriptors.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"
#include "x86/pv_mm.h"
#include "tests/unit/host_pv/pv_world.h"

#define LDT_SELECTOR 0xf /* the table's second */
#define LDT_VA       (TREE_VA + 4 * PAGE_SIZE)
#define DATA         DESCRIPTOR_DATA_RING3
#define SOMEBODYS    (DATA | 0xbadull << 16)

static mfn_t ldt;

mfn_t __real_perdomain_mapped(const struct vcpu *v, u32 page);
mfn_t __wrap_perdomain_mapped(const struct vcpu *v, u32 page);

/* Another vCPU is as quick as the lock lets it. */
mfn_t __wrap_perdomain_mapped(const struct vcpu *v, u32 page)
{
    mfn_t mfn = __real_perdomain_mapped(v, page);
    if (!spin_is_locked(&v->domain->arch.page_table_lock)) {
        pv_ldt_unmap_all(current);
        ((u64 *)world_table(ldt))[1] = SOMEBODYS;
    }
    return mfn;
}

/* --- the processor's own registers are not asked for here */

u64 read_cr4(void)
{
    return 0;
}

u64 rdmsr(u32 msr)
{
    return 0;
}

void wrmsr(u32 msr, u64 v)
{
}

u64 rdfsbase(void)
{
    return 0;
}

u64 rdgsbase(void)
{
    return 0;
}

void wrfsbase(u64 v)
{
}

void wrgsbase(u64 v)
{
}

void swapgs(void)
{
}

int segment_load_gs(u16 selector)
{
    return 0;
}

u16 read_ds(void)
{
    return 0;
}

u16 read_es(void)
{
    return 0;
}

static int setup(void **state)
{
    world_init();
    world_run(world.guest);
    struct tree t = tree_load(world.guest);
    ldt = world_frame(world.guest);
    ((u64 *)world_table(ldt))[1] = DATA;
    assert_int_equal(world_mmu_update(at(t.l1, 4), pte_make(ldt, RO)), 0);
    assert_int_equal(world_mmuext(MMUEXT_SET_LDT, LDT_VA, 4), 0);
    return 0;
}

static int teardown(void **state)
{
    pv_ldt_unmap_all(current);
    world_end();
    return 0;
}

static void a_page_stays_while_it_is_read(void **state)
{
    u64 descriptor;
    assert_true(pv_descriptor_read(current, LDT_SELECTOR, &descriptor));
    assert_int_equal(descriptor, DATA);
    assert_false(pv_descriptor_read(current, LDT_SELECTOR + 8, &descriptor));  /* not present */
    assert_false(pv_descriptor_read(current, LDT_SELECTOR + 24, &descriptor)); /* beyond the end */
    assert_false(pv_descriptor_read(current, 3, &descriptor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_stays_while_it_is_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
