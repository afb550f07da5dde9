/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only two places where interrupts are open while the hypervisor runs (arch/cpu.h). The
 * instruction after STI is executed before an interrupt is taken (Intel SDM vol. 2, STI): between
 * the last look for work, which is done with interrupts disabled, and HLT nothing can get lost. But
 * an NMI may be taken there, and after its IRET an interrupt too: that one goes on behind the HLT
 * (trap_from_hypervisor).
 */
#include "arch/cpu.h"

void cpu_idle(void)
{
    __asm__ volatile("sti\n"
                     ".globl cpu_idle_halt, cpu_idle_awake\n"
                     "cpu_idle_halt: hlt\n"
                     "cpu_idle_awake: cli"
                     :
                     :
                     : "memory");
}

void cpu_interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" : : : "memory");
}
