/* SPDX-License-Identifier: MIT */
/*
 * Another kernel on the bare machine, wanted or after a crash: hypercall kexec_op(cmd, struct *).
 */
#ifndef DOMUS_ABI_KEXEC_H
#define DOMUS_ABI_KEXEC_H

#include "xen.h"

#define KEXEC_CMD_kexec           0
#define KEXEC_CMD_kexec_load_v1   1 /* obsolete */
#define KEXEC_CMD_kexec_unload_v1 2 /* obsolete */
#define KEXEC_CMD_kexec_get_range 3
#define KEXEC_CMD_kexec_load      4
#define KEXEC_CMD_kexec_unload    5
#define KEXEC_CMD_kexec_status    6 /* result: 1 if an image is loaded */

/* Which image. */
#define KEXEC_TYPE_DEFAULT 0
#define KEXEC_TYPE_CRASH   1

/* xen_kexec_range.range. */
#define KEXEC_RANGE_MA_CRASH      0 /* reserved for the crash kernel */
#define KEXEC_RANGE_MA_XEN        1
#define KEXEC_RANGE_MA_CPU        2 /* notes of CPU nr */
#define KEXEC_RANGE_MA_XENHEAP    3
#define KEXEC_RANGE_MA_BOOT_PARAM 4
#define KEXEC_RANGE_MA_EFI_MEMMAP 5
#define KEXEC_RANGE_MA_VMCOREINFO 6

struct xen_kexec_exec {
    int32_t type;
};

struct xen_kexec_range {
    int32_t range;
    int32_t nr;
    uint64_t size;  /* out: bytes */
    uint64_t start; /* out: machine address */
};

struct xen_kexec_segment {
    union {
        guest_handle_const_void h;
        uint64_t _pad;
    } buf;
    uint64_t buf_size;
    uint64_t dest_maddr;
    uint64_t dest_size; /* the rest is zeroed */
};
DEFINE_GUEST_HANDLE(xen_kexec_segment, struct xen_kexec_segment);

struct xen_kexec_load {
    uint8_t type;
    uint8_t _pad;
    uint16_t arch; /* ELF machine */
    uint32_t nr_segments;
    union {
        guest_handle_xen_kexec_segment h;
        uint64_t _pad;
    } segments;
    uint64_t entry_maddr;
};

struct xen_kexec_unload {
    uint8_t type;
};

struct xen_kexec_status {
    uint8_t type;
};

#endif
