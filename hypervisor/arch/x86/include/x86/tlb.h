/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translations that CPUs keep: the x86 half of the TLB clock of arch/cpu.h. */
#ifndef DOMUS_X86_TLB_H
#define DOMUS_X86_TLB_H

#include "types.h"

/* Once, before softirqs run. */
void tlb_init(void);

/*
 * Load CR3, which flushes every translation of guests on this CPU, and tell the clock. For context
 * switches and new base pointers; the switch between a guest's kernel and user tables may write CR3
 * plainly: a flush that the clock does not know of only costs a needless one later.
 */
void tlb_load_cr3(u64 cr3);

#endif
