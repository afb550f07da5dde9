/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the scheduling framework share: schedule.c, runstate.c and affinity.c. */
#ifndef DOMUS_SCHED_SCHEDULE_H
#define DOMUS_SCHED_SCHEDULE_H

#include "core/lock.h"
#include "policy.h"

struct sched_cpu {
    struct spinlock lock; /* the run queue, and what schedule.c keeps of vCPUs with cpu == this */
    struct vcpu *current_vcpu; /* who runs, or will as soon as the context is switched */
    struct vcpu *idle;         /* NULL: the CPU never came up */
    struct timer choice_timer; /* the policy is asked again; armed only while others wait */
    u32 relieve;               /* CPU + 1 that asked to be relieved of a vCPU; 0: none */
    bool yielded;              /* the current vCPU gave way; of this CPU only */
    bool asked;                /* while idle: somewhere a vCPU waits that may run here */
};

DECLARE_PER_CPU(struct sched_cpu, sched_cpu);
extern const struct sched_policy *const sched_policy;

/* Lock the run queue of v->cpu, which cannot change until it is unlocked. */
struct sched_cpu *sched_lock(const struct vcpu *v);
/*
 * v, in transit or leaving, into the queue of the CPU that suits it best. q, of v->cpu, is locked,
 * and unlocked.
 */
void sched_place(struct sched_cpu *q, struct vcpu *v, enum sched_why why);
/* Out of its queue, which is locked. */
void sched_queue_remove(struct vcpu *v);

/* v's hard affinity and pool have no CPU that is online: it may run anywhere. */
bool sched_affinity_is_void(const struct vcpu *v);

/* The lock of v's queue is held. */
void sched_runstate_change(struct vcpu *v, s32 state, nsec_t now);
/* RUNSTATE_* of a vCPU that is not runnable. */
s32 sched_state_of_sleeper(const struct vcpu *v);
/* Write info where the guest of v, which is current, wants v's runstate. */
void sched_runstate_write(struct vcpu *v, const struct vcpu_runstate_info *info);

#endif
