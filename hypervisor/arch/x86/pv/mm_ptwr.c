/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes to page tables by ordinary instructions. A PV guest's tables are mapped read-only for it,
 * so the write faults; if it hits a level-1 table of its own, it is done here as an update of that
 * entry, checked like any other. Called from the page-fault handler.
 */
#include "core/softirq.h"
#include "mm_private.h"
#include "x86/decode.h"
#include "x86/pv.h"

/*
 * How often a write that is to be atomic is tried against the processor's accessed and dirty bits.
 */
#define COMPARE_TRIES 8

/* One instruction's write to part of an entry. */
struct table_write {
    const struct memory_write *write;
    struct frame *table;
    pte_t *slot;
    u32 shift; /* bits from the entry's start to the operand */
    u64 mask;  /* the operand's bits, in place */
    u64 old;   /* the operand as it was found */
    bool stored;
};

/* The entry as the instruction makes it of old. */
static pte_t entry_result(struct table_write *t, pte_t old)
{
    t->old = (old & t->mask) >> t->shift;
    u64 result = memory_write_result(t->write, t->old, &t->stored);
    return (old & ~t->mask) | (result << t->shift & t->mask);
}

/* Checked, written if the entry is still as it was, and the old one's references dropped. -EAGAIN:
 * it is not. */
static int entry_commit(struct mm_work *w, struct table_write *t, pte_t old)
{
    struct domain *d = w->pt_owner;
    pte_t new = entry_result(t, old);
    bool similar = !((old ^ new) & ~L1_FREE_BITS) && mm_l1_bits_allowed(w, new);
    if (!t->stored)
        return 0;
    if ((new &PTE_PRESENT) && similar) {
        new = (new | PTE_USER) & ~PTE_GLOBAL;
    } else if (new &PTE_PRESENT) {
        int error = mm_l1_get(w, &new);
        if (error)
            return error;
    }
    bool done = __atomic_compare_exchange_n(t->slot, &(pte_t){old}, new, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    if (done)
        mm_entry_changed(d, t->slot);
    if (!similar)
        mm_l1_put(d, done ? old : new, done);
    return done ? 0 : -EAGAIN;
}

/* The lock is held: -EINVAL, -EPERM, -EBUSY: refused; -ERESTART. */
static int table_write_do(struct mm_work *w, struct table_write *t)
{
    int error = -EAGAIN;
    if (mm_table_level(t->table) != 1)
        return -EINVAL;
    for (u32 i = 0; error == -EAGAIN && i < COMPARE_TRIES; i++)
        error = entry_commit(w, t, READ_ONCE(*t->slot));
    return error == -EAGAIN ? -EBUSY : error;
}

/*
 * The own level-1 table that va is a read-only mapping of, with a reference; NULL: it is something
 * else.
 */
static struct frame *table_behind(struct vcpu *v, vaddr_t va)
{
    struct domain *d = v->domain;
    struct frame *f = NULL;
    mm_lock(d);
    const pte_t *slot = pv_walk(v, va);
    pte_t e = slot ? READ_ONCE(*slot) : 0;
    if ((e & (PTE_PRESENT | PTE_WRITE)) == PTE_PRESENT)
        f = frame_of_mfn(pte_mfn(e));
    if (f && (mm_table_level(f) != 1 || !frame_get(f, d)))
        f = NULL;
    mm_unlock(d);
    return f;
}

static bool table_write_emulate(struct vcpu *v, struct regs *regs, vaddr_t fault,
                                struct table_write *t, const struct memory_write *m)
{
    struct domain *d = v->domain;
    struct mm_work w;
    u32 offset = (u32)(m->address % sizeof(pte_t));
    /* The write must lie in the page that faulted and within one entry, aligned to its size. */
    if ((m->address ^ fault) & PAGE_MASK || m->bytes > sizeof(pte_t) || offset % m->bytes)
        return false;
    t->write = m;
    t->shift = offset * 8;
    t->mask = bytes_mask(m->bytes) << t->shift;
    t->slot = (pte_t *)frame_to_virt(t->table) + m->address % PAGE_SIZE / sizeof(pte_t);
    mm_work_init(&w, d, d);
    mm_lock(d);
    int error = table_write_do(&w, t);
    mm_unlock(d);
    if (!error) {
        memory_write_finish(regs, m, t->old, t->stored);
        pv_single_step(v, regs);
    }
    /* Not done yet: the guest tries again, once softirqs have run. */
    return !error || error == -ERESTART;
}

bool pv_emulate_page_table_write(struct vcpu *v, struct regs *regs, vaddr_t address)
{
    struct table_write t = {.table = table_behind(v, address)};
    struct memory_write m;
    if (!t.table)
        return false;
    int error = pv_decode_memory_write(v, regs, &m);
    /* -EFAULT: its own page fault is on its way to the guest. */
    bool done = error == -EFAULT;
    if (!error)
        done = table_write_emulate(v, regs, address, &t, &m);
    frame_put(t.table);
    return done;
}
