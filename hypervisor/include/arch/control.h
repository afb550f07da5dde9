/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control interfaces (core/control.h) ask of the machine. */
#ifndef DOMUS_ARCH_CONTROL_H
#define DOMUS_ARCH_CONTROL_H

#include "abi/sysctl.h"
#include "core/domain.h"
#include "types.h"

/* Place of a CPU in the machine; ids of sockets and cores as XEN_SYSCTL_cputopoinfo has them. */
struct cpu_place {
    u32 core, socket;
};
struct cpu_place arch_cpu_place(u32 cpu);
/* Nodes are 0 to this - 1. */
u32 arch_nodes(void);
u32 arch_node_distance(u32 a, u32 b);
/* Bytes of RAM in the node. */
u64 arch_node_memory(u32 node);

/* The fields that describe processors: threads, cores, frequency, CPUID words, capabilities. */
void arch_physinfo(struct xen_sysctl_physinfo *info);

/* -EINVAL: there is no such kind of domain. */
must_check int arch_domain_config_check(const struct xen_domctl_createdomain *config);

/* A context for v (not running), as XEN_DOMCTL_setvcpucontext has it. -EINVAL, -EPERM, -ERESTART.
 */
struct vcpu_guest_context;
must_check int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
/* *online: that context says that v is up. */
bool arch_context_is_online(const struct vcpu_guest_context *c);
/* v does not run. c is all zeros. */
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c);

#endif
