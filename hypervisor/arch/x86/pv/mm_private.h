/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the PV MMU (pv/mm_*.c, pv/descriptors.c) share, and nobody else uses.
 *
 *   mm_types.c     types of frames: claim, use, devalidate
 *   mm_entries.c   what an entry of each level may hold, and the references that it stands for
 *   mm_update.c    mmu_update and update_va_mapping
 *   mm_ext.c       mmuext_op
 *   mm_base.c      the base pointers of vCPUs
 *   mm_walk.c      walks through a guest's tables
 *   mm_ptwr.c      writes to page tables that fault and are emulated
 *   mm_grant.c     entries that grants put in place
 *   mm_teardown.c  the end of a domain
 *   mm_audit.c     recomputes everything and compares
 *   mm_log_dirty.c, mm_shadow.c    what a domain writes, for its migration (mm_log_dirty.h)
 *
 * Translations that CPUs still hold. Who takes away a way to a frame - a writable entry, a link to
 * a page table, a descriptor window - stamps the frame with the TLB clock before he drops the use.
 * Who gives a frame a type that no guest may write (mm_frame_claim), or lets go of a page table
 * (mm_devalidate), first has those CPUs flush that did not since that stamp: so no CPU writes to a
 * page table by an old translation, and none walks a frame that was a page table and became data. A
 * frame that another domain had mapped writable (FRAME_FOREIGN) is flushed from all CPUs, since
 * that domain's stamps may come out of order.
 *
 * What caches still hold. A domain with devices may map RAM uncached or write-combining too. What
 * it writes there goes past the caches: they may show the hypervisor other contents than the
 * processor finds when the line is gone. So a frame that was mapped writable like that
 * (FRAME_INCOHERENT) is taken out of the caches before it is looked at and gets its type.
 */
#ifndef DOMUS_PV_MM_PRIVATE_H
#define DOMUS_PV_MM_PRIVATE_H

#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/domain.h"
#include "core/frame.h"
#include "core/guest_access.h"
#include "errno.h"
#include "x86/cpu.h"
#include "x86/page.h"
#include "x86/pv_mm.h"

/* Tables that are validated or devalidated while the lock is held, at most: some 4,096 entries. */
#define MM_SLICE_TABLES 8

/*
 * In the count of mmu_update and mmuext_op: a continuation. If that is the whole count and there is
 * no array, only the devalidate list is left to be worked off; then "foreign" holds the result to
 * return in its low half, and in its high half the domain whose list it is.
 */
#define MM_PREEMPTED 0x80000000u

/* Bits of entries that a guest may not set (as 4.17 has it): at level 1 the cache
 * attributes unless the domain has I/O resources; above, everything that is not a plain link. */
#define PTE_CACHE_BITS   (PTE_PWT | PTE_PCD | PTE_PAT)
#define UPPER_DISALLOWED (PTE_PWT | PTE_PCD | PTE_PSE | PTE_GLOBAL)
/* A change of these bits alone changes nothing of what a level-1 entry, or a link, stands for. */
#define PTE_HIGH_AVAIL (BIT(63) - BIT(52))
#define L1_FREE_BITS                                                                               \
    (PTE_NX | PTE_HIGH_AVAIL | PTE_AVAIL | PTE_GLOBAL | PTE_DIRTY | PTE_ACCESSED | PTE_USER)
#define UPPER_FREE_BITS (L1_FREE_BITS | PTE_WRITE)

/*
 * One operation on the tables of a domain; pt_owner's page_table_lock is held wherever one is
 * passed.
 */
struct mm_work {
    struct domain *pt_owner; /* whose tables they are */
    struct domain *pg_owner; /* whose frames new level-1 entries may map */
    u32 owner;               /* pt_owner, as struct frame names it */
    u64 l1_unusual;          /* bits of level-1 entries that call for a closer look */
    s32 budget;              /* tables that may still be taken on in this slice */
};

static inline void mm_work_refill(struct mm_work *w)
{
    w->budget = MM_SLICE_TABLES;
}

static inline void mm_work_init(struct mm_work *w, struct domain *pt_owner, struct domain *pg_owner)
{
    w->pt_owner = pt_owner;
    w->pg_owner = pg_owner;
    w->owner = frame_owner_name(pt_owner);
    w->l1_unusual = likely(cpu_features.nx) ? PTE_CACHE_BITS : PTE_CACHE_BITS | PTE_NX;
    mm_work_refill(w);
}

/* Slot of a table of level 4. */
static inline bool mm_slot_is_hypervisor(u32 slot)
{
    return slot >= HYPERVISOR_FIRST_SLOT && slot <= HYPERVISOR_LAST_SLOT;
}

static inline void mm_lock(struct domain *d)
{
    spin_lock(&d->arch.page_table_lock);
}

static inline void mm_unlock(struct domain *d)
{
    spin_unlock(&d->arch.page_table_lock);
}

/* --- mm_shadow.c: for domains whose writes are logged, with the lock held but for faults */

/* An entry of a live table was replaced; what the old one stood for is still held. */
void shadow_entry_changed(struct domain *d, pte_t *entry);
static inline void mm_entry_changed(struct domain *d, pte_t *entry)
{
    if (unlikely(d->arch.log_dirty))
        shadow_entry_changed(d, entry);
}
/* The table is none any more, and no CPU walks it. */
void shadow_table_gone(struct domain *d, struct frame *table);
/* v has another base, enum mm_base. */
void shadow_base_changed(struct vcpu *v, u32 base);

/* --- mm_log_dirty.c: how many domains' writes are logged */
extern u32 log_dirty_domains;

/* --- mm_types.c */

static inline u64 mm_level_type(u32 level)
{
    return (u64)level << FRAME_TYPE_SHIFT;
}

/* 1-4: f is a page table of that level in use, whose entries hold; 0: it is not. */
static inline u32 mm_table_level(const struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    if ((t & (FRAME_VALIDATED | FRAME_LISTED)) != FRAME_VALIDATED ||
        (t & FRAME_TYPE_MASK) > FRAME_TYPE_L4)
        return 0;
    return (u32)(t >> FRAME_TYPE_SHIFT);
}

/*
 * Take one use of pt_owner's f as a page table. The caller's general reference becomes the use's,
 * and stays the caller's if it fails: -EINVAL, -EPERM, -EBUSY (contents), -ERESTART.
 */
must_check int mm_table_use(struct mm_work *w, struct frame *f, u32 level);
/* Drop one use with its reference. */
void mm_table_unuse(struct domain *d, struct frame *f);
/* Drop the use of an entry or a base pointer: CPUs may have walked it up to now. */
static inline void mm_table_unlink(struct domain *d, struct frame *f)
{
    WRITE_ONCE(f->tlb_stamp, tlb_clock());
    mm_table_unuse(d, f);
}
/*
 * 0: f is free for another type; -EBUSY: in use. If it is only the guest's own doing that f is
 * still busy - a carried use, contents not dropped yet - that is ended, and with it any table that
 * nobody uses: -ERESTART, all that the caller knows of tables may have changed. f is pt_owner's,
 * with a reference.
 */
must_check int mm_frame_vacate(struct mm_work *w, struct frame *f);
/* A use as writable data of d's f, on which the caller has a reference; ended by
 * frame_type_put_writable(). Takes the lock. -EBUSY, -ERESTART. */
must_check int mm_frame_get_writable(struct domain *d, struct frame *f);
/* One use as descriptor page; reference as above. -EINVAL. */
must_check int mm_descriptors_use(struct mm_work *w, struct frame *f);
/* The entry of the window that showed it is gone; translations of that are flushed here. */
void mm_descriptors_unuse(struct domain *d, struct frame *f);
/* As pv_devalidate(), within a slice. */
must_check int mm_devalidate(struct mm_work *w);
/* A pin and a carried use of d's f, if it has them, go. */
void mm_drop_kept_uses(struct domain *d, struct frame *f);
/*
 * Set or end the guest's own use. -EINVAL: already pinned, not pinned, dying; else as
 * mm_table_use().
 */
must_check int mm_pin(struct mm_work *w, mfn_t mfn, u32 level);
must_check int mm_unpin(struct mm_work *w, mfn_t mfn);

/*
 * Work off d's devalidate list, with no lock held, until it is empty: 0; or -ERESTART if this CPU
 * has something more urgent to do. Costs nothing if the list is empty.
 */
must_check int mm_finish_slow(struct domain *d);
must_check static inline int mm_finish(struct domain *d)
{
    return likely(READ_ONCE(d->arch.devalidate_head) == FRAME_LINK_END) ? 0 : mm_finish_slow(d);
}

/* --- mm_entries.c */

/* No bits that pt_owner may not set. */
bool mm_l1_unusual_allowed(const struct mm_work *w, pte_t e);
static inline bool mm_l1_bits_allowed(const struct mm_work *w, pte_t e)
{
    return likely(!(e & w->l1_unusual)) || mm_l1_unusual_allowed(w, e);
}

/* All that is not plain: other owners, MMIO, frames that are busy, refusals. As mm_l1_get(). */
must_check int mm_l1_get_slow(struct mm_work *w, pte_t *entry);
/* A page of descriptors lost a mapping of its owner. */
void mm_descriptors_unmapped(struct domain *d, struct frame *f);

/*
 * f has a use as writable data for an entry, of a domain that does not own it (FRAME_FOREIGN), or
 * past the caches. That use comes first: as long as there is none, the owner may be claiming f, and
 * take the marks away when he is done.
 */
static inline void mm_frame_mark(struct frame *f, u64 mark)
{
    __atomic_or_fetch(&f->count, mark, __ATOMIC_ACQ_REL);
}

/* A writable entry that CPUs could use until now is gone. */
static inline void mm_frame_drop_writable(struct frame *f)
{
    if (unlikely(READ_ONCE(f->count) & FRAME_FOREIGN))
        arch_frame_written(f); /* its owner's tables do not tell */
    WRITE_ONCE(f->tlb_stamp, tlb_clock());
    __atomic_fetch_sub(&f->type, 1, __ATOMIC_ACQ_REL);
}

/*
 * Take what a present level-1 entry stands for, and make it what is to be written into the table.
 * -EINVAL: bits, -EPERM: MMIO, -EBUSY: not pg_owner's, or in use as another type; -ERESTART.
 */
must_check static inline int mm_l1_get(struct mm_work *w, pte_t *entry)
{
    pte_t e = *entry;
    if (likely(!(e & w->l1_unusual) && w->pg_owner == w->pt_owner)) {
        struct frame *f = frame_get_mfn(pte_mfn(e), w->owner);
        if (likely(f)) {
            if (!(e & PTE_WRITE) || likely(!frame_type_get_writable(f))) {
                *entry = (e | PTE_USER) & ~PTE_GLOBAL;
                return 0;
            }
            frame_put(f);
        }
    }
    return mm_l1_get_slow(w, entry);
}

/*
 * Drop what an entry of d's stood for, present or not. live: it was in a table that CPUs may walk,
 * until now.
 */
static inline void mm_l1_put(struct domain *d, pte_t e, bool live)
{
    if (!(e & PTE_PRESENT))
        return;
    struct frame *f = frame_of_mfn(pte_mfn(e));
    if (unlikely(!f))
        return; /* MMIO: no references */
    if (e & PTE_WRITE) {
        if (live)
            mm_frame_drop_writable(f);
        else
            __atomic_fetch_sub(&f->type, 1, __ATOMIC_ACQ_REL);
    } else if (unlikely((READ_ONCE(f->type) & FRAME_TYPE_MASK) == FRAME_TYPE_DESC)) {
        mm_descriptors_unmapped(d, f);
    }
    frame_put(f);
}

/* The same for a present entry of a table of level 2-4: -EINVAL: bits, or in use as another type;
 * -EPERM: not pt_owner's; else as mm_table_use(). */
must_check int mm_upper_get(struct mm_work *w, pte_t *entry, u32 level);

/*
 * Replace a live entry by a value of the guest's; keep_ad: with the accessed and dirty bits that it
 * has. Errors as above, -EINVAL also for the hypervisor's slots and if pg_owner is another than
 * pt_owner (upper); nothing is changed then.
 */
must_check int mm_l1_write(struct mm_work *w, pte_t *slot, pte_t new, bool keep_ad);
must_check int mm_upper_write(struct mm_work *w, pte_t *slot, pte_t new, u32 level, bool keep_ad);

/* --- mm_update.c */

/* The domain that a hypercall names as the owner of frames: DOMID_SELF, DOMID_IO, DOMID_XEN, or
 * another. NULL: there is none (-ESRCH). Released by mm_pg_owner_put(). */
struct domain *mm_pg_owner_get(struct vcpu *v, domid_t id);
void mm_pg_owner_put(struct vcpu *v, struct domain *d);
/* Whether the running domain may map frames of d. */
bool mm_pg_owner_allowed(struct vcpu *v, struct domain *d);
/* The CPUs that may hold translations of the vCPUs of a bitmap in v's memory. -EFAULT. */
must_check int mm_vcpus_to_cpus(struct vcpu *v, vaddr_t bitmap, struct cpumask *cpus);
/*
 * The end of an array hypercall on owner's tables: result, once the devalidate list is worked off.
 * Might re-issue the hypercall in a form that mm_call_is_finish() knows and mm_call_finish() goes
 * on with.
 */
long mm_call_end(struct vcpu *v, struct domain *owner, int result);
static inline bool mm_call_is_finish(u64 array, u64 count)
{
    return unlikely((u32)count == MM_PREEMPTED && !array);
}
long mm_call_finish(struct vcpu *v, u64 state);

/*
 * What mmu_update and mmuext_op have done when they end, with an error too: callers go on from
 * there. The counts of a continuation are added to those before it. One that cannot be read or
 * written is the guest's loss.
 */
static inline void mm_call_say_done(u64 count, u64 done_at, u32 done)
{
    u32 before = 0;
    if (!done_at)
        return;
    if (((u32)count & MM_PREEMPTED) && guest_copy_in(&before, done_at, sizeof(before)))
        before = 0;
    done += before;
    if (guest_copy_out(done_at, &done, sizeof(done)))
        return;
}

/* --- mm_base.c, descriptors.c: with the lock held */

static inline bool mm_mfn_is_none(mfn_t mfn)
{
    return !mfn.v || mfn_is_invalid(mfn);
}

enum mm_base { MM_BASE_KERNEL, MM_BASE_USER };
must_check int mm_set_base(struct mm_work *w, struct vcpu *v, enum mm_base which, mfn_t l4);
/* Unmap all pages of the LDT window; no CPU knows them any more. */
void mm_ldt_unmap(struct vcpu *v);

#endif
