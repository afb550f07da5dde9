/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the benchmark kernel that grants pages to itself, maps them and copies between them.
 */
#include "abi/grant_table.h"
#include "bench.h"

#define REFERENCE GNTTAB_NR_RESERVED_ENTRIES

static u8 granted[PAGE_SIZE] PAGE_ALIGNED, target[PAGE_SIZE] PAGE_ALIGNED;
static u8 grant_page[PAGE_SIZE] PAGE_ALIGNED;

static void grant_prepare(void)
{
    u64 frame = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};
    setup.frame_list.va = (u64)&frame;
    bench_failed |= HYPERCALL3(grant_table_op, GNTTABOP_setup_table, &setup, 1) | setup.status;
    bench_failed |= map(grant_page, frame * PAGE_SIZE | PTE_ORDINARY);
    volatile struct grant_entry_v1 *entry =
        (volatile struct grant_entry_v1 *)grant_page + REFERENCE;
    entry->domid = 0;
    entry->frame = (u32)mfn_of(granted);
    entry->flags = GTF_permit_access;
}

static void copy(const char *name, u16 bytes)
{
    struct gnttab_copy c = {.len = bytes, .flags = GNTCOPY_source_gref};
    c.source.domid = 0;
    c.source.u.ref = REFERENCE;
    c.dest.domid = DOMID_SELF;
    c.dest.u.gmfn = mfn_of(target);
    MEASURE(name, 100, {
        bench_failed |= HYPERCALL3(grant_table_op, GNTTABOP_copy, &c, 1);
        bench_failed |= c.status;
    });
}

void bench_grants(void)
{
    grant_prepare();
    map(target, 0);
    MEASURE("grant_map_unmap", 100, {
        struct gnttab_map_grant_ref m = {
            .host_addr = (u64)target, .flags = GNTMAP_host_map, .ref = REFERENCE, .dom = 0};
        bench_failed |= HYPERCALL3(grant_table_op, GNTTABOP_map_grant_ref, &m, 1) | m.status;
        struct gnttab_unmap_grant_ref u = {.host_addr = (u64)target, .handle = m.handle};
        bench_failed |= HYPERCALL3(grant_table_op, GNTTABOP_unmap_grant_ref, &u, 1) | u.status;
    });
    map(target, pte_of(target, PTE_ORDINARY));
    copy("grant_copy_64", 64);
    copy("grant_copy_4096", 4096);
}
