/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wall clock: what the calendar said at system time 0. Set from the machine's clock at boot and
 * by the hardware domain (XENPF_settime64); each domain reads it, with its own offset, in its
 * shared_info, where wc_version is odd while it is being written.
 */
#include "core/domain.h"
#include "core/frame.h"
#include "core/lock.h"
#include "core/time.h"

static struct spinlock wallclock_lock = SPINLOCK_INIT(LOCK_LEAF);
static u64 wallclock_at_boot; /* ns since 1970-01-01 UTC */

u64 wallclock_base(void)
{
    return READ_ONCE(wallclock_at_boot);
}

void wallclock_update_domain(struct domain *d)
{
    struct frame *f = domain_shared_info_get(d);
    if (!f)
        return;
    struct shared_info *shared = frame_to_virt(f);

    spin_lock(&wallclock_lock);
    u64 seconds = wallclock_at_boot / SECONDS(1) + (u64)d->time_offset;
    /* The guest can write here too: the count is its own to spoil. */
    u32 version = READ_ONCE(shared->wc_version) | 1;

    WRITE_ONCE(shared->wc_version, version);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(shared->wc_sec, (u32)seconds);
    WRITE_ONCE(shared->wc_nsec, (u32)(wallclock_at_boot % SECONDS(1)));
    WRITE_ONCE(shared->wc_sec_hi, (u32)(seconds >> 32));
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(shared->wc_version, version + 1);
    spin_unlock(&wallclock_lock);
    frame_put(f);
}

void wallclock_set(u64 secs, u32 nsecs, nsec_t system_time)
{
    spin_lock(&wallclock_lock);
    WRITE_ONCE(wallclock_at_boot, secs * SECONDS(1) + nsecs - system_time);
    spin_unlock(&wallclock_lock);
    for (struct domain *d = domain_list_next(NULL); d; d = domain_list_next(d))
        wallclock_update_domain(d);
}
