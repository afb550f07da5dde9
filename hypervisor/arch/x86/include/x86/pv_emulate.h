/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that emulate instructions of PV guests share (pv/emulate*.c, fetch.c, segment.c,
 * debugreg.c, misc.c), and the hypercalls that they carry out. All of it is about the vCPU that
 * runs on this CPU; regs are its registers. Nothing here takes a lock of a rank below LOCK_RANGESET
 * but MOV to CR3, and what reads descriptors, which take that of the page tables.
 */
#ifndef DOMUS_X86_PV_EMULATE_H
#define DOMUS_X86_PV_EMULATE_H

#include "core/domain.h"
#include "x86/cpu.h"
#include "x86/decode.h"
#include "x86/pv.h"

/* What became of an instruction. */
enum pv_outcome {
    PV_DONE,    /* it is complete: go on behind it */
    PV_REFUSED, /* not emulated, or not allowed: the fault is the guest's */
    PV_TRAPPED, /* an exception was injected instead, rip is where it should be */
    PV_AGAIN,   /* it is not complete: execute it again */
};

/*
 * Decode the instruction at rip. -EFAULT: its bytes could not be read, and the guest has been given
 * a page fault; -EINVAL, -EOPNOTSUPP: as insn_decode().
 */
must_check int pv_fetch(struct vcpu *v, const struct regs *regs, struct insn *i);

/*
 * The descriptor that a selector names in the guest's tables. False if there is none (null, beyond
 * the table, not mapped).
 */
bool pv_descriptor_read(struct vcpu *v, u16 selector, u64 *descriptor);
/* The base to which the offset of a memory operand is added. False if the segment is not usable. */
bool pv_segment_base(struct vcpu *v, const struct regs *regs, const struct insn *i,
                     enum insn_segment segment, u64 *base);

/* CPUID as the running guest sees it. forced: by the forced-emulation prefix, else by a fault. */
void pv_cpuid(const struct vcpu *v, u32 leaf, u32 subleaf, bool forced, struct cpuid_leaf *l);

/* RDMSR, WRMSR by the guest's kernel: false for #GP. */
bool pv_msr_read(struct vcpu *v, u32 msr, u64 *value);
bool pv_msr_write(struct vcpu *v, u32 msr, u64 value);

/* IN, OUT, INS, OUTS. */
enum pv_outcome pv_emulate_io(struct vcpu *v, struct regs *regs, const struct insn *i);
/* SLDT, STR; SGDT, SIDT, SMSW: where the processor lets them fault. */
enum pv_outcome pv_emulate_selector_read(struct vcpu *v, struct regs *regs, const struct insn *i);
enum pv_outcome pv_emulate_table_read(struct vcpu *v, struct regs *regs, const struct insn *i);
/* True if what runs may use CLI, STI and any I/O port. */
bool pv_iopl_ok(const struct vcpu *v);

/*
 * An access to I/O ports that a breakpoint watches: notes it in the guest's DR6; true: #DB is due.
 */
bool pv_debugreg_io_hit(struct vcpu *v, u32 port, u32 bytes);
#define DR6_BS BIT(14) /* a single step is due as well */

/* CR4 as the guest reads it; what it may choose of value, by its policy. */
u64 pv_cr4_visible(const struct vcpu *v);
u64 pv_cr4_allowed(const struct vcpu *v, u64 value);

/* The guest's CR0.TS, which is the processor's while it runs. */
static inline void pv_task_switched_set(struct vcpu *v, bool set)
{
    if (set) {
        v->arch.cr0 |= CR0_TS;
        write_cr0(read_cr0() | CR0_TS);
    } else {
        v->arch.cr0 &= ~CR0_TS;
        clts();
    }
}

long hypercall_set_trap_table(struct vcpu *v, u64 table, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_set_callbacks(struct vcpu *v, u64 event, u64 failsafe, u64 syscall, u64 a4, u64 a5,
                             u64 a6);
long hypercall_callback_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_nmi_op(struct vcpu *v, u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_stack_switch(struct vcpu *v, u64 ss, u64 sp, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_fpu_taskswitch(struct vcpu *v, u64 set, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_vm_assist(struct vcpu *v, u64 cmd, u64 type, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_set_debugreg(struct vcpu *v, u64 reg, u64 value, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_get_debugreg(struct vcpu *v, u64 reg, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6);
long hypercall_set_segment_base(struct vcpu *v, u64 which, u64 base, u64 a3, u64 a4, u64 a5,
                                u64 a6);

#endif
