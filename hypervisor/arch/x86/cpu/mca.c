/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall mca: domain 0's log of machine checks asks here for records, and which physical
 * CPUs there are. Nothing is recorded: a machine check that the processor raises ends in a panic
 * that tells of it, and the banks are left for firmware to read. So there is never a record to
 * fetch.
 *
 * Topology: AMD APM vol. 3, CPUID 1, 80000008, 8000001E; Intel SDM vol. 2, CPUID 1, 4, 0B.
 */
#include "abi/mca.h"
#include "arch/cpu.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/hypercall_handlers.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "machine/percpu.h"
#include "x86/apic.h"
#include "x86/cpu.h"

#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/mca.def"
#undef SUBOP
#undef UNAVAILABLE

#define CPUID_EXTENDED     0x80000000u
#define CPUID_1_D_SEP      ((u32)BIT(11)) /* AMD: not in 64-bit mode */
#define CPUID_1_C_OSXSAVE  ((u32)BIT(27)) /* what a kernel did, not what the CPU can */
#define EXTENDED_REPEATED  0x0183f3ffu    /* 1 EDX once more, in 80000001 EDX */
#define CPUID_1_D_MCA      BIT(14)
#define CPUID_1_D_HTT      BIT(28)
#define MSR_MCG_CAP        0x179u
#define CACHE_LINE_UNIT    8u /* CPUID 1 EBX counts in these */
#define CACHE_LINE_DEFAULT 64u
#define CACHES_MAX         8u

/* The ABI's numbers of vendors. */
#define VENDOR_INTEL 1u
#define VENDOR_AMD   2u

long hypercall_mca(struct vcpu *v, u64 arg, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct {
        u32 cmd, interface_version;
    } head;
    STATIC_ASSERT(sizeof(head) == offsetof(struct xen_mc, u));
    if (guest_copy_in(&head, arg, sizeof(head)))
        return -EFAULT;
    if (head.interface_version != XEN_MCA_INTERFACE_VERSION) {
        log_guest(LOG_WARNING, "mca: domain %u asks for interface %#x, known is %#x", v->domain->id,
                  head.interface_version, XEN_MCA_INTERFACE_VERSION);
        return -EACCES;
    }
    long result = subop_dispatch(v, &mca_ops, head.cmd, arg);
    return result == -ENOSYS ? -EINVAL : result; /* the ABI's answer to an unknown command */
}

/* --- records */

long mca_fetch_op(struct vcpu *v, void *arg)
{
    struct xen_mc_fetch *op = &((struct xen_mc *)arg)->u.mc_fetch;
    switch (op->flags) {
    case XEN_MC_NONURGENT:
    case XEN_MC_URGENT:
        op->flags = XEN_MC_NODATA;
        return 0;
    case XEN_MC_NONURGENT | XEN_MC_ACK:
    case XEN_MC_URGENT | XEN_MC_ACK:
        return 0;
    default:
        return -EINVAL;
    }
}

/* Other domains are not told of machine checks. */
long mca_notifydomain_op(struct vcpu *v, void *arg)
{
    return -EINVAL;
}

/* --- processors */

static u32 bits_for(u32 count)
{
    return count > 1 ? 32u - (u32)__builtin_clz(count - 1) : 0;
}

/* How many logical CPUs a package and a core have, at most. */
static void topology_read(u32 *package_threads, u32 *core_threads)
{
    u32 last = cpuid(0, 0).a, last_extended = cpuid(CPUID_EXTENDED, 0).a;
    struct cpuid_leaf one = cpuid(1, 0);
    *package_threads = one.d & CPUID_1_D_HTT ? MAX(one.b >> 16 & 0xff, 1u) : 1;
    *core_threads = 1;
    if (cpu_features.amd) {
        if (last_extended >= CPUID_EXTENDED + 0x1e)
            *core_threads = (cpuid(CPUID_EXTENDED + 0x1e, 0).b >> 8 & 0xff) + 1;
    } else if (last >= 0xb) {
        *core_threads = MAX(cpuid(0xb, 0).b & 0xffff, 1u);
    } else if (last >= 4) {
        u32 cores = (cpuid(4, 0).a >> 26) + 1;
        *core_threads = MAX(*package_threads / cores, 1u);
    }
    *package_threads = MAX(*package_threads, *core_threads);
}

static void topology_fill(struct mcinfo_logical_cpu *info, u32 cpu)
{
    u32 package_threads, core_threads;
    topology_read(&package_threads, &core_threads);
    u32 thread_bits = bits_for(core_threads), package_bits = bits_for(package_threads);
    u32 id = cpu_apic_id(cpu);
    info->mc_cpunr = cpu;
    info->mc_chipid = id >> package_bits;
    info->mc_coreid = (u16)((id & (BIT(package_bits) - 1)) >> thread_bits);
    info->mc_threadid = (u16)(id & (BIT(thread_bits) - 1));
    info->mc_apicid = info->mc_clusterid = id;
    info->mc_ncores = info->mc_ncores_active = package_threads / core_threads;
    info->mc_nthreads = core_threads;
}

/* KiB of the last level of cache; 0: not told. */
static u32 cache_size(void)
{
    u32 kib = 0;
    if (cpu_features.amd) {
        if (cpuid(CPUID_EXTENDED, 0).a < CPUID_EXTENDED + 6)
            return 0;
        /* ECX: level 2 in KiB; EDX: level 3 in half MiB. */
        struct cpuid_leaf caches = cpuid(CPUID_EXTENDED + 6, 0);
        u32 third = (caches.d >> 18) * 512;
        return third ? third : caches.c >> 16;
    }
    if (cpuid(0, 0).a < 4)
        return 0;
    for (u32 i = 0; i < CACHES_MAX; i++) {
        struct cpuid_leaf c = cpuid(4, i);
        if (!(c.a & 0x1f))
            break;
        kib = (u32)(((u64)(c.b >> 22) + 1) * ((c.b >> 12 & 0x3ff) + 1) * ((c.b & 0xfff) + 1) *
                    ((u64)c.c + 1) / 1024);
    }
    return kib;
}

static void model_fill(struct mcinfo_logical_cpu *info)
{
    struct cpuid_leaf one = cpuid(1, 0);
    u32 last = cpuid(0, 0).a, last_extended = cpuid(CPUID_EXTENDED, 0).a;
    info->mc_cpuid_level = (s32)last;
    info->mc_family = cpu_features.family;
    info->mc_vendor = cpu_features.amd ? VENDOR_AMD : cpu_features.intel ? VENDOR_INTEL : 0;
    info->mc_model = cpu_features.model;
    info->mc_step = cpu_features.stepping;
    memcpy(info->mc_vendorid, cpu_features.vendor, sizeof(cpu_features.vendor));
    for (u32 i = 0; i < 3 && last_extended >= CPUID_EXTENDED + 4; i++) {
        struct cpuid_leaf text = cpuid(CPUID_EXTENDED + 2 + i, 0);
        memcpy(info->mc_brandid + i * sizeof(text), &text, sizeof(text));
    }
    /* Not the order that the header tells of, but the one in which hypervisors have filled them. */
    struct cpuid_leaf extended = cpuid(CPUID_EXTENDED + 1, 0);
    info->mc_cpu_caps[0] = one.d & (cpu_features.amd ? ~CPUID_1_D_SEP : ~0u);
    info->mc_cpu_caps[1] = one.c & ~CPUID_1_C_OSXSAVE;
    info->mc_cpu_caps[2] = extended.d & ~EXTENDED_REPEATED;
    info->mc_cpu_caps[3] = extended.c;
    if (last >= 0xd)
        info->mc_cpu_caps[4] = cpuid(0xd, 1).a;
    if (last >= 7) {
        info->mc_cpu_caps[5] = cpuid(7, 0).b;
        info->mc_cpu_caps[6] = cpuid(7, 0).c;
    }
    info->mc_cache_size = cache_size();
    u32 line = (one.b >> 8 & 0xff) * CACHE_LINE_UNIT;
    info->mc_cache_alignment = line ? line : CACHE_LINE_DEFAULT;
    if (one.d & CPUID_1_D_MCA) {
        info->mc_nmsrvals = 1;
        info->mc_msrvalues[0] = (struct mcinfo_msr){MSR_MCG_CAP, rdmsr(MSR_MCG_CAP)};
    }
}

/* On each CPU, which finds its own place: an array by CPU numbers. */
static void cpu_describe(void *data)
{
    struct mcinfo_logical_cpu *info = (struct mcinfo_logical_cpu *)data + cpu_id();
    topology_fill(info, cpu_id());
    model_fill(info);
}

static int cpus_copy_out(const struct mcinfo_logical_cpu *all, u32 room,
                         guest_handle_mcinfo_logical_cpu to, u32 *copied)
{
    u32 cpu, n = 0;
    for_each_active_cpu (cpu) {
        if (n == room)
            break;
        if (guest_write_at(to, n, &all[cpu]))
            return -EFAULT;
        n++;
    }
    *copied = n;
    return 0;
}

long mca_physcpuinfo_op(struct vcpu *v, void *arg)
{
    struct xen_mc_physcpuinfo *op = &((struct xen_mc *)arg)->u.mc_physcpuinfo;
    if (guest_handle_is_null(op->info)) {
        op->ncpus = cpumask_count(&cpu_active_mask);
        return 0;
    }
    struct mcinfo_logical_cpu *all = object_new_array(struct mcinfo_logical_cpu, cpus_present);
    if (!all)
        return -ENOMEM;
    cpu_call(&cpu_active_mask, cpu_describe, all);
    int error = cpus_copy_out(all, op->ncpus, op->info, &op->ncpus);
    object_free(all);
    return error;
}
