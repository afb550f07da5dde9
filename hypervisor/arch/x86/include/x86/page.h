/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page-table entries (AMD APM vol. 2, 5.3-5.4) and the hypervisor's own mappings. */
#ifndef DOMUS_X86_PAGE_H
#define DOMUS_X86_PAGE_H

#include "core/frame.h"
#include "types.h"
#include "x86/layout.h"

typedef u64 pte_t; /* an entry of any level */

#define PTE_PRESENT  BIT(0)
#define PTE_WRITE    BIT(1)
#define PTE_USER     BIT(2)
#define PTE_PWT      BIT(3)
#define PTE_PCD      BIT(4)
#define PTE_ACCESSED BIT(5)
#define PTE_DIRTY    BIT(6)
#define PTE_PSE      BIT(7) /* levels 2, 3 */
#define PTE_PAT      BIT(7) /* level 1 */
#define PTE_GLOBAL   BIT(8)
#define PTE_AVAIL    (7ull << 9)
#define PTE_PSE_PAT  BIT(12) /* levels 2, 3 with PSE */
#define PTE_NX       BIT(63)
#define PTE_ADDR     0x000ffffffffff000ull

#define PTES_PER_TABLE 512u
#define VADDR_BITS     48

static inline mfn_t pte_mfn(pte_t e)
{
    return MFN((e & PTE_ADDR) >> PAGE_SHIFT);
}

static inline pte_t pte_make(mfn_t mfn, u64 flags)
{
    return paddr_of_mfn(mfn) | flags;
}

/* Index of va in the table of that level (1-4). */
static inline u32 pte_index(vaddr_t va, u32 level)
{
    return (u32)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PTES_PER_TABLE - 1);
}

static inline bool vaddr_is_canonical(vaddr_t va)
{
    return (u64)((s64)(va << 16) >> 16) == va;
}

/* True if va belongs to the hypervisor in every address space. */
static inline bool vaddr_is_hypervisor(vaddr_t va)
{
    return va >= LAYOUT_START && va < LAYOUT_END;
}

#define PAGE_HYPERVISOR    (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NX)
#define PAGE_HYPERVISOR_RO (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | PTE_NX)
#define PAGE_HYPERVISOR_RX (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL)
#define PAGE_HYPERVISOR_UC (PAGE_HYPERVISOR | PTE_PCD | PTE_PWT)

/* The top-level table that idle CPUs use, and whose hypervisor slots all others copy. */
extern pte_t *hypervisor_l4;

/* Map device memory (uncached) or tables of the firmware (cached), any alignment; NULL if out of
 * memory, or the processor has no such addresses. Lives until unmapped. */
void *map_device(paddr_t pa, size_t bytes);
void *map_firmware(paddr_t pa, size_t bytes);
void map_remove(void *p, size_t bytes);
/* The frame that an address of the hypervisor's own range maps, INVALID_MFN if none. */
mfn_t paging_lookup(vaddr_t va);

/* Machine-to-physical table. */
#define INVALID_M2P_ENTRY (~0ull)
/* First MFN beyond the table. */
extern u64 m2p_limit;
/* What the domain that owns it calls the frame; its own to set. */
u64 m2p_get(mfn_t mfn);
static inline void m2p_set(mfn_t mfn, u64 pfn)
{
    if (mfn.v < m2p_limit)
        WRITE_ONCE(*m2p_entry(mfn), pfn);
}

#endif
