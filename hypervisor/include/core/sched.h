/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduling framework: which vCPU runs where. A policy (struct sched_policy) decides; the
 * framework keeps runstates, affinities, blocking and waking, and switches contexts.
 */
#ifndef DOMUS_CORE_SCHED_H
#define DOMUS_CORE_SCHED_H

#include "core/cpumask.h"
#include "core/lock.h"
#include "core/timer.h"
#include "lib/list.h"
#include "types.h"

struct domain;
struct vcpu;

/* A vCPU as the schedulers see it. */
struct sched_unit {
    struct cpumask affinity_hard;  /* may run only here */
    struct cpumask affinity_soft;  /* prefers these */
    struct cpumask pool;           /* the CPUs of its domain's pool */
    struct cpumask allowed;        /* affinity_hard within the pool, or all of that */
    struct list_node run_node;     /* in a run queue, or empty */
    u64 vtime;                     /* policy: virtual time consumed, weighted */
    u32 weight;                    /* policy: 1-65535, default 256 */
    nsec_t started;                /* when it was last given a CPU */
    nsec_t charged;                /* policy: up to when its present run is accounted for */
    bool capped;                   /* its domain has a cap */
    bool parked;                   /* runnable, but its domain has used up what its cap gives */
    struct cpumask affinity_saved; /* affinity_hard from before an override */
    bool overridden;               /* SCHEDOP_pin_override: pinned to one CPU for a time */
    void *policy_data;
};

/* How much CPU time a domain gets at most, all its vCPUs together (sched/cap.c). */
struct sched_cap {
    struct spinlock lock;
    u32 percent;        /* of one CPU; 0: no cap */
    s64 budget;         /* ns that are left of this period; below 0: overdrawn */
    nsec_t period;      /* when it began */
    struct timer timer; /* armed while vCPUs are parked: when they may go on */
};

void sched_init(void);
must_check int sched_cpu_up(u32 cpu); /* creates the CPU's idle vCPU */
/* The CPU, which is online, runs vCPUs from now on. / It does not any more, unless it is the only
 * one: its vCPUs go elsewhere, also those bound to it alone; these come back by sched_set_pool()
 * once it is active again. One caller at a time; up to rank LOCK_CPUPOOL. */
void sched_cpu_activate(u32 cpu);
void sched_cpu_deactivate(u32 cpu);
/* Prepares scheduling and the vCPU's timers; v->id, domain, is_idle and pause_flags are set. */
must_check int sched_vcpu_init(struct vcpu *v);
/* v is not runnable any more; waits until it is off its CPU. */
void sched_vcpu_destroy(struct vcpu *v);
struct vcpu *sched_idle_vcpu(u32 cpu);

/* Something changed that may make v runnable / not runnable. Any CPU, up to rank LOCK_SCHED. */
void sched_wake(struct vcpu *v);
/* The caller set a reason not to run; _sync waits until v is off its CPU with its context saved: it
 * holds no lock that v may wait for. */
void sched_sleep_nosync(struct vcpu *v);
void sched_sleep_sync(struct vcpu *v);

/* current gives up the CPU: until an event (SCHEDOP_block, returns at once if one is pending), or
 * only to others of its rank (SCHEDOP_yield). They raise SOFTIRQ_SCHEDULE and return. */
void sched_block(void);
void vcpu_yield(void);
/* An event for v is pending: ends its SCHEDOP_block or SCHEDOP_poll, if it is in one. Any CPU; the
 * caller made the event visible before. */
void sched_unblock(struct vcpu *v);

/* Hard affinity must contain an online CPU of v's pool, else -EINVAL. NULL: as it is. */
must_check int sched_set_affinity(struct vcpu *v, const struct cpumask *hard,
                                  const struct cpumask *soft);

/* v's domain is in another pool now, or that has got other CPUs. */
void sched_set_pool(struct vcpu *v, const struct cpumask *cpus);

/* A vCPU's share of the CPU time, relative to others'. */
#define SCHED_WEIGHT_DEFAULT 256u
void sched_set_weight(struct vcpu *v, u16 weight);
/* d is new. / No vCPU of it runs any more; its vCPUs are still there. */
void sched_domain_init(struct domain *d);
void sched_domain_destroy(struct domain *d);
/* Per cent of one CPU that all its vCPUs together may have; 0: no cap. One caller at a time
 * (domctl). */
void sched_set_cap(struct domain *d, u32 percent);
/* Nobody is preempted before it ran for so long; 0: no limit. */
extern nsec_t sched_rate_limit;

/* Pin v to one CPU whatever its affinity, or (NR_CPUS) undo that. -EBUSY: pinned already; -EINVAL:
 * not an online CPU, or nothing to undo. While pinned, sched_set_affinity answers -EBUSY. */
must_check int sched_pin_override(struct vcpu *v, u32 cpu);

/* Runstate as of now, also of a vCPU that runs elsewhere. */
struct vcpu_runstate_info;
void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
/* Write v's runstate where its guest wants it. The architecture calls it right after it has loaded
 * v's address space, and whoever changes runstate_guest of current. */
void sched_runstate_update_guest(struct vcpu *v);
/* ns that the CPU was idle since boot. */
nsec_t sched_idle_time(u32 cpu);

/* Debug key: print run queues. */
void sched_dump(void);

#endif
