/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that show the processor's tables, where UMIP lets them fault (arch/x86/pv/
 * emulate_tables.c): the answers, their widths, and faults of the operand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/guest_access.h"
#include "errno.h"
#include "x86/descriptors.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"

#define CR0       0x8005003bull
#define MEMORY    0x7000ull
#define OLD       0x1111111111111111ull
#define SHOWN_GDT (LAYOUT_PERDOMAIN + (3ull << PERDOMAIN_VCPU_SHIFT))
#define GROUP6    0x00
#define GROUP7    0x01

/* --- the machine around: two pages of the guest's, of which the second may be missing */

u64 cr4_base = CR4_UMIP;
static u8 memory[2 * PAGE_SIZE];
static u64 present;
static u64 segment_base;
static bool segment_usable;
static vaddr_t fault_at;

u64 read_cr0(void)
{
    return CR0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (to < MEMORY || to + bytes > MEMORY + present)
        return -EFAULT;
    memcpy(memory + (to - MEMORY), from, bytes);
    return 0;
}

bool pv_segment_base(struct vcpu *v, const struct regs *regs, const struct insn *i,
                     enum insn_segment segment, u64 *base)
{
    *base = segment_base;
    return segment_usable;
}

void pv_inject_page_fault(struct vcpu *v, vaddr_t address, u32 error)
{
    assert_int_equal(error, PF_USER | PF_WRITE);
    fault_at = address;
}

/* --- */

static struct vcpu v = {.id = 3};
static struct regs regs;

static int setup(void **state)
{
    cr4_base = CR4_UMIP;
    memset(memory, 0x55, sizeof(memory));
    memset(&regs, 0, sizeof(regs));
    present = sizeof(memory);
    segment_base = fault_at = 0;
    segment_usable = true;
    v.arch.ldt_entries = 0;
    regs.rax = OLD;
    regs.rbx = MEMORY;
    return 0;
}

/* One instruction; member is ModRM's middle field, its other part (%rbx) or %rax. */
static enum pv_outcome run(enum insn_mode mode, const char *prefix, u8 opcode, u8 member,
                           bool to_memory)
{
    u8 bytes[INSN_MAX_BYTES] = {0};
    struct insn i;
    size_t n = strlen(prefix);
    memcpy(bytes, prefix, n);
    bytes[n] = 0x0f;
    bytes[n + 1] = opcode;
    bytes[n + 2] = (u8)(member << 3 | (to_memory ? 0x03 : 0xc0));
    assert_int_equal(insn_decode(&i, bytes, sizeof(bytes), mode), 0);
    assert_int_equal(i.length, n + 3);
    return opcode == GROUP6 ? pv_emulate_selector_read(&v, &regs, &i)
                            : pv_emulate_table_read(&v, &regs, &i);
}

static u64 stored(u32 at, u32 bytes)
{
    u64 value = 0;
    memcpy(&value, memory + at, bytes);
    return value;
}

static void test_registers(void **state)
{
    static const struct {
        const char *prefix;
        u64 kept, mask;
    } widths[] = {{"", 0, 0xffffffff}, {"\x66", OLD & ~0xffffull, 0xffff}, {"\x48", 0, ~0ull}};
    for (u32 w = 0; w < ARRAY_SIZE(widths); w++) {
        for (u32 ldt = 0; ldt < 2; ldt++) {
            setup(state);
            v.arch.ldt_entries = ldt * 5;
            assert_int_equal(run(INSN_MODE_64, widths[w].prefix, GROUP6, 0, false), PV_DONE);
            assert_int_equal(regs.rax, widths[w].kept | (ldt ? SELECTOR_LDT : 0));
        }
        regs.rax = OLD;
        assert_int_equal(run(INSN_MODE_64, widths[w].prefix, GROUP6, 1, false), PV_DONE);
        assert_int_equal(regs.rax, widths[w].kept | SELECTOR_TSS);
        regs.rax = OLD;
        assert_int_equal(run(INSN_MODE_64, widths[w].prefix, GROUP7, 4, false), PV_DONE);
        assert_int_equal(regs.rax, widths[w].kept | (CR0 & widths[w].mask));
    }
}

static void test_memory(void **state)
{
    assert_int_equal(run(INSN_MODE_64, "", GROUP6, 1, true), PV_DONE);
    assert_int_equal(stored(0, 4), 0x55550000 | SELECTOR_TSS);
    assert_int_equal(run(INSN_MODE_64, "\x48", GROUP7, 4, true), PV_DONE);
    assert_int_equal(stored(0, 4), 0x55550000 | (CR0 & 0xffff));
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 0, true), PV_DONE);
    assert_int_equal(stored(0, 2), GDT_LIMIT);
    assert_int_equal(stored(2, 8), SHOWN_GDT);
    assert_int_equal(stored(10, 1), 0x55);
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 1, true), PV_DONE);
    assert_int_equal(stored(0, 2), 0xfff);
    assert_true(vaddr_is_hypervisor(stored(2, 8)));
}

/* A program of 32 bits: offsets wrap around there, and a base has 4 bytes. */
static void test_narrow(void **state)
{
    segment_base = 0xffff0000;
    regs.rbx = 0x10000 + MEMORY;
    assert_int_equal(run(INSN_MODE_32, "", GROUP7, 0, true), PV_DONE);
    assert_int_equal(stored(0, 2), GDT_LIMIT);
    assert_int_equal(stored(2, 4), (u32)SHOWN_GDT);
    assert_int_equal(stored(6, 2), 0x5555);
    segment_usable = false;
    assert_int_equal(run(INSN_MODE_32, "", GROUP7, 0, true), PV_REFUSED);
}

static void test_faults(void **state)
{
    regs.rbx = 0x123456;
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 0, true), PV_TRAPPED);
    assert_int_equal(fault_at, 0x123456);
    /* The second page of the operand: a fault of the first would come again for ever. */
    present = PAGE_SIZE;
    regs.rbx = MEMORY + PAGE_SIZE - 4;
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 0, true), PV_TRAPPED);
    assert_int_equal(fault_at, MEMORY + PAGE_SIZE);
    fault_at = 0;
    regs.rbx = 1ull << 63;
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 0, true), PV_REFUSED);
    assert_int_equal(fault_at, 0);
}

static void test_refused(void **state)
{
    for (u8 member = 0; member < 8; member++) {
        if (member > 1)
            assert_int_equal(run(INSN_MODE_64, "", GROUP6, member, true), PV_REFUSED);
        if (member > 1 && member != 4)
            assert_int_equal(run(INSN_MODE_64, "", GROUP7, member, true), PV_REFUSED);
    }
    /* Without UMIP they do not fault, and what does is something else. */
    cr4_base = 0;
    assert_int_equal(run(INSN_MODE_64, "", GROUP6, 0, true), PV_REFUSED);
    assert_int_equal(run(INSN_MODE_64, "", GROUP7, 0, true), PV_REFUSED);
    assert_int_equal(stored(0, 8), 0x5555555555555555);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_registers, setup), cmocka_unit_test_setup(test_memory, setup),
        cmocka_unit_test_setup(test_narrow, setup),    cmocka_unit_test_setup(test_faults, setup),
        cmocka_unit_test_setup(test_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
