/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shadows of a PV domain's page tables, which the processor walks while the domain's writes are
 * logged. The rules stand in mm_log_dirty.h. Called by page faults, by everyone who changes page
 * tables, and by log_dirty.c.
 *
 * The lock of the log suffices to walk the guest's tables here: whoever takes a link out of them
 * comes by shadow_entry_changed() before the table below can become something else, and waits
 * there.
 */
#include "core/heap.h"
#include "lib/string.h"
#include "mm_log_dirty.h"
#include "mm_private.h"
#include "x86/pv.h"

#define NR_BUCKETS        (PAGE_SIZE / sizeof(u32))
#define SHADOWS_MAX       8192u /* 32 MiB: for 16 GiB that are mapped once */
#define SHADOWS_FEW       32u   /* that there must be, and for each vCPU */
#define FRAMES_PER_SHADOW 64u   /* of the domain's, that allow for one more */
#define NR_BASES          2u    /* enum mm_base */

/* --- the pool */

static u32 *bucket_of(struct log_dirty *log, u64 table)
{
    return &log->buckets[table % NR_BUCKETS];
}

static void free_push(struct log_dirty *log, struct frame *f)
{
    f->next = log->free;
    log->free = (u32)frame_mfn(f).v;
}

/* The shadow that link leads to. */
static void shadow_free(struct log_dirty *log, u32 *link)
{
    struct frame *f = frame_of_mfn(MFN(*link));
    *link = f->next;
    free_push(log, f);
}

/* False: there is none. */
static bool pool_grow(struct log_dirty *log)
{
    void *page = log->nr_shadows < log->max_shadows ? page_alloc() : NULL;
    if (!page)
        return false;
    log->nr_shadows++;
    free_push(log, frame_of_mfn(virt_to_mfn(page)));
    return true;
}

static void roots_clear(struct domain *d)
{
    struct vcpu *v;
    for_each_vcpu (d, v)
        for (u32 i = 0; i < NR_BASES; i++)
            shadow_base_changed(v, i);
}

/* All shadows are free again. */
static void shadows_drop(struct domain *d, struct log_dirty *log)
{
    roots_clear(d);
    tlb_flush_mask(&d->dirty_cpus);
    for (u32 i = 0; i < NR_BUCKETS; i++)
        while (log->buckets[i] != FRAME_LINK_END)
            shadow_free(log, &log->buckets[i]);
}

/* --- shadows of tables of level 1-3 */

/* What leads to the table's shadow, or holds FRAME_LINK_END: there is none. */
static u32 *shadow_link(struct log_dirty *log, u64 table)
{
    u32 *link = bucket_of(log, table);
    while (*link != FRAME_LINK_END && frame_of_mfn(MFN(*link))->prev != table)
        link = &frame_of_mfn(MFN(*link))->next;
    return link;
}

static struct frame *shadow_find(struct log_dirty *log, u64 table)
{
    u32 i = *shadow_link(log, table);
    return i == FRAME_LINK_END ? NULL : frame_of_mfn(MFN(i));
}

/* A new one, empty; NULL if there are too many. */
static struct frame *shadow_new(struct log_dirty *log, u64 table)
{
    if (log->free == FRAME_LINK_END && !pool_grow(log))
        return NULL;
    struct frame *f = frame_of_mfn(MFN(log->free));
    u32 *bucket = bucket_of(log, table);
    log->free = f->next;
    f->prev = (u32)table;
    f->next = *bucket;
    *bucket = (u32)frame_mfn(f).v;
    f->tlb_stamp = log->epoch;
    memset(frame_to_virt(f), 0, PAGE_SIZE);
    return f;
}

/* That of the guest's table, fit to be linked: NULL if there are too many. */
static struct frame *shadow_get(struct log_dirty *log, u64 table, u32 level)
{
    struct frame *f = shadow_find(log, table);
    if (!f)
        return shadow_new(log, table);
    if (f->tlb_stamp == log->epoch)
        return f;
    /* What is linked below is as old; what is mapped may not be written to without a fault. */
    pte_t *entries = frame_to_virt(f);
    for (u32 i = 0; i < PTES_PER_TABLE; i++)
        WRITE_ONCE(entries[i], level == 1 ? entries[i] & ~PTE_WRITE : 0);
    f->tlb_stamp = log->epoch;
    return f;
}

void shadow_table_gone(struct domain *d, struct frame *table)
{
    struct log_dirty *log = d->arch.log_dirty;
    spin_lock(&log->lock);
    u32 *link = shadow_link(log, frame_mfn(table).v);
    if (*link != FRAME_LINK_END)
        shadow_free(log, link);
    spin_unlock(&log->lock);
}

/* --- those of level 4 */

void shadow_base_changed(struct vcpu *v, u32 base)
{
    pte_t *l4 = mfn_to_virt(v->arch.shadow_l4[base]);
    for (u32 i = 0; i < PTES_PER_TABLE; i++)
        if (!mm_slot_is_hypervisor(i))
            WRITE_ONCE(l4[i], 0);
}

static mfn_t base_of(const struct vcpu *v, u32 base)
{
    return base == MM_BASE_KERNEL ? v->arch.kernel_l4 : v->arch.user_l4;
}

void shadow_entry_changed(struct domain *d, pte_t *entry)
{
    struct log_dirty *log = d->arch.log_dirty;
    mfn_t table = virt_to_mfn(entry);
    u32 i = (u32)((u64)entry % PAGE_SIZE / sizeof(pte_t));
    struct vcpu *v;
    spin_lock(&log->lock);
    struct frame *f = shadow_find(log, table.v);
    if (f)
        WRITE_ONCE(((pte_t *)frame_to_virt(f))[i], 0);
    else if (mm_table_level(frame_of_mfn(table)) == 4)
        for_each_vcpu (d, v)
            for (u32 base = 0; base < NR_BASES; base++)
                if (mfn_eq(base_of(v, base), table))
                    WRITE_ONCE(((pte_t *)mfn_to_virt(v->arch.shadow_l4[base]))[i], 0);
    spin_unlock(&log->lock);
    log_dirty_mark(log, table);
}

/* --- faults */

struct shadow_walk {
    struct domain *d;
    struct log_dirty *log;
    vaddr_t va;
    u32 error; /* PF_*: what was tried */
    pte_t *guest, *shadow;
    pte_t allowed; /* PTE_WRITE and PTE_NX of all entries on the way */
    bool changed;
};

/*
 * An entry on the way, read as e, present and used: with the bits that the processor would have
 * set. 0: it is not there, or changes just now (*retry). All about an entry is decided by one value
 * of it; if it has another by now, whoever changed it waits for the lock to clear the shadow's.
 */
static pte_t entry_use(struct shadow_walk *w, pte_t *entry, pte_t e, pte_t bits, bool *retry)
{
    if (!(e & PTE_PRESENT) || (e & bits) == bits)
        return e & PTE_PRESENT ? e : 0;
    if (!__atomic_compare_exchange_n(entry, &e, e | bits, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        *retry = true;
        return 0;
    }
    log_dirty_mark(w->log, virt_to_mfn(entry));
    return e | bits;
}

static void slot_set(struct shadow_walk *w, pte_t *slot, pte_t value)
{
    if (*slot == value)
        return;
    WRITE_ONCE(*slot, value);
    w->changed = true;
}

static void allow(struct shadow_walk *w, pte_t e)
{
    w->allowed &= e | ~PTE_WRITE;
    w->allowed |= e & PTE_NX;
}

/* One level down. False: not possible; *retry says whether the access is to be tried again. */
static bool step(struct shadow_walk *w, u32 level, bool *retry)
{
    u32 i = pte_index(w->va, level);
    pte_t *entry = &w->guest[i], e = entry_use(w, entry, READ_ONCE(*entry), PTE_ACCESSED, retry);
    if (!e)
        return false;
    struct frame *below = shadow_get(w->log, pte_mfn(e).v, level - 1);
    if (!below) {
        shadows_drop(w->d, w->log);
        *retry = true;
        return false;
    }
    allow(w, e);
    slot_set(w, &w->shadow[i],
             pte_make(frame_mfn(below), (e & (PTE_WRITE | PTE_NX)) | PTE_PRESENT | PTE_USER |
                                            PTE_ACCESSED | PTE_DIRTY));
    w->guest = mfn_to_virt(pte_mfn(e));
    w->shadow = frame_to_virt(below);
    return true;
}

/* The level-1 entry; true: the access is to be tried again. */
static bool leaf(struct shadow_walk *w)
{
    u32 i = pte_index(w->va, 1);
    bool retry = false;
    pte_t *entry = &w->guest[i], e = READ_ONCE(*entry);
    struct frame *f = frame_of_mfn(pte_mfn(e));
    allow(w, e);
    bool writes = (w->error & PF_WRITE) && (w->allowed & PTE_WRITE);
    e = entry_use(w, entry, e, PTE_ACCESSED | (writes ? PTE_DIRTY : 0), &retry);
    if (!e)
        return retry;
    /* What others own is not in this log. */
    bool logged = f && READ_ONCE(f->owner) == (u32)virt_to_mfn(w->d).v;
    if (logged && writes)
        log_dirty_mark(w->log, frame_mfn(f));
    if (!(e & PTE_DIRTY) || (logged && !log_dirty_has(w->log, frame_mfn(f))))
        e &= ~PTE_WRITE;
    slot_set(w, &w->shadow[i], e);
    bool denied = ((w->error & PF_WRITE) && !(w->allowed & PTE_WRITE)) ||
                  ((w->error & PF_FETCH) && (w->allowed & PTE_NX));
    /* If it is denied, the processor shall say so itself, by what it now finds. */
    return !denied || w->changed;
}

bool shadow_fault(struct vcpu *v, mfn_t root, vaddr_t va, u32 error)
{
    struct log_dirty *log = v->domain->arch.log_dirty;
    struct shadow_walk w = {
        .d = v->domain, .log = log, .va = va, .error = error, .allowed = PTE_WRITE};
    u32 base = mfn_eq(root, v->arch.shadow_l4[MM_BASE_KERNEL]) ? MM_BASE_KERNEL : MM_BASE_USER;
    if (!vaddr_is_canonical(va) || vaddr_is_hypervisor(va) || (error & PF_RESERVED) ||
        mm_mfn_is_none(base_of(v, base)))
        return false;
    /* What is present can be read: if not, it is for another reason than a shadow (SMAP). */
    if ((error & (PF_PRESENT | PF_WRITE | PF_FETCH)) == PF_PRESENT)
        return false;
    bool retry = false, there = true;
    spin_lock(&log->lock);
    w.guest = mfn_to_virt(base_of(v, base));
    w.shadow = mfn_to_virt(root);
    for (u32 level = 4; there && level > 1; level--)
        there = step(&w, level, &retry);
    if (there)
        retry = leaf(&w);
    log->stats.fault_count += retry;
    spin_unlock(&log->lock);
    return retry;
}

/* --- life */

void shadow_revoke(struct domain *d, struct log_dirty *log)
{
    log->epoch++;
    roots_clear(d);
}

static int root_create(struct vcpu *v, u32 base)
{
    pte_t *l4 = page_alloc();
    if (!l4)
        return -ENOMEM;
    pv_l4_install_hypervisor(v->domain, l4);
    v->arch.shadow_l4[base] = virt_to_mfn(l4);
    return 0;
}

int shadow_create(struct domain *d, struct log_dirty *log)
{
    u32 few = SHADOWS_FEW * (d->max_vcpus + 1);
    struct vcpu *v;
    int error = 0;
    log->free = FRAME_LINK_END;
    log->max_shadows = few + (u32)MIN(d->tot_frames / FRAMES_PER_SHADOW, (u64)SHADOWS_MAX);
    log->buckets = page_alloc();
    if (log->buckets)
        memset(log->buckets, 0xff, PAGE_SIZE);
    for_each_vcpu (d, v)
        for (u32 base = 0; base < NR_BASES && !error; base++)
            error = root_create(v, base);
    while (log->nr_shadows < few && !error)
        error = pool_grow(log) ? 0 : -ENOMEM;
    return log->buckets ? error : -ENOMEM;
}

void shadow_destroy(struct domain *d, struct log_dirty *log)
{
    struct vcpu *v;
    for_each_vcpu (d, v)
        for (u32 base = 0; base < NR_BASES; base++) {
            if (v->arch.shadow_l4[base].v)
                page_free(mfn_to_virt(v->arch.shadow_l4[base]));
            v->arch.shadow_l4[base] = MFN(0);
        }
    for (u32 i = 0; log->buckets && i < NR_BUCKETS; i++)
        while (log->buckets[i] != FRAME_LINK_END)
            shadow_free(log, &log->buckets[i]);
    while (log->free != FRAME_LINK_END) {
        struct frame *f = frame_of_mfn(MFN(log->free));
        log->free = f->next;
        page_free(frame_to_virt(f));
    }
    page_free(log->buckets);
}
