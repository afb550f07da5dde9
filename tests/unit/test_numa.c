/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NUMA nodes (arch/x86/mm/numa.c): what the firmware says, against the memory map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/cpu.h"
#include "core/heap.h"
#include "lib/print.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/boot.h"
#include "x86/numa.h"

struct acpi_info acpi_info;
struct memory_map machine_memory;
static u32 warnings;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    warnings += level == LOG_WARNING;
}

u32 cpu_apic_id(u32 cpu)
{
    return cpu * 2;
}

static u32 unset(paddr_t pa)
{
    (void)pa;
    return 0;
}

u32 (*heap_node_of_paddr)(paddr_t pa);

static void ram(u64 start, u64 end)
{
    machine_memory.ranges[machine_memory.count++] =
        (struct memory_range){.start = start, .end = end, .type = MEMORY_RAM};
}

static void node_memory(u32 node, u64 start, u64 end)
{
    acpi_info.memory_affinities[acpi_info.nr_memory_affinities++] =
        (struct acpi_memory_affinity){.base = start, .bytes = end - start, .node = node};
}

/* A machine of two nodes, the firmware's lists out of order. */
static int setup(void **state)
{
    (void)state;
    memset(&acpi_info, 0, sizeof(acpi_info));
    memset(&machine_memory, 0, sizeof(machine_memory));
    heap_node_of_paddr = unset;
    warnings = 0;
    ram(0, 0x9f000);
    ram(MIB(1), GIB(3));
    ram(GIB(4), GIB(9));
    acpi_info.nr_nodes = 2;
    node_memory(1, GIB(5), GIB(9));
    node_memory(0, 0, 0xa0000);
    node_memory(0, GIB(4), GIB(5));
    node_memory(0, MIB(1), GIB(3));
    for (u32 i = 0; i < 4; i++)
        acpi_info.cpu_affinities[acpi_info.nr_cpu_affinities++] =
            (struct acpi_cpu_affinity){.apic_id = i * 2, .node = i / 2};
    acpi_info.proximity[0] = 3;
    acpi_info.proximity[1] = 1;
    memcpy(acpi_info.distances[0], (u8[]){10, 17}, 2);
    memcpy(acpi_info.distances[1], (u8[]){19, 10}, 2);
    return 0;
}

static void refused(void)
{
    numa_init();
    assert_int_equal(warnings, 1);
    assert_int_equal(numa_nodes(), 1);
    assert_ptr_equal(heap_node_of_paddr, unset);
    assert_int_equal(numa_node_of_paddr(GIB(8)), 0);
    assert_int_equal(numa_node_of_apic(6), 0);
    assert_int_equal(numa_distance(0, 0), 10);
    assert_int_equal(numa_distance(0, 1), 0);
    u32 node;
    assert_false(numa_node_of_proximity(3, &node));
}

static void one_node(void **state)
{
    (void)state;
    acpi_info.nr_nodes = 1;
    numa_init();
    assert_int_equal(warnings, 0);
    assert_int_equal(numa_nodes(), 1);
    assert_ptr_equal(heap_node_of_paddr, unset);
    u32 node;
    assert_true(numa_node_of_proximity(3, &node));
    assert_int_equal(node, 0);
    assert_false(numa_node_of_proximity(1, &node));
    acpi_info.nr_cpu_affinities = acpi_info.nr_memory_affinities = 0; /* there is no SRAT */
    assert_false(numa_node_of_proximity(3, &node));
}

static void contradictions(void **state)
{
    setup(state);
    acpi_info.nr_memory_affinities = 0;
    refused();
    setup(state);
    ram(GIB(16), GIB(17)); /* memory of no node */
    refused();
    setup(state);
    acpi_info.memory_affinities[3].bytes = GIB(1); /* a gap within a range */
    refused();
    setup(state);
    node_memory(1, GIB(2), GIB(2) + 1); /* in the middle of the other's */
    refused();
    setup(state);
    node_memory(1, 0, GIB(64)); /* around everything */
    refused();
}

/* Last, for the result stays. */
static void two_nodes(void **state)
{
    (void)state;
    node_memory(0, GIB(2), GIB(3));                 /* twice the same is no contradiction */
    acpi_info.memory_affinities[1].bytes = 0x9e000; /* nor is a little that is missing */
    numa_init();
    assert_int_equal(warnings, 0);
    assert_int_equal(numa_nodes(), 2);
    assert_ptr_equal(heap_node_of_paddr, numa_node_of_paddr);
    assert_int_equal(numa_node_of_paddr(0), 0);
    assert_int_equal(numa_node_of_paddr(GIB(5) - 1), 0);
    assert_int_equal(numa_node_of_paddr(GIB(5)), 1);
    assert_int_equal(numa_node_of_paddr(~0ull), 1);
    assert_int_equal(numa_node_of_apic(4), 1);
    assert_int_equal(numa_node_of_apic(5), 0);
    for (u32 round = 0; round < 2; round++)
        for (u32 cpu = 0; cpu < 4; cpu++)
            assert_int_equal(cpu_node(cpu), cpu / 2);
    assert_int_equal(cpu_node(NR_CPUS), 0);
    assert_int_equal(numa_distance(0, 1), 17);
    assert_int_equal(numa_distance(1, 0), 19);
    assert_int_equal(numa_distance(2, 0), 0);
    u32 node;
    assert_true(numa_node_of_proximity(3, &node));
    assert_int_equal(node, 0);
    assert_true(numa_node_of_proximity(1, &node));
    assert_int_equal(node, 1);
    assert_false(numa_node_of_proximity(0, &node));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_node, setup),
        cmocka_unit_test(contradictions),
        cmocka_unit_test_setup(two_nodes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
