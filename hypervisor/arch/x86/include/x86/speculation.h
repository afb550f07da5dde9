/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defences against what processors do ahead of time (cpu/speculation.c; docs/SECURITY.md). */
#ifndef DOMUS_X86_SPECULATION_H
#define DOMUS_X86_SPECULATION_H

#include "types.h"

struct cpu_features;

/* On the boot CPU, with cpu_features known: choose, and say so in the log. */
void speculation_init(void);
/* On each CPU, before it runs guests. */
void speculation_init_cpu(void);
/* Is this a processor whose AVX gathers leak (GDS), and whose microcode does not help? */
bool speculation_gathers_leak(const struct cpu_features *f);
/* This CPU is about to run a vCPU of that domain. */
void speculation_switch(u32 domain);

#endif
