/* SPDX-License-Identifier: MIT */
/*
 * Control of domains by the tools: hypercall domctl(struct xen_domctl *), in the version
 * that 4.17's tools speak. This interface is not stable: every version has its own number and
 * layouts.
 */
#ifndef DOMUS_ABI_DOMCTL_H
#define DOMUS_ABI_DOMCTL_H

#include "domctl-watch.h"
#include "event_channel.h"
#include "hvm.h"
#include "memory.h"

#define XEN_DOMCTL_INTERFACE_VERSION 0x15

/* xen_domctl.cmd. Those with no struct named after them say what they take. */
#define XEN_DOMCTL_createdomain            1 /* out: domain */
#define XEN_DOMCTL_destroydomain           2 /* no argument */
#define XEN_DOMCTL_pausedomain             3 /* no argument */
#define XEN_DOMCTL_unpausedomain           4 /* no argument */
#define XEN_DOMCTL_getdomaininfo           5 /* of the first domain not below the one named */
#define XEN_DOMCTL_setvcpuaffinity         9 /* vcpuaffinity */
#define XEN_DOMCTL_shadow_op               10
#define XEN_DOMCTL_max_mem                 11
#define XEN_DOMCTL_setvcpucontext          12 /* vcpucontext; no address: reset */
#define XEN_DOMCTL_getvcpucontext          13 /* vcpucontext */
#define XEN_DOMCTL_getvcpuinfo             14
#define XEN_DOMCTL_max_vcpus               15
#define XEN_DOMCTL_scheduler_op            16
#define XEN_DOMCTL_setdomainhandle         17
#define XEN_DOMCTL_setdebugging            18
#define XEN_DOMCTL_irq_permission          19
#define XEN_DOMCTL_iomem_permission        20
#define XEN_DOMCTL_ioport_permission       21
#define XEN_DOMCTL_hypercall_init          22
#define XEN_DOMCTL_settimeoffset           24
#define XEN_DOMCTL_getvcpuaffinity         25 /* vcpuaffinity */
#define XEN_DOMCTL_real_mode_area          26 /* not of x86 */
#define XEN_DOMCTL_resumedomain            27 /* no argument */
#define XEN_DOMCTL_sendtrigger             28
#define XEN_DOMCTL_subscribe               29
#define XEN_DOMCTL_gethvmcontext           33 /* hvmcontext */
#define XEN_DOMCTL_sethvmcontext           34 /* hvmcontext */
#define XEN_DOMCTL_set_address_size        35 /* address_size */
#define XEN_DOMCTL_get_address_size        36 /* address_size */
#define XEN_DOMCTL_assign_device           37
#define XEN_DOMCTL_bind_pt_irq             38
#define XEN_DOMCTL_memory_mapping          39
#define XEN_DOMCTL_ioport_mapping          40
#define XEN_DOMCTL_set_ext_vcpucontext     42 /* ext_vcpucontext */
#define XEN_DOMCTL_get_ext_vcpucontext     43 /* ext_vcpucontext */
#define XEN_DOMCTL_set_opt_feature         44 /* not of x86 */
#define XEN_DOMCTL_test_assign_device      45 /* assign_device */
#define XEN_DOMCTL_set_target              46
#define XEN_DOMCTL_deassign_device         47 /* assign_device */
#define XEN_DOMCTL_unbind_pt_irq           48 /* bind_pt_irq */
#define XEN_DOMCTL_get_device_group        50
#define XEN_DOMCTL_debug_op                54
#define XEN_DOMCTL_gethvmcontext_partial   55 /* hvmcontext_partial */
#define XEN_DOMCTL_vm_event_op             56
#define XEN_DOMCTL_mem_sharing_op          57
#define XEN_DOMCTL_gettscinfo              59 /* tsc_info */
#define XEN_DOMCTL_settscinfo              60 /* tsc_info */
#define XEN_DOMCTL_getpageframeinfo3       61
#define XEN_DOMCTL_setvcpuextstate         62 /* vcpuextstate */
#define XEN_DOMCTL_getvcpuextstate         63 /* vcpuextstate */
#define XEN_DOMCTL_set_access_required     64
#define XEN_DOMCTL_audit_p2m               65
#define XEN_DOMCTL_set_virq_handler        66
#define XEN_DOMCTL_set_broken_page_p2m     67
#define XEN_DOMCTL_setnodeaffinity         68 /* nodeaffinity */
#define XEN_DOMCTL_getnodeaffinity         69 /* nodeaffinity */
#define XEN_DOMCTL_cacheflush              71
#define XEN_DOMCTL_get_vcpu_msrs           72 /* vcpu_msrs */
#define XEN_DOMCTL_set_vcpu_msrs           73 /* vcpu_msrs */
#define XEN_DOMCTL_setvnumainfo            74 /* vnuma */
#define XEN_DOMCTL_psr_cmt_op              75
#define XEN_DOMCTL_monitor_op              77
#define XEN_DOMCTL_psr_alloc               78
#define XEN_DOMCTL_soft_reset              79 /* no argument */
#define XEN_DOMCTL_vuart_op                81
#define XEN_DOMCTL_get_cpu_policy          82 /* cpu_policy */
#define XEN_DOMCTL_set_cpu_policy          83 /* cpu_policy */
#define XEN_DOMCTL_vmtrace_op              84
#define XEN_DOMCTL_get_paging_mempool_size 85   /* paging_mempool */
#define XEN_DOMCTL_set_paging_mempool_size 86   /* paging_mempool */
#define XEN_DOMCTL_gdbsx_guestmemio        1000 /* gdbsx_memio */
#define XEN_DOMCTL_gdbsx_pausevcpu         1001 /* gdbsx_pauseunp_vcpu */
#define XEN_DOMCTL_gdbsx_unpausevcpu       1002 /* gdbsx_pauseunp_vcpu */
#define XEN_DOMCTL_gdbsx_domstatus         1003

/* xen_domctl_createdomain.flags. */
#define XEN_DOMCTL_CDF_hvm          (1 << 0)
#define XEN_DOMCTL_CDF_hap          (1 << 1) /* second-level tables in hardware */
#define XEN_DOMCTL_CDF_s3_integrity (1 << 2)
#define XEN_DOMCTL_CDF_oos_off      (1 << 3)
#define XEN_DOMCTL_CDF_xs_domain    (1 << 4) /* runs xenstore */
#define XEN_DOMCTL_CDF_iommu        (1 << 5)
#define XEN_DOMCTL_CDF_nested_virt  (1 << 6)
#define XEN_DOMCTL_CDF_vpmu         (1 << 7)
#define XEN_DOMCTL_CDF_MAX          XEN_DOMCTL_CDF_vpmu

/* xen_domctl_createdomain.iommu_opts. */
#define XEN_DOMCTL_IOMMU_no_sharept (1 << 0)
#define XEN_DOMCTL_IOMMU_MAX        XEN_DOMCTL_IOMMU_no_sharept

/* xen_domctl_createdomain.grant_opts: the highest version of the table. */
#define XEN_DOMCTL_GRANT_version_mask 0xf
#define XEN_DOMCTL_GRANT_version(v)   ((v)&XEN_DOMCTL_GRANT_version_mask)

struct xen_domctl_createdomain {
    uint32_t ssidref;
    xen_domain_handle_t handle;
    uint32_t flags;
    uint32_t iommu_opts;
    uint32_t max_vcpus;
    uint32_t max_evtchn_port;
    int32_t max_grant_frames;    /* negative: the hypervisor's default */
    int32_t max_maptrack_frames; /* negative: the hypervisor's default */
    uint32_t grant_opts;
    uint32_t vmtrace_size; /* bytes for each vCPU */
    uint32_t cpupool_id;
    struct xen_arch_domainconfig arch;
};

/* xen_domctl_getdomaininfo.flags; the shutdown reason stands above the shift. */
#define XEN_DOMINF_dying         (1 << 0)
#define XEN_DOMINF_hvm_guest     (1 << 1)
#define XEN_DOMINF_shutdown      (1 << 2)
#define XEN_DOMINF_paused        (1 << 3) /* by the tools */
#define XEN_DOMINF_blocked       (1 << 4)
#define XEN_DOMINF_running       (1 << 5)
#define XEN_DOMINF_debugged      (1 << 6)
#define XEN_DOMINF_xs_domain     (1 << 7)
#define XEN_DOMINF_hap           (1 << 8)
#define XEN_DOMINF_shutdownmask  255
#define XEN_DOMINF_shutdownshift 16

#define XEN_INVALID_MAX_VCPU_ID 0xffffffff

struct xen_domctl_getdomaininfo {
    domid_t domain;
    uint16_t pad1;
    uint32_t flags;
    uint64_t tot_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages; /* claimed, not yet allocated */
    uint64_t shr_pages;
    uint64_t paged_pages;
    uint64_t shared_info_frame; /* guest frame */
    uint64_t cpu_time;          /* ns */
    uint32_t nr_online_vcpus;
    uint32_t max_vcpu_id;
    uint32_t ssidref;
    xen_domain_handle_t handle;
    uint32_t cpupool;
    uint8_t gpaddr_bits; /* width of a guest-physical address */
    uint8_t pad2[7];
    struct xen_arch_domainconfig arch_config;
};
DEFINE_GUEST_HANDLE(xen_domctl_getdomaininfo, struct xen_domctl_getdomaininfo);

/* getpageframeinfo3: what a frame serves as, in bits 28-31 of its array element. */
#define XEN_DOMCTL_PFINFO_LTAB_SHIFT    28
#define XEN_DOMCTL_PFINFO_NOTAB         (0x0u << 28)
#define XEN_DOMCTL_PFINFO_L1TAB         (0x1u << 28)
#define XEN_DOMCTL_PFINFO_L2TAB         (0x2u << 28)
#define XEN_DOMCTL_PFINFO_L3TAB         (0x3u << 28)
#define XEN_DOMCTL_PFINFO_L4TAB         (0x4u << 28)
#define XEN_DOMCTL_PFINFO_LTABTYPE_MASK (0x7u << 28)
#define XEN_DOMCTL_PFINFO_LPINTAB       (0x1u << 31) /* pinned */
#define XEN_DOMCTL_PFINFO_BROKEN        (0xdu << 28)
#define XEN_DOMCTL_PFINFO_XALLOC        (0xeu << 28) /* for images: only to be allocated */
#define XEN_DOMCTL_PFINFO_XTAB          (0xfu << 28) /* no such frame */
#define XEN_DOMCTL_PFINFO_LTAB_MASK     (0xfu << 28)

struct xen_domctl_getpageframeinfo3 {
    uint64_t num;
    guest_handle_uint64 array; /* in: frames; out: XEN_DOMCTL_PFINFO_* */
};

/* xen_domctl_shadow_op.op. */
#define XEN_DOMCTL_SHADOW_OP_OFF             0
#define XEN_DOMCTL_SHADOW_OP_ENABLE_TEST     1
#define XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY 2
#define XEN_DOMCTL_SHADOW_OP_CLEAN           11 /* takes the bitmap and clears it */
#define XEN_DOMCTL_SHADOW_OP_PEEK            12 /* takes the bitmap */
#define XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION  30
#define XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION  31
#define XEN_DOMCTL_SHADOW_OP_ENABLE          32

/* xen_domctl_shadow_op.mode, of ENABLE and then of CLEAN and PEEK. */
#define XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT  (1 << 1)
#define XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY (1 << 2)
#define XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE (1 << 3)
#define XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL  (1 << 4)
#define XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL   (1 << 0) /* the domain will not run again */

struct xen_domctl_shadow_op_stats {
    uint32_t fault_count;
    uint32_t dirty_count;
};

struct xen_domctl_shadow_op {
    uint32_t op;
    uint32_t mode;
    uint32_t mb; /* GET and SET_ALLOCATION: MiB */
    guest_handle_uint8 dirty_bitmap;
    uint64_t pages; /* in: room in the bitmap; out: filled */
    struct xen_domctl_shadow_op_stats stats;
};

struct xen_domctl_max_mem {
    uint64_t max_memkb; /* KiB */
};

struct xen_domctl_vcpucontext {
    uint32_t vcpu;
    guest_handle_vcpu_guest_context ctxt;
};

struct xen_domctl_getvcpuinfo {
    uint32_t vcpu;
    uint8_t online;
    uint8_t blocked;
    uint8_t running;
    uint64_t cpu_time; /* ns */
    uint32_t cpu;
};

struct xen_domctl_nodeaffinity {
    struct xenctl_bitmap nodemap;
};

/* xen_domctl_vcpuaffinity.flags: which to set or get; FORCE undoes a temporary pinning. */
#define XEN_VCPUAFFINITY_HARD  (1 << 0)
#define XEN_VCPUAFFINITY_SOFT  (1 << 1)
#define XEN_VCPUAFFINITY_FORCE (1 << 2)

/* A set replaces its maps by what came into effect. */
struct xen_domctl_vcpuaffinity {
    uint32_t vcpu;
    uint32_t flags;
    struct xenctl_bitmap cpumap_hard;
    struct xenctl_bitmap cpumap_soft;
};

struct xen_domctl_max_vcpus {
    uint32_t max;
};

#define XEN_SCHEDULER_CREDIT   5
#define XEN_SCHEDULER_CREDIT2  6
#define XEN_SCHEDULER_ARINC653 7
#define XEN_SCHEDULER_RTDS     8
#define XEN_SCHEDULER_NULL     9

struct xen_domctl_sched_credit {
    uint16_t weight;
    uint16_t cap; /* percent of one CPU, 0: none */
};

struct xen_domctl_sched_credit2 {
    uint16_t weight;
    uint16_t cap;
};

/* xen_domctl_sched_rtds.flags: may use time that nobody reserved. */
#define XEN_DOMCTL_SCHEDRT_extra (1 << 0)

struct xen_domctl_sched_rtds {
    uint32_t period; /* us */
    uint32_t budget; /* us */
    uint32_t flags;
};

struct xen_domctl_schedparam_vcpu {
    union {
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
    } u;
    uint32_t vcpuid;
};
DEFINE_GUEST_HANDLE(xen_domctl_schedparam_vcpu, struct xen_domctl_schedparam_vcpu);

#define XEN_DOMCTL_SCHEDOP_putinfo     0
#define XEN_DOMCTL_SCHEDOP_getinfo     1
#define XEN_DOMCTL_SCHEDOP_putvcpuinfo 2
#define XEN_DOMCTL_SCHEDOP_getvcpuinfo 3

struct xen_domctl_scheduler_op {
    uint32_t sched_id; /* XEN_SCHEDULER_*, that of the domain's pool */
    uint32_t cmd;      /* XEN_DOMCTL_SCHEDOP_* */
    union {
        struct xen_domctl_sched_credit credit;
        struct xen_domctl_sched_credit2 credit2;
        struct xen_domctl_sched_rtds rtds;
        struct {
            guest_handle_xen_domctl_schedparam_vcpu vcpus;
            uint32_t nr_vcpus; /* in: elements; out: done */
            uint32_t padding;
        } v;
    } u;
};

struct xen_domctl_setdomainhandle {
    xen_domain_handle_t handle;
};

struct xen_domctl_setdebugging {
    uint8_t enable;
};

struct xen_domctl_irq_permission {
    uint32_t pirq; /* the caller's */
    uint8_t allow_access;
    uint8_t pad[3];
};

struct xen_domctl_iomem_permission {
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint8_t allow_access;
};

struct xen_domctl_ioport_permission {
    uint32_t first_port;
    uint32_t nr_ports;
    uint8_t allow_access;
};

/* Fills a guest frame with the hypercall page. */
struct xen_domctl_hypercall_init {
    uint64_t gmfn;
};

struct xen_domctl_settimeoffset {
    int64_t time_offset_seconds;
};

/* Without an address, a get answers the size that it needs. */
struct xen_domctl_hvmcontext {
    uint32_t size; /* in and out: bytes */
    guest_handle_uint8 buffer;
};

struct xen_domctl_address_size {
    uint32_t size; /* 32 or 64 */
};

/* xen_domctl_sendtrigger.trigger. */
#define XEN_DOMCTL_SENDTRIGGER_NMI   0
#define XEN_DOMCTL_SENDTRIGGER_RESET 1
#define XEN_DOMCTL_SENDTRIGGER_INIT  2
#define XEN_DOMCTL_SENDTRIGGER_POWER 3
#define XEN_DOMCTL_SENDTRIGGER_SLEEP 4

struct xen_domctl_sendtrigger {
    uint32_t trigger;
    uint32_t vcpu;
};

/* xen_domctl_assign_device.dev and .flags. */
#define XEN_DOMCTL_DEV_PCI         0
#define XEN_DOMCTL_DEV_DT          1 /* device tree */
#define XEN_DOMCTL_DEV_RDM_RELAXED 1 /* reserved memory that cannot be mapped is no error */

struct xen_domctl_assign_device {
    uint32_t dev;
    uint32_t flags;
    union {
        struct {
            uint32_t machine_sbdf; /* segment << 16 | bus << 8 | devfn */
        } pci;
        struct {
            uint32_t size; /* of the path, bytes */
            guest_handle_char path;
        } dt;
    } u;
};

/* The devices that an IOMMU cannot tell from this one. */
struct xen_domctl_get_device_group {
    uint32_t machine_sbdf;
    uint32_t max_sdevs;
    uint32_t num_sdevs; /* out */
    guest_handle_uint32 sdev_array;
};

/* xen_domctl_bind_pt_irq.irq_type. */
enum pt_irq_type {
    PT_IRQ_TYPE_PCI = 0,
    PT_IRQ_TYPE_ISA = 1,
    PT_IRQ_TYPE_MSI = 2,
    PT_IRQ_TYPE_MSI_TRANSLATE = 3,
    PT_IRQ_TYPE_SPI = 4 /* not of x86 */
};

/* msi.gflags: destination and delivery as in an MSI message, and whether it starts unmasked. */
#define XEN_DOMCTL_VMSI_X86_DEST_ID_MASK 0x0000ff
#define XEN_DOMCTL_VMSI_X86_RH_MASK      0x000100
#define XEN_DOMCTL_VMSI_X86_DM_MASK      0x000200
#define XEN_DOMCTL_VMSI_X86_DELIV_MASK   0x007000
#define XEN_DOMCTL_VMSI_X86_TRIG_MASK    0x008000
#define XEN_DOMCTL_VMSI_X86_UNMASKED     0x010000

struct xen_domctl_bind_pt_irq {
    uint32_t machine_irq;
    uint32_t irq_type;
    union {
        struct {
            uint8_t isa_irq;
        } isa;
        struct {
            uint8_t bus;
            uint8_t device;
            uint8_t intx;
        } pci;
        struct {
            uint8_t gvec;
            uint32_t gflags;
            uint64_t gtable; /* guest address of the MSI-X table */
        } msi;
        struct {
            uint16_t spi;
        } spi;
    } u;
};

/* add_mapping of the two that follow. */
#define DPCI_REMOVE_MAPPING 0
#define DPCI_ADD_MAPPING    1

struct xen_domctl_memory_mapping {
    uint64_t first_gfn;
    uint64_t first_mfn;
    uint64_t nr_mfns;
    uint32_t add_mapping;
    uint32_t padding;
};

struct xen_domctl_ioport_mapping {
    uint32_t first_gport;
    uint32_t first_mport;
    uint32_t nr_ports;
    uint32_t add_mapping;
};

/* Memory types of a pinned range: the architectural numbers. */
#define XEN_DOMCTL_MEM_CACHEATTR_UC     0
#define XEN_DOMCTL_MEM_CACHEATTR_WC     1
#define XEN_DOMCTL_MEM_CACHEATTR_WT     4
#define XEN_DOMCTL_MEM_CACHEATTR_WP     5
#define XEN_DOMCTL_MEM_CACHEATTR_WB     6
#define XEN_DOMCTL_MEM_CACHEATTR_UCM    7
#define XEN_DOMCTL_DELETE_MEM_CACHEATTR 0xffffffff

/* What vcpu_guest_context has no place for. */
struct xen_domctl_ext_vcpucontext {
    uint32_t vcpu;
    uint32_t size; /* in of a set, out of a get: bytes of this struct that are meant */
    uint64_t syscall32_callback_eip;
    uint64_t sysenter_callback_eip;
    uint16_t syscall32_callback_cs;
    uint16_t sysenter_callback_cs;
    uint8_t syscall32_disables_events;
    uint8_t sysenter_disables_events;
    union {
        uint64_t mcg_cap;
        struct hvm_vmce_vcpu vmce;
    };
};

/* The domain may act on this one, as its device model. */
struct xen_domctl_set_target {
    domid_t target;
};

/* xen_cpuid_leaf.subleaf that is not meant. */
#define XEN_CPUID_INPUT_UNUSED 0xFFFFFFFF

struct xen_domctl_cpu_policy {
    uint32_t nr_leaves; /* in: room or elements; out: needed */
    uint32_t nr_msrs;   /* in: room or elements; out: needed */
    guest_handle_xen_cpuid_leaf leaves;
    guest_handle_xen_msr_entry msrs;
    uint32_t err_leaf; /* out of a refused set, as the two that follow: ~0 if not the cause */
    uint32_t err_subleaf;
    uint32_t err_msr;
};

/* The caller's port that tells when the domain has suspended. */
struct xen_domctl_subscribe {
    uint32_t port;
};

/* One record of hvmcontext. */
struct xen_domctl_hvmcontext_partial {
    uint32_t type;
    uint32_t instance;
    uint64_t bufsz; /* in: room; out: bytes */
    guest_handle_uint8 buffer;
};

struct xen_domctl_tsc_info {
    uint32_t tsc_mode; /* 0 default, 1 always emulated, 2 never */
    uint32_t gtsc_khz;
    uint32_t incarnation; /* migrations so far */
    uint32_t pad;
    uint64_t elapsed_nsec;
};

/* This domain, not the initial one, gets a global VIRQ. */
struct xen_domctl_set_virq_handler {
    uint32_t virq;
};

/* Without an address, a get answers mask and size. */
struct xen_domctl_vcpuextstate {
    uint32_t vcpu;
    uint64_t xfeature_mask; /* XCR0 bits */
    uint64_t size;          /* bytes */
    guest_handle_uint64 buffer;
};

struct xen_domctl_set_access_required {
    uint8_t access_required;
};

struct xen_domctl_set_broken_page_p2m {
    uint64_t pfn;
};

struct xen_domctl_cacheflush {
    uint64_t start_pfn;
    uint64_t nr_pfns;
};

/* Memory for second-level or shadow tables. */
struct xen_domctl_paging_mempool {
    uint64_t size; /* bytes */
};

struct xen_domctl_vcpu_msr {
    uint32_t index;
    uint32_t reserved;
    uint64_t value;
};
DEFINE_GUEST_HANDLE(xen_domctl_vcpu_msr, struct xen_domctl_vcpu_msr);

/* Without an address, a get answers the count. */
struct xen_domctl_vcpu_msrs {
    uint32_t vcpu;
    uint32_t msr_count;
    guest_handle_xen_domctl_vcpu_msr msrs;
};

struct xen_domctl_vnuma {
    uint32_t nr_vnodes;
    uint32_t nr_vmemranges;
    uint32_t nr_vcpus;
    uint32_t pad;
    guest_handle_uint32 vdistance;      /* nr_vnodes * nr_vnodes */
    guest_handle_uint32 vcpu_to_vnode;  /* nr_vcpus */
    guest_handle_uint32 vnode_to_pnode; /* nr_vnodes */
    guest_handle_xen_vmemrange vmemrange;
};

/* Cache allocation and memory bandwidth (Intel SDM, volume 3, "Resource Director Technology"). */
#define XEN_DOMCTL_PSR_SET_L3_CBM    0
#define XEN_DOMCTL_PSR_GET_L3_CBM    1
#define XEN_DOMCTL_PSR_SET_L3_CODE   2
#define XEN_DOMCTL_PSR_SET_L3_DATA   3
#define XEN_DOMCTL_PSR_GET_L3_CODE   4
#define XEN_DOMCTL_PSR_GET_L3_DATA   5
#define XEN_DOMCTL_PSR_SET_L2_CBM    6
#define XEN_DOMCTL_PSR_GET_L2_CBM    7
#define XEN_DOMCTL_PSR_SET_MBA_THRTL 8
#define XEN_DOMCTL_PSR_GET_MBA_THRTL 9

struct xen_domctl_psr_alloc {
    uint32_t cmd;
    uint32_t target; /* socket */
    uint64_t data;
};

/* xen_domctl_vuart_op.cmd and .type; not of x86. */
#define XEN_DOMCTL_VUART_OP_INIT     0
#define XEN_DOMCTL_VUART_TYPE_VPL011 0

struct xen_domctl_vuart_op {
    uint32_t cmd;
    uint32_t type;
    uint64_t gfn;
    domid_t console_domid;
    uint8_t pad[2];
    evtchn_port_t evtchn; /* out */
};

struct xen_domctl {
    uint32_t cmd;
    uint32_t interface_version; /* XEN_DOMCTL_INTERFACE_VERSION */
    domid_t domain;
    uint16_t _pad[3];
    union {
        struct xen_domctl_createdomain createdomain;
        struct xen_domctl_getdomaininfo getdomaininfo;
        struct xen_domctl_getpageframeinfo3 getpageframeinfo3;
        struct xen_domctl_nodeaffinity nodeaffinity;
        struct xen_domctl_vcpuaffinity vcpuaffinity;
        struct xen_domctl_shadow_op shadow_op;
        struct xen_domctl_max_mem max_mem;
        struct xen_domctl_vcpucontext vcpucontext;
        struct xen_domctl_getvcpuinfo getvcpuinfo;
        struct xen_domctl_max_vcpus max_vcpus;
        struct xen_domctl_scheduler_op scheduler_op;
        struct xen_domctl_setdomainhandle setdomainhandle;
        struct xen_domctl_setdebugging setdebugging;
        struct xen_domctl_irq_permission irq_permission;
        struct xen_domctl_iomem_permission iomem_permission;
        struct xen_domctl_ioport_permission ioport_permission;
        struct xen_domctl_hypercall_init hypercall_init;
        struct xen_domctl_settimeoffset settimeoffset;
        struct xen_domctl_tsc_info tsc_info;
        struct xen_domctl_hvmcontext hvmcontext;
        struct xen_domctl_hvmcontext_partial hvmcontext_partial;
        struct xen_domctl_address_size address_size;
        struct xen_domctl_sendtrigger sendtrigger;
        struct xen_domctl_get_device_group get_device_group;
        struct xen_domctl_assign_device assign_device;
        struct xen_domctl_bind_pt_irq bind_pt_irq;
        struct xen_domctl_memory_mapping memory_mapping;
        struct xen_domctl_ioport_mapping ioport_mapping;
        struct xen_domctl_ext_vcpucontext ext_vcpucontext;
        struct xen_domctl_set_target set_target;
        struct xen_domctl_subscribe subscribe;
        struct xen_domctl_debug_op debug_op;
        struct xen_domctl_vm_event_op vm_event_op;
        struct xen_domctl_mem_sharing_op mem_sharing_op;
        struct xen_domctl_cpu_policy cpu_policy;
        struct xen_domctl_vcpuextstate vcpuextstate;
        struct xen_domctl_vcpu_msrs vcpu_msrs;
        struct xen_domctl_set_access_required access_required;
        struct xen_domctl_audit_p2m audit_p2m;
        struct xen_domctl_set_virq_handler set_virq_handler;
        struct xen_domctl_gdbsx_memio gdbsx_guest_memio;
        struct xen_domctl_set_broken_page_p2m set_broken_page_p2m;
        struct xen_domctl_cacheflush cacheflush;
        struct xen_domctl_gdbsx_pauseunp_vcpu gdbsx_pauseunp_vcpu;
        struct xen_domctl_gdbsx_domstatus gdbsx_domstatus;
        struct xen_domctl_vnuma vnuma;
        struct xen_domctl_psr_cmt_op psr_cmt_op;
        struct xen_domctl_monitor_op monitor_op;
        struct xen_domctl_psr_alloc psr_alloc;
        struct xen_domctl_vuart_op vuart_op;
        struct xen_domctl_vmtrace_op vmtrace_op;
        struct xen_domctl_paging_mempool paging_mempool;
        uint8_t pad[128];
    } u;
};
DEFINE_GUEST_HANDLE(xen_domctl, struct xen_domctl);

#endif
