# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machine of host/memory_world.h, with the real allocators, for the tests that run on it. Lock ranks
# are checked; per_cpu() steps out of the variable on purpose.
MEMORY_WORLD_CFLAGS := -Itests/unit/host/include -Ihypervisor/arch/host/include -Ihypervisor/arch/x86/include -DDOMUS_DEBUG -fno-sanitize=object-size -Wno-unused-parameter
MEMORY_WORLD_SOURCES := $(addprefix hypervisor/core/,heap.c object_heap.c lock.c) hypervisor/arch/host/percpu.c tests/unit/host/memory_world.c
