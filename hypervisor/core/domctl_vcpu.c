/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of domctl that is about vCPUs: how many, with what context, where they may run, with
 * what weight.
 */
#include "arch/control.h"
#include "core/control.h"
#include "core/cpupool.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/sched.h"
#include "errno.h"

/* -EINVAL: beyond the domain's number; -ESRCH: not created. */
static int vcpu_find(struct domain *d, u32 id, struct vcpu **v)
{
    *v = domain_vcpu(d, id);
    if (id >= d->max_vcpus)
        return -EINVAL;
    return *v ? 0 : -ESRCH;
}

long domctl_max_vcpus(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct domain *d = c->d;
    long result = 0;
    if (d == caller->domain || d->dying)
        return domctl_refuse(c, -EINVAL, "it is the caller, or is going away");
    if (c->op.u.max_vcpus.max != d->max_vcpus)
        return domctl_refuse(c, -EINVAL, "it was created for another number of vCPUs");
    domain_pause(d);
    for (u32 id = 0; id < d->max_vcpus && !result; id++)
        if (!d->vcpus[id] && !vcpu_create(d, id))
            result = -ENOMEM;
    cpupool_admit(d);
    domain_unpause(d);
    return result;
}

/* --- contexts */

static long context_set(struct vcpu *v, const struct xen_domctl_vcpucontext *op)
{
    struct vcpu_guest_context *context = object_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    long result = guest_read_at(context, op->ctxt, 0);
    if (!result) {
        domain_pause(v->domain);
        result = arch_vcpu_set_context(v, context);
        if (!result && arch_context_is_online(context))
            __atomic_and_fetch(&v->pause_flags, ~VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
        else if (!result)
            __atomic_or_fetch(&v->pause_flags, VCPU_PAUSED_DOWN, __ATOMIC_SEQ_CST);
        domain_unpause(v->domain);
    }
    object_free(context);
    return result;
}

long domctl_setvcpucontext(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_vcpucontext *op = &c->op.u.vcpucontext;
    struct vcpu *v = domain_vcpu(c->d, op->vcpu);
    if (c->d == caller->domain || !v || c->d->dying)
        return domctl_refuse(c, -EINVAL, "it is the caller or going away, or has no such vCPU");
    c->why = "its registers or tables are not allowed"; /* if it fails */
    if (!guest_handle_is_null(op->ctxt))
        return context_set(v, op);
    vcpu_reset(v);
    return 0;
}

long domctl_getvcpucontext(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_vcpucontext *op = &c->op.u.vcpucontext;
    struct vcpu *v = domain_vcpu(c->d, op->vcpu);
    if (!v || v == current)
        return -EINVAL;
    if (!v->initialised)
        return -ENODATA;
    struct vcpu_guest_context *context = object_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    vcpu_pause(v);
    arch_vcpu_get_context(v, context);
    vcpu_unpause(v);
    long result = guest_write_at(op->ctxt, 0, context);
    object_free(context);
    return result;
}

long domctl_getvcpuinfo(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_getvcpuinfo *op = &c->op.u.getvcpuinfo;
    struct vcpu_runstate_info runstate;
    struct vcpu *v;
    int error = vcpu_find(c->d, op->vcpu, &v);
    if (error)
        return error;
    sched_runstate_get(v, &runstate);
    u64 paused = READ_ONCE(v->pause_flags);
    op->online = !(paused & VCPU_PAUSED_DOWN);
    op->blocked = (paused & (VCPU_PAUSED_BLOCKED | VCPU_PAUSED_POLL)) != 0;
    op->running = READ_ONCE(v->running);
    op->cpu_time = runstate.time[RUNSTATE_running];
    op->cpu = v->cpu;
    return 0;
}

long domctl_sendtrigger(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_sendtrigger *op = &c->op.u.sendtrigger;
    struct vcpu *v = domain_vcpu(c->d, op->vcpu);
    if (!v)
        return domctl_refuse(c, -ESRCH, "it has no such vCPU");
    switch (op->trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        vcpu_send_nmi(v);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return domctl_refuse(c, -EINVAL, "a paravirtual guest has no such button");
    default:
        return -ENOSYS;
    }
}

/* --- where they may run */

/* The vCPU whose affinity the call is about. -EINVAL: it says nothing, or not where. */
static int affinity_begin(struct domctl_call *c, struct vcpu **v)
{
    const struct xen_domctl_vcpuaffinity *op = &c->op.u.vcpuaffinity;
    if (!op->flags ||
        ((op->flags & XEN_VCPUAFFINITY_HARD) && guest_handle_is_null(op->cpumap_hard.bitmap)) ||
        ((op->flags & XEN_VCPUAFFINITY_SOFT) && guest_handle_is_null(op->cpumap_soft.bitmap)))
        return -EINVAL;
    return vcpu_find(c->d, op->vcpu, v);
}

/* What the given parts of v's affinity come to. */
static int affinity_tell_effect(const struct vcpu *v, const struct xen_domctl_vcpuaffinity *op)
{
    struct cpumask usable, soft;
    int error = 0;
    cpumask_and(&usable, &v->sched.affinity_hard, &v->sched.pool);
    cpumask_and(&usable, &usable, &cpu_active_mask);
    cpumask_and(&soft, &v->sched.affinity_soft, &usable);
    if (op->flags & XEN_VCPUAFFINITY_HARD)
        error = control_bitmap_out(&op->cpumap_hard, usable.bits, NR_CPUS);
    if (!error && (op->flags & XEN_VCPUAFFINITY_SOFT))
        error = control_bitmap_out(&op->cpumap_soft, soft.bits, NR_CPUS);
    return error;
}

long domctl_setvcpuaffinity(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_vcpuaffinity *op = &c->op.u.vcpuaffinity;
    bool with_hard = op->flags & XEN_VCPUAFFINITY_HARD;
    bool with_soft = op->flags & XEN_VCPUAFFINITY_SOFT;
    struct cpumask hard, soft;
    struct vcpu *v;
    int error = affinity_begin(c, &v);
    if (error)
        return error;
    if (op->flags & XEN_VCPUAFFINITY_FORCE) {
        /* Not pinned for a time: then there is nothing to undo. */
        error = sched_pin_override(v, NR_CPUS);
        if (error && error != -EINVAL)
            return error;
    }
    error = with_hard ? control_bitmap_in(hard.bits, NR_CPUS, &op->cpumap_hard) : 0;
    if (!error && with_soft)
        error = control_bitmap_in(soft.bits, NR_CPUS, &op->cpumap_soft);
    if (!error)
        error = sched_set_affinity(v, with_hard ? &hard : NULL, with_soft ? &soft : NULL);
    return error ? error : affinity_tell_effect(v, op);
}

long domctl_getvcpuaffinity(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    const struct xen_domctl_vcpuaffinity *op = &c->op.u.vcpuaffinity;
    struct vcpu *v;
    int error = affinity_begin(c, &v);
    if (!error && (op->flags & XEN_VCPUAFFINITY_HARD))
        error = control_bitmap_out(&op->cpumap_hard, v->sched.affinity_hard.bits, NR_CPUS);
    if (!error && (op->flags & XEN_VCPUAFFINITY_SOFT))
        error = control_bitmap_out(&op->cpumap_soft, v->sched.affinity_soft.bits, NR_CPUS);
    return error;
}

long domctl_setnodeaffinity(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    u32 nodes = arch_nodes();
    u64 mask, all = nodes < 64 ? BIT(nodes) - 1 : ~0ull;
    int error = control_bitmap_in(&mask, 64, &c->op.u.nodeaffinity.nodemap);
    if (error)
        return error;
    mask &= all;
    if (!mask)
        return -EINVAL;
    c->d->node_mask = mask;
    /* The allocator prefers one node, or none. */
    c->d->node_affinity = mask & (mask - 1) ? NODE_ANY : (u32)__builtin_ctzll(mask);
    return 0;
}

long domctl_getnodeaffinity(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    u32 nodes = arch_nodes();
    u64 all = nodes < 64 ? BIT(nodes) - 1 : ~0ull;
    u64 mask = c->d->node_mask ? c->d->node_mask : all;
    return control_bitmap_out(&c->op.u.nodeaffinity.nodemap, &mask, 64);
}

/* --- with what weight */

static void share_put(struct domain *d, const struct xen_domctl_sched_credit2 *op)
{
    struct vcpu *v;
    /* 0: as it is. */
    if (op->weight)
        for_each_vcpu (d, v)
            sched_set_weight(v, op->weight);
    /* 0: none. */
    sched_set_cap(d, op->cap);
}

long domctl_scheduler_op(struct vcpu *caller, void *arg)
{
    struct domctl_call *c = arg;
    struct xen_domctl_scheduler_op *op = &c->op.u.scheduler_op;
    struct vcpu *v = domain_vcpu(c->d, 0);
    if (op->sched_id != CONTROL_SCHEDULER)
        return domctl_refuse(c, -EINVAL, "the scheduler is credit2 to the tools");
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        share_put(c->d, &op->u.credit2);
        return 0;
    case XEN_DOMCTL_SCHEDOP_getinfo:
        op->u.credit2.weight = (u16)(v ? v->sched.weight : SCHED_WEIGHT_DEFAULT);
        op->u.credit2.cap = (u16)c->d->cap.percent;
        return 0;
    default:
        return -EINVAL;
    }
}
