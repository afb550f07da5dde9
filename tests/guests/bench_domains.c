/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the benchmark kernel that creates domains and destroys them, as tools do. */
#include "abi/domctl.h"
#include "bench.h"

#define OTHER        100 /* the other domain */
#define OTHER_PAGES  256
#define EVENT_PORTS  1023
#define GRANT_FRAMES 4

static struct xen_domctl op;

static s64 control(u32 command)
{
    op.cmd = command;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = OTHER;
    return HYPERCALL1(domctl, &op);
}

static s64 domain_create(void)
{
    static u64 frames[OTHER_PAGES];
    struct xen_memory_reservation r = {.nr_extents = OTHER_PAGES, .domid = OTHER};
    r.extent_start.va = (u64)frames;
    for (u32 i = 0; i < OTHER_PAGES; i++)
        frames[i] = i;
    op.u.createdomain = (struct xen_domctl_createdomain){
        .max_vcpus = 1,
        .max_evtchn_port = EVENT_PORTS,
        .max_grant_frames = GRANT_FRAMES,
        .max_maptrack_frames = GRANT_FRAMES,
        .grant_opts = XEN_DOMCTL_GRANT_version(2),
    };
    s64 error = control(XEN_DOMCTL_createdomain);
    op.u.max_vcpus.max = 1;
    error |= control(XEN_DOMCTL_max_vcpus);
    op.u.max_mem.max_memkb = OTHER_PAGES * PAGE_SIZE / 1024;
    error |= control(XEN_DOMCTL_max_mem);
    return error | (HYPERCALL2(memory_op, XENMEM_populate_physmap, &r) ^ OTHER_PAGES);
}

/* Until it is no longer listed. */
static s64 domain_destroy(void)
{
    s64 error = control(XEN_DOMCTL_destroydomain);
    while (!control(XEN_DOMCTL_getdomaininfo) && op.u.getdomaininfo.domain == OTHER)
        HYPERCALL2(sched_op, SCHEDOP_yield, 0);
    return error;
}

void bench_domains(void)
{
    MEASURE("domain_create_destroy", 10, {
        bench_failed |= domain_create();
        bench_failed |= domain_destroy();
    });
}
