/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains as they are (core/domain.c, with their real frames, event channels and grant tables) on
 * the machine of host/memory_world.h; the architecture and the scheduler only keep books. Links
 * with --wrap of the allocation functions, so that allocations can fail.
 */
#ifndef DOMUS_HOST_DOMAIN_WORLD_H
#define DOMUS_HOST_DOMAIN_WORLD_H

#include "core/domain.h"
#include "tests/unit/host/memory_world.h"

struct domain_world {
    struct domain *dom0;       /* the hardware and control domain; its vCPU 0 runs */
    u32 fail_allocation_after; /* that allocation fails, 1: the next; 0: none */
    int arch_create_error;     /* arch_domain_create() answers */
    u32 sched_create_fails;    /* sched_vcpu_init() answers -ENOMEM */
    u32 relinquish_slices;     /* times that arch_domain_relinquish() answers -ERESTART */
    u32 relinquished;          /* times that it was done */
    u32 arch_domains, arch_vcpus, sched_vcpus; /* that exist */
    u32 sleeps, sleeps_sync, wakes, kicks, virqs;
    u32 watchdogs_ended;     /* calls of watchdog_domain_destroy() */
    struct domain *stops_of; /* while it is shut down ... */
    u32 stops_seen;          /* ... so many vCPUs stopped before anybody could hear of it */
    u64 m2p[WORLD_HIGH_END]; /* guest frame of each frame; INVALID_GFN */
    bool powered_off;
};
extern struct domain_world domain_world;

/* Once. */
void domain_world_init(void);
/* Before each test: nothing fails, nothing counted, dom0 runs. */
void domain_world_reset(void);
/* A domain with that many vCPUs. */
struct domain *domain_world_create(domid_t id, u32 vcpus);
/* To the end of its life; slices are counted. */
u32 domain_world_kill(struct domain *d);
void domain_world_run(struct vcpu *v);

#endif
