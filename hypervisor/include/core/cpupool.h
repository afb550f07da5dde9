/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU pools: the machine's CPUs shared out among groups of domains. */
#ifndef DOMUS_CORE_CPUPOOL_H
#define DOMUS_CORE_CPUPOOL_H

#include "types.h"

struct domain;

/* Has all CPUs at boot, and domain 0 for ever: so it is always there. */
#define CPUPOOL_FIRST 0u

bool cpupool_exists(u32 id);
/* The pool is there and has a CPU. */
bool cpupool_can_run(u32 id);
/* d, of the pool d->cpupool, has got vCPUs, which do not run yet. */
void cpupool_admit(struct domain *d);

#endif
