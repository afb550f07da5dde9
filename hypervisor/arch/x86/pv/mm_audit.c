/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The auditor of the PV MMU: recomputes from a domain's tables what the frame table should say of
 * its frames and names every contradiction. Called by a debug key, by fuzzers after each step, and
 * at a domain's end in debug builds.
 *
 * Uses as page table or descriptor page are all the domain's own and must agree exactly. Other
 * domains and the hypervisor may hold references and uses as writable data too: of those it must
 * find no more than are counted. The domain need not stand still: page-table entries and base
 * pointers change under its lock only, and what counts without the lock counts before something
 * refers to the frame and until nothing does. Expectations are computed for one window of frames
 * at a time, with a walk over all tables for each: as much memory as can be had, up to a limit.
 */
#include "arch/memory.h"
#include "core/heap.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm_private.h"

struct expectation {
    u32 uses, references;
};

#define WINDOW_ORDER_MAX 10 /* 4 MiB, for the frames of 2 GiB */
#define LINE_BYTES       160

struct audit {
    struct domain *d;
    void (*report)(const char *line);
    int faults;
    u64 first; /* MFN of the window's first frame */
    struct expectation *window;
    u64 window_frames;
    bool entries_checked; /* each entry need be looked at once, not for each window */
};

static void complain(struct audit *a, const char *what, u64 mfn, u64 is, u64 expected)
{
    char line[LINE_BYTES];
    a->faults++;
    text_format(line, sizeof(line), "d%u: frame %#lx: %s: %#lx, expected %#lx", a->d->id,
                (unsigned long)mfn, what, (unsigned long)is, (unsigned long)expected);
    a->report(line);
}

static void expect(struct audit *a, mfn_t mfn, u32 uses)
{
    u64 i = mfn.v - a->first;
    if (mfn.v < a->first || i >= a->window_frames)
        return;
    a->window[i].references++;
    a->window[i].uses += uses;
}

/* --- what refers to frames */

static void entry_check(struct audit *a, mfn_t table, u32 level, pte_t e)
{
    const struct frame *f = frame_of_mfn(pte_mfn(e));
    if ((e & (PTE_USER | PTE_GLOBAL)) != PTE_USER && level == 1)
        complain(a, "level-1 entry with wrong bits", table.v, e, e | PTE_USER);
    if (level == 1) {
        u64 t = f ? READ_ONCE(f->type) : 0;
        if (f && (e & PTE_WRITE) &&
            ((t & FRAME_TYPE_MASK) != FRAME_TYPE_WRITABLE || !(t & FRAME_TYPE_COUNT)))
            complain(a, "maps a frame writable that is not", table.v, e, t);
        return;
    }
    if (e & UPPER_DISALLOWED)
        complain(a, "link with wrong bits", table.v, e, e & ~UPPER_DISALLOWED);
    if (!f || mm_table_level(f) != level - 1)
        complain(a, "links a frame that is no table of the level below", table.v, e,
                 f ? READ_ONCE(f->type) : 0);
}

static void table_account(struct audit *a, const struct frame *f, u32 level)
{
    const pte_t *table = frame_to_virt(f);
    for (u32 i = 0; i < PTES_PER_TABLE; i++) {
        pte_t e = table[i];
        if (!(e & PTE_PRESENT) || (level == 4 && mm_slot_is_hypervisor(i)))
            continue;
        if (!a->entries_checked)
            entry_check(a, frame_mfn(f), level, e);
        if (frame_of_mfn(pte_mfn(e)))
            expect(a, pte_mfn(e), level > 1 || (e & PTE_WRITE) ? 1 : 0);
    }
}

static void vcpu_account(struct audit *a, const struct vcpu *v)
{
    if (!mm_mfn_is_none(v->arch.kernel_l4))
        expect(a, v->arch.kernel_l4, 1);
    if (!mm_mfn_is_none(v->arch.user_l4))
        expect(a, v->arch.user_l4, 1);
    for (u32 i = 0; i < GDT_RESERVED_PAGE; i++)
        if (!mm_mfn_is_none(v->arch.gdt_frames[i]))
            expect(a, v->arch.gdt_frames[i], 1);
    for (u64 m = v->arch.ldt_mapped; m; m &= m - 1)
        expect(
            a,
            perdomain_mapped(v, (u32)(PERDOMAIN_LDT_OFFSET / PAGE_SIZE) + (u32)__builtin_ctzll(m)),
            1);
}

/* How many pages windows of LDTs show. */
static void ldt_pages_check(struct audit *a)
{
    struct vcpu *v;
    u32 pages = 0;
    for_each_vcpu (a->d, v)
        pages += (u32)__builtin_popcountll(v->arch.ldt_mapped);
    if (pages != a->d->arch.ldt_pages)
        complain(a, "(no frame) pages of LDTs", 0, a->d->arch.ldt_pages, pages);
}

static bool is_page_table(u64 type)
{
    u64 t = type & FRAME_TYPE_MASK;
    return t >= FRAME_TYPE_L1 && t <= FRAME_TYPE_L4;
}

/* --- what the frame table says */

static void frame_check(struct audit *a, const struct frame *f)
{
    u64 mfn = frame_mfn(f).v, t = READ_ONCE(f->type), count = READ_ONCE(f->count);
    struct expectation x = a->window[mfn - a->first];
    u64 uses = t & FRAME_LISTED ? 0 : t & FRAME_TYPE_COUNT;
    u32 kept = !!(t & FRAME_PINNED) + !!(t & FRAME_CARRIED);
    x.uses += kept;
    x.references += kept + !!(t & FRAME_LISTED) + !!(count & FRAME_ALLOCATED);

    if (is_page_table(t) && !(t & FRAME_VALIDATED))
        complain(a, "page table that was not validated", mfn, t, t | FRAME_VALIDATED);
    if (is_page_table(t) || (t & FRAME_TYPE_MASK) == FRAME_TYPE_DESC) {
        if (uses != x.uses)
            complain(a, "uses as its type", mfn, t, x.uses);
    } else if ((t & FRAME_TYPE_MASK) == FRAME_TYPE_WRITABLE) {
        if (uses < x.uses)
            complain(a, "uses as writable", mfn, t, x.uses);
    } else if (x.uses) {
        complain(a, "uses, but no type", mfn, t, x.uses);
    }
    if (kept && !is_page_table(t))
        complain(a, "pinned or carried, but no page table", mfn, t, 0);
    if ((count & FRAME_REFS) < x.references)
        complain(a, "references", mfn, count, x.references);
}

/* The smallest MFN of d's that is at least from; ~0 if there is none. */
static u64 next_mfn(struct domain *d, u64 from)
{
    u64 best = ~0ull;
    for (struct frame *f = frame_list_first(d); f; f = frame_list_next(f)) {
        u64 mfn = frame_mfn(f).v;
        if (mfn >= from && mfn < best)
            best = mfn;
    }
    return best;
}

static void window_audit(struct audit *a)
{
    struct domain *d = a->d;
    struct vcpu *v;
    memset(a->window, 0, a->window_frames * sizeof(a->window[0]));
    for (struct frame *f = frame_list_first(d); f; f = frame_list_next(f)) {
        u64 t = READ_ONCE(f->type);
        if (is_page_table(t) && (t & FRAME_VALIDATED))
            table_account(a, f, (u32)(t >> FRAME_TYPE_SHIFT));
    }
    for_each_vcpu (d, v)
        vcpu_account(a, v);
    for (struct frame *f = frame_list_first(d); f; f = frame_list_next(f))
        if (frame_mfn(f).v >= a->first && frame_mfn(f).v - a->first < a->window_frames)
            frame_check(a, f);
    a->entries_checked = true;
}

int pv_mm_audit(struct domain *d, void (*report)(const char *line))
{
    struct audit a = {.d = d, .report = report};
    u32 order = 0;
    while (order < WINDOW_ORDER_MAX && PAGE_SIZE << order < arch_ram_end().v * sizeof(a.window[0]))
        order++;
    while (!(a.window = pages_alloc(order)))
        if (!order--)
            return -ENOMEM;
    a.window_frames = (PAGE_SIZE << order) / sizeof(a.window[0]);
    mm_lock(d);
    ldt_pages_check(&a);
    spin_lock(&d->frame_lock);
    for (a.first = next_mfn(d, 0); a.first != ~0ull;
         a.first = next_mfn(d, a.first + a.window_frames))
        window_audit(&a);
    spin_unlock(&d->frame_lock);
    mm_unlock(d);
    pages_free(a.window, order);
    return a.faults;
}
