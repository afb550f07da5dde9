/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated CPUs: host_cpu says which one a thread is at the moment. Per-CPU variables lie in a
 * section of their own, which is the instance of CPU 0; host_percpu_init() (arch/host/percpu.c)
 * makes copies for the others.
 */
#ifndef DOMUS_MACHINE_PERCPU_H
#define DOMUS_MACHINE_PERCPU_H

#include "types.h"
#include "x86/regs.h"

struct vcpu;

#undef DEFINE_PER_CPU
#define DEFINE_PER_CPU(t, n) section("percpu") __typeof__(t) percpu_##n

#define HOST_CPUS_MAX 16

struct cpu_info {
    struct regs guest; /* as the guest entered the hypervisor */
    struct vcpu *vcpu; /* whose context is on this CPU */
    u64 percpu_offset;
};

extern _Thread_local u32 host_cpu;
extern struct cpu_info host_cpu_info[HOST_CPUS_MAX];

/* All instances of cpus (at most HOST_CPUS_MAX) CPUs, as zeros. */
void host_percpu_init(u32 cpus);

static inline struct cpu_info *cpu_info(void)
{
    return &host_cpu_info[host_cpu];
}

#define current (cpu_info()->vcpu)

static inline u32 cpu_id(void)
{
    return host_cpu;
}

static inline u64 percpu_offset_of(u32 cpu)
{
    return host_cpu_info[cpu].percpu_offset;
}

static inline u64 percpu_offset(void)
{
    return percpu_offset_of(host_cpu);
}

static inline struct regs *guest_regs(void)
{
    return &cpu_info()->guest;
}

#endif
