/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions of PV guests that fault, on the simulated machine: privileged ones, the forced
 * CPUID, IRET, and writes to page tables, with any registers and any bytes, fetched through the
 * guest's page tables. Whatever they do, the guest stays in ring 3 without a privilege of its own,
 * and what the processor is given to hold is what a processor accepts.
 */
#include <stdlib.h>
#include "abi/arch-x86.h"
#include "abi/physdev.h"
#include "core/hypercall.h"
#include "lib/print.h"
#include "lib/string.h"
#include "tests/fuzz/machine_input.h"
#include "x86/cpu.h"
#include "x86/decode.h"
#include "x86/page.h"
#include "x86/pv.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define GUEST_FRAMES 40u
#define HANDLER_VA   (HOST_TEXT_VA + 64) /* anywhere but where guests rest */
#define PLACE_BYTES  128u
#define DR7_GENERAL  BIT(13)

/* Of a place: the instruction, with what else was given. */
#define INSTRUCTION_BYTES 32u

/* What no guest may change by an instruction. */
#define RFLAGS_KEPT (RFLAGS_IF | RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            panic("does not hold: %s", #condition);                                                \
    } while (0)

/* --- what the input names */

static u64 some_value(void)
{
    static const u32 numbers[] = {0,          1,          4,          7,          0xd,
                                  0x10,       0x1b,       0x3f8,      0xcf8,      0xcfc,
                                  0x70,       0x40000000, 0x80000001, 0x80000008, 0x8000001d,
                                  0xc0000080, 0xc0000081, 0xc0000100, 0xc0000101, 0xc0000102,
                                  0xc0000103, 0x277,      0x8b,       0xc0010015, 0x1d9};
    u8 n = input_u8();
    switch (n >> 5) {
    case 0:
    case 1:
    case 2:
        return numbers[n % ARRAY_SIZE(numbers)];
    case 3:
        return HOST_WINDOW_VA + input_u16() % HOST_WINDOW_BYTES;
    case 4:
        return HOST_GUEST_VA + input_u32() % (GUEST_FRAMES * PAGE_SIZE);
    case 5:
        return input_u16();
    default:
        return input_u64();
    }
}

static void registers_choose(struct regs *r)
{
    u16 chosen = input_u16();
    for (u32 n = 0; n < 16; n++)
        if (chosen & BIT(n))
            *insn_register(r, n) = some_value();
}

/*
 * Prefixes and an opcode that means something, or plain bytes; behind them words of one value, for
 * what is read through a register.
 */
static vaddr_t instruction_put(void)
{
    static const u8 opcodes[][3] = {
        {2, 0x0f, 0x32}, {2, 0x0f, 0x30}, {2, 0x0f, 0x20}, {2, 0x0f, 0x22}, {2, 0x0f, 0x21},
        {2, 0x0f, 0x23}, {2, 0x0f, 0xa2}, {2, 0x0f, 0x31}, {2, 0x0f, 0x01}, {2, 0x0f, 0x06},
        {2, 0x0f, 0x09}, {2, 0x0f, 0x0b}, {2, 0x48, 0xcf}, {1, 0xe4, 0},    {1, 0xe7, 0},
        {1, 0xec, 0},    {1, 0xee, 0},    {1, 0x6c, 0},    {1, 0x6f, 0},    {1, 0xfa, 0},
        {2, 0x0f, 0xb1}, {2, 0x0f, 0xab}, {1, 0x89, 0},    {1, 0x87, 0},    {1, 0xab, 0},
        {1, 0xa5, 0},    {1, 0xc7, 0},    {1, 0x81, 0},    {2, 0x0f, 0xc7}, {2, 0x0f, 0xc1}};
    u8 n = input_u8(), used = 0;
    vaddr_t va;
    u8 *bytes = window_take(PLACE_BYTES, &va);
    for (u32 prefixes = n >> 5 & 3; prefixes; prefixes--)
        bytes[used++] = input_u8();
    if (n & 0x80) {
        const u8 *opcode = opcodes[n % 32 % ARRAY_SIZE(opcodes)];
        memcpy(bytes + used, opcode + 1, opcode[0]);
        used += opcode[0];
    }
    input_bytes(bytes + used, INSN_MAX_BYTES);
    u64 word = some_value();
    for (u32 at = INSTRUCTION_BYTES; at < PLACE_BYTES; at += sizeof(word))
        memcpy(bytes + at, &word, sizeof(word));
    return va;
}

/* --- what must hold */

static bool is_canonical(u64 address)
{
    return (u64)((s64)(address << 16) >> 16) == address;
}

static void vcpu_check(const struct vcpu *v)
{
    const struct host_processor *p = &host_processors[cpu_id()];
    HOLDS(!(v->arch.dr7 & DR7_GENERAL) && !(v->arch.dr7 >> 32));
    HOLDS(is_canonical(p->fs_base) && is_canonical(p->gs_base) && is_canonical(p->shadow_gs_base));
    for (u32 n = 0; n < ARRAY_SIZE(v->arch.dr); n++)
        HOLDS(!vaddr_is_hypervisor(v->arch.dr[n]) && is_canonical(v->arch.dr[n]));
}

/* --- what guests do */

/* As pv/traps.c has it for each kind of exception. */
static void fault(struct vcpu *v, struct regs *r, u8 kind, vaddr_t address)
{
    switch (kind % 4) {
    case 0:
        if (!pv_emulate_invalid_opcode(v, r))
            pv_inject_trap(v, TRAP_UD, 0);
        break;
    case 1:
        if (v->arch.kernel_mode && pv_emulate_page_table_write(v, r, address))
            break;
        if (!pv_emulate_iret(v, r))
            pv_inject_page_fault(v, address, PF_USER);
        break;
    default:
        if (!pv_emulate_privileged(v, r))
            pv_inject_trap(v, TRAP_GP, 0);
    }
}

static void step_instruction(struct vcpu *v)
{
    struct regs *r = guest_regs();
    u64 sp = r->rsp, kept = r->rflags & RFLAGS_KEPT;
    u8 kind = input_u8();

    registers_choose(r);
    vaddr_t address = some_value();
    r->rip = kind & 0x80 ? some_value() : instruction_put();
    r->vector = TRAP_GP;
    fault(v, r, kind, address);
    HOLDS((r->cs & 3) == 3); /* of SS the processor thinks itself, on the way out */
    HOLDS((r->rflags & RFLAGS_KEPT) == kept);
    vcpu_check(v);
    /* What is still to be delivered finds a stack, and comes back to where guests rest. */
    r->rip = HOST_REST_VA;
    r->rsp = sp;
    r->cs = SELECTOR_RING3_CS64;
    r->ss = SELECTOR_RING3_DS;
}

static void step_iopl(struct vcpu *v)
{
    vaddr_t at;
    struct physdev_set_iopl *op = window_take(sizeof(*op), &at);
    op->iopl = input_u8() % 4;
    host_hypercall(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, at, 0, 0, 0, 0);
}

static void step_debugreg(struct vcpu *v)
{
    u32 n = input_u8() % 8;
    host_hypercall(__HYPERVISOR_set_debugreg, n, some_value(), 0, 0, 0, 0);
}

static void step_segment_base(struct vcpu *v)
{
    u32 which = input_u8() % 4;
    host_hypercall(__HYPERVISOR_set_segment_base, which, some_value(), 0, 0, 0, 0);
}

static void step(struct vcpu *v)
{
    switch (input_u8() % 16) {
    case 0:
        step_iopl(v);
        break;
    case 1:
        step_debugreg(v);
        break;
    case 2:
        step_segment_base(v);
        break;
    default:
        step_instruction(v);
    }
}

/* --- setting up */

static void handlers_set(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v)
        for (u32 n = 0; n < ARRAY_SIZE(v->arch.traps); n++)
            v->arch.traps[n] = (struct trap_info){
                .vector = (u8)n, .cs = SELECTOR_RING3_CS64, .address = HANDLER_VA};
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool made;
    if (!made) {
        host_boot();
        handlers_set(host_domain_build(0, 1, GUEST_FRAMES));
        handlers_set(host_domain_build(1, 2, GUEST_FRAMES));
        host_snapshot();
    }
    made = true;
    input_run(data, size, step);
    return 0;
}
