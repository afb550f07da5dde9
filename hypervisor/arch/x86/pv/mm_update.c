/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercalls by which a guest writes entries: mmu_update, an array of (machine address, value),
 * and update_va_mapping, the level-1 entry of one virtual address with the flush that it needs.
 * Also what mmuext_op shares with them: domains named as owners, vCPU bitmaps, the end of a long
 * operation.
 *
 * An array is worked on in batches: copied in, done under one hold of the lock, then a look whether
 * this CPU has something more urgent to do.
 */
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/softirq.h"
#include "mm_private.h"

#define MMU_BATCH        16u
#define MMU_COMMAND_MASK 7u /* low bits of mmu_update.ptr: entries are 8-byte aligned */
#define PT_OWNER_SHIFT   16 /* mmu_update's foreign: the tables' owner + 1; 0: the caller */

/* --- shared with mmuext_op */

struct domain *mm_pg_owner_get(struct vcpu *v, domid_t id)
{
    if (likely(id == DOMID_SELF))
        return v->domain;
    if (id == DOMID_IO)
        return domain_io();
    if (id == DOMID_XEN)
        return domain_xen();
    return id == v->domain->id ? NULL : domain_get(id);
}

void mm_pg_owner_put(struct vcpu *v, struct domain *d)
{
    if (d != v->domain && d != domain_io() && d != domain_xen())
        domain_put(d);
}

bool mm_pg_owner_allowed(struct vcpu *v, struct domain *d)
{
    /* For device memory the caller's own permissions count. */
    return likely(d == v->domain) || d == domain_io() || may_control(d);
}

int mm_vcpus_to_cpus(struct vcpu *v, vaddr_t bitmap, struct cpumask *cpus)
{
    struct domain *d = v->domain;
    cpumask_zero(cpus);
    for (u32 first = 0; first < d->max_vcpus; first += 64) {
        u64 word;
        if (guest_copy_in(&word, guest_element_address(bitmap, sizeof(word), first / 64),
                          sizeof(word)))
            return -EFAULT;
        for (; word; word &= word - 1) {
            struct vcpu *to = domain_vcpu(d, first + (u32)__builtin_ctzll(word));
            if (to)
                cpus->bits[to->cpu / 64] |= BIT(to->cpu % 64);
        }
    }
    cpumask_and(cpus, cpus, &d->dirty_cpus);
    return 0;
}

long mm_call_end(struct vcpu *v, struct domain *owner, int result)
{
    if (likely(!mm_finish(owner)))
        return result;
    return hypercall_continue(v, 4, (u64)0, (u64)MM_PREEMPTED, (u64)0,
                              (u64)owner->id << 32 | (u32)result);
}

long mm_call_finish(struct vcpu *v, u64 state)
{
    int result = (s32)state;
    domid_t id = (domid_t)(state >> 32);
    if (id == v->domain->id)
        return mm_call_end(v, v->domain, result);
    struct domain *d = domain_get(id);
    long answer = result;
    if (!d)
        return answer;
    if (!d->is_system && !d->is_idle && may_control(d))
        answer = mm_call_end(v, d, result);
    domain_put(d);
    return answer;
}

/* --- mmu_update */

struct mmu_call {
    struct mm_work work;
    bool pt_allowed, pg_allowed;
    struct frame *frame; /* of the last entry, with a reference; or NULL */
    u64 frame_mfn;
    u8 *page; /* its contents */
    /*
     * What it is a table of; 0: nothing. While the lock is held, updates of its own entries do not
     * change that: no table links itself, and an update that ends other uses is begun anew.
     */
    u32 level;
};

static void mmu_call_drop_frame(struct mmu_call *c)
{
    if (c->frame)
        frame_put(c->frame);
    c->frame = NULL;
}

/* The frame is not a page table: an update of it is a write like any other. */
static noinline int mmu_write_data(struct mmu_call *c, u64 *at, u64 value)
{
    int error = frame_type_get_writable(c->frame);
    if (error) {
        error = mm_frame_vacate(&c->work, c->frame);
        if (!error)
            error = frame_type_get_writable(c->frame);
        if (error)
            return error == -EBUSY ? -EINVAL : error;
    }
    WRITE_ONCE(*at, value);
    frame_type_put_writable(c->frame);
    return 0;
}

/* The entry's frame, if it is not that of the last one. */
static inline int mmu_call_take_frame(struct mmu_call *c, u64 mfn)
{
    mmu_call_drop_frame(c);
    struct frame *f = frame_get_mfn(MFN(mfn), c->work.owner);
    if (unlikely(!f))
        return -EINVAL;
    c->frame = f;
    c->frame_mfn = mfn;
    c->page = frame_to_virt(f);
    c->level = mm_table_level(f);
    return 0;
}

static inline int mmu_update_entry(struct mmu_call *c, const struct mmu_update *u, u32 command)
{
    u64 mfn = u->ptr >> PAGE_SHIFT;
    if (unlikely(!c->frame || c->frame_mfn != mfn)) {
        int error = mmu_call_take_frame(c, mfn);
        if (unlikely(error))
            return error;
    }
    u64 *at = (u64 *)(c->page + (u->ptr & (PAGE_SIZE - 1) & ~(u64)MMU_COMMAND_MASK));
    bool keep_ad = command == MMU_PT_UPDATE_PRESERVE_AD;
    if (likely(c->level == 1))
        return mm_l1_write(&c->work, at, u->val, keep_ad);
    if (c->level)
        return mm_upper_write(&c->work, at, u->val, c->level, keep_ad);
    return mmu_write_data(c, at, u->val);
}

static int mmu_update_m2p(struct vcpu *v, struct mmu_call *c, const struct mmu_update *u)
{
    if (c->work.pt_owner != v->domain)
        return -EPERM;
    mfn_t mfn = mfn_of_paddr(u->ptr);
    struct frame *f = frame_of_mfn(mfn);
    if (!f || !frame_get(f, c->work.pg_owner))
        return -EINVAL;
    m2p_set(mfn, u->val);
    arch_frame_written(f);
    frame_put(f);
    return 0;
}

static inline int mmu_update_one(struct vcpu *v, struct mmu_call *c, const struct mmu_update *u)
{
    u32 command = (u32)u->ptr & MMU_COMMAND_MASK;
    if (unlikely(command > MMU_PT_UPDATE_NO_TRANSLATE))
        return -ENOSYS;
    if (unlikely(!c->pg_allowed))
        return -EPERM;
    if (unlikely(command == MMU_MACHPHYS_UPDATE))
        return mmu_update_m2p(v, c, u);
    if (unlikely(!c->pt_allowed))
        return -EPERM;
    return mmu_update_entry(c, u, command);
}

/* Works through the array from entry *done on. -ERESTART: to be continued. */
static int mmu_update_array(struct vcpu *v, struct mmu_call *c, vaddr_t array, u32 count, u32 *done)
{
    struct mmu_update batch[MMU_BATCH];
    u32 limit = MMU_BATCH;
    while (*done < count) {
        u32 n = MIN(count - *done, limit), i = 0;
        vaddr_t from = guest_element_address(array, sizeof(batch[0]), *done);
        if (unlikely(guest_copy_in(batch, from, n * sizeof(batch[0])))) {
            if (n == 1)
                return -EFAULT;
            limit = 1; /* those before the hole are still to be done */
            continue;
        }
        int error = 0;
        mm_lock(c->work.pt_owner);
        while (i < n && !(error = mmu_update_one(v, c, &batch[i])))
            i++;
        mmu_call_drop_frame(c);
        mm_unlock(c->work.pt_owner);
        *done += i;
        if (unlikely(error && error != -ERESTART))
            return error;
        mm_work_refill(&c->work);
        if (*done < count && preempt_pending())
            return -ERESTART;
    }
    return 0;
}

/* Whose tables: NULL if there is no such domain. Released as mm_pg_owner_get(). */
static struct domain *pt_owner_get(struct vcpu *v, u32 number)
{
    if (likely(!number) || number - 1 == v->domain->id)
        return v->domain;
    if (number - 1 >= DOMID_FIRST_RESERVED)
        return NULL;
    return domain_get((domid_t)(number - 1));
}

static long mmu_update_run(struct vcpu *v, struct mmu_call *c, u64 array, u64 count, u64 done_at,
                           u64 foreign)
{
    u32 n = (u32)count & ~MM_PREEMPTED, i = 0;
    struct domain *pt_owner = c->work.pt_owner;
    c->pt_allowed = likely(pt_owner == v->domain) || may_control(pt_owner);
    c->pg_allowed = mm_pg_owner_allowed(v, c->work.pg_owner);
    c->frame = NULL;
    int error = mmu_update_array(v, c, array, n, &i);
    mm_call_say_done(count, done_at, i);
    if (unlikely(error == -ERESTART))
        return hypercall_continue(v, 4, guest_element_address(array, sizeof(struct mmu_update), i),
                                  (u64)((n - i) | MM_PREEMPTED), done_at, foreign);
    return mm_call_end(v, pt_owner, error);
}

long hypercall_mmu_update(struct vcpu *v, u64 requests, u64 count, u64 done, u64 foreign, u64 a5,
                          u64 a6)
{
    struct mmu_call c;
    if (mm_call_is_finish(requests, count))
        return mm_call_finish(v, foreign);
    if (!guest_range_ok(requests, ((u32)count & ~MM_PREEMPTED) * (u64)sizeof(struct mmu_update)))
        return -EFAULT;
    struct domain *pt_owner = pt_owner_get(v, (u32)foreign >> PT_OWNER_SHIFT);
    if (!pt_owner)
        return -ESRCH;
    struct domain *pg_owner = mm_pg_owner_get(v, (domid_t)foreign);
    long result = -ESRCH;
    if (pg_owner) {
        mm_work_init(&c.work, pt_owner, pg_owner);
        result = mmu_update_run(v, &c, requests, count, done, foreign);
        mm_pg_owner_put(v, pg_owner);
    } else {
        /* Linux goes by it when a domain ends whose frames it is mapping. */
        mm_call_say_done(count, done, 0);
    }
    mm_pg_owner_put(v, pt_owner);
    return result;
}

/* --- update_va_mapping */

static int flush_cpus(const struct cpumask *cpus, vaddr_t va, bool page)
{
    if (page)
        tlb_flush_page_mask(cpus, va);
    else
        tlb_flush_mask(cpus);
    return 0;
}

/* flags: UVMF_*, with the address of a vCPU bitmap. -EFAULT. */
static int va_mapping_flush(struct vcpu *v, vaddr_t va, u64 flags)
{
    u64 type = flags & UVMF_FLUSHTYPE_MASK, where = flags & ~(u64)UVMF_FLUSHTYPE_MASK;
    struct cpumask cpus;
    if (type != UVMF_TLB_FLUSH && type != UVMF_INVLPG)
        return 0;
    bool page = type == UVMF_INVLPG;
    if (likely(where == UVMF_LOCAL)) {
        if (page)
            tlb_flush_page_local(va);
        else
            tlb_flush_local();
        return 0;
    }
    if (where == UVMF_ALL)
        return flush_cpus(&v->domain->dirty_cpus, va, page);
    int error = mm_vcpus_to_cpus(v, where, &cpus);
    return error ? error : flush_cpus(&cpus, va, page);
}

static long va_mapping_update(struct vcpu *v, vaddr_t va, pte_t value, u64 flags,
                              struct domain *pg_owner)
{
    struct domain *d = v->domain;
    struct mm_work w;
    mm_work_init(&w, d, pg_owner);
    for (;;) {
        mm_lock(d);
        pte_t *slot = pv_walk(v, va);
        int error = likely(slot) ? mm_l1_write(&w, slot, value, false) : -EINVAL;
        mm_unlock(d);
        if (likely(!error))
            return va_mapping_flush(v, va, flags);
        if (error != -ERESTART)
            return error;
        mm_work_refill(&w);
        if (preempt_pending())
            return hypercall_continue(v, 0);
    }
}

long hypercall_update_va_mapping(struct vcpu *v, u64 va, u64 value, u64 flags, u64 a4, u64 a5,
                                 u64 a6)
{
    return va_mapping_update(v, va, value, flags, v->domain);
}

long hypercall_update_va_mapping_otherdomain(struct vcpu *v, u64 va, u64 value, u64 flags,
                                             u64 domain, u64 a5, u64 a6)
{
    struct domain *pg_owner = mm_pg_owner_get(v, (domid_t)domain);
    if (!pg_owner)
        return -ESRCH;
    long result = mm_pg_owner_allowed(v, pg_owner)
                      ? va_mapping_update(v, va, value, flags, pg_owner)
                      : -EPERM;
    mm_pg_owner_put(v, pg_owner);
    return result;
}
