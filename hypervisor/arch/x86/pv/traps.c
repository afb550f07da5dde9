/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions: what each means, by where it happened. In a guest: handled here (emulation, page
 * tables and descriptors that the hypervisor fills in), or handed to the guest. In the hypervisor
 * itself: a fault at an instruction that the exception table names is survived; any other is a
 * panic.
 */
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/sched.h"
#include "lib/print.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/panic.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"
#include "x86/traps.h"

/* --- in the hypervisor */

struct exception_row {
    s32 instruction, fixup; /* both relative to themselves */
};

/* In cpu_idle(). */
extern const char cpu_idle_halt[], cpu_idle_awake[];
extern const struct exception_row exception_table_start[], exception_table_end[];

static u64 exception_fixup(u64 rip)
{
    for (const struct exception_row *e = exception_table_start; e < exception_table_end; e++)
        if ((u64)&e->instruction + (u64)(s64)e->instruction == rip)
            return (u64)&e->fixup + (u64)(s64)e->fixup;
    return 0;
}

void trap_from_hypervisor(struct regs *regs)
{
    if (regs->vector >= VECTOR_PIC_FIRST) {
        /* It comes before HLT only if an NMI has come there: what it brings must not wait. */
        if (regs->rip == (u64)cpu_idle_halt)
            regs->rip = (u64)cpu_idle_awake;
        irq_dispatch(regs, regs->vector);
        return;
    }
    u64 address = read_cr2();
    /*
     * Touching the guest's LDT window (loading a selector of it) may need a page of it. Not until
     * it is there at last: nobody else is served between here and the same fault, and the loads of
     * selectors know what to do without.
     */
    if (regs->vector == TRAP_PF && !pv_ldt_fault(current, address))
        return;
    /*
     * A guest's breakpoint on data that we copied for it, or its single step into SYSENTER: not
     * ours to report, and no fault of the instruction that stands at rip, whatever the table says
     * of it.
     */
    if (regs->vector == TRAP_DB) {
        __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
        return;
    }
    u64 fixup = exception_fixup(regs->rip);
    /* Only what may fail touches the guest's memory. */
    if (fixup && regs->vector == TRAP_PF && pv_shadow_fault(current, address, regs->error_code))
        return;
    if (fixup) {
        cpu_info()->scratch = (u64)regs->vector << 32 | regs->error_code;
        regs->rip = fixup;
        return;
    }
    panic_regs(regs, "%s in the hypervisor (vector %u, error code %#x, cr2 %#lx)",
               trap_name(regs->vector), regs->vector, regs->error_code, (unsigned long)address);
}

const char *trap_name(u32 vector)
{
    static const char *const names[32] = {
        [TRAP_DE] = "divide error",
        [TRAP_DB] = "debug exception",
        [TRAP_NMI] = "NMI",
        [TRAP_BP] = "breakpoint",
        [TRAP_OF] = "overflow",
        [TRAP_BR] = "bound range",
        [TRAP_UD] = "invalid opcode",
        [TRAP_NM] = "device not available",
        [TRAP_DF] = "double fault",
        [TRAP_TS] = "invalid TSS",
        [TRAP_NP] = "segment not present",
        [TRAP_SS] = "stack fault",
        [TRAP_GP] = "general protection fault",
        [TRAP_PF] = "page fault",
        [TRAP_MF] = "x87 error",
        [TRAP_AC] = "alignment check",
        [TRAP_MC] = "machine check",
        [TRAP_XM] = "SIMD error",
        [TRAP_VE] = "virtualization exception",
        [TRAP_CP] = "control protection exception",
    };
    return vector < 32 && names[vector] ? names[vector] : "unknown exception";
}

void double_fault_handle(struct regs *regs)
{
    panic_regs(regs, "double fault: the stack pointer was %#lx, cr2 %#lx", (unsigned long)regs->rsp,
               (unsigned long)read_cr2());
}

void machine_check_handle(struct regs *regs)
{
    panic_regs(regs, "machine check: the hardware reports an uncorrected error");
}

/* --- in a guest */

/* Bits of a selector's error code. */
#define GP_EXTERNAL BIT(0)
#define GP_IDT      BIT(1)
#define GP_LDT      BIT(2)

#define INT_BYTES 2 /* of INT n */

int pv_ldt_fault(struct vcpu *v, u64 address)
{
    if (v->is_idle || address < LAYOUT_PERDOMAIN)
        return -EFAULT;
    u64 offset = address - LAYOUT_PERDOMAIN;
    if (offset >> PERDOMAIN_VCPU_SHIFT != v->id)
        return -EFAULT;
    offset &= BIT(PERDOMAIN_VCPU_SHIFT) - 1;
    if (offset < PERDOMAIN_LDT_OFFSET)
        return -EFAULT;
    return pv_ldt_map_page(v, (u32)(offset - PERDOMAIN_LDT_OFFSET));
}

/*
 * A page of the guest's LDT that is not there, as the guest knows it: #PF at its place in the LDT,
 * or #GP of the selector if that has no canonical address. False: the address is not in the window.
 */
static bool ldt_fault_inject(struct vcpu *v, u64 address, u32 error)
{
    u64 offset = address - LAYOUT_PERDOMAIN - ((u64)v->id << PERDOMAIN_VCPU_SHIFT);
    if (offset < PERDOMAIN_LDT_OFFSET || offset >= BIT(PERDOMAIN_VCPU_SHIFT))
        return false;
    offset -= PERDOMAIN_LDT_OFFSET;
    address = v->arch.ldt_base + offset;
    if (vaddr_is_canonical(address))
        pv_inject_page_fault(v, address, error);
    else
        pv_inject_trap(v, TRAP_GP, ((u32)offset & ~7u) | GP_LDT);
    return true;
}

static noinline void page_fault(struct vcpu *v, struct regs *regs)
{
    u64 address = read_cr2();
    u32 error = regs->error_code;

    if (pv_shadow_fault(v, address, error))
        return;
    if (unlikely(vaddr_is_hypervisor(address))) {
        /* The processor reads descriptors as supervisor, whoever runs. */
        if (!(error & (PF_USER | PF_RESERVED)) &&
            (pv_ldt_fault(v, address) != -EFAULT || ldt_fault_inject(v, address, error)))
            return;
        /* The guest must not learn what is mapped there, but for the table that it may read. */
        if (address >= MACH2PHYS_VIRT_END)
            error &= ~(u32)(PF_PRESENT | PF_RESERVED);
    } else if ((error & (PF_PRESENT | PF_WRITE | PF_RESERVED | PF_FETCH)) ==
                   (PF_PRESENT | PF_WRITE) &&
               v->arch.kernel_mode) {
        if (pv_emulate_page_table_write(v, regs, address))
            return;
    } else if (error & PF_RESERVED) {
        domain_crash(v->domain, "vcpu %u: reserved bit in a page table for %#lx", v->id,
                     (unsigned long)address);
        return;
    }
    if ((error & (PF_PRESENT | PF_USER)) == PF_PRESENT && pv_emulate_iret(v, regs))
        return;
    pv_deliver_page_fault(v, regs, address, error);
}

/* INT n, with rip behind it: false if the guest's gate is not open to the mode that used it. */
static bool software_interrupt(struct vcpu *v, u32 vector)
{
    const struct trap_info *t = &v->arch.traps[vector];
    u32 dpl = t->flags & TI_FLAGS_DPL_MASK;
    /* A kernel counts as ring 1, as for its I/O privilege. */
    if (!t->address || dpl < (v->arch.kernel_mode ? 1u : 3u))
        return false;
    pv_inject_trap(v, vector, 0);
    v->arch.bounce.flags &= (u8)~PV_BOUNCE_ERROR_CODE;
    return true;
}

static noinline void general_protection(struct vcpu *v, struct regs *regs)
{
    u32 error = regs->error_code;
    if (!vaddr_is_canonical(regs->rip)) {
        pv_inject_trap(v, TRAP_GP, error);
        return;
    }
    if ((error & (GP_IDT | GP_EXTERNAL)) == GP_IDT) {
        /* QEMU's emulation names twice the vector. */
        u32 vector = error >> 3;
        if (vector < ARRAY_SIZE(v->arch.traps) && software_interrupt(v, vector)) {
            regs->rip += INT_BYTES;
            return;
        }
    } else if (!error && pv_emulate_privileged(v, regs)) {
        return;
    }
    pv_inject_trap(v, TRAP_GP, error);
}

/* INT 0x80 has a gate of its own, open to all: it is a system call of 32-bit programs. */
static void int80(struct vcpu *v, struct regs *regs)
{
    if (software_interrupt(v, VECTOR_INT80))
        return;
    regs->rip -= INT_BYTES;
    pv_inject_trap(v, TRAP_GP, VECTOR_INT80 << 3 | GP_IDT);
}

static void debug_exception(struct vcpu *v, struct regs *regs)
{
    u64 dr6;
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ull));
    /* B0-B3, BD, BS accumulate; the guest clears them. */
    v->arch.dr6 |= dr6 & 0xe00full;
    pv_inject_trap(v, TRAP_DB, 0);
}

static noinline void invalid_opcode(struct vcpu *v, struct regs *regs)
{
    if (!pv_emulate_invalid_opcode(v, regs))
        pv_inject_trap(v, TRAP_UD, 0);
}

static void device_not_available(struct vcpu *v, struct regs *regs)
{
    /* Only while the guest has set TS; the ABI clears it upon delivery. */
    __asm__ volatile("clts");
    v->arch.cr0 &= ~CR0_TS;
    pv_deliver_trap(v, regs, TRAP_NM, 0);
}

/* All others are the guest's own. */
#define EXCEPTIONS_LOOKED_AT                                                                       \
    (BIT(TRAP_DB) | BIT(TRAP_BP) | BIT(TRAP_UD) | BIT(TRAP_NM) | BIT(TRAP_GP))

static void exception(struct vcpu *v, struct regs *regs, u32 vector)
{
    if (likely(vector == TRAP_PF))
        page_fault(v, regs);
    else if (!(EXCEPTIONS_LOOKED_AT >> vector & 1))
        pv_deliver_trap(v, regs, vector, regs->error_code);
    else if (vector == TRAP_GP)
        general_protection(v, regs);
    else if (vector == TRAP_UD)
        invalid_opcode(v, regs);
    else if (vector == TRAP_BP)
        pv_breakpoint(v, regs);
    else if (vector == TRAP_NM)
        device_not_available(v, regs);
    else
        debug_exception(v, regs);
}

static noinline void interrupt(struct vcpu *v, struct regs *regs, u32 vector)
{
    if (unlikely(vector == VECTOR_INT80))
        int80(v, regs);
    else
        irq_dispatch(regs, vector);
}

/* All ways end in a call: there is nothing to keep over one. */
static noinline void trap_handle(struct vcpu *v, struct regs *regs)
{
    u32 vector = regs->vector;
    regs->vector = 0; /* whatever comes, rcx and r11 are the guest's: not to be left by SYSRET */
    if (vector < VECTOR_PIC_FIRST)
        exception(v, regs, vector);
    else
        interrupt(v, regs, vector);
}

/* Apart, so that others need to keep nothing over the call. */
static noinline void trap_with_nmi(struct vcpu *v, struct regs *regs)
{
    pv_nmi_note(v);
    trap_handle(v, regs);
}

void trap_from_guest(struct vcpu *v, struct regs *regs)
{
    /* One may be why another CPU signalled; it was noted before that. It nests in what follows. */
    if (unlikely(READ_ONCE(v->nmi_pending)))
        trap_with_nmi(v, regs);
    else
        trap_handle(v, regs);
}

/*
 * The guest's own values cannot be loaded: the fault is the guest's, as if its instruction at rip
 * had met it.
 */
void pv_iret_failed(struct vcpu *v, struct regs *regs)
{
    u32 vector = regs->vector;
    regs->vector = 0;
    if (vector != TRAP_PF)
        pv_inject_trap(v, vector, regs->error_code);
    else if (!ldt_fault_inject(v, read_cr2(), 0))
        pv_inject_trap(v, TRAP_GP, 0);
}
