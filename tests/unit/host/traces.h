/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces (core/trace.h) for tests of what is traced: the records that were made. */
#ifndef DOMUS_HOST_TRACES_H
#define DOMUS_HOST_TRACES_H

#include "core/trace.h"

#define HOST_TRACES_MAX 64

struct host_trace {
    u32 event;
    u32 extra[TRACE_EXTRA_MAX];
};

/* In order; those beyond the room are dropped. */
extern struct host_trace host_traces[HOST_TRACES_MAX];
extern u32 host_traces_count;

/* The first of the event, or NULL. */
const struct host_trace *host_trace_find(u32 event);

#endif
