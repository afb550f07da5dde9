/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of numbers as sorted arrays of ranges that neither overlap nor touch. Owned by domains
 * (ports, memory, interrupts); asked on guests' accesses, changed rarely.
 */
#include "core/heap.h"
#include "errno.h"
#include "lib/rangeset.h"
#include "lib/string.h"

#define CAPACITY_FIRST 8u

void rangeset_init(struct rangeset *s)
{
    *s = (struct rangeset){.count = 0};
    spin_init(&s->lock, LOCK_RANGESET);
}

void rangeset_destroy(struct rangeset *s)
{
    object_free(s->ranges);
    s->ranges = NULL;
    s->count = s->capacity = 0;
}

/* The first range that does not end before x; count if all do. */
static u32 range_find(const struct rangeset *s, u64 x)
{
    u32 low = 0, high = s->count;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (s->ranges[middle].last < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Take the lock with room for one range more. The heap's locks rank below the set's, so memory is
 * had before it is known to be needed. -ENOMEM: the lock is not taken. */
static int lock_with_room(struct rangeset *s)
{
    struct range *spare = NULL;
    for (;;) {
        spin_lock(&s->lock);
        u32 capacity = s->capacity;
        if (s->count < capacity)
            break;
        if (spare) {
            struct range *old = s->ranges;
            if (s->count)
                memcpy(spare, old, s->count * sizeof(*spare));
            s->ranges = spare;
            s->capacity = capacity ? 2 * capacity : CAPACITY_FIRST;
            spin_unlock(&s->lock);
            object_free(old);
            spare = NULL;
            continue;
        }
        spin_unlock(&s->lock);
        spare = object_new_array(struct range, capacity ? 2 * (size_t)capacity : CAPACITY_FIRST);
        if (!spare)
            return -ENOMEM;
    }
    object_free(spare);
    return 0;
}

/* Replace the ranges [from, to) by n (0-2) others; there is room. */
static void ranges_replace(struct rangeset *s, u32 from, u32 to, const struct range *others, u32 n)
{
    memmove(s->ranges + from + n, s->ranges + to, (s->count - to) * sizeof(*s->ranges));
    for (u32 i = 0; i < n; i++)
        s->ranges[from + i] = others[i];
    s->count = s->count - (to - from) + n;
}

int rangeset_add(struct rangeset *s, u64 first, u64 last)
{
    if (last < first)
        return -EINVAL;
    int error = lock_with_room(s);
    if (error)
        return error;
    /* All that overlap or touch it become one with it. */
    u32 from = range_find(s, first ? first - 1 : 0);
    u32 to = from;
    while (to < s->count && (s->ranges[to].first <= last || s->ranges[to].first - 1 == last))
        to++;
    struct range merged = {.first = first, .last = last};
    if (to > from) {
        merged.first = MIN(first, s->ranges[from].first);
        merged.last = MAX(last, s->ranges[to - 1].last);
    }
    ranges_replace(s, from, to, &merged, 1);
    spin_unlock(&s->lock);
    return 0;
}

int rangeset_remove(struct rangeset *s, u64 first, u64 last)
{
    if (last < first)
        return -EINVAL;
    int error = lock_with_room(s);
    if (error)
        return error;
    u32 from = range_find(s, first);
    u32 to = from;
    while (to < s->count && s->ranges[to].first <= last)
        to++;
    if (to > from) {
        struct range rest[2];
        u32 n = 0;
        if (s->ranges[from].first < first)
            rest[n++] = (struct range){.first = s->ranges[from].first, .last = first - 1};
        if (s->ranges[to - 1].last > last)
            rest[n++] = (struct range){.first = last + 1, .last = s->ranges[to - 1].last};
        ranges_replace(s, from, to, rest, n);
    }
    spin_unlock(&s->lock);
    return 0;
}

bool rangeset_contains(struct rangeset *s, u64 first, u64 last)
{
    spin_lock(&s->lock);
    u32 i = range_find(s, first);
    bool contains =
        last >= first && i < s->count && s->ranges[i].first <= first && s->ranges[i].last >= last;
    spin_unlock(&s->lock);
    return contains;
}

bool rangeset_overlaps(struct rangeset *s, u64 first, u64 last)
{
    spin_lock(&s->lock);
    u32 i = range_find(s, first);
    bool overlaps = last >= first && i < s->count && s->ranges[i].first <= last;
    spin_unlock(&s->lock);
    return overlaps;
}
