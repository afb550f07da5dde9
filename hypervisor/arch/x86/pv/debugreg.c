/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers of PV guests: set and read by hypercall, or by MOV, which faults and is emulated.
 * What would let a guest watch the hypervisor, or stop it, is refused. The registers are in the
 * processor only while a breakpoint is enabled and the vCPU runs (pv/context.c).
 *
 * Breakpoints on I/O ports cannot be in the processor: ports are accessed by the emulation, not by
 * the guest's instruction. They are kept aside and compared there.
 *
 * Sources: AMD APM vol. 2, 13.1 (debug registers).
 */
#include "errno.h"
#include "x86/page.h"
#include "x86/pv_emulate.h"

#define DR_BREAKPOINTS 4u

#define DR6_STATUS 0xe00full     /* B0-B3, BD, BS, BT */
#define DR6_ONES   0xffff0ff0ull /* reserved bits that read as 1 */

#define DR7_ACTIVE       0xffull /* L0-L3, G0-G3 */
#define DR7_ONES         BIT(10)
#define DR7_ZEROS        (~0xffffffffull | BIT(11) | BIT(12) | BIT(14) | BIT(15))
#define DR7_GENERAL      BIT(13) /* faults on any access to debug registers: the hypervisor's too */
#define DR7_ENABLE(n)    (3ull << (2 * (n)))
#define DR7_TYPE(dr7, n) ((dr7) >> (16 + 4 * (n)) & 3)
#define DR7_SIZE(dr7, n) ((dr7) >> (18 + 4 * (n)) & 3)
#define DR7_TYPE_IO      2

static void address_load(u32 n, u64 value)
{
    switch (n) {
    case 0:
        write_dr(0, value);
        break;
    case 1:
        write_dr(1, value);
        break;
    case 2:
        write_dr(2, value);
        break;
    default:
        write_dr(3, value);
        break;
    }
}

static int address_set(struct vcpu *v, u32 n, u64 value)
{
    if (!vaddr_is_canonical(value) || vaddr_is_hypervisor(value))
        return -EPERM;
    v->arch.dr[n] = value;
    if (v == current && (v->arch.dr7 & DR7_ACTIVE))
        address_load(n, value);
    return 0;
}

static int control_set(struct vcpu *v, u64 value)
{
    u64 io = 0, before = v->arch.dr7;

    if (value >> 32)
        return -EINVAL;
    value = (value & ~DR7_ZEROS) | DR7_ONES;
    if (value & DR7_GENERAL)
        return -EPERM;
    for (u32 n = 0; n < DR_BREAKPOINTS && (value & DR7_ACTIVE); n++) {
        if (DR7_TYPE(value, n) != DR7_TYPE_IO)
            continue;
        if (!(v->arch.cr4 & CR4_DE))
            return -EPERM;
        io |= value & DR7_ENABLE(n);
    }
    v->arch.dr7_io = io;
    v->arch.dr7 = value & ~io;
    if (v != current)
        return 0;
    if ((v->arch.dr7 & DR7_ACTIVE) && !(before & DR7_ACTIVE))
        for (u32 n = 0; n < DR_BREAKPOINTS; n++)
            address_load(n, v->arch.dr[n]);
    write_dr(7, v->arch.dr7);
    return 0;
}

/*
 * DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE is set. -ENODEV: there is none of that
 * number.
 */
static int register_number(const struct vcpu *v, u32 reg, u32 *number)
{
    if (reg > 7 || ((reg == 4 || reg == 5) && (v->arch.cr4 & CR4_DE)))
        return -ENODEV;
    *number = reg == 4 || reg == 5 ? reg + 2 : reg;
    return 0;
}

int pv_debugreg_set(struct vcpu *v, u32 reg, u64 value)
{
    u32 number;
    int error = register_number(v, reg, &number);
    if (error)
        return error;
    if (number < DR_BREAKPOINTS)
        return address_set(v, number, value);
    if (number == 7)
        return control_set(v, value);
    if (value >> 32)
        return -EINVAL;
    v->arch.dr6 = (value & DR6_STATUS) | DR6_ONES;
    return 0;
}

int pv_debugreg_get(struct vcpu *v, u32 reg, u64 *value)
{
    u32 number;
    int error = register_number(v, reg, &number);
    if (error)
        return error;
    if (number < DR_BREAKPOINTS)
        *value = v->arch.dr[number];
    else
        *value = number == 7 ? v->arch.dr7 | v->arch.dr7_io : v->arch.dr6;
    return 0;
}

bool pv_debugreg_io_hit(struct vcpu *v, u32 port, u32 bytes)
{
    static const u8 masks[4] = {0, 1, 7, 3}; /* 1, 2, 8, 4 bytes */
    u64 hits = 0;
    if (likely(!v->arch.dr7_io))
        return false;
    for (u32 n = 0; n < DR_BREAKPOINTS; n++) {
        /* The breakpoint is aligned to its size. */
        u64 mask = masks[DR7_SIZE(v->arch.dr7, n)];
        if (!(v->arch.dr7_io & DR7_ENABLE(n)))
            continue;
        if ((v->arch.dr[n] & ~mask) < port + bytes && port <= (v->arch.dr[n] | mask))
            hits |= BIT(n);
    }
    v->arch.dr6 |= hits;
    return hits;
}

void pv_step_trap(struct vcpu *v)
{
    if (v->arch.bounce.flags & PV_BOUNCE_PENDING)
        return;
    v->arch.dr6 |= DR6_BS;
    pv_inject_trap(v, TRAP_DB, 0);
}

long hypercall_set_debugreg(struct vcpu *v, u64 reg, u64 value, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return pv_debugreg_set(v, (u32)reg, value);
}

long hypercall_get_debugreg(struct vcpu *v, u64 reg, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    u64 value;
    int error = pv_debugreg_get(v, (u32)reg, &value);
    return error ? error : (long)value;
}
