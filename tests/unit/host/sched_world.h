/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs for the scheduler to run on simulated CPUs (host/simulation.h): guests that compute and
 * sleep by a pattern, context switches that end at once or some time later, and a look at whether
 * all is as it must be.
 */
#ifndef DOMUS_HOST_SCHED_WORLD_H
#define DOMUS_HOST_SCHED_WORLD_H

#include "core/domain.h"
#include "tests/unit/host/simulation.h"

#define WORLD_VCPUS_MAX 64

struct guest {
    struct vcpu *v;
    nsec_t burst;   /* computes so long, ... */
    nsec_t sleep;   /* ... then sleeps so long; 0: computes for ever */
    nsec_t left;    /* of the burst */
    nsec_t wake_at; /* ~0: not asleep */
    nsec_t ran;     /* in all */
    u32 virqs;      /* VIRQ_TIMER that it got */
};

extern struct domain world_domain, world_capped;
extern struct guest world_guests[WORLD_VCPUS_MAX];
extern u32 world_cpus, world_vcpus;
/* Context switches end a random while after they began, rather than at once. */
extern bool world_slow_switches;

void world_init(u32 cpus);
void world_destroy(void);
/* A vCPU, not runnable yet, that computes for ever; of world_domain, or of world_capped. */
struct guest *world_add(u32 weight);
struct guest *world_add_capped(u32 weight);
void world_start(struct guest *g);
void world_start_all(void);
/* Softirqs and context switches of one CPU. */
void world_serve(u32 cpu);
/* The same of all CPUs, until there are no more at this moment. */
void world_settle(void);
/* Let time pass until then. */
void world_run(nsec_t until);
/* Every vCPU is where it belongs, no CPU idles while a vCPU waits that it may run, no time is lost.
 * Between events only (world_settle). */
void world_check(void);

#endif
