/* SPDX-License-Identifier: MIT */
/*
 * The part of sysctl that is about power: idle and performance states of CPUs, and who sets their
 * clocks. Included by sysctl.h, whose union holds these structs.
 */
#ifndef DOMUS_ABI_SYSCTL_POWER_H
#define DOMUS_ABI_SYSCTL_POWER_H

#include "xen.h"

/* Statistics of performance states (Px) and idle states (Cx). */
struct pm_px_val {
    uint64_t freq;      /* MHz */
    uint64_t residency; /* ns */
    uint64_t count;     /* entries */
};
DEFINE_GUEST_HANDLE(pm_px_val, struct pm_px_val);

struct pm_px_stat {
    uint8_t total;
    uint8_t usable;
    uint8_t last;
    uint8_t cur;
    guest_handle_uint64 trans_pt; /* total * total */
    guest_handle_pm_px_val pt;    /* total */
};

struct pm_cx_stat {
    uint32_t nr;
    uint32_t last;
    uint64_t idle_time;              /* ns */
    guest_handle_uint64 triggers;    /* nr: entries */
    guest_handle_uint64 residencies; /* nr: ns */
    uint32_t nr_pc;                  /* in: room; out: package states */
    uint32_t nr_cc;                  /* in: room; out: core states */
    guest_handle_uint64 pc;
    guest_handle_uint64 cc;
};

/* xen_sysctl_get_pmstat.type: category in the high digit, operation in the low one. */
#define PMSTAT_CATEGORY_MASK 0xf0
#define PMSTAT_PX            0x10
#define PMSTAT_CX            0x20
#define PMSTAT_get_max_px    (PMSTAT_PX | 0x1)
#define PMSTAT_get_pxstat    (PMSTAT_PX | 0x2)
#define PMSTAT_reset_pxstat  (PMSTAT_PX | 0x3)
#define PMSTAT_get_max_cx    (PMSTAT_CX | 0x1)
#define PMSTAT_get_cxstat    (PMSTAT_CX | 0x2)
#define PMSTAT_reset_cxstat  (PMSTAT_CX | 0x3)

struct xen_sysctl_get_pmstat {
    uint32_t type;
    uint32_t cpuid;
    union {
        struct pm_px_stat getpx;
        struct pm_cx_stat getcx;
    } u;
};

/* Clocks of CPUs: frequencies in kHz, times in ns. */
struct xen_userspace {
    uint32_t scaling_setspeed;
};

struct xen_ondemand {
    uint32_t sampling_rate_max;
    uint32_t sampling_rate_min;
    uint32_t sampling_rate;
    uint32_t up_threshold; /* percent */
};

#define CPUFREQ_NAME_LEN 16

struct xen_get_cpufreq_para {
    uint32_t cpu_num; /* in: room; out: elements; as the two that follow */
    uint32_t freq_num;
    uint32_t gov_num;
    guest_handle_uint32 affected_cpus;
    guest_handle_uint32 scaling_available_frequencies;
    guest_handle_char scaling_available_governors; /* CPUFREQ_NAME_LEN each */
    char scaling_driver[CPUFREQ_NAME_LEN];
    uint32_t cpuinfo_cur_freq;
    uint32_t cpuinfo_max_freq;
    uint32_t cpuinfo_min_freq;
    uint32_t scaling_cur_freq;
    char scaling_governor[CPUFREQ_NAME_LEN];
    uint32_t scaling_max_freq;
    uint32_t scaling_min_freq;
    union {
        struct xen_userspace userspace;
        struct xen_ondemand ondemand;
    } u;
    int32_t turbo_enabled;
};

struct xen_set_cpufreq_gov {
    char scaling_governor[CPUFREQ_NAME_LEN];
};

/* xen_set_cpufreq_para.ctrl_type. */
#define SCALING_MAX_FREQ 1
#define SCALING_MIN_FREQ 2
#define SCALING_SETSPEED 3
#define SAMPLING_RATE    4
#define UP_THRESHOLD     5

struct xen_set_cpufreq_para {
    uint32_t ctrl_type;
    uint32_t ctrl_value;
};

/* xen_sysctl_pm_op.cmd: category in the high digit, operation in the low one. */
#define PM_PARA_CATEGORY_MASK                     0xf0
#define CPUFREQ_PARA                              0x10
#define GET_CPUFREQ_PARA                          (CPUFREQ_PARA | 0x01)
#define SET_CPUFREQ_GOV                           (CPUFREQ_PARA | 0x02)
#define SET_CPUFREQ_PARA                          (CPUFREQ_PARA | 0x03)
#define GET_CPUFREQ_AVGFREQ                       (CPUFREQ_PARA | 0x04)
#define XEN_SYSCTL_pm_op_set_sched_opt_smt        0x21
#define XEN_SYSCTL_pm_op_get_max_cstate           0x22
#define XEN_SYSCTL_pm_op_set_max_cstate           0x23
#define XEN_SYSCTL_pm_op_set_vcpu_migration_delay 0x24
#define XEN_SYSCTL_pm_op_get_vcpu_migration_delay 0x25
#define XEN_SYSCTL_pm_op_enable_turbo             0x26
#define XEN_SYSCTL_pm_op_disable_turbo            0x27

/* get_max_cstate, set_max_cstate: no limit. */
#define XEN_SYSCTL_CX_UNLIMITED 0xffffffff

struct xen_sysctl_pm_op {
    uint32_t cmd;
    uint32_t cpuid; /* max_cstate: 0 the state, 1 its sub-state */
    union {
        struct xen_get_cpufreq_para get_para;
        struct xen_set_cpufreq_gov set_gov;
        struct xen_set_cpufreq_para set_para;
        uint64_t get_avgfreq;
        uint32_t set_sched_opt_smt;
        uint32_t get_max_cstate;
        uint32_t set_max_cstate;
    } u;
};

#endif
