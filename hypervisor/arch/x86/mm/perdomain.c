/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The per-domain slot of every PV address space: for each vCPU 32 pages, its GDT and its LDT as the
 * processor sees them. One level-3 table for a domain, with the tables below it; all are made when
 * the domain is, so that mapping a page cannot fail. Called by pv/descriptors.c and the context
 * switch.
 */
#include "core/heap.h"
#include "errno.h"
#include "x86/page.h"
#include "x86/pv_mm.h"

/* Links in the tables: nothing here is for the guest itself. */
#define LINK_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

#define VCPU_PAGES      (u32)(BIT(PERDOMAIN_VCPU_SHIFT) / PAGE_SIZE)
#define VCPUS_PER_TABLE (PTES_PER_TABLE / VCPU_PAGES)

/* One level-2 table is enough for all vCPUs that there can be. */
STATIC_ASSERT(NR_DOMAIN_VCPUS_MAX <= PTES_PER_TABLE * VCPUS_PER_TABLE);

/*
 * Stands where a guest gave no GDT page: selectors of it are null descriptors, and loading one is a
 * general protection fault as it should be, not a page fault. Made with the first domain.
 */
static void *zero_page;

static pte_t *level2(const struct domain *d)
{
    return mfn_to_virt(pte_mfn(d->arch.perdomain_l3[0]));
}

static pte_t *entry_of(const struct vcpu *v, u32 page)
{
    pte_t *table = mfn_to_virt(pte_mfn(level2(v->domain)[v->id / VCPUS_PER_TABLE]));
    return &table[v->id % VCPUS_PER_TABLE * VCPU_PAGES + page];
}

static pte_t entry_empty(u32 page)
{
    if (page >= GDT_RESERVED_PAGE)
        return 0;
    return pte_make(virt_to_mfn(zero_page), PAGE_HYPERVISOR_RO & ~PTE_GLOBAL);
}

/* A new table, linked at *entry. */
static int table_add(pte_t *entry)
{
    void *table = page_alloc();
    if (!table)
        return -ENOMEM;
    *entry = pte_make(virt_to_mfn(table), LINK_FLAGS);
    return 0;
}

static int tables_make(struct domain *d)
{
    int error = table_add(&d->arch.perdomain_l3[0]);
    for (u32 i = 0; !error && i < DIV_ROUND_UP(d->max_vcpus, VCPUS_PER_TABLE); i++) {
        pte_t *link = &level2(d)[i];
        error = table_add(link);
        pte_t *table = error ? NULL : mfn_to_virt(pte_mfn(*link));
        for (u32 n = 0; table && n < PTES_PER_TABLE; n++)
            table[n] = entry_empty(n % VCPU_PAGES);
    }
    return error;
}

int perdomain_create(struct domain *d)
{
    if (!zero_page && !(zero_page = page_alloc()))
        return -ENOMEM;
    d->arch.perdomain_l3 = page_alloc();
    if (!d->arch.perdomain_l3)
        return -ENOMEM;
    d->arch.perdomain_l3_mfn = virt_to_mfn(d->arch.perdomain_l3);
    int error = tables_make(d);
    if (error)
        perdomain_destroy(d);
    return error;
}

void perdomain_destroy(struct domain *d)
{
    pte_t *l3 = d->arch.perdomain_l3;
    if (!l3)
        return;
    if (l3[0]) {
        pte_t *l2 = level2(d);
        for (u32 i = 0; i < PTES_PER_TABLE && l2[i]; i++)
            page_free(mfn_to_virt(pte_mfn(l2[i])));
        page_free(l2);
    }
    page_free(l3);
    d->arch.perdomain_l3 = NULL;
}

void perdomain_map(struct vcpu *v, u32 page, mfn_t mfn, u64 flags)
{
    pte_t e = mfn_is_invalid(mfn) ? entry_empty(page) : pte_make(mfn, flags & ~PTE_GLOBAL);
    WRITE_ONCE(*entry_of(v, page), e);
}

mfn_t perdomain_mapped(const struct vcpu *v, u32 page)
{
    pte_t e = READ_ONCE(*entry_of(v, page));
    return e == 0 || e == entry_empty(page) ? INVALID_MFN : pte_mfn(e);
}
