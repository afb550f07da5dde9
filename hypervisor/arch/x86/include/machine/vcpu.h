/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x86 half of struct vcpu and struct domain, for PV guests. */
#ifndef DOMUS_MACHINE_VCPU_H
#define DOMUS_MACHINE_VCPU_H

#include "abi/arch-x86.h"
#include "abi/xen.h"
#include "core/lock.h"
#include "types.h"
#include "x86/cpu.h"
#include "x86/layout.h"
#include "x86/regs.h"
#include "x86/time.h"

struct frame;
struct cpu_policy; /* x86/policy.h */
struct log_dirty;
struct xen_e820_entry;

/* An exception, NMI or upcall to be delivered into the guest when it is next entered (x86/pv.h). */
struct pv_bounce {
    u64 rip;
    u32 error_code;
    u8 flags; /* PV_BOUNCE_* */
};

/* Offsets of the first fields are known to entry.S (x86/offsets.c). */
struct arch_vcpu {
    struct regs
        regs; /* while it does not run; while it does they are at the top of its CPU's stack */

    /*
     * Address space. Each holds a type reference as L4, or is invalid. In user mode cr3 is that of
     * user_l4.
     */
    mfn_t kernel_l4, user_l4;
    mfn_t shadow_l4[2]; /* while its domain's writes are logged: what CR3 holds instead */
    bool kernel_mode;   /* the guest's kernel runs (it lives in ring 3, like its user mode) */

    /* Callbacks, all guest virtual addresses; 0: none. */
    u64 event_callback, failsafe_callback, syscall_callback, syscall32_callback, sysenter_callback;
    bool syscall32_masks_events, sysenter_masks_events, syscall_masks_events, failsafe_masks_events;
    bool nmi_masked;          /* from the entry of its NMI handler until its next iret */
    u64 kernel_sp, kernel_ss; /* stack for entries from user mode */
    struct pv_bounce bounce;
    struct trap_info traps[256]; /* address 0: none; cs forced to a ring 3 selector; NMI's too */

    /* Segments that are not in regs. Live in the processor while it runs. */
    u16 ds, es, fs, gs;
    u64 fs_base, gs_base_kernel, gs_base_user;

    /* Descriptor tables: frames held with a FRAME_TYPE_DESC use each. */
    u32 gdt_entries;
    mfn_t gdt_frames[GDT_RESERVED_PAGE];
    u32 gdt_cpu; /* whose reserved page its window shows; NR_CPUS: none yet */
    vaddr_t ldt_base;
    u32 ldt_entries;
    /* Bit n: page n of the LDT window is mapped (on demand, by the fault). Counted in ldt_pages. */
    u64 ldt_mapped;

    u64 cr0; /* what the guest reads: only TS varies */
    u64 cr2; /* as the guest reads it: of its last page fault, or what it wrote */
    u64 cr4; /* the guest's own choice among PV_CR4_GUEST_BITS */
    u64 dr[4], dr6, dr7;
    u64 dr7_io;    /* breakpoints on I/O ports that the guest set in DR7: emulated, not in dr7 */
    u32 iopl;      /* as set by PHYSDEVOP_set_iopl, 0-3 */
    vaddr_t iobmp; /* PHYSDEVOP_set_iobitmap */
    u32 iobmp_ports;
    u64 xcr0;
    void *fpu; /* XSAVE area, cpu_features.xsave_size bytes */
    bool cpuid_faulting;
    u64 mcg_status, mc_ctl2[2]; /* machine-check registers as the guest wrote them */
    u64 tsc_aux;

    /* What its copies of vcpu_time_info were made for (time/time.c). */
    bool time_valid;
    s64 time_offset;
    struct vcpu_info *time_info;
    vaddr_t time_area;
};

struct arch_domain {
    /* Guards type changes of d's frames and writes into its page tables (core/lock.h). */
    struct spinlock page_table_lock;
    /* Page tables whose last use is gone and whose entries are still to be dropped (pv/mm_types.c):
     * the MFN of the first; FRAME_LINK_END: none. */
    u32 devalidate_head;
    /* pv_mm_relinquish()'s place in the list of frames, with a reference: MFN; 0: at its start. */
    u32 relinquish_frame;
    u32 ldt_pages; /* bits that are set in ldt_mapped of all vCPUs; under page_table_lock */
    struct log_dirty *log_dirty; /* NULL: its writes are not logged (pv/mm_log_dirty.h) */
    u64 *perdomain_l3;           /* the table behind the per-domain slot; mm/perdomain.c */
    mfn_t perdomain_l3_mfn;
    struct cpu_policy *policy;
    u64 pirq_count;
    struct pirq *pirqs; /* irq/pirq.c */
    u32 nr_pirqs;
    mfn_t pirq_eoi_map_mfn; /* PHYSDEVOP_pirq_eoi_gmfn */
    u64 *pirq_eoi_map;
    bool auto_unmask;
    u32 pci_cf8;   /* what its kernel last wrote to the PCI address port (pv/emulate_io.c) */
    u8 cmos_index; /* ... and to the CMOS index port */
    /* What XENMEM_memory_map answers, as the tools set it; under the domain's lock. */
    struct xen_e820_entry *memory_map;
    u32 nr_memory_map;
    struct guest_tsc tsc;
    u32 relinquish_vcpu; /* arch_domain_relinquish()'s place */
};

#endif
