/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the grant tables share:
 *
 *   grant_table.c       a domain's table: its frames, versions, and the entries in use (claims)
 *   grant_table_map.c   mapping and unmapping others' frames
 *   grant_table_copy.c  copying, and giving frames away
 *   grant_table_op.c    the hypercall, and the operations on a whole table
 *
 * Each entry that is in use has a struct grant_active beside it, which guests cannot write: what
 * the guest wrote is read when the first user claims it, and not believed again. LOCK_GRANT_TABLE
 * of the granting domain guards its table and active entries, LOCK_GRANT_MAPS of the mapping domain
 * its handles; neither is held while page tables are changed.
 */
#ifndef DOMUS_CORE_GRANT_PRIVATE_H
#define DOMUS_CORE_GRANT_PRIVATE_H

#include "core/frame.h"
#include "core/grant_table.h"
#include "core/hypercall.h"
#include "lib/bits.h"

#define GRANT_V1_PER_FRAME     ((u32)(PAGE_SIZE / sizeof(struct grant_entry_v1)))
#define GRANT_V2_PER_FRAME     ((u32)(PAGE_SIZE / sizeof(union grant_entry_v2)))
#define GRANT_STATUS_PER_FRAME ((u32)(PAGE_SIZE / sizeof(grant_status_t)))
/* Frames of entries whose status fits in one frame. */
#define GRANT_FRAMES_PER_STATUS (GRANT_STATUS_PER_FRAME / GRANT_V2_PER_FRAME)

/* An entry while it is mapped or being copied. */
struct grant_active {
    struct frame *frame; /* NULL: transitive, another domain's grant stands behind it */
    u32 readers, writers;
    u32 start, length; /* bytes that may be copied */
    domid_t user;      /* the domain that uses it */
    bool part;         /* not to be mapped: part of a frame, or transitive */
};
STATIC_ASSERT(sizeof(struct grant_active) == 32);

#define GRANT_ACTIVE_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct grant_active)))
/* For each frame of the table, whatever its version: version 1 has more entries. */
#define GRANT_ACTIVE_PAGES (GRANT_V1_PER_FRAME / GRANT_ACTIVE_PER_PAGE)

/* A mapping that the domain holds of another's frame; its index is the handle. */
struct grant_map {
    struct domain *granter; /* with a reference */
    u32 ref;                /* while free: the next free handle */
    u32 flags;              /* GNTMAP_* of what is still mapped; 0: free, or not ready yet */
};

#define GRANT_MAPS_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct grant_map)))
#define GRANT_NO_HANDLE     (~0u)
/* grant_map.flags: being unmapped at present. A bit that the ABI does not use. */
#define GRANT_MAP_BUSY (1u << 15)

struct grant_table {
    struct spinlock lock; /* LOCK_GRANT_TABLE: all down to maps_lock */
    u32 version;          /* 1 or 2, at most max_version */
    u32 max_version;
    u32 nr_frames, max_frames;
    u32 nr_status_frames; /* 0 with version 1 */
    u32 claimed;          /* entries in use beyond the reserved ones */
    bool closed;          /* the domain is going away: the frames are gone */
    void **shared;        /* nr_frames pages of entries ... */
    grant_status_t **status;
    struct grant_active **active; /* ... and GRANT_ACTIVE_PAGES for each */

    struct spinlock maps_lock; /* LOCK_GRANT_MAPS */
    struct grant_map **maps;   /* pages */
    u32 nr_maps;               /* handles in them */
    u32 max_map_pages;
    u32 free_map; /* first free handle */
    u32 release_progress;
};

static inline u32 grant_table_entries(const struct grant_table *t)
{
    return t->nr_frames * (t->version == 1 ? GRANT_V1_PER_FRAME : GRANT_V2_PER_FRAME);
}

/* All with ref below grant_table_entries() and t->lock held. */
static inline struct grant_active *grant_active_at(const struct grant_table *t, u32 ref)
{
    return &t->active[ref / GRANT_ACTIVE_PER_PAGE][ref % GRANT_ACTIVE_PER_PAGE];
}

static inline struct grant_entry_v1 *grant_v1_at(const struct grant_table *t, u32 ref)
{
    return (struct grant_entry_v1 *)t->shared[ref / GRANT_V1_PER_FRAME] + ref % GRANT_V1_PER_FRAME;
}

static inline union grant_entry_v2 *grant_v2_at(const struct grant_table *t, u32 ref)
{
    return (union grant_entry_v2 *)t->shared[ref / GRANT_V2_PER_FRAME] + ref % GRANT_V2_PER_FRAME;
}

static inline grant_status_t *grant_status_at(const struct grant_table *t, u32 ref)
{
    return t->status[ref / GRANT_STATUS_PER_FRAME] + ref % GRANT_STATUS_PER_FRAME;
}

/* The first four bytes of an entry, alike in both versions: flags below, domid above. */
static inline u32 *grant_header_at(const struct grant_table *t, u32 ref)
{
    return t->version == 1 ? (u32 *)grant_v1_at(t, ref) : (u32 *)grant_v2_at(t, ref);
}

static inline bool grant_active_in_use(const struct grant_active *a)
{
    return a->readers || a->writers;
}

/* Times that the hypervisor tries to change a header while its guest changes it too. */
#define GRANT_HEADER_TRIES 5

/* What someone wants of an entry. */
struct grant_wish {
    domid_t user;
    bool write;
    bool map;        /* else: copy */
    bool transitive; /* copy: may be a transitive entry */
    u32 uses;        /* 1; or 2: mapped for the CPU and for devices */
};

/* A claimed entry. */
struct grant_claim {
    u32 ref;
    struct frame *frame; /* with one reference, the caller's to drop; NULL: transitive, see below */
    u32 start, length;   /* bytes that may be copied */
    domid_t behind;      /* transitive: the domain and its entry that are meant */
    u32 behind_ref;
};

/* Mark entry ref of granter's table as used, and say what it grants. GNTST_*. */
must_check int grant_claim(struct domain *granter, u32 ref, const struct grant_wish *wish,
                           struct grant_claim *claim);
/* Undo uses of a claim; the reference to the frame is left. */
void grant_unclaim(struct domain *granter, u32 ref, bool write, u32 uses);

/*
 * Make the table at least nr_frames long; t->lock held. -EINVAL beyond the limit, or closed;
 * -ENOMEM.
 */
must_check int grant_table_grow(struct domain *d, u32 nr_frames);
/*
 * The caller's own table becomes version 1 or 2. -ENOSYS (beyond its maximum), -EBUSY, -ERANGE,
 * -ENOMEM, -EINVAL (closed).
 */
must_check int grant_table_set_version(struct domain *d, u32 version);

/* After a batch of grant_op_unmap*(): flush what was unmapped, then let go of it. */
void grant_unmap_finish(struct domain *d);

/* Undo every mapping that d holds, once its vCPUs run no more. -ERESTART. */
must_check int grant_maps_release(struct domain *d);

/* Handlers of the rows. */
#define SUBOP(command, handler, type, direction, privilege) long handler(struct vcpu *v, void *arg);
#define UNAVAILABLE(command, error, reason)
#include "core/ops/grant_table.def"
#undef SUBOP
#undef UNAVAILABLE

long hypercall_grant_table_op(struct vcpu *v, u64 cmd, u64 uop, u64 count, u64 a4, u64 a5, u64 a6);

#endif
