/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processors whose time-stamp counters the test turns. */
#ifndef DOMUS_X86_CPU_H
#define DOMUS_X86_CPU_H

#include "types.h"

u64 rdtsc(void);
u64 rdtsc_ordered(void);
void cpu_pause(void);

struct cpu_features {
    bool invariant_tsc;
};
extern struct cpu_features cpu_features;

#endif
