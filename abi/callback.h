/* SPDX-License-Identifier: MIT */
/*
 * Entry points of a PV kernel: hypercall callback_op(cmd, struct *).
 */
#ifndef DOMUS_ABI_CALLBACK_H
#define DOMUS_ABI_CALLBACK_H

#include "xen.h"

#define CALLBACKOP_register   0
#define CALLBACKOP_unregister 1

#define CALLBACKTYPE_event               0
#define CALLBACKTYPE_failsafe            1 /* a segment could not be loaded on the way back */
#define CALLBACKTYPE_syscall             2 /* from 64-bit user mode */
#define CALLBACKTYPE_sysenter_deprecated 3
#define CALLBACKTYPE_nmi                 4
#define CALLBACKTYPE_sysenter            5
#define CALLBACKTYPE_syscall32           7 /* from 32-bit user mode */

/* callback_register.flags: enter with events masked. */
#define CALLBACKF_mask_events (1 << 0)

typedef uint64_t xen_callback_t;

struct callback_register {
    uint16_t type;  /* CALLBACKTYPE_* */
    uint16_t flags; /* CALLBACKF_* */
    xen_callback_t address;
};
DEFINE_GUEST_HANDLE(callback_register, struct callback_register);

struct callback_unregister {
    uint16_t type;
    uint16_t _unused;
};
DEFINE_GUEST_HANDLE(callback_unregister, struct callback_unregister);

#endif
