# SPDX-License-Identifier: GPL-2.0-or-later
#
# The domains of host/domain_world.h, for the tests of what they do. Allocations can fail where they
# cross from one file to another.
DOMAIN_WORLD_CFLAGS = $(MEMORY_WORLD_CFLAGS) $(addprefix -Wl$(comma)--wrap=,heap_alloc page_alloc pages_alloc object_alloc object_alloc_array)
DOMAIN_WORLD_SOURCES = $(addprefix hypervisor/,$(addprefix core/,claim.c domain.c frame.c event_channel.c event_2level.c event_fifo.c event_upcall.c grant_table.c grant_table_map.c tasklet.c wallclock.c multicall.c hypercall_table.c) lib/rangeset.c) $(addprefix tests/unit/host/,domain_world.c hypercall_stubs.c) $(MEMORY_WORLD_SOURCES)
comma := ,
