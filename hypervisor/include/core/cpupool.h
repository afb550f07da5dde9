/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU pools: the machine's CPUs shared out among groups of domains. */
#ifndef DOMUS_CORE_CPUPOOL_H
#define DOMUS_CORE_CPUPOOL_H

#include "types.h"

struct domain;

/* Has all CPUs at boot, and domain 0 for ever: so it is always there. */
#define CPUPOOL_FIRST 0u
#define CPUPOOLS      64u /* as many at most: numbers are below that */

bool cpupool_exists(u32 id);
/* The pool is there and has a CPU. */
bool cpupool_can_run(u32 id);
/* d, of the pool d->cpupool, has got vCPUs, which do not run yet. */
void cpupool_admit(struct domain *d);

/* The tools take a CPU out of use: it stays in its pool, but runs no vCPUs, and who was bound to it
 * alone may run anywhere. -EINVAL: it is the boot CPU, or there is none of that number; -EEXIST: it
 * is out of use; -EBUSY: the last one of a pool with domains. / They bring it back, to the first
 * pool if it was in none. -EINVAL: there is none; -EEXIST: it is in use. */
must_check int cpupool_cpu_offline(u32 cpu);
must_check int cpupool_cpu_online(u32 cpu);

#endif
