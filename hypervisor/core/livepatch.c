/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patches to the running hypervisor (XEN_SYSCTL_livepatch_op): there are none, and none can be
 * loaded yet.
 */
#include "core/control.h"
#include "errno.h"

static long patch_find(const struct xen_livepatch_name *name)
{
    bool good = name->size && name->size <= XEN_LIVEPATCH_NAME_SIZE && !name->pad[0] &&
                !name->pad[1] && !name->pad[2];
    return good ? -ENOENT : -EINVAL;
}

long sysctl_livepatch_op(struct vcpu *v, void *arg)
{
    struct xen_sysctl_livepatch_op *op = &((struct xen_sysctl *)arg)->u.livepatch;
    if (op->pad)
        return -EINVAL;
    switch (op->cmd) {
    case XEN_SYSCTL_LIVEPATCH_GET:
        return patch_find(&op->u.get.name);
    case XEN_SYSCTL_LIVEPATCH_ACTION:
        return patch_find(&op->u.action.name);
    case XEN_SYSCTL_LIVEPATCH_LIST:
        if (op->u.list.pad)
            return -EINVAL;
        op->u.list.nr = op->u.list.version = 0;
        op->u.list.name_total_size = op->u.list.metadata_total_size = 0;
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}
