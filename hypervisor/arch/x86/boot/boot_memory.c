/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory before there is a heap: the ranges of RAM that nobody uses, from which the page tables,
 * the frame table and the like are taken, and which become the heap.
 */
#include "core/frame.h"
#include "lib/print.h"
#include "x86/boot.h"
#include "core/heap.h"
#include "x86/panic.h"

#define BOOT_RANGES_MAX 256

static struct {
    paddr_t start, end;
} ranges[BOOT_RANGES_MAX];
static u32 range_count;

void boot_memory_add(paddr_t start, paddr_t end)
{
    start = ROUND_UP(start, PAGE_SIZE);
    end = ROUND_DOWN(end, PAGE_SIZE);
    if (start >= end)
        return;
    if (range_count == BOOT_RANGES_MAX) {
        log_warning("memory map: more than %u free ranges; %#lx-%#lx is not used", BOOT_RANGES_MAX,
                    (unsigned long)start, (unsigned long)end);
        return;
    }
    ranges[range_count].start = start;
    ranges[range_count++].end = end;
}

void boot_memory_reserve(paddr_t start, paddr_t end)
{
    start = ROUND_DOWN(start, PAGE_SIZE);
    end = ROUND_UP(end, PAGE_SIZE);
    for (u32 i = 0; i < range_count; i++) {
        paddr_t a = ranges[i].start, b = ranges[i].end;
        if (end <= a || start >= b)
            continue;
        ranges[i].end = MAX(MIN(start, b), a);
        if (end < b)
            boot_memory_add(MAX(end, a), b);
    }
}

bool boot_memory_take(paddr_t start, paddr_t end)
{
    for (u32 i = 0; i < range_count; i++) {
        if (start >= ranges[i].start && end <= ranges[i].end) {
            boot_memory_reserve(start, end);
            return true;
        }
    }
    return false;
}

paddr_t boot_memory_alloc(u64 bytes, u64 align, paddr_t limit)
{
    u32 best = BOOT_RANGES_MAX;
    paddr_t best_start = 0;
    bytes = ROUND_UP(bytes, PAGE_SIZE);
    for (u32 i = 0; i < range_count; i++) {
        paddr_t end = MIN(ranges[i].end, limit);
        if (end < ranges[i].start || end - ranges[i].start < bytes)
            continue;
        paddr_t start = ROUND_DOWN(end - bytes, align);
        if (start >= ranges[i].start && start >= best_start) {
            best = i;
            best_start = start;
        }
    }
    if (best == BOOT_RANGES_MAX)
        start_refuse("not enough memory: no %lu KiB free below %#lx", (unsigned long)(bytes >> 10),
                     (unsigned long)limit);
    paddr_t end = ranges[best].end;
    ranges[best].end = best_start;
    boot_memory_add(best_start + bytes, end);
    return best_start;
}

void boot_memory_to_heap(void)
{
    for (u32 i = 0; i < range_count; i++)
        if (ranges[i].start < ranges[i].end)
            heap_add(mfn_of_paddr(ranges[i].start), mfn_of_paddr(ranges[i].end));
    range_count = 0;
}

/* The first of the pages that may be released. The first MiB is nobody's (smp_boot_reserve). */
static paddr_t release_start(paddr_t start)
{
    return MAX(ROUND_UP(start, PAGE_SIZE), MIB(1));
}

u64 boot_memory_frames(paddr_t start, paddr_t end)
{
    start = release_start(start);
    return start < end ? (end - start) >> PAGE_SHIFT : 0;
}

void boot_memory_release(paddr_t start, paddr_t end)
{
    u64 frames = boot_memory_frames(start, end);
    mfn_t first = mfn_of_paddr(release_start(start));
    if (frames)
        heap_add(first, MFN(first.v + frames));
}
