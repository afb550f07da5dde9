/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA nodes (x86/numa.h): the SRAT's ranges as a sorted list, checked against the memory map, for
 * the frame allocator, which asks often; and the nodes of CPUs, for the scheduler.
 */
#include "x86/numa.h"
#include "arch/cpu.h"
#include "core/heap.h"
#include "core/percpu.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/boot.h"

/* Firmware leaves out the PC's first MiB, whose lower part is RAM; such memory is node 0's. */
#define UNCOVERED_MAX MIB(1)

/* From start up to the next range's start, memory is this node's; holes go with what is below. */
struct node_range {
    paddr_t start;
    u32 node;
};

static struct node_range ranges[ACPI_SRAT_MEMORY_MAX];
static u32 nr_ranges;
static u32 nr_nodes = 1;
static u8 node_of_cpu[NR_CPUS]; /* node + 1; 0: not asked for yet */
STATIC_ASSERT(ACPI_NODES_MAX < 256);

u32 numa_nodes(void)
{
    return nr_nodes;
}

u32 numa_node_of_paddr(paddr_t pa)
{
    u32 low = 0, high = nr_ranges; /* the range wanted is before high, or there is none */
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (ranges[middle].start <= pa)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? ranges[low - 1].node : 0;
}

u32 numa_node_of_apic(u32 apic_id)
{
    if (nr_nodes > 1)
        for (u32 i = 0; i < acpi_info.nr_cpu_affinities; i++)
            if (acpi_info.cpu_affinities[i].apic_id == apic_id)
                return acpi_info.cpu_affinities[i].node;
    return 0;
}

bool numa_node_of_proximity(u32 proximity, u32 *node)
{
    /* Without an SRAT there is a node and no domain. */
    bool named = acpi_info.nr_cpu_affinities || acpi_info.nr_memory_affinities;
    if (!named || nr_nodes != acpi_info.nr_nodes)
        return false;
    for (*node = 0; *node < nr_nodes; (*node)++)
        if (acpi_info.proximity[*node] == proximity)
            return true;
    return false;
}

u32 cpu_node(u32 cpu)
{
    if (cpu >= NR_CPUS)
        return 0;
    /* Whoever asks at the same time finds the same. */
    u8 known = READ_ONCE(node_of_cpu[cpu]);
    if (!known) {
        known = (u8)(numa_node_of_apic(cpu_apic_id(cpu)) + 1);
        WRITE_ONCE(node_of_cpu[cpu], known);
    }
    return known - 1u;
}

u32 numa_distance(u32 a, u32 b)
{
    if (a >= nr_nodes || b >= nr_nodes)
        return 0;
    return nr_nodes > 1 ? acpi_info.distances[a][b] : NUMA_DISTANCE_LOCAL;
}

/* --- at boot */

static init_text void affinities_sort(struct acpi_memory_affinity *m, u32 count)
{
    for (u32 i = 1; i < count; i++)
        for (u32 j = i; j && m[j].base < m[j - 1].base; j--) {
            struct acpi_memory_affinity swap = m[j];
            m[j] = m[j - 1];
            m[j - 1] = swap;
        }
}

/* Ranges of different nodes must not overlap. Sorted by their start. */
static init_text bool affinities_agree(const struct acpi_memory_affinity *m, u32 count)
{
    u64 end = 0;
    for (u32 i = 0; i < count; i++) {
        if (i && m[i].base < end && m[i].node != m[i - 1].node)
            return false;
        end = MAX(end, m[i].base + m[i].bytes);
    }
    return true;
}

/* Bytes of RAM that no range covers. */
static init_text u64 uncovered_bytes(const struct acpi_memory_affinity *m, u32 count)
{
    u64 uncovered = 0;
    for (u32 r = 0; r < machine_memory.count; r++) {
        u64 next = machine_memory.ranges[r].start, end = machine_memory.ranges[r].end;
        if (machine_memory.ranges[r].type != MEMORY_RAM)
            continue;
        for (u32 i = 0; i < count && next < end; i++) {
            u64 last = MIN(m[i].base + m[i].bytes, end);
            if (last <= next)
                continue;
            if (m[i].base > next)
                uncovered += MIN(m[i].base, end) - next;
            next = last;
        }
        uncovered += end > next ? end - next : 0;
    }
    return uncovered;
}

static init_text void ranges_build(const struct acpi_memory_affinity *m, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (nr_ranges && ranges[nr_ranges - 1].node == m[i].node)
            continue;
        ranges[nr_ranges++] = (struct node_range){.start = m[i].base, .node = m[i].node};
    }
}

/* What is wrong with the tables for this machine; NULL: nothing. */
static init_text const char *numa_complaint(void)
{
    if (!acpi_info.nr_memory_affinities)
        return "no memory belongs to any";
    if (!affinities_agree(acpi_info.memory_affinities, acpi_info.nr_memory_affinities))
        return "the same memory belongs to two";
    if (uncovered_bytes(acpi_info.memory_affinities, acpi_info.nr_memory_affinities) >
        UNCOVERED_MAX)
        return "some memory belongs to none";
    return NULL;
}

init_text void numa_init(void)
{
    if (acpi_info.nr_nodes <= 1)
        return;
    affinities_sort(acpi_info.memory_affinities, acpi_info.nr_memory_affinities);
    const char *why = numa_complaint();
    if (why) {
        log_warning("numa: the firmware's %u nodes are ignored: %s", acpi_info.nr_nodes, why);
        return;
    }
    ranges_build(acpi_info.memory_affinities, acpi_info.nr_memory_affinities);
    nr_nodes = acpi_info.nr_nodes;
    heap_node_of_paddr = numa_node_of_paddr;
    log_info("numa: %u nodes", nr_nodes);
}
