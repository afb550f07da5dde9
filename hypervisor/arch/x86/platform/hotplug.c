/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * platform_op's coming and going of hardware: CPUs are taken out of use and back, but none are
 * added to those found at boot, nor memory; there only mistakes are told apart from what is not
 * done here. Also microcode, which stays the firmware's, and the registers of resource control, of
 * which there are none.
 */
#include "abi/platform.h"
#include "arch/memory.h"
#include "core/cpupool.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/apic.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/platform.def"
#undef SUBOP
#undef UNAVAILABLE

/* Beyond what this ABI's hypervisors keep tables for. */
#define IDS_MAX       0x8000u
#define PROXIMITY_MAX 256u
/* Memory comes in pieces of so many frames. */
#define MEMORY_UNIT 0x8000u

/* Both vendors' updates start with a word that tells them from anything else. */
#define MICROCODE_INTEL_VERSION 1u
#define MICROCODE_AMD_MAGIC     0x00414d44u

/* To do again what has been done is no mistake here. */
long platform_cpu_online_op(struct vcpu *v, void *arg)
{
    const struct xenpf_cpu_ol *op = &((struct xen_platform_op *)arg)->u.cpu_ol;
    int error = cpupool_cpu_online(op->cpuid);
    return error == -EEXIST ? 0 : error;
}

long platform_cpu_offline_op(struct vcpu *v, void *arg)
{
    const struct xenpf_cpu_ol *op = &((struct xen_platform_op *)arg)->u.cpu_ol;
    if (op->cpuid == 0)
        return -EOPNOTSUPP; /* the boot CPU */
    int error = cpupool_cpu_offline(op->cpuid);
    return error == -EEXIST ? 0 : error;
}

long platform_cpu_hotadd_op(struct vcpu *v, void *arg)
{
    const struct xenpf_cpu_hotadd *op = &((struct xen_platform_op *)arg)->u.cpu_add;
    if (op->apic_id >= IDS_MAX || op->acpi_id >= IDS_MAX || op->pxm >= PROXIMITY_MAX)
        return -EINVAL;
    for (u32 cpu = 0; cpu < cpus_present; cpu++)
        if (cpu_apic_id(cpu) == op->apic_id)
            return -EEXIST;
    log_guest(LOG_WARNING, "the processor with APIC ID %u came too late to be used", op->apic_id);
    return -EOPNOTSUPP;
}

long platform_mem_hotadd_op(struct vcpu *v, void *arg)
{
    const struct xenpf_mem_hotadd *op = &((struct xen_platform_op *)arg)->u.mem_add;
    if (op->spfn >= op->epfn || (op->spfn | op->epfn) % MEMORY_UNIT || op->pxm >= PROXIMITY_MAX ||
        op->spfn < arch_ram_end().v)
        return -EINVAL;
    log_guest(LOG_WARNING, "memory from frame %#lx on came too late to be used",
              (unsigned long)op->spfn);
    return -EOPNOTSUPP;
}

long platform_microcode_update_op(struct vcpu *v, void *arg)
{
    const struct xenpf_microcode_update *op = &((struct xen_platform_op *)arg)->u.microcode;
    u32 first;
    if (op->length < sizeof(first))
        return -ENOENT;
    if (guest_copy_in(&first, op->data.va, sizeof(first)))
        return -EFAULT;
    if (first != MICROCODE_INTEL_VERSION && first != MICROCODE_AMD_MAGIC)
        return -EINVAL;
    log_guest(LOG_INFO, "microcode is not updated: it is the firmware's");
    return -EOPNOTSUPP;
}

/* The result is how many of the accesses were made: of registers that are not there, none. */
long platform_resource_op(struct vcpu *v, void *arg)
{
    return 0;
}
