/* SPDX-License-Identifier: MIT */
/*
 * Control of the machine by the tools: hypercall sysctl(struct xen_sysctl *), in the version that
 * 4.17's tools speak. This interface is not stable: every version has its own number and layouts.
 */
#ifndef DOMUS_ABI_SYSCTL_H
#define DOMUS_ABI_SYSCTL_H

#include "domctl.h"
#include "sysctl-power.h"

#define XEN_SYSCTL_INTERFACE_VERSION 0x15

/* xen_sysctl.cmd. */
#define XEN_SYSCTL_readconsole            1
#define XEN_SYSCTL_tbuf_op                2
#define XEN_SYSCTL_physinfo               3
#define XEN_SYSCTL_sched_id               4
#define XEN_SYSCTL_perfc_op               5
#define XEN_SYSCTL_getdomaininfolist      6
#define XEN_SYSCTL_debug_keys             7
#define XEN_SYSCTL_getcpuinfo             8
#define XEN_SYSCTL_availheap              9
#define XEN_SYSCTL_get_pmstat             10
#define XEN_SYSCTL_cpu_hotplug            11
#define XEN_SYSCTL_pm_op                  12
#define XEN_SYSCTL_page_offline_op        14
#define XEN_SYSCTL_lockprof_op            15
#define XEN_SYSCTL_cputopoinfo            16
#define XEN_SYSCTL_numainfo               17
#define XEN_SYSCTL_cpupool_op             18
#define XEN_SYSCTL_scheduler_op           19
#define XEN_SYSCTL_coverage_op            20
#define XEN_SYSCTL_psr_cmt_op             21
#define XEN_SYSCTL_pcitopoinfo            22
#define XEN_SYSCTL_psr_alloc              23
#define XEN_SYSCTL_get_cpu_levelling_caps 25
#define XEN_SYSCTL_get_cpu_featureset     26
#define XEN_SYSCTL_livepatch_op           27
#define XEN_SYSCTL_get_cpu_policy         29

/* The hypervisor's log. */
struct xen_sysctl_readconsole {
    uint8_t clear;       /* forget what was read */
    uint8_t incremental; /* start at index */
    uint8_t pad0;
    uint8_t pad1;
    uint32_t index; /* in, and out: where the next read starts */
    guest_handle_char buffer;
    uint32_t count; /* in: room; out: bytes */
};

#define XEN_SYSCTL_TBUFOP_get_info     0
#define XEN_SYSCTL_TBUFOP_set_cpu_mask 1
#define XEN_SYSCTL_TBUFOP_set_evt_mask 2
#define XEN_SYSCTL_TBUFOP_set_size     3
#define XEN_SYSCTL_TBUFOP_enable       4
#define XEN_SYSCTL_TBUFOP_disable      5

/* Trace buffers. */
struct xen_sysctl_tbuf_op {
    uint32_t cmd;
    struct xenctl_bitmap cpu_mask;
    uint32_t evt_mask;
    uint64_t buffer_mfn; /* out: of the description */
    uint32_t size;       /* in: pages for each CPU; out: bytes of the description */
};

/* xen_sysctl_physinfo.capabilities: what domains may have here. */
#define XEN_SYSCTL_PHYSCAP_hvm                (1 << 0)
#define XEN_SYSCTL_PHYSCAP_pv                 (1 << 1)
#define XEN_SYSCTL_PHYSCAP_directio           (1 << 2)
#define XEN_SYSCTL_PHYSCAP_hap                (1 << 3)
#define XEN_SYSCTL_PHYSCAP_shadow             (1 << 4)
#define XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share (1 << 5)
#define XEN_SYSCTL_PHYSCAP_vmtrace            (1 << 6)
#define XEN_SYSCTL_PHYSCAP_vpmu               (1 << 7)
#define XEN_SYSCTL_PHYSCAP_gnttab_v1          (1 << 8)
#define XEN_SYSCTL_PHYSCAP_gnttab_v2          (1 << 9)
#define XEN_SYSCTL_PHYSCAP_MAX                XEN_SYSCTL_PHYSCAP_gnttab_v2

/* All out. */
struct xen_sysctl_physinfo {
    uint32_t threads_per_core;
    uint32_t cores_per_socket;
    uint32_t nr_cpus; /* online */
    uint32_t max_cpu_id;
    uint32_t nr_nodes; /* online */
    uint32_t max_node_id;
    uint32_t cpu_khz;
    uint32_t capabilities;
    uint32_t arch_capabilities;
    uint32_t pad;
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t scrub_pages;
    uint64_t outstanding_pages; /* claimed, not yet allocated */
    uint64_t max_mfn;
    uint32_t hw_cap[8]; /* CPUID words */
};

struct xen_sysctl_sched_id {
    uint32_t sched_id; /* out: XEN_SCHEDULER_* */
};

#define XEN_SYSCTL_PERFCOP_reset 1
#define XEN_SYSCTL_PERFCOP_query 2

struct xen_sysctl_perfc_desc {
    char name[80];
    uint32_t nr_vals; /* that belong to this counter */
};
DEFINE_GUEST_HANDLE(xen_sysctl_perfc_desc, struct xen_sysctl_perfc_desc);

typedef uint32_t xen_sysctl_perfc_val_t;
DEFINE_GUEST_HANDLE(xen_sysctl_perfc_val, xen_sysctl_perfc_val_t);

struct xen_sysctl_perfc_op {
    uint32_t cmd;
    uint32_t nr_counters; /* out */
    uint32_t nr_vals;     /* out */
    guest_handle_xen_sysctl_perfc_desc desc;
    guest_handle_xen_sysctl_perfc_val val;
};

struct xen_sysctl_getdomaininfolist {
    domid_t first_domain;
    uint32_t max_domains;
    guest_handle_xen_domctl_getdomaininfo buffer;
    uint32_t num_domains; /* out */
};

struct xen_sysctl_debug_keys {
    guest_handle_const_char keys;
    uint32_t nr_keys;
};

struct xen_sysctl_cpuinfo {
    uint64_t idletime; /* ns */
};
DEFINE_GUEST_HANDLE(xen_sysctl_cpuinfo, struct xen_sysctl_cpuinfo);

struct xen_sysctl_getcpuinfo {
    uint32_t max_cpus;
    guest_handle_xen_sysctl_cpuinfo info;
    uint32_t nr_cpus; /* out */
};

/* Free memory with addresses of at least min and at most max bits (0: any). */
struct xen_sysctl_availheap {
    uint32_t min_bitwidth;
    uint32_t max_bitwidth;
    int32_t node;         /* negative: all */
    uint64_t avail_bytes; /* out */
};

#define XEN_SYSCTL_CPU_HOTPLUG_ONLINE      0
#define XEN_SYSCTL_CPU_HOTPLUG_OFFLINE     1
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE  2
#define XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE 3

struct xen_sysctl_cpu_hotplug {
    uint32_t cpu;
    uint32_t op;
};

/* xen_sysctl_page_offline_op.cmd. */
#define sysctl_page_offline       1
#define sysctl_page_online        2
#define sysctl_query_page_offline 3

/* Frames [start, end], both inclusive; status has one word for each. */
struct xen_sysctl_page_offline_op {
    uint32_t cmd;
    uint32_t start;
    uint32_t end;
    guest_handle_uint32 status;
};

/* status of an offline: result in the low byte, then why, then the owner. */
#define PG_OFFLINE_STATUS_MASK  0xff
#define PG_OFFLINE_INVALID      (1 << 0)
#define PG_OFFLINE_OFFLINED     (1 << 1)
#define PG_OFFLINE_PENDING      (1 << 2)
#define PG_OFFLINE_FAILED       (1 << 3)
#define PG_OFFLINE_AGAIN        (1 << 4)
#define PG_OFFLINE_MISC_MASK    (0xff << 4)
#define PG_OFFLINE_XENPAGE      (1 << 8)
#define PG_OFFLINE_DOM0PAGE     (1 << 9)
#define PG_OFFLINE_ANONYMOUS    (1 << 10)
#define PG_OFFLINE_NOT_CONV_RAM (1 << 11)
#define PG_OFFLINE_OWNED        (1 << 12)
#define PG_OFFLINE_BROKEN       (1 << 13)
#define PG_OFFLINE_OWNER_SHIFT  16

/* status of an online. */
#define PG_ONLINE_FAILED  PG_OFFLINE_FAILED
#define PG_ONLINE_ONLINED PG_OFFLINE_OFFLINED
#define PG_ONLINE_BROKEN  PG_OFFLINE_BROKEN

/* status of a query. */
#define PG_OFFLINE_STATUS_OFFLINED        (1 << 1)
#define PG_OFFLINE_STATUS_ONLINE          (1 << 2)
#define PG_OFFLINE_STATUS_OFFLINE_PENDING (1 << 3)
#define PG_OFFLINE_STATUS_BROKEN          (1 << 4)

#define XEN_SYSCTL_LOCKPROF_reset 1
#define XEN_SYSCTL_LOCKPROF_query 2

/* xen_sysctl_lockprof_data.type. */
#define LOCKPROF_TYPE_GLOBAL 0
#define LOCKPROF_TYPE_PERDOM 1 /* idx is the domain */
#define LOCKPROF_TYPE_N      2

struct xen_sysctl_lockprof_data {
    char name[40];
    int32_t type;
    int32_t idx;
    uint64_t lock_cnt;
    uint64_t block_cnt;
    uint64_t lock_time;  /* ns held */
    uint64_t block_time; /* ns waited */
};
DEFINE_GUEST_HANDLE(xen_sysctl_lockprof_data, struct xen_sysctl_lockprof_data);

struct xen_sysctl_lockprof_op {
    uint32_t cmd;
    uint32_t max_elem;
    uint32_t nr_elem; /* out */
    uint64_t time;    /* out: ns since the reset */
    guest_handle_xen_sysctl_lockprof_data data;
};

/* Topology. */
#define XEN_INVALID_CORE_ID   0xffffffff
#define XEN_INVALID_SOCKET_ID 0xffffffff
#define XEN_INVALID_NODE_ID   0xffffffff
#define XEN_INVALID_MEM_SZ    0xffffffff
#define XEN_INVALID_NODE_DIST 0xffffffff
#define XEN_INVALID_DEV       (XEN_INVALID_NODE_ID - 1)

struct xen_sysctl_cputopo {
    uint32_t core;
    uint32_t socket;
    uint32_t node;
};
DEFINE_GUEST_HANDLE(xen_sysctl_cputopo, struct xen_sysctl_cputopo);

/* Without an address, answers the count; so does xen_sysctl_numainfo. */
struct xen_sysctl_cputopoinfo {
    uint32_t num_cpus;
    guest_handle_xen_sysctl_cputopo cputopo;
};

struct xen_sysctl_meminfo {
    uint64_t memsize; /* bytes */
    uint64_t memfree; /* bytes */
};
DEFINE_GUEST_HANDLE(xen_sysctl_meminfo, struct xen_sysctl_meminfo);

struct xen_sysctl_numainfo {
    uint32_t num_nodes;
    guest_handle_xen_sysctl_meminfo meminfo;
    guest_handle_uint32 distance; /* num_nodes * num_nodes */
};

struct xen_sysctl_pcitopoinfo {
    uint32_t num_devs; /* in: elements; out: done */
    guest_handle_physdev_pci_device devs;
    guest_handle_uint32 nodes; /* out */
};

/* xen_sysctl_cpupool_op.op. */
#define XEN_SYSCTL_CPUPOOL_OP_CREATE     1
#define XEN_SYSCTL_CPUPOOL_OP_DESTROY    2
#define XEN_SYSCTL_CPUPOOL_OP_INFO       3 /* of the first pool not below the one named */
#define XEN_SYSCTL_CPUPOOL_OP_ADDCPU     4
#define XEN_SYSCTL_CPUPOOL_OP_RMCPU      5
#define XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN 6
#define XEN_SYSCTL_CPUPOOL_OP_FREEINFO   7 /* CPUs of no pool */

/* cpupool_id or cpu: the hypervisor chooses. */
#define XEN_SYSCTL_CPUPOOL_PAR_ANY 0xFFFFFFFF

struct xen_sysctl_cpupool_op {
    uint32_t op;
    uint32_t cpupool_id;
    uint32_t sched_id; /* XEN_SCHEDULER_* */
    uint32_t domid;
    uint32_t cpu;
    uint32_t n_dom; /* out */
    struct xenctl_bitmap cpumap;
};

#define ARINC653_MAX_DOMAINS_PER_SCHEDULE 64

struct xen_sysctl_arinc653_schedule {
    uint64_t major_frame; /* ns */
    uint8_t num_sched_entries;
    struct {
        xen_domain_handle_t dom_handle;
        uint32_t vcpu_id;
        uint64_t runtime; /* ns */
    } sched_entries[ARINC653_MAX_DOMAINS_PER_SCHEDULE];
};
DEFINE_GUEST_HANDLE(xen_sysctl_arinc653_schedule, struct xen_sysctl_arinc653_schedule);

/* ratelimit_us: least time that a vCPU runs; 0 turns it off. */
#define XEN_SYSCTL_SCHED_RATELIMIT_MIN 100
#define XEN_SYSCTL_SCHED_RATELIMIT_MAX 500000

#define XEN_SYSCTL_CSCHED_TSLICE_MIN     1
#define XEN_SYSCTL_CSCHED_TSLICE_MAX     1000
#define XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US (100 * 1000)

struct xen_sysctl_credit_schedule {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
    uint32_t vcpu_migr_delay_us;
};

struct xen_sysctl_credit2_schedule {
    uint32_t ratelimit_us;
};

#define XEN_SYSCTL_SCHEDOP_putinfo 0
#define XEN_SYSCTL_SCHEDOP_getinfo 1

struct xen_sysctl_scheduler_op {
    uint32_t cpupool_id;
    uint32_t sched_id; /* XEN_SCHEDULER_*, that of the pool */
    uint32_t cmd;      /* XEN_SYSCTL_SCHEDOP_* */
    union {
        struct xen_sysctl_sched_arinc653 {
            guest_handle_xen_sysctl_arinc653_schedule schedule;
        } sched_arinc653;
        struct xen_sysctl_credit_schedule sched_credit;
        struct xen_sysctl_credit2_schedule sched_credit2;
    } u;
};

#define XEN_GCOV_FORMAT_MAGIC 0x58434f56

#define XEN_SYSCTL_COVERAGE_get_size 0
#define XEN_SYSCTL_COVERAGE_read     1
#define XEN_SYSCTL_COVERAGE_reset    2

struct xen_sysctl_coverage_op {
    uint32_t cmd;
    uint32_t size; /* in or out: bytes */
    guest_handle_char buffer;
};

/* Cache monitoring, allocation, memory bandwidth (Intel SDM, volume 3, "Resource Director ..."). */
#define XEN_SYSCTL_PSR_CMT_get_total_rmid          0
#define XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor 1
#define XEN_SYSCTL_PSR_CMT_get_l3_cache_size       2
#define XEN_SYSCTL_PSR_CMT_enabled                 3
#define XEN_SYSCTL_PSR_CMT_get_l3_event_mask       4

struct xen_sysctl_psr_cmt_op {
    uint32_t cmd;
    uint32_t flags;
    union {
        uint64_t data; /* out */
        struct {
            uint32_t cpu; /* in */
            uint32_t rsvd;
        } l3_cache;
    } u;
};

#define XEN_SYSCTL_PSR_get_l3_info  0
#define XEN_SYSCTL_PSR_get_l2_info  1
#define XEN_SYSCTL_PSR_get_mba_info 2

#define XEN_SYSCTL_PSR_CAT_L3_CDP (1 << 0)
#define XEN_SYSCTL_PSR_MBA_LINEAR (1 << 0)

struct xen_sysctl_psr_alloc {
    uint32_t cmd;
    uint32_t target; /* socket */
    union {
        struct {
            uint32_t cbm_len; /* bits */
            uint32_t cos_max;
            uint32_t flags; /* XEN_SYSCTL_PSR_CAT_* */
        } cat_info;
        struct {
            uint32_t thrtl_max;
            uint32_t cos_max;
            uint32_t flags; /* XEN_SYSCTL_PSR_MBA_* */
        } mba_info;
    } u;
};

/* xen_sysctl_cpu_levelling_caps.caps: which CPUID words may differ between PV guests. */
#define XEN_SYSCTL_CPU_LEVELCAP_faulting    (1 << 0)
#define XEN_SYSCTL_CPU_LEVELCAP_ecx         (1 << 1)
#define XEN_SYSCTL_CPU_LEVELCAP_edx         (1 << 2)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_ecx    (1 << 3)
#define XEN_SYSCTL_CPU_LEVELCAP_extd_edx    (1 << 4)
#define XEN_SYSCTL_CPU_LEVELCAP_xsave_eax   (1 << 5)
#define XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx (1 << 6)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax    (1 << 7)
#define XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx    (1 << 8)

struct xen_sysctl_cpu_levelling_caps {
    uint32_t caps;
};

/* xen_sysctl_cpu_featureset.index. */
#define XEN_SYSCTL_cpu_featureset_raw     0
#define XEN_SYSCTL_cpu_featureset_host    1
#define XEN_SYSCTL_cpu_featureset_pv      2
#define XEN_SYSCTL_cpu_featureset_hvm     3
#define XEN_SYSCTL_cpu_featureset_pv_max  4
#define XEN_SYSCTL_cpu_featureset_hvm_max 5

struct xen_sysctl_cpu_featureset {
    uint32_t index;
    uint32_t nr_features; /* in: room; out: words */
    guest_handle_uint32 features;
};

/* xen_sysctl_cpu_policy.index. */
#define XEN_SYSCTL_cpu_policy_raw         0
#define XEN_SYSCTL_cpu_policy_host        1
#define XEN_SYSCTL_cpu_policy_pv_max      2
#define XEN_SYSCTL_cpu_policy_hvm_max     3
#define XEN_SYSCTL_cpu_policy_pv_default  4
#define XEN_SYSCTL_cpu_policy_hvm_default 5

struct xen_sysctl_cpu_policy {
    uint32_t index;
    uint32_t nr_leaves; /* in: room; out: needed */
    uint32_t nr_msrs;   /* in: room; out: needed */
    uint32_t _rsvd;
    guest_handle_xen_cpuid_leaf leaves;
    guest_handle_xen_msr_entry msrs;
};

/* Patches to the running hypervisor. */
#define LIVEPATCH_PAYLOAD_VERSION 2
#define XEN_LIVEPATCH_NAME_SIZE   128 /* bytes, the end mark included */

/* xen_sysctl_livepatch_op.cmd. */
#define XEN_SYSCTL_LIVEPATCH_UPLOAD 0
#define XEN_SYSCTL_LIVEPATCH_GET    1
#define XEN_SYSCTL_LIVEPATCH_LIST   2
#define XEN_SYSCTL_LIVEPATCH_ACTION 3

/* xen_livepatch_status.state. */
#define LIVEPATCH_STATE_CHECKED 1
#define LIVEPATCH_STATE_APPLIED 2

/* xen_sysctl_livepatch_action.cmd and .flags. */
#define LIVEPATCH_ACTION_UNLOAD       1
#define LIVEPATCH_ACTION_REVERT       2
#define LIVEPATCH_ACTION_APPLY        3
#define LIVEPATCH_ACTION_REPLACE      4
#define LIVEPATCH_ACTION_APPLY_NODEPS (1 << 0)

struct xen_livepatch_name {
    guest_handle_char name;
    uint16_t size; /* bytes */
    uint16_t pad[3];
};

struct xen_sysctl_livepatch_upload {
    struct xen_livepatch_name name;
    uint64_t size; /* bytes */
    guest_handle_uint8 payload;
};

struct xen_livepatch_status {
    uint32_t state;
    int32_t rc; /* of the last action; -EAGAIN while it is under way */
};
DEFINE_GUEST_HANDLE(xen_livepatch_status, struct xen_livepatch_status);

struct xen_sysctl_livepatch_get {
    struct xen_livepatch_name name;
    struct xen_livepatch_status status; /* out */
};

struct xen_sysctl_livepatch_list {
    uint32_t version; /* in and out: changes with the list */
    uint32_t idx;     /* first wanted */
    uint32_t nr;      /* in: room; out: left */
    uint32_t pad;
    uint32_t name_total_size;     /* out: bytes */
    uint32_t metadata_total_size; /* out: bytes */
    guest_handle_xen_livepatch_status status;
    guest_handle_char name;
    guest_handle_uint32 len;
    guest_handle_char metadata;
    guest_handle_uint32 metadata_len;
};

struct xen_sysctl_livepatch_action {
    struct xen_livepatch_name name;
    uint32_t cmd;
    uint32_t timeout; /* ns, 0: the default */
    uint32_t flags;
    uint32_t pad;
};

struct xen_sysctl_livepatch_op {
    uint32_t cmd;
    uint32_t pad;
    union {
        struct xen_sysctl_livepatch_upload upload;
        struct xen_sysctl_livepatch_list list;
        struct xen_sysctl_livepatch_get get;
        struct xen_sysctl_livepatch_action action;
    } u;
};

struct xen_sysctl {
    uint32_t cmd;
    uint32_t interface_version; /* XEN_SYSCTL_INTERFACE_VERSION */
    union {
        struct xen_sysctl_readconsole readconsole;
        struct xen_sysctl_tbuf_op tbuf_op;
        struct xen_sysctl_physinfo physinfo;
        struct xen_sysctl_cputopoinfo cputopoinfo;
        struct xen_sysctl_pcitopoinfo pcitopoinfo;
        struct xen_sysctl_numainfo numainfo;
        struct xen_sysctl_sched_id sched_id;
        struct xen_sysctl_perfc_op perfc_op;
        struct xen_sysctl_getdomaininfolist getdomaininfolist;
        struct xen_sysctl_debug_keys debug_keys;
        struct xen_sysctl_getcpuinfo getcpuinfo;
        struct xen_sysctl_availheap availheap;
        struct xen_sysctl_get_pmstat get_pmstat;
        struct xen_sysctl_cpu_hotplug cpu_hotplug;
        struct xen_sysctl_pm_op pm_op;
        struct xen_sysctl_page_offline_op page_offline;
        struct xen_sysctl_lockprof_op lockprof_op;
        struct xen_sysctl_cpupool_op cpupool_op;
        struct xen_sysctl_scheduler_op scheduler_op;
        struct xen_sysctl_coverage_op coverage_op;
        struct xen_sysctl_psr_cmt_op psr_cmt_op;
        struct xen_sysctl_psr_alloc psr_alloc;
        struct xen_sysctl_cpu_levelling_caps cpu_levelling_caps;
        struct xen_sysctl_cpu_featureset cpu_featureset;
        struct xen_sysctl_livepatch_op livepatch;
        struct xen_sysctl_cpu_policy cpu_policy;
        uint8_t pad[128];
    } u;
};
DEFINE_GUEST_HANDLE(xen_sysctl, struct xen_sysctl);

#endif
