/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces: what happens on each CPU, written into a ring that a tool in the control domain reads
 * (`xentrace`). While nobody traces, a record costs the look at trace_on.
 */
#ifndef DOMUS_CORE_TRACE_H
#define DOMUS_CORE_TRACE_H

#include "abi/trace.h"
#include "types.h"

extern bool trace_on;

/*
 * An event of this CPU, with the moment if timed, and up to TRACE_EXTRA_MAX words of bytes in all
 * (rounded up, with zeros). Dropped if it is not asked for; counted if there is no room. Any
 * context but that of an NMI; with any lock up to LOCK_TASKLET.
 */
void trace_record(u32 event, bool timed, const void *extra, u32 bytes);

/* Let guests' hypercalls be recorded, or not any more. (core/trace_hypercall.c) */
void hypercalls_trace(bool on);

/* Two numbers: mostly a domain and a vCPU. */
static inline void trace2(u32 event, u32 a, u32 b)
{
    const u32 extra[] = {a, b};
    if (unlikely(READ_ONCE(trace_on)))
        trace_record(event, true, extra, sizeof(extra));
}

#endif
