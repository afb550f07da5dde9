/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame table: 32 bytes for each frame of RAM. They say who owns the frame, how many references
 * there are to it, what type it has at present and how many uses it has as that type.
 *
 * The type word is what keeps PV guests safe: a frame is writable data, a page table of some level,
 * a segment descriptor page - one at a time, and changes only when nothing uses it as the old one.
 */
#ifndef DOMUS_CORE_FRAME_H
#define DOMUS_CORE_FRAME_H

#include "lib/print.h"
#include "types.h"

struct domain;

struct frame {
    u64 count;      /* FRAME_ALLOCATED, FRAME_* flags and the number of general references */
    u64 type;       /* FRAME_TYPE_*, FRAME_* type flags and the number of uses as that type; order
                     * while free */
    u32 owner;      /* page number, in the directmap, of the owning struct domain; 0: none */
    u32 tlb_stamp;  /* tlb clock when a guest last lost a way to it, or when it was freed */
    u32 next, prev; /* links in the owner's, the heap's or another list: MFN; FRAME_LINK_END */
};
STATIC_ASSERT(sizeof(struct frame) == 32);

#define FRAME_LINK_END 0xffffffffu

/* count */
#define FRAME_ALLOCATED BIT(63) /* the owner's own reference exists: the frame is the domain's */
#define FRAME_HYPERVISOR                                                                           \
    BIT(62)                   /* shared between the hypervisor and its owner (shared_info, ...) */
#define FRAME_FREE    BIT(61) /* in the heap */
#define FRAME_DIRTY   BIT(60) /* in the heap, and must be scrubbed before use */
#define FRAME_NOT_RAM BIT(59) /* a hole in the table: MMIO, firmware, nothing */
#define FRAME_FOREIGN                                                                              \
    BIT(58) /* a domain that does not own it had it mapped writable (x86: pv/mm) */
#define FRAME_INCOHERENT                                                                           \
    BIT(57) /* it was mapped writable past the caches, which may hold something else */
#define FRAME_RETIRED BIT(56) /* nobody's: taken out of use (core/heap.h) */
#define FRAME_MARKS   (FRAME_FOREIGN | FRAME_INCOHERENT)
/* The number of references. Of a frame that is free, a hole, or the hypervisor's own it is 0. */
#define FRAME_REFS (BIT(32) - 1)

/* type: the type in the top bits ... */
#define FRAME_TYPE_SHIFT    60
#define FRAME_TYPE_MASK     (15ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_NONE     (0ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_L1       (1ull << FRAME_TYPE_SHIFT) /* page tables of level 1-4 */
#define FRAME_TYPE_L2       (2ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_L3       (3ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_L4       (4ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_DESC     (5ull << FRAME_TYPE_SHIFT) /* segment descriptors (GDT, LDT) */
#define FRAME_TYPE_WRITABLE (7ull << FRAME_TYPE_SHIFT)
#define FRAME_TYPE_SHARED   (8ull << FRAME_TYPE_SHIFT) /* shared copy-on-write (later) */
/* ... flags ... */
#define FRAME_PINNED    BIT(59) /* the guest holds one use by pinning */
#define FRAME_VALIDATED BIT(58) /* the contents were checked and hold as that type */
#define FRAME_CARRIED   BIT(57) /* one use is kept for a preempted validation (pv/types) */
#define FRAME_LISTED    BIT(56) /* unused, contents still to be dropped; the count is a link */
/* ... and the number of uses. */
#define FRAME_TYPE_COUNT (BIT(32) - 1)

/*
 * Each architecture's own: the frame table entry of a frame of RAM (NULL for everything else: MMIO,
 * holes, firmware), and the hypervisor's address of a frame.
 *
 *   struct frame *frame_of_mfn(mfn_t);    mfn_t frame_mfn(const struct frame *);
 *   struct frame *frame_of_ram(mfn_t);    unchecked: of a link in the frame table
 *   struct frame *frame_in_table(mfn_t);  NULL beyond the table; may be of a hole (FRAME_NOT_RAM)
 *   void *frame_to_virt(const struct frame *);    struct frame *virt_to_frame(const void *);
 *   void *mfn_to_virt(mfn_t);    mfn_t virt_to_mfn(const void *);
 *   mfn_t heap_to_mfn(const void *);    the same, of the heap's memory only
 *   void *paddr_to_virt(paddr_t);    paddr_t virt_to_paddr(const void *);
 *   bool mfn_is_ram(mfn_t);
 */
#include "machine/frame.h"

/* A domain as f->owner names it: by the frame that holds its struct. */
static inline u32 frame_owner_name(const struct domain *d)
{
    return (u32)heap_to_mfn(d).v;
}

/* The owner, or NULL. Stable only while the caller holds a reference to the frame. */
static inline struct domain *frame_owner(const struct frame *f)
{
    u32 owner = READ_ONCE(f->owner);
    return owner ? mfn_to_virt(MFN(owner)) : NULL;
}

/* Whether that is d. */
static inline bool frame_is_owned_by(const struct frame *f, const struct domain *d)
{
    return READ_ONCE(f->owner) == frame_owner_name(d);
}

/*
 * Take a general reference on a frame that is allocated to d. False if it is not d's, is being
 * freed, or its count would overflow. Lock-free.
 */
must_check static inline bool frame_get(struct frame *f, struct domain *d);
/* The same for a domain as f->owner names it. */
must_check static inline bool frame_get_from(struct frame *f, u32 owner);
/* The frame of that number with a reference, or NULL. */
must_check static inline struct frame *frame_get_mfn(mfn_t mfn, u32 owner);
/* Drop one; the last one returns the frame to the heap (dirty). Lock-free but for that. */
static inline void frame_put(struct frame *f);

/*
 * General reference plus one use as writable data, for the hypervisor's own long-lived view of a
 * guest page (vcpu_info, FIFO event arrays, grant status ...). Undone by frame_put_writable().
 * -EINVAL: not d's; -EBUSY/-EPERM: it is in use as another type.
 */
must_check int frame_get_writable(struct frame *f, struct domain *d);
void frame_put_writable(struct frame *f);
/*
 * Only the use, for callers that hold a general reference. -EBUSY: in use as another type. Put: of
 * a use that no guest's page table stood for; who ends one that did stamps the frame.
 */
must_check static inline int frame_type_get_writable(struct frame *f);
static inline void frame_type_put_writable(struct frame *f);

/*
 * Give 2^order frames of the heap to d: they are counted (d->tot_pages), linked in d's list and get
 * one reference (FRAME_ALLOCATED). -E2BIG above d->max_pages, -EINVAL if d is dying.
 */
must_check int domain_assign_frames(struct domain *d, struct frame *f, u32 order);
/*
 * The same for frames in place of others that frame_borrow() took from d, which were counted all
 * the while: so whatever its max_frames is now.
 */
must_check int domain_replace_frames(struct domain *d, struct frame *f, u32 order);
/*
 * Drop the owner's own reference: the frame leaves d as soon as nothing else refers to it. False if
 * it was dropped before.
 */
bool frame_release(struct frame *f);

/*
 * A frame of the heap becomes one that the hypervisor and its owner d share (FRAME_HYPERVISOR): d
 * may map it, writable too; it is neither counted nor listed as d's memory. -EINVAL if d is going
 * away.
 */
must_check int frame_share_with(struct frame *f, struct domain *d);
/* The same for good, and to be read only: it is in use as what is no writable data. */
must_check int frame_show_to(struct frame *f, struct domain *d);
/* The hypervisor is done with it: it goes back to the heap once d's mappings are gone. */
void frame_unshare(struct frame *f);
/*
 * For who may unshare frames only that d does not map: from now on nothing can refer to this one,
 * until it is restored or unshared. False if something does already.
 */
must_check bool frame_share_withdraw(struct frame *f);
void frame_share_restore(struct frame *f);

/*
 * Take a frame away from d (GNTTABOP_transfer): if d's own reference is the only one and it has no
 * use as any type, it leaves d's list and counts and is then the hypervisor's own, as from
 * heap_alloc(), with its contents. The caller flushes translations before anybody else gets it.
 * -EINVAL: not d's; -EBUSY: something else refers to it, or it is FRAME_HYPERVISOR.
 */
must_check int frame_steal(struct frame *f, struct domain *d);
/*
 * The same if d is to get another for it (domain_replace_frames()), or the same again: until then
 * nothing else can be assigned in its place. What remembers mappings of others is left to
 * frames_clear_marks().
 */
must_check int frame_borrow(struct frame *f, struct domain *d);
/*
 * No CPU knows mappings by others of n borrowed frames any more, and memory holds what was written
 * past the caches: before anybody gets them, their owner included. One flush for all of them.
 */
void frames_clear_marks(struct frame **frames, u64 n);
/* Give it back as it was: for a frame_borrow() that came to nothing. */
void frame_return(struct frame *f, struct domain *d);

/* frame_put()'s rare half: the last reference is gone. */
void frame_free_owned(struct frame *f);
/* That of frame_type_get_writable(): all that is not just one use more. */
must_check int frame_type_get_writable_slow(struct frame *f);

static inline int frame_type_get_writable(struct frame *f)
{
    u64 t = READ_ONCE(f->type);
    if (likely((t & FRAME_TYPE_MASK) == FRAME_TYPE_WRITABLE && (u32)t < FRAME_TYPE_COUNT - 1) &&
        likely(__atomic_compare_exchange_n(&f->type, &t, t + 1, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED)))
        return 0;
    return frame_type_get_writable_slow(f);
}

void arch_frame_written(struct frame *f); /* arch/memory.h */
static inline void frame_type_put_writable(struct frame *f)
{
    ASSERT((READ_ONCE(f->type) & FRAME_TYPE_MASK) == FRAME_TYPE_WRITABLE &&
           (READ_ONCE(f->type) & FRAME_TYPE_COUNT));
    arch_frame_written(f);
    /* No stamp: no TLB knows of a use of the hypervisor's own, and one taken here, without a lock,
     * might replace a later one of somebody who took a guest's mapping away meanwhile. */
    __atomic_fetch_sub(&f->type, 1, __ATOMIC_ACQ_REL);
}

static inline void frame_put(struct frame *f)
{
    if (unlikely(!(__atomic_sub_fetch(&f->count, 1, __ATOMIC_ACQ_REL) & FRAME_REFS)))
        frame_free_owned(f);
}

static inline bool frame_get_from(struct frame *f, u32 owner)
{
    u64 old = READ_ONCE(f->count);
    do {
        /* Not allocated, free and holes among them, or about to overflow: no reference. */
        if (unlikely((u32)old - 1 >= FRAME_REFS - 2 || READ_ONCE(f->owner) != owner))
            return false;
    } while (unlikely(!__atomic_compare_exchange_n(&f->count, &old, old + 1, false,
                                                   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)));
    if (likely(READ_ONCE(f->owner) == owner))
        return true;
    frame_put(f); /* it changed hands between the check and the reference */
    return false;
}

static inline bool frame_get(struct frame *f, struct domain *d)
{
    return frame_get_from(f, frame_owner_name(d));
}

static inline struct frame *frame_get_mfn(mfn_t mfn, u32 owner)
{
    struct frame *f = frame_in_table(mfn);
    return likely(f && frame_get_from(f, owner)) ? f : NULL;
}

/* Walk d's frames under d->frame_lock: f = frame_list_first(d); f; f = frame_list_next(f). */
struct frame *frame_list_first(struct domain *d);
struct frame *frame_list_next(const struct frame *f);
/* Move the first to the end (frame_lock held). */
void frame_list_rotate(struct domain *d);

#endif
