/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an entry of each level may hold, and the references that it stands for: taken when an entry
 * becomes live, dropped when it is replaced or its table is. Called for whole tables by mm_types.c,
 * for single entries by the hypercalls and emulations that write them.
 *
 * Of level 1: a general reference to a frame of RAM, and a use as writable data if the entry allows
 * writes; nothing for device memory, which only a domain's iomem set allows.
 *
 * Of levels 2-4: a use, as page table of the level below, of a frame of the same domain. There are
 * no large pages and no tables that link one of their own level: PV guests on 4.17 have no large
 * pages either, and of the latter it is the only difference to it.
 *
 * Everything that is mapped is a user page, since the guest's kernel runs in ring 3 too; what keeps
 * its user mode away from it is a top-level table of its own.
 */
#include "lib/print.h"
#include "lib/rangeset.h"
#include "mm_private.h"

#define MFN_ALL_ONES (PTE_ADDR >> PAGE_SHIFT)

static int l1_refuse(const struct mm_work *w, pte_t e, int error, const char *why)
{
    log_guest(LOG_WARNING, "d%u: level-1 entry %#lx refused (%d): %s", w->pt_owner->id,
              (unsigned long)e, error, why);
    return error;
}

/* --- level 1 */

/*
 * 0 if both the owner of the table and the domain in whose name it is mapped may use that device
 * frame.
 */
static int l1_device_allowed(const struct mm_work *w, pte_t e)
{
    mfn_t mfn = pte_mfn(e);
    struct domain *d = w->pg_owner == domain_io() ? current->domain : w->pg_owner;
    if (mfn.v == MFN_ALL_ONES)
        return -EINVAL;
    if (mfn.v >> (cpu_features.physical_bits - PAGE_SHIFT))
        return l1_refuse(w, e, -EPERM, "there is no such address");
    if (!rangeset_contains(&d->iomem, mfn.v, mfn.v) ||
        (d != w->pt_owner && !rangeset_contains(&w->pt_owner->iomem, mfn.v, mfn.v)))
        return l1_refuse(w, e, -EPERM, "no permission for this device memory");
    return 0;
}

static int l1_get_device(struct mm_work *w, pte_t *entry)
{
    int error = l1_device_allowed(w, *entry);
    if (error)
        return error;
    u64 mfn = pte_mfn(*entry).v;
    *entry = (*entry | PTE_USER) & ~PTE_GLOBAL;
    if ((*entry & PTE_WRITE) && rangeset_contains(&pv_mmio_readonly, mfn, mfn))
        *entry &= ~PTE_WRITE;
    return 0;
}

/* A use of f, referenced and owner's, as writable data. -EBUSY, -ERESTART. */
static int l1_get_writable(struct mm_work *w, struct frame *f, struct domain *owner)
{
    int error = frame_type_get_writable(f);
    if (owner != w->pt_owner) {
        if (!error)
            mm_frame_mark(f, FRAME_FOREIGN);
        return error;
    }
    if (error) {
        error = mm_frame_vacate(w, f);
        if (!error)
            error = frame_type_get_writable(f);
    }
    return error;
}

bool mm_l1_unusual_allowed(const struct mm_work *w, pte_t e)
{
    const struct domain *d = w->pt_owner;
    return (cpu_features.nx || !(e & PTE_NX)) &&
           (d->iomem.count || d->ioports.count || !(e & PTE_CACHE_BITS));
}

int mm_l1_get_slow(struct mm_work *w, pte_t *entry)
{
    pte_t e = *entry;
    if (!mm_l1_bits_allowed(w, e))
        return l1_refuse(w, e, -EINVAL, "bits that are not allowed");
    struct frame *f = frame_of_mfn(pte_mfn(e));
    if (!f)
        return l1_get_device(w, entry);

    struct domain *owner = w->pg_owner;
    if (!frame_get(f, owner)) {
        owner = domain_io();
        if (!frame_get(f, owner))
            return l1_refuse(w, e, -EBUSY, "the frame belongs to another domain");
    }
    int error = owner == domain_io() ? l1_device_allowed(w, e) : 0;
    if (!error && (e & PTE_WRITE)) {
        error = l1_get_writable(w, f, owner);
        if (error == -EBUSY)
            l1_refuse(w, e, error, "the frame is in use as another type");
        else if (!error && (e & PTE_CACHE_BITS))
            mm_frame_mark(f, FRAME_INCOHERENT);
    }
    if (error)
        frame_put(f);
    else
        *entry = (e | PTE_USER) & ~PTE_GLOBAL;
    return error;
}

void mm_descriptors_unmapped(struct domain *d, struct frame *f)
{
    struct vcpu *v;
    /* A table may hold 512 mappings of one page: the vCPUs are looked at for the first. */
    if (!d->arch.ldt_pages || frame_owner(f) != d)
        return;
    /*
     * It may be the guest's way to tell that it wants an old LDT's page back: the windows fill
     * again.
     */
    for_each_vcpu (d, v)
        mm_ldt_unmap(v);
}

/* Puts new in place and returns what was there; a full barrier between that and any stamp. */
static inline pte_t entry_replace(struct domain *d, pte_t *slot, pte_t new, bool keep_ad)
{
    pte_t old;
    if (likely(!keep_ad)) {
        old = __atomic_exchange_n(slot, new, __ATOMIC_SEQ_CST);
    } else {
        old = READ_ONCE(*slot);
        /* Only the processor writes there meanwhile, and it only sets these two bits. */
        while (!__atomic_compare_exchange_n(slot, &old, new | (old & (PTE_ACCESSED | PTE_DIRTY)),
                                            false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
    }
    mm_entry_changed(d, slot);
    return old;
}

/* The entry stays one of the same frame, but whether it allows writes changes. True: done; false:
 * it needs a closer look. */
static inline bool l1_change_access(const struct mm_work *w, pte_t *slot, pte_t new, bool keep_ad)
{
    struct frame *f = frame_of_mfn(pte_mfn(new));
    /*
     * The entry's own reference holds f. For another domain's frame there is no free way to write.
     */
    if (unlikely(!f || READ_ONCE(f->owner) != w->owner))
        return false;
    if ((new &PTE_WRITE) && unlikely(frame_type_get_writable(f)))
        return false;
    entry_replace(w->pt_owner, slot, (new | PTE_USER) & ~PTE_GLOBAL, keep_ad);
    if (!(new &PTE_WRITE))
        mm_frame_drop_writable(f);
    return true;
}

int mm_l1_write(struct mm_work *w, pte_t *slot, pte_t new, bool keep_ad)
{
    pte_t old = READ_ONCE(*slot);
    if (new &PTE_PRESENT) {
        u64 changed = (old ^ new) & ~L1_FREE_BITS;
        if (!changed && mm_l1_bits_allowed(w, new)) {
            entry_replace(w->pt_owner, slot, (new | PTE_USER) & ~PTE_GLOBAL, keep_ad);
            return 0;
        }
        if (changed == PTE_WRITE && likely(!(new & w->l1_unusual)) &&
            l1_change_access(w, slot, new, keep_ad))
            return 0;
        int error = mm_l1_get(w, &new);
        if (unlikely(error))
            return error;
    }
    old = entry_replace(w->pt_owner, slot, new, keep_ad);
    if (old & PTE_PRESENT)
        mm_l1_put(w->pt_owner, old, true);
    return 0;
}

/* --- levels 2-4 */

int mm_upper_get(struct mm_work *w, pte_t *entry, u32 level)
{
    pte_t e = *entry;
    int error;
    struct frame *f = NULL;
    if (unlikely((e & UPPER_DISALLOWED) || ((e & PTE_NX) && !cpu_features.nx))) {
        error = -EINVAL;
    } else {
        f = frame_of_mfn(pte_mfn(e));
        error = f && frame_get(f, w->pt_owner) ? 0 : -EPERM;
    }
    if (likely(!error)) {
        error = mm_table_use(w, f, level - 1);
        if (likely(!error)) {
            *entry = e | PTE_USER;
            return 0;
        }
        frame_put(f);
    }
    if (error != -ERESTART)
        log_guest(LOG_WARNING, "d%u: level-%u entry %#lx refused (%d)", w->pt_owner->id, level,
                  (unsigned long)e, error);
    return error;
}

int mm_upper_write(struct mm_work *w, pte_t *slot, pte_t new, u32 level, bool keep_ad)
{
    if (w->pg_owner != w->pt_owner)
        return -EINVAL;
    if (level == 4 && mm_slot_is_hypervisor((u32)((u64)slot % PAGE_SIZE / sizeof(pte_t)))) {
        log_guest(LOG_WARNING, "d%u: update of a top-level entry that is the hypervisor's",
                  w->pt_owner->id);
        return -EINVAL;
    }
    pte_t old = READ_ONCE(*slot);
    if (new &PTE_PRESENT) {
        if (!((old ^ new) & ~UPPER_FREE_BITS) && cpu_features.nx && !(new &UPPER_DISALLOWED)) {
            entry_replace(w->pt_owner, slot, new | PTE_USER, keep_ad);
            return 0;
        }
        int error = mm_upper_get(w, &new, level);
        if (error)
            return error;
    }
    old = entry_replace(w->pt_owner, slot, new, keep_ad);
    if (old & PTE_PRESENT)
        mm_table_unlink(w->pt_owner, frame_of_mfn(pte_mfn(old)));
    return 0;
}
