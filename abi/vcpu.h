/* SPDX-License-Identifier: MIT */
/*
 * A domain's own virtual CPUs: hypercall vcpu_op(cmd, vcpu id, struct *). Bringing them up and
 * down, their timers, and memory of the guest that the hypervisor keeps up to date for them.
 */
#ifndef DOMUS_ABI_VCPU_H
#define DOMUS_ABI_VCPU_H

#include "xen.h"

#define VCPUOP_initialise                     0 /* vcpu_guest_context */
#define VCPUOP_up                             1 /* no argument */
#define VCPUOP_down                           2 /* no argument */
#define VCPUOP_is_up                          3 /* no argument; result: 0 or 1 */
#define VCPUOP_get_runstate_info              4
#define VCPUOP_register_runstate_memory_area  5
#define VCPUOP_set_periodic_timer             6
#define VCPUOP_stop_periodic_timer            7 /* no argument */
#define VCPUOP_set_singleshot_timer           8
#define VCPUOP_stop_singleshot_timer          9 /* no argument */
#define VCPUOP_register_vcpu_info             10
#define VCPUOP_send_nmi                       11 /* no argument */
#define VCPUOP_get_physid                     12
#define VCPUOP_register_vcpu_time_memory_area 13

/* vcpu_runstate_info.state, and index of .time. */
#define RUNSTATE_running  0
#define RUNSTATE_runnable 1 /* waits for a physical CPU */
#define RUNSTATE_blocked  2 /* waits for an event */
#define RUNSTATE_offline  3

/* In state_entry_time while the record is being written, if the guest asked for it. */
#define XEN_RUNSTATE_UPDATE (1ull << 63)

struct vcpu_runstate_info {
    int32_t state;
    uint64_t state_entry_time; /* system time, ns */
    uint64_t time[4];          /* ns spent in each state */
};
DEFINE_GUEST_HANDLE(vcpu_runstate_info, struct vcpu_runstate_info);

struct vcpu_register_runstate_memory_area {
    union {
        guest_handle_vcpu_runstate_info h;
        uint64_t p;
    } addr;
};
DEFINE_GUEST_HANDLE(vcpu_register_runstate_memory_area, struct vcpu_register_runstate_memory_area);

struct vcpu_set_periodic_timer {
    uint64_t period_ns;
};
DEFINE_GUEST_HANDLE(vcpu_set_periodic_timer, struct vcpu_set_periodic_timer);

/* vcpu_set_singleshot_timer.flags: refuse a time that has passed (-ETIME). */
#define VCPU_SSHOTTMR_future (1 << 0)

struct vcpu_set_singleshot_timer {
    uint64_t timeout_abs_ns; /* system time */
    uint32_t flags;
};
DEFINE_GUEST_HANDLE(vcpu_set_singleshot_timer, struct vcpu_set_singleshot_timer);

/* Moves vcpu_info out of the shared info page, once for each vCPU. */
struct vcpu_register_vcpu_info {
    uint64_t mfn;
    uint32_t offset; /* bytes */
    uint32_t rsvd;
};
DEFINE_GUEST_HANDLE(vcpu_register_vcpu_info, struct vcpu_register_vcpu_info);

/* Of the physical CPU to which the vCPU is pinned. */
struct vcpu_get_physid {
    uint64_t phys_id; /* out: ACPI id << 32 | APIC id */
};
DEFINE_GUEST_HANDLE(vcpu_get_physid, struct vcpu_get_physid);

#define xen_vcpu_physid_to_x86_apicid(physid) ((uint32_t)(physid))
#define xen_vcpu_physid_to_x86_acpiid(physid) ((uint32_t)((uint64_t)(physid) >> 32))

struct vcpu_register_time_memory_area {
    union {
        guest_handle_vcpu_time_info h;
        uint64_t p;
    } addr;
};
DEFINE_GUEST_HANDLE(vcpu_register_time_memory_area, struct vcpu_register_time_memory_area);

#endif
