/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory promised to domains (core/claim.h). */
#include "core/claim.h"
#include "core/heap.h"
#include "core/lock.h"
#include "errno.h"

static struct spinlock claim_lock = SPINLOCK_INIT(LOCK_CLAIM);
static u64 claimed;   /* the sum of all domains' claimed_frames */
static u64 under_way; /* frames that are being allocated, and may still count as free */

int claim_set(struct domain *d, u64 frames)
{
    int error = 0;
    spin_lock(&claim_lock);
    u64 have = READ_ONCE(d->tot_frames), free = heap_free_frames();
    if (!frames) {
        claimed -= d->claimed_frames;
        d->claimed_frames = 0;
    } else if (d->dying || d->claimed_frames || frames <= have || frames > d->max_frames) {
        error = -EINVAL;
    } else if (free < claimed + under_way || frames - have > free - claimed - under_way) {
        error = -ENOMEM;
    } else {
        d->claimed_frames = frames - have;
        claimed += d->claimed_frames;
    }
    spin_unlock(&claim_lock);
    return error;
}

bool claim_begin(struct domain *d, u64 frames, u64 *own)
{
    spin_lock(&claim_lock);
    /* What it was promised is there: claims are never more than what is free. */
    *own = MIN(frames, d->claimed_frames);
    bool allowed =
        frames == *own || !claimed || frames - *own + claimed + under_way <= heap_free_frames();
    if (allowed) {
        d->claimed_frames -= *own;
        claimed -= *own;
        under_way += frames;
    }
    spin_unlock(&claim_lock);
    return allowed;
}

void claim_end(struct domain *d, u64 frames, u64 own, bool given)
{
    spin_lock(&claim_lock);
    under_way -= frames;
    if (!given && !d->dying) {
        d->claimed_frames += own;
        claimed += own;
    }
    spin_unlock(&claim_lock);
}

u64 claims_total(void)
{
    return READ_ONCE(claimed);
}
