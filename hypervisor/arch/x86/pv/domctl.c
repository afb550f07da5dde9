/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of domctl that is about PV guests of this machine: their contexts as the tools see them,
 * the hypercall page, what their frames serve as.
 */
#include "arch/control.h"
#include "arch/vcpu.h"
#include "core/control.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/fpu.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"

#define WIDTH_64     64u
#define FRAMES_MAX   1024u
#define FRAMES_BATCH 64u
/* Of a context: others are refused by the hypercall vm_assist, and dropped here. */
#define ASSISTS_KNOWN                                                                              \
    (BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |                    \
     BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) |                 \
     BIT(VMASST_TYPE_m2p_strict))

int arch_domain_config_check(const struct xen_domctl_createdomain *config)
{
    /* PV guests have no emulated devices; relaxed MSRs are a wish that is not fulfilled. */
    if (config->arch.emulation_flags ||
        (config->arch.misc_flags & ~(u32)(XEN_X86_MISC_FLAGS_MAX | (XEN_X86_MISC_FLAGS_MAX - 1))))
        return -EINVAL;
    return 0;
}

/* --- contexts */

bool arch_context_is_online(const struct vcpu_guest_context *c)
{
    return c->flags & VGCF_online;
}

static void context_get_regs(const struct arch_vcpu *a, struct cpu_user_regs *u)
{
    const struct regs *r = &a->regs;
    *u = (struct cpu_user_regs){
        .r15 = r->r15,
        .r14 = r->r14,
        .r13 = r->r13,
        .r12 = r->r12,
        .rbp = r->rbp,
        .rbx = r->rbx,
        .r11 = r->r11,
        .r10 = r->r10,
        .r9 = r->r9,
        .r8 = r->r8,
        .rax = r->rax,
        .rcx = r->rcx,
        .rdx = r->rdx,
        .rsi = r->rsi,
        .rdi = r->rdi,
        .rip = r->rip,
        .rsp = r->rsp,
        .cs = (u16)r->cs,
        .ss = (u16)r->ss,
        .rflags = (r->rflags & ~(u64)RFLAGS_IOPL) | (u64)a->iopl << 12,
        .ds = a->ds,
        .es = a->es,
        .fs = a->fs,
        .gs = a->gs,
    };
}

static u64 mfn_or_0(mfn_t mfn)
{
    return mfn_is_invalid(mfn) ? 0 : mfn.v;
}

static void context_get_tables(const struct arch_vcpu *a, struct vcpu_guest_context *c)
{
    c->ldt_base = a->ldt_base;
    c->ldt_ents = a->ldt_entries;
    c->gdt_ents = a->gdt_entries;
    for (u32 i = 0; i < ARRAY_SIZE(a->gdt_frames); i++)
        c->gdt_frames[i] = mfn_or_0(a->gdt_frames[i]);
    c->ctrlreg[0] = a->cr0;
    c->ctrlreg[2] = a->cr2;
    c->ctrlreg[4] = a->cr4;
    c->ctrlreg[3] = xen_pfn_to_cr3(mfn_or_0(a->kernel_l4));
    c->ctrlreg[1] = xen_pfn_to_cr3(mfn_or_0(a->user_l4));
}

/* As context_get_tables() has it. */
static bool context_has_tables(const struct arch_vcpu *a, const struct vcpu_guest_context *c)
{
    for (u32 i = 0; i < ARRAY_SIZE(a->gdt_frames); i++)
        if (c->gdt_frames[i] != mfn_or_0(a->gdt_frames[i]))
            return false;
    return c->ldt_base == a->ldt_base && c->ldt_ents == a->ldt_entries &&
           c->gdt_ents == a->gdt_entries &&
           c->ctrlreg[3] == xen_pfn_to_cr3(mfn_or_0(a->kernel_l4)) &&
           c->ctrlreg[1] == xen_pfn_to_cr3(mfn_or_0(a->user_l4));
}

int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (v->initialised && !context_has_tables(&v->arch, c))
        return -EOPNOTSUPP;
    int error = pv_vcpu_set_context(v, c);
    if (!error && !v->id)
        v->domain->vm_assist = c->vm_assist & ASSISTS_KNOWN;
    return error;
}

void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct arch_vcpu *a = &v->arch;
    fpu_legacy_get(v, &c->fpu_ctxt);
    c->flags = VGCF_I387_VALID | (a->kernel_mode ? VGCF_in_kernel : 0) |
               (a->failsafe_masks_events ? VGCF_failsafe_disables_events : 0) |
               (a->syscall_masks_events ? VGCF_syscall_disables_events : 0);
    if (!(READ_ONCE(v->pause_flags) & VCPU_PAUSED_DOWN))
        c->flags |= VGCF_online;
    context_get_regs(a, &c->user_regs);
    memcpy(c->trap_ctxt, a->traps, sizeof(c->trap_ctxt));
    context_get_tables(a, c);
    c->kernel_ss = a->kernel_ss;
    c->kernel_sp = a->kernel_sp;
    memcpy(c->debugreg, a->dr, sizeof(a->dr));
    c->debugreg[6] = a->dr6;
    c->debugreg[7] = a->dr7 | a->dr7_io;
    c->event_callback_eip = a->event_callback;
    c->failsafe_callback_eip = a->failsafe_callback;
    c->syscall_callback_eip = a->syscall_callback;
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = a->fs_base;
    c->gs_base_kernel = a->gs_base_kernel;
    c->gs_base_user = a->gs_base_user;
}

/* --- frames */

long domctl_hypercall_init(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    struct frame *f = arch_gfn_get_frame(c->d, GFN(c->op.u.hypercall_init.gmfn));
    if (!f)
        return -EACCES;
    int error = frame_type_get_writable(f);
    if (!error) {
        pv_hypercall_page_write(frame_to_virt(f));
        frame_type_put_writable(f);
    }
    frame_put(f);
    return error ? domctl_refuse(c, -EACCES, "the frame is a table, or cannot be written") : 0;
}

/* XEN_DOMCTL_PFINFO_* of a frame that the domain calls its own. */
static u64 frame_info(struct domain *d, u64 gfn)
{
    struct frame *f = arch_gfn_get_frame(d, GFN(gfn));
    if (!f)
        return XEN_DOMCTL_PFINFO_XTAB;
    u64 type = READ_ONCE(f->type), kind = (type & FRAME_TYPE_MASK) >> FRAME_TYPE_SHIFT;
    u64 info = XEN_DOMCTL_PFINFO_NOTAB;
    if (kind >= 1 && kind <= 4 && (type & (FRAME_VALIDATED | FRAME_LISTED)) == FRAME_VALIDATED) {
        info = kind << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
        if (type & FRAME_PINNED)
            info |= XEN_DOMCTL_PFINFO_LPINTAB;
    }
    frame_put(f);
    return info;
}

long domctl_getpageframeinfo3(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_getpageframeinfo3 *op = &c->op.u.getpageframeinfo3;
    u64 batch[FRAMES_BATCH];
    if (op->num > FRAMES_MAX)
        return -E2BIG;
    for (u64 done = 0; done < op->num; done += FRAMES_BATCH) {
        u64 n = MIN(op->num - done, (u64)FRAMES_BATCH);
        vaddr_t at = guest_element_address(op->array.va, sizeof(u64), done);
        if (guest_copy_in(batch, at, n * sizeof(u64)))
            return -EFAULT;
        for (u64 i = 0; i < n; i++)
            batch[i] = frame_info(c->d, batch[i]);
        if (guest_copy_out(at, batch, n * sizeof(u64)))
            return -EFAULT;
    }
    return 0;
}

/* --- the processor's width */

long domctl_set_address_size(struct vcpu *v, void *arg)
{
    struct domctl_call *c = arg;
    if (c->op.u.address_size.size == WIDTH_64)
        return 0;
    return domctl_refuse(c, -EINVAL, "there are guests of 64 bits only");
}

long domctl_get_address_size(struct vcpu *v, void *arg)
{
    ((struct domctl_call *)arg)->op.u.address_size.size = WIDTH_64;
    return 0;
}
