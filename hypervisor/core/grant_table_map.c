/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapping frames that others grant, and unmapping them: GNTTABOP_map_grant_ref, unmap_grant_ref and
 * unmap_and_replace, and the handles by which a domain names its mappings.
 *
 * A mapping for the CPU is an entry in the domain's page tables, made by arch_grant_map(); one for
 * devices is nothing but the frame's machine address, where no IOMMU stands between. For each of
 * the two the handle holds a reference to the frame (and a use as writable data), which it drops
 * when the TLBs are flushed, and one use of the granter's entry. The page-table entry has
 * references of its own.
 */
#include "grant_private.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "core/heap.h"
#include "core/percpu.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"

/* Handles that teardown visits between two looks at whether to stop. */
#define RELEASE_BATCH 64

/* --- handles */

static struct grant_map *grant_map_at(const struct grant_table *t, u32 handle)
{
    return &t->maps[handle / GRANT_MAPS_PER_PAGE][handle % GRANT_MAPS_PER_PAGE];
}

/* One more page of free handles; the lock is held. */
static bool grant_maps_grow(struct grant_table *t)
{
    u32 pages = t->nr_maps / GRANT_MAPS_PER_PAGE;
    struct grant_map *page = pages < t->max_map_pages ? page_alloc() : NULL;
    if (!page)
        return false;
    t->maps[pages] = page;
    for (u32 i = 0; i < GRANT_MAPS_PER_PAGE; i++)
        page[i].ref = i + 1 < GRANT_MAPS_PER_PAGE ? t->nr_maps + i + 1 : t->free_map;
    t->free_map = t->nr_maps;
    t->nr_maps += GRANT_MAPS_PER_PAGE;
    return true;
}

/* A handle that nobody can use yet: its flags are 0. GRANT_NO_HANDLE if there is none. */
static u32 grant_map_reserve(struct grant_table *t)
{
    u32 handle = GRANT_NO_HANDLE;
    spin_lock(&t->maps_lock);
    if (t->free_map != GRANT_NO_HANDLE || grant_maps_grow(t)) {
        handle = t->free_map;
        t->free_map = grant_map_at(t, handle)->ref;
    }
    spin_unlock(&t->maps_lock);
    return handle;
}

/* The lock is held. */
static void grant_map_free_locked(struct grant_table *t, u32 handle)
{
    *grant_map_at(t, handle) = (struct grant_map){.ref = t->free_map};
    t->free_map = handle;
}

static void grant_map_free(struct grant_table *t, u32 handle)
{
    spin_lock(&t->maps_lock);
    grant_map_free_locked(t, handle);
    spin_unlock(&t->maps_lock);
}

/* --- mapping */

/* Drop what stands behind one mapping of f. */
static void grant_frame_put(struct frame *f, bool write)
{
    if (write)
        frame_type_put_writable(f);
    frame_put(f);
}

/*
 * Take the references for uses mappings of the claimed frame: the claim's own counts as the first.
 * False, with that one dropped too: the frame is a page table, or the granter has given it up.
 */
static bool grant_map_references(const struct grant_claim *claim, struct domain *granter,
                                 const struct grant_wish *wish)
{
    struct frame *f = claim->frame;
    if (wish->write && frame_type_get_writable(f)) {
        frame_put(f);
        return false;
    }
    if (wish->uses == 1)
        return true;
    if (frame_get(f, granter)) {
        if (!wish->write || !frame_type_get_writable(f))
            return true;
        frame_put(f);
    }
    grant_frame_put(f, wish->write);
    return false;
}

/* Everything but the handle; op->dev_bus_addr is filled. GNTST_*. */
static int grant_map_frame(struct domain *d, struct domain *granter,
                           struct gnttab_map_grant_ref *op)
{
    bool host = op->flags & GNTMAP_host_map, device = op->flags & GNTMAP_device_map;
    const struct grant_wish wish = {
        .user = d->id,
        .write = !(op->flags & GNTMAP_readonly),
        .map = true,
        .uses = (u32)host + device,
    };
    struct grant_claim claim;
    int status = grant_claim(granter, op->ref, &wish, &claim);
    if (status != GNTST_okay)
        return status;
    if (!grant_map_references(&claim, granter, &wish)) {
        status = GNTST_general_error;
        goto unclaim;
    }
    mfn_t mfn = frame_mfn(claim.frame);
    if (host)
        status = arch_grant_map(d, op->host_addr, mfn, op->flags);
    if (status == GNTST_okay) {
        op->dev_bus_addr = paddr_of_mfn(mfn);
        return GNTST_okay;
    }
    for (u32 i = 0; i < wish.uses; i++)
        grant_frame_put(claim.frame, wish.write);
unclaim:
    grant_unclaim(granter, claim.ref, wish.write, wish.uses);
    return status;
}

/* With the granter's reference, which becomes the handle's on success. */
static int grant_map_one(struct domain *d, struct domain *granter, struct gnttab_map_grant_ref *op)
{
    struct grant_table *t = d->grants;
    u32 handle = grant_map_reserve(t);
    if (handle == GRANT_NO_HANDLE)
        return GNTST_no_space;
    int status = grant_map_frame(d, granter, op);
    if (status != GNTST_okay) {
        grant_map_free(t, handle);
        return status;
    }
    spin_lock(&t->maps_lock);
    struct grant_map *m = grant_map_at(t, handle);
    m->granter = granter;
    m->ref = op->ref;
    m->flags = op->flags & ~GRANT_MAP_BUSY;
    spin_unlock(&t->maps_lock);
    op->handle = handle;
    return GNTST_okay;
}

long grant_op_map(struct vcpu *v, void *arg)
{
    struct gnttab_map_grant_ref *op = arg;
    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map))) {
        op->status = GNTST_bad_gntref;
        return 0;
    }
    /* The granter has to be named, also if it is the caller. */
    struct domain *granter = op->dom < DOMID_FIRST_RESERVED ? domain_get(op->dom) : NULL;
    if (!granter) {
        op->status = GNTST_bad_domain;
        return 0;
    }
    op->status =
        (int16_t)(granter->grants ? grant_map_one(v->domain, granter, op) : GNTST_bad_domain);
    if (op->status != GNTST_okay)
        domain_put(granter);
    return 0;
}

/* --- unmapping */

/* A mapping that is out of the page tables, and perhaps still in a TLB. */
struct grant_unmapped {
    struct domain *granter;
    struct frame *frame;
    u32 handle, ref;
    u32 flags; /* GNTMAP_host_map, GNTMAP_device_map: what is gone; GNTMAP_readonly */
};

/* Those of the hypercall that runs, until grant_unmap_finish(). */
#define UNMAP_BATCH 32
struct grant_unmap_batch {
    u32 count;
    struct grant_unmapped entries[UNMAP_BATCH];
};
static DEFINE_PER_CPU(struct grant_unmap_batch, grant_unmap_batch);

/*
 * Let go of a mapping's parts (flags), after the TLBs were flushed; true if it has none left: then
 * the handle is free again.
 */
static bool grant_unmap_parts(struct domain *d, const struct grant_unmapped *u)
{
    struct grant_table *t = d->grants;
    bool write = !(u->flags & GNTMAP_readonly);
    u32 gone = u->flags & (GNTMAP_host_map | GNTMAP_device_map);
    u32 uses = 0;
    for (u32 part = gone; part; part &= part - 1) {
        grant_frame_put(u->frame, write);
        uses++;
    }
    if (uses)
        grant_unclaim(u->granter, u->ref, write, uses);
    spin_lock(&t->maps_lock);
    struct grant_map *m = grant_map_at(t, u->handle);
    m->flags &= ~(gone | GRANT_MAP_BUSY);
    bool empty = !(m->flags & (GNTMAP_host_map | GNTMAP_device_map));
    if (empty)
        grant_map_free_locked(t, u->handle);
    spin_unlock(&t->maps_lock);
    return empty;
}

void grant_unmap_finish(struct domain *d)
{
    struct grant_unmap_batch *batch = &this_cpu(grant_unmap_batch);
    u32 gone = 0;
    for (u32 i = 0; i < batch->count; i++)
        gone |= batch->entries[i].flags;
    if (gone & GNTMAP_host_map)
        tlb_flush_mask(&d->dirty_cpus);
    for (u32 i = 0; i < batch->count; i++) {
        const struct grant_unmapped *u = &batch->entries[i];
        if (grant_unmap_parts(d, u))
            domain_put(u->granter);
    }
    batch->count = 0;
}

/* Take the handle for this CPU alone, and read what it stands for. False: it is no mapping of the
 * domain's, or another CPU is unmapping it. */
static bool grant_map_acquire(struct grant_table *t, u32 handle, struct grant_map *copy)
{
    bool acquired = false;
    spin_lock(&t->maps_lock);
    if (handle < t->nr_maps) {
        struct grant_map *m = grant_map_at(t, (u32)index_clamp(handle, t->nr_maps));
        *copy = *m;
        acquired = m->flags && !(m->flags & GRANT_MAP_BUSY);
        if (acquired)
            m->flags |= GRANT_MAP_BUSY;
    }
    spin_unlock(&t->maps_lock);
    return acquired;
}

/* Whether the hypercall that runs here has taken handle. */
static bool grant_unmap_batched(const struct grant_unmap_batch *batch, u32 handle)
{
    for (u32 i = 0; i < batch->count; i++)
        if (batch->entries[i].handle == handle)
            return true;
    return false;
}

/* The frame behind a mapping: it stays while the mapping's use of the entry does. */
static struct frame *grant_mapped_frame(const struct grant_map *m)
{
    struct grant_table *t = m->granter->grants;
    spin_lock(&t->lock);
    struct frame *f = grant_active_at(t, m->ref)->frame;
    spin_unlock(&t->lock);
    return f;
}

/*
 * Unmap for the CPU (host_addr not 0) and for devices (bus_addr not 0) what handle maps; new_addr
 * not 0: put there what new_addr maps. What is gone goes to the batch. GNTST_*.
 */
static int grant_unmap_one(struct domain *d, u32 handle, u64 host_addr, u64 bus_addr, u64 new_addr)
{
    struct grant_unmap_batch *batch = &this_cpu(grant_unmap_batch);
    struct grant_map map;
    if (batch->count == UNMAP_BATCH)
        grant_unmap_finish(d);
    if (!grant_map_acquire(d->grants, handle, &map)) {
        if (!grant_unmap_batched(batch, handle))
            return GNTST_bad_handle;
        /* This call has it, for a part that went before; another may be left. */
        grant_unmap_finish(d);
        if (!grant_map_acquire(d->grants, handle, &map))
            return GNTST_bad_handle;
    }
    struct grant_unmapped *u = &batch->entries[batch->count++];
    *u = (struct grant_unmapped){
        .granter = map.granter,
        .frame = grant_mapped_frame(&map),
        .handle = handle,
        .ref = map.ref,
        .flags = map.flags & GNTMAP_readonly,
    };
    mfn_t mfn = frame_mfn(u->frame);
    if (bus_addr && bus_addr != paddr_of_mfn(mfn))
        return GNTST_general_error;
    if (host_addr && (map.flags & GNTMAP_host_map)) {
        int status = arch_grant_unmap(d, host_addr, new_addr, mfn, map.flags);
        if (status != GNTST_okay)
            return status;
        u->flags |= GNTMAP_host_map;
    }
    if (bus_addr)
        u->flags |= map.flags & GNTMAP_device_map;
    return GNTST_okay;
}

long grant_op_unmap(struct vcpu *v, void *arg)
{
    struct gnttab_unmap_grant_ref *op = arg;
    op->status =
        (int16_t)grant_unmap_one(v->domain, op->handle, op->host_addr, op->dev_bus_addr, 0);
    return 0;
}

long grant_op_unmap_and_replace(struct vcpu *v, void *arg)
{
    struct gnttab_unmap_and_replace *op = arg;
    op->status = (int16_t)grant_unmap_one(v->domain, op->handle, op->host_addr, 0, op->new_addr);
    return 0;
}

/* The end of a mapping with its domain. Its entry in the page tables goes with those, by itself. */
static void grant_map_release(struct domain *d, u32 handle)
{
    const struct grant_map *m = grant_map_at(d->grants, handle);
    const struct grant_unmapped u = {
        .granter = m->granter,
        .frame = grant_mapped_frame(m),
        .handle = handle,
        .ref = m->ref,
        .flags = m->flags & (GNTMAP_host_map | GNTMAP_device_map | GNTMAP_readonly),
    };
    bool empty = grant_unmap_parts(d, &u);
    ASSERT(empty);
    domain_put(u.granter);
}

int grant_maps_release(struct domain *d)
{
    struct grant_table *t = d->grants;
    for (u32 handle = t->release_progress; handle < t->nr_maps; handle++) {
        if (grant_map_at(t, handle)->flags)
            grant_map_release(d, handle);
        if (handle % RELEASE_BATCH == RELEASE_BATCH - 1 && preempt_pending()) {
            t->release_progress = handle + 1;
            return -ERESTART;
        }
    }
    t->release_progress = t->nr_maps;
    return 0;
}
