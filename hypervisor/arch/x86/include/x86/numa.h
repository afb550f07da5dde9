/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NUMA nodes: which memory and which CPUs are near one another, from ACPI's SRAT and SLIT
 * (x86/acpi.h). Nodes are numbered from 0; a machine without tables, or with tables that contradict
 * its memory map, has node 0 only. Written once at boot, so there is no lock.
 */
#ifndef DOMUS_X86_NUMA_H
#define DOMUS_X86_NUMA_H

#include "types.h"

#define NUMA_DISTANCE_LOCAL  10u
#define NUMA_DISTANCE_REMOTE 20u

/* On the boot CPU, after acpi_init() and memory_map_build(), before the heap gets memory: sets
 * heap_node_of_paddr (core/heap.h) if there are several nodes. */
void numa_init(void);

/* How many; at least 1. */
u32 numa_nodes(void);
/* Memory of no node counts as node 0's, as do unknown CPUs. */
u32 numa_node_of_paddr(paddr_t pa);
u32 numa_node_of_apic(u32 apic_id);
/* False if no node, or not one that is used, has that ACPI proximity domain. */
must_check bool numa_node_of_proximity(u32 proximity, u32 *node);
/* Relative, NUMA_DISTANCE_LOCAL within a node (ACPI 6.4, 5.2.17); 0 if a or b is no node. */
u32 numa_distance(u32 a, u32 b);

#endif
