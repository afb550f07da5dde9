/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the scheduling framework (schedule.c) and a policy (fair.c) are to each other.
 *
 * The framework keeps for each vCPU one of these states, guarded by the lock of the run queue of
 * v->cpu:
 *
 *   on a CPU     it is that CPU's current vCPU
 *   leaving      no longer current, but its context is not saved yet, or it looks for a place to
 *                wait (v->running): in no queue, and nobody else places it
 *   waiting      runnable, in the run queue of v->cpu
 *   in transit   runnable, in no queue: somebody is about to place it
 *   parked       runnable, in no queue: its domain has used up what its cap gives (cap.c)
 *   asleep       not runnable, in no queue
 *
 * So what a queue holds can be run, or moved, at once. The policy orders the queues and says who
 * runs next, for how long, and where. All its functions are called with the locks of the run queues
 * concerned held.
 */
#ifndef DOMUS_SCHED_POLICY_H
#define DOMUS_SCHED_POLICY_H

#include "core/domain.h"
#include "core/percpu.h"
#include "core/sched.h"

enum sched_why {
    SCHED_WOKEN, /* it was asleep */
    SCHED_MOVED, /* it was running, or waiting on another CPU */
};

enum sched_steal {
    SCHED_STEAL_IDLE,    /* the CPU has nothing to do: take whatever may run there */
    SCHED_STEAL_BALANCE, /* the CPU is busy: take only who has had clearly less than its current
                            vCPU */
};

struct sched_policy {
    const char *name;
    void (*cpu_init)(u32 cpu);
    void (*vcpu_init)(struct vcpu *v);
    /* v, in no queue, goes from v->cpu (not yet changed) to the queue of another CPU. */
    void (*vcpu_move)(struct vcpu *v, u32 to);
    /* Into and out of the run queue of v->cpu. */
    void (*enqueue)(struct vcpu *v, enum sched_why why);
    void (*dequeue)(struct vcpu *v);
    /* v runs: account for what it has used until now. */
    void (*charge)(struct vcpu *v, nsec_t now);
    /* Who runs next: prev if it may stay (NULL if not), or one that is waiting, or NULL if nobody
     * is. yielded: rather somebody else than prev. Does not dequeue. */
    struct vcpu *(*choose)(u32 cpu, struct vcpu *prev, bool yielded, nsec_t now);
    /* next runs and others wait: when to choose again. */
    nsec_t (*next_choice)(u32 cpu, const struct vcpu *next, nsec_t now);
    /* v was just enqueued behind current (which is charged): when to choose again. */
    nsec_t (*preempt_at)(const struct vcpu *current_vcpu, const struct vcpu *v, nsec_t now);
    /* Who of those that wait on from should go to the CPU to; NULL: nobody. Does not dequeue. */
    struct vcpu *(*steal)(u32 from, u32 to, enum sched_steal why);
    /* Others wait on cpu: a busy CPU that should take one of them over (SCHED_STEAL_BALANCE), or
     * NR_CPUS. Called often; paces itself. Its lock only: other CPUs' state is read without. */
    u32 (*balance)(u32 cpu, nsec_t now);
    void (*dump)(u32 cpu);
};

extern const struct sched_policy sched_fair;

/* vCPUs that wait in a CPU's run queue; written with its lock held. */
DECLARE_PER_CPU(u32, sched_waiting);
/* CPUs on which the idle vCPU runs and that nobody has given a vCPU yet. */
extern struct cpumask sched_idle_cpus;

/* The vCPU that a CPU runs, or is about to; its lock is held. */
struct vcpu *sched_current_of(u32 cpu);
/* Whether v may run on that CPU: by its hard affinity and its pool, or if no CPU of these is
 * online, anywhere. */
bool sched_cpu_allowed(const struct vcpu *v, u32 cpu);

#endif
