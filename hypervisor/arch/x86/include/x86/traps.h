/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions, as the entry code hands them over. */
#ifndef DOMUS_X86_TRAPS_H
#define DOMUS_X86_TRAPS_H

#include "types.h"
#include "x86/regs.h"

struct vcpu;

void trap_from_guest(struct vcpu *v, struct regs *regs);
void trap_from_hypervisor(struct regs *regs);
void double_fault_handle(struct regs *regs);
void machine_check_handle(struct regs *regs);
void nmi_handle(struct regs *regs);

/* "page fault"; never NULL. */
const char *trap_name(u32 vector);

/*
 * A fault in the window through which the processor reads v's LDT: as pv_ldt_map_page(); -EFAULT
 * for other addresses too.
 */
int pv_ldt_fault(struct vcpu *v, u64 address);

#endif
