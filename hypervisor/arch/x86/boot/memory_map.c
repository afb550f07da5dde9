/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a sound memory map of what firmware and loaders say, which may be unsorted, overlapping or
 * absurd. Called by the boot code only; no state.
 *
 * The line of addresses is cut at every start and end that occurs; each piece between two cuts gets
 * the worst type of the entries that cover it. That takes count^2 steps, for lists that have some
 * ten entries.
 */
#include "errno.h"
#include "lib/print.h"
#include "x86/memory_map.h"

/* The end of the list of cuts. */
#define CUTS_MAX (2 * MEMORY_RAW_MAX)

static u64 cuts[CUTS_MAX] section(".bss.init");

/* How bad it would be to use such a range as RAM; 0: nothing says anything about it. */
static u32 type_rank(u32 type)
{
    switch (type) {
    case MEMORY_RAM:
        return 1;
    case MEMORY_ACPI:
        return 2;
    case MEMORY_NVS:
        return 3;
    case MEMORY_PERSISTENT:
        return 4;
    case MEMORY_UNUSABLE:
        return 6;
    default:
        return 5;
    }
}

const char *memory_type_name(u32 type)
{
    switch (type) {
    case MEMORY_RAM:
        return "RAM";
    case MEMORY_ACPI:
        return "ACPI tables";
    case MEMORY_NVS:
        return "ACPI NVS";
    case MEMORY_PERSISTENT:
        return "persistent";
    case MEMORY_UNUSABLE:
        return "unusable";
    default:
        return "reserved";
    }
}

int memory_ranges_append(struct memory_range *ranges, u32 *count, u32 max, u64 base, u64 length,
                         u32 type)
{
    u64 end;
    if (__builtin_add_overflow(base, length, &end) || end > MEMORY_END)
        end = MEMORY_END;
    if (base >= end)
        return 0;
    if (*count >= max)
        return -ENOSPC;
    bool known = (type >= MEMORY_RAM && type <= MEMORY_UNUSABLE) || type == MEMORY_PERSISTENT;
    ranges[(*count)++] =
        (struct memory_range){.start = base, .end = end, .type = known ? type : MEMORY_RESERVED};
    return 0;
}

/* All starts and ends, ascending, each once. */
static u32 cuts_collect(const struct memory_range *raw, u32 count)
{
    u32 n = 0;
    for (u32 i = 0; i < 2 * count; i++) {
        u64 cut = i & 1 ? raw[i / 2].end : raw[i / 2].start;
        u32 at = n;
        while (at > 0 && cuts[at - 1] > cut)
            at--;
        if (at > 0 && cuts[at - 1] == cut)
            continue;
        for (u32 j = n; j > at; j--)
            cuts[j] = cuts[j - 1];
        cuts[at] = cut;
        n++;
    }
    return n;
}

/*
 * The worst type among the entries that cover [start, end), which holds no cut inside; 0: none
 * covers it.
 */
static u32 piece_type(const struct memory_range *raw, u32 count, u64 start, u64 end)
{
    u32 type = 0;
    for (u32 i = 0; i < count; i++)
        if (raw[i].start <= start && raw[i].end >= end &&
            (!type || type_rank(raw[i].type) > type_rank(type)))
            type = raw[i].type;
    return type;
}

/* False if there is no room. */
static bool map_push(struct memory_map *map, u64 start, u64 end, u32 type, u64 ram_unit)
{
    if (type == MEMORY_RAM) {
        start = ROUND_UP(start, ram_unit);
        end = ROUND_DOWN(end, ram_unit);
    }
    if (start >= end)
        return true;
    if (map->count == MEMORY_MAP_MAX)
        return false;
    map->ranges[map->count++] = (struct memory_range){.start = start, .end = end, .type = type};
    return true;
}

/* RAM is rounded inward to multiples of ram_unit bytes. */
static void map_build(struct memory_map *map, const struct memory_range *raw, u32 count,
                      u64 ram_unit)
{
    BUG_ON(count > MEMORY_RAW_MAX);
    map->count = 0;
    u32 nr_cuts = cuts_collect(raw, count);
    struct memory_range piece = {.type = 0}; /* grows while its neighbours have its type */
    u32 dropped = 0;
    for (u32 i = 0; i + 1 < nr_cuts; i++) {
        u32 type = piece_type(raw, count, cuts[i], cuts[i + 1]);
        if (type && type == piece.type) {
            piece.end = cuts[i + 1];
            continue;
        }
        if (piece.type && !map_push(map, piece.start, piece.end, piece.type, ram_unit))
            dropped++;
        piece = (struct memory_range){.start = cuts[i], .end = cuts[i + 1], .type = type};
    }
    if (piece.type && !map_push(map, piece.start, piece.end, piece.type, ram_unit))
        dropped++;
    if (dropped)
        log_warning("memory map: %u ranges above %#lx do not fit and are not used", dropped,
                    map->ranges[MEMORY_MAP_MAX - 1].end);
}

void memory_map_build(struct memory_map *map, const struct memory_range *raw, u32 count)
{
    map_build(map, raw, count, PAGE_SIZE);
}

void memory_map_build_exact(struct memory_map *map, const struct memory_range *raw, u32 count)
{
    map_build(map, raw, count, 1);
}

void memory_map_limit_ram(struct memory_map *map, u64 end)
{
    u64 lost = 0;
    u32 kept = 0;
    for (u32 i = 0; i < map->count; i++) {
        struct memory_range r = map->ranges[i];
        if (r.type == MEMORY_RAM && r.end > end) {
            lost += r.end - MAX(r.start, end);
            r.end = end;
        }
        if (r.start < r.end)
            map->ranges[kept++] = r;
    }
    map->count = kept;
    if (lost)
        log_warning("memory map: %lu MiB of RAM above %lu GiB are not used",
                    (unsigned long)(lost >> 20), (unsigned long)(end >> 30));
}

u64 memory_map_ram_bytes(const struct memory_map *map)
{
    u64 bytes = 0;
    for (u32 i = 0; i < map->count; i++)
        if (map->ranges[i].type == MEMORY_RAM)
            bytes += map->ranges[i].end - map->ranges[i].start;
    return bytes;
}

mfn_t memory_map_ram_end(const struct memory_map *map)
{
    for (u32 i = map->count; i-- > 0;)
        if (map->ranges[i].type == MEMORY_RAM)
            return mfn_of_paddr(map->ranges[i].end);
    return MFN(0);
}

const struct memory_range *memory_map_find(const struct memory_map *map, paddr_t pa)
{
    for (u32 i = 0; i < map->count; i++)
        if (pa >= map->ranges[i].start && pa < map->ranges[i].end)
            return &map->ranges[i];
    return NULL;
}

bool memory_map_is_ram(const struct memory_map *map, mfn_t first, mfn_t last)
{
    if (first.v > last.v || last.v >= MEMORY_END >> PAGE_SHIFT)
        return false;
    const struct memory_range *range = memory_map_find(map, paddr_of_mfn(first));
    return range && range->type == MEMORY_RAM && paddr_of_mfn(last) < range->end;
}

void memory_map_log(const struct memory_map *map)
{
    for (u32 i = 0; i < map->count; i++)
        log_info("  %013lx-%013lx  %s", map->ranges[i].start, map->ranges[i].end - 1,
                 memory_type_name(map->ranges[i].type));
}

int memory_ranges_subtract(struct memory_range *ranges, u32 *count, u32 max, u64 start, u64 end)
{
    if (start >= end)
        return 0;
    u32 kept = 0;
    for (u32 i = 0; i < *count; i++) {
        struct memory_range r = ranges[i];
        if (r.start < start && r.end > end) { /* only one range can hold a hole inside */
            if (*count == max)
                return -ENOSPC;
            for (u32 j = *count; j > i + 1; j--)
                ranges[j] = ranges[j - 1];
            ranges[i].end = start;
            ranges[i + 1] = (struct memory_range){.start = end, .end = r.end, .type = r.type};
            (*count)++;
            return 0;
        }
        if (r.end > start && r.start < end) {
            if (r.start < start)
                r.end = start;
            else if (r.end > end)
                r.start = end;
            else
                continue;
        }
        ranges[kept++] = r;
    }
    *count = kept;
    return 0;
}
