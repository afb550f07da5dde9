/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of frames: how a domain's frame becomes a page table or a page of descriptors, how its uses
 * are counted, and how it becomes plain data again. The rules stand in x86/pv_mm.h, those for stale
 * translations in mm_private.h. Called by the other files of the PV MMU, and by those who build or
 * tear down a domain; everything here runs with the domain's page_table_lock held.
 *
 * States of the type word of a page table of level n:
 *
 *   claimed  Ln, 1 use: its entries are being checked; the lock is not released
 *
 *   in use   Ln, VALIDATED, uses: every entry holds the references that it stands for
 *
 *   listed   Ln, VALIDATED, LISTED: no use is left, the entries still hold their references; the
 *            count field holds the next MFN of the list
 *
 *   none     NONE: nothing is held, no CPU can walk it any more
 *
 * To everyone who looks without the lock, a claimed or listed frame is one in use.
 */
#include "lib/print.h"
#include "lib/rangeset.h"
#include "mm_log_dirty.h"
#include "mm_private.h"
#include "core/softirq.h"
#include "x86/pv.h"

struct rangeset pv_mmio_readonly = {.lock = SPINLOCK_INIT(LOCK_RANGESET)};

/* --- from plain data to another type */

int mm_frame_vacate(struct mm_work *w, struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    if ((t & (FRAME_CARRIED | FRAME_TYPE_COUNT)) == (FRAME_CARRIED | 1)) {
        WRITE_ONCE(f->type, t & ~FRAME_CARRIED);
        mm_table_unuse(w->pt_owner, f);
        t = READ_ONCE(f->type);
    }
    if (t & FRAME_LISTED) {
        /* Other tables fall with it, perhaps the very one that the caller was about to write to. */
        int error = mm_devalidate(w);
        return error ? error : -ERESTART;
    }
    return t & FRAME_TYPE_COUNT ? -EBUSY : 0;
}

/*
 * No CPU can write to d's f any more by what it remembers, and what is read of it is what every
 * processor finds there.
 */
static void flush_writers(struct domain *d, struct frame *f)
{
    u64 marks = READ_ONCE(f->count) & FRAME_MARKS;
    if (likely(!marks)) {
        tlb_flush_since(&d->dirty_cpus, READ_ONCE(f->tlb_stamp));
        return;
    }
    tlb_flush_mask(&cpu_online_mask);
    if (marks & FRAME_INCOHERENT)
        memory_write_back(frame_to_virt(f), PAGE_SIZE);
    __atomic_and_fetch(&f->count, ~marks, __ATOMIC_ACQ_REL);
}

/* An unused frame gets its first use as type. From here on nobody can make it writable. */
static int frame_claim(struct mm_work *w, struct frame *f, u64 type)
{
    struct domain *d = w->pt_owner;
    int error = mm_frame_vacate(w, f);
    if (error)
        return error == -EBUSY ? -EINVAL : error;
    /* The hypervisor writes to shared frames itself. A dying domain's types only go. */
    if ((READ_ONCE(f->count) & FRAME_HYPERVISOR) || READ_ONCE(d->dying))
        return -EINVAL;
    u64 old = READ_ONCE(f->type);
    if ((old & FRAME_TYPE_COUNT) ||
        !__atomic_compare_exchange_n(&f->type, &old, type | 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return -EINVAL;
    flush_writers(d, f);
    return 0;
}

/* --- page tables */

static int l1_validate(struct mm_work *w, pte_t *table)
{
    for (u32 group = 0; group < PTES_PER_TABLE; group += 8) {
        pte_t *e = table + group;
        if (!(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]))
            continue;
        for (u32 i = group; i < group + 8; i++) {
            if (!(table[i] & PTE_PRESENT))
                continue;
            int error = mm_l1_get(w, &table[i]);
            if (likely(!error))
                continue;
            while (i--)
                mm_l1_put(w->pt_owner, table[i], false);
            return error;
        }
    }
    return 0;
}

/* What this table let its domain write to frames of others is in their logs. */
static noinline void l1_log_foreign(const pte_t *table)
{
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        struct frame *f = frame_of_mfn(pte_mfn(table[i]));
        if ((table[i] & PTE_PRESENT) && (table[i] & PTE_WRITE) && f &&
            (READ_ONCE(f->count) & FRAME_FOREIGN))
            arch_frame_written(f);
    }
}

static void l1_drop_entries(struct domain *d, const pte_t *table)
{
    if (unlikely(READ_ONCE(log_dirty_domains)))
        l1_log_foreign(table);
    for (u32 group = 0; group < PTES_PER_TABLE; group += 8) {
        const pte_t *e = table + group;
        if (!(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]))
            continue;
        for (u32 i = 0; i < 8; i++)
            mm_l1_put(d, e[i], false);
    }
}

/* The first n entries have their sub-tables' uses. Give them up, or keep each as a carried one. */
static void upper_undo(struct domain *d, const pte_t *table, u32 n, u32 level, bool carry)
{
    for (u32 i = 0; i < n; i++) {
        if (!(table[i] & PTE_PRESENT) || (level == 4 && mm_slot_is_hypervisor(i)))
            continue;
        struct frame *f = frame_of_mfn(pte_mfn(table[i]));
        if (carry && !(f->type & FRAME_CARRIED))
            WRITE_ONCE(f->type, f->type | FRAME_CARRIED);
        else
            mm_table_unuse(d, f);
    }
}

static int upper_validate(struct mm_work *w, pte_t *table, u32 level)
{
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        if (!(table[i] & PTE_PRESENT) || (level == 4 && mm_slot_is_hypervisor(i)))
            continue;
        int error = mm_upper_get(w, &table[i], level);
        if (unlikely(error)) {
            upper_undo(w->pt_owner, table, i, level, error == -ERESTART);
            return error;
        }
    }
    if (level == 4)
        pv_l4_install_hypervisor(w->pt_owner, table);
    return 0;
}

static void upper_drop_entries(struct domain *d, const pte_t *table, u32 level)
{
    for (u32 i = 0; i < PTES_PER_TABLE; i++)
        if ((table[i] & PTE_PRESENT) && !(level == 4 && mm_slot_is_hypervisor(i)))
            mm_table_unuse(d, frame_of_mfn(pte_mfn(table[i])));
}

/*
 * The tools send page tables otherwise than data, and pinned ones otherwise than others: what f is
 * has just changed, so it counts as written. Marked afterwards: who takes the mark sees the change.
 */
static void table_log_kind(struct domain *d, struct frame *f)
{
    if (unlikely(d->arch.log_dirty))
        log_dirty_mark(d->arch.log_dirty, frame_mfn(f));
}

/*
 * Not inlined into its callers: validation recurses through it, at most three deep (levels 4 to 1).
 */
static noinline int table_first_use(struct mm_work *w, struct frame *f, u32 level)
{
    if (w->budget <= 0)
        return -ERESTART;
    w->budget--;
    int error = frame_claim(w, f, mm_level_type(level));
    if (error)
        return error;
    pte_t *table = frame_to_virt(f);
    error = level == 1 ? l1_validate(w, table) : upper_validate(w, table, level);
    WRITE_ONCE(f->type, error ? FRAME_TYPE_NONE : mm_level_type(level) | FRAME_VALIDATED | 1);
    table_log_kind(w->pt_owner, f);
    return error;
}

int mm_table_use(struct mm_work *w, struct frame *f, u32 level)
{
    if (unlikely(mm_table_level(f) != level))
        return table_first_use(w, f, level);
    u64 t = READ_ONCE(f->type);
    if (unlikely(t & FRAME_CARRIED)) {
        /* The carried use becomes the caller's, with its own reference. */
        WRITE_ONCE(f->type, t & ~FRAME_CARRIED);
        frame_put(f);
    } else {
        /* Cannot overflow: each use has a general reference, and those are checked. */
        WRITE_ONCE(f->type, t + 1);
    }
    return 0;
}

void mm_table_unuse(struct domain *d, struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    ASSERT(mm_table_level(f) && (t & FRAME_TYPE_COUNT));
    if ((t & FRAME_TYPE_COUNT) > 1) {
        WRITE_ONCE(f->type, t - 1);
        frame_put(f);
        return;
    }
    /* The reference becomes the list's. */
    WRITE_ONCE(f->type,
               (t & FRAME_TYPE_MASK) | FRAME_VALIDATED | FRAME_LISTED | d->arch.devalidate_head);
    WRITE_ONCE(d->arch.devalidate_head, (u32)frame_mfn(f).v);
}

int mm_devalidate(struct mm_work *w)
{
    struct domain *d = w->pt_owner;
    while (d->arch.devalidate_head != FRAME_LINK_END) {
        if (w->budget <= 0)
            return -ERESTART;
        w->budget--;
        struct frame *f = frame_of_mfn(MFN(d->arch.devalidate_head));
        u64 type = f->type & FRAME_TYPE_MASK;
        u32 level = (u32)(type >> FRAME_TYPE_SHIFT);
        WRITE_ONCE(d->arch.devalidate_head, (u32)(f->type & FRAME_TYPE_COUNT));
        /* As claimed: in use, and for nobody. */
        WRITE_ONCE(f->type, type | 1);
        if (level == 1)
            l1_drop_entries(d, frame_to_virt(f));
        else
            upper_drop_entries(d, frame_to_virt(f), level);
        /* Covers what was reached through its entries too: those need no stamps of their own. */
        tlb_flush_since(&d->dirty_cpus, READ_ONCE(f->tlb_stamp));
        if (unlikely(d->arch.log_dirty))
            shadow_table_gone(d, f);
        WRITE_ONCE(f->type, FRAME_TYPE_NONE);
        table_log_kind(d, f);
        frame_put(f);
    }
    return 0;
}

int mm_finish_slow(struct domain *d)
{
    for (;;) {
        struct mm_work w;
        mm_work_init(&w, d, d);
        mm_lock(d);
        int error = mm_devalidate(&w);
        mm_unlock(d);
        if (error != -ERESTART || preempt_pending())
            return error;
    }
}

int mm_frame_get_writable(struct domain *d, struct frame *f)
{
    int error = frame_type_get_writable(f);
    while (unlikely(error)) {
        struct mm_work w;
        mm_work_init(&w, d, d);
        mm_lock(d);
        error = mm_frame_vacate(&w, f);
        if (!error)
            error = frame_type_get_writable(f);
        mm_unlock(d);
        if (error != -ERESTART || preempt_pending())
            break;
    }
    return error;
}

/* --- pages of descriptors */

int mm_descriptors_use(struct mm_work *w, struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    if ((t & (FRAME_TYPE_MASK | FRAME_VALIDATED)) == (FRAME_TYPE_DESC | FRAME_VALIDATED)) {
        WRITE_ONCE(f->type, t + 1);
        return 0;
    }
    int error = frame_claim(w, f, FRAME_TYPE_DESC);
    if (error)
        return error;
    u64 *descriptors = frame_to_virt(f);
    for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
        u64 old = descriptors[i], checked = old;
        if (!pv_descriptor_check(&checked)) {
            log_guest(LOG_WARNING, "d%u: descriptor %#lx is not allowed", w->pt_owner->id,
                      (unsigned long)old);
            WRITE_ONCE(f->type, FRAME_TYPE_NONE);
            return -EINVAL;
        }
        if (checked != old)
            descriptors[i] = checked;
    }
    WRITE_ONCE(f->type, FRAME_TYPE_DESC | FRAME_VALIDATED | 1);
    return 0;
}

void mm_descriptors_unuse(struct domain *d, struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    /* A CPU may remember the window: it must not load what the guest writes from now on. */
    WRITE_ONCE(f->tlb_stamp, tlb_clock());
    tlb_flush_since(&d->dirty_cpus, f->tlb_stamp);
    WRITE_ONCE(f->type, (t & FRAME_TYPE_COUNT) > 1 ? t - 1 : FRAME_TYPE_NONE);
    frame_put(f);
}

/* --- pins */

int mm_pin(struct mm_work *w, mfn_t mfn, u32 level)
{
    struct domain *d = w->pt_owner;
    struct frame *f = frame_of_mfn(mfn);
    if (READ_ONCE(d->dying) || !f || !frame_get(f, d))
        return -EINVAL;
    int error = READ_ONCE(f->type) & FRAME_PINNED ? -EINVAL : mm_table_use(w, f, level);
    if (error) {
        frame_put(f);
    } else {
        WRITE_ONCE(f->type, f->type | FRAME_PINNED);
        table_log_kind(d, f);
    }
    return error;
}

int mm_unpin(struct mm_work *w, mfn_t mfn)
{
    struct domain *d = w->pt_owner;
    struct frame *f = frame_of_mfn(mfn);
    if (!f || !frame_get(f, d))
        return -EINVAL;
    bool pinned = READ_ONCE(f->type) & FRAME_PINNED;
    if (pinned) {
        WRITE_ONCE(f->type, f->type & ~FRAME_PINNED);
        table_log_kind(d, f);
        mm_table_unuse(d, f);
    }
    frame_put(f);
    return pinned ? 0 : -EINVAL;
}

/* --- for the rest of the hypervisor */

int pv_frame_get_type(struct domain *d, struct frame *f, u64 type)
{
    struct mm_work w;
    int error;
    if (!frame_get(f, d))
        return -EINVAL;
    mm_work_init(&w, d, d);
    if (type == FRAME_TYPE_WRITABLE)
        error = frame_type_get_writable(f);
    else if (type == FRAME_TYPE_DESC)
        error = mm_descriptors_use(&w, f);
    else
        error = mm_table_use(&w, f, (u32)(type >> FRAME_TYPE_SHIFT));
    if (error)
        frame_put(f);
    return error;
}

void pv_frame_put_type(struct domain *d, struct frame *f)
{
    u64 type = READ_ONCE(f->type) & FRAME_TYPE_MASK;
    if (type == FRAME_TYPE_WRITABLE)
        frame_put_writable(f);
    else if (type == FRAME_TYPE_DESC)
        mm_descriptors_unuse(d, f);
    else
        mm_table_unlink(d, f);
}

int pv_devalidate(struct domain *d)
{
    struct mm_work w;
    mm_work_init(&w, d, d);
    return mm_devalidate(&w);
}

void mm_drop_kept_uses(struct domain *d, struct frame *f)
{
    u64 t = READ_ONCE(f->type), kept = t & (FRAME_PINNED | FRAME_CARRIED);
    if (!kept)
        return;
    WRITE_ONCE(f->type, t & ~kept);
    if (kept & FRAME_PINNED)
        mm_table_unuse(d, f);
    if (kept & FRAME_CARRIED)
        mm_table_unuse(d, f);
}
