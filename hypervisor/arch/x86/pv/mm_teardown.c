/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a PV domain's page tables: base pointers, descriptor tables, then every pin and
 * carried use are given up, and what was held by nothing else falls apart by the devalidate list.
 * Since no type is claimed for a dying domain, afterwards no frame of it is anything but data.
 * Called by arch_domain_relinquish().
 */
#include "core/softirq.h"
#include "mm_private.h"
#include "x86/pv.h"

#define SCAN_FRAMES 1024 /* of the domain's list, at a time */
#define SCAN_FOUND  16   /* of these, with something to drop */

/*
 * Go on along d's list of frames, whose next one is kept in relinquish_frame: FRAME_LINK_END when
 * it is through. Returns how many frames with a pin or a carried use are in found, each of which
 * holds its place in the list by that use.
 */
static u32 frames_scan(struct domain *d, struct frame *found[SCAN_FOUND])
{
    u32 n = 0, scanned = 0;
    struct frame *f, *old = NULL;
    spin_lock(&d->frame_lock);
    if (d->arch.relinquish_frame)
        f = old = frame_of_mfn(MFN(d->arch.relinquish_frame));
    else
        f = frame_list_first(d);
    for (; f && n < SCAN_FOUND && scanned < SCAN_FRAMES; scanned++, f = frame_list_next(f))
        if (READ_ONCE(f->type) & (FRAME_PINNED | FRAME_CARRIED))
            found[n++] = f;
    /*
     * The reference keeps it in the list; one that is just being freed cannot be kept: start again.
     */
    if (!f)
        d->arch.relinquish_frame = FRAME_LINK_END;
    else
        d->arch.relinquish_frame = frame_get(f, d) ? (u32)frame_mfn(f).v : 0;
    spin_unlock(&d->frame_lock);
    if (old)
        frame_put(old);
    return n;
}

/* -ERESTART while there is more. The lock is held. */
static int relinquish_slice(struct domain *d)
{
    struct frame *found[SCAN_FOUND];
    struct mm_work w;
    mm_work_init(&w, d, d);
    int error = mm_devalidate(&w);
    if (error || d->arch.relinquish_frame == FRAME_LINK_END)
        return error;
    u32 n = frames_scan(d, found);
    for (u32 i = 0; i < n; i++)
        mm_drop_kept_uses(d, found[i]);
    return -ERESTART;
}

int pv_mm_relinquish(struct domain *d)
{
    pv_log_dirty_disable(d);
    for (;;) {
        mm_lock(d);
        int error = relinquish_slice(d);
        mm_unlock(d);
        if (error != -ERESTART || preempt_pending())
            return error;
    }
}
