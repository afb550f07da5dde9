/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small objects of the hypervisor: size classes of powers of two and halves between them, each with
 * pages cut into equal cells. A page's cells belong to one class; a page none of whose cells is
 * used goes back to the frame heap.
 */
#include "core/frame.h"
#include "core/heap.h"
#include "core/lock.h"
#include "lib/list.h"
#include "lib/print.h"
#include "lib/string.h"

/* At the start of each page that is cut into cells. */
struct cell_page {
    struct list_node node; /* in its class's list while it has free cells */
    void *free;            /* first free cell; each holds the address of the next */
    u16 used, class;
    u32 magic;
};

#define CELL_MAGIC  0x4c4c4543u
#define LARGE_MAGIC 0x4547524cu
#define FIRST_CELL  ROUND_UP(sizeof(struct cell_page), 16)
#define NR_CLASSES  ARRAY_SIZE(class_bytes)

static const u16 class_bytes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 800, 1344, 2016};
static struct list_node classes[ARRAY_SIZE(class_bytes)];
static u64 bytes_used; /* in cells */
static struct spinlock pool_lock = SPINLOCK_INIT(LOCK_POOL);

static struct cell_page *page_of(void *object)
{
    return (struct cell_page *)((u64)object & PAGE_MASK);
}

static struct cell_page *cell_page_create(u32 class)
{
    struct cell_page *p = page_alloc();
    if (!p)
        return NULL;
    p->magic = CELL_MAGIC;
    p->class = (u16) class;
    for (u64 at = FIRST_CELL; at + class_bytes[class] <= PAGE_SIZE; at += class_bytes[class]) {
        void **cell = (void **)((u8 *)p + at);
        *cell = p->free;
        p->free = cell;
    }
    return p;
}

/* A cell of a page of the class that has one; NULL: there is none. The lock is held. */
static void **cell_take(u32 class)
{
    if (list_empty(&classes[class]))
        return NULL;
    struct cell_page *p = list_entry(classes[class].next, struct cell_page, node);
    void **cell = p->free;
    p->free = *cell;
    p->used++;
    bytes_used += class_bytes[class];
    if (!p->free)
        list_remove(&p->node);
    return cell;
}

static void *small_alloc(u32 class)
{
    spin_lock(&pool_lock);
    if (!classes[class].next)
        for (u32 i = 0; i < NR_CLASSES; i++)
            list_init(&classes[i]);
    void **cell = cell_take(class);
    spin_unlock(&pool_lock);
    if (!cell) {
        /* The frame heap's lock ranks below this one. */
        struct cell_page *p = cell_page_create(class);
        if (!p)
            return NULL;
        spin_lock(&pool_lock);
        list_push_front(&classes[class], &p->node);
        cell = cell_take(class);
        spin_unlock(&pool_lock);
    }
    return memset(cell, 0, class_bytes[class]);
}

/*
 * Whole pages: the order is kept in the frame's type word, which nothing else uses for such frames.
 */
static void *large_alloc(size_t bytes)
{
    u32 order = 0;
    while ((PAGE_SIZE << order) < bytes)
        if (++order > HEAP_MAX_ORDER)
            return NULL;
    struct frame *f = heap_alloc(order, NODE_ANY, ADDRESS_ANY, 0);
    if (!f)
        return NULL;
    f->type = (u64)LARGE_MAGIC << 8 | order;
    return frame_to_virt(f);
}

void *object_alloc(size_t bytes)
{
    for (u32 i = 0; i < NR_CLASSES; i++)
        if (bytes <= class_bytes[i])
            return small_alloc(i);
    return large_alloc(bytes);
}

void *object_alloc_array(size_t size, size_t n)
{
    size_t bytes;
    return __builtin_mul_overflow(size, n, &bytes) ? NULL : object_alloc(bytes);
}

void object_free(void *object)
{
    if (!object)
        return;
    if (!((u64)object & (PAGE_SIZE - 1))) {
        struct frame *f = virt_to_frame(object);
        BUG_ON(f->type >> 8 != LARGE_MAGIC);
        u32 order = (u32)(f->type & 0xff);
        f->type = 0;
        heap_free_private(f, order);
        return;
    }
    struct cell_page *p = page_of(object);
    BUG_ON(p->magic != CELL_MAGIC);
    spin_lock(&pool_lock);
    bool was_full = !p->free;
    *(void **)object = p->free;
    p->free = object;
    p->used--;
    bytes_used -= class_bytes[p->class];
    if (was_full)
        list_push_front(&classes[p->class], &p->node);
    bool empty = !p->used;
    if (empty)
        list_remove(&p->node);
    spin_unlock(&pool_lock);
    if (empty) {
        p->magic = 0;
        heap_free_private(virt_to_frame(p), 0);
    }
}

u64 object_heap_bytes(void)
{
    return READ_ONCE(bytes_used);
}
