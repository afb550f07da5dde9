/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tools are told of the machine's processors, nodes and PCI devices (arch/control.h).
 *
 * A processor's place comes out of its APIC id: its low bits number the threads of a core, the next
 * the cores of a socket; how many bits, CPUID says (AMD APM vol. 3, E.4.7 and E.5; Intel SDM vol.
 * 3, 9.9.2).
 */
#include "abi/physdev.h"
#include "arch/control.h"
#include "arch/cpu.h"
#include "core/control.h"
#include "core/guest_access.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/cpu.h"
#include "x86/numa.h"
#include "x86/pci_device.h"
#include "x86/policy.h"
#include "x86/time.h"

#define DEVICES_AT_LEAST    64u /* told of in one call */
#define LEAF_TOPOLOGY       0xbu
#define TOPOLOGY_SHIFT_MASK 0x1fu
#define LEAF_AMD_SIZE       0x80000008u
#define LEAF_AMD_TOPOLOGY   0x8000001eu
#define LEAF_1_HTT          BIT(28) /* EDX */
#define LEAF_1_TOPOEXT      BIT(22) /* 80000001 ECX */

/* Bits of an APIC id below the core's number, and below the socket's. */
struct topology {
    u32 core_shift, socket_shift;
};

static u32 bits_for(u32 count)
{
    return count <= 1 ? 0 : 32 - (u32)__builtin_clz(count - 1);
}

static struct topology topology_amd(void)
{
    struct topology t = {0, 0};
    struct cpuid_leaf size = cpuid(LEAF_AMD_SIZE, 0);
    u32 bits = size.c >> 12 & 0xf;
    t.socket_shift = bits ? bits : bits_for((size.c & 0xff) + 1);
    if (cpuid(0x80000001, 0).c & LEAF_1_TOPOEXT)
        t.core_shift = bits_for((cpuid(LEAF_AMD_TOPOLOGY, 0).b >> 8 & 0xff) + 1);
    return t;
}

static struct topology topology_find(void)
{
    struct topology t = {0, 0};
    u32 highest = cpuid(0, 0).a;
    if (highest >= LEAF_TOPOLOGY && cpuid(LEAF_TOPOLOGY, 0).b) {
        t.core_shift = cpuid(LEAF_TOPOLOGY, 0).a & TOPOLOGY_SHIFT_MASK;
        t.socket_shift = cpuid(LEAF_TOPOLOGY, 1).a & TOPOLOGY_SHIFT_MASK;
        return t;
    }
    if (cpu_features.amd && cpuid(0x80000000, 0).a >= LEAF_AMD_SIZE)
        return topology_amd();
    if (!(cpuid(1, 0).d & LEAF_1_HTT))
        return t;
    t.socket_shift = bits_for(cpuid(1, 0).b >> 16 & 0xff);
    if (highest >= 4)
        t.core_shift = t.socket_shift - MIN(t.socket_shift, bits_for((cpuid(4, 0).a >> 26) + 1));
    return t;
}

struct cpu_place arch_cpu_place(u32 cpu)
{
    struct topology t = topology_find();
    u32 apic = (u32)cpu_physical_id(cpu);
    u32 socket_shift = MAX(t.socket_shift, t.core_shift);
    return (struct cpu_place){
        .core = (apic & (u32)(BIT(socket_shift) - 1)) >> t.core_shift,
        .socket = apic >> socket_shift,
    };
}

u32 arch_nodes(void)
{
    return numa_nodes();
}

u32 arch_node_distance(u32 a, u32 b)
{
    return numa_distance(a, b);
}

u64 arch_node_memory(u32 node)
{
    u64 bytes = 0;
    for (u32 i = 0; i < machine_memory.count; i++) {
        const struct memory_range *r = &machine_memory.ranges[i];
        if (r->type != MEMORY_RAM)
            continue;
        if (numa_nodes() == 1) {
            bytes += r->end - r->start;
            continue;
        }
        /* Nodes do not end within a piece of so much. */
        for (u64 at = r->start; at < r->end; at = ROUND_UP(at + 1, MIB(1)))
            if (numa_node_of_paddr(at) == node)
                bytes += MIN(ROUND_UP(at + 1, MIB(1)), r->end) - at;
    }
    return bytes;
}

/* Cores that have a CPU online, in the boot CPU's socket; and CPUs of its core. */
static void physinfo_counts(struct xen_sysctl_physinfo *info)
{
    struct cpu_place boot = arch_cpu_place(0);
    u32 cpu, cores = 0, threads = 0;
    for_each_active_cpu (cpu) {
        struct cpu_place p = arch_cpu_place(cpu);
        if (p.socket == boot.socket && p.core == boot.core)
            threads++;
    }
    for_each_active_cpu (cpu)
        if (arch_cpu_place(cpu).socket == boot.socket)
            cores++;
    info->threads_per_core = threads;
    info->cores_per_socket = cores / MAX(threads, 1u);
}

void arch_physinfo(struct xen_sysctl_physinfo *info)
{
    struct policy_source machine = policy_machine();
    struct cpu_policy host;
    physinfo_counts(info);
    info->cpu_khz = (u32)tsc_khz();
    info->total_pages = memory_map_ram_bytes(&machine_memory) >> PAGE_SHIFT;
    info->capabilities =
        XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    policy_build_host(&host, &machine);
    for (u32 i = 0; i < ARRAY_SIZE(info->hw_cap); i++)
        info->hw_cap[i] = policy_feature_word(&host, i);
}

/* As domain 0 said when it announced the device. */
static u32 device_node(struct pci_address a)
{
    spin_lock(&pci_lock);
    const struct pci_device *device = pci_device_find(a);
    u32 proximity = device ? device->proximity : PCI_PROXIMITY_NONE;
    spin_unlock(&pci_lock);
    if (!device)
        return XEN_INVALID_DEV;
    u32 node;
    bool known = proximity != PCI_PROXIMITY_NONE && numa_node_of_proximity(proximity, &node);
    return known ? node : XEN_INVALID_NODE_ID;
}

long sysctl_pcitopoinfo(struct vcpu *v, void *arg)
{
    struct xen_sysctl_pcitopoinfo *op = &((struct xen_sysctl *)arg)->u.pcitopoinfo;
    if (guest_handle_is_null(op->devs) || guest_handle_is_null(op->nodes))
        return -EINVAL;
    u32 i;
    for (i = 0; i < op->num_devs; i++) {
        /* The tools ask on for the rest. */
        if (i >= DEVICES_AT_LEAST && preempt_pending())
            break;
        struct physdev_pci_device dev = {0};
        if (guest_read_at(&dev, op->devs, i))
            return -EFAULT;
        const struct pci_address a = {.segment = dev.seg, .bus = dev.bus, .devfn = dev.devfn};
        u32 node = device_node(a);
        if (guest_write_at(op->nodes, i, &node))
            return -EFAULT;
    }
    op->num_devs = i;
    return 0;
}
