/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Level-1 entries that grants put into a PV domain's page tables: the one way to map another
 * domain's frame without control over that domain. Called by the grant tables, which have checked
 * the grant and hold the frame.
 *
 * Such an entry holds references of its own like any other, besides those that the caller keeps for
 * the grant: so nothing goes wrong if the guest overwrites it, or its table goes, before the grant
 * is unmapped.
 */
#include "abi/grant_table.h"
#include "arch/vcpu.h"
#include "lib/print.h"
#include "mm_private.h"

#define GNTMAP_GUEST_AVAIL_SHIFT                                                                   \
    16 /* GNTMAP_guest_avail_mask's low bits are the entry's AVAIL bits */
#define PTE_AVAIL_SHIFT 9

/* What the entry for a grant has besides the frame. */
static u64 grant_entry_flags(u32 flags)
{
    u64 e = PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
    if (!(flags & GNTMAP_readonly))
        e |= PTE_WRITE;
    if (cpu_features.nx)
        e |= PTE_NX;
    return e | ((u64)(flags >> GNTMAP_GUEST_AVAIL_SHIFT) << PTE_AVAIL_SHIFT & PTE_AVAIL);
}

static noinline pte_t *entry_at_machine_address(struct domain *d, u64 addr, struct frame **table)
{
    struct frame *f = frame_of_mfn(mfn_of_paddr(addr));
    if (addr % sizeof(pte_t) || !f || !frame_get(f, d))
        return NULL;
    if (mm_table_level(f) != 1) {
        frame_put(f);
        return NULL;
    }
    *table = f;
    return (pte_t *)frame_to_virt(f) + addr % PAGE_SIZE / sizeof(pte_t);
}

/*
 * A level-1 entry of d, by its machine address or by a virtual one; or NULL. *table: its table,
 * with a reference; NULL if it is in use, which is enough while the lock is held, as it is.
 */
static inline pte_t *entry_find(struct domain *d, u64 addr, bool by_machine_address,
                                struct frame **table)
{
    *table = NULL;
    if (unlikely(by_machine_address))
        return entry_at_machine_address(d, addr, table);
    /* Virtual addresses are those of the address space that is loaded. */
    struct vcpu *v = current;
    return likely(d == v->domain) ? pv_walk(v, addr) : NULL;
}

static inline void entry_release(struct frame *table)
{
    if (table)
        frame_put(table);
}

/* References for an entry. False: the caller's own do not hold, or the count is at its end. */
static inline bool entry_reference(struct domain *d, struct frame *f, bool writable)
{
    u32 owner = READ_ONCE(f->owner);
    if (!owner || !frame_get_from(f, owner))
        return false;
    if (!writable)
        return true;
    if (unlikely(frame_type_get_writable(f))) {
        frame_put(f);
        return false;
    }
    if (owner != frame_owner_name(d))
        mm_frame_mark(f, FRAME_FOREIGN);
    return true;
}

static inline void entry_store(struct domain *d, pte_t *slot, pte_t new)
{
    pte_t old = __atomic_exchange_n(slot, new, __ATOMIC_SEQ_CST);
    mm_entry_changed(d, slot);
    mm_l1_put(d, old, true);
}

static noinline int entry_refuse(const struct domain *d, u64 addr, const char *why)
{
    log_guest(LOG_WARNING, "d%u: the entry at %#lx %s", d->id, (unsigned long)addr, why);
    return GNTST_general_error;
}

int arch_grant_map(struct domain *d, u64 addr, mfn_t frame, u32 flags)
{
    struct frame *table, *f = frame_of_mfn(frame);
    int status = GNTST_general_error;
    mm_lock(d);
    pte_t *slot = entry_find(d, addr, flags & GNTMAP_contains_pte, &table);
    if (slot) {
        /* Device memory has no references; the caller has looked at the permissions. */
        if (!f || entry_reference(d, f, !(flags & GNTMAP_readonly))) {
            entry_store(d, slot, pte_make(frame, grant_entry_flags(flags)));
            status = GNTST_okay;
        }
        entry_release(table);
    }
    mm_unlock(d);
    return likely(status == GNTST_okay) ? status : entry_refuse(d, addr, "cannot map a grant");
}

/* True if *slot is what arch_grant_map() made, but for bits that the guest may change. */
static bool entry_matches(pte_t e, mfn_t frame, u32 flags)
{
    pte_t made = pte_make(frame, grant_entry_flags(flags));
    return !((e ^ made) & (PTE_ADDR | PTE_PRESENT | PTE_WRITE));
}

/* What replaces the entry at replaced: nothing, or that at new_addr, which is taken out there. */
static int replacement_take(struct domain *d, u64 new_addr, const pte_t *replaced, pte_t *value)
{
    struct frame *table;
    *value = 0;
    if (!new_addr)
        return GNTST_okay;
    pte_t *slot = entry_find(d, new_addr, false, &table);
    /* Two addresses may share one entry: replaced by itself, it would outlive its grant. */
    if (!slot || slot == replaced)
        return GNTST_general_error;
    *value = __atomic_exchange_n(slot, 0, __ATOMIC_SEQ_CST);
    mm_entry_changed(d, slot);
    entry_release(table);
    return GNTST_okay;
}

int arch_grant_unmap(struct domain *d, u64 addr, u64 new_addr, mfn_t frame, u32 flags)
{
    bool by_machine_address = flags & GNTMAP_contains_pte;
    struct frame *table;
    pte_t value;
    int status = GNTST_general_error;
    /*
     * The replacement is named by a virtual address, and so must be what it replaces: another one.
     */
    if (new_addr && (by_machine_address || !((new_addr ^ addr) & PAGE_MASK)))
        return status;
    mm_lock(d);
    pte_t *slot = entry_find(d, addr, by_machine_address, &table);
    if (slot) {
        if (entry_matches(READ_ONCE(*slot), frame, flags))
            status = replacement_take(d, new_addr, slot, &value);
        if (status == GNTST_okay)
            entry_store(d, slot, value);
        entry_release(table);
    }
    mm_unlock(d);
    if (likely(status == GNTST_okay))
        return status;
    return entry_refuse(d, addr, "is not that of the grant to be unmapped");
}
