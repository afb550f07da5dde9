/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way to a guest's memory by a guest's address: copies into and out of the address space
 * of the vCPU that runs. Ranges are checked (nothing of the hypervisor's own range)
 * and faults come back as -EFAULT. A value is copied once, then used: guests change memory at any
 * time.
 */
#ifndef DOMUS_CORE_GUEST_ACCESS_H
#define DOMUS_CORE_GUEST_ACCESS_H

#include "types.h"

/* 0 or -EFAULT; on a fault part of the destination may have been written. */
must_check int guest_copy_in(void *to, vaddr_t from, size_t bytes);
must_check int guest_copy_out(vaddr_t to, const void *from, size_t bytes);
must_check int guest_clear(vaddr_t to, size_t bytes);
/* True if [va, va + bytes) lies wholly where guests may have memory. bytes may be 0. */
bool guest_range_ok(vaddr_t va, u64 bytes);

/*
 * The same, in place, for small constant sizes; and, for frames that are put together or taken
 * apart on the way, word by word: guest_words_begin(place, va, words, fault);       place: a u64,
 * for the others guest_word_get(value, place, i, fault);           or guest_word_put(place, i,
 * value, fault); guest_words_end();                                also at the label fault, where
 * every failure leads
 */
#include "machine/guest_access.h"

/* Typed handles of the ABI (abi/xen.h: guest_handle_*): element type known to the compiler. */
#define guest_element_type(h) __typeof__(*(h).phantom)

/* Address of element i; an overflow becomes an address that no copy accepts. */
static inline vaddr_t guest_element_address(vaddr_t base, size_t size, u64 i)
{
    u64 offset, va;
    if (__builtin_mul_overflow((u64)size, i, &offset) || __builtin_add_overflow(base, offset, &va))
        return 1ull << 63; /* not canonical */
    return va;
}

/* *(ptr) = h[i] and h[i] = *(ptr); the pointer's type must be the element's. */
#define guest_read_at(ptr, h, i)                                                                   \
    ({                                                                                             \
        guest_element_type(h) *guest_p_ = (ptr);                                                   \
        guest_copy_in(guest_p_, guest_element_address((h).va, sizeof(*guest_p_), (i)),             \
                      sizeof(*guest_p_));                                                          \
    })
#define guest_write_at(h, i, ptr)                                                                  \
    ({                                                                                             \
        const guest_element_type(h) *guest_p_ = (ptr);                                             \
        guest_copy_out(guest_element_address((h).va, sizeof(*guest_p_), (i)), guest_p_,            \
                       sizeof(*guest_p_));                                                         \
    })
#define guest_handle_is_null(h) ((h).va == 0)

#endif
