/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory promised to domains (core/claim.h). */
#include "core/claim.h"
#include "core/heap.h"
#include "core/lock.h"
#include "errno.h"

static struct spinlock claim_lock = SPINLOCK_INIT(LOCK_CLAIM);
static u64 claimed; /* the sum of all domains' claimed_frames */

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
    } else if (free < claimed || frames - have > free - claimed) {
        error = -ENOMEM;
    } else {
        d->claimed_frames = frames - have;
        claimed += d->claimed_frames;
    }
    spin_unlock(&claim_lock);
    return error;
}

bool claim_begin(const struct domain *d, u64 frames, bool *held)
{
    *held = false;
    if (likely(!READ_ONCE(claimed)))
        return true;
    spin_lock(&claim_lock);
    if (frames + claimed - d->claimed_frames > heap_free_frames()) {
        spin_unlock(&claim_lock);
        return false;
    }
    *held = true;
    return true;
}

void claim_end(struct domain *d, u64 used, bool held)
{
    if (likely(!held))
        return;
    used = MIN(used, d->claimed_frames);
    d->claimed_frames -= used;
    claimed -= used;
    spin_unlock(&claim_lock);
}

u64 claims_total(void)
{
    return READ_ONCE(claimed);
}
