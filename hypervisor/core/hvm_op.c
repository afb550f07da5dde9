/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall hvm_op, and others that ask for what a PV domain cannot have. No domain has
 * hardware virtualization, so what is asked about one is refused as the ABI refuses it for PV
 * domains.
 */
#include "abi/hvm.h"
#include "core/domain.h"
#include "core/hypercall_handlers.h"
#include "core/time.h"
#include "core/trace.h"
#include "errno.h"

#define TRACE_EVENT_END BIT(12)

/* The handlers of the rows. */
#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/hvm.def"
#undef SUBOP
#undef UNAVAILABLE

long hypercall_hvm_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return subop_dispatch(v, &hvm_ops, cmd, arg);
}

/* -ESRCH, or what is said about a domain of the wrong kind. */
static long refuse_for(domid_t id)
{
    struct domain *d = domain_get(id);
    if (!d)
        return -ESRCH;
    domain_put(d);
    return -EINVAL;
}

long hvm_op_set_param(struct vcpu *v, void *arg)
{
    const struct xen_hvm_param *op = arg;
    return refuse_for(op->domid);
}

long hvm_op_get_param(struct vcpu *v, void *arg)
{
    const struct xen_hvm_param *op = arg;
    return refuse_for(op->domid);
}

long hvm_op_pagetable_dying(struct vcpu *v, void *arg)
{
    const struct xen_hvm_pagetable_dying *op = arg;
    return refuse_for(op->domid);
}

long hvm_op_get_mem_type(struct vcpu *v, void *arg)
{
    const struct xen_hvm_get_mem_type *op = arg;
    return refuse_for(op->domid);
}

long hvm_op_get_time(struct vcpu *v, void *arg)
{
    struct xen_hvm_get_time *op = arg;
    op->now = time_now();
    return 0;
}

/* The guest's own record. */
long hvm_op_xentrace(struct vcpu *v, void *arg)
{
    const struct xen_hvm_xentrace *op = arg;
    if (op->event >= TRACE_EVENT_END || op->extra_bytes > sizeof(op->extra))
        return -EINVAL;
    if (READ_ONCE(trace_on))
        trace_record(op->event | TRC_GUEST, false, op->extra, op->extra_bytes);
    return 0;
}

/* The rest is about the caller, and refused before the argument is looked at. */

long hvm_op_flush_tlbs(struct vcpu *v, void *arg)
{
    return -EINVAL;
}

long hvm_op_set_upcall_vector(struct vcpu *v, void *arg)
{
    return -EINVAL;
}

long hvm_op_request_vm_event(struct vcpu *v, void *arg)
{
    return -EINVAL;
}

/* No counters are virtualized; whether kernels may have them is not theirs to choose. */
long hypercall_xenpmu_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6)
{
    return -EOPNOTSUPP;
}
