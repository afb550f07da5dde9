/* SPDX-License-Identifier: MIT */
/*
 * Machine checks: hypercall mca(struct xen_mc *). The hypervisor collects what the hardware
 * reports; the initial domain is told by VIRQ_MCA and fetches records from here. Also which
 * physical CPUs there are.
 */
#ifndef DOMUS_ABI_MCA_H
#define DOMUS_ABI_MCA_H

#include "xen.h"

#define XEN_MCA_INTERFACE_VERSION 0x01ecc003

#define VIRQ_MCA VIRQ_ARCH_0 /* G P: there are records to fetch */

/* xen_mc.cmd. */
#define XEN_MC_fetch        1
#define XEN_MC_notifydomain 2
#define XEN_MC_physcpuinfo  3
#define XEN_MC_msrinject    4
#define XEN_MC_mceinject    5
#define XEN_MC_inject_v2    6

/* xen_mc_fetch.flags, in: one of the two queues, and whether fetch_id is done with. */
#define XEN_MC_NONURGENT 1
#define XEN_MC_URGENT    2
#define XEN_MC_ACK       4

/* xen_mc_fetch.flags, out. */
#define XEN_MC_OK          0
#define XEN_MC_FETCHFAILED 1
#define XEN_MC_NODATA      2

/* xen_mc_notifydomain.flags, out; XEN_MC_OK too. */
#define XEN_MC_NOMATCH      0x4
#define XEN_MC_CANNOTHANDLE 0x8
#define XEN_MC_NOTDELIVERED 0x10

#define MCINFO_MAXSIZE 768

/* Records of one event: mi_nentries structures, each with its type and size at its start. */
struct mc_info {
    uint32_t mi_nentries;
    uint32_t flags;
    uint64_t mi_data[(MCINFO_MAXSIZE - 1) / 8];
};
DEFINE_GUEST_HANDLE(mc_info, struct mc_info);

struct xen_mc_fetch {
    uint32_t flags; /* in and out */
    uint32_t _pad0;
    uint64_t fetch_id;         /* out; in with XEN_MC_ACK */
    guest_handle_mc_info data; /* out */
};

struct xen_mc_notifydomain {
    uint16_t mc_domid;
    uint16_t mc_vcpuid;
    uint32_t flags;
};

struct mcinfo_msr {
    uint64_t reg;
    uint64_t value;
};

/* Words of mcinfo_logical_cpu.mc_cpu_caps: CPUID's feature words in the order in which Linux once
 * kept them. */
#define MC_NCAPS        7
#define MC_CAPS_STD_EDX 0 /* 1.EDX */
#define MC_CAPS_AMD_EDX 1 /* 0x80000001.EDX */
#define MC_CAPS_TM      2
#define MC_CAPS_LINUX   3
#define MC_CAPS_STD_ECX 4 /* 1.ECX */
#define MC_CAPS_VIA     5
#define MC_CAPS_AMD_ECX 6 /* 0x80000001.ECX */

struct mcinfo_logical_cpu {
    uint32_t mc_cpunr;
    uint32_t mc_chipid;
    uint16_t mc_coreid;
    uint16_t mc_threadid;
    uint32_t mc_apicid;
    uint32_t mc_clusterid;
    uint32_t mc_ncores;
    uint32_t mc_ncores_active;
    uint32_t mc_nthreads;
    int32_t mc_cpuid_level;
    uint32_t mc_family;
    uint32_t mc_vendor;
    uint32_t mc_model;
    uint32_t mc_step;
    char mc_vendorid[16];
    char mc_brandid[64];
    uint32_t mc_cpu_caps[MC_NCAPS];
    uint32_t mc_cache_size;
    uint32_t mc_cache_alignment;
    int32_t mc_nmsrvals;
    struct mcinfo_msr mc_msrvalues[8];
};
DEFINE_GUEST_HANDLE(mcinfo_logical_cpu, struct mcinfo_logical_cpu);

struct xen_mc_physcpuinfo {
    uint32_t ncpus; /* in: room; out: filled, or (without room) how many there are */
    uint32_t _pad0;
    guest_handle_mcinfo_logical_cpu info; /* out */
};

#define MC_MSRINJ_MAXMSRS     8
#define MC_MSRINJ_F_INTERPOSE 1 /* do not write: reads are to find this value */
#define MC_MSRINJ_F_GPADDR    2 /* addresses are guest addresses of mcinj_domid */

struct xen_mc_msrinject {
    uint32_t mcinj_cpunr;
    uint32_t mcinj_flags;
    uint32_t mcinj_count;
    domid_t mcinj_domid;
    uint16_t _pad0;
    struct mcinfo_msr mcinj_msr[MC_MSRINJ_MAXMSRS];
};

struct xen_mc_mceinject {
    unsigned int mceinj_cpunr;
};

struct xen_mc_inject_v2 {
    uint32_t flags;
    struct xenctl_bitmap cpumap;
};

struct xen_mc {
    uint32_t cmd;
    uint32_t interface_version; /* XEN_MCA_INTERFACE_VERSION */
    union {
        struct xen_mc_fetch mc_fetch;
        struct xen_mc_notifydomain mc_notifydomain;
        struct xen_mc_physcpuinfo mc_physcpuinfo;
        struct xen_mc_msrinject mc_msrinject;
        struct xen_mc_mceinject mc_mceinject;
        struct xen_mc_inject_v2 mc_inject_v2;
    } u;
};
DEFINE_GUEST_HANDLE(xen_mc, struct xen_mc);

#endif
