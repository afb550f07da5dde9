/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the console asks of the machine: its devices. */
#ifndef DOMUS_ARCH_CONSOLE_H
#define DOMUS_ARCH_CONSOLE_H

/* Find the devices that console= names and console_register() each. Command line options are set;
 * there may be no heap yet. */
void arch_console_init(void);
/* Timers work: deliver what is typed, by console_input(). */
void arch_console_init_input(void);
/* The screen now belongs to domain 0: write to it no more. */
void arch_console_give_to_domain0(void);

#endif
