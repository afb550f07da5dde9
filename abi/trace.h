/* SPDX-License-Identifier: MIT */
/*
 * Trace buffers: a ring of records for each CPU, which the hypervisor fills and a tool empties, and
 * the events that it tells of. The frames are those of DOMID_XEN; sysctl tbuf_op names the first of
 * struct t_info.
 */
#ifndef DOMUS_ABI_TRACE_H
#define DOMUS_ABI_TRACE_H

#include "handle.h"

/*
 * A record: one word of event, number of further words and TRC_HD_CYCLE_FLAG; if that is set, two
 * words of time-stamp counter; then the further words. It never goes over the end of the ring.
 */
#define TRACE_EXTRA_MAX   7
#define TRACE_EXTRA_SHIFT 28
#define TRC_HD_CYCLE_FLAG (1UL << 31)

/* An event: a bit for its class, one for its subclass, and 12 bits. */
#define TRC_CLS_SHIFT    16
#define TRC_SUBCLS_SHIFT 12
#define TRC_GEN          0x0001f000
#define TRC_SCHED        0x0002f000
#define TRC_PV           0x0020f000
#define TRC_GUEST        0x0800f000
#define TRC_ALL          0x0ffff000

#define TRC_SCHED_MIN     0x00021000
#define TRC_SCHED_VERBOSE 0x00028000
#define TRC_PV_ENTRY      0x00201000

#define TRC_LOST_RECORDS      (TRC_GEN + 1) /* number, vCPU << 16 | domain, TSC of the first */
#define TRC_TRACE_WRAP_BUFFER (TRC_GEN + 2) /* fills the ring up to its end */

/* Bits 8-9: runstate before, 4-5: after. domain << 16 | vCPU */
#define TRC_SCHED_RUNSTATE_CHANGE (TRC_SCHED_MIN + 1)
/* Domain and vCPU each. */
#define TRC_SCHED_WAKE   (TRC_SCHED_VERBOSE + 4)
#define TRC_SCHED_YIELD  (TRC_SCHED_VERBOSE + 5)
#define TRC_SCHED_BLOCK  (TRC_SCHED_VERBOSE + 6)
#define TRC_SCHED_SWITCH (TRC_SCHED_VERBOSE + 10) /* of the one before, and of the next */

#define TRC_64_FLAG 0x100 /* addresses of 64 bits */

#define TRC_PV_TRAP       (TRC_PV_ENTRY + 3) /* rip; error code << 16 | has one << 15 | vector */
#define TRC_PV_PAGE_FAULT (TRC_PV_ENTRY + 4) /* rip, address, error code */
/*
 * The hypercall's number, with a pair of bits for each of the six arguments, from bit 20 on: 1 if
 * its lower half follows.
 */
#define TRC_PV_HYPERCALL_V2          (TRC_PV_ENTRY + 13)
#define TRC_PV_HYPERCALL_V2_ARG_MASK 0xfff00000

/* At the beginning of a ring; offsets are modulo twice the size of what follows, in bytes. */
struct t_buf {
    uint32_t cons; /* the tool has read up to here */
    uint32_t prod; /* the hypervisor has written up to here */
};

/* Where the rings are. */
struct t_info {
    uint16_t tbuf_size;    /* pages of each */
    uint16_t mfn_offset[]; /* by CPU: where its list of frames is, in 32-bit words from here */
};

#endif
