/* SPDX-License-Identifier: MIT */
/*
 * The part of the ABI that only exists on x86-64: where the hypervisor lives in a PV guest's
 * address space, the flat segments that it offers, the register frame and the whole initial state
 * of a vCPU, and the CPUID leaves by which a guest finds its hypervisor.
 *
 * Constants stand first and may be used from assembly.
 */
#ifndef DOMUS_ABI_ARCH_X86_H
#define DOMUS_ABI_ARCH_X86_H

/* Selectors of the descriptors that the hypervisor keeps at the end of every PV guest's GDT. */
#define FLAT_RING3_CS32 0xe023
#define FLAT_RING3_CS64 0xe033
#define FLAT_RING3_DS32 0xe02b
#define FLAT_RING3_DS64 0x0000
#define FLAT_RING3_SS32 0xe02b
#define FLAT_RING3_SS64 0xe02b

/* A 64-bit PV kernel and its user programs share ring 3, and so the selectors. */
#define FLAT_KERNEL_CS32 FLAT_RING3_CS32
#define FLAT_KERNEL_CS64 FLAT_RING3_CS64
#define FLAT_KERNEL_DS32 FLAT_RING3_DS32
#define FLAT_KERNEL_DS64 FLAT_RING3_DS64
#define FLAT_KERNEL_SS32 FLAT_RING3_SS32
#define FLAT_KERNEL_SS64 FLAT_RING3_SS64
#define FLAT_KERNEL_CS   FLAT_KERNEL_CS64
#define FLAT_KERNEL_DS   FLAT_KERNEL_DS64
#define FLAT_KERNEL_SS   FLAT_KERNEL_SS64
#define FLAT_USER_CS32   FLAT_RING3_CS32
#define FLAT_USER_CS64   FLAT_RING3_CS64
#define FLAT_USER_DS32   FLAT_RING3_DS32
#define FLAT_USER_DS64   FLAT_RING3_DS64
#define FLAT_USER_SS32   FLAT_RING3_SS32
#define FLAT_USER_SS64   FLAT_RING3_SS64
#define FLAT_USER_CS     FLAT_USER_CS64
#define FLAT_USER_DS     FLAT_USER_DS64
#define FLAT_USER_SS     FLAT_USER_SS64

/* GDT pages below this one are the guest's, the others the hypervisor's. */
#define FIRST_RESERVED_GDT_PAGE  14
#define FIRST_RESERVED_GDT_BYTE  (FIRST_RESERVED_GDT_PAGE * 4096)
#define FIRST_RESERVED_GDT_ENTRY (FIRST_RESERVED_GDT_BYTE / 8)

/* Virtual addresses that a PV guest must leave to the hypervisor: [START, END). */
#define HYPERVISOR_VIRT_START 0xFFFF800000000000
#define HYPERVISOR_VIRT_END   0xFFFF880000000000

/* The machine-to-physical table, readable by the guest: one 64-bit entry per machine frame. */
#define MACH2PHYS_VIRT_START 0xFFFF800000000000
#define MACH2PHYS_VIRT_END   0xFFFF804000000000
#define MACH2PHYS_NR_ENTRIES ((MACH2PHYS_VIRT_END - MACH2PHYS_VIRT_START) >> 3)

/* First argument of set_segment_base; the last takes a selector, the others a linear address. */
#define SEGBASE_FS          0
#define SEGBASE_GS_USER     1
#define SEGBASE_GS_KERNEL   2
#define SEGBASE_GS_USER_SEL 3

/* vcpu_guest_context.flags. */
#define VGCF_I387_VALID               (1 << 0) /* fpu_ctxt holds something */
#define VGCF_i387_valid               VGCF_I387_VALID
#define VGCF_IN_KERNEL                (1 << 2) /* runs with the kernel's base table */
#define VGCF_in_kernel                VGCF_IN_KERNEL
#define VGCF_failsafe_disables_events (1 << 3)
#define VGCF_syscall_disables_events  (1 << 4)
#define VGCF_online                   (1 << 5)
/* Also iret_context.flags: leave by SYSRET; RCX and R11 need not survive. */
#define VGCF_in_syscall (1 << 8)
#define VGCF_IN_SYSCALL VGCF_in_syscall

/* trap_info.flags: the least privileged ring that may raise it, and "mask events on entry". */
#define TI_FLAGS_DPL_MASK 3
#define TI_FLAGS_IF       4

/* vCPUs whose vcpu_info has a place in the shared info page. */
#define XEN_LEGACY_MAX_VCPUS 32

/*
 * Hypervisor leaves. At the base (possibly moved up in steps of 0x100 when another interface
 * stands first): EAX is the last leaf, EBX, ECX, EDX spell the signature "XenVMMXenVMM".
 */
#define XEN_CPUID_FIRST_LEAF     0x40000000
#define XEN_CPUID_LEAF(i)        (XEN_CPUID_FIRST_LEAF + (i))
#define XEN_CPUID_SIGNATURE_EBX  0x566e6558
#define XEN_CPUID_SIGNATURE_ECX  0x65584d4d
#define XEN_CPUID_SIGNATURE_EDX  0x4d4d566e
#define XEN_CPUID_MAX_NUM_LEAVES 5 /* highest index for XEN_CPUID_LEAF */

/* Leaf 1: EAX is the version, major << 16 | minor. */
/* Leaf 2: EAX hypercall pages, EBX the MSR that writes one, ECX the features: */
#define XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD (1 << 0)
/* Leaf 3, sub-leaf 0: TSC mode and frequency; 1: scale and offset; 2: host frequency. */
/* Leaf 4, HVM only: EAX features, EBX vCPU id, ECX domain id. */
#define XEN_HVM_CPUID_APIC_ACCESS_VIRT (1 << 0)
#define XEN_HVM_CPUID_X2APIC_VIRT      (1 << 1)
#define XEN_HVM_CPUID_IOMMU_MAPPINGS   (1 << 2) /* foreign and granted frames are in the IOMMU */
#define XEN_HVM_CPUID_VCPU_ID_PRESENT  (1 << 3)
#define XEN_HVM_CPUID_DOMID_PRESENT    (1 << 4)
#define XEN_HVM_CPUID_EXT_DEST_ID      (1 << 5)
#define XEN_HVM_CPUID_UPCALL_VECTOR    (1 << 6)
/* Leaf 5, PV only, sub-leaf 0: EBX, how many bits a machine address has. */
#define XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK 0xff

/* I/O port to which an HVM guest may write characters for the hypervisor's log. */
#define XEN_HVM_DEBUGCONS_IOPORT 0xe9

/* xen_arch_domainconfig.emulation_flags: devices that the hypervisor emulates. */
#define XEN_X86_EMU_LAPIC    (1 << 0)
#define XEN_X86_EMU_HPET     (1 << 1)
#define XEN_X86_EMU_PM       (1 << 2)
#define XEN_X86_EMU_RTC      (1 << 3)
#define XEN_X86_EMU_IOAPIC   (1 << 4)
#define XEN_X86_EMU_PIC      (1 << 5)
#define XEN_X86_EMU_VGA      (1 << 6)
#define XEN_X86_EMU_IOMMU    (1 << 7)
#define XEN_X86_EMU_PIT      (1 << 8)
#define XEN_X86_EMU_USE_PIRQ (1 << 9)
#define XEN_X86_EMU_VPCI     (1 << 10)
#define XEN_X86_EMU_ALL      0x7ff

/* xen_arch_domainconfig.misc_flags. */
#define XEN_X86_MSR_RELAXED    (1 << 0) /* unknown MSRs read as on the host, or 0 */
#define XEN_X86_MISC_FLAGS_MAX XEN_X86_MSR_RELAXED

/* xen_cpuid_leaf.subleaf of a leaf that has none. */
#define XEN_CPUID_NO_SUBLEAF 0xffffffff

#ifndef __ASSEMBLER__

#include "handle.h"

/* The frame below a saved context, as the kernel's own exception handlers see the upper part. */
struct cpu_user_regs {
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbp;
    uint64_t rbx;
    uint64_t r11;
    uint64_t r10;
    uint64_t r9;
    uint64_t r8;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rsi;
    uint64_t rdi;
    uint32_t error_code;
    uint32_t entry_vector;
    uint64_t rip;
    uint16_t cs;
    uint16_t _pad0[1];
    uint8_t saved_upcall_mask; /* evtchn_upcall_mask when the frame was made */
    uint8_t _pad1[3];
    uint64_t rflags;
    uint64_t rsp;
    uint16_t ss;
    uint16_t _pad2[3];
    uint16_t es;
    uint16_t _pad3[3];
    uint16_t ds;
    uint16_t _pad4[3];
    uint16_t fs;
    uint16_t _pad5[3];
    uint16_t gs;
    uint16_t _pad6[3];
};
DEFINE_GUEST_HANDLE(cpu_user_regs, struct cpu_user_regs);

/* What a PV kernel leaves on its stack for the iret hypercall, from RSP upwards. */
struct iret_context {
    uint64_t rax;
    uint64_t r11;
    uint64_t rcx;
    uint64_t flags; /* VGCF_in_syscall or 0 */
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

/* One gate of the guest's virtual IDT; a table for set_trap_table ends with address 0. */
struct trap_info {
    uint8_t vector;
    uint8_t flags; /* TI_FLAGS_* */
    uint16_t cs;
    uint64_t address;
};
DEFINE_GUEST_HANDLE(trap_info, struct trap_info);
DEFINE_GUEST_HANDLE(const_trap_info, const struct trap_info);

/* All of a PV vCPU's state: VCPUOP_initialise, and domctl's get and set of it. */
struct vcpu_guest_context {
    struct {
        char x[512]; /* FXSAVE image */
    } fpu_ctxt;
    uint64_t flags; /* VGCF_* */
    struct cpu_user_regs user_regs;
    struct trap_info trap_ctxt[256];
    uint64_t ldt_base;
    uint64_t ldt_ents;
    uint64_t gdt_frames[16]; /* machine frames */
    uint64_t gdt_ents;
    uint64_t kernel_ss;
    uint64_t kernel_sp;
    uint64_t ctrlreg[8];  /* CR0-CR7; 1 is the user base table, 3 the kernel's */
    uint64_t debugreg[8]; /* DR0-DR7 */
    uint64_t event_callback_eip;
    uint64_t failsafe_callback_eip;
    uint64_t syscall_callback_eip;
    uint64_t vm_assist; /* bit mask of VMASST_TYPE_* */
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
};
DEFINE_GUEST_HANDLE(vcpu_guest_context, struct vcpu_guest_context);

struct arch_vcpu_info {
    uint64_t cr2; /* linear address of the last page fault */
    uint64_t pad;
};

struct arch_shared_info {
    uint64_t max_pfn;                    /* entries in the physical-to-machine table */
    uint64_t pfn_to_mfn_frame_list_list; /* frame of its three-level index */
    uint64_t nmi_reason;                 /* XEN_NMIREASON_* */
    /* The table once more, as a linear range of the guest: valid when p2m_cr3 is not 0. */
    uint64_t p2m_cr3;
    uint64_t p2m_vaddr;
    uint64_t p2m_generation; /* odd while the guest changes it */
};

struct xen_arch_domainconfig {
    uint32_t emulation_flags; /* XEN_X86_EMU_* */
    uint32_t misc_flags;      /* XEN_X86_MSR_RELAXED */
};

/* A CPU policy as tools see it is a list of these two. */
struct xen_cpuid_leaf {
    uint32_t leaf;
    uint32_t subleaf;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
};
DEFINE_GUEST_HANDLE(xen_cpuid_leaf, struct xen_cpuid_leaf);

struct xen_msr_entry {
    uint32_t idx;
    uint32_t flags; /* must be 0 */
    uint64_t val;
};
DEFINE_GUEST_HANDLE(xen_msr_entry, struct xen_msr_entry);

/* CR3 as the guest sees it holds a machine frame number at its architectural place. */
#define xen_pfn_to_cr3(pfn) ((uint64_t)(pfn) << 12)
#define xen_cr3_to_pfn(cr3) ((uint64_t)(cr3) >> 12)

#endif /* __ASSEMBLER__ */

#endif
