/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's memory as its firmware describes it: a sorted list of disjoint ranges with ACPI's
 * address range types (ACPI 6.4, 15.1). Built once at boot from whatever the loader gives, in any
 * order and with any contradictions; read-only afterwards, so it needs no lock. Pure functions: no
 * state of their own.
 */
#ifndef DOMUS_X86_MEMORY_MAP_H
#define DOMUS_X86_MEMORY_MAP_H

#include "types.h"

#define MEMORY_RAM        1u
#define MEMORY_RESERVED   2u
#define MEMORY_ACPI       3u /* tables; RAM once they were read */
#define MEMORY_NVS        4u
#define MEMORY_UNUSABLE   5u
#define MEMORY_PERSISTENT 7u

/*
 * No processor addresses more than 2^52 bytes (AMD APM vol. 2, 5.1): ranges end here at the latest.
 */
#define MEMORY_END BIT(52)

/* RAM below it is treated as I/O memory of the hardware domain, as the firmware's tables and real
 * mode need it. */
#define LOW_MEMORY_END MIB(1)

/* Ranges that the loader's list and the finished map can hold. */
#define MEMORY_RAW_MAX 512u
#define MEMORY_MAP_MAX 256u

/* Bytes [start, end) of one type. */
struct memory_range {
    u64 start, end;
    u32 type;
};

struct memory_map {
    u32 count;
    struct memory_range ranges[MEMORY_MAP_MAX];
};

/*
 * Append [base, base + length) to a list of up to max ranges, cut off at MEMORY_END; types that are
 * not named above become MEMORY_RESERVED, empty ranges are left out. -ENOSPC if the list is full:
 * nothing was added.
 */
must_check int memory_ranges_append(struct memory_range *ranges, u32 *count, u32 max, u64 base,
                                    u64 length, u32 type);

/*
 * The map that raw[0..count) describes, count <= MEMORY_RAW_MAX. Where entries overlap, the type
 * that is the worst to be taken for RAM wins; RAM is rounded inward to whole pages; neighbours of
 * one type are joined. What does not fit (the highest ranges) is left out, which is logged. raw is
 * only read.
 */
void memory_map_build(struct memory_map *map, const struct memory_range *raw, u32 count);

/* The same without rounding: as domain 0 is told of it. */
void memory_map_build_exact(struct memory_map *map, const struct memory_range *raw, u32 count);

/* Forget the RAM from end (whole pages) on, which is logged: there are no tables for more. */
void memory_map_limit_ram(struct memory_map *map, u64 end);

/* Bytes of RAM. */
u64 memory_map_ram_bytes(const struct memory_map *map);
/* One beyond the highest frame of RAM; 0 if there is none. */
mfn_t memory_map_ram_end(const struct memory_map *map);
/* True if all frames from first to last, inclusive, are RAM. */
bool memory_map_is_ram(const struct memory_map *map, mfn_t first, mfn_t last);
/* The range that the byte at pa lies in, or NULL. */
const struct memory_range *memory_map_find(const struct memory_map *map, paddr_t pa);
/* One line of the log for each range. */
void memory_map_log(const struct memory_map *map);

/* "RAM", "reserved", ... */
const char *memory_type_name(u32 type);

/*
 * Take [start, end) out of a sorted list of disjoint ranges, in place: what the boot allocator does
 * with the image, the modules and its own allocations. -ENOSPC if it splits a range and the list is
 * full (max): the list is unchanged.
 */
must_check int memory_ranges_subtract(struct memory_range *ranges, u32 *count, u32 max, u64 start,
                                      u64 end);

#endif
