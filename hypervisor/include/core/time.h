/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System time: nanoseconds since boot, one count for the machine, never backwards on any CPU. */
#ifndef DOMUS_CORE_TIME_H
#define DOMUS_CORE_TIME_H

#include "types.h"

struct domain;
struct vcpu;

nsec_t time_now(void); /* arch */

/* Wall clock at system time 0, in ns since 1970-01-01 UTC. */
u64 wallclock_base(void);
/* XENPF_settime64: the wall clock reads secs.nsecs when system time is system_time. */
void wallclock_set(u64 secs, u32 nsecs, nsec_t system_time);
/* Write the wall clock into a domain's shared_info. */
void wallclock_update_domain(struct domain *d);

/* Refresh a vCPU's vcpu_time_info (shared page and registered area) on this CPU; v is current or
 * about to run here. */
void time_update_vcpu(struct vcpu *v); /* arch */

#endif
