/* SPDX-License-Identifier: MIT */
/*
 * Memory of domains: hypercall memory_op(cmd, struct *). Growing and shrinking, the guest frame
 * map, memory maps, and mapping what the hypervisor owns. A command's high bits (from bit 6) carry
 * the progress of a continued call.
 */
#ifndef DOMUS_ABI_MEMORY_H
#define DOMUS_ABI_MEMORY_H

#include "physdev.h"

#define XENMEM_increase_reservation       0
#define XENMEM_decrease_reservation       1
#define XENMEM_maximum_ram_page           2 /* no argument; result: highest frame of the machine */
#define XENMEM_current_reservation        3 /* xen_memory_domain; result: pages */
#define XENMEM_maximum_reservation        4 /* xen_memory_domain; result: pages */
#define XENMEM_machphys_mfn_list          5
#define XENMEM_populate_physmap           6
#define XENMEM_add_to_physmap             7
#define XENMEM_memory_map                 9  /* the caller's */
#define XENMEM_machine_memory_map         10 /* the machine's */
#define XENMEM_exchange                   11
#define XENMEM_machphys_mapping           12
#define XENMEM_set_memory_map             13
#define XENMEM_maximum_gpfn               14 /* xen_memory_domain; result: highest guest frame */
#define XENMEM_remove_from_physmap        15
#define XENMEM_set_pod_target             16
#define XENMEM_get_pod_target             17
#define XENMEM_get_sharing_freed_pages    18 /* no argument */
#define XENMEM_get_sharing_shared_pages   19 /* no argument */
#define XENMEM_paging_op                  20
#define XENMEM_access_op                  21
#define XENMEM_sharing_op                 22
#define XENMEM_add_to_physmap_batch       23
#define XENMEM_claim_pages                24 /* xen_memory_reservation */
#define XENMEM_machphys_compat_mfn_list   25
#define XENMEM_get_vnumainfo              26
#define XENMEM_reserved_device_memory_map 27
#define XENMEM_acquire_resource           28

/* xen_memory_reservation.mem_flags: bits 0-7 address width (0: any), 8-15 node + 1 (0: any). */
#define XENMEMF_address_bits(x)     (x)
#define XENMEMF_get_address_bits(x) ((x)&0xff)
#define XENMEMF_node(x)             (((x) + 1) << 8)
#define XENMEMF_get_node(x)         ((((x) >> 8) - 1) & 0xffu)
#define XENMEMF_populate_on_demand  (1 << 16)
#define XENMEMF_exact_node_request  (1 << 17) /* that node or none */
#define XENMEMF_exact_node(n)       (XENMEMF_node(n) | XENMEMF_exact_node_request)
#define XENMEMF_vnode               (1 << 18) /* the node is a virtual one */

/* An extent is 1 << extent_order pages; the result is how many extents were done. */
struct xen_memory_reservation {
    guest_handle_uint64 extent_start; /* frame numbers, in or out by the operation */
    uint64_t nr_extents;
    uint32_t extent_order;
    uint32_t mem_flags; /* XENMEMF_* */
    domid_t domid;
};
DEFINE_GUEST_HANDLE(xen_memory_reservation, struct xen_memory_reservation);

/* Gives the frames of `in` and gets those of `out`: the same amount, in any extent size. */
struct xen_memory_exchange {
    struct xen_memory_reservation in;
    struct xen_memory_reservation out;
    uint64_t nr_exchanged; /* 0 in; out: extents of `in` that were exchanged */
};
DEFINE_GUEST_HANDLE(xen_memory_exchange, struct xen_memory_exchange);

struct xen_memory_domain {
    domid_t domid;
};
DEFINE_GUEST_HANDLE(xen_memory_domain, struct xen_memory_domain);

/* The machine-to-physical table as a list of 2 MiB pieces. */
struct xen_machphys_mfn_list {
    uint32_t max_extents;
    guest_handle_uint64 extent_start; /* out: first frame of each piece */
    uint32_t nr_extents;              /* out */
};
DEFINE_GUEST_HANDLE(xen_machphys_mfn_list, struct xen_machphys_mfn_list);

/* The machine-to-physical table as the caller sees it: [v_start, v_end). All out. */
struct xen_machphys_mapping {
    uint64_t v_start;
    uint64_t v_end;
    uint64_t max_mfn;
};
DEFINE_GUEST_HANDLE(xen_machphys_mapping, struct xen_machphys_mapping);

/* xen_add_to_physmap.space: what idx is a number of. */
#define XENMAPSPACE_shared_info  0
#define XENMAPSPACE_grant_table  1
#define XENMAPSPACE_gmfn         2
#define XENMAPSPACE_gmfn_range   3
#define XENMAPSPACE_gmfn_foreign 4 /* batch only */
#define XENMAPSPACE_dev_mmio     5

/* XENMAPSPACE_grant_table: idx counts status frames. */
#define XENMAPIDX_grant_table_status 0x80000000

struct xen_add_to_physmap {
    domid_t domid;
    uint16_t size; /* pages, of gmfn_range */
    uint32_t space;
    uint64_t idx;
    uint64_t gpfn;
};
DEFINE_GUEST_HANDLE(xen_add_to_physmap, struct xen_add_to_physmap);

struct xen_add_to_physmap_batch {
    domid_t domid;
    uint16_t space;
    uint16_t size; /* elements of each array */
    union xen_add_to_physmap_batch_extra {
        domid_t foreign_domid;
        uint16_t res0;
    } u;
    guest_handle_uint64 idxs;
    guest_handle_uint64 gpfns;
    guest_handle_int errs; /* out: one error code each */
};
DEFINE_GUEST_HANDLE(xen_add_to_physmap_batch, struct xen_add_to_physmap_batch);

struct xen_remove_from_physmap {
    domid_t domid;
    uint64_t gpfn;
};
DEFINE_GUEST_HANDLE(xen_remove_from_physmap, struct xen_remove_from_physmap);

/* Element of the buffers below: 20 bytes (ACPI specification, "Address Range Descriptor"). */
struct xen_e820_entry {
    uint64_t addr;
    uint64_t size; /* bytes */
    uint32_t type;
} __attribute__((__packed__));
DEFINE_GUEST_HANDLE(xen_e820_entry, struct xen_e820_entry);

struct xen_memory_map {
    uint32_t nr_entries; /* in: room; out: used */
    guest_handle_void buffer;
};
DEFINE_GUEST_HANDLE(xen_memory_map, struct xen_memory_map);

struct xen_foreign_memory_map {
    domid_t domid;
    struct xen_memory_map map;
};
DEFINE_GUEST_HANDLE(xen_foreign_memory_map, struct xen_foreign_memory_map);

/* Populate on demand; pages. */
struct xen_pod_target {
    uint64_t target_pages;
    uint64_t tot_pages;       /* out */
    uint64_t pod_cache_pages; /* out */
    uint64_t pod_entries;     /* out */
    domid_t domid;
};
DEFINE_GUEST_HANDLE(xen_pod_target, struct xen_pod_target);

#define XENMEM_paging_op_nominate 0
#define XENMEM_paging_op_evict    1
#define XENMEM_paging_op_prep     2

struct xen_mem_paging_op {
    uint8_t op; /* XENMEM_paging_op_* */
    domid_t domain;
    guest_handle_const_uint8 buffer; /* prep: a page */
    uint64_t gfn;
};
DEFINE_GUEST_HANDLE(xen_mem_paging_op, struct xen_mem_paging_op);

#define XENMEM_access_op_set_access       0
#define XENMEM_access_op_get_access       1
#define XENMEM_access_op_set_access_multi 4

/* xen_mem_access_op.access. */
enum {
    XENMEM_access_n = 0,
    XENMEM_access_r = 1,
    XENMEM_access_w = 2,
    XENMEM_access_rw = 3,
    XENMEM_access_x = 4,
    XENMEM_access_rx = 5,
    XENMEM_access_wx = 6,
    XENMEM_access_rwx = 7,
    XENMEM_access_rx2rw = 8,   /* becomes rw by the first write */
    XENMEM_access_n2rwx = 9,   /* becomes rwx by the first access */
    XENMEM_access_default = 10 /* the domain's */
};

struct xen_mem_access_op {
    uint8_t op; /* XENMEM_access_op_* */
    uint8_t access;
    domid_t domid;
    uint32_t nr;
    uint64_t pfn; /* ~0: the domain's default */
    guest_handle_const_uint64 pfn_list;
    guest_handle_const_uint8 access_list;
};
DEFINE_GUEST_HANDLE(xen_mem_access_op, struct xen_mem_access_op);

#define XENMEM_sharing_op_nominate_gfn  0
#define XENMEM_sharing_op_nominate_gref 1
#define XENMEM_sharing_op_share         2
#define XENMEM_sharing_op_debug_gfn     3
#define XENMEM_sharing_op_debug_mfn     4
#define XENMEM_sharing_op_debug_gref    5
#define XENMEM_sharing_op_add_physmap   6
#define XENMEM_sharing_op_audit         7
#define XENMEM_sharing_op_range_share   8
#define XENMEM_sharing_op_fork          9
#define XENMEM_sharing_op_fork_reset    10

/* Errors of sharing, beside the usual ones. */
#define XENMEM_SHARING_OP_S_HANDLE_INVALID (-10)
#define XENMEM_SHARING_OP_C_HANDLE_INVALID (-9)

/* A gfn field of `share` with this bit is a grant reference. */
#define XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG (1ull << 62)

/* mem_sharing_op_fork.flags. */
#define XENMEM_FORK_WITH_IOMMU_ALLOWED (1 << 0)
#define XENMEM_FORK_BLOCK_INTERRUPTS   (1 << 1)
#define XENMEM_FORK_RESET_STATE        (1 << 2)
#define XENMEM_FORK_RESET_MEMORY       (1 << 3)

struct xen_mem_sharing_op {
    uint8_t op; /* XENMEM_sharing_op_* */
    domid_t domain;
    union {
        struct mem_sharing_op_nominate {
            union {
                uint64_t gfn;
                uint32_t grant_ref;
            } u;
            uint64_t handle; /* out */
        } nominate;
        struct mem_sharing_op_share {
            uint64_t source_gfn;
            uint64_t source_handle;
            uint64_t client_gfn;
            uint64_t client_handle;
            domid_t client_domain;
        } share;
        struct mem_sharing_op_range {
            uint64_t first_gfn;
            uint64_t last_gfn; /* inclusive */
            uint64_t opaque;   /* progress of a continued call */
            domid_t client_domain;
            uint16_t _pad[3];
        } range;
        struct mem_sharing_op_debug {
            union {
                uint64_t gfn;
                uint64_t mfn;
                uint32_t gref;
            } u;
        } debug;
        struct mem_sharing_op_fork {
            domid_t parent_domain;
            uint16_t flags; /* XENMEM_FORK_* */
            uint32_t pad;
        } fork;
    } u;
};
DEFINE_GUEST_HANDLE(xen_mem_sharing_op, struct xen_mem_sharing_op);

struct xen_reserved_device_memory {
    uint64_t start_pfn;
    uint64_t nr_pages;
};
DEFINE_GUEST_HANDLE(xen_reserved_device_memory, struct xen_reserved_device_memory);

/* xen_reserved_device_memory_map.flags: of all devices, not only dev.pci. */
#define XENMEM_RDM_ALL 1

struct xen_reserved_device_memory_map {
    uint32_t flags;
    uint32_t nr_entries; /* in: room; out: needed */
    guest_handle_xen_reserved_device_memory buffer;
    union {
        struct physdev_pci_device pci;
    } dev;
};
DEFINE_GUEST_HANDLE(xen_reserved_device_memory_map, struct xen_reserved_device_memory_map);

/* xen_mem_acquire_resource.type, then .id by type, then .frame by id. */
#define XENMEM_resource_ioreq_server                0
#define XENMEM_resource_grant_table                 1
#define XENMEM_resource_vmtrace_buf                 2
#define XENMEM_resource_grant_table_id_shared       0
#define XENMEM_resource_grant_table_id_status       1
#define XENMEM_resource_ioreq_server_frame_bufioreq 0
#define XENMEM_resource_ioreq_server_frame_ioreq(n) (1 + (n))

struct xen_mem_acquire_resource {
    domid_t domid;
    uint16_t type;
    uint32_t id;
    uint32_t nr_frames; /* 0 in: out is the resource's size */
    uint32_t pad;
    uint64_t frame;                 /* first wanted */
    guest_handle_uint64 frame_list; /* PV: out; translated: in, where to put them */
};
DEFINE_GUEST_HANDLE(xen_mem_acquire_resource, struct xen_mem_acquire_resource);

/* A piece of a guest's memory and the virtual node that it belongs to: [start, end), bytes. */
struct xen_vmemrange {
    uint64_t start;
    uint64_t end;
    uint32_t flags;
    uint32_t nid;
};
DEFINE_GUEST_HANDLE(xen_vmemrange, struct xen_vmemrange);

/* The counts say the arrays' room, and are updated to what the domain has. */
struct xen_vnuma_topology_info {
    domid_t domid;
    uint16_t pad;
    uint32_t nr_vnodes;
    uint32_t nr_vcpus;
    uint32_t nr_vmemranges;
    union {
        guest_handle_uint32 h; /* nr_vnodes * nr_vnodes */
        uint64_t pad;
    } vdistance;
    union {
        guest_handle_uint32 h; /* nr_vcpus */
        uint64_t pad;
    } vcpu_to_vnode;
    union {
        guest_handle_xen_vmemrange h; /* nr_vmemranges */
        uint64_t pad;
    } vmemrange;
};
DEFINE_GUEST_HANDLE(xen_vnuma_topology_info, struct xen_vnuma_topology_info);

#endif
