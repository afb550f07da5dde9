/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IRETQ within ring 3. No processor needs help with it; but QEMU's emulation (before 9.1) reads the
 * frame with the supervisor's rights, which SMAP then refuses: the guest's own return from its own
 * stack faults with an error code that says supervisor. Guests' kernels execute it to serialize the
 * processor.
 *
 * Source: AMD APM vol. 3, IRET: same privilege level, 64-bit operand size.
 */
#include "core/guest_access.h"
#include "x86/layout.h"
#include "x86/page.h"
#include "x86/pv.h"

/* Flags that IRET in ring 3 loads; the others keep their values. */
#define IRET_FLAGS                                                                                 \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF |           \
     RFLAGS_OF | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

#define SELECTOR_OF_ERROR 0xfffcu

static const u8 iretq_bytes[] = {0x48, 0xcf};

struct iret_stack {
    u64 rip, cs, rflags, rsp, ss;
};

bool pv_emulate_iret(struct vcpu *v, struct regs *regs)
{
    u8 bytes[sizeof(iretq_bytes)];
    struct iret_stack f;
    if ((u16)regs->cs != SELECTOR_RING3_CS64 || guest_copy_in(bytes, regs->rip, sizeof(bytes)) ||
        bytes[0] != iretq_bytes[0] || bytes[1] != iretq_bytes[1] ||
        guest_copy_in(&f, regs->rsp, sizeof(f)))
        return false;
    /* What fails otherwise does so on the way back to the guest, with the same exception. */
    if ((f.cs & 3) != 3) {
        pv_inject_trap(v, TRAP_GP, f.cs & SELECTOR_OF_ERROR);
        return true;
    }
    regs->rip = f.rip;
    regs->cs = (u16)f.cs;
    regs->rflags = (regs->rflags & ~IRET_FLAGS) | (f.rflags & IRET_FLAGS);
    regs->rsp = f.rsp;
    regs->ss = (u16)f.ss;
    return true;
}
