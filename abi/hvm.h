/* SPDX-License-Identifier: MIT */
/*
 * Guests with hardware virtualization: hypercall hvm_op(cmd, struct *), the parameters of such a
 * domain, what a PVH kernel finds at its start (EBX), and the registers of a vCPU that it brings
 * up.
 */
#ifndef DOMUS_ABI_HVM_H
#define DOMUS_ABI_HVM_H

#include "xen.h"

#define HVMOP_set_param                0
#define HVMOP_get_param                1
#define HVMOP_flush_tlbs               5 /* no argument */
#define HVMOP_pagetable_dying          9
#define HVMOP_get_time                 10
#define HVMOP_xentrace                 11
#define HVMOP_set_mem_access           12 /* withdrawn */
#define HVMOP_get_mem_access           13 /* withdrawn */
#define HVMOP_get_mem_type             15
#define HVMOP_set_evtchn_upcall_vector 23
#define HVMOP_guest_request_vm_event   24 /* no argument */
#define HVMOP_altp2m                   25

struct xen_hvm_param {
    domid_t domid;
    uint16_t pad;
    uint32_t index; /* HVM_PARAM_* */
    uint64_t value; /* in or out */
};
DEFINE_GUEST_HANDLE(xen_hvm_param, struct xen_hvm_param);

/* A hint: the guest no longer uses this top-level table. */
struct xen_hvm_pagetable_dying {
    domid_t domid;
    uint16_t pad[3];
    uint64_t gpa;
};
DEFINE_GUEST_HANDLE(xen_hvm_pagetable_dying, struct xen_hvm_pagetable_dying);

/* A record of the guest's own for the trace buffers. */
struct xen_hvm_xentrace {
    uint16_t event; /* less than 1 << 12 */
    uint16_t extra_bytes;
    uint8_t extra[28];
};
DEFINE_GUEST_HANDLE(xen_hvm_xentrace, struct xen_hvm_xentrace);

struct xen_hvm_get_time {
    uint64_t now; /* out: system time, ns */
};
DEFINE_GUEST_HANDLE(xen_hvm_get_time, struct xen_hvm_get_time);

/* xen_hvm_get_mem_type.mem_type. */
enum {
    HVMMEM_ram_rw = 0,
    HVMMEM_ram_ro = 1,  /* writes are dropped */
    HVMMEM_mmio_dm = 2, /* the device model's */
    HVMMEM_unused = 3,
    HVMMEM_ioreq_server = 4
};

struct xen_hvm_get_mem_type {
    domid_t domid;
    uint16_t mem_type; /* out */
    uint16_t pad[2];
    uint64_t pfn;
};
DEFINE_GUEST_HANDLE(xen_hvm_get_mem_type, struct xen_hvm_get_mem_type);

struct xen_hvm_evtchn_upcall_vector {
    uint32_t vcpu;
    uint8_t vector; /* 0x10 or above */
};
DEFINE_GUEST_HANDLE(xen_hvm_evtchn_upcall_vector, struct xen_hvm_evtchn_upcall_vector);

/* Parameters. */
#define HVM_PARAM_CALLBACK_IRQ             0 /* how events arrive: type, and by type */
#define HVM_PARAM_STORE_PFN                1
#define HVM_PARAM_STORE_EVTCHN             2
#define HVM_PARAM_PAE_ENABLED              4
#define HVM_PARAM_IOREQ_PFN                5
#define HVM_PARAM_BUFIOREQ_PFN             6
#define HVM_PARAM_VIRIDIAN                 9  /* HVMPV_* */
#define HVM_PARAM_TIMER_MODE               10 /* HVMPTM_* */
#define HVM_PARAM_HPET_ENABLED             11
#define HVM_PARAM_IDENT_PT                 12
#define HVM_PARAM_DM_DOMAIN                13
#define HVM_PARAM_ACPI_S_STATE             14
#define HVM_PARAM_VM86_TSS                 15
#define HVM_PARAM_VPT_ALIGN                16
#define HVM_PARAM_CONSOLE_PFN              17
#define HVM_PARAM_CONSOLE_EVTCHN           18
#define HVM_PARAM_ACPI_IOPORTS_LOCATION    19
#define HVM_PARAM_MEMORY_EVENT_CR0         20 /* withdrawn, as the MEMORY_EVENTs below */
#define HVM_PARAM_MEMORY_EVENT_CR3         21
#define HVM_PARAM_MEMORY_EVENT_CR4         22
#define HVM_PARAM_MEMORY_EVENT_INT3        23
#define HVM_PARAM_NESTEDHVM                24
#define HVM_PARAM_MEMORY_EVENT_SINGLE_STEP 25
#define HVM_PARAM_BUFIOREQ_EVTCHN          26
#define HVM_PARAM_PAGING_RING_PFN          27
#define HVM_PARAM_MONITOR_RING_PFN         28
#define HVM_PARAM_SHARING_RING_PFN         29
#define HVM_PARAM_MEMORY_EVENT_MSR         30
#define HVM_PARAM_TRIPLE_FAULT_REASON      31 /* SHUTDOWN_* */
#define HVM_PARAM_IOREQ_SERVER_PFN         32
#define HVM_PARAM_NR_IOREQ_SERVER_PAGES    33
#define HVM_PARAM_VM_GENERATION_ID_ADDR    34
#define HVM_PARAM_ALTP2M                   35 /* XEN_ALTP2M_* */
#define HVM_PARAM_X87_FIP_WIDTH            36
#define HVM_PARAM_VM86_TSS_SIZED           37 /* size << 32 | address */
#define HVM_PARAM_MCA_CAP                  38 /* XEN_HVM_MCA_CAP_* */
#define HVM_NR_PARAMS                      39

/* HVM_PARAM_CALLBACK_IRQ: type in the top byte. */
#define HVM_PARAM_CALLBACK_IRQ_TYPE_MASK 0xFF00000000000000
#define HVM_PARAM_CALLBACK_TYPE_GSI      0 /* with a GSI; 0 altogether turns it off */
#define HVM_PARAM_CALLBACK_TYPE_PCI_INTX 1 /* domain 32-47, bus 16-31, devfn 8-15, pin 0-1 */
#define HVM_PARAM_CALLBACK_TYPE_VECTOR   2 /* with a vector, on each vCPU */

/* HVM_PARAM_VIRIDIAN: groups of Hyper-V enlightenments; no_freq takes away. */
#define HVMPV_base_freq              (1 << 0)
#define HVMPV_no_freq                (1 << 1)
#define HVMPV_time_ref_count         (1 << 2)
#define HVMPV_reference_tsc          (1 << 3)
#define HVMPV_hcall_remote_tlb_flush (1 << 4)
#define HVMPV_apic_assist            (1 << 5)
#define HVMPV_crash_ctl              (1 << 6)
#define HVMPV_synic                  (1 << 7)
#define HVMPV_stimer                 (1 << 8)
#define HVMPV_hcall_ipi              (1 << 9)
#define HVMPV_ex_processor_masks     (1 << 10)
#define HVMPV_no_vp_limit            (1 << 11)
#define HVMPV_cpu_hotplug            (1 << 12)
#define HVMPV_feature_mask           0x1fff

/* HVM_PARAM_TIMER_MODE: ticks that a vCPU missed while it did not run. */
#define HVMPTM_delay_for_missed_ticks    0
#define HVMPTM_no_delay_for_missed_ticks 1
#define HVMPTM_no_missed_ticks_pending   2
#define HVMPTM_one_missed_tick_pending   3

#define XEN_ALTP2M_disabled 0
#define XEN_ALTP2M_mixed    1
#define XEN_ALTP2M_external 2
#define XEN_ALTP2M_limited  3

#define XEN_HVM_MCA_CAP_LMCE 1
#define XEN_HVM_MCA_CAP_MASK XEN_HVM_MCA_CAP_LMCE

/* Machine-check state of a vCPU, in a saved image and in domctl's extended context. */
struct hvm_vmce_vcpu {
    uint64_t caps;
    uint64_t mci_ctl2_bank0;
    uint64_t mci_ctl2_bank1;
    uint64_t mcg_ext_ctl;
};

/* hvm_start_info.magic. */
#define XEN_HVM_START_MAGIC_VALUE 0x336ec578

/* hvm_memmap_table_entry.type (ACPI specification, "Address Range Types"). */
#define XEN_HVM_MEMMAP_TYPE_RAM      1
#define XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define XEN_HVM_MEMMAP_TYPE_ACPI     3
#define XEN_HVM_MEMMAP_TYPE_NVS      4
#define XEN_HVM_MEMMAP_TYPE_UNUSABLE 5
#define XEN_HVM_MEMMAP_TYPE_DISABLED 6
#define XEN_HVM_MEMMAP_TYPE_PMEM     7

/* Guest-physical addresses, 0 for none. */
struct hvm_start_info {
    uint32_t magic;
    uint32_t version; /* 1: with the memory map */
    uint32_t flags;   /* SIF_* */
    uint32_t nr_modules;
    uint64_t modlist_paddr; /* hvm_modlist_entry[] */
    uint64_t cmdline_paddr;
    uint64_t rsdp_paddr;
    uint64_t memmap_paddr; /* hvm_memmap_table_entry[] */
    uint32_t memmap_entries;
    uint32_t reserved;
};

struct hvm_modlist_entry {
    uint64_t paddr;
    uint64_t size; /* bytes */
    uint64_t cmdline_paddr;
    uint64_t reserved;
};

struct hvm_memmap_table_entry {
    uint64_t addr;
    uint64_t size; /* bytes */
    uint32_t type;
    uint32_t reserved;
};

/* vcpu_hvm_context.mode. */
#define VCPU_HVM_MODE_32B 0
#define VCPU_HVM_MODE_64B 1

/* Segments' *_ar: the attributes as VMX and SVM keep them, packed to 12 bits. */
struct vcpu_hvm_x86_32 {
    uint32_t eax;
    uint32_t ecx;
    uint32_t edx;
    uint32_t ebx;
    uint32_t esp;
    uint32_t ebp;
    uint32_t esi;
    uint32_t edi;
    uint32_t eip;
    uint32_t eflags;
    uint32_t cr0;
    uint32_t cr3;
    uint32_t cr4;
    uint32_t pad1;
    uint64_t efer;
    uint32_t cs_base;
    uint32_t ds_base;
    uint32_t ss_base;
    uint32_t es_base;
    uint32_t tr_base;
    uint32_t cs_limit;
    uint32_t ds_limit;
    uint32_t ss_limit;
    uint32_t es_limit;
    uint32_t tr_limit;
    uint16_t cs_ar;
    uint16_t ds_ar;
    uint16_t ss_ar;
    uint16_t es_ar;
    uint16_t tr_ar;
    uint16_t pad2[3];
};

struct vcpu_hvm_x86_64 {
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rbx;
    uint64_t rsp;
    uint64_t rbp;
    uint64_t rsi;
    uint64_t rdi;
    uint64_t rip;
    uint64_t rflags;
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
};

/* Argument of VCPUOP_initialise from a guest with hardware virtualization. */
struct vcpu_hvm_context {
    uint32_t mode;
    uint32_t pad;
    union {
        struct vcpu_hvm_x86_32 x86_32;
        struct vcpu_hvm_x86_64 x86_64;
    } cpu_regs;
};
DEFINE_GUEST_HANDLE(vcpu_hvm_context, struct vcpu_hvm_context);

#endif
