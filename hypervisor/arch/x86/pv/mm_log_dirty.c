/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of what a PV domain writes: a bit for each of its frames, by the frame number that the
 * machine-to-physical table gives it. Tools that migrate a running guest copy its memory, take the
 * log, copy again what was written meanwhile, and so on (XEN_DOMCTL_shadow_op). The domain's own
 * writes come here by mm_shadow.c; what others write for it - the hypervisor, domains that have its
 * frames mapped, once they unmap them - by arch_frame_written().
 *
 * Taking it exchanges two bitmaps, so that the domain goes on while the old one is copied out. Who
 * marks without the lock does so with interrupts disabled: a call to all CPUs outlasts him.
 */
#include "mm_log_dirty.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "lib/string.h"
#include "mm_private.h"

#define PFNS_SPARE                                                                                 \
    (1ull << 20)            /* guest frame numbers that there may be beyond twice its memory       \
                             */
#define COPY_BYTES    1024u /* at a time */
#define WORD_BITS     64u
#define PAGES_PER_MIB 256u

/* --- marking */

void log_dirty_mark(struct log_dirty *log, mfn_t mfn)
{
    u64 pfn = m2p_get(mfn);
    if (pfn >= log->nr_bits)
        return;
    u64 *word = READ_ONCE(log->bits) + pfn / WORD_BITS, bit = BIT(pfn % WORD_BITS);
    if (!(READ_ONCE(*word) & bit))
        __atomic_or_fetch(word, bit, __ATOMIC_SEQ_CST);
}

bool log_dirty_has(const struct log_dirty *log, mfn_t mfn)
{
    u64 pfn = m2p_get(mfn);
    return pfn >= log->nr_bits || (READ_ONCE(log->bits[pfn / WORD_BITS]) & BIT(pfn % WORD_BITS));
}

void arch_gfn_assign(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    struct log_dirty *log = READ_ONCE(d->arch.log_dirty);
    m2p_set(mfn, gfn.v);
    if (unlikely(log))
        log_dirty_mark(log, mfn);
}

void arch_frame_written(struct frame *f)
{
    struct domain *owner = frame_owner(f);
    struct log_dirty *log = owner ? READ_ONCE(owner->arch.log_dirty) : NULL;
    if (unlikely(log))
        log_dirty_mark(log, frame_mfn(f));
}

/* --- on and off */

u32 log_dirty_domains;

static void log_free(struct domain *d, struct log_dirty *log)
{
    shadow_destroy(d, log);
    pages_free(log->bits, log->order);
    pages_free(log->taken, log->order);
    object_free(log);
}

/* 0: more than the log may have room for. */
static u64 pfns_of(const struct domain *d)
{
    u64 pfns = READ_ONCE(d->shared_info->arch.max_pfn) + 1;
    return pfns <= 2 * MAX(d->max_frames, d->tot_frames) + PFNS_SPARE ? pfns : 0;
}

int pv_log_dirty_enable(struct domain *d)
{
    u64 pfns = pfns_of(d);
    for (u32 i = 0; i < d->max_vcpus; i++)
        if (!d->vcpus[i])
            return -EINVAL;
    if (!pfns || d->arch.log_dirty)
        return -EINVAL;
    struct log_dirty *log = object_new(struct log_dirty);
    if (!log)
        return -ENOMEM;
    spin_init(&log->lock, LOCK_LOG_DIRTY);
    log->nr_bits = ROUND_UP(pfns, (u64)WORD_BITS);
    while ((PAGE_SIZE << log->order) < log->nr_bits / 8)
        log->order++;
    log->bits = pages_alloc(log->order);
    log->taken = pages_alloc(log->order);
    int error = shadow_create(d, log);
    if (error || !log->bits || !log->taken) {
        log_free(d, log);
        return -ENOMEM;
    }
    domain_pause(d);
    __atomic_add_fetch(&log_dirty_domains, 1, __ATOMIC_SEQ_CST);
    mm_lock(d);
    WRITE_ONCE(d->arch.log_dirty, log);
    mm_unlock(d);
    domain_unpause(d);
    return 0;
}

void pv_log_dirty_disable(struct domain *d)
{
    struct log_dirty *log = d->arch.log_dirty;
    if (!log)
        return;
    domain_pause(d);
    mm_lock(d);
    WRITE_ONCE(d->arch.log_dirty, NULL);
    mm_unlock(d);
    __atomic_sub_fetch(&log_dirty_domains, 1, __ATOMIC_SEQ_CST);
    tlb_flush_mask(&cpu_online_mask); /* nobody marks any more, or walks a shadow */
    log_free(d, log);
    domain_unpause(d);
}

/* --- taking it */

/* Begins a new log. The old one is zeros by then. */
static void log_take(struct domain *d, struct log_dirty *log)
{
    u64 *old = log->bits;
    spin_lock(&log->lock);
    WRITE_ONCE(log->bits, log->taken);
    log->taken = old;
    shadow_revoke(d, log);
    spin_unlock(&log->lock);
    tlb_flush_mask(&cpu_online_mask);
    log->taken_bytes = 0;
    log->stats.dirty_count = 0;
    log->is_taken = true;
    log->taker = current;
}

/* The tools did not get it: it counts as written once more. */
static void log_give_back(struct log_dirty *log)
{
    for (u64 i = 0; i < log->nr_bits / WORD_BITS; i++) {
        if (log->taken[i])
            __atomic_or_fetch(&log->bits[i], log->taken[i], __ATOMIC_SEQ_CST);
        log->taken[i] = 0;
    }
}

/* bytes of the bitmap from taken_bytes on. -EFAULT. */
static int piece_copy(struct log_dirty *log, vaddr_t to, const u64 *from, u32 bytes)
{
    u64 first = log->taken_bytes / sizeof(u64);
    for (u32 i = 0; i < DIV_ROUND_UP(bytes, (u32)sizeof(u64)); i++)
        log->stats.dirty_count += (u32)__builtin_popcountll(from[first + i]);
    return to ? guest_copy_out(to + log->taken_bytes, from + first, bytes) : 0;
}

/* Goes on copying; -ERESTART while there is more. */
static int log_copy(struct log_dirty *log, const struct xen_domctl_shadow_op *op, bool clean)
{
    u64 all = MIN(DIV_ROUND_UP(op->pages, (u64)8), log->nr_bits / 8);
    vaddr_t to = op->dirty_bitmap.va;
    u64 *from = clean ? log->taken : log->bits;
    while (log->taken_bytes < all) {
        u32 bytes = (u32)MIN(all - log->taken_bytes, (u64)COPY_BYTES);
        int error = piece_copy(log, to, from, bytes);
        if (error)
            return error;
        if (clean)
            memset((u8 *)from + log->taken_bytes, 0, bytes);
        log->taken_bytes += bytes;
        if (clean && log->taken_bytes < all && preempt_pending())
            return -ERESTART;
    }
    u64 rest = DIV_ROUND_UP(op->pages, (u64)8) - all;
    return to && rest && guest_clear(to + all, rest) ? -EFAULT : 0;
}

int pv_log_dirty_read(struct domain *d, struct xen_domctl_shadow_op *op, bool clean)
{
    struct log_dirty *log = d->arch.log_dirty;
    if (!log)
        return -EINVAL;
    if (log->is_taken && (!clean || log->taker != current))
        return -EBUSY;
    if (clean && !log->is_taken)
        log_take(d, log);
    if (!clean)
        log->taken_bytes = log->stats.dirty_count = 0;
    int error = log_copy(log, op, clean);
    if (error == -ERESTART)
        return error;
    op->stats = log->stats;
    if (clean && !error)
        log->stats.fault_count = 0;
    if (clean && (error || log->taken_bytes < log->nr_bits / 8))
        log_give_back(log);
    log->is_taken = false;
    return error;
}

u32 pv_log_dirty_room(const struct domain *d)
{
    const struct log_dirty *log = d->arch.log_dirty;
    return log ? DIV_ROUND_UP(log->max_shadows, PAGES_PER_MIB) : 0;
}
