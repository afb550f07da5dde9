/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References to frames, and the list of frames that each domain owns.
 *
 * A frame of a domain stays it as long as its count of references is above zero. The first
 * reference is the owner's own (FRAME_ALLOCATED), given up by frame_release(); the last one to go
 * returns the frame to the heap. The count and its flags change by compare-and-swap, so no lock is
 * taken.
 */
#include "core/frame.h"
#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/domain.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"

static void frame_list_remove(struct domain *d, struct frame *f)
{
    ASSERT(spin_is_locked(&d->frame_lock));
    if (f->prev != FRAME_LINK_END)
        frame_of_ram(MFN(f->prev))->next = f->next;
    else
        d->frames_head = f->next;
    if (f->next != FRAME_LINK_END)
        frame_of_ram(MFN(f->next))->prev = f->prev;
    else
        d->frames_tail = f->prev;
}

static void frame_list_append(struct domain *d, struct frame *f)
{
    u32 mfn = (u32)frame_mfn(f).v;
    ASSERT(spin_is_locked(&d->frame_lock));
    f->next = FRAME_LINK_END;
    f->prev = d->frames_tail;
    if (d->frames_tail != FRAME_LINK_END)
        frame_of_ram(MFN(d->frames_tail))->next = mfn;
    else
        d->frames_head = mfn;
    d->frames_tail = mfn;
}

/* The last reference is gone: back to the heap. */
void frame_free_owned(struct frame *f)
{
    struct domain *d = frame_owner(f);
    bool last = false;
    BUG_ON((f->type & FRAME_TYPE_COUNT) || (f->type & (FRAME_PINNED | FRAME_CARRIED)));
    if (d) {
        spin_lock(&d->frame_lock);
        if (!(f->count & FRAME_HYPERVISOR)) {
            frame_list_remove(d, f);
            d->tot_frames--;
        }
        last = --d->frame_refs == 0;
        f->owner = 0;
        spin_unlock(&d->frame_lock);
    }
    f->count = 0;
    f->type = 0;
    heap_free(f, 0);
    if (last)
        domain_put(d);
}

int frame_get_writable(struct frame *f, struct domain *d)
{
    if (!frame_get(f, d))
        return -EINVAL;
    int error = frame_type_get_writable(f);
    if (error)
        frame_put(f);
    return error;
}

void frame_put_writable(struct frame *f)
{
    frame_type_put_writable(f);
    frame_put(f);
}

int frame_type_get_writable_slow(struct frame *f)
{
    u64 old = READ_ONCE(f->type), new;
    do {
        u64 uses = old & FRAME_TYPE_COUNT;
        if (likely((old & FRAME_TYPE_MASK) == FRAME_TYPE_WRITABLE)) {
            if (unlikely(uses >= FRAME_TYPE_COUNT - 1))
                return -EBUSY;
            new = old + 1;
        } else if (!uses) {
            /* Nobody uses it as what it was; that it was left is stamped, but a frame that becomes
             * writable need not be kept from anybody's TLB: a stale entry could only read. */
            new = FRAME_TYPE_WRITABLE | FRAME_VALIDATED | 1;
        } else {
            return -EBUSY;
        }
    } while (!__atomic_compare_exchange_n(&f->type, &old, new, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return 0;
}

static int frames_assign(struct domain *d, struct frame *f, u32 order, bool replaces)
{
    u64 n = 1ull << order;
    int error = 0;
    spin_lock(&d->frame_lock);
    if (replaces)
        d->borrowed_frames -= n;
    if (d->dying)
        error = -EINVAL;
    else if (!replaces && d->tot_frames + d->borrowed_frames + n > READ_ONCE(d->max_frames))
        error = -E2BIG;
    if (!error) {
        if (!d->frame_refs && !domain_try_ref(d)) {
            error = -EINVAL;
        } else {
            d->frame_refs += (u32)n;
            d->tot_frames += n;
            for (u64 i = 0; i < n; i++) {
                f[i].type = 0;
                f[i].owner = frame_owner_name(d);
                frame_list_append(d, &f[i]);
                __atomic_store_n(&f[i].count, FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
            }
        }
    }
    spin_unlock(&d->frame_lock);
    return error;
}

int domain_assign_frames(struct domain *d, struct frame *f, u32 order)
{
    return frames_assign(d, f, order, false);
}

int domain_replace_frames(struct domain *d, struct frame *f, u32 order)
{
    return frames_assign(d, f, order, true);
}

static int frame_share(struct frame *f, struct domain *d, u64 type)
{
    int error = 0;
    spin_lock(&d->frame_lock);
    if (!d->frame_refs && !domain_try_ref(d)) {
        error = -EINVAL;
    } else {
        d->frame_refs++;
        f->owner = frame_owner_name(d);
        f->type = type | FRAME_VALIDATED | 1;
        __atomic_store_n(&f->count, FRAME_HYPERVISOR | FRAME_ALLOCATED | 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&d->frame_lock);
    return error;
}

int frame_share_with(struct frame *f, struct domain *d)
{
    return frame_share(f, d, FRAME_TYPE_WRITABLE);
}

int frame_show_to(struct frame *f, struct domain *d)
{
    return frame_share(f, d, FRAME_TYPE_NONE);
}

void frame_unshare(struct frame *f)
{
    u64 old = __atomic_fetch_and(&f->count, ~FRAME_ALLOCATED, __ATOMIC_ACQ_REL);
    if (!(old & FRAME_ALLOCATED))
        return;
    frame_type_put_writable(f);
    if (old & FRAME_REFS)
        frame_put(f);
    else
        frame_free_owned(f); /* withdrawn before */
}

bool frame_share_withdraw(struct frame *f)
{
    u64 old = READ_ONCE(f->count);
    return (old & ~FRAME_MARKS) == (FRAME_HYPERVISOR | FRAME_ALLOCATED | 1) &&
           __atomic_compare_exchange_n(&f->count, &old, old - 1, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

void frame_share_restore(struct frame *f)
{
    __atomic_add_fetch(&f->count, 1, __ATOMIC_RELEASE);
}

bool frame_release(struct frame *f)
{
    u64 old = __atomic_fetch_and(&f->count, ~FRAME_ALLOCATED, __ATOMIC_ACQ_REL);
    if (!(old & FRAME_ALLOCATED))
        return false;
    frame_put(f);
    return true;
}

struct frame *frame_list_first(struct domain *d)
{
    return d->frames_head == FRAME_LINK_END ? NULL : frame_of_ram(MFN(d->frames_head));
}

struct frame *frame_list_next(const struct frame *f)
{
    return f->next == FRAME_LINK_END ? NULL : frame_of_ram(MFN(f->next));
}

void frame_list_rotate(struct domain *d)
{
    struct frame *f = frame_list_first(d);
    frame_list_remove(d, f);
    frame_list_append(d, f);
}

static int frame_take(struct frame *f, struct domain *d, bool borrow)
{
    int error = 0;
    if (!frame_get(f, d))
        return -EINVAL;
    spin_lock(&d->frame_lock);
    /* Ours and the owner's: nobody else's. From 2 to 0 at once, so nobody gets another. Its marks
     * tell frames_clear_marks() what is still to be done. */
    u64 old = READ_ONCE(f->count);
    if ((f->type & FRAME_TYPE_COUNT) || (old & ~FRAME_MARKS) != (FRAME_ALLOCATED | 2) ||
        !__atomic_compare_exchange_n(&f->count, &old, old & FRAME_MARKS, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        error = -EBUSY;
    } else {
        frame_list_remove(d, f);
        d->tot_frames--;
        d->borrowed_frames += borrow;
        d->frame_refs--;
        f->owner = 0;
        f->type = 0;
    }
    bool last = !error && !d->frame_refs;
    spin_unlock(&d->frame_lock);
    if (error) {
        frame_put(f);
        return error;
    }
    if (last)
        domain_put(d);
    return 0;
}

int frame_steal(struct frame *f, struct domain *d)
{
    int error = frame_take(f, d, false);
    if (!error)
        frames_clear_marks(&f, 1);
    return error;
}

int frame_borrow(struct frame *f, struct domain *d)
{
    return frame_take(f, d, true);
}

void frames_clear_marks(struct frame **frames, u64 n)
{
    u64 marks = 0;
    for (u64 i = 0; i < n; i++)
        marks |= frames[i]->count;
    if (likely(!marks))
        return;
    /* Who took them knows where their owner ran, but not who else had them mapped. */
    tlb_flush_mask(&cpu_online_mask);
    for (u64 i = 0; i < n; i++) {
        if (frames[i]->count & FRAME_INCOHERENT)
            memory_write_back(frame_to_virt(frames[i]), PAGE_SIZE);
        frames[i]->count = 0;
    }
}

void frame_return(struct frame *f, struct domain *d)
{
    ASSERT(!f->count); /* a mark would be lost */
    /* Only a dying domain refuses what was its own a moment ago. */
    if (domain_replace_frames(d, f, 0))
        heap_free(f, 0);
}
