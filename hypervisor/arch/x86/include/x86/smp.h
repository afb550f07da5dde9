/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls between CPUs (arch/cpu.h: cpu_call): what the interrupt code needs of them. */
#ifndef DOMUS_X86_SMP_H
#define DOMUS_X86_SMP_H

/* Carry out what other CPUs have asked of this one. Interrupts disabled. */
void smp_call_serve(void);

#endif
