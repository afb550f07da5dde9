/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomic bits in arrays of 64-bit words, also in memory shared with guests. */
#ifndef DOMUS_LIB_BITS_H
#define DOMUS_LIB_BITS_H

#include "types.h"

static inline bool bit_test(const u64 *map, u64 n)
{
    return READ_ONCE(map[n / 64]) >> (n % 64) & 1;
}

/* Both return the bit's old value; full barriers. Written so that the compiler makes one locked bit
 * instruction of each: a loop around compare-and-swap could be kept going by a guest that writes
 * the same word all the time. */
static inline bool bit_test_and_set(u64 *map, u64 n)
{
    u64 mask = BIT(n % 64);
    return (__atomic_fetch_or(&map[n / 64], mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline bool bit_test_and_clear(u64 *map, u64 n)
{
    u64 mask = BIT(n % 64);
    return (__atomic_fetch_and(&map[n / 64], ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline void bit_set(u64 *map, u64 n)
{
    __atomic_or_fetch(&map[n / 64], BIT(n % 64), __ATOMIC_SEQ_CST);
}

static inline void bit_clear(u64 *map, u64 n)
{
    __atomic_and_fetch(&map[n / 64], ~BIT(n % 64), __ATOMIC_SEQ_CST);
}

/* index, or 0 where the processor speculates past a bounds check with index >= size (Spectre v1).
 * The caller has checked index < size. */
static inline u64 index_clamp(u64 index, u64 size)
{
    u64 mask;
    __asm__("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "r"(size) : "cc");
    return index & mask;
}

/* index < size; then *clamped is index, or 0 while the processor goes on as if it were so. Both
 * with one comparison. */
static always_inline bool index_check(u64 index, u64 size, u64 *clamped)
{
    u64 mask;
    int inside;
    __asm__("cmp %[size], %[index]\n\tsbb %[mask], %[mask]" /* which leaves the carry as it was */
            : [mask] "=r"(mask), "=@ccc"(inside)
            : [index] "r"(index), [size] "r"(size));
    if (unlikely(!inside))
        return false;
    *clamped = index & mask;
    return true;
}

#endif
