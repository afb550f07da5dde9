/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest in the world of host/domain_world.h that calls memory_op, again as often as it is asked
 * to; and what every such test checks.
 */
#ifndef DOMUS_HOST_MEMORY_CALLS_H
#define DOMUS_HOST_MEMORY_CALLS_H

#include "abi/memory.h"
#include "tests/unit/host/domain_world.h"

#define EXTENTS 40

extern struct domain *guest; /* number 7; its vCPU runs */
extern u64 list[EXTENTS];    /* of extents: at first 0x1000, 0x1010 ... */

/* Times that a call asked to be made again; whether the last one did, and with which arguments. */
extern u32 reissues;
extern bool reissued;
extern u64 reissue_values[6];

int memory_calls_setup_group(void **state);
int memory_calls_setup(void **state);
/* Nothing may be held for an operation that is over; then the guest ends, and nothing is left. */
int memory_calls_teardown(void **state);
/* The two, one after the other. */
void again(void);

/* To the end, however often it is continued. */
long memory_op(u64 cmd, void *arg);
/* Of the caller, with list. */
struct xen_memory_reservation reservation(u64 extents, u32 order);
/* The guest gets the extents of list. */
void populate(u32 extents, u32 order);
u64 frames_listed(const struct domain *d);
/* d owns the extent, whose frames are called first_gfn (INVALID_GFN: nothing) and on. */
void check_extent(struct domain *d, u64 mfn, u32 order, u64 first_gfn);

#endif
