/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks of debug builds on spin locks (core/lock.h): each CPU keeps the locks that it holds,
 * and may take only one of a higher rank, or of the same rank at a higher address (spin_lock_pair).
 * Release builds have nothing of this.
 */
#include "core/lock.h"

#ifdef DOMUS_DEBUG

#include "core/percpu.h"
#include "lib/print.h"

#define HELD_MAX 16u

struct held_locks {
    u32 count;
    struct spinlock *locks[HELD_MAX];
};
static DEFINE_PER_CPU(struct held_locks, held_locks);

static bool stopped;

void lock_debug_stop(void)
{
    WRITE_ONCE(stopped, true);
}

void lock_debug_acquiring(struct spinlock *l)
{
    if (READ_ONCE(stopped))
        return;
    const struct held_locks *held = &this_cpu(held_locks);
    if (READ_ONCE(l->owner) == cpu_id() + 1)
        panic("a lock of rank %u is taken twice by one CPU", l->rank);
    for (u32 i = 0; i < held->count; i++) {
        const struct spinlock *h = held->locks[i];
        if (h->rank > l->rank || (h->rank == l->rank && h >= l))
            panic("a lock of rank %u is taken after one of rank %u", l->rank, h->rank);
    }
}

void lock_debug_acquired(struct spinlock *l)
{
    if (READ_ONCE(stopped))
        return;
    struct held_locks *held = &this_cpu(held_locks);
    if (held->count == HELD_MAX)
        panic("a CPU holds more than %u locks", HELD_MAX);
    held->locks[held->count++] = l;
    WRITE_ONCE(l->owner, (u16)(cpu_id() + 1));
}

void lock_debug_releasing(struct spinlock *l)
{
    if (READ_ONCE(stopped))
        return;
    struct held_locks *held = &this_cpu(held_locks);
    u32 i = held->count;
    while (i > 0 && held->locks[i - 1] != l)
        i--;
    if (!i || l->owner != cpu_id() + 1)
        panic("a lock of rank %u is released by a CPU that does not hold it", l->rank);
    for (; i < held->count; i++)
        held->locks[i - 1] = held->locks[i];
    held->count--;
    WRITE_ONCE(l->owner, 0);
}

#endif
