/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When something is wrong with the hypervisor itself: where it is, what it held, and its end. */
#ifndef DOMUS_X86_PANIC_H
#define DOMUS_X86_PANIC_H

#include "lib/print.h"
#include "types.h"
#include "x86/regs.h"

/* panic() (lib/print.h), with the registers at the fault. */
noreturn void panic_regs(const struct regs *regs, const char *fmt, ...) format_printf(2, 3);

/* The person who set this machine up gave what cannot work: say so in one line, without the state
 * that a panic shows, and end as a panic does. While starting only, on the boot CPU. */
noreturn void start_refuse(const char *fmt, ...) format_printf(1, 2);

/* For the handler of NMIs: if the machine is dying, this stops the CPU. True on the CPU that says
 * why it dies: there an NMI means nothing any more. */
bool panic_takes_nmi(void);
/* A panic() of this CPU will follow: true if no other CPU was first. The others still run, and
 * answer where they are. */
bool panic_claim(void);

/* All general registers, and of this CPU the control registers, to the log. */
void regs_dump(const struct regs *regs);

/* --- cpu/backtrace.c */

/* The function that the address lies in, and the distance from its start in *offset; NULL if it is
 * not in the hypervisor's text. */
const char *symbol_find(u64 address, u64 *offset);
/* All functions, by ascending address: how many, and (index < that) the name and address of one. */
u32 symbol_total(void);
const char *symbol_at(u32 index, u64 *address);
/* One line for rip (if it is not 0), then for each place on the stack from rsp up that looks like a
 * return address: some may be left over from earlier calls. Reads memory with faults caught; the
 * stack may be another CPU's. */
void backtrace_dump(u64 rip, u64 rsp);

/* --- cpu/nmi.c */

void nmi_init(void);
/* Log the registers and stacks of all CPUs: debug key, watchdog. own: NULL, or what this CPU's were
 * when the NMI came whose handler asks. */
void cpus_dump(const struct regs *own);

/* --- cpu/watchdog.c */

/* On the boot CPU, once all CPUs are online: if the option watchdog was given, let each watch its
 * neighbour, and the boot CPU itself. */
void watchdog_init(void);
/* The machine is at its end, by a panic or a halt: look no more, and send no more NMIs. */
void watchdog_stop(void);
/* An NMI came. True if it was the watchdog's tick, or may have been. */
bool watchdog_nmi(const struct regs *regs);

#endif
