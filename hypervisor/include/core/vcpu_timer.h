/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU's own timers: single-shot and periodic, which raise VIRQ_TIMER, and the time-out of
 * SCHEDOP_poll. The single-shot timer runs whether or not the vCPU does, and wakes it; the periodic
 * one runs only with it.
 */
#ifndef DOMUS_CORE_VCPU_TIMER_H
#define DOMUS_CORE_VCPU_TIMER_H

#include "core/domain.h"
#include "types.h"

/* By sched_vcpu_init() and sched_vcpu_destroy(). */
void vcpu_timers_init(struct vcpu *v);
void vcpu_timers_destroy(struct vcpu *v);

/* v is about to run on this CPU / does not run any more: called by the scheduler, no lock held. */
void vcpu_timers_resume(struct vcpu *v);
void vcpu_timers_suspend(struct vcpu *v);

/* Raise VIRQ_TIMER at that system time, at once if it has passed. v is current. */
void vcpu_timer_set_singleshot(struct vcpu *v, nsec_t when);
void vcpu_timer_stop_singleshot(struct vcpu *v);
/* period in ns; 0: stop. Any vCPU. */
void vcpu_timer_set_periodic(struct vcpu *v, nsec_t period);
/* End v's SCHEDOP_poll at that system time; 0: no time-out. v is current. */
void vcpu_timer_set_poll(struct vcpu *v, nsec_t when);

#endif
