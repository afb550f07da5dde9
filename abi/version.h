/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor is: hypercall xen_version(cmd, argument).
 */
#ifndef DOMUS_ABI_VERSION_H
#define DOMUS_ABI_VERSION_H

#include "features.h"
#include "xen.h"

#define XENVER_version             0 /* no argument; result: major << 16 | minor */
#define XENVER_extraversion        1
#define XENVER_compile_info        2
#define XENVER_capabilities        3
#define XENVER_changeset           4
#define XENVER_platform_parameters 5
#define XENVER_get_features        6
#define XENVER_pagesize            7 /* no argument; result: bytes */
#define XENVER_guest_handle        8 /* xen_domain_handle_t */
#define XENVER_commandline         9
#define XENVER_build_id            10 /* result: bytes; without argument, the bytes needed */

/* Text, ended by a zero byte; the length of the array is the ABI's. */
typedef char xen_extraversion_t[16];
typedef char xen_capabilities_info_t[1024]; /* words such as xen-3.0-x86_64 */
typedef char xen_changeset_info_t[64];
typedef char xen_commandline_t[1024];

#define XEN_EXTRAVERSION_LEN      16
#define XEN_CAPABILITIES_INFO_LEN 1024
#define XEN_CHANGESET_INFO_LEN    64

struct xen_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};

struct xen_platform_parameters {
    uint64_t virt_start; /* HYPERVISOR_VIRT_START */
};

struct xen_feature_info {
    uint32_t submap_idx; /* in */
    uint32_t submap;     /* out: bit n is feature submap_idx * 32 + n */
};

struct xen_build_id {
    uint32_t len; /* in: room in buf */
    uint8_t buf[];
};

#endif
