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

/* --- cap.c; the lock of v's queue is held, and v is no idle vCPU */

static inline bool sched_is_capped(const struct vcpu *v)
{
    return unlikely(v->sched.capped);
}

/* v, which runs, has run up to now: account for it, before the policy does. */
void sched_cap_charge(const struct vcpu *v, nsec_t now);
/* May v not run before the next period? */
bool sched_cap_is_spent(const struct vcpu *v, nsec_t now);
/* v is about to run: when to look again whether it still may. */
nsec_t sched_cap_limit(const struct vcpu *v, nsec_t now);
/* v, in transit or leaving, waits for the next period. */
void sched_cap_park(struct vcpu *v, nsec_t now);

/* Account for what v, which runs, has used up to now. */
static inline void sched_charge(struct vcpu *v, nsec_t now)
{
    if (sched_is_capped(v))
        sched_cap_charge(v, now);
    sched_policy->charge(v, now);
}

/* The lock of v's queue is held. */
void sched_runstate_change(struct vcpu *v, s32 state, nsec_t now);
/* RUNSTATE_* of a vCPU that is not runnable. */
s32 sched_state_of_sleeper(const struct vcpu *v);
/* Write info where the guest of v, which is current, wants v's runstate. */
void sched_runstate_write(struct vcpu *v, const struct vcpu_runstate_info *info);

#endif
