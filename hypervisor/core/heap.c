/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame allocator: buddy lists per NUMA node, zone and order. A zone holds the blocks whose
 * highest address has the same number of bits, so that memory low enough for a device is found
 * without a search, and is given to others only when nothing else is left.
 *
 * A free block's first frame carries its order (frame.type, ~0 in the others), and in tlb_stamp the
 * moment from which stale translations may linger. Each of its frames has FRAME_FREE, and
 * FRAME_DIRTY if it must be cleared before use. Idle CPUs clear what heap_free() brought; memory
 * that was never used since boot waits until somebody wants it.
 */
#include "core/heap.h"
#include "arch/cpu.h"
#include "core/frame.h"
#include "core/lock.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define ZONES     41 /* bits of a frame number, 0-40 */
#define NODES_MAX HEAP_NODES_MAX
/* Bits of frame numbers: below 4 GiB, all that many devices reach; below 512 MiB, what of that is
 * not spent on a wish for the node that has it either. */
#define ZONES_BELOW_4G    (BIT(32 - PAGE_SHIFT + 1) - 1)
#define ZONES_FOR_DEVICES (BIT(29 - PAGE_SHIFT + 1) - 1)

/* frame.type of a free frame that begins no block on a list. */
#define TYPE_INSIDE (~0ull)
/* With the order: of the first of a block that is on no list while an idle CPU clears it. */
#define TYPE_CLEARED BIT(63)
#define SCRUB_ORDER  4 /* of such a block at most: 64 KiB */

struct free_list {
    u32 head; /* MFN, FRAME_LINK_END */
};

static struct free_list free_lists[NODES_MAX][ZONES][HEAP_MAX_ORDER + 1];
static u64 free_frames[NODES_MAX], total_frames;
static u32 orders_present[NODES_MAX][ZONES]; /* bit n: a block of order n is free there */
static u64 zones_present[NODES_MAX];         /* bit n: of that zone orders_present is not 0 */
static u32 nodes_used = 1;                   /* no node from this one on ever had memory */
static struct spinlock heap_lock = SPINLOCK_INIT(LOCK_HEAP);
static bool lists_ready;

static u32 node_zero(paddr_t pa)
{
    return 0;
}

u32 (*heap_node_of_paddr)(paddr_t pa) = node_zero;

static u32 node_of(u64 mfn)
{
    u32 node = heap_node_of_paddr(mfn << PAGE_SHIFT);
    return node < NODES_MAX ? node : 0;
}

/* Zone of a block: number of bits of its first frame number; a block never crosses a zone's border,
 * since both are aligned to powers of two (but for zone 0-order ones, which hold frame 0 and 1). */
static u32 zone_of(u64 mfn)
{
    return mfn ? 64 - (u32)__builtin_clzll(mfn) : 0;
}

/* Of a frame that is the heap's. */
static inline struct frame *frame_at(u64 mfn)
{
    return frame_of_ram(MFN(mfn));
}

static void list_add(u64 mfn, u32 order, u32 node, u32 stamp)
{
    struct frame *f = frame_at(mfn);
    u32 zone = zone_of(mfn);
    struct free_list *l = &free_lists[node][zone][order];
    f->type = order;
    f->tlb_stamp = stamp;
    f->prev = FRAME_LINK_END;
    f->next = l->head;
    if (l->head != FRAME_LINK_END)
        frame_at(l->head)->prev = (u32)mfn;
    l->head = (u32)mfn;
    orders_present[node][zone] |= 1u << order;
    zones_present[node] |= BIT(zone);
}

static void list_remove_block(u64 mfn, u32 order, u32 node)
{
    struct frame *f = frame_at(mfn);
    u32 zone = zone_of(mfn);
    struct free_list *l = &free_lists[node][zone][order];
    if (f->prev != FRAME_LINK_END)
        frame_at(f->prev)->next = f->next;
    else
        l->head = f->next;
    if (f->next != FRAME_LINK_END)
        frame_at(f->next)->prev = f->prev;
    if (l->head == FRAME_LINK_END && !(orders_present[node][zone] &= ~(1u << order)))
        zones_present[node] &= ~BIT(zone);
    f->type = TYPE_INSIDE;
}

/*
 * heap_alloc() finishes its frames without the lock, count before type: read them the other way
 * round.
 */
static bool is_free_block(u64 mfn, u32 order)
{
    const struct frame *f = frame_of_mfn(MFN(mfn)); /* there may be no such frame */
    return f && READ_ONCE(f->type) == order && (READ_ONCE(f->count) & FRAME_FREE);
}

/*
 * The stamp for two blocks in one: CPUs are flushed that either needs. The clock does not wrap, it
 * stands at 0 and begins again when all CPUs have flushed (arch/cpu.h): what lies ahead of it is of
 * a time before that, and needs no flush.
 */
static u32 stamp_merge(u32 a, u32 b)
{
    u32 now = tlb_clock();
    if (now && a > now)
        a = 0;
    if (now && b > now)
        b = 0;
    return MAX(a, b);
}

/*
 * Put a block, whose frames are marked free, on its list, merged with its buddies as far as they
 * are free.
 */
static void block_insert(u64 mfn, u32 order, u32 stamp)
{
    u32 node = node_of(mfn);
    free_frames[node] += 1ull << order;
    while (order < HEAP_MAX_ORDER) {
        u64 buddy = mfn ^ (1ull << order);
        if (!is_free_block(buddy, order) || node_of(buddy) != node ||
            zone_of(buddy) != zone_of(mfn))
            break;
        stamp = stamp_merge(stamp, frame_at(buddy)->tlb_stamp);
        list_remove_block(buddy, order, node);
        mfn &= ~(1ull << order);
        order++;
    }
    list_add(mfn, order, node, stamp);
}

/*
 * Take the block of that order at mfn out of the free block at head, of order from, that it lies
 * in.
 */
static void block_carve(u64 head, u32 from, u64 mfn, u32 order)
{
    u32 node = node_of(head), stamp = frame_at(head)->tlb_stamp;
    list_remove_block(head, from, node);
    while (from > order) {
        from--;
        u64 upper = head + (1ull << from);
        list_add(mfn < upper ? upper : head, from, node, stamp);
        if (mfn >= upper)
            head = upper;
    }
    free_frames[node] -= 1ull << order;
    frame_at(mfn)->tlb_stamp = stamp;
}

/*
 * The free block on a list that holds mfn: its order, its first frame in *head. ~0 if there is
 * none.
 */
static u32 block_of(u64 mfn, u64 *head)
{
    for (u32 order = 0; order <= HEAP_MAX_ORDER; order++) {
        *head = mfn & ~((1ull << order) - 1);
        if (is_free_block(*head, order))
            return order;
    }
    return ~0u;
}

/* Clear those of 2^order frames that need it. Nobody else can reach them. */
static void frames_clear(struct frame *f, u32 order)
{
    u8 *page = frame_to_virt(f);
    for (u64 i = 0; i < 1ull << order; i++) {
        if (!(f[i].count & FRAME_DIRTY))
            continue;
        memset(page + i * PAGE_SIZE, 0, PAGE_SIZE);
        f[i].count &= ~FRAME_DIRTY;
    }
}

static void frames_mark_free(struct frame *f, u64 n)
{
    for (u64 i = 0; i < n; i++) {
        f[i].owner = 0;
        f[i].type = TYPE_INSIDE;
        f[i].count = FRAME_FREE | FRAME_DIRTY;
    }
}

/* The same for frames [mfn, end), which make no single block. */
static void frames_insert(u64 mfn, u64 end, u32 stamp)
{
    while (mfn < end) {
        u32 order = mfn ? MIN((u32)__builtin_ctzll(mfn), (u32)HEAP_MAX_ORDER) : 0;
        while (order &&
               (mfn + (1ull << order) > end || node_of(mfn) != node_of(mfn + (1ull << order) - 1)))
            order--;
        block_insert(mfn, order, stamp);
        nodes_used = MAX(nodes_used, node_of(mfn) + 1);
        mfn += 1ull << order;
    }
}

void heap_add(mfn_t start, mfn_t end)
{
    if (!lists_ready) {
        memset(free_lists, 0xff, sizeof(free_lists));
        lists_ready = true;
    }
    spin_lock(&heap_lock);
    frames_mark_free(frame_at(start.v), end.v - start.v);
    frames_insert(start.v, end.v, tlb_clock());
    total_frames += end.v - start.v;
    spin_unlock(&heap_lock);
}

/* --- frames out of use */

/* Those that are, or will be once they are freed; in no order. Under heap_lock. */
static u32 retired[HEAP_RETIRED_MAX];
static u32 retired_count;

/* Index of the lowest in [mfn, end), or retired_count. */
static u32 retired_find(u64 mfn, u64 end)
{
    u32 found = retired_count;
    for (u32 i = 0; i < retired_count; i++)
        if (retired[i] >= mfn && retired[i] < end) {
            found = i;
            end = retired[i];
        }
    return found;
}

/* A frame that is on no list. */
static void frame_retire(u64 mfn)
{
    frame_at(mfn)->count = FRAME_RETIRED;
    frame_at(mfn)->type = TYPE_INSIDE;
}

/* block_insert(), but for what of it is to be out of use. */
static void block_return(u64 mfn, u32 order, u32 stamp)
{
    u64 end = mfn + (1ull << order);
    if (likely(!retired_count)) {
        block_insert(mfn, order, stamp);
        return;
    }
    while (mfn < end) {
        u32 i = retired_find(mfn, end);
        u64 next = i < retired_count ? retired[i] : end;
        frames_insert(mfn, next, stamp);
        if (next < end) {
            frame_at(next)->tlb_stamp = stamp;
            frame_retire(next);
        }
        mfn = next + 1;
    }
}

int heap_retire(struct frame *f)
{
    u64 mfn = frame_mfn(f).v, head;
    int error = 0;
    spin_lock(&heap_lock);
    if (retired_find(mfn, mfn + 1) == retired_count) {
        if (retired_count == HEAP_RETIRED_MAX) {
            error = -ENOSPC;
        } else {
            retired[retired_count++] = (u32)mfn;
            u32 order = f->count & FRAME_FREE ? block_of(mfn, &head) : ~0u;
            if (order != ~0u) { /* otherwise it comes back to block_return() */
                block_carve(head, order, mfn, 0);
                frame_retire(mfn);
            }
        }
    }
    spin_unlock(&heap_lock);
    return error;
}

bool heap_reinstate(struct frame *f)
{
    u64 mfn = frame_mfn(f).v;
    spin_lock(&heap_lock);
    u32 i = retired_find(mfn, mfn + 1);
    bool found = i < retired_count;
    if (found)
        retired[i] = retired[--retired_count];
    if (f->count & FRAME_RETIRED) {
        frames_mark_free(f, 1);
        block_insert(mfn, 0, f->tlb_stamp); /* cleared when it is allocated */
    }
    spin_unlock(&heap_lock);
    return found;
}

/* Whether it is in a block that an idle CPU clears, and which comes back to block_return(). */
static bool is_cleared(u64 mfn)
{
    for (u32 order = 0; order <= SCRUB_ORDER; order++) {
        const struct frame *f = frame_of_mfn(MFN(mfn & ~((1ull << order) - 1)));
        if (f && f->type == (TYPE_CLEARED | order) && (f->count & FRAME_FREE))
            return true;
    }
    return false;
}

enum heap_retirement heap_retirement(const struct frame *f)
{
    u64 mfn = frame_mfn(f).v;
    enum heap_retirement r = HEAP_NOT_RETIRED;
    spin_lock(&heap_lock);
    if (retired_find(mfn, mfn + 1) < retired_count)
        r = f->count & FRAME_RETIRED || is_cleared(mfn) ? HEAP_RETIRED : HEAP_TO_RETIRE;
    spin_unlock(&heap_lock);
    return r;
}

/* --- allocation */

/* A block of at least that order in one zone: the smallest that fits. ~0 if there is none. */
static u64 zone_take(u32 node, u32 zone, u32 order)
{
    u32 present = orders_present[node][zone] >> order;
    if (!present)
        return ~0ull;
    u32 found = order + (u32)__builtin_ctz(present);
    u64 mfn = free_lists[node][zone][found].head;
    block_carve(mfn, found, mfn, order);
    return mfn;
}

/* From the highest of those zones that has one. */
static u64 node_take(u32 node, u64 zones, u32 order)
{
    u64 mfn = ~0ull;
    zones &= zones_present[node];
    while (zones && mfn == ~0ull) {
        u32 zone = 63 - (u32)__builtin_clzll(zones);
        zones &= ~BIT(zone);
        mfn = zone_take(node, zone, order);
    }
    return mfn;
}

/* Of the preferred node if it has one (NODE_ANY: no preference), else of any. */
static u64 nodes_take(u32 preferred, u64 zones, u32 order)
{
    u64 mfn = preferred < NODES_MAX ? node_take(preferred, zones, order) : ~0ull;
    for (u32 n = 0; n < nodes_used && mfn == ~0ull; n++)
        mfn = node_take(n, zones, order);
    return mfn;
}

/*
 * One node has most or all of what lies below 4 GiB. Unless the request is for such memory, that of
 * all the other nodes goes first; a wish for that node is fulfilled as long as this leaves the
 * lowest part.
 */
static noinline u64 nodes_choose(u32 order, u32 node, u64 zones, u32 flags)
{
    if (flags & HEAP_ABOVE_4G)
        zones &= ~ZONES_BELOW_4G;
    if (flags & HEAP_EXACT_NODE && node != NODE_ANY)
        return node < NODES_MAX ? node_take(node, zones, order) : ~0ull;
    u64 mfn = ~0ull;
    if (zones & ~ZONES_BELOW_4G) {
        if (node < NODES_MAX)
            mfn = node_take(node, zones & ~ZONES_FOR_DEVICES, order);
        if (mfn == ~0ull)
            mfn = nodes_take(NODE_ANY, zones & ~ZONES_BELOW_4G, order);
    }
    return mfn == ~0ull ? nodes_take(node, zones, order) : mfn;
}

struct frame *heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags)
{
    if (order > HEAP_MAX_ORDER || address_bits <= PAGE_SHIFT)
        return NULL;
    u32 zone_top = MIN(address_bits - PAGE_SHIFT, (u32)ZONES - 1);
    spin_lock(&heap_lock);
    /* The zones of one node come in the right order by themselves. */
    u64 zones = BIT(zone_top + 1) - 1;
    bool simple = nodes_used == 1 && !(flags & (HEAP_EXACT_NODE | HEAP_ABOVE_4G));
    u64 mfn = likely(simple) ? node_take(0, zones, order) : nodes_choose(order, node, zones, flags);
    spin_unlock(&heap_lock);
    if (mfn == ~0ull)
        return NULL;
    struct frame *f = frame_at(mfn);
    tlb_flush_since(&cpu_online_mask, f->tlb_stamp);
    if (!(flags & HEAP_NO_SCRUB))
        frames_clear(f, order);
    for (u64 i = 0; i < 1ull << order; i++) {
        WRITE_ONCE(f[i].count, 0);
        WRITE_ONCE(f[i].type, 0); /* after it: see is_free_block() */
    }
    return f;
}

/* --- clearing in the background */

/* Ranges of frames that were freed, and are to be cleared as far as they are still free. What finds
 * no place here is cleared when it is allocated. Under heap_lock. */
#define SCRUB_RANGES 256
static struct scrub_range {
    u64 next, end;
} scrub_ranges[SCRUB_RANGES];
static u32 scrub_count;

#define SCRUB_LOOKS 256 /* frames that are looked at in search of one that needs it */

static void scrub_want(u64 mfn, u64 n)
{
    struct scrub_range *last = scrub_count ? &scrub_ranges[scrub_count - 1] : NULL;
    if (last && last->end == mfn)
        last->end += n;
    else if (last && last->next == mfn + n)
        last->next = mfn;
    else if (scrub_count < SCRUB_RANGES)
        scrub_ranges[scrub_count++] = (struct scrub_range){.next = mfn, .end = mfn + n};
}

/* Look at the next frame that is wanted clean. If it is free and dirty it is taken off the lists
 * with some that follow it: true. */
static bool scrub_take(u64 *mfn, u32 *order)
{
    struct scrub_range *r = &scrub_ranges[scrub_count - 1];
    u64 head, n = 1;
    *mfn = r->next;
    u32 found = (frame_at(*mfn)->count & FRAME_DIRTY) ? block_of(*mfn, &head) : ~0u;
    if (found != ~0u) {
        *order = MIN(found, (u32)SCRUB_ORDER);
        while (*mfn & ((1ull << *order) - 1) || *mfn + (1ull << *order) > r->end)
            (*order)--;
        n = 1ull << *order;
        block_carve(head, found, *mfn, *order);
        frame_at(*mfn)->type = TYPE_CLEARED | *order;
    }
    r->next += n;
    if (r->next == r->end)
        scrub_count--;
    return found != ~0u;
}

bool heap_scrub_some(void)
{
    u64 mfn = 0;
    u32 order = 0;
    bool taken = false;
    if (likely(!READ_ONCE(scrub_count)))
        return false;
    spin_lock(&heap_lock);
    for (u32 looks = 0; !taken && scrub_count && looks < SCRUB_LOOKS; looks++)
        taken = scrub_take(&mfn, &order);
    if (taken) /* to whoever asks they are free all the while */
        free_frames[node_of(mfn)] += 1ull << order;
    spin_unlock(&heap_lock);
    if (taken) {
        struct frame *f = frame_at(mfn);
        u32 stamp = f->tlb_stamp;
        /* Nobody may write to it any more once it counts as clean. */
        tlb_flush_since(&cpu_online_mask, stamp);
        frames_clear(f, order);
        spin_lock(&heap_lock);
        free_frames[node_of(mfn)] -= 1ull << order;
        f->type = TYPE_INSIDE;
        block_return(mfn, order, stamp);
        spin_unlock(&heap_lock);
    }
    /* The idle loop opens interrupts only when it sleeps. */
    cpu_interrupt_window();
    return READ_ONCE(scrub_count) != 0;
}

static void free_since(struct frame *f, u32 order, u32 stamp)
{
    u64 mfn = frame_mfn(f).v, n = 1ull << order;
    for (u64 i = 0; i < n; i++)
        BUG_ON(f[i].count & FRAME_FREE);
    spin_lock(&heap_lock);
    /* Under the lock: half marked, a frame looks like a free block to whoever frees its buddy. */
    frames_mark_free(f, n);
    block_return(mfn, order, stamp);
    scrub_want(mfn, n);
    spin_unlock(&heap_lock);
}

void heap_free(struct frame *f, u32 order)
{
    free_since(f, order, tlb_clock());
}

void heap_free_private(struct frame *f, u32 order)
{
    free_since(f, order, f->tlb_stamp); /* since it was allocated nothing was added to it */
}

void *pages_alloc(u32 order)
{
    struct frame *f = heap_alloc(order, NODE_ANY, ADDRESS_ANY, 0);
    return f ? frame_to_virt(f) : NULL;
}

void pages_free(void *p, u32 order)
{
    if (p)
        heap_free(virt_to_frame(p), order);
}

void *page_alloc(void)
{
    return pages_alloc(0);
}

void page_free(void *page)
{
    pages_free(page, 0);
}

u64 heap_free_frames_node(u32 node)
{
    return node < NODES_MAX ? READ_ONCE(free_frames[node]) : 0;
}

u64 heap_free_frames(void)
{
    u64 sum = 0;
    for (u32 n = 0; n < NODES_MAX; n++)
        sum += heap_free_frames_node(n);
    return sum;
}

u64 heap_total_frames(void)
{
    return total_frames;
}
