/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmuext_op: pins, base pointers, flushes, the LDT, clearing and copying of frames. An array of
 * operations, done one by one; every one is either done or not begun when the hypercall is
 * continued. Commands and handlers stand in core/ops/mmuext.def.
 */
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/softirq.h"
#include "lib/bits.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm_private.h"
#include "x86/descriptors.h"
#include "x86/pv.h"

#define LDT_ENTRIES_MAX 8192u

/* What a handler gets. */
struct mmuext_call {
    struct mmuext_op op;
    struct domain *pg_owner;
};

/* --- page tables */

/*
 * Work in slices until it is done or this CPU is wanted. operation() is called with the lock held.
 */
static long mmuext_sliced(struct vcpu *v, const struct mmuext_call *c,
                          int (*operation)(struct mm_work *w, struct vcpu *v,
                                           const struct mmuext_op *op))
{
    struct mm_work w;
    for (;;) {
        mm_work_init(&w, c->pg_owner, c->pg_owner);
        mm_lock(c->pg_owner);
        int error = operation(&w, v, &c->op);
        mm_unlock(c->pg_owner);
        if (likely(error != -ERESTART) || preempt_pending())
            return error;
    }
}

static int pin_slice(struct mm_work *w, struct vcpu *v, const struct mmuext_op *op)
{
    int error = mm_pin(w, MFN(op->arg1.mfn), op->cmd - MMUEXT_PIN_L1_TABLE + 1);
    if (error && error != -ERESTART)
        log_guest(LOG_WARNING, "d%u: frame %#lx cannot be pinned as level %u (%d)", w->pt_owner->id,
                  (unsigned long)op->arg1.mfn, op->cmd - MMUEXT_PIN_L1_TABLE + 1, error);
    return error;
}

static long mmuext_pin(struct vcpu *v, void *arg)
{
    return mmuext_sliced(v, arg, pin_slice);
}

static int unpin_slice(struct mm_work *w, struct vcpu *v, const struct mmuext_op *op)
{
    int error = mm_unpin(w, MFN(op->arg1.mfn));
    if (error)
        log_guest(LOG_WARNING, "d%u: frame %#lx is not pinned", w->pt_owner->id,
                  (unsigned long)op->arg1.mfn);
    return error;
}

static long mmuext_unpin(struct vcpu *v, void *arg)
{
    return mmuext_sliced(v, arg, unpin_slice);
}

static int base_slice(struct mm_work *w, struct vcpu *v, const struct mmuext_op *op)
{
    mfn_t mfn = MFN(op->arg1.mfn);
    bool user = op->cmd == MMUEXT_NEW_USER_BASEPTR;
    if (mfn_is_invalid(mfn)) /* all ones name no frame */
        return -EINVAL;
    if (mfn_eq(mfn, user ? v->arch.user_l4 : v->arch.kernel_l4)) {
        if (!user)
            pv_load_cr3(v);
        return 0;
    }
    /* Only user mode can do without. */
    if (!mfn.v && !user)
        return -EINVAL;
    int error = mm_set_base(w, v, user ? MM_BASE_USER : MM_BASE_KERNEL, mfn);
    if (error && error != -ERESTART)
        log_guest(LOG_WARNING, "d%u: frame %#lx cannot be a base table (%d)", w->pt_owner->id,
                  (unsigned long)mfn.v, error);
    return error;
}

static long mmuext_new_base(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    return c->pg_owner == v->domain ? mmuext_sliced(v, c, base_slice) : -EPERM;
}

/* --- flushes */

static long mmuext_flush_local(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    if (unlikely(c->pg_owner != v->domain))
        return -EPERM;
    tlb_flush_local();
    return 0;
}

static long mmuext_flush_page_local(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    if (unlikely(c->pg_owner != v->domain))
        return -EPERM;
    if (likely(vaddr_is_canonical(c->op.arg1.linear_addr)))
        tlb_flush_page_local(c->op.arg1.linear_addr);
    return 0;
}

/* The commands for many CPUs: everything, or one page where guests may have pages. */
static void flush_many(const struct mmuext_op *op, bool page, const struct cpumask *cpus)
{
    vaddr_t va = op->arg1.linear_addr;
    if (!page)
        tlb_flush_mask(cpus);
    else if (vaddr_is_canonical(va) && !vaddr_is_hypervisor(va))
        tlb_flush_page_mask(cpus, va);
}

static long mmuext_flush_multi(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    struct cpumask cpus;
    if (c->pg_owner != v->domain)
        return -EPERM;
    if (mm_vcpus_to_cpus(v, c->op.arg2.vcpumask.va, &cpus))
        return -EINVAL;
    flush_many(&c->op, c->op.cmd == MMUEXT_INVLPG_MULTI, &cpus);
    return 0;
}

static long mmuext_flush_all(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    if (c->pg_owner != v->domain)
        return -EPERM;
    flush_many(&c->op, c->op.cmd == MMUEXT_INVLPG_ALL, &v->domain->dirty_cpus);
    return 0;
}

static void flush_cache(void *unused)
{
    cache_write_back();
}

static long mmuext_flush_cache(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    bool all = c->op.cmd == MMUEXT_FLUSH_CACHE_GLOBAL;
    if (c->pg_owner != v->domain)
        return -EPERM;
    /* Only who has devices has a reason. */
    if (!v->domain->iomem.count && !v->domain->ioports.count) {
        log_guest(LOG_WARNING, "d%u: cache flush without a device", v->domain->id);
        return all ? -EINVAL : -EACCES;
    }
    if (all)
        cpu_call(&cpu_online_mask, flush_cache, NULL);
    else
        flush_cache(NULL);
    return 0;
}

/* --- LDT */

static long mmuext_set_ldt(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    u32 entries = c->op.arg2.nr_ents;
    vaddr_t base = entries ? c->op.arg1.linear_addr : 0;
    if (c->pg_owner != v->domain)
        return -EPERM;
    if (base % PAGE_SIZE || !vaddr_is_canonical(base) || vaddr_is_hypervisor(base) ||
        entries > LDT_ENTRIES_MAX) {
        log_guest(LOG_WARNING, "d%u: LDT of %u entries at %#lx refused", v->domain->id, entries,
                  (unsigned long)base);
        return -EINVAL;
    }
    if (v->arch.ldt_entries == entries && v->arch.ldt_base == base)
        return 0;
    pv_ldt_unmap_all(v);
    v->arch.ldt_base = base;
    v->arch.ldt_entries = entries;
    pv_ldt_load(v);
    return 0;
}

/* --- contents of frames */

/* d's frame with a reference and a use as writable data. -EINVAL, -ERESTART. */
static int frame_to_fill(struct domain *d, u64 mfn, struct frame **frame)
{
    struct frame *f = frame_of_mfn(MFN(mfn));
    if (!f || !frame_get(f, d))
        return -EINVAL;
    int error = mm_frame_get_writable(d, f);
    if (error) {
        frame_put(f);
        return error == -EBUSY ? -EINVAL : error;
    }
    *frame = f;
    return 0;
}

static long mmuext_clear_page(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    struct frame *f;
    int error = frame_to_fill(c->pg_owner, c->op.arg1.mfn, &f);
    if (error)
        return error;
    memset(frame_to_virt(f), 0, PAGE_SIZE);
    frame_put_writable(f);
    return 0;
}

static long mmuext_copy_page(struct vcpu *v, void *arg)
{
    const struct mmuext_call *c = arg;
    struct frame *from = frame_of_mfn(MFN(c->op.arg2.src_mfn)), *to;
    if (!from || !frame_get(from, c->pg_owner))
        return -EINVAL;
    int error = frame_to_fill(c->pg_owner, c->op.arg1.mfn, &to);
    if (!error) {
        if (to != from)
            memcpy(frame_to_virt(to), frame_to_virt(from), PAGE_SIZE);
        frame_put_writable(to);
    }
    frame_put(from);
    return error;
}

/* --- dispatch */

struct mmuext_row {
    subop_handler_t handler;
    s32 error; /* if there is no handler; 0: no such command */
};

static const struct mmuext_row mmuext_rows[] = {
#define SUBOP(command, function, type, direction, privilege) [command] = {.handler = function},
#define UNAVAILABLE(command, code, reason)                   [command] = {.error = code},
#include "core/ops/mmuext.def"
#undef SUBOP
#undef UNAVAILABLE
};

static long mmuext_one(struct vcpu *v, struct mmuext_call *c)
{
    u32 command = c->op.cmd;
    if (unlikely(command >= ARRAY_SIZE(mmuext_rows)))
        return -ENOSYS;
    const struct mmuext_row *row = &mmuext_rows[index_clamp(command, ARRAY_SIZE(mmuext_rows))];
    if (unlikely(!row->handler))
        return row->error ? row->error : -ENOSYS;
    return row->handler(v, c);
}

/* From operation *done on. -ERESTART: to be continued. */
static long mmuext_array(struct vcpu *v, struct mmuext_call *c, vaddr_t array, u32 count, u32 *done)
{
    long error = 0;
    for (; !error && *done < count; *done += !error) {
        if (*done && preempt_pending())
            return -ERESTART;
        if (unlikely(guest_copy_in(&c->op, guest_element_address(array, sizeof(c->op), *done),
                                   sizeof(c->op))))
            return -EFAULT;
        error = mmuext_one(v, c);
    }
    return error;
}

static long mmuext_run(struct vcpu *v, struct domain *pg_owner, u64 array, u64 count, u64 done_at,
                       u64 foreign)
{
    struct mmuext_call c = {.pg_owner = pg_owner};
    u32 n = (u32)count & ~MM_PREEMPTED, i = 0;
    if (unlikely(pg_owner != v->domain && (pg_owner->is_system || !may_control(pg_owner)))) {
        mm_call_say_done(count, done_at, 0);
        return -EPERM;
    }
    int error = (int)mmuext_array(v, &c, array, n, &i);
    mm_call_say_done(count, done_at, i);
    if (unlikely(error == -ERESTART))
        return hypercall_continue(v, 4, guest_element_address(array, sizeof(struct mmuext_op), i),
                                  (u64)((n - i) | MM_PREEMPTED), done_at, foreign);
    return mm_call_end(v, pg_owner, error);
}

long hypercall_mmuext_op(struct vcpu *v, u64 ops, u64 count, u64 done, u64 foreign, u64 a5, u64 a6)
{
    if (mm_call_is_finish(ops, count))
        return mm_call_finish(v, foreign);
    if (!guest_range_ok(ops, ((u32)count & ~MM_PREEMPTED) * (u64)sizeof(struct mmuext_op)))
        return -EFAULT;
    struct domain *pg_owner = mm_pg_owner_get(v, (domid_t)foreign);
    if (!pg_owner)
        return -ESRCH;
    long result = mmuext_run(v, pg_owner, ops, count, done, foreign);
    mm_pg_owner_put(v, pg_owner);
    return result;
}
