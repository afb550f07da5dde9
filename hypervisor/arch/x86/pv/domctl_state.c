/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of domctl that carries what a PV guest's vCPUs have beyond their contexts from one
 * machine to another: callbacks of 32-bit programs and machine-check registers (extended context),
 * the XSAVE area, MSRs. What comes in was made by tools from a file that anybody may have changed:
 * nothing of it may do more than the guest could have done itself.
 */
#include "core/control.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/fpu.h"
#include "x86/policy.h"
#include "x86/pv_emulate.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"

#define FLAT_KERNEL_SELECTOR 0xe033u
#define MCG_CAP_COUNT        0xffull
#define NR_STATE_MSRS        2u

/*
 * The vCPU that the call means; not of the caller. Its domain is stopped until state_end(): also a
 * sibling changes it, by initialising it. -EINVAL, -ESRCH.
 */
static int state_begin(struct vcpu *caller, struct domctl_call *c, u32 id, struct vcpu **v)
{
    *v = domain_vcpu(c->d, id);
    if (c->d == caller->domain || c->d->dying)
        return -EINVAL;
    if (!*v)
        return -ESRCH;
    domain_pause(c->d);
    return 0;
}

static long state_end(struct vcpu *v, long result)
{
    domain_unpause(v->domain);
    return result;
}

/* --- the log of what it writes */

long domctl_shadow_op(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_shadow_op *op = &c->op.u.shadow_op;
    if (c->d == caller->domain)
        return domctl_refuse(c, -EINVAL, "it is the caller");
    if (c->d->dying)
        return 0;
    if (!domain_vcpu(c->d, 0))
        return domctl_refuse(c, -EINVAL, "it has no vCPUs yet");
    switch (op->op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        pv_log_dirty_disable(c->d);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
        if (op->mode != XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY)
            return domctl_refuse(c, -EINVAL, "a mode of shadows that PV guests do not have");
        return pv_log_dirty_enable(c->d);
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return pv_log_dirty_enable(c->d);
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        return pv_log_dirty_read(c->d, op, op->op == XEN_DOMCTL_SHADOW_OP_CLEAN);
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
        op->mb = pv_log_dirty_room(c->d);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
        return domctl_refuse(c, -EOPNOTSUPP, "the hypervisor chooses the memory for its tables");
    default:
        return domctl_refuse(c, -EINVAL, "no such operation for PV guests");
    }
}

/* --- the extended context */

/* What the guest reads of MSR_MCG_CAP. */
static u64 mcg_cap_of(const struct vcpu *v)
{
    return policy_msr(v->domain->arch.policy, MSR_MCG_CAP)->value;
}

long domctl_get_ext_vcpucontext(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_ext_vcpucontext *op = &c->op.u.ext_vcpucontext;
    struct vcpu *v;
    int error = state_begin(caller, c, op->vcpu, &v);
    if (error)
        return error;
    const struct arch_vcpu *a = &v->arch;
    *op = (struct xen_domctl_ext_vcpucontext){
        .vcpu = op->vcpu,
        .size = sizeof(*op),
        .syscall32_callback_eip = a->syscall32_callback,
        .sysenter_callback_eip = a->sysenter_callback,
        .syscall32_callback_cs = FLAT_KERNEL_SELECTOR,
        .sysenter_callback_cs = FLAT_KERNEL_SELECTOR,
        .syscall32_disables_events = a->syscall32_masks_events,
        .sysenter_disables_events = a->sysenter_masks_events,
        .vmce = {.caps = mcg_cap_of(v),
                 .mci_ctl2_bank0 = a->mc_ctl2[0],
                 .mci_ctl2_bank1 = a->mc_ctl2[1]},
    };
    return state_end(v, 0);
}

long domctl_set_ext_vcpucontext(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_ext_vcpucontext *op = &c->op.u.ext_vcpucontext;
    bool with_mce = op->size >= sizeof(*op);
    struct vcpu *v;
    int error = state_begin(caller, c, op->vcpu, &v);
    if (error)
        return error;
    if (op->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
        !pv_code_address_ok(op->syscall32_callback_eip) ||
        !pv_code_address_ok(op->sysenter_callback_eip))
        return state_end(v, domctl_refuse(c, -EINVAL, "callbacks that no guest can have"));
    if (with_mce && (op->vmce.caps & ~mcg_cap_of(v) & ~MCG_CAP_COUNT))
        return state_end(v, domctl_refuse(c, -EPERM, "machine checks that are not there"));
    v->arch.syscall32_callback = op->syscall32_callback_eip;
    v->arch.sysenter_callback = op->sysenter_callback_eip;
    v->arch.syscall32_masks_events = op->syscall32_disables_events;
    v->arch.sysenter_masks_events = op->sysenter_disables_events;
    if (with_mce) {
        v->arch.mc_ctl2[0] = op->vmce.mci_ctl2_bank0;
        v->arch.mc_ctl2[1] = op->vmce.mci_ctl2_bank1;
    }
    return state_end(v, 0);
}

/* --- the XSAVE area, behind two words: XCR0, and all components that were ever enabled */

struct xstate_head {
    u64 xcr0, accumulated;
};

static u64 xstate_bytes(const struct cpu_policy *p, u64 components)
{
    return sizeof(struct xstate_head) + (components ? policy_xsave_size(p, components, false) : 0);
}

long domctl_getvcpuextstate(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_vcpuextstate *op = &c->op.u.vcpuextstate;
    struct vcpu *v;
    int error = state_begin(caller, c, op->vcpu, &v);
    if (error)
        return error;
    const struct cpu_policy *p = v->domain->arch.policy;
    const struct xstate_head head = {
        .xcr0 = p->xcr0 ? v->arch.xcr0 : 0,
        .accumulated = p->xcr0 ? v->arch.xcr0 | (fpu_components(v) & p->xcr0) : 0,
    };
    u64 size = xstate_bytes(p, head.accumulated), mask = op->xfeature_mask, room = op->size;
    op->xfeature_mask = head.accumulated;
    op->size = size;
    if (guest_handle_is_null(op->buffer) || (!mask && !room))
        return state_end(v, 0);
    if (room != size || mask != head.accumulated)
        return state_end(v, -EINVAL);
    if (guest_copy_out(op->buffer.va, &head, sizeof(head)) ||
        guest_copy_out(op->buffer.va + sizeof(head), v->arch.fpu, size - sizeof(head)))
        error = -EFAULT;
    return state_end(v, error);
}

static long xstate_set(struct domctl_call *c, struct vcpu *v)
{
    const struct xen_domctl_vcpuextstate *op = &c->op.u.vcpuextstate;
    const struct cpu_policy *p = v->domain->arch.policy;
    struct xstate_head head;
    if (op->size < sizeof(head) || guest_copy_in(&head, op->buffer.va, sizeof(head)))
        return op->size < sizeof(head) ? -EINVAL : -EFAULT;
    if (!head.accumulated && !head.xcr0 && !p->xcr0)
        return 0;
    if (op->size != xstate_bytes(p, head.accumulated) || (head.xcr0 & ~head.accumulated) ||
        !policy_xcr0_ok(p, head.xcr0) || !policy_xcr0_ok(p, head.accumulated))
        return domctl_refuse(c, -EINVAL, "components of XSAVE that it may not have");
    int error = fpu_replace(v, op->buffer.va + sizeof(head), (u32)(op->size - sizeof(head)),
                            head.accumulated);
    if (!error)
        v->arch.xcr0 = head.xcr0;
    return error == -EINVAL ? domctl_refuse(c, error, "an XSAVE area that cannot be loaded")
                            : error;
}

long domctl_setvcpuextstate(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct vcpu *v;
    int error = state_begin(caller, c, c->op.u.vcpuextstate.vcpu, &v);
    return error ? error : state_end(v, xstate_set(c, v));
}

/* --- MSRs: those whose value is the vCPU's own; all zero after a reset */

static u32 state_msrs(const struct vcpu *v, struct xen_domctl_vcpu_msr *msrs)
{
    u32 n = 0;
    if (v->arch.cpuid_faulting)
        msrs[n++] = (struct xen_domctl_vcpu_msr){.index = MSR_MISC_FEATURES, .value = 1};
    if (v->arch.tsc_aux)
        msrs[n++] = (struct xen_domctl_vcpu_msr){.index = MSR_TSC_AUX, .value = v->arch.tsc_aux};
    return n;
}

long domctl_get_vcpu_msrs(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_vcpu_msrs *op = &c->op.u.vcpu_msrs;
    struct xen_domctl_vcpu_msr msrs[NR_STATE_MSRS];
    struct vcpu *v;
    int error = state_begin(caller, c, op->vcpu, &v);
    if (error)
        return error;
    u32 n = state_msrs(v, msrs), room = op->msr_count;
    if (guest_handle_is_null(op->msrs)) {
        op->msr_count = NR_STATE_MSRS;
    } else if (n > room) {
        error = -ENOBUFS;
    } else {
        op->msr_count = n;
        error = guest_copy_out(op->msrs.va, msrs, n * sizeof(msrs[0])) ? -EFAULT : 0;
    }
    return state_end(v, error);
}

static bool state_msr_set(struct vcpu *v, const struct xen_domctl_vcpu_msr *m)
{
    if (m->reserved)
        return false;
    /* v does not run: its registers are loaded when it next does. */
    if (m->index == MSR_TSC_AUX) {
        if (m->value >> 32)
            return false;
        v->arch.tsc_aux = (u32)m->value;
        return true;
    }
    return m->index == MSR_MISC_FEATURES && pv_msr_write(v, m->index, m->value);
}

long domctl_set_vcpu_msrs(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_vcpu_msrs *op = &c->op.u.vcpu_msrs;
    struct xen_domctl_vcpu_msr m;
    struct vcpu *v;
    int error = state_begin(caller, c, op->vcpu, &v);
    if (error)
        return error;
    if (op->msr_count > NR_STATE_MSRS)
        return state_end(v, -EINVAL);
    u32 i = 0;
    for (; i < op->msr_count && !error; i++) {
        error = guest_read_at(&m, op->msrs, i);
        if (!error && !state_msr_set(v, &m))
            error = domctl_refuse(c, -EINVAL, "an MSR that it cannot have");
    }
    if (error) {
        op->msr_count = i - 1; /* which one it was */
        c->copy_back = true;
    }
    return state_end(v, error);
}
