/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sub-operations of memory_op that are about kinds of domains and machines that are not here:
 * translated guests, populate on demand, access control, devices with reserved memory. What
 * callers get is the ABI's answer for a PV domain, errors in the order in which the ABI finds them.
 */
#include "abi/memory.h"
#include "core/domain.h"
#include "core/memory_handlers.h"
#include "errno.h"

/* The answer about a domain that the caller may act on; else why not. */
static long answer_about(domid_t id, long answer)
{
    struct domain *d = domain_get(id);
    if (!d)
        return -ESRCH;
    if (!may_control(d))
        answer = -EPERM;
    domain_put(d);
    return answer;
}

/* The same, for what nobody may ask about himself. */
static long answer_about_other(const struct vcpu *v, domid_t id, long answer)
{
    if (id == v->domain->id)
        return -EPERM;
    return id == DOMID_SELF ? -ESRCH : answer_about(id, answer);
}

/* --- guest frames: PV guests have no translation that could be changed */

long memory_op_add_to_physmap(struct vcpu *v, void *arg)
{
    const struct xen_add_to_physmap *op = arg;
    return answer_about(op->domid, op->space == XENMAPSPACE_gmfn_foreign ? -ENOSYS : -EACCES);
}

long memory_op_add_to_physmap_batch(struct vcpu *v, void *arg)
{
    const struct xen_add_to_physmap_batch *op = arg;
    return answer_about(op->domid, -EACCES);
}

long memory_op_remove_from_physmap(struct vcpu *v, void *arg)
{
    const struct xen_remove_from_physmap *op = arg;
    return answer_about(op->domid, -EACCES);
}

/* --- what only guests with translation have */

long memory_op_set_pod_target(struct vcpu *v, void *arg)
{
    const struct xen_pod_target *op = arg;
    return answer_about(op->domid, -EINVAL);
}

long memory_op_get_pod_target(struct vcpu *v, void *arg)
{
    const struct xen_pod_target *op = arg;
    return answer_about(op->domid, -EINVAL);
}

long memory_op_access(struct vcpu *v, void *arg)
{
    const struct xen_mem_access_op *op = arg;
    return answer_about_other(v, op->domid, -EINVAL);
}

long memory_op_vnumainfo(struct vcpu *v, void *arg)
{
    const struct xen_vnuma_topology_info *op = arg;
    return answer_about(op->domid, -EOPNOTSUPP);
}

/* Without an IOMMU no device has memory that must stay where it is. */
long memory_op_reserved_device_memory(struct vcpu *v, void *arg)
{
    struct xen_reserved_device_memory_map *op = arg;
    if (!(op->flags & XENMEM_RDM_ALL) || op->flags & ~(u32)XENMEM_RDM_ALL)
        return -EINVAL;
    op->nr_entries = 0;
    return 0;
}
