/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of 64-bit numbers kept as sorted, disjoint, inclusive ranges: the I/O ports, machine frames
 * and IRQs that a domain may use. Each set has a lock of its own.
 */
#ifndef DOMUS_LIB_RANGESET_H
#define DOMUS_LIB_RANGESET_H

#include "core/lock.h"
#include "types.h"

struct range {
    u64 first, last;
};

struct rangeset {
    struct spinlock lock;
    struct range *ranges;
    u32 count, capacity;
};

void rangeset_init(struct rangeset *s);
void rangeset_destroy(struct rangeset *s);
/*
 * Both ends inclusive. -EINVAL if last < first, -ENOMEM if the set cannot grow (it is unchanged).
 */
must_check int rangeset_add(struct rangeset *s, u64 first, u64 last);
must_check int rangeset_remove(struct rangeset *s, u64 first, u64 last);
/* True if every number of the range is in the set. */
bool rangeset_contains(struct rangeset *s, u64 first, u64 last);
/* True if any number of the range is in the set. */
bool rangeset_overlaps(struct rangeset *s, u64 first, u64 last);

#endif
