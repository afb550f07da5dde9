/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * INT3 in a guest's kernel that is not there any more. Kernels change their code while other CPUs
 * run it: they put INT3 over the first byte, the rest, then the first byte, with all CPUs
 * serialized between the steps, so that a processor never meets the breakpoint afterwards. QEMU's
 * emulation (before 8.1) can lose a write to code that another CPU translates at that moment, and
 * executes the INT3 for ever.
 *
 * Taking the instruction as not fetched yet is what a processor might as well do: rip goes back,
 * and a write that changes nothing makes the emulator look at the code again.
 */
#include "core/frame.h"
#include "core/guest_access.h"
#include "x86/page.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"

#define INT3       0xccu
#define INT_N      0xcdu
#define INT3_BYTES 1u

/* The frame behind va if it is the domain's own, with a reference; else NULL. */
static struct frame *code_frame(struct vcpu *v, vaddr_t va)
{
    u32 level = 0;
    pte_t e = pv_translate(v->arch.kernel_l4, va, &level);
    struct frame *f = level == 1 ? frame_of_mfn(pte_mfn(e)) : NULL;
    return f && frame_get(f, v->domain) ? f : NULL;
}

static noinline void code_fetch_again(struct vcpu *v, struct regs *regs, vaddr_t at)
{
    struct frame *f = code_frame(v, at);
    if (!f) {
        pv_deliver_trap(v, regs, TRAP_BP, 0);
        return;
    }
    __atomic_fetch_or((u8 *)frame_to_virt(f) + (at & ~PAGE_MASK), 0, __ATOMIC_SEQ_CST);
    frame_put(f);
    regs->rip = at;
}

void pv_breakpoint(struct vcpu *v, struct regs *regs)
{
    vaddr_t at = regs->rip - INT3_BYTES;
    u16 bytes; /* with the one before: INT 3 in its long form ends there, too */
    if (!v->arch.kernel_mode || (u16)regs->cs != SELECTOR_RING3_CS64 ||
        guest_copy_in(&bytes, at - 1, sizeof(bytes)) || likely(bytes >> 8 == INT3) ||
        bytes == (TRAP_BP << 8 | INT_N))
        pv_deliver_trap(v, regs, TRAP_BP, 0);
    else
        code_fetch_again(v, regs, at);
}
