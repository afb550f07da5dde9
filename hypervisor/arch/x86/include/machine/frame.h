/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between frame numbers, addresses and the frame table: arithmetic, since the directmap and the
 * frame table are linear. mm/paging.c builds both.
 */
#ifndef DOMUS_MACHINE_FRAME_H
#define DOMUS_MACHINE_FRAME_H

#include "lib/bits.h"
#include "types.h"
#include "x86/layout.h"

/* Frames whose entries fill one large page of the frame table. */
#define FRAMES_PER_TABLE_CHUNK (MIB(2) / sizeof(struct frame))
#define FRAME_CHUNKS_MAX       20480 /* 5 TiB of RAM: as much as the directmap has room for */

extern u64 frame_limit;        /* first MFN beyond the frame table */
extern paddr_t image_physical; /* where the image lies */

static inline void *paddr_to_virt(paddr_t pa)
{
    return (void *)(LAYOUT_DIRECTMAP + pa);
}

static inline paddr_t virt_to_paddr(const void *p)
{
    u64 va = (u64)p;
    return va >= LAYOUT_DIRECTMAP ? va - LAYOUT_DIRECTMAP : va - LAYOUT_IMAGE + image_physical;
}

static inline void *mfn_to_virt(mfn_t mfn)
{
    return paddr_to_virt(paddr_of_mfn(mfn));
}

static inline mfn_t virt_to_mfn(const void *p)
{
    return mfn_of_paddr(virt_to_paddr(p));
}

/* Of what lies in the directmap, as all of the heap does. */
static inline mfn_t heap_to_mfn(const void *p)
{
    return mfn_of_paddr((u64)p - LAYOUT_DIRECTMAP);
}

static inline struct frame *frame_in_table(mfn_t mfn)
{
    u64 i;
    return likely(index_check(mfn.v, frame_limit, &i)) ? (struct frame *)LAYOUT_FRAMES + i : NULL;
}

static inline struct frame *frame_of_mfn(mfn_t mfn)
{
    struct frame *f = frame_in_table(mfn);
    return likely(f && !(READ_ONCE(f->count) & FRAME_NOT_RAM)) ? f : NULL;
}

static inline struct frame *frame_of_ram(mfn_t mfn)
{
    return (struct frame *)LAYOUT_FRAMES + mfn.v;
}

static inline mfn_t frame_mfn(const struct frame *f)
{
    return MFN(((u64)f - LAYOUT_FRAMES) / sizeof(struct frame));
}

static inline bool mfn_is_ram(mfn_t mfn)
{
    return frame_of_mfn(mfn) != NULL;
}

/* Both tables are linear: what is one entry in one is a page in the other. */
static inline void *frame_to_virt(const struct frame *f)
{
    return (void *)(LAYOUT_DIRECTMAP + ((u64)f - LAYOUT_FRAMES) * (PAGE_SIZE / sizeof(*f)));
}

static inline struct frame *virt_to_frame(const void *p)
{
    return (struct frame *)LAYOUT_FRAMES + virt_to_mfn(p).v;
}

/* The entry of the machine-to-physical table, which has m2p_limit of them (x86/page.h). */
static inline u64 *m2p_entry(mfn_t mfn)
{
    return (u64 *)LAYOUT_M2P + mfn.v;
}

#endif
