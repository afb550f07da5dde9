/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall grant_table_op: takes an array of arguments and calls the row's function
 * (core/ops/grant_table.def) for one after another; and the operations on a whole table, which take
 * one.
 */
#include "grant_private.h"
#include "core/guest_access.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"

/* Elements between two looks at whether something is more urgent: some microseconds. */
#define ELEMENT_BATCH 16

#define COMMAND_MASK 0xfffu

/* The largest element, in 64-bit words. */
#define ELEMENT_WORDS 8

struct element_op {
    subop_handler_t
        handler; /* 0: the element is done, whatever its status; < 0 ends the hypercall */
    u16 size;
};

#define SUBOP(command, function, type, direction, privilege)                                       \
    [command] = {.handler = (function), .size = sizeof(type)},
#define UNAVAILABLE(command, error, reason)
static const struct element_op element_ops[] = {
#include "core/ops/grant_table.def"
};
#undef SUBOP

#define SUBOP(command, function, type, direction, privilege)                                       \
    STATIC_ASSERT(sizeof(type) <= ELEMENT_WORDS * sizeof(u64));
#include "core/ops/grant_table.def"
#undef SUBOP
#undef UNAVAILABLE

/*
 * The elements one after the other. Results are written back also when the operation failed: some
 * of those that return an error say more in the element. Where the command is constant, so are
 * handler and size: the call is direct, and elements are copied in place.
 */
static always_inline long elements_run(struct vcpu *v, u32 cmd, vaddr_t array, u32 count)
{
    const struct element_op *op = &element_ops[cmd];
    bool unmaps = cmd == GNTTABOP_unmap_grant_ref || cmd == GNTTABOP_unmap_and_replace;
    u64 element[ELEMENT_WORDS];
    vaddr_t end = array + (u64)op->size * count;
    u32 batch = ELEMENT_BATCH;
    long result = 0;
    if (!guest_range_ok(array, end - array))
        return -EFAULT;
    for (; array != end; array += op->size) {
        if (unlikely(!batch--)) {
            if (unmaps)
                grant_unmap_finish(v->domain);
            if (preempt_pending())
                return hypercall_continue(v, 3, (u64)cmd, array, (end - array) / op->size);
            batch = ELEMENT_BATCH - 1;
        }
        result = -EFAULT;
        if (unlikely(guest_copy_in(element, array, op->size)))
            break;
        long done = op->handler(v, element);
        if (unlikely(guest_copy_out(array, element, op->size)))
            break;
        result = done;
        if (unlikely(result < 0))
            break;
    }
    if (unmaps)
        grant_unmap_finish(v->domain);
    return result;
}

static noinline long elements_run_any(struct vcpu *v, u32 cmd, vaddr_t array, u32 count)
{
    return elements_run(v, cmd, array, count);
}

/* Every command but those that are most frequent. */
static noinline long grant_op_other(struct vcpu *v, u32 cmd, vaddr_t uop, u32 count)
{
    if (cmd >= ARRAY_SIZE(element_ops))
        return -ENOSYS;
    cmd = (u32)index_clamp(cmd, ARRAY_SIZE(element_ops));
    switch (cmd) {
    case GNTTABOP_setup_table:
    case GNTTABOP_query_size:
    case GNTTABOP_get_status_frames:
        if (count != 1)
            return -EINVAL;
        break;
    case GNTTABOP_set_version:
    case GNTTABOP_get_version:
        count = 1; /* these do not look at it */
        break;
    }
    if (!element_ops[cmd].handler)
        return subop_dispatch(v, &grant_table_ops, cmd, uop); /* which says why */
    return elements_run_any(v, cmd, uop, count);
}

long hypercall_grant_table_op(struct vcpu *v, u64 cmd64, u64 uop, u64 count64, u64 a4, u64 a5,
                              u64 a6)
{
    u32 cmd = (u32)cmd64, count = (u32)count64;
    /* Bits above the number are for the progress of operations that save it there: none does. */
    if ((s32)count < 0 || cmd & ~COMMAND_MASK)
        return -EINVAL;
    switch (cmd) {
    case GNTTABOP_map_grant_ref:
        return elements_run(v, GNTTABOP_map_grant_ref, uop, count);
    case GNTTABOP_unmap_grant_ref:
        return elements_run(v, GNTTABOP_unmap_grant_ref, uop, count);
    case GNTTABOP_copy:
        return elements_run(v, GNTTABOP_copy, uop, count);
    default:
        return grant_op_other(v, cmd, uop, count);
    }
}

/* --- operations on a table */

/* The domain that is meant, with a reference, if it has a table and the caller may act on it. Else
 * NULL and *status. */
static struct domain *grant_target_get(domid_t id, int16_t *status)
{
    struct domain *d = domain_get(id);
    *status = GNTST_okay;
    if (d && d->grants && may_control(d))
        return d;
    *status = d && d->grants ? GNTST_permission_denied : GNTST_bad_domain;
    if (d)
        domain_put(d);
    return NULL;
}

/* Write the numbers of the first count frames (each at pages[i]) to the guest's list. Tables do not
 * shrink, so no lock is needed but against the domain's end, when its frames turn into NULL. */
static int16_t grant_frames_list(void *const *pages, u32 count, guest_handle_uint64 list)
{
    for (u32 i = 0; i < count; i++) {
        const void *page = READ_ONCE(pages[i]);
        if (!page)
            return GNTST_general_error;
        u64 gfn = virt_to_mfn(page).v;
        if (guest_write_at(list, i, &gfn))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

long grant_op_setup_table(struct vcpu *v, void *arg)
{
    struct gnttab_setup_table *op = arg;
    struct domain *d = grant_target_get(op->dom, &op->status);
    if (!d)
        return 0;
    struct grant_table *t = d->grants;
    spin_lock(&t->lock);
    int error = grant_table_grow(d, op->nr_frames);
    spin_unlock(&t->lock);
    if (error) {
        log_guest(LOG_INFO, "d%u: no grant table of %u frames: %s (limit %u)", d->id, op->nr_frames,
                  error == -ENOMEM ? "out of memory" : "beyond its limit", t->max_frames);
        op->status = GNTST_general_error;
    } else {
        op->status = grant_frames_list(t->shared, op->nr_frames, op->frame_list);
    }
    domain_put(d);
    return 0;
}

long grant_op_get_status_frames(struct vcpu *v, void *arg)
{
    struct gnttab_get_status_frames *op = arg;
    struct domain *d = grant_target_get(op->dom, &op->status);
    if (!d)
        return 0;
    struct grant_table *t = d->grants;
    if (op->nr_frames > READ_ONCE(t->nr_status_frames))
        op->status = GNTST_general_error;
    else
        op->status = grant_frames_list((void *const *)t->status, op->nr_frames, op->frame_list);
    domain_put(d);
    return 0;
}

long grant_op_query_size(struct vcpu *v, void *arg)
{
    struct gnttab_query_size *op = arg;
    struct domain *d = grant_target_get(op->dom, &op->status);
    if (!d)
        return 0;
    op->nr_frames = READ_ONCE(d->grants->nr_frames);
    op->max_nr_frames = d->grants->max_frames;
    domain_put(d);
    return 0;
}

long grant_op_set_version(struct vcpu *v, void *arg)
{
    struct gnttab_set_version *op = arg;
    int error = -EINVAL;
    if (op->version == 1 || op->version == 2)
        error = grant_table_set_version(v->domain, op->version);
    op->version = READ_ONCE(v->domain->grants->version);
    return error;
}

long grant_op_get_version(struct vcpu *v, void *arg)
{
    struct gnttab_get_version *op = arg;
    int16_t status;
    struct domain *d = grant_target_get(op->dom, &status);
    if (!d)
        return status == GNTST_bad_domain ? -ESRCH : -EPERM;
    op->version = READ_ONCE(d->grants->version);
    domain_put(d);
    return 0;
}

/* Exchange what two entries hold, which nobody uses; the lock is held, and both exist. */
static void grant_entries_swap(const struct grant_table *t, u32 a, u32 b)
{
    if (t->version == 1) {
        struct grant_entry_v1 kept = *grant_v1_at(t, a);
        *grant_v1_at(t, a) = *grant_v1_at(t, b);
        *grant_v1_at(t, b) = kept;
    } else {
        union grant_entry_v2 kept = *grant_v2_at(t, a);
        *grant_v2_at(t, a) = *grant_v2_at(t, b);
        *grant_v2_at(t, b) = kept;
        grant_status_t status = *grant_status_at(t, a);
        *grant_status_at(t, a) = *grant_status_at(t, b);
        *grant_status_at(t, b) = status;
    }
}

long grant_op_swap(struct vcpu *v, void *arg)
{
    struct gnttab_swap_grant_ref *op = arg;
    struct grant_table *t = v->domain->grants;
    spin_lock(&t->lock);
    u32 entries = grant_table_entries(t);
    if (t->closed || op->ref_a >= entries || op->ref_b >= entries) {
        op->status = GNTST_bad_gntref;
    } else {
        u32 a = (u32)index_clamp(op->ref_a, entries), b = (u32)index_clamp(op->ref_b, entries);
        op->status = GNTST_okay;
        if (a != b && (grant_active_in_use(grant_active_at(t, a)) ||
                       grant_active_in_use(grant_active_at(t, b))))
            op->status = GNTST_eagain;
        else if (a != b)
            grant_entries_swap(t, a, b);
    }
    spin_unlock(&t->lock);
    return 0;
}

/* Devices see the caches of these processors: once the request makes sense, nothing is to be done.
 */
long grant_op_cache_flush(struct vcpu *v, void *arg)
{
    const struct gnttab_cache_flush *op = arg;
    const u32 known = GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL; /* not of a grant */
    if (op->offset >= PAGE_SIZE || (u32)op->offset + op->length > PAGE_SIZE || op->op & ~known)
        return -EINVAL;
    if (!op->length || !op->op)
        return 0;
    struct frame *f = frame_of_mfn(mfn_of_paddr(op->a.dev_bus_addr));
    if (!f)
        return -EINVAL;
    if (!frame_get(f, v->domain))
        return -EPERM;
    frame_put(f);
    return 0;
}
