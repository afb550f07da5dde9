/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that the tools take out of use, and give back (XEN_SYSCTL_page_offline_op): memory that
 * has begun to fail. One that somebody has leaves when its owner frees it, or exchanges it.
 */
#include "core/control.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "errno.h"

#define FRAMES_MAX 1024u /* in one call */
/* What Xen says of frames that it did not come to. */
#define STATUS_NOT_REACHED 0x01010101u

static u32 status_owned(const struct domain *d)
{
    return PG_OFFLINE_OWNED | PG_OFFLINE_PENDING | (u32)d->id << PG_OFFLINE_OWNER_SHIFT;
}

static int page_offline(struct frame *f, u32 *status)
{
    if (f->count & FRAME_NOT_RAM) {
        *status = PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM;
        return -EINVAL;
    }
    int error = heap_retire(f);
    if (error)
        return error;
    u32 owner = READ_ONCE(f->owner);
    if (owner && frame_get_from(f, owner)) {
        *status = status_owned(frame_owner(f));
        frame_put(f);
    } else if (heap_retirement(f) == HEAP_RETIRED) {
        *status = PG_OFFLINE_OFFLINED;
    } else { /* the hypervisor's own */
        *status = PG_OFFLINE_XENPAGE | PG_OFFLINE_PENDING | DOMID_XEN << PG_OFFLINE_OWNER_SHIFT;
    }
    return 0;
}

static int page_query(const struct frame *f, u32 *status)
{
    static const u32 answers[] = {[HEAP_TO_RETIRE] = PG_OFFLINE_STATUS_OFFLINE_PENDING,
                                  [HEAP_RETIRED] = PG_OFFLINE_STATUS_OFFLINED};
    if (f->count & FRAME_NOT_RAM)
        return -EINVAL;
    *status = answers[heap_retirement(f)];
    return 0;
}

/* -EINVAL: no frame, or no such command; -ENOSPC: no room for one more. */
static int page_one(u32 cmd, struct frame *f, u32 *status)
{
    if (!f)
        return -EINVAL;
    switch (cmd) {
    case sysctl_page_offline:
        return page_offline(f, status);
    case sysctl_page_online:
        *status = heap_reinstate(f) ? PG_ONLINE_ONLINED : 0;
        return 0;
    case sysctl_query_page_offline:
        return page_query(f, status);
    default:
        return -EINVAL;
    }
}

long sysctl_page_offline_op(struct vcpu *v, void *arg)
{
    const struct xen_sysctl_page_offline_op *op = &((struct xen_sysctl *)arg)->u.page_offline;
    const u32 not_reached = STATUS_NOT_REACHED;
    int error = 0;
    if (op->end < op->start)
        return -EINVAL;
    if (op->end - op->start >= FRAMES_MAX)
        return -E2BIG;
    u32 n = op->end - op->start + 1;
    for (u32 i = 0; i < n; i++)
        if (guest_write_at(op->status, i, &not_reached))
            return -EFAULT;
    for (u32 i = 0; i < n && !error; i++) {
        u32 status = STATUS_NOT_REACHED;
        error = page_one(op->cmd, frame_in_table(MFN(op->start + i)), &status);
        if (guest_write_at(op->status, i, &status))
            return -EFAULT;
    }
    return error;
}
