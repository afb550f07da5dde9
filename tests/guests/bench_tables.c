/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the benchmark kernel that changes, pins and flushes page tables. */
#include "bench.h"

static u8 pages[4][PAGE_SIZE] PAGE_ALIGNED;
static u64 table[512] PAGE_ALIGNED;
/* A tree of its own: one table of levels 4 to 2 each, and some full ones of level 1. */
#define TREE_LEAVES 8
static u64 tree[3 + TREE_LEAVES][512] PAGE_ALIGNED;

static void mmu_updates(u64 at, const u64 entries[2])
{
    struct mmu_update updates[8];
    MEASURE("mmu_update_1", 200, {
        updates[0] = (struct mmu_update){.ptr = at, .val = entries[i & 1]};
        bench_failed |= HYPERCALL4(mmu_update, updates, 1, 0, DOMID_SELF);
    });
    MEASURE("mmu_update_8", 100, {
        for (u32 k = 0; k < COUNT(updates); k++)
            updates[k] = (struct mmu_update){.ptr = at, .val = entries[k & 1]};
        bench_failed |= HYPERCALL4(mmu_update, updates, COUNT(updates), 0, DOMID_SELF);
    });
    MEASURE("mmu_update_8_flags", 100, {
        for (u32 k = 0; k < COUNT(updates); k++)
            updates[k] = (struct mmu_update){.ptr = at, .val = entries[0] ^ (k & 1 ? PTE_D : 0)};
        bench_failed |= HYPERCALL4(mmu_update, updates, COUNT(updates), 0, DOMID_SELF);
    });
    MEASURE("mmu_update_8_same", 100, {
        for (u32 k = 0; k < COUNT(updates); k++)
            updates[k] = (struct mmu_update){.ptr = at, .val = entries[0]};
        bench_failed |= HYPERCALL4(mmu_update, updates, COUNT(updates), 0, DOMID_SELF);
    });
    MEASURE("mmu_update_8_fill", 100, {
        for (u32 k = 0; k < COUNT(updates); k++)
            updates[k] = (struct mmu_update){.ptr = at, .val = k & 1 ? entries[0] : 0};
        bench_failed |= HYPERCALL4(mmu_update, updates, COUNT(updates), 0, DOMID_SELF);
    });
    MEASURE("mmu_update_8_absent", 100, {
        for (u32 k = 0; k < COUNT(updates); k++)
            updates[k] = (struct mmu_update){.ptr = at, .val = 0};
        bench_failed |= HYPERCALL4(mmu_update, updates, COUNT(updates), 0, DOMID_SELF);
    });
}

static void single(void)
{
    u64 entries[2] = {pte_of(pages[1], PTE_ORDINARY), pte_of(pages[2], PTE_ORDINARY)};
    mmu_updates(entry_address(pages[0], 1), entries);
    MEASURE("update_va_mapping_invlpg", 200, bench_failed |= map(pages[0], entries[i & 1]));
    MEASURE("update_va_mapping_flags", 200,
            bench_failed |= map(pages[0], entries[0] ^ (i & 1 ? PTE_D : 0)));
    volatile u64 *entry = table_entry(pages[0], 1);
    MEASURE("write_to_page_table", 200, *entry = entries[i & 1]);
    MEASURE("mmuext_invlpg_local", 200,
            bench_failed |= mmuext(MMUEXT_INVLPG_LOCAL, (u64)pages[0], 0));
    MEASURE("mmuext_tlb_flush_local", 200, bench_failed |= mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0));
    map(pages[0], pte_of(pages[0], PTE_ORDINARY));
}

static void pins(void)
{
    for (u32 i = 0; i < COUNT(table); i++)
        table[i] = pte_of(pages[3], PTE_ORDINARY & ~PTE_W);
    map(table, pte_of(table, PTE_ORDINARY & ~PTE_W));
    MEASURE("pin_unpin_l1_full", 20, {
        bench_failed |= mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0);
        bench_failed |= mmuext(MMUEXT_UNPIN_TABLE, mfn_of(table), 0);
    });
    map(table, pte_of(table, PTE_ORDINARY));
    memset(table, 0, sizeof(table));
    map(table, pte_of(table, PTE_ORDINARY & ~PTE_W));
    MEASURE("pin_unpin_l1_empty", 20, {
        bench_failed |= mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(table), 0);
        bench_failed |= mmuext(MMUEXT_UNPIN_TABLE, mfn_of(table), 0);
    });
    map(table, pte_of(table, PTE_ORDINARY));
}

/* Like the address space of a new process, pinned, and unpinned when it ends. */
static void pin_tree(void)
{
    for (u32 level = 0; level < 2; level++)
        tree[level][0] = pte_of(tree[level + 1], PTE_ORDINARY);
    for (u32 leaf = 0; leaf < TREE_LEAVES; leaf++) {
        tree[2][leaf] = pte_of(tree[3 + leaf], PTE_ORDINARY);
        for (u32 i = 0; i < COUNT(table); i++)
            tree[3 + leaf][i] = pte_of(pages[i % COUNT(pages)], PTE_ORDINARY);
    }
    for (u32 i = 0; i < COUNT(tree); i++)
        map(tree[i], pte_of(tree[i], PTE_ORDINARY & ~PTE_W));
    MEASURE("pin_unpin_four_levels", 10, {
        bench_failed |= mmuext(MMUEXT_PIN_L4_TABLE, mfn_of(tree[0]), 0);
        bench_failed |= mmuext(MMUEXT_UNPIN_TABLE, mfn_of(tree[0]), 0);
    });
}

void bench_tables(void)
{
    single();
    pins();
    pin_tree();
}
