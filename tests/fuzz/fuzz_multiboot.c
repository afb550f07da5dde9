/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Multiboot loader could leave in memory, and the memory map that is made of it. The input's
 * first byte chooses the protocol and what fills the last page; the rest is physical memory from 0
 * on, where the information lies. Each view of it is a block of its own.
 */
#include "demand.h"
#include "errno.h"
#include "lib/print.h"
#include "x86/boot_info.h"

#define MEMORY_PAGES_MAX 16u
#define VIEWS_MAX        4096u

static u8 memory[MEMORY_PAGES_MAX * PAGE_SIZE];
static size_t memory_bytes;
static void *views[VIEWS_MAX];
static u32 nr_views;

static struct boot_info info;
static struct memory_map map, exact;

void log_line(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

_Noreturn void panic(const char *fmt, ...)
{
    fprintf(stderr, "panic: %s\n", fmt);
    abort();
}

static const void *physical(paddr_t pa, size_t bytes)
{
    if (pa > memory_bytes || bytes > memory_bytes - pa)
        return NULL;
    demand(nr_views < VIEWS_MAX);
    return views[nr_views++] = exact_copy(memory + pa, bytes);
}

static bool text_inside(const char *text)
{
    return !*text || (text >= info.text && text + strlen(text) < info.text + sizeof(info.text));
}

static void info_check(void)
{
    demand(info.nr_modules <= BOOT_MODULES_MAX && info.nr_memory <= MEMORY_RAW_MAX);
    demand(text_inside(info.cmdline) && text_inside(info.loader));
    for (u32 i = 0; i < info.nr_modules; i++)
        demand(info.modules[i].start < info.modules[i].end && text_inside(info.modules[i].cmdline));
    demand(!info.efi_map_bytes ||
           (info.efi_map >= info.start && info.efi_map + info.efi_map_bytes <= info.end));
}

/* Sorted, disjoint, nowhere empty; and the holes of one are not the other's RAM. */
static void map_check(const struct memory_map *m, bool whole_pages)
{
    u64 at = 0, ram = 0;
    demand(m->count <= MEMORY_MAP_MAX);
    for (u32 i = 0; i < m->count; i++) {
        const struct memory_range *r = &m->ranges[i];
        demand(r->start >= at && r->start < r->end && r->end <= MEMORY_END);
        demand(memory_map_find(m, r->start) == r && memory_map_find(m, r->end - 1) == r);
        at = r->end;
        if (r->type != MEMORY_RAM)
            continue;
        ram += r->end - r->start;
        if (whole_pages)
            demand(!(r->start & ~PAGE_MASK) && !(r->end & ~PAGE_MASK));
    }
    demand(ram == memory_map_ram_bytes(m));
}

/* What any part of the loader's list calls something other than RAM is no RAM in the map. */
static void ram_check(void)
{
    for (u32 i = 0; i < info.nr_memory; i++) {
        const struct memory_range *raw = &info.memory[i];
        if (raw->type == MEMORY_RAM)
            continue;
        for (u32 n = 0; n < map.count; n++) {
            const struct memory_range *r = &map.ranges[n];
            demand(r->type != MEMORY_RAM || r->end <= raw->start || r->start >= raw->end);
        }
    }
}

/* As the boot allocator takes the modules out. */
static void subtract_check(void)
{
    struct memory_range list[MEMORY_MAP_MAX];
    u32 count = map.count;
    memcpy(list, map.ranges, count * sizeof(*list));
    for (u32 i = 0; i < info.nr_modules; i++) {
        u64 start = info.modules[i].start, end = info.modules[i].end;
        if (memory_ranges_subtract(list, &count, MEMORY_MAP_MAX, start, end))
            continue;
        for (u32 n = 0; n < count; n++)
            demand(list[n].end <= start || list[n].start >= end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    if (size < 1 || size - 1 > sizeof(memory))
        return 0;
    memory_bytes = ROUND_UP(size - 1, PAGE_SIZE);
    memset(memory, data[0] & 2 ? 0xff : 0, memory_bytes);
    memcpy(memory, data + 1, size - 1);
    int error = boot_info_parse(&info, data[0] & 1 ? MULTIBOOT2_BOOT_MAGIC : MULTIBOOT1_BOOT_MAGIC,
                                0, physical, &why);
    while (nr_views)
        free(views[--nr_views]);
    demand(error <= 0 && (error != 0) == (why != NULL));
    info_check();
    memory_map_build(&map, info.memory, info.nr_memory);
    memory_map_build_exact(&exact, info.memory, info.nr_memory);
    map_check(&map, true);
    map_check(&exact, false);
    ram_check();
    subtract_check();
    return 0;
}
