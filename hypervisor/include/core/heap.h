/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for everybody: whole frames from a NUMA-aware buddy allocator, and small objects for the
 * hypervisor itself. All RAM is mapped for the hypervisor (the directmap), so a frame and a pointer
 * are two views of one thing: frame_to_virt(), virt_to_frame() (core/frame.h).
 */
#ifndef DOMUS_CORE_HEAP_H
#define DOMUS_CORE_HEAP_H

#include "types.h"

struct domain;
struct frame;

#define HEAP_MAX_ORDER 20
#define HEAP_NODES_MAX 64
#define NODE_ANY       0xffffu
#define ADDRESS_ANY    64

/* Flags of heap_alloc. */
#define HEAP_NO_SCRUB   BIT(0) /* contents do not matter and no other domain will see them */
#define HEAP_EXACT_NODE BIT(1) /* fail rather than take memory of another node */
#define HEAP_ABOVE_4G   BIT(2) /* fail rather than take memory below 4 GiB */

/*
 * 2^order frames, contiguous and aligned to their size, all below 2^address_bits bytes, preferably
 * of the node. They hold zeros unless HEAP_NO_SCRUB. NULL if there are none. The frames belong to
 * the hypervisor until domain_assign_frames(). What lies below 4 GiB is given last, as far as the
 * node and the contiguity that are asked for allow.
 */
struct frame *heap_alloc(u32 order, u32 node, u32 address_bits, u32 flags);
void heap_free(struct frame *f, u32 order);
/*
 * The same for what no guest had a way to, and no processor walked: who gets it need not flush
 * TLBs. f is the whole of one allocation.
 */
void heap_free_private(struct frame *f, u32 order);

/* One zeroed page for the hypervisor's own use, by address. NULL if out of memory. */
void *page_alloc(void);
void page_free(void *page);
/* 2^order zeroed pages. */
void *pages_alloc(u32 order);
void pages_free(void *p, u32 order);

/* Zeroed small objects, aligned to 16 bytes; sizes above a page come from the frame heap, page
 * aligned. NULL if out of memory. object_free(NULL) does nothing. */
void *object_alloc(size_t bytes);
void object_free(void *object);
#define object_new(type) ((type *)object_alloc(sizeof(type)))
/* NULL too if the product overflows. */
#define object_new_array(type, n) ((type *)object_alloc_array(sizeof(type), (n)))
void *object_alloc_array(size_t size, size_t n);
/* What small objects take, those above a page apart. */
u64 object_heap_bytes(void);

/* Boot: frames [start, end) become part of the heap; their contents are unknown. */
void heap_add(mfn_t start, mfn_t end);
/* Boot, before heap_add: the node of a physical address (default: all in node 0). */
extern u32 (*heap_node_of_paddr)(paddr_t pa);

/*
 * Take a frame of RAM out of use: at once if it is free (FRAME_RETIRED), otherwise when it is
 * freed. -ENOSPC if there are HEAP_RETIRED_MAX. Nothing changes for one that is retired already.
 */
#define HEAP_RETIRED_MAX 512
must_check int heap_retire(struct frame *f);
/* Give it back; false if it was not retired. */
bool heap_reinstate(struct frame *f);
/* HEAP_RETIRED: nobody has it any more; HEAP_TO_RETIRE: somebody has. */
enum heap_retirement { HEAP_NOT_RETIRED, HEAP_TO_RETIRE, HEAP_RETIRED };
enum heap_retirement heap_retirement(const struct frame *f);

u64 heap_free_frames(void);
u64 heap_free_frames_node(u32 node);
u64 heap_total_frames(void);
/* Clear some freed frames, at most 64 KiB, so that who allocates them need not; true if more are
 * waiting. Called by idle CPUs, with no lock held; opens interrupts for an instant. */
bool heap_scrub_some(void);

#endif
