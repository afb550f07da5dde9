/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privileged instructions of simulated CPUs: the test says what they do. */
#ifndef DOMUS_X86_CPU_H
#define DOMUS_X86_CPU_H

#include <sched.h>

#include "types.h"

void write_cr3(u64 v);
u64 read_cr3(void);
void invlpg(vaddr_t va);

static inline void cpu_pause(void)
{
    sched_yield();
}

#endif
