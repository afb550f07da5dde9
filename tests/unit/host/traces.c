/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces that are kept (host/traces.h). */
#include <string.h>
#include "tests/unit/host/traces.h"

bool trace_on;
struct host_trace host_traces[HOST_TRACES_MAX];
u32 host_traces_count;

void trace_record(u32 event, bool timed, const void *extra, u32 bytes)
{
    u32 n = __atomic_fetch_add(&host_traces_count, 1, __ATOMIC_RELAXED);

    if (n >= HOST_TRACES_MAX)
        return;
    host_traces[n] = (struct host_trace){.event = event};
    memcpy(host_traces[n].extra, extra, bytes);
}

const struct host_trace *host_trace_find(u32 event)
{
    for (u32 i = 0; i < host_traces_count && i < HOST_TRACES_MAX; i++)
        if (host_traces[i].event == event)
            return &host_traces[i];
    return NULL;
}
