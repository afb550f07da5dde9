/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame allocator and the small objects: random operations against a plain model of who has
 * which frame, zones and nodes, clearing now and in the background.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/host/memory_world.h"

#define NOBODY 0

/* Which block, by its number, has the frame. */
static u32 holder[WORLD_HIGH_END];
static u64 model_free;

struct block {
    struct frame *f;
    u32 order, id;
};
#define BLOCKS_MAX 512
static struct block blocks[BLOCKS_MAX];
static u32 nr_blocks, next_id;

static const u64 starts[] = {WORLD_LOW_START, WORLD_MID_START, WORLD_HIGH_START};
static const u64 ends[] = {WORLD_LOW_END, WORLD_MID_END, WORLD_HIGH_END};

static int setup_group(void **state)
{
    (void)state;
    memory_world_init();
    model_free = WORLD_FRAMES;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memory_world_reset();
    return 0;
}

static void check_totals(void)
{
    assert_int_equal(heap_total_frames(), WORLD_FRAMES);
    assert_int_equal(heap_free_frames(), model_free);
    assert_int_equal(heap_free_frames(), heap_free_frames_node(0) + heap_free_frames_node(1));
    assert_int_equal(heap_free_frames_node(7), 0);
    assert_int_equal(heap_free_frames_node(NODE_ANY), 0);
}

static bool allowed(u64 mfn, u32 order, u32 node, u32 bits, u32 flags)
{
    u64 end = mfn + (1ull << order);
    if (bits < 52 && end > 1ull << (bits - PAGE_SHIFT))
        return false;
    return !(flags & HEAP_EXACT_NODE) || node == NODE_ANY || memory_world_node(mfn) == node;
}

/* Whether a request can be fulfilled: a buddy allocator that merges all it can finds every aligned
 * block. None crosses the nodes' border. */
static bool possible(u32 order, u32 node, u32 bits, u32 flags)
{
    u64 n = 1ull << order;
    for (u32 r = 0; r < ARRAY_SIZE(starts); r++) {
        for (u64 mfn = ROUND_UP(starts[r], n); mfn + n <= ends[r]; mfn += n) {
            u64 k = 0;
            while (k < n && holder[mfn + k] == NOBODY)
                k++;
            if (k == n && allowed(mfn, order, node, bits, flags))
                return true;
        }
    }
    return false;
}

static void block_take(u32 order, u32 node, u32 bits, u32 flags)
{
    struct frame *f = heap_alloc(order, node, bits, flags);
    if (!f) {
        assert_false(possible(order, node, bits, flags));
        return;
    }
    u64 mfn = frame_mfn(f).v;
    u32 id = ++next_id;
    assert_int_equal(mfn & ((1ull << order) - 1), 0);
    assert_true(allowed(mfn, order, node, bits, flags));
    for (u64 i = 0; i < 1ull << order; i++) {
        assert_true(memory_world_is_ram(mfn + i));
        assert_int_equal(holder[mfn + i], NOBODY);
        assert_int_equal(f[i].count, 0);
        assert_int_equal(f[i].type, 0);
        assert_int_equal(f[i].owner, 0);
        if (!(flags & HEAP_NO_SCRUB))
            assert_true(memory_world_page_is(mfn + i, 0));
        holder[mfn + i] = id;
        memset(memory_world_page(mfn + i), (u8)id | 1, PAGE_SIZE);
    }
    model_free -= 1ull << order;
    blocks[nr_blocks++] = (struct block){.f = f, .order = order, .id = id};
}

/* A piece of a block goes back. */
static void piece_free(const struct block *b, u64 first, u32 order)
{
    u64 mfn = frame_mfn(b->f).v + first;
    for (u64 i = 0; i < 1ull << order; i++) {
        assert_int_equal(holder[mfn + i], b->id);
        assert_true(memory_world_page_is(mfn + i, (u8)b->id | 1));
        holder[mfn + i] = NOBODY;
    }
    heap_free(b->f + first, order);
    model_free += 1ull << order;
}

static void block_free(u32 i)
{
    struct block b = blocks[i];
    u32 piece = memory_world_random(2) ? b.order : memory_world_random(b.order + 1);
    for (u64 at = 0; at < 1ull << b.order; at += 1ull << piece)
        piece_free(&b, at, piece);
    blocks[i] = blocks[--nr_blocks];
}

static void blocks_free_all(void)
{
    while (nr_blocks)
        block_free(memory_world_random(nr_blocks));
}

/* First, before anything was used. */
static void test_boot_memory_is_not_scrubbed(void **state)
{
    (void)state;
    check_totals();
    assert_false(heap_scrub_some());
    assert_true(memory_world_page_is(WORLD_HIGH_START, WORLD_GARBAGE));

    /* What was used is cleared, its neighbours that were not stay as they are. */
    struct frame *f = heap_alloc(2, 1, ADDRESS_ANY, HEAP_NO_SCRUB);
    u64 mfn = frame_mfn(f).v;
    assert_true(memory_world_page_is(mfn, WORLD_GARBAGE));
    heap_free(f, 2);
    u32 windows = memory_world.windows;
    while (heap_scrub_some())
        continue;
    assert_true(memory_world.windows > windows);
    for (u32 i = 0; i < 4; i++)
        assert_true(memory_world_page_is(mfn + i, 0));
    assert_true(memory_world_page_is(mfn + 4, WORLD_GARBAGE));
    check_totals();

    /* It is clean, and is not cleared a second time. */
    memory_world_page(mfn)[7] = 1;
    f = heap_alloc(2, 1, ADDRESS_ANY, 0);
    assert_int_equal(frame_mfn(f).v, mfn);
    assert_int_equal(memory_world_page(mfn)[7], 1);
    heap_free(f, 2);
    /* The two in one block: what needs it is cleared, in one go. */
    while (heap_scrub_some())
        continue;
    f = heap_alloc(10, 1, ADDRESS_ANY, 0);
    assert_int_equal(frame_mfn(f).v, ROUND_DOWN(mfn, 1024));
    for (u32 i = 0; i < 1024; i++)
        assert_true(memory_world_page_is(ROUND_DOWN(mfn, 1024) + i, 0));
    heap_free(f, 10);
}

static void test_scrub_some(void **state)
{
    (void)state;
    while (heap_scrub_some())
        continue;
    struct frame *f = heap_alloc(6, 0, ADDRESS_ANY, 0);
    u64 mfn = frame_mfn(f).v;
    memset(memory_world_page(mfn), 3, 64 * PAGE_SIZE);
    heap_free(f, 6);
    /* 64 KiB at a time, and never more. */
    u32 rounds = 0;
    for (bool more = true; more; rounds++) {
        more = heap_scrub_some();
        u32 clean = 0;
        for (u32 i = 0; i < 64; i++)
            clean += memory_world_page_is(mfn + i, 0);
        assert_int_equal(clean, 16 * (rounds + 1));
    }
    assert_int_equal(rounds, 4);
    assert_false(heap_scrub_some());

    /* Frames that are in use again, or were allocated meanwhile, are left alone. */
    f = heap_alloc(5, 0, ADDRESS_ANY, HEAP_NO_SCRUB);
    mfn = frame_mfn(f).v;
    heap_free(f, 5);
    f = heap_alloc(5, 0, ADDRESS_ANY, HEAP_NO_SCRUB);
    assert_int_equal(frame_mfn(f).v, mfn);
    memset(memory_world_page(mfn), 5, 32 * PAGE_SIZE);
    while (heap_scrub_some())
        continue;
    for (u32 i = 0; i < 32; i++)
        assert_true(memory_world_page_is(mfn + i, 5));
    heap_free(f, 5);
    check_totals();
}

static struct frame *stale_frame;

/* What a processor with an old translation can still do, until it flushes. */
static void stale_write(void)
{
    if (stale_frame)
        memset(frame_to_virt(stale_frame), 9, PAGE_SIZE);
}

static void test_flush_before_clear(void **state)
{
    (void)state;
    memory_world.on_flush = stale_write;
    for (u32 scrub = 0; scrub < 2; scrub++) {
        stale_frame = heap_alloc(0, 0, ADDRESS_ANY, 0);
        u32 flushes = memory_world.flushes;
        heap_free(stale_frame, 0);
        while (scrub && heap_scrub_some())
            continue;
        struct frame *f = heap_alloc(0, 0, ADDRESS_ANY, 0);
        assert_ptr_equal(f, stale_frame);
        assert_true(memory_world_page_is(frame_mfn(f).v, 0));
        assert_int_equal(memory_world.flushes, flushes + 1);
        stale_frame = NULL;
        heap_free(f, 0);
    }
}

static u64 free_while_cleared;

static void free_note(void)
{
    free_while_cleared = heap_free_frames();
}

/* What is being cleared is not missing for whoever asks what is free. */
/* Two buddies, freed at one time and at another; then both are used as one block. */
static u32 flushes_of_buddies(u32 then, u32 now, u32 flushed)
{
    memory_world_clock_set(now, flushed);
    while (heap_scrub_some())
        continue;
    struct frame *f = heap_alloc(1, 0, ADDRESS_ANY, HEAP_NO_SCRUB);
    memory_world_clock_set(then, flushed);
    heap_free(f, 0);
    memory_world_clock_set(now, flushed);
    heap_free(f + 1, 0);
    memory_world.flushes = 0;
    struct frame *again = heap_alloc(1, 0, ADDRESS_ANY, HEAP_NO_SCRUB);
    assert_ptr_equal(again, f);
    u32 flushes = memory_world.flushes;
    heap_free(again, 1);
    memory_world_clock_set(1, 1);
    return flushes;
}

/* Guests can have the hypervisor's own objects made and ended as often as they like: nobody need
 * flush for those. */
static void test_no_flush_for_objects(void **state)
{
    (void)state;
    memory_world_clock_set(100, 100);
    for (size_t bytes = 1500; bytes <= 6000; bytes += 1500) {
        void *object = object_alloc(bytes);
        for (u32 i = 0; i < 3; i++) {
            object_free(object);
            memory_world.flushes = 0;
            object = object_alloc(bytes);
            assert_int_equal(memory_world.flushes, 0);
        }
        object_free(object);
    }
}

/* The TLB clock runs through all its 32 bits, and who was freed long ago says nothing of who was
 * just now. */
static void test_flush_after_long_time(void **state)
{
    (void)state;
    assert_int_equal(flushes_of_buddies(1, 0x90000000, 0x90000000), 1);
    assert_int_equal(flushes_of_buddies(1, 0x90000000, 0x90000001), 0);
    assert_int_equal(flushes_of_buddies(0x90000000, 0x90000000, 0x90000000), 1);
    /* Freed before the clock began again: all have flushed since, and one that flushed once more is
     * not asked to. */
    assert_int_equal(flushes_of_buddies(0xfffffff0, 5, 6), 0);
    assert_int_equal(flushes_of_buddies(0xfffffff0, 5, 5), 1);
}

static void test_scrub_counts_as_free(void **state)
{
    (void)state;
    while (heap_scrub_some())
        continue;
    u64 before = heap_free_frames();
    struct frame *f = heap_alloc(4, 0, ADDRESS_ANY, 0);
    heap_free(f, 4);
    memory_world.on_flush = free_note;
    free_while_cleared = 0;
    while (heap_scrub_some())
        continue;
    memory_world.on_flush = NULL;
    assert_int_equal(free_while_cleared, before);
    assert_int_equal(heap_free_frames(), before);
    check_totals();
}

static void flush_allocates(void)
{
    memory_world.on_flush = NULL;
    block_take(0, 0, ADDRESS_ANY, 0);
    block_take(3, 0, ADDRESS_ANY, HEAP_NO_SCRUB);
    memory_world.on_flush = flush_allocates;
}

/* Others allocate while a piece is being cleared, and get something else. */
static void test_scrub_beside_others(void **state)
{
    (void)state;
    for (u32 i = 0; i < 40; i++) {
        block_take(memory_world_random(7), 0, ADDRESS_ANY, 0);
        u32 victim = memory_world_random(nr_blocks);
        if (memory_world_random(2))
            block_free(victim);
        memory_world.on_flush = flush_allocates;
        (void)heap_scrub_some();
        memory_world.on_flush = NULL;
    }
    blocks_free_all();
    check_totals();
}

static void test_random(void **state)
{
    (void)state;
    static const u32 bits[] = {ADDRESS_ANY, ADDRESS_ANY, 33, 32, 24, 20, 19, 13};
    static const u32 nodes[] = {NODE_ANY, 0, 1, 0, 1, 5};
    for (u32 i = 0; i < 12000; i++) {
        bool growing = (i / 1000) % 2 == 0;
        u32 what = memory_world_random(10);
        if (nr_blocks < BLOCKS_MAX && what < (growing ? 7u : 3u))
            block_take(memory_world_random(memory_world_random(11) + 1),
                       nodes[memory_world_random(ARRAY_SIZE(nodes))],
                       bits[memory_world_random(ARRAY_SIZE(bits))], memory_world_random(4));
        else if (nr_blocks && what < 9)
            block_free(memory_world_random(nr_blocks));
        else
            (void)heap_scrub_some();
        check_totals();
    }
    blocks_free_all();
    check_totals();
    /* All has merged again. */
    block_take(12, 0, ADDRESS_ANY, HEAP_EXACT_NODE);
    block_take(12, 1, ADDRESS_ANY, HEAP_EXACT_NODE);
    assert_int_equal(nr_blocks, 2);
    blocks_free_all();
}

/* The low zones are the last to be used, and found when they are asked for. */
static void test_zones(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(0, 0, ADDRESS_ANY, 0);
    assert_true(frame_mfn(f).v >= WORLD_HIGH_START);
    heap_free(f, 0);
    f = heap_alloc(0, 0, 32, 0);
    assert_in_range(frame_mfn(f).v, WORLD_MID_START, WORLD_MID_END - 1);
    heap_free(f, 0);
    f = heap_alloc(0, 0, 20, 0);
    assert_in_range(frame_mfn(f).v, WORLD_LOW_START, WORLD_LOW_END - 1);
    heap_free(f, 0);
    f = heap_alloc(0, 1, 32, 0); /* not on that node */
    assert_in_range(frame_mfn(f).v, WORLD_MID_START, WORLD_MID_END - 1);
    heap_free(f, 0);
    assert_null(heap_alloc(0, 1, 32, HEAP_EXACT_NODE));
    assert_null(heap_alloc(0, 0, PAGE_SHIFT, 0));
    f = heap_alloc(0, 0, PAGE_SHIFT + 1, 0);
    assert_int_equal(frame_mfn(f).v, 1);
    assert_null(heap_alloc(0, 0, PAGE_SHIFT + 1, 0));
    heap_free(f, 0);
    assert_null(heap_alloc(HEAP_MAX_ORDER + 1, 0, ADDRESS_ANY, 0));
    assert_null(heap_alloc(HEAP_MAX_ORDER, 0, ADDRESS_ANY, 0));
}

/* All memory of node 1, by whatever number it now has, into blocks; returns how many. */
static u32 node_one_take(u32 number)
{
    u32 count = 0;
    for (;; count++) {
        struct frame *f = heap_alloc(5, number, ADDRESS_ANY, HEAP_EXACT_NODE | HEAP_NO_SCRUB);
        if (!f)
            break;
        assert_int_equal(memory_world_node(frame_mfn(f).v), 1);
        blocks[count].f = f;
    }
    assert_int_equal(count, (WORLD_HIGH_END - WORLD_NODE1) / 32);
    assert_int_equal(heap_free_frames_node(number), 0);
    return count;
}

static u32 node_numbered_last(paddr_t pa)
{
    return memory_world_node(pa >> PAGE_SHIFT) ? HEAP_NODES_MAX - 1 : 0;
}

/* The highest number that the firmware's tables can give a node is one of the allocator's. */
static void test_last_node(void **state)
{
    (void)state;
    u32 (*usual)(paddr_t pa) = heap_node_of_paddr;
    u64 on_node_zero = heap_free_frames_node(0);
    u32 count = node_one_take(1);
    heap_node_of_paddr = node_numbered_last;
    while (count)
        heap_free(blocks[--count].f, 5);
    assert_int_equal(heap_free_frames_node(HEAP_NODES_MAX - 1), WORLD_HIGH_END - WORLD_NODE1);
    assert_int_equal(heap_free_frames_node(0), on_node_zero);
    count = node_one_take(HEAP_NODES_MAX - 1);
    heap_node_of_paddr = usual;
    while (count)
        heap_free(blocks[--count].f, 5);
    check_totals();
}

static void test_nodes(void **state)
{
    (void)state;
    u32 on_node = node_one_take(1);
    struct frame *other = heap_alloc(5, 1, ADDRESS_ANY, HEAP_NO_SCRUB);
    assert_int_equal(memory_world_node(frame_mfn(other).v), 0);
    heap_free(other, 5);
    while (on_node)
        heap_free(blocks[--on_node].f, 5);
    /* A node that is not there: exactly is never, otherwise is anywhere. */
    assert_null(heap_alloc(0, 3, ADDRESS_ANY, HEAP_EXACT_NODE));
    assert_null(heap_alloc(0, 100, ADDRESS_ANY, HEAP_EXACT_NODE));
    other = heap_alloc(0, 100, ADDRESS_ANY, 0);
    assert_non_null(other);
    heap_free(other, 0);
    other = heap_alloc(0, NODE_ANY, ADDRESS_ANY, HEAP_EXACT_NODE);
    assert_non_null(other);
    heap_free(other, 0);
    check_totals();
}

/* Of frames [start, end): those that are in use. */
static u64 used_in(u64 start, u64 end)
{
    u64 n = 0;
    for (u64 mfn = start; mfn < end; mfn++)
        n += !(frame_of_mfn(MFN(mfn))->count & FRAME_FREE);
    return n;
}

/* Whichever node is wished for or none, memory below 4 GiB waits until no node has any above. */
static void test_low_memory_is_last(void **state)
{
    (void)state;
    static const u32 wishes[] = {NODE_ANY, 0, 1, 100};
    static struct frame *got[WORLD_FRAMES];
    u64 high = WORLD_HIGH_END - WORLD_HIGH_START, half = high / 2;
    for (u32 w = 0; w < ARRAY_SIZE(wishes); w++) {
        u64 n = 0;
        for (; n < high; n++) {
            got[n] = heap_alloc(0, wishes[w], ADDRESS_ANY, HEAP_NO_SCRUB);
            assert_true(frame_mfn(got[n]).v >= WORLD_HIGH_START);
            assert_int_equal(memory_world_node(frame_mfn(got[n]).v) == (wishes[w] == 1), n < half);
        }
        assert_int_equal(used_in(WORLD_LOW_START, WORLD_LOW_END), 0);
        assert_int_equal(used_in(WORLD_MID_START, WORLD_MID_END), 0);
        assert_null(heap_alloc(0, wishes[w], ADDRESS_ANY, HEAP_ABOVE_4G));
        got[n] = heap_alloc(0, wishes[w], ADDRESS_ANY, HEAP_NO_SCRUB);
        assert_in_range(frame_mfn(got[n]).v, WORLD_MID_START, WORLD_MID_END - 1);
        for (u64 i = 0; i <= n; i++)
            heap_free(got[i], 0);
    }
    /* Who has to have the node gets all of it; who asks for low memory does not get other. */
    struct frame *f = heap_alloc(0, 0, 32, HEAP_EXACT_NODE);
    assert_true(frame_mfn(f).v < WORLD_MID_END);
    heap_free(f, 0);
    assert_null(heap_alloc(0, 0, 32, HEAP_ABOVE_4G));
    check_totals();
}

/* More places than can be kept in mind for the background: still nothing dirty is handed out. */
static void test_scrub_overflow(void **state)
{
    (void)state;
    static struct frame *f[1024];
    for (u32 i = 0; i < ARRAY_SIZE(f); i++) {
        f[i] = heap_alloc(0, 0, ADDRESS_ANY, 0);
        memset(frame_to_virt(f[i]), 0x77, PAGE_SIZE);
    }
    for (u32 i = 0; i < ARRAY_SIZE(f); i += 2)
        heap_free(f[i], 0);
    for (u32 i = 1; i < ARRAY_SIZE(f); i += 2)
        heap_free(f[i], 0);
    while (heap_scrub_some())
        continue;
    struct frame *all = heap_alloc(12, 0, ADDRESS_ANY, 0);
    for (u32 i = 0; i < 4096; i++)
        assert_true(memory_world_page_is(frame_mfn(all).v + i, 0));
    heap_free(all, 12);
    check_totals();
}

static void test_double_free(void **state)
{
    (void)state;
    struct frame *f = heap_alloc(1, 0, ADDRESS_ANY, 0);
    heap_free(f, 1);
    expect_assert_failure(heap_free(f, 1));
    expect_assert_failure(heap_free(f + 1, 0));
    check_totals();
}

static void test_pages(void **state)
{
    (void)state;
    u8 *page = page_alloc(), *four = pages_alloc(2);
    assert_true(memory_world_page_is(virt_to_mfn(page).v, 0));
    memset(page, 1, PAGE_SIZE);
    memset(four, 1, 4 * PAGE_SIZE);
    assert_int_equal(heap_free_frames(), model_free - 5);
    page_free(page);
    pages_free(four, 2);
    pages_free(NULL, 0);
    page_free(NULL);
    assert_null(pages_alloc(HEAP_MAX_ORDER + 1));
    check_totals();
}

/* --- small objects */

struct object {
    u8 *p;
    size_t bytes;
    u8 byte;
};
static struct object objects[1500];
static u32 nr_objects;

static void object_take(size_t bytes)
{
    struct object o = {
        .p = object_alloc(bytes), .bytes = bytes, .byte = (u8)memory_world_random(255) + 1};
    assert_non_null(o.p);
    assert_int_equal((u64)o.p % 16, 0);
    if (bytes > PAGE_SIZE)
        assert_int_equal((u64)o.p % PAGE_SIZE, 0);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(o.p[i], 0);
    memset(o.p, o.byte, bytes);
    objects[nr_objects++] = o;
}

static void object_drop(u32 i)
{
    struct object o = objects[i];
    for (size_t k = 0; k < o.bytes; k++)
        assert_int_equal(o.p[k], o.byte);
    object_free(o.p);
    objects[i] = objects[--nr_objects];
}

static void test_objects_random(void **state)
{
    (void)state;
    static const size_t limits[] = {20, 100, 600, 2100, 5000, 40000};
    for (u32 i = 0; i < 6000; i++) {
        bool growing = (i / 700) % 2 == 0;
        if (nr_objects < ARRAY_SIZE(objects) && memory_world_random(10) < (growing ? 8u : 3u))
            object_take(memory_world_random(
                (u32)limits[memory_world_random(memory_world_random(ARRAY_SIZE(limits)) + 1)]));
        else if (nr_objects)
            object_drop(memory_world_random(nr_objects));
    }
    while (nr_objects)
        object_drop(memory_world_random(nr_objects));
    check_totals(); /* every page went back */
}

static void test_objects_sizes(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 2 * PAGE_SIZE + 1; bytes += bytes < 4100 ? 1 : 500)
        object_take(bytes), object_drop(0);
    object_free(NULL);
    assert_null(object_alloc_array(1ull << 33, 1ull << 31));
    assert_null(object_alloc(PAGE_SIZE << (HEAP_MAX_ORDER + 1)));
    u64 *array = object_new_array(u64, 3);
    assert_int_equal(array[2], 0);
    object_free(array);
    u8 *object = object_alloc(32);
    expect_assert_failure(
        object_free(memory_world_page(WORLD_LOW_START) + 16)); /* never allocated */
    object_free(object);
    check_totals();
}

/* A cell of a full page that becomes free is used again. */
static void test_objects_reuse(void **state)
{
    (void)state;
    for (u32 i = 0; i < 40; i++)
        object_take(500);
    u64 free = heap_free_frames();
    for (u32 i = 0; i < 40; i++) {
        object_drop(i);
        object_take(500);
        assert_int_equal(heap_free_frames(), free);
    }
    while (nr_objects)
        object_drop(0);
    check_totals();
}

static void test_objects_exhausted(void **state)
{
    (void)state;
    for (s32 order = 12; order >= 0; order--)
        for (struct frame *f; nr_blocks < BLOCKS_MAX &&
                              (f = heap_alloc((u32)order, NODE_ANY, ADDRESS_ANY, HEAP_NO_SCRUB));)
            blocks[nr_blocks++] = (struct block){.f = f, .order = (u32)order};
    assert_int_equal(heap_free_frames(), 0);
    assert_null(object_alloc(16));
    assert_null(object_alloc(5000));
    assert_null(page_alloc());
    while (nr_blocks) {
        nr_blocks--;
        heap_free(blocks[nr_blocks].f, blocks[nr_blocks].order);
    }
    check_totals();
    object_take(16);
    object_drop(0);
    check_totals();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_boot_memory_is_not_scrubbed, setup),
        cmocka_unit_test_setup(test_scrub_some, setup),
        cmocka_unit_test_setup(test_flush_before_clear, setup),
        cmocka_unit_test_setup(test_flush_after_long_time, setup),
        cmocka_unit_test_setup(test_no_flush_for_objects, setup),
        cmocka_unit_test_setup(test_scrub_counts_as_free, setup),
        cmocka_unit_test_setup(test_scrub_beside_others, setup),
        cmocka_unit_test_setup(test_random, setup),
        cmocka_unit_test_setup(test_zones, setup),
        cmocka_unit_test_setup(test_last_node, setup),
        cmocka_unit_test_setup(test_nodes, setup),
        cmocka_unit_test_setup(test_low_memory_is_last, setup),
        cmocka_unit_test_setup(test_scrub_overflow, setup),
        cmocka_unit_test_setup(test_double_free, setup),
        cmocka_unit_test_setup(test_pages, setup),
        cmocka_unit_test_setup(test_objects_random, setup),
        cmocka_unit_test_setup(test_objects_sizes, setup),
        cmocka_unit_test_setup(test_objects_reuse, setup),
        cmocka_unit_test_setup(test_objects_exhausted, setup),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
