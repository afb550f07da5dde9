/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 half of PV domains and vCPUs: created, given a context by the guest or the toolstack,
 * reset, taken apart.
 */
#include "abi/arch-x86.h"
#include "arch/vcpu.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "core/time.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/fpu.h"
#include "x86/irq.h"
#include "x86/panic.h"
#include "x86/policy.h"
#include "x86/pv.h"
#include "x86/pv_emulate.h"
#include "x86/pv_mm.h"

#define CONTEXT_RFLAGS_CLEAR (RFLAGS_IOPL | RFLAGS_VM)
#define SYSCALL_BYTES        2

int arch_domain_create(struct domain *d)
{
    spin_init(&d->arch.page_table_lock, LOCK_PAGE_TABLES);
    d->arch.devalidate_head = FRAME_LINK_END;
    d->arch.pirq_eoi_map_mfn = INVALID_MFN;
    int error = policy_domain_create(d);
    return error ? error : perdomain_create(d);
}

int arch_domain_relinquish(struct domain *d)
{
    while (d->arch.relinquish_vcpu < d->max_vcpus) {
        struct vcpu *v = d->vcpus[d->arch.relinquish_vcpu++];
        if (v) {
            pv_drop_l4s(v);
            pv_gdt_clear(v);
            pv_ldt_unmap_all(v);
        }
        if (preempt_pending())
            return -ERESTART;
    }
    pirq_domain_destroy(d);
    return pv_mm_relinquish(d);
}

void arch_domain_destroy(struct domain *d)
{
    perdomain_destroy(d);
    policy_domain_destroy(d);
    object_free(d->arch.memory_map);
}

int arch_vcpu_create(struct vcpu *v)
{
    v->arch.kernel_l4 = v->arch.user_l4 = INVALID_MFN;
    for (u32 i = 0; i < ARRAY_SIZE(v->arch.gdt_frames); i++)
        v->arch.gdt_frames[i] = INVALID_MFN;
    v->arch.gdt_cpu = NR_CPUS;
    int error = fpu_create(v);
    if (!error)
        arch_vcpu_reset(v);
    return error;
}

void arch_vcpu_destroy(struct vcpu *v)
{
    fpu_destroy(v);
}

void arch_vcpu_reset(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;
    pv_drop_l4s(v);
    pv_gdt_clear(v);
    pv_ldt_unmap_all(v);
    a->ldt_entries = 0;
    memset(a->traps, 0, sizeof(a->traps));
    memset(&a->regs, 0, sizeof(a->regs));
    memset(&a->bounce, 0, sizeof(a->bounce));
    a->event_callback = a->failsafe_callback = a->syscall_callback = 0;
    a->syscall32_callback = a->sysenter_callback = 0;
    a->ds = a->es = a->fs = a->gs = 0;
    a->fs_base = a->gs_base_kernel = a->gs_base_user = 0;
    a->kernel_mode = true;
    a->cr0 = CR0_PG | CR0_PE | CR0_MP | CR0_WP | CR0_NE | CR0_ET | CR0_AM;
    a->cr4 = 0;
    a->dr6 = 0xffff0ff0ull;
    a->dr7 = 0x400;
    a->iopl = 0;
    a->iobmp = 0;
    a->iobmp_ports = 0;
    a->nmi_masked = false;
    a->dr7_io = 0;
    a->mcg_status = 0;
    memset(&a->mc_ctl2, 0, sizeof(a->mc_ctl2));
    a->cpuid_faulting = false;
    a->tsc_aux = 0;
    fpu_reset(v);
}

int arch_domain_audit(struct domain *d, void (*report)(const char *line))
{
    return pv_mm_audit(d, report);
}

struct frame *arch_gfn_get_frame(struct domain *d, gfn_t gfn)
{
    return frame_get_mfn(MFN(gfn.v), frame_owner_name(d));
}

long arch_hypercall_reissue(struct vcpu *v, const u64 *values, u32 count)
{
    struct regs *r = guest_regs();
    u64 *const places[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};
    for (u32 i = 0; i < count && i < ARRAY_SIZE(places); i++)
        *places[i] = values[i];
    r->rip -= SYSCALL_BYTES;
    return (long)r->rax; /* still the hypercall's number: it becomes the number again */
}

/* --- contexts */

bool pv_code_address_ok(u64 va)
{
    return vaddr_is_canonical(va) && !vaddr_is_hypervisor(va);
}

static int context_check(const struct vcpu_guest_context *c)
{
    if (!pv_code_address_ok(c->user_regs.rip) || !pv_code_address_ok(c->event_callback_eip) ||
        !pv_code_address_ok(c->failsafe_callback_eip) ||
        !pv_code_address_ok(c->syscall_callback_eip) || !pv_code_address_ok(c->ldt_base))
        return -EINVAL;
    if (!vaddr_is_canonical(c->fs_base) || !vaddr_is_canonical(c->gs_base_kernel) ||
        !vaddr_is_canonical(c->gs_base_user))
        return -EINVAL;
    if (c->gdt_ents > GDT_RESERVED_START || c->ldt_ents > 8192 || c->ldt_base % PAGE_SIZE)
        return -EINVAL;
    for (u32 i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        if (!pv_code_address_ok(c->trap_ctxt[i].address))
            return -EINVAL;
    return 0;
}

static u64 ring3_selector(u64 selector)
{
    return (selector & 0xffff) | 3;
}

static void context_set_regs(struct vcpu *v, const struct vcpu_guest_context *c)
{
    const struct cpu_user_regs *u = &c->user_regs;
    v->arch.regs = (struct regs){
        .r15 = u->r15,
        .r14 = u->r14,
        .r13 = u->r13,
        .r12 = u->r12,
        .rbp = u->rbp,
        .rbx = u->rbx,
        .r11 = u->r11,
        .r10 = u->r10,
        .r9 = u->r9,
        .r8 = u->r8,
        .rax = u->rax,
        .rcx = u->rcx,
        .rdx = u->rdx,
        .rsi = u->rsi,
        .rdi = u->rdi,
        .rip = u->rip,
        .rsp = u->rsp,
        .cs = ring3_selector(u->cs),
        .ss = ring3_selector(u->ss),
        .rflags = (u->rflags & ~CONTEXT_RFLAGS_CLEAR) | RFLAGS_IF | RFLAGS_FIXED,
    };
    v->arch.iopl = u->rflags >> 12 & 3;
    v->arch.ds = u->ds;
    v->arch.es = u->es;
    v->arch.fs = u->fs;
    v->arch.gs = u->gs;
    v->arch.fs_base = c->fs_base;
    v->arch.gs_base_kernel = c->gs_base_kernel;
    v->arch.gs_base_user = c->gs_base_user;
}

static void context_set_callbacks(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (u32 i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
        v->arch.traps[i] = c->trap_ctxt[i];
        v->arch.traps[i].cs = (u16)ring3_selector(c->trap_ctxt[i].cs);
    }
    v->arch.kernel_ss = ring3_selector(c->kernel_ss);
    v->arch.kernel_sp = c->kernel_sp;
    v->arch.event_callback = c->event_callback_eip;
    v->arch.failsafe_callback = c->failsafe_callback_eip;
    v->arch.syscall_callback = c->syscall_callback_eip;
    v->arch.failsafe_masks_events = c->flags & VGCF_failsafe_disables_events;
    v->arch.syscall_masks_events = c->flags & VGCF_syscall_disables_events;
}

static void context_set_control(struct vcpu *v, const struct vcpu_guest_context *c)
{
    v->arch.cr0 = (v->arch.cr0 & ~CR0_TS) | (c->ctrlreg[0] & CR0_TS);
    v->arch.cr4 = pv_cr4_allowed(v, c->ctrlreg[4]);
    /* DR4 and DR5 are other names. What a register cannot hold, it does not. */
    for (u32 i = 0; i < ARRAY_SIZE(c->debugreg); i++)
        if (i != 4 && i != 5 && pv_debugreg_set(v, i, c->debugreg[i]))
            log_guest(LOG_DEBUG, "domain %u: DR%u cannot be %#lx", v->domain->id, i,
                      (unsigned long)c->debugreg[i]);
}

/* Page tables and descriptor tables: the part that takes references and may fail. */
static int context_set_tables(struct vcpu *v, const struct vcpu_guest_context *c)
{
    mfn_t frames[ARRAY_SIZE(v->arch.gdt_frames)];
    for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = MFN(c->gdt_frames[i]);
    mfn_t kernel_l4 = MFN(xen_cr3_to_pfn(c->ctrlreg[3]));
    mfn_t user_l4 = MFN(xen_cr3_to_pfn(c->ctrlreg[1]));
    /*
     * Neither mode can run without. Tools mark the table for user mode by bit 0 in what they save,
     * and restore it without.
     */
    bool user = c->ctrlreg[1];
    if (!kernel_l4.v || (user && !user_l4.v) || (!(c->flags & VGCF_in_kernel) && !user))
        return -EINVAL;
    int error = pv_gdt_set(v, frames, (u32)c->gdt_ents);
    if (!error)
        error = pv_set_kernel_l4(v, kernel_l4);
    if (!error && user)
        error = pv_set_user_l4(v, user_l4);
    if (error && error != -ERESTART) {
        pv_gdt_clear(v);
        pv_drop_l4s(v);
    }
    return error;
}

int pv_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int error = context_check(c);
    if (!error && !v->initialised) /* else it keeps its tables */
        error = context_set_tables(v, c);
    if (error)
        return error;
    context_set_regs(v, c);
    context_set_callbacks(v, c);
    context_set_control(v, c);
    v->arch.ldt_base = c->ldt_base;
    v->arch.ldt_entries = (u32)c->ldt_ents;
    v->arch.kernel_mode = c->flags & VGCF_in_kernel;
    if (!v->arch.kernel_mode && mfn_is_invalid(v->arch.user_l4))
        v->arch.kernel_mode = true;
    STATIC_ASSERT(sizeof(c->fpu_ctxt) == FPU_LEGACY_BYTES);
    if (c->flags & VGCF_I387_VALID)
        fpu_legacy_set(v, &c->fpu_ctxt);
    v->initialised = true;
    /* Whoever built the domain has cleared the shared page since it was created. */
    if (v->id == 0)
        wallclock_update_domain(v->domain);
    return 0;
}

int arch_vcpu_initialise(struct vcpu *v, vaddr_t arg)
{
    struct vcpu_guest_context *c = object_new(struct vcpu_guest_context);
    if (!c)
        return -ENOMEM;
    int error = guest_copy_in(c, arg, sizeof(*c));
    if (!error)
        error = pv_vcpu_set_context(v, c);
    object_free(c);
    return error;
}

void arch_vcpu_dump(struct vcpu *v)
{
    log_error("domain %u vcpu %u on cpu %u, %s mode, kernel table %#lx user table %#lx",
              v->domain->id, v->id, v->cpu, v->arch.kernel_mode ? "kernel" : "user",
              (unsigned long)v->arch.kernel_l4.v, (unsigned long)v->arch.user_l4.v);
    regs_dump(v == current ? guest_regs() : &v->arch.regs);
}
