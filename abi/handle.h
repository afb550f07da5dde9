/* SPDX-License-Identifier: MIT */
/*
 * Guest handles: how one side of the hypercall interface names memory of the other.
 *
 * In the ABI a handle is a 64-bit virtual address of the caller, nothing else. `va` is that
 * number. `phantom` is never followed by the hypervisor: it only carries the element's type, so
 * that a copy helper can write __typeof__(*(handle).phantom) and refuse a wrong buffer when it is
 * compiled. A handle of const elements is one that the hypervisor only reads.
 *
 * Include all of abi/ by its folder ("abi/xen.h"): a compiler told to look inside the folder would
 * take sched.h and features.h for those of the C library.
 */
#ifndef DOMUS_ABI_HANDLE_H
#define DOMUS_ABI_HANDLE_H

#include <stdint.h>

#define DEFINE_GUEST_HANDLE(name, type)                                                            \
    typedef union {                                                                                \
        uint64_t va;                                                                               \
        type *phantom;                                                                             \
    } guest_handle_##name

DEFINE_GUEST_HANDLE(void, void);
DEFINE_GUEST_HANDLE(const_void, const void);
DEFINE_GUEST_HANDLE(char, char);
DEFINE_GUEST_HANDLE(const_char, const char);
DEFINE_GUEST_HANDLE(int, int32_t);
DEFINE_GUEST_HANDLE(uint8, uint8_t);
DEFINE_GUEST_HANDLE(const_uint8, const uint8_t);
DEFINE_GUEST_HANDLE(uint16, uint16_t);
DEFINE_GUEST_HANDLE(uint32, uint32_t);
DEFINE_GUEST_HANDLE(uint64, uint64_t);
DEFINE_GUEST_HANDLE(const_uint64, const uint64_t);

#endif
