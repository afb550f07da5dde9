/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Switching a CPU from one vCPU to another, and a PV guest between its kernel and its user mode.
 * All of a vCPU's state is saved when it leaves its CPU (nothing lazy), so it can go on anywhere.
 */
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/sched.h"
#include "core/heap.h"
#include "core/softirq.h"
#include "core/time.h"
#include "lib/print.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/descriptors.h"
#include "x86/fpu.h"
#include "x86/idle.h"
#include "x86/pv.h"
#include "x86/pv_mm.h"
#include "x86/speculation.h"
#include "x86/tlb.h"

#define DR7_ACTIVE 0xffull /* L0-L3, G0-G3 */
#define DR7_FIXED  0x400ull

static DEFINE_PER_CPU(u64, cr4_loaded);

/* --- page tables and mode */

paddr_t pv_cr3(const struct vcpu *v, bool kernel)
{
    if (unlikely(v->domain->arch.log_dirty))
        return paddr_of_mfn(v->arch.shadow_l4[!kernel]);
    return paddr_of_mfn(kernel ? v->arch.kernel_l4 : v->arch.user_l4);
}

static paddr_t cr3_of(const struct vcpu *v)
{
    return pv_cr3(v, v->arch.kernel_mode);
}

void pv_load_cr3(struct vcpu *v)
{
    tlb_load_cr3(cr3_of(v));
}

void pv_toggle_mode(struct vcpu *v)
{
    v->arch.kernel_mode = !v->arch.kernel_mode;
    /* GS and SHADOW_GS hold the bases of the mode that runs and of the other. */
    swapgs();
    write_cr3(cr3_of(v));
}

void pv_load_cr4(struct vcpu *v)
{
    u64 cr4 = cr4_base | (v->arch.cr4 & (CR4_TSD | CR4_DE));
    if (cpu_features.fsgsbase)
        cr4 = (cr4 & ~CR4_FSGSBASE) | (v->arch.cr4 & CR4_FSGSBASE);
    if (unlikely(v->domain->arch.tsc.is_emulated))
        cr4 |= CR4_TSD;
    if (this_cpu(cr4_loaded) == cr4)
        return;
    this_cpu(cr4_loaded) = cr4;
    write_cr4(cr4);
}

/* --- segments and debug registers */

#define SEGMENT_READ(name, to) __asm__ volatile("mov %%" #name ", %0" : "=r"(to))

static void segments_save(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;
    SEGMENT_READ(ds, a->ds);
    SEGMENT_READ(es, a->es);
    SEGMENT_READ(fs, a->fs);
    SEGMENT_READ(gs, a->gs);
    a->fs_base = pv_segment_base_read(MSR_FS_BASE);
    u64 live = pv_segment_base_read(MSR_GS_BASE);
    u64 other = pv_segment_base_read(MSR_SHADOW_GS_BASE);
    a->gs_base_kernel = a->kernel_mode ? live : other;
    a->gs_base_user = a->kernel_mode ? other : live;
}

static void segments_load(struct vcpu *v)
{
    struct arch_vcpu *a = &v->arch;
    int failed = 0;
    /* Null ones too: the last guest's must not stay. */
    failed |= segment_load_ds(a->ds);
    failed |= segment_load_es(a->es);
    failed |= segment_load_fs(a->fs);
    failed |= segment_load_gs(a->gs);
    pv_segment_base_write(MSR_FS_BASE, a->fs_base);
    pv_segment_base_write(MSR_GS_BASE, a->kernel_mode ? a->gs_base_kernel : a->gs_base_user);
    pv_segment_base_write(MSR_SHADOW_GS_BASE, a->kernel_mode ? a->gs_base_user : a->gs_base_kernel);
    if (failed)
        pv_inject_failsafe(v);
}

static void debug_unload(const struct vcpu *v)
{
    if (v->arch.dr7 & DR7_ACTIVE)
        write_dr(7, DR7_FIXED);
}

static void debug_load(const struct vcpu *v)
{
    if (!(v->arch.dr7 & DR7_ACTIVE))
        return;
    write_dr(0, v->arch.dr[0]);
    write_dr(1, v->arch.dr[1]);
    write_dr(2, v->arch.dr[2]);
    write_dr(3, v->arch.dr[3]);
    write_dr(7, v->arch.dr7);
}

/* --- the switch */

static void guest_unload(struct vcpu *v)
{
    v->arch.regs = cpu_info()->guest;
    segments_save(v);
    fpu_save(v);
    debug_unload(v);
}

static void guest_load(struct vcpu *v, u32 cpu)
{
    u64 window = LAYOUT_PERDOMAIN + ((u64)v->id << PERDOMAIN_VCPU_SHIFT);
    cpumask_set(&v->domain->dirty_cpus, cpu);
    if (v->arch.gdt_cpu != cpu) {
        perdomain_map(v, GDT_RESERVED_PAGE, gdt_page_mfn(cpu), PAGE_HYPERVISOR & ~PTE_GLOBAL);
        v->arch.gdt_cpu = cpu;
    }
    speculation_switch(v->domain->id);
    cpu_info()->guest = v->arch.regs;
    pv_load_cr3(v);
    gdt_load_guest(window);
    ldt_load(window + PERDOMAIN_LDT_OFFSET, v->arch.ldt_entries);
    pv_load_cr4(v);
    segments_load(v);
    fpu_restore(v);
    debug_load(v);
    if (cpu_features.rdtscp)
        wrmsr(MSR_TSC_AUX, v->arch.tsc_aux);
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
    u32 cpu = cpu_id();
    if (!prev->is_idle)
        guest_unload(prev);
    cpu_info()->vcpu = next;
    if (next->is_idle) {
        gdt_load_native();
        ldt_load(0, 0);
        tlb_load_cr3(virt_to_paddr(hypervisor_l4));
    } else {
        /* prev's GDT may not be mapped in next's tables, and an NMI needs one at any time. */
        if (!prev->is_idle && prev->domain != next->domain)
            gdt_load_native();
        guest_load(next, cpu);
    }
    if (!prev->is_idle && prev->domain != next->domain)
        cpumask_clear(&prev->domain->dirty_cpus, cpu);
    sched_switch_done(prev);
    if (next->is_idle)
        stack_reset_and_jump(idle_loop);
    pv_nmi_check(next);
    time_update_vcpu(next);
    sched_runstate_update_guest(next);
    stack_reset_and_exit();
}

void idle_loop(void)
{
    for (;;) {
        softirq_run();
        /* Scrubbing opens interrupts for an instant: only after it can it be known that there is
         * nothing to do. */
        if (!heap_scrub_some() && !softirq_is_pending())
            cpu_idle();
    }
}

/* The guest's kernel addresses are in the kernel's tables only: show those for a moment. */
bool arch_vcpu_kernel_space_enter(struct vcpu *v)
{
    if (v->arch.kernel_mode || mfn_is_invalid(v->arch.kernel_l4))
        return false;
    write_cr3(pv_cr3(v, true));
    return true;
}

void arch_vcpu_kernel_space_leave(struct vcpu *v, bool entered)
{
    if (entered)
        write_cr3(cr3_of(v));
}

void arch_vcpu_kick(struct vcpu *v)
{
    u32 cpu = READ_ONCE(v->cpu);
    if (v == current)
        pv_nmi_check(v);
    else if (READ_ONCE(v->running) && cpu != cpu_id())
        cpu_signal(cpu);
}
