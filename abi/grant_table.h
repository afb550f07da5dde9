/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: the entries by which a domain lets others use its frames (versions 1 and 2), and
 * hypercall grant_table_op(cmd, array of structs, count).
 */
#ifndef DOMUS_ABI_GRANT_TABLE_H
#define DOMUS_ABI_GRANT_TABLE_H

#include "xen.h"

/* Index of an entry in its domain's table. */
typedef uint32_t grant_ref_t;
/* Name of a mapping, given to the domain that mapped. */
typedef uint32_t grant_handle_t;
/* Version 2: the hypervisor's half of the flags (GTF_reading, GTF_writing), one per entry. */
typedef uint16_t grant_status_t;

/* Entries that tools fill before a domain starts. */
#define GNTTAB_NR_RESERVED_ENTRIES 8
#define GNTTAB_RESERVED_CONSOLE    0
#define GNTTAB_RESERVED_XENSTORE   1

/* Type, in the low two bits of an entry's flags. */
#define GTF_invalid         0
#define GTF_permit_access   1
#define GTF_accept_transfer 2
#define GTF_transitive      3 /* version 2 */
#define GTF_type_mask       3

/* Further flags of GTF_permit_access. */
#define GTF_readonly (1 << 2)
#define GTF_reading  (1 << 3) /* the hypervisor: mapped or being read */
#define GTF_writing  (1 << 4) /* the hypervisor: writable mapping, or being written */
#define GTF_PWT      (1 << 5)
#define GTF_PCD      (1 << 6)
#define GTF_PAT      (1 << 7)
#define GTF_sub_page (1 << 8) /* version 2: copies only, of part of the frame */

/* Further flags of GTF_accept_transfer, both the hypervisor's. */
#define GTF_transfer_committed (1 << 2)
#define GTF_transfer_completed (1 << 3)

struct grant_entry_v1 {
    uint16_t flags; /* written last by the granter */
    domid_t domid;  /* who may use it */
    uint32_t frame; /* guest frame; after a transfer, the frame received */
};

struct grant_entry_header {
    uint16_t flags;
    domid_t domid;
};

union grant_entry_v2 {
    struct grant_entry_header hdr;
    struct {
        struct grant_entry_header hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    struct {
        struct grant_entry_header hdr;
        uint16_t page_off; /* bytes */
        uint16_t length;   /* bytes */
        uint64_t frame;
    } sub_page;
    struct {
        struct grant_entry_header hdr;
        domid_t trans_domid; /* the grant to stand for: this domain's ... */
        uint16_t pad0;
        grant_ref_t gref; /* ... and this entry of it */
    } transitive;
    uint32_t __spacer[4];
};

#define GNTTABOP_map_grant_ref     0
#define GNTTABOP_unmap_grant_ref   1
#define GNTTABOP_setup_table       2
#define GNTTABOP_dump_table        3
#define GNTTABOP_transfer          4
#define GNTTABOP_copy              5
#define GNTTABOP_query_size        6
#define GNTTABOP_unmap_and_replace 7
#define GNTTABOP_set_version       8
#define GNTTABOP_get_status_frames 9
#define GNTTABOP_get_version       10
#define GNTTABOP_swap_grant_ref    11
#define GNTTABOP_cache_flush       12

/* Result of each element, in its `status`. */
#define GNTST_okay              0
#define GNTST_general_error     (-1)
#define GNTST_bad_domain        (-2)
#define GNTST_bad_gntref        (-3)
#define GNTST_bad_handle        (-4)
#define GNTST_bad_virt_addr     (-5)
#define GNTST_bad_dev_addr      (-6)
#define GNTST_no_device_space   (-7)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page          (-9)
#define GNTST_bad_copy_arg      (-10)
#define GNTST_address_too_big   (-11)
#define GNTST_eagain            (-12)
#define GNTST_no_space          (-13)

/* gnttab_map_grant_ref.flags. */
#define GNTMAP_device_map       (1 << 0) /* for devices: dev_bus_addr is wanted */
#define GNTMAP_host_map         (1 << 1) /* for the CPU, at host_addr */
#define GNTMAP_readonly         (1 << 2)
#define GNTMAP_application_map  (1 << 3)   /* user mode may reach it */
#define GNTMAP_contains_pte     (1 << 4)   /* host_addr is the machine address of an entry */
#define GNTMAP_guest_avail_mask 0xffff0000 /* software bits for the entry */

struct gnttab_map_grant_ref {
    uint64_t host_addr;
    uint32_t flags; /* GNTMAP_* */
    grant_ref_t ref;
    domid_t dom;           /* the granter */
    int16_t status;        /* out */
    grant_handle_t handle; /* out */
    uint64_t dev_bus_addr; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_map_grant_ref, struct gnttab_map_grant_ref);

struct gnttab_unmap_grant_ref {
    uint64_t host_addr;    /* 0: leave the CPU's mapping */
    uint64_t dev_bus_addr; /* 0: leave the device's mapping */
    grant_handle_t handle;
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_unmap_grant_ref, struct gnttab_unmap_grant_ref);

/* Makes the table at least nr_frames frames long, and lists them. */
struct gnttab_setup_table {
    domid_t dom;
    uint32_t nr_frames;
    int16_t status;                 /* out */
    guest_handle_uint64 frame_list; /* out: nr_frames frame numbers */
};
DEFINE_GUEST_HANDLE(gnttab_setup_table, struct gnttab_setup_table);

/* Prints the table to the log. */
struct gnttab_dump_table {
    domid_t dom;
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_dump_table, struct gnttab_dump_table);

/* Gives a frame away, into an entry of the receiver. */
struct gnttab_transfer {
    uint64_t mfn;
    domid_t domid; /* the receiver */
    grant_ref_t ref;
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_transfer, struct gnttab_transfer);

/* gnttab_copy.flags: that side is a grant, not a frame. */
#define GNTCOPY_source_gref (1 << 0)
#define GNTCOPY_dest_gref   (1 << 1)

struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            grant_ref_t ref;
            uint64_t gmfn;
        } u;
        domid_t domid;
        uint16_t offset; /* bytes into the frame */
    } source, dest;
    uint16_t len;   /* bytes, not across a frame's end */
    uint16_t flags; /* GNTCOPY_* */
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_copy, struct gnttab_copy);

struct gnttab_query_size {
    domid_t dom;
    uint32_t nr_frames;     /* out: now */
    uint32_t max_nr_frames; /* out: at most */
    int16_t status;         /* out */
};
DEFINE_GUEST_HANDLE(gnttab_query_size, struct gnttab_query_size);

/* Unmaps, and puts there what new_addr maps, which becomes empty. */
struct gnttab_unmap_and_replace {
    uint64_t host_addr;
    uint64_t new_addr;
    grant_handle_t handle;
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_unmap_and_replace, struct gnttab_unmap_and_replace);

struct gnttab_set_version {
    uint32_t version; /* in and out: 1 or 2 */
};
DEFINE_GUEST_HANDLE(gnttab_set_version, struct gnttab_set_version);

/* Version 2: frames that hold the grant_status_t array. */
struct gnttab_get_status_frames {
    uint32_t nr_frames;
    domid_t dom;
    int16_t status; /* out */
    guest_handle_uint64 frame_list;
};
DEFINE_GUEST_HANDLE(gnttab_get_status_frames, struct gnttab_get_status_frames);

struct gnttab_get_version {
    domid_t dom;
    uint16_t pad;
    uint32_t version; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_get_version, struct gnttab_get_version);

/* Exchanges two unused entries of the caller. */
struct gnttab_swap_grant_ref {
    grant_ref_t ref_a;
    grant_ref_t ref_b;
    int16_t status; /* out */
};
DEFINE_GUEST_HANDLE(gnttab_swap_grant_ref, struct gnttab_swap_grant_ref);

/* gnttab_cache_flush.op. */
#define GNTTAB_CACHE_CLEAN       (1u << 0)
#define GNTTAB_CACHE_INVAL       (1u << 1)
#define GNTTAB_CACHE_SOURCE_GREF (1u << 31) /* a.ref is meant */

struct gnttab_cache_flush {
    union {
        uint64_t dev_bus_addr;
        grant_ref_t ref;
    } a;
    uint16_t offset; /* bytes */
    uint16_t length; /* bytes */
    uint32_t op;     /* GNTTAB_CACHE_* */
};
DEFINE_GUEST_HANDLE(gnttab_cache_flush, struct gnttab_cache_flush);

#endif
