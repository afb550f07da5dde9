/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains without a machine, for tests of what the core does for them: some RAM with its frame
 * table, small objects from the C library, domains made by hand, guest memory that is the test's
 * own, and hooks of the architecture that record what was asked. core/frame.c is the real one.
 */
#ifndef DOMUS_HOST_GUESTS_H
#define DOMUS_HOST_GUESTS_H

#include "core/domain.h"
#include "core/frame.h"

#define GUESTS_FRAMES 2048u

/* What the hooks saw, and what they shall answer. */
struct guests_hooks {
    u32 wakes, kicks, flushes, continuations;
    u64 continued[4];          /* arguments of the last continuation */
    u32 preempt_after;         /* preempt_pending() says yes after so many times no; 0: never */
    u32 fail_allocation_after; /* allocations fail after so many; 0: never */
    int pirq_bind_result;
    u32 pirq_binds, pirq_unbinds, pirq_affinities;
    int grant_map_result, grant_unmap_result;
    u32 grant_maps, grant_unmaps;
    u64 grant_new_addr;
    u64 m2p[GUESTS_FRAMES]; /* guest frame that each frame was said to be */
    /* Another CPU's turn, when a use of f as writable data ends. */
    void (*on_frame_written)(struct frame *f);
};
extern struct guests_hooks guests;

/* Everything as at the start: all RAM free, no domains, CPU 0 idle. */
void guests_init(void);
/*
 * A domain with shared_info and vCPUs; the first one that is made is the running one, and
 * privileged.
 */
struct domain *guests_domain(domid_t id, u32 vcpus);
/* Drop the creator's reference; its owner has torn down events and grants before. Checks that
 * nobody else refers to the domain, and that it has given back all frames. */
void guests_domain_end(struct domain *d);
/* v runs from now on. */
void guests_run(struct vcpu *v);
/* A frame of RAM that d owns, filled with byte. */
struct frame *guests_frame(struct domain *d, u8 byte);
/* Frames that are not free. */
u32 guests_frames_used(void);
/* Small objects and hypervisor pages that are not freed. */
u32 guests_objects_used(void);

#endif
