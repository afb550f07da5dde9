/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks through a PV guest's page tables, by the directmap. Called for entries to be updated by
 * virtual address, and by those who must know what an address of the guest is mapped to.
 */
#include "mm_private.h"

/*
 * The guest's part of every address space; the hypervisor's slots are never walked for a guest. In
 * one comparison: it reaches from the hypervisor's end over the top to the end of the lower half.
 */
static inline bool vaddr_is_guest(vaddr_t va)
{
    STATIC_ASSERT(LAYOUT_START == ~0ull << (VADDR_BITS - 1));
    return va - LAYOUT_END < BIT(VADDR_BITS - 1) - LAYOUT_END;
}

pte_t *pv_walk(struct vcpu *v, vaddr_t va)
{
    mfn_t mfn = v->arch.kernel_mode ? v->arch.kernel_l4 : v->arch.user_l4;
    if (unlikely(mm_mfn_is_none(mfn) || !vaddr_is_guest(va)))
        return NULL;
    pte_t *entries = mfn_to_virt(mfn);
#pragma GCC unroll 3
    for (u32 level = 4; level > 1; level--) {
        pte_t e = entries[pte_index(va, level)];
        if (unlikely(!(e & PTE_PRESENT)))
            return NULL;
        entries = mfn_to_virt(pte_mfn(e));
    }
    return entries + pte_index(va, 1);
}

pte_t pv_translate(mfn_t l4, vaddr_t va, u32 *level)
{
    mfn_t mfn = l4;
    if (mm_mfn_is_none(mfn) || !vaddr_is_canonical(va))
        return 0;
    for (u32 l = 4;; l--) {
        /* Without the lock a table may have become data meanwhile: only what is RAM is read. */
        if (!frame_of_mfn(mfn))
            return 0;
        pte_t e = READ_ONCE(((pte_t *)mfn_to_virt(mfn))[pte_index(va, l)]);
        if (!(e & PTE_PRESENT))
            return 0;
        if (l == 1 || ((e & PTE_PSE) && l < 4)) {
            *level = l;
            return e;
        }
        mfn = pte_mfn(e);
    }
}
