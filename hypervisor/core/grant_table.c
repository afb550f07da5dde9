/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's grant table: the frames that it shares with the hypervisor, their layout (version 1 or
 * 2), and which of its entries others use at present.
 *
 * Owns struct grant_table. Domains create and destroy it; the hypercall (grant_table_op.c) sets it
 * up; mapping and copying claim entries here.
 */
#include "grant_private.h"
#include "abi/memory.h"
#include "arch/vcpu.h"
#include "core/cmdline.h"
#include "core/heap.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define DOMID_SHIFT_IN_HEADER 16

/* Every table has so many frames from the start. */
#define INITIAL_FRAMES 1

u32 grant_frames_max = 64, grant_maptrack_frames_max = 1024;
OPTION_DEFINE_UINT("gnttab_max_frames", grant_frames_max);
OPTION_DEFINE_UINT("gnttab_max_maptrack_frames", grant_maptrack_frames_max);

/* --- frames */

static void *grant_frame_create(struct domain *d)
{
    struct frame *f = heap_alloc(0, NODE_ANY, ADDRESS_ANY, 0);
    if (!f)
        return NULL;
    if (frame_share_with(f, d)) {
        heap_free(f, 0);
        return NULL;
    }
    return frame_to_virt(f);
}

static void grant_frame_destroy(void *page)
{
    if (page)
        frame_unshare(virt_to_frame(page));
}

static u32 grant_status_frames_for(u32 nr_frames)
{
    return DIV_ROUND_UP(nr_frames, GRANT_FRAMES_PER_STATUS);
}

/* Drop status frames from index nr on. */
static void grant_status_shrink(struct grant_table *t, u32 nr)
{
    while (t->nr_status_frames > nr) {
        u32 i = --t->nr_status_frames;
        grant_frame_destroy(t->status[i]);
        t->status[i] = NULL;
    }
}

/* As many as nr frames of entries need, or as there were. */
static int grant_status_grow(struct domain *d, u32 nr_frames)
{
    struct grant_table *t = d->grants;
    u32 before = t->nr_status_frames;
    while (t->nr_status_frames < grant_status_frames_for(nr_frames)) {
        void *page = grant_frame_create(d);
        if (!page) {
            grant_status_shrink(t, before);
            return -ENOMEM;
        }
        t->status[t->nr_status_frames++] = page;
    }
    return 0;
}

/* Frame i of the table with what belongs to it, not counted in nr_frames. */
static void grant_frame_drop(struct grant_table *t, u32 i)
{
    grant_frame_destroy(t->shared[i]);
    t->shared[i] = NULL;
    for (u32 k = 0; k < GRANT_ACTIVE_PAGES; k++) {
        struct grant_active **page = &t->active[i * GRANT_ACTIVE_PAGES + k];
        if (*page)
            page_free(*page);
        *page = NULL;
    }
}

static int grant_frame_add(struct domain *d, u32 i)
{
    struct grant_table *t = d->grants;
    bool complete = (t->shared[i] = grant_frame_create(d)) != NULL;
    for (u32 k = 0; complete && k < GRANT_ACTIVE_PAGES; k++)
        complete = (t->active[i * GRANT_ACTIVE_PAGES + k] = page_alloc()) != NULL;
    if (!complete)
        grant_frame_drop(t, i);
    return complete ? 0 : -ENOMEM;
}

int grant_table_grow(struct domain *d, u32 nr_frames)
{
    struct grant_table *t = d->grants;
    if (t->closed || nr_frames > t->max_frames)
        return -EINVAL;
    u32 i = t->nr_frames;
    int error = t->version == 2 ? grant_status_grow(d, nr_frames) : 0;
    while (!error && i < nr_frames) {
        error = grant_frame_add(d, i);
        if (!error)
            i++;
    }
    if (!error) {
        t->nr_frames = MAX(t->nr_frames, nr_frames);
        return 0;
    }
    while (i-- > t->nr_frames)
        grant_frame_drop(t, i);
    if (t->version == 2)
        grant_status_shrink(t, grant_status_frames_for(t->nr_frames));
    return error;
}

int grant_table_frame(struct domain *d, u64 idx, mfn_t *mfn)
{
    struct grant_table *t = d->grants;
    bool status = idx & XENMAPIDX_grant_table_status;
    u64 i = idx & ~(u64)XENMAPIDX_grant_table_status;
    int error = -EINVAL;
    spin_lock(&t->lock);
    if (t->closed || (status && t->version != 2) || i >= t->max_frames)
        goto out;
    if (status && i >= t->nr_status_frames)
        error = grant_table_grow(d, (u32)i * GRANT_FRAMES_PER_STATUS + 1);
    else if (!status && i >= t->nr_frames)
        error = grant_table_grow(d, (u32)i + 1);
    else
        error = 0;
    if (!error)
        *mfn = virt_to_mfn(status ? (void *)t->status[i] : t->shared[i]);
out:
    spin_unlock(&t->lock);
    return error;
}

u32 grant_table_frames_max(struct domain *d, bool status)
{
    u32 frames = d->grants->max_frames;
    return status ? DIV_ROUND_UP(frames, (u32)GRANT_FRAMES_PER_STATUS) : frames;
}

/* --- life */

static void grant_table_free(struct grant_table *t)
{
    for (u32 i = 0; t->shared && t->active && i < t->nr_frames; i++)
        grant_frame_drop(t, i);
    for (u32 i = 0; i < t->nr_maps / GRANT_MAPS_PER_PAGE; i++)
        page_free(t->maps[i]);
    object_free(t->shared);
    object_free(t->status);
    object_free(t->active);
    object_free(t->maps);
    object_free(t);
}

int grant_domain_init(struct domain *d, u32 max_version, u32 max_frames, u32 max_maptrack_frames)
{
    struct grant_table *t = object_new(struct grant_table);
    if (!t)
        return -ENOMEM;
    spin_init(&t->lock, LOCK_GRANT_TABLE);
    spin_init(&t->maps_lock, LOCK_GRANT_MAPS);
    t->version = 1;
    t->max_version = max_version;
    t->max_frames = MAX(max_frames, (u32)INITIAL_FRAMES);
    t->max_map_pages = max_maptrack_frames;
    t->free_map = GRANT_NO_HANDLE;
    t->shared = object_new_array(void *, t->max_frames);
    t->status = object_new_array(grant_status_t *, grant_status_frames_for(t->max_frames));
    t->active = object_new_array(struct grant_active *, (u64)t->max_frames * GRANT_ACTIVE_PAGES);
    /* One more than none, so that NULL always means out of memory. */
    t->maps = object_new_array(struct grant_map *, (u64)max_maptrack_frames + 1);
    int error = -ENOMEM;
    if (t->shared && t->status && t->active && t->maps) {
        d->grants = t;
        error = grant_table_grow(d, INITIAL_FRAMES);
    }
    if (error) {
        d->grants = NULL;
        grant_table_free(t);
    }
    return error;
}

/* Nobody may use the table any more; the frames go as soon as d's page tables do not map them. */
static void grant_table_close(struct grant_table *t)
{
    spin_lock(&t->lock);
    t->closed = true;
    spin_unlock(&t->lock);
    /* Who finds it closed keeps away from the frames. */
    for (u32 i = 0; i < t->nr_frames; i++) {
        grant_frame_destroy(t->shared[i]);
        t->shared[i] = NULL;
    }
    grant_status_shrink(t, 0);
}

int grant_domain_release_mappings(struct domain *d)
{
    struct grant_table *t = d->grants;
    if (!t || t->closed)
        return 0;
    int error = grant_maps_release(d);
    if (!error)
        grant_table_close(t);
    return error;
}

void grant_domain_destroy(struct domain *d)
{
    struct grant_table *t = d->grants;
    if (!t)
        return;
    /* Mappings of d's frames hold a reference to d: there are none left. */
    ASSERT(!t->claimed);
    d->grants = NULL;
    grant_table_free(t);
}

/* --- claims */

/* Whether header lets wish be fulfilled by an entry that nobody uses yet; and its general rules. */
static inline bool grant_header_allows(u32 version, u32 header, const struct grant_wish *wish)
{
    u16 flags = (u16)header;
    u16 kind = flags & (GTF_type_mask | (wish->map ? GTF_sub_page : 0));
    if (header >> DOMID_SHIFT_IN_HEADER != wish->user)
        return false;
    if (kind == GTF_permit_access)
        return true;
    return version == 2 && wish->transitive && kind == GTF_transitive;
}

/*
 * Version 1: reading and writing stand in the header itself, beside what the guest may change, so
 * that the guest cannot withdraw the entry unawares.
 */
static always_inline bool grant_mark_v1(u32 *shared, bool in_use, const struct grant_wish *wish,
                                        u32 *header)
{
    u32 old = READ_ONCE(*shared);
    u32 set = GTF_reading | (wish->write ? GTF_writing : 0);
    for (u32 i = 0; i < GRANT_HEADER_TRIES; i++) {
        if ((!in_use && !grant_header_allows(1, old, wish)) ||
            (wish->write && (old & GTF_readonly)))
            return false;
        if (__atomic_compare_exchange_n(shared, &old, old | set, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            *header = old;
            return true;
        }
    }
    return false;
}

/* Version 2: they stand in the status array. The guest changes the header, then looks at the
 * status; so the status is set first, and the header looked at (again) after that. */
static noinline bool grant_mark_v2(const struct grant_table *t, u32 ref, bool in_use,
                                   const struct grant_wish *wish, u32 *header)
{
    grant_status_t *status = grant_status_at(t, ref);
    grant_status_t set = GTF_reading | (wish->write ? GTF_writing : 0);
    u32 now = READ_ONCE(*grant_header_at(t, ref));
    bool allowed = in_use || grant_header_allows(2, now, wish);
    if (!allowed || (wish->write && (now & GTF_readonly)))
        return false;
    __atomic_or_fetch(status, set, __ATOMIC_SEQ_CST);
    now = READ_ONCE(*grant_header_at(t, ref));
    if ((in_use || grant_header_allows(2, now, wish)) && !(wish->write && (now & GTF_readonly))) {
        *header = now;
        return true;
    }
    grant_status_t clear = in_use ? GTF_writing : GTF_reading | GTF_writing;
    __atomic_and_fetch(status, (grant_status_t)~clear, __ATOMIC_SEQ_CST);
    return false;
}

/* Tell the guest about the uses that are left. */
static inline void grant_unmark(const struct grant_table *t, u32 ref, const struct grant_active *a)
{
    u16 clear = a->writers ? 0 : GTF_writing;
    if (!grant_active_in_use(a))
        clear |= GTF_reading;
    if (!clear || t->closed)
        return;
    u16 *word = t->version == 1 ? &grant_v1_at(t, ref)->flags : grant_status_at(t, ref);
    __atomic_and_fetch(word, (u16)~clear, __ATOMIC_SEQ_CST);
}

/* The frame that an entry names, with a reference. NULL: it is none of d's. */
static struct frame *grant_frame_get(struct domain *d, u64 gfn)
{
    struct frame *f = arch_gfn_get_frame(d, GFN(gfn));
    if (likely(f && frame_is_owned_by(f, d)))
        return f;
    if (f)
        frame_put(f);
    return NULL;
}

/* What an entry grants, as its first user finds it. */
struct grant_contents {
    u64 gfn;
    u32 start, length;
    bool part, transitive;
};

static noinline void grant_read_v2(const struct grant_table *t, u32 ref, u32 header,
                                   struct grant_contents *c)
{
    const union grant_entry_v2 *entry = grant_v2_at(t, ref);
    c->transitive = (header & GTF_type_mask) == GTF_transitive;
    c->part = c->transitive || (header & GTF_sub_page);
    c->gfn = READ_ONCE(entry->full_page.frame); /* in the same place for part of a page */
    c->start = 0;
    c->length = PAGE_SIZE;
    if (c->part && !c->transitive) {
        c->start = READ_ONCE(entry->sub_page.page_off);
        c->length = READ_ONCE(entry->sub_page.length);
    }
}

/* What claim is to know besides the frame; for a transitive entry what it stands for. */
static inline void grant_claim_fill(const struct grant_table *t, const struct grant_active *a,
                                    struct grant_claim *claim)
{
    claim->start = a->start;
    claim->length = a->length;
    if (unlikely(!a->frame)) {
        const union grant_entry_v2 *entry = grant_v2_at(t, claim->ref);
        claim->behind = READ_ONCE(entry->transitive.trans_domid);
        claim->behind_ref = READ_ONCE(entry->transitive.gref);
    }
}

static inline u32 *grant_uses(struct grant_active *a, bool write)
{
    return write ? &a->writers : &a->readers;
}

/*
 * The first use of an entry. From now on its copy in a counts, with what was read after the header
 * was marked. The lock is held, as for the next.
 */
static inline int grant_claim_first(struct domain *granter, struct grant_active *a,
                                    const struct grant_wish *wish, struct grant_claim *claim)
{
    struct grant_table *t = granter->grants;
    struct grant_contents c = {.length = PAGE_SIZE};
    struct frame *f = NULL;
    u32 header;
    ASSERT(spin_is_locked(&t->lock));
    if (likely(t->version == 1)) {
        struct grant_entry_v1 *entry = grant_v1_at(t, claim->ref);
        if (unlikely(!grant_mark_v1((u32 *)entry, false, wish, &header)))
            return GNTST_general_error;
        c.gfn = READ_ONCE(entry->frame);
    } else {
        if (!grant_mark_v2(t, claim->ref, false, wish, &header))
            return GNTST_general_error;
        grant_read_v2(t, claim->ref, header, &c);
    }
    if (!c.transitive) {
        f = grant_frame_get(granter, c.gfn);
        if (unlikely(!f)) {
            grant_unmark(t, claim->ref, a);
            return GNTST_bad_page;
        }
    }
    a->frame = claim->frame = f;
    a->start = c.start;
    a->length = c.length;
    a->user = wish->user;
    a->part = c.part;
    *grant_uses(a, wish->write) = wish->uses;
    if (claim->ref >= GNTTAB_NR_RESERVED_ENTRIES)
        t->claimed++;
    grant_claim_fill(t, a, claim);
    return GNTST_okay;
}

/* One use more of an entry that is in use. */
static noinline int grant_claim_more(struct domain *granter, struct grant_active *a,
                                     const struct grant_wish *wish, struct grant_claim *claim)
{
    const struct grant_table *t = granter->grants;
    u32 header;
    ASSERT(spin_is_locked(&t->lock));
    if (a->user != wish->user || (a->part && wish->map) || (!a->frame && !wish->transitive) ||
        a->readers > ~0u - wish->uses || a->writers > ~0u - wish->uses)
        return GNTST_general_error;
    if (wish->write && !a->writers &&
        !(t->version == 1 ? grant_mark_v1(grant_header_at(t, claim->ref), true, wish, &header)
                          : grant_mark_v2(t, claim->ref, true, wish, &header)))
        return GNTST_general_error;
    claim->frame = a->frame;
    if (a->frame && !frame_get(a->frame, granter)) {
        grant_unmark(t, claim->ref, a);
        return GNTST_general_error; /* the granter has given the frame up meanwhile */
    }
    *grant_uses(a, wish->write) += wish->uses;
    grant_claim_fill(t, a, claim);
    return GNTST_okay;
}

int grant_claim(struct domain *granter, u32 ref, const struct grant_wish *wish,
                struct grant_claim *claim)
{
    struct grant_table *t = granter->grants;
    int status = GNTST_bad_gntref;
    u64 i;
    spin_lock(&t->lock);
    if (likely(!t->closed && index_check(ref, grant_table_entries(t), &i))) {
        struct grant_active *a = grant_active_at(t, (u32)i);
        claim->ref = (u32)i;
        status = likely(!grant_active_in_use(a)) ? grant_claim_first(granter, a, wish, claim)
                                                 : grant_claim_more(granter, a, wish, claim);
    }
    spin_unlock(&t->lock);
    return status;
}

void grant_unclaim(struct domain *granter, u32 ref, bool write, u32 uses)
{
    struct grant_table *t = granter->grants;
    spin_lock(&t->lock);
    struct grant_active *a = grant_active_at(t, ref);
    u32 *count = write ? &a->writers : &a->readers;
    ASSERT(*count >= uses);
    *count -= uses;
    grant_unmark(t, ref, a);
    if (!grant_active_in_use(a)) {
        a->frame = NULL;
        if (ref >= GNTTAB_NR_RESERVED_ENTRIES)
            t->claimed--;
    }
    spin_unlock(&t->lock);
}

/* --- versions */

/*
 * The reserved entries survive a change of version, also in use: tools fill them before the domain
 * runs. Read as those of version 1; -ERANGE if one cannot be expressed so.
 */
static int grant_reserved_save(const struct grant_table *t, struct grant_entry_v1 *saved)
{
    for (u32 ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++) {
        if (t->version == 1) {
            const struct grant_entry_v1 *e = grant_v1_at(t, ref);
            u32 header = READ_ONCE(*grant_header_at(t, ref));
            saved[ref] =
                (struct grant_entry_v1){(u16)header, (domid_t)(header >> 16), READ_ONCE(e->frame)};
            continue;
        }
        u32 header = READ_ONCE(*grant_header_at(t, ref));
        u16 type = header & GTF_type_mask;
        u64 frame = READ_ONCE(grant_v2_at(t, ref)->full_page.frame);
        if (type == GTF_transitive || (type == GTF_permit_access && (header & GTF_sub_page)) ||
            (type != GTF_invalid && (u32)frame != frame))
            return -ERANGE;
        u16 used = READ_ONCE(*grant_status_at(t, ref)) & (GTF_reading | GTF_writing);
        saved[ref] =
            (struct grant_entry_v1){(u16)header | used, (domid_t)(header >> 16), (u32)frame};
    }
    return 0;
}

static void grant_reserved_restore(const struct grant_table *t, const struct grant_entry_v1 *saved)
{
    const u16 used = GTF_reading | GTF_writing;
    for (u32 ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++) {
        if (t->version == 1) {
            *grant_v1_at(t, ref) = saved[ref];
        } else {
            union grant_entry_v2 *e = grant_v2_at(t, ref);
            bool transfer = (saved[ref].flags & GTF_type_mask) == GTF_accept_transfer;
            *grant_status_at(t, ref) = transfer ? 0 : saved[ref].flags & used;
            e->full_page.frame = saved[ref].frame;
            e->hdr.domid = saved[ref].domid;
            e->hdr.flags = transfer ? saved[ref].flags : saved[ref].flags & (u16)~used;
        }
    }
}

/*
 * Give up the status frames. False, and nothing changed, if the guest maps one: kept by that, frame
 * after frame would be the guest's and not counted as its memory.
 */
static bool grant_status_drop(struct grant_table *t)
{
    for (u32 i = 0; i < t->nr_status_frames; i++) {
        if (frame_share_withdraw(virt_to_frame(t->status[i])))
            continue;
        while (i)
            frame_share_restore(virt_to_frame(t->status[--i]));
        return false;
    }
    grant_status_shrink(t, 0);
    return true;
}

/* The lock is held, and the version differs. */
static int grant_version_change(struct domain *d, u32 version)
{
    struct grant_table *t = d->grants;
    struct grant_entry_v1 reserved[GNTTAB_NR_RESERVED_ENTRIES];
    if (t->closed)
        return -EINVAL;
    if (t->claimed)
        return -EBUSY;
    /* Entries that are in use and not reserved would change their place, and there are none; of the
     * reserved ones, one that version 1 cannot express refuses the change. */
    int error = grant_reserved_save(t, reserved);
    if (error)
        return error;
    if (version == 2)
        error = grant_status_grow(d, t->nr_frames);
    else if (!grant_status_drop(t))
        error = -EBUSY;
    if (error)
        return error;
    for (u32 i = 0; i < t->nr_frames; i++)
        memset(t->shared[i], 0, PAGE_SIZE);
    t->version = version;
    grant_reserved_restore(t, reserved);
    return 0;
}

int grant_table_set_version(struct domain *d, u32 version)
{
    struct grant_table *t = d->grants;
    int error = 0;
    if (version > t->max_version)
        return -ENOSYS; /* as where there was no other version yet */
    spin_lock(&t->lock);
    if (t->version != version)
        error = grant_version_change(d, version);
    spin_unlock(&t->lock);
    return error;
}

void grant_dump(struct domain *d)
{
    struct grant_table *t = d->grants;
    if (!t)
        return;
    spin_lock(&t->lock);
    log_info("d%u: grant table version %u, %u of %u frames, %u entries in use", d->id, t->version,
             t->nr_frames, t->max_frames, t->claimed);
    for (u32 ref = 0; ref < grant_table_entries(t); ref++) {
        const struct grant_active *a = grant_active_at(t, ref);
        if (grant_active_in_use(a))
            log_info("  %5u: d%u reads %u writes %u, frame %lx%s", ref, a->user, a->readers,
                     a->writers, a->frame ? frame_mfn(a->frame).v : 0ul,
                     a->part ? ", not for mapping" : "");
    }
    spin_unlock(&t->lock);
}
