/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access to the memory of the guest that runs, through its own page tables: the processor checks
 * the permissions as it does for the guest (all guest pages are user pages), a missing page faults,
 * and the exception table turns that into -EFAULT. SMAP is lifted for just these instructions.
 * Small copies of constant size, which are most, are done in place.
 */
#ifndef DOMUS_MACHINE_GUEST_ACCESS_H
#define DOMUS_MACHINE_GUEST_ACCESS_H

#include "errno.h"
#include "types.h"
#include "x86/alternative.h"
#include "x86/layout.h"

#define GUEST_LOWER_END 0x0000800000000000ull
/* Bytes from the end of the hypervisor's range over the top of the address space to the end of the
 * lower half. */
#define GUEST_SPAN (GUEST_LOWER_END - LAYOUT_END)
/* Copies up to this many words are done in place. */
#define GUEST_INLINE_WORDS 9

/*
 * False if some of these bytes are not where guests may have memory. Else their address, or 0 while
 * the processor goes on as if the answer had been true (Spectre v1).
 */
static always_inline bool guest_place(vaddr_t va, u64 bytes, u64 *place)
{
    u64 mask;
    int inside;
    if (unlikely(bytes > GUEST_SPAN))
        return false;
    __asm__("cmp %[end], %[start]\n\tsbb %[mask], %[mask]" /* which leaves the carry as it was */
            : [mask] "=r"(mask), "=@ccc"(inside)
            : [start] "r"(va - LAYOUT_END), [end] "r"(GUEST_SPAN + 1 - bytes));
    if (unlikely(!inside))
        return false;
    *place = va & mask;
    return true;
}

/*
 * One access; if it faults, go on at the label. The empty statement keeps GCC before 12.4 from
 * losing the output where a block begins behind it (GCC PR 113921).
 */
#define GUEST_READ(insn, value, place, label)                                                      \
    do {                                                                                           \
        __asm__ volatile goto("1: " insn                                                           \
                              " %[from], %[to]\n\t" EXCEPTION_FIXUP("1b", "%l[" #label "]")        \
                              : [to] "=r"(value)                                                   \
                              : [from] "m"(place)                                                  \
                              : "memory"                                                           \
                              : label);                                                            \
        __asm__ volatile("");                                                                      \
    } while (0)
#define GUEST_WRITE(insn, place, value, label)                                                     \
    __asm__ volatile goto("1: " insn " %[from], %[to]\n\t" EXCEPTION_FIXUP("1b", "%l[" #label "]") \
                          :                                                                        \
                          : [to] "m"(place), [from] "r"(value)                                     \
                          : "memory"                                                               \
                          : label)

/* Word by word (core/guest_access.h). */
#define guest_words_begin(place, va, words, fault)                                                 \
    do {                                                                                           \
        if (!guest_place((va), (words) * sizeof(u64), &(place)))                                   \
            goto fault;                                                                            \
        guest_access_begin();                                                                      \
    } while (0)
#define guest_word_get(value, place, i, fault)                                                     \
    GUEST_READ("mov", value, ((const u64 *)(place))[i], fault)
#define guest_word_put(place, i, value, fault)                                                     \
    GUEST_WRITE("mov", ((u64 *)(place))[i], (u64)(value), fault)
#define guest_words_end() guest_access_end()

static always_inline must_check int guest_words_in(void *to, vaddr_t from, u32 words)
{
    u64 place;
    guest_words_begin(place, from, words, fault);
#pragma GCC unroll 16
    for (u32 i = 0; i < words; i++) {
        u64 value;
        guest_word_get(value, place, i, fault);
        ((u64 *)to)[i] = value;
    }
    guest_words_end();
    return 0;
fault:
    guest_words_end();
    return -EFAULT;
}

static always_inline must_check int guest_words_out(vaddr_t to, const void *from, u32 words)
{
    u64 place;
    guest_words_begin(place, to, words, fault);
#pragma GCC unroll 16
    for (u32 i = 0; i < words; i++)
        guest_word_put(place, i, ((const u64 *)from)[i], fault);
    guest_words_end();
    return 0;
fault:
    guest_words_end();
    return -EFAULT;
}

#define GUEST_NUMBER_IN(type)                                                                      \
    static always_inline must_check int guest_##type##_in(void *to, vaddr_t from)                  \
    {                                                                                              \
        u64 place;                                                                                 \
        type value;                                                                                \
        if (!guest_place(from, sizeof(value), &place))                                             \
            return -EFAULT;                                                                        \
        guest_access_begin();                                                                      \
        GUEST_READ("mov", value, *(const type *)place, fault);                                     \
        guest_access_end();                                                                        \
        *(type *)to = value;                                                                       \
        return 0;                                                                                  \
    fault:                                                                                         \
        guest_access_end();                                                                        \
        return -EFAULT;                                                                            \
    }
GUEST_NUMBER_IN(u16)
GUEST_NUMBER_IN(u32)

#define GUEST_COPIES_INLINE(bytes)                                                                 \
    (__builtin_constant_p(bytes) && (bytes) % sizeof(u64) == 0 &&                                  \
     (bytes) / sizeof(u64) <= GUEST_INLINE_WORDS)

#define guest_copy_in(to, from, bytes)                                                             \
    (__builtin_constant_p(bytes) && (bytes) == sizeof(u16)   ? guest_u16_in((to), (from))          \
     : __builtin_constant_p(bytes) && (bytes) == sizeof(u32) ? guest_u32_in((to), (from))          \
     : GUEST_COPIES_INLINE(bytes) ? guest_words_in((to), (from), (u32)((bytes) / sizeof(u64)))     \
                                  : (guest_copy_in)((to), (from), (bytes)))

#define guest_copy_out(to, from, bytes)                                                            \
    (GUEST_COPIES_INLINE(bytes) ? guest_words_out((to), (from), (u32)((bytes) / sizeof(u64)))      \
                                : (guest_copy_out)((to), (from), (bytes)))

#endif
