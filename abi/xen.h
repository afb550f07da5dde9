/* SPDX-License-Identifier: MIT */
/*
 * The core of the ABI: hypercall numbers, well-known domains, virtual interrupts, the MMU calls,
 * multicalls, and the pages that a guest shares with its hypervisor from its first instruction.
 *
 * A 64-bit guest puts the number in RAX, arguments in RDI, RSI, RDX, R10, R8, and finds the result
 * in RAX: negative values are errors. Constants stand first and may be used from assembly.
 */
#ifndef DOMUS_ABI_XEN_H
#define DOMUS_ABI_XEN_H

#include "arch-x86.h"

#define __HYPERVISOR_set_trap_table                0
#define __HYPERVISOR_mmu_update                    1
#define __HYPERVISOR_set_gdt                       2
#define __HYPERVISOR_stack_switch                  3
#define __HYPERVISOR_set_callbacks                 4
#define __HYPERVISOR_fpu_taskswitch                5
#define __HYPERVISOR_sched_op_compat               6
#define __HYPERVISOR_platform_op                   7
#define __HYPERVISOR_set_debugreg                  8
#define __HYPERVISOR_get_debugreg                  9
#define __HYPERVISOR_update_descriptor             10
#define __HYPERVISOR_memory_op                     12
#define __HYPERVISOR_multicall                     13
#define __HYPERVISOR_update_va_mapping             14
#define __HYPERVISOR_set_timer_op                  15
#define __HYPERVISOR_event_channel_op_compat       16
#define __HYPERVISOR_xen_version                   17
#define __HYPERVISOR_console_io                    18
#define __HYPERVISOR_physdev_op_compat             19
#define __HYPERVISOR_grant_table_op                20
#define __HYPERVISOR_vm_assist                     21
#define __HYPERVISOR_update_va_mapping_otherdomain 22
#define __HYPERVISOR_iret                          23
#define __HYPERVISOR_vcpu_op                       24
#define __HYPERVISOR_set_segment_base              25
#define __HYPERVISOR_mmuext_op                     26
#define __HYPERVISOR_xsm_op                        27
#define __HYPERVISOR_nmi_op                        28
#define __HYPERVISOR_sched_op                      29
#define __HYPERVISOR_callback_op                   30
#define __HYPERVISOR_xenoprof_op                   31
#define __HYPERVISOR_event_channel_op              32
#define __HYPERVISOR_physdev_op                    33
#define __HYPERVISOR_hvm_op                        34
#define __HYPERVISOR_sysctl                        35
#define __HYPERVISOR_domctl                        36
#define __HYPERVISOR_kexec_op                      37
#define __HYPERVISOR_tmem_op                       38
#define __HYPERVISOR_argo_op                       39
#define __HYPERVISOR_xenpmu_op                     40
#define __HYPERVISOR_dm_op                         41
#define __HYPERVISOR_hypfs_op                      42
/* Reserved to the architecture; x86 uses the first for machine checks. */
#define __HYPERVISOR_arch_0 48
#define __HYPERVISOR_arch_1 49
#define __HYPERVISOR_arch_2 50
#define __HYPERVISOR_arch_3 51
#define __HYPERVISOR_arch_4 52
#define __HYPERVISOR_arch_5 53
#define __HYPERVISOR_arch_6 54
#define __HYPERVISOR_arch_7 55
#define __HYPERVISOR_mca    __HYPERVISOR_arch_0

/* Virtual interrupts. V: one binding per vCPU; G: one per domain; P: only with privilege. */
#define VIRQ_TIMER      0  /* V: the vCPU's timer expired */
#define VIRQ_DEBUG      1  /* V: asks the guest to print its state */
#define VIRQ_CONSOLE    2  /* G P: input for the emergency console */
#define VIRQ_DOM_EXC    3  /* G P: some domain changed its state */
#define VIRQ_TBUF       4  /* G P: trace buffers have data */
#define VIRQ_DEBUGGER   6  /* G P: a domain stopped for its debugger */
#define VIRQ_XENOPROF   7  /* V: profiler samples */
#define VIRQ_CON_RING   8  /* G P: the hypervisor's log grew */
#define VIRQ_PCPU_STATE 9  /* G P: a physical CPU came or went */
#define VIRQ_MEM_EVENT  10 /* G P: a memory event */
#define VIRQ_ARGO       11 /* G: inter-domain messages */
#define VIRQ_ENOMEM     12 /* G P: free memory is low */
#define VIRQ_XENPMU     13 /* V: performance counter overflow */
#define VIRQ_ARCH_0     16
#define VIRQ_ARCH_1     17
#define VIRQ_ARCH_2     18
#define VIRQ_ARCH_3     19
#define VIRQ_ARCH_4     20
#define VIRQ_ARCH_5     21
#define VIRQ_ARCH_6     22
#define VIRQ_ARCH_7     23
#define NR_VIRQS        24

/* mmu_update: the command stands in the two low bits of mmu_update.ptr. */
#define MMU_NORMAL_PT_UPDATE       0 /* ptr: machine address of an entry, val: its new value */
#define MMU_MACHPHYS_UPDATE        1 /* ptr: machine address in a frame, val: its guest frame */
#define MMU_PT_UPDATE_PRESERVE_AD  2 /* as 0, but keeps the accessed and dirty bits */
#define MMU_PT_UPDATE_NO_TRANSLATE 3 /* as 0, val is never translated */

/* mmuext_op.cmd, with the arguments that each takes. */
#define MMUEXT_PIN_L1_TABLE       0  /* mfn */
#define MMUEXT_PIN_L2_TABLE       1  /* mfn */
#define MMUEXT_PIN_L3_TABLE       2  /* mfn */
#define MMUEXT_PIN_L4_TABLE       3  /* mfn */
#define MMUEXT_UNPIN_TABLE        4  /* mfn */
#define MMUEXT_NEW_BASEPTR        5  /* mfn */
#define MMUEXT_TLB_FLUSH_LOCAL    6  /* none */
#define MMUEXT_INVLPG_LOCAL       7  /* linear_addr */
#define MMUEXT_TLB_FLUSH_MULTI    8  /* vcpumask */
#define MMUEXT_INVLPG_MULTI       9  /* linear_addr, vcpumask */
#define MMUEXT_TLB_FLUSH_ALL      10 /* none */
#define MMUEXT_INVLPG_ALL         11 /* linear_addr */
#define MMUEXT_FLUSH_CACHE        12 /* none */
#define MMUEXT_SET_LDT            13 /* linear_addr, nr_ents */
#define MMUEXT_NEW_USER_BASEPTR   15 /* mfn, 0 for none */
#define MMUEXT_CLEAR_PAGE         16 /* mfn */
#define MMUEXT_COPY_PAGE          17 /* mfn, src_mfn */
#define MMUEXT_FLUSH_CACHE_GLOBAL 18 /* none */
#define MMUEXT_MARK_SUPER         19 /* mfn */
#define MMUEXT_UNMARK_SUPER       20 /* mfn */

/*
 * Flags of update_va_mapping: what to flush, in the low two bits, and on which CPUs. With
 * UVMF_MULTI the remaining bits are the address of a vCPU bitmap, or 0 for this vCPU only.
 */
#define UVMF_NONE           0
#define UVMF_TLB_FLUSH      1
#define UVMF_INVLPG         2
#define UVMF_FLUSHTYPE_MASK 3
#define UVMF_MULTI          (0 << 2)
#define UVMF_LOCAL          (0 << 2)
#define UVMF_ALL            (1 << 2)

/* console_io. */
#define CONSOLEIO_write 0
#define CONSOLEIO_read  1

/* vm_assist: command, then type. */
#define VMASST_CMD_enable                0
#define VMASST_CMD_disable               1
#define VMASST_TYPE_4gb_segments         0 /* 32-bit PV only */
#define VMASST_TYPE_4gb_segments_notify  1 /* 32-bit PV only */
#define VMASST_TYPE_writable_pagetables  2
#define VMASST_TYPE_pae_extended_cr3     3  /* 32-bit PV only */
#define VMASST_TYPE_architectural_iopl   4  /* I/O privilege lives in the guest's RFLAGS */
#define VMASST_TYPE_runstate_update_flag 5  /* XEN_RUNSTATE_UPDATE marks a write under way */
#define VMASST_TYPE_m2p_strict           32 /* user mode does not see the table */

/* Domain identifiers from here on are not ordinary domains. */
#define DOMID_FIRST_RESERVED 0x7FF0
#define DOMID_SELF           0x7FF0 /* the caller */
#define DOMID_IO             0x7FF1 /* owner of device memory */
#define DOMID_XEN            0x7FF2 /* owner of what the hypervisor shares */
#define DOMID_COW            0x7FF3 /* owner of memory shared between domains */
#define DOMID_INVALID        0x7FF4
#define DOMID_IDLE           0x7FFF
#define DOMID_MASK           0x7FFF

/* vcpu_time_info.flags. */
#define XEN_PVCLOCK_TSC_STABLE_BIT (1 << 0) /* time does not step back between vCPUs */
#define XEN_PVCLOCK_GUEST_STOPPED  (1 << 1)

/* start_info.flags. */
#define SIF_PRIVILEGED      (1 << 0)
#define SIF_INITDOMAIN      (1 << 1)
#define SIF_MULTIBOOT_MOD   (1 << 2)    /* mod_start points at xen_multiboot_mod_list */
#define SIF_MOD_START_PFN   (1 << 3)    /* mod_start is a frame number, outside the first mapping */
#define SIF_VIRT_P2M_4TOOLS (1 << 4)    /* tools understand the linear p2m table */
#define SIF_PM_MASK         (0xFF << 8) /* what dom0 may control of power management */

/* Bytes of start_info.cmd_line, its end mark included. */
#define MAX_GUEST_CMDLINE 1024

/* dom0_vga_console_info.video_type. */
#define XEN_VGATYPE_TEXT_MODE_3 0x03
#define XEN_VGATYPE_VESA_LFB    0x23
#define XEN_VGATYPE_EFI_LFB     0x70

#ifndef __ASSEMBLER__

#include "handle.h"

typedef uint16_t domid_t;
typedef uint8_t xen_domain_handle_t[16];

struct mmu_update {
    uint64_t ptr; /* machine address | MMU_* */
    uint64_t val;
};
DEFINE_GUEST_HANDLE(mmu_update, struct mmu_update);

struct mmuext_op {
    uint32_t cmd; /* MMUEXT_* */
    union {
        uint64_t mfn;
        uint64_t linear_addr;
    } arg1;
    union {
        uint32_t nr_ents;
        guest_handle_const_void vcpumask; /* bitmap, as wide as the domain has vCPUs */
        uint64_t src_mfn;
    } arg2;
};
DEFINE_GUEST_HANDLE(mmuext_op, struct mmuext_op);

struct multicall_entry {
    uint64_t op;
    uint64_t result; /* out */
    uint64_t args[6];
};
DEFINE_GUEST_HANDLE(multicall_entry, struct multicall_entry);

/*
 * Time of a vCPU: system_time + ((((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul) >> 32),
 * in nanoseconds since boot. Readers retry while version is odd or has changed.
 */
struct vcpu_time_info {
    uint32_t version;
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time;       /* ns */
    uint32_t tsc_to_system_mul; /* 0.32 fixed point */
    int8_t tsc_shift;           /* negative: to the right */
    uint8_t flags;              /* XEN_PVCLOCK_* */
    uint8_t pad1[2];
};
DEFINE_GUEST_HANDLE(vcpu_time_info, struct vcpu_time_info);

struct vcpu_info {
    uint8_t evtchn_upcall_pending; /* set by the hypervisor, cleared by the guest */
    uint8_t evtchn_upcall_mask;    /* PV: the guest's interrupt flag, inverted */
    uint64_t evtchn_pending_sel;   /* words of evtchn_pending that need a look */
    struct arch_vcpu_info arch;
    struct vcpu_time_info time;
};

/* One page for each domain. */
struct shared_info {
    struct vcpu_info vcpu_info[XEN_LEGACY_MAX_VCPUS];
    uint64_t evtchn_pending[64];
    uint64_t evtchn_mask[64];
    /* Wall clock at system time 0, since 1970; wc_version works as in vcpu_time_info. */
    uint32_t wc_version;
    uint32_t wc_sec;
    uint32_t wc_nsec;
    uint32_t wc_sec_hi;
    struct arch_shared_info arch;
};

/* A PV guest starts with RSI pointing at this; addresses are virtual, frames as named. */
struct start_info {
    char magic[32];       /* "xen-3.0-x86_64" */
    uint64_t nr_pages;    /* allocated to the domain */
    uint64_t shared_info; /* machine address */
    uint32_t flags;       /* SIF_* */
    uint64_t store_mfn;
    uint32_t store_evtchn;
    union {
        struct {
            uint64_t mfn;
            uint32_t evtchn;
        } domU;
        struct {
            uint32_t info_off; /* bytes from start_info to dom0_vga_console_info */
            uint32_t info_size;
        } dom0;
    } console;
    uint64_t pt_base; /* the top-level table */
    uint64_t nr_pt_frames;
    uint64_t mfn_list; /* the physical-to-machine table */
    uint64_t mod_start;
    uint64_t mod_len; /* bytes */
    int8_t cmd_line[MAX_GUEST_CMDLINE];
    uint64_t first_p2m_pfn; /* frames of mfn_list when the kernel placed it itself */
    uint64_t nr_p2m_frames;
};

struct xen_multiboot_mod_list {
    uint32_t mod_start;
    uint32_t mod_end; /* exclusive */
    uint32_t cmdline;
    uint32_t pad;
};

struct dom0_vga_console_info {
    uint8_t video_type; /* XEN_VGATYPE_* */
    union {
        struct {
            uint16_t font_height;
            uint16_t cursor_x;
            uint16_t cursor_y;
            uint16_t rows;
            uint16_t columns;
        } text_mode_3;
        struct {
            uint16_t width;
            uint16_t height;
            uint16_t bytes_per_line;
            uint16_t bits_per_pixel;
            uint32_t lfb_base;
            uint32_t lfb_size; /* in 64 KiB for VESA */
            uint8_t red_pos;
            uint8_t red_size;
            uint8_t green_pos;
            uint8_t green_size;
            uint8_t blue_pos;
            uint8_t blue_size;
            uint8_t rsvd_pos;
            uint8_t rsvd_size;
            uint32_t gbl_caps;
            uint16_t mode_attrs;
            uint16_t pad;
            uint32_t ext_lfb_base; /* bits 32-63 of lfb_base */
        } vesa_lfb;
    } u;
};

/* A bitmap of nr_bits bits; bytes that are missing on either side count as zero. */
struct xenctl_bitmap {
    guest_handle_uint8 bitmap;
    uint32_t nr_bits;
};

#endif /* __ASSEMBLER__ */

#endif
