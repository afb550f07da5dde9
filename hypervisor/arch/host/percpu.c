/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Simulated CPUs' own variables (machine/percpu.h). */
#include <stdlib.h>
#include <string.h>
#include "core/percpu.h"

/* The section may be empty but for this. */
static DEFINE_PER_CPU(u64, host_anchor) __attribute__((used));

/* The bounds of the section, which the linker gives. */
extern char __start_percpu[], __stop_percpu[];

_Thread_local u32 host_cpu;
struct cpu_info host_cpu_info[HOST_CPUS_MAX];

/* Of a fixed size, so that a snapshot of all static data holds them. */
#define BLOCK_BYTES KIB(64)
static u8 host_blocks[HOST_CPUS_MAX][BLOCK_BYTES] aligned(4096);

void host_percpu_init(u32 cpus)
{
    size_t size = (u64)__stop_percpu - (u64)__start_percpu;
    /* Variables keep their place within a page, and so their alignment. */
    size_t shift = (u64)__start_percpu % PAGE_SIZE;

    if (size + shift > BLOCK_BYTES)
        abort();
    memset(__start_percpu, 0, size);
    memset(host_blocks, 0, sizeof(host_blocks));
    memset(host_cpu_info, 0, sizeof(host_cpu_info));
    for (u32 cpu = 1; cpu < cpus; cpu++)
        host_cpu_info[cpu].percpu_offset = (u64)(host_blocks[cpu] + shift) - (u64)__start_percpu;
}
