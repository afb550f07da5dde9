/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery into PV guests: what a guest is to be told (an exception, an NMI, an event, a program's
 * system call) becomes a frame on its kernel's stack and a jump to the handler that it registered.
 *
 * The frame, from low to high addresses: rcx, r11, [error code,] rip, cs with the upcall mask in
 * its upper half, rflags, rsp, ss; the failsafe callback's has ds, es, fs, gs after r11. IF in the
 * saved rflags is the inverse of the virtual CPU's upcall mask. Source: the Xen public ABI,
 * arch-x86/xen-x86_64.h.
 */
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/softirq.h"
#include "core/trace.h"
#include "lib/print.h"
#include "x86/cpu.h"
#include "x86/pv.h"

#define FRAME_ALIGN 16
#define IOPL_SHIFT  12

#define SYSCALL_BYTES 2

/* The guest wants to find its I/O privilege in the RFLAGS that it is shown, and to set it there. */
static bool assists_iopl(const struct vcpu *v)
{
    return v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl);
}

/* Frames as they are written, with what lies between r11 and rip. */
#define PLAIN_WORDS    7u  /* nothing */
#define ERROR_WORDS    8u  /* an error code */
#define FAILSAFE_WORDS 11u /* ds, es, fs, gs */

/* False, as those return that come here. */
static noinline bool stack_unwritable(struct vcpu *v, vaddr_t sp)
{
    v->arch.bounce.flags = 0; /* not to be tried for ever */
    domain_crash(v->domain, "vcpu %u: its kernel stack at %#lx cannot be written", v->id,
                 (unsigned long)sp);
    return false;
}

/* What no handler is entered with. */
#define FLAGS_CLEARED (RFLAGS_TF | RFLAGS_RF | RFLAGS_VM | RFLAGS_NT | RFLAGS_IOPL | RFLAGS_AC)

/* Enter the guest's kernel at rip, with the stack at sp. */
static always_inline void kernel_enter(struct vcpu_info *info, struct regs *regs, vaddr_t sp,
                                       u64 rip, u32 masks_events, u64 cleared)
{
    if (info && masks_events)
        info->evtchn_upcall_mask = 1;
    regs->rip = rip;
    regs->cs = SELECTOR_RING3_CS64;
    regs->ss = SELECTOR_RING3_DS;
    regs->rsp = sp;
    regs->rflags &= ~cleared;
    regs->vector = REGS_VECTOR_SYSCALL; /* rcx and r11 are dead: leave by SYSRET */
}

/*
 * Puts a frame of so many words below sp, in the address space that is loaded, and enters the
 * guest's kernel at rip. What is constant where it is called costs nothing, and each word goes from
 * its register to the guest. False: the stack cannot be written, and the domain has crashed.
 */
static always_inline bool frame_write(struct vcpu *v, struct regs *regs, vaddr_t sp, u32 words,
                                      bool from_kernel, u64 rip, u32 masks_events, u32 error_code,
                                      u64 cleared)
{
    const struct arch_vcpu *a = &v->arch;
    struct vcpu_info *info = v->info;
    u32 n = 0;
    u64 place;
    sp = (sp & ~(vaddr_t)(FRAME_ALIGN - 1)) - words * sizeof(u64);
    guest_words_begin(place, sp, words, fault);
    guest_word_put(place, n++, regs->rcx, fault);
    guest_word_put(place, n++, regs->r11, fault);
    if (words == ERROR_WORDS)
        guest_word_put(place, n++, error_code, fault);
    if (words == FAILSAFE_WORDS) {
        guest_word_put(place, n++, a->ds, fault);
        guest_word_put(place, n++, a->es, fault);
        guest_word_put(place, n++, a->fs, fault);
        guest_word_put(place, n++, a->gs, fault);
    }
    guest_word_put(place, n++, regs->rip, fault);
    u8 mask = info ? READ_ONCE(info->evtchn_upcall_mask) : 0;
    /* Without RPL it tells the guest's kernel that its own mode was interrupted. */
    u64 cs = regs->cs & (from_kernel ? 0xfffc : 0xffff);
    guest_word_put(place, n++, cs | (u64)mask << 32, fault);
    u64 iopl = assists_iopl(v) ? (u64)a->iopl << IOPL_SHIFT : 0;
    u64 rflags = (regs->rflags & ~(RFLAGS_IF | RFLAGS_IOPL)) | (mask ? 0 : RFLAGS_IF);
    guest_word_put(place, n++, rflags | iopl, fault);
    guest_word_put(place, n++, regs->rsp, fault);
    guest_word_put(place, n, regs->ss, fault);
    guest_words_end();
    kernel_enter(info, regs, sp, rip, masks_events, cleared);
    return true;
fault:
    guest_words_end();
    return stack_unwritable(v, sp);
}

/*
 * One function for each kind of frame: with or without an error code, from the guest's kernel or
 * from its user mode, whose frames go to the kernel's stack.
 */
static noinline bool kernel_plain(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events)
{
    return frame_write(v, regs, regs->rsp, PLAIN_WORDS, true, rip, masks_events, 0, FLAGS_CLEARED);
}

static noinline bool kernel_error(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events,
                                  u32 error_code)
{
    return frame_write(v, regs, regs->rsp, ERROR_WORDS, true, rip, masks_events, error_code,
                       FLAGS_CLEARED);
}

static noinline bool user_plain(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events)
{
    pv_toggle_mode(v);
    return frame_write(v, regs, v->arch.kernel_sp, PLAIN_WORDS, false, rip, masks_events, 0,
                       FLAGS_CLEARED);
}

/* SYSCALL clears what the kernel asks for in MSR_SFMASK. It cannot ask here, and relies on the
 * direction of its string instructions. */
static noinline bool user_syscall(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events)
{
    pv_toggle_mode(v);
    return frame_write(v, regs, v->arch.kernel_sp, PLAIN_WORDS, false, rip, masks_events, 0,
                       FLAGS_CLEARED | RFLAGS_DF);
}

static noinline bool user_error(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events,
                                u32 error_code)
{
    pv_toggle_mode(v);
    return frame_write(v, regs, v->arch.kernel_sp, ERROR_WORDS, false, rip, masks_events,
                       error_code, FLAGS_CLEARED);
}

static always_inline bool deliver_plain(struct vcpu *v, struct regs *regs, u64 rip,
                                        u32 masks_events)
{
    if (likely(v->arch.kernel_mode))
        return kernel_plain(v, regs, rip, masks_events);
    return user_plain(v, regs, rip, masks_events);
}

static always_inline bool deliver_error(struct vcpu *v, struct regs *regs, u64 rip,
                                        u32 masks_events, u32 error_code)
{
    if (likely(v->arch.kernel_mode))
        return kernel_error(v, regs, rip, masks_events, error_code);
    return user_error(v, regs, rip, masks_events, error_code);
}

static noinline bool deliver_failsafe(struct vcpu *v, struct regs *regs, u64 rip, u32 masks_events)
{
    bool from_kernel = v->arch.kernel_mode;
    if (!from_kernel)
        pv_toggle_mode(v);
    return frame_write(v, regs, from_kernel ? regs->rsp : v->arch.kernel_sp, FAILSAFE_WORDS,
                       from_kernel, rip, masks_events, 0, FLAGS_CLEARED);
}

/* What was noted to be delivered. */
static void deliver_bounce(struct vcpu *v, struct regs *regs)
{
    const struct pv_bounce b = v->arch.bounce;
    u32 masks_events = b.flags & (u32)PV_BOUNCE_MASK_EVENTS;
    v->arch.bounce.flags &= PV_BOUNCE_NMI; /* it nests in what is delivered first */
    if (b.flags & PV_BOUNCE_ERROR_CODE)
        deliver_error(v, regs, b.rip, masks_events, b.error_code);
    else if (unlikely(b.flags & PV_BOUNCE_FAILSAFE))
        deliver_failsafe(v, regs, b.rip, masks_events);
    else
        deliver_plain(v, regs, b.rip, masks_events);
}

/* Exceptions with an error code (AMD APM vol. 2, 8.1). */
#define ERROR_CODE_VECTORS                                                                         \
    (BIT(TRAP_DF) | BIT(TRAP_TS) | BIT(TRAP_NP) | BIT(TRAP_SS) | BIT(TRAP_GP) | BIT(TRAP_PF) |     \
     BIT(TRAP_AC))

static noinline void trap_trace(const struct vcpu *v, u32 vector, u32 error_code,
                                bool has_error_code)
{
    u64 rip = guest_regs()->rip, cr2 = v->arch.cr2;
    const u32 fault[] = {(u32)rip, (u32)(rip >> 32), (u32)cr2, (u32)(cr2 >> 32), error_code};
    const u32 trap[] = {(u32)rip, (u32)(rip >> 32),
                        vector | (u32)has_error_code << 15 | error_code << 16};

    if (vector == TRAP_PF)
        trace_record(TRC_PV_PAGE_FAULT | TRC_64_FLAG, true, fault, sizeof(fault));
    else
        trace_record(TRC_PV_TRAP | TRC_64_FLAG, true, trap, sizeof(trap));
}

static noinline void trap_unhandled(struct vcpu *v, u32 vector, u32 error_code)
{
    domain_crash(v->domain, "vcpu %u: exception %u (error code %#x) at %#lx, and no handler for it",
                 v->id, vector, error_code, (unsigned long)guest_regs()->rip);
}

void pv_inject_trap(struct vcpu *v, u32 vector, u32 error_code)
{
    const struct trap_info *t = &v->arch.traps[vector];
    struct pv_bounce *b = &v->arch.bounce;

    STATIC_ASSERT(TI_FLAGS_IF == PV_BOUNCE_MASK_EVENTS);
    u32 flags = (b->flags & PV_BOUNCE_NMI) | PV_BOUNCE_PENDING | (t->flags & TI_FLAGS_IF);
    /* Above the exceptions it is taken back by the caller. */
    flags |= (u32)(ERROR_CODE_VECTORS >> vector % 64 & 1) * (u32)PV_BOUNCE_ERROR_CODE;
    b->rip = t->address;
    b->error_code = error_code;
    b->flags = (u8)flags;
    if (unlikely(READ_ONCE(trace_on)))
        trap_trace(v, vector, error_code, flags & PV_BOUNCE_ERROR_CODE);
    if (!t->address)
        trap_unhandled(v, vector, error_code);
}

static always_inline void trap_deliver(struct vcpu *v, struct regs *regs, u32 vector,
                                       u32 error_code)
{
    const struct trap_info *t = &v->arch.traps[vector];
    u32 masks_events = t->flags & TI_FLAGS_IF;
    if (unlikely(!t->address))
        trap_unhandled(v, vector, error_code);
    else if (ERROR_CODE_VECTORS >> vector & 1)
        deliver_error(v, regs, t->address, masks_events, error_code);
    else
        deliver_plain(v, regs, t->address, masks_events);
}

/* Apart, so that nothing is kept over calls where nobody traces. */
static noinline void trap_deliver_traced(struct vcpu *v, struct regs *regs, u32 vector,
                                         u32 error_code)
{
    trap_trace(v, vector, error_code, ERROR_CODE_VECTORS >> vector & 1);
    trap_deliver(v, regs, vector, error_code);
}

void pv_deliver_trap(struct vcpu *v, struct regs *regs, u32 vector, u32 error_code)
{
    if (unlikely(READ_ONCE(trace_on)))
        trap_deliver_traced(v, regs, vector, error_code);
    else
        trap_deliver(v, regs, vector, error_code);
}

void pv_cr2_set(struct vcpu *v, u64 value)
{
    v->arch.cr2 = value;
    if (v->info)
        v->info->arch.cr2 = value;
}

/* The fault's address and error code as the guest is to see them; returns the latter. */
static u32 page_fault_note(struct vcpu *v, vaddr_t address, u32 error_code)
{
    pv_cr2_set(v, address);
    error_code &= ~(u32)PF_USER;
    return v->arch.kernel_mode ? error_code : error_code | (u32)PF_USER;
}

void pv_inject_page_fault(struct vcpu *v, vaddr_t address, u32 error_code)
{
    pv_inject_trap(v, TRAP_PF, page_fault_note(v, address, error_code));
}

void pv_deliver_page_fault(struct vcpu *v, struct regs *regs, vaddr_t address, u32 error_code)
{
    pv_deliver_trap(v, regs, TRAP_PF, page_fault_note(v, address, error_code));
}

void pv_inject_failsafe(struct vcpu *v)
{
    v->arch.bounce.rip = v->arch.failsafe_callback;
    v->arch.bounce.flags = (v->arch.bounce.flags & PV_BOUNCE_NMI) | PV_BOUNCE_PENDING |
                           PV_BOUNCE_FAILSAFE |
                           (v->arch.failsafe_masks_events ? PV_BOUNCE_MASK_EVENTS : 0);
    if (!v->arch.failsafe_callback)
        domain_crash(v->domain, "vcpu %u: bad segment, and no failsafe callback", v->id);
}

void pv_nmi_note(struct vcpu *v)
{
    if (v->arch.traps[TRAP_NMI].address && !v->arch.nmi_masked)
        v->arch.bounce.flags |= PV_BOUNCE_NMI;
}

/*
 * Before entering the guest: softirqs, then whatever is to be delivered; called until nothing is
 * left. After an upcall the guest is entered in any case: one that unmasks events from another vCPU
 * all the time gets one frame at a time, and does not keep this CPU here.
 */
bool pv_exit_work(struct vcpu *v, struct regs *regs)
{
    if (softirq_is_pending()) {
        softirq_run();
        return false;
    }
    if (v->arch.bounce.flags & PV_BOUNCE_PENDING) {
        deliver_bounce(v, regs);
        return false;
    }
    if (v->arch.bounce.flags & PV_BOUNCE_NMI) {
        v->nmi_pending = false;
        v->arch.bounce.flags = 0;
        if (unlikely(!v->arch.traps[TRAP_NMI].address)) /* its handler has gone since */
            return false;
        v->arch.nmi_masked = true;
        trap_deliver(v, regs, TRAP_NMI, 0);
        return false;
    }
    if (!event_upcall_wanted(v))
        return true;
    if (likely(v->arch.event_callback))
        return deliver_plain(v, regs, v->arch.event_callback, true);
    v->info->evtchn_upcall_mask = 1; /* nothing to call: as long as it registers nothing */
    return true;
}

/* --- system calls of the guest's programs */

/* As if the guest's processor had no such instruction: a fault, with rip at it. */
static void syscall_refuse(struct vcpu *v, struct regs *regs)
{
    regs->rip -= SYSCALL_BYTES;
    pv_inject_trap(v, TRAP_UD, 0);
}

void pv_syscall_from_user(struct vcpu *v, struct regs *regs)
{
    u64 target = v->arch.syscall_callback;
    if (!target) {
        syscall_refuse(v, regs);
        return;
    }
    /* What SYSCALL itself leaves in rcx and r11. */
    regs->rcx = regs->rip;
    regs->r11 = regs->rflags;
    user_syscall(v, regs, target, v->arch.syscall_masks_events);
}

void pv_syscall32_from_user(struct vcpu *v, struct regs *regs)
{
    if (v->arch.kernel_mode || !v->arch.syscall32_callback)
        syscall_refuse(v, regs);
    else
        user_syscall(v, regs, v->arch.syscall32_callback, v->arch.syscall32_masks_events);
}

/* Where it came from is not known: the fault has no address. */
void pv_sysenter_from_user(struct vcpu *v, struct regs *regs)
{
    if (v->arch.kernel_mode || !v->arch.sysenter_callback)
        pv_inject_trap(v, TRAP_GP, 0);
    else
        user_plain(v, regs, v->arch.sysenter_callback, v->arch.sysenter_masks_events);
}

/* --- and back: HYPERVISOR_iret */

#define IRET_IN_SYSCALL BIT(8) /* VGCF_in_syscall: rcx and r11 need not be restored */

/*
 * What the guest's kernel leaves on its stack for the hypercall, by words (Xen public ABI: struct
 * iret_context).
 */
enum iret_word {
    IRET_RAX,
    IRET_R11,
    IRET_RCX,
    IRET_FLAGS,
    IRET_RIP,
    IRET_CS,
    IRET_RFLAGS,
    IRET_RSP,
    IRET_SS,
    IRET_WORDS,
};

static noinline void iret_fail(struct vcpu *v, const char *why)
{
    domain_crash(v->domain, "vcpu %u: iret %s (stack pointer %#lx)", v->id, why,
                 (unsigned long)guest_regs()->rsp);
}

long hypercall_iret(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct regs *regs = guest_regs();
    u64 place, rax, flags, cs, rflags, ss;
    guest_words_begin(place, regs->rsp, IRET_WORDS, fault);
    guest_word_get(flags, place, IRET_FLAGS, fault);
    if (!(flags & IRET_IN_SYSCALL)) {
        guest_word_get(regs->r11, place, IRET_R11, fault);
        guest_word_get(regs->rcx, place, IRET_RCX, fault);
    }
    guest_word_get(rax, place, IRET_RAX, fault);
    guest_word_get(regs->rip, place, IRET_RIP, fault);
    guest_word_get(cs, place, IRET_CS, fault);
    guest_word_get(rflags, place, IRET_RFLAGS, fault);
    guest_word_get(ss, place, IRET_SS, fault);
    guest_word_get(regs->rsp, place, IRET_RSP, fault);
    guest_words_end();
    if (assists_iopl(v))
        v->arch.iopl = (rflags & RFLAGS_IOPL) >> IOPL_SHIFT;
    regs->cs = (cs & 0xffff) | 3;
    regs->rflags = (rflags & ~(RFLAGS_IOPL | RFLAGS_VM)) | RFLAGS_IF;
    regs->ss = (ss & 0xffff) | 3;
    regs->vector = flags & IRET_IN_SYSCALL ? REGS_VECTOR_SYSCALL : 0;
    /* As SYSRET to 32-bit code does; to 64-bit code it is used. */
    if ((flags & IRET_IN_SYSCALL) && regs->cs == SELECTOR_RING3_CS32) {
        regs->rip = (u32)regs->rip;
        regs->ss = SELECTOR_RING3_DS;
        regs->rcx = regs->rip;
        regs->r11 = regs->rflags;
    }
    if (unlikely(v->arch.nmi_masked)) {
        v->arch.nmi_masked = false;
        pv_nmi_check(v);
    }
    if (v->info)
        v->info->evtchn_upcall_mask = !(rflags & RFLAGS_IF);
    if ((cs & 3) == 3) {
        if (likely(!mfn_is_invalid(v->arch.user_l4)))
            pv_toggle_mode(v);
        else
            iret_fail(v, "to user mode without a user page table");
    }
    return (long)rax;
fault:
    guest_words_end();
    iret_fail(v, "from a frame that cannot be read");
    return 0;
}
