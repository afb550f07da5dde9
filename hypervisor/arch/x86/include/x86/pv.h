/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paravirtual guests: the parts of arch/x86/pv as they see one another.
 *
 *   traps.c     exceptions and entries: decides what a fault means, bounces it into the guest
 *   bounce.c    builds the frames on guest stacks
 *   mm_*.c      the PV MMU: types of frames, page tables (x86/pv_mm.h)
 *   emulate.c   privileged instructions (after #GP and #UD)
 */
#ifndef DOMUS_X86_PV_H
#define DOMUS_X86_PV_H

#include "core/domain.h"
#include "x86/regs.h"

#define PV_BOUNCE_PENDING     BIT(0) /* there is something to deliver */
#define PV_BOUNCE_ERROR_CODE  BIT(1) /* the frame carries an error code */
#define PV_BOUNCE_MASK_EVENTS BIT(2) /* mask events on entry (interrupt gate) */
#define PV_BOUNCE_FAILSAFE    BIT(3) /* the failsafe callback's frame, with segment selectors */
#define PV_BOUNCE_NMI         BIT(4)

/* CR4 bits that a PV guest may choose; the others read as the hypervisor's. */
#define PV_CR4_GUEST_BITS (CR4_TSD | CR4_DE | CR4_FSGSBASE | CR4_OSXSAVE)

static inline bool pv_guest_in_kernel(const struct vcpu *v)
{
    return v->arch.kernel_mode;
}

/* Whether a guest may run, or be called back, there. */
bool pv_code_address_ok(u64 va);

/* Fill a page with the entry points of hypercalls (pv/hypercall_page.c). */
void pv_hypercall_page_write(void *page);

/* Deliver an exception to the running guest when it is next entered. */
void pv_inject_trap(struct vcpu *v, u32 vector, u32 error_code);
/* CR2 as the guest sees it: in the register, and in its vcpu_info. */
void pv_cr2_set(struct vcpu *v, u64 value);
/* #PF: also sets the guest's cr2. */
void pv_inject_page_fault(struct vcpu *v, vaddr_t address, u32 error_code);
/*
 * The same at once, for those who have no more to do with regs: the guest's own exception, of a
 * processor's vector. Nothing else may be noted, but an NMI.
 */
void pv_deliver_trap(struct vcpu *v, struct regs *regs, u32 vector, u32 error_code);
void pv_deliver_page_fault(struct vcpu *v, struct regs *regs, vaddr_t address, u32 error_code);
/* The failsafe callback: a segment of the guest could not be loaded. */
void pv_inject_failsafe(struct vcpu *v);

/* From entry.S. */
/* If the running guest has an NMI to be told of, see to it that it is when it is entered. */
void pv_nmi_note(struct vcpu *v);
static inline void pv_nmi_check(struct vcpu *v)
{
    if (unlikely(READ_ONCE(v->nmi_pending)))
        pv_nmi_note(v);
}
/* True: enter the guest now, but for softirqs; false: look again whether there is something to do.
 */
bool pv_exit_work(struct vcpu *v, struct regs *regs);
void pv_syscall_from_user(struct vcpu *v, struct regs *regs);
void pv_syscall32_from_user(struct vcpu *v, struct regs *regs);
void pv_sysenter_from_user(struct vcpu *v, struct regs *regs);
void pv_iret_failed(struct vcpu *v, struct regs *regs);

/*
 * A #GP (or #UD) in guest context may be a privileged instruction that PV guests use. True: it was
 * emulated (rip advanced, or a trap of its own injected); false: the fault is the guest's own.
 */
bool pv_emulate_privileged(struct vcpu *v, struct regs *regs);
/* #UD: the forced-emulation prefix (ud2a; 'xen') before CPUID, and what else is emulated there. */
bool pv_emulate_invalid_opcode(struct vcpu *v, struct regs *regs);

/*
 * The running guest's instruction was emulated and rip is past it: #DB follows if it single-steps.
 */
void pv_step_trap(struct vcpu *v);
static inline void pv_single_step(struct vcpu *v, const struct regs *regs)
{
    if (unlikely(regs->rflags & RFLAGS_TF))
        pv_step_trap(v);
}

/*
 * A write fault on a page that the guest's tables map read-only because it is one of its own page
 * tables: emulate the instruction as an update of that entry. True if done.
 */
bool pv_emulate_page_table_write(struct vcpu *v, struct regs *regs, vaddr_t address);

/* A fault as supervisor although ring 3 ran: true if it was an emulator's IRETQ, which is done. */
bool pv_emulate_iret(struct vcpu *v, struct regs *regs);

/* #BP: the guest's; or, if its kernel has no INT3 before rip (any more), rip goes back there. */
void pv_breakpoint(struct vcpu *v, struct regs *regs);

/*
 * LDT window: map the page of the LDT that a fault at offset (bytes) needs. -EFAULT: there is none.
 * -ERESTART: its frame has to leave page tables that are being given up, which takes longer than
 * may be spent here; the fault may be met again.
 */
int pv_ldt_map_page(struct vcpu *v, u32 offset);
void pv_ldt_unmap_all(struct vcpu *v);
/* Let this CPU's LDTR name v's window, as long as its LDT is. */
void pv_ldt_load(struct vcpu *v);
/*
 * Checks nothing can gain by a descriptor: DPL, system types, bases. Fixes up, true if acceptable.
 */
bool pv_descriptor_check(u64 *descriptor);

/* Give v, which is down and not running, a whole context. -EINVAL, -EBUSY, -ERESTART. */
struct vcpu_guest_context;
must_check int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);

/* The guest's kernel/user switch: swaps CR3 and GS bases of the running vCPU. */
void pv_toggle_mode(struct vcpu *v);
/* Load CR3 for the vCPU's present mode on this CPU. */
void pv_load_cr3(struct vcpu *v);
/* What CR3 holds while v runs in that mode. */
paddr_t pv_cr3(const struct vcpu *v, bool kernel);
/* Load CR4 with the choices of v, which runs on this CPU. */
void pv_load_cr4(struct vcpu *v);
/* Debug registers with the guest's value: -EINVAL (illegal bits), -EPERM (hypervisor addresses). */
must_check int pv_debugreg_set(struct vcpu *v, u32 reg, u64 value);
must_check int pv_debugreg_get(struct vcpu *v, u32 reg, u64 *value);

/* Real segment bases of the running vCPU, with or without FSGSBASE. */
u64 pv_segment_base_read(u32 msr);
void pv_segment_base_write(u32 msr, u64 base);

#endif
