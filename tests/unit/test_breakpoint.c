/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * #BP of a guest's kernel: which ones it gets, and which ones are of an instruction that is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "x86/layout.h"
#include "x86/page.h"
#include "x86/pv.h"
#include "tests/unit/host_pv/pv_world.h"

#define INT3 0xcc
#define NOP  0x90

/* The guest's code as it sees it, at an address that its own tables map. */
static u8 code[PAGE_SIZE] aligned(PAGE_SIZE);
static struct regs regs;
static mfn_t l1;
static u32 delivered;

static pte_t *entry_make(mfn_t table, u32 level, mfn_t to, u64 flags)
{
    pte_t *e = &world_table(table)[pte_index((vaddr_t)code, level)];
    *e = pte_make(to, flags);
    return e;
}

static int setup(void **state)
{
    world_init();
    struct domain *d = world.guest;
    mfn_t l4 = world_frame(d), l3 = world_frame(d), l2 = world_frame(d);
    l1 = world_frame(d);
    entry_make(l4, 4, l3, RO);
    entry_make(l3, 3, l2, RO);
    entry_make(l2, 2, l1, RO);
    entry_make(l1, 1, world_frame(d), RO);
    world_run(d);
    current->arch.kernel_l4 = l4;
    current->arch.kernel_mode = true;
    memset(code, NOP, sizeof(code));
    regs = (struct regs){.cs = SELECTOR_RING3_CS64, .rip = (u64)&code[11]};
    return 0;
}

static int teardown(void **state)
{
    current->arch.kernel_l4 = MFN(0);
    world_end();
    return 0;
}

void pv_deliver_trap(struct vcpu *v, struct regs *r, u32 vector, u32 error_code)
{
    assert_ptr_equal(v, current);
    assert_ptr_equal(r, &regs);
    assert_int_equal(vector, TRAP_BP);
    assert_int_equal(error_code, 0);
    delivered++;
}

static void is_guests(void)
{
    struct regs before = regs;
    delivered = 0;
    pv_breakpoint(current, &regs);
    assert_int_equal(delivered, 1);
    assert_memory_equal(&regs, &before, sizeof(regs));
}

static void is_stale(void)
{
    delivered = 0;
    pv_breakpoint(current, &regs);
    assert_int_equal(delivered, 0);
}

static void test_real_breakpoint(void **state)
{
    code[10] = INT3;
    is_guests();
}

static void test_long_form(void **state)
{
    code[9] = 0xcd;
    code[10] = TRAP_BP;
    is_guests();
    code[10] = 4; /* INT 4 is none: what stands there now is not what ran */
    is_stale();
}

static void test_gone(void **state)
{
    is_stale();
    assert_int_equal(regs.rip, (u64)&code[10]);
}

/* What cannot be told is the guest's. */
static void test_unclear(void **state)
{
    current->arch.kernel_mode = false;
    is_guests();
    current->arch.kernel_mode = true;
    regs.cs = SELECTOR_RING3_CS32;
    is_guests();
    regs.cs = SELECTOR_RING3_CS64;
    regs.rip = 2; /* cannot be read */
    is_guests();
    regs.rip = HYPERVISOR_VIRT_START + 3;
    is_guests();
}

/* Frames of others are not touched. */
static void test_foreign_code(void **state)
{
    entry_make(l1, 1, world_frame(world.dom0), RO);
    is_guests();
    entry_make(l1, 1, MFN(WORLD_DEVICE_MFN), RO);
    is_guests();
    entry_make(l1, 1, MFN(0), 0);
    is_guests();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_real_breakpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unclear, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_code, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
