/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only two places where interrupts are open while the hypervisor runs (arch/cpu.h). The
 * instruction after STI is executed before an interrupt is taken (Intel SDM vol. 2, STI): between
 * the last look for work, which is done with interrupts disabled, and HLT nothing can get lost.
 */
#include "arch/cpu.h"

void cpu_idle(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void cpu_interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}
