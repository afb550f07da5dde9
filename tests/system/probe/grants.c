/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's group grant_table_op. No grant is made: the kernel owns its table. */
#include "abi/grant_table.h"
#include "probe.h"

#define GRANT(cmd, count, ...) grant((cmd), (count), &(__VA_ARGS__), sizeof(__VA_ARGS__))
#define NO_REF                 0x00ffffffu

static void *page;

static long grant(uint64_t cmd, uint64_t count, const void *argument, size_t size)
{
    memcpy(page, argument, size);
    return hypercall(__HYPERVISOR_grant_table_op, cmd, address(page), count, 0, 0);
}

static void grant_queries(void)
{
    static const domid_t ids[] = {DOMID_SELF, 0, DOMID_NONE, DOMID_IO, DOMID_XEN, DOMID_INVALID};
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        const struct gnttab_query_size *size = page;
        long value = GRANT(GNTTABOP_query_size, 1, (struct gnttab_query_size){.dom = ids[i]});
        line("query_size(%#x) = %ld, status %d, %d, at most %u", ids[i], value, size->status,
             size->nr_frames > 0, size->max_nr_frames);
        value = GRANT(GNTTABOP_get_version, 1, (struct gnttab_get_version){.dom = ids[i]});
        line("get_version(%#x) = %ld: %u", ids[i], value,
             ((struct gnttab_get_version *)page)->version);
        value = GRANT(GNTTABOP_setup_table, 1,
                      (struct gnttab_setup_table){.dom = ids[i], .nr_frames = 0});
        line("setup_table(%#x) = %ld, status %d", ids[i], value,
             ((struct gnttab_setup_table *)page)->status);
        value =
            GRANT(GNTTABOP_get_status_frames, 1, (struct gnttab_get_status_frames){.dom = ids[i]});
        line("get_status_frames(%#x) = %ld, status %d", ids[i], value,
             ((struct gnttab_get_status_frames *)page)->status);
        value = GRANT(GNTTABOP_dump_table, 1, (struct gnttab_dump_table){.dom = DOMID_NONE});
        line("dump_table = %ld", value);
    }
    static const uint32_t frames[] = {65, 100000, ~0u};
    for (int i = 0; i < 3; i++) {
        long value = GRANT(GNTTABOP_setup_table, 1,
                           (struct gnttab_setup_table){.dom = DOMID_SELF, .nr_frames = frames[i]});
        line("setup_table(%u frames) = %ld, status %d", frames[i], value,
             ((struct gnttab_setup_table *)page)->status);
        value = GRANT(GNTTABOP_get_status_frames, 1,
                      (struct gnttab_get_status_frames){.dom = DOMID_SELF, .nr_frames = frames[i]});
        line("get_status_frames(%u frames) = %ld, status %d", frames[i], value,
             ((struct gnttab_get_status_frames *)page)->status);
    }
    long value = GRANT(GNTTABOP_setup_table, 1,
                       (struct gnttab_setup_table){
                           .dom = DOMID_SELF, .nr_frames = 1, .frame_list.va = BAD_UNMAPPED});
    line("setup_table(unmapped list) = %ld, status %d", value,
         ((struct gnttab_setup_table *)page)->status);
    static const uint32_t versions[] = {0, 3, ~0u};
    for (int i = 0; i < 3; i++)
        line("set_version(%u) = %ld", versions[i],
             GRANT(GNTTABOP_set_version, 1, (struct gnttab_set_version){.version = versions[i]}));
}

static void grant_maps(void)
{
    static const struct gnttab_map_grant_ref maps[] = {
        {.flags = GNTMAP_host_map, .ref = 1, .dom = DOMID_NONE},
        {.flags = GNTMAP_host_map, .ref = 1, .dom = DOMID_IO},
        {.flags = GNTMAP_host_map, .ref = 1, .dom = DOMID_XEN},
        {.flags = 0, .ref = 1, .dom = 0},
        {.flags = GNTMAP_application_map, .ref = 1, .dom = 0},
        {.flags = GNTMAP_readonly, .ref = 1, .dom = 0},
        {.flags = GNTMAP_host_map, .ref = NO_REF, .dom = 0},
        {.flags = GNTMAP_host_map, .ref = ~0u, .dom = 0},
        {.flags = GNTMAP_host_map, .ref = 100, .dom = 0},
        {.flags = GNTMAP_host_map | GNTMAP_readonly, .ref = 0, .dom = 0},
        {.flags = GNTMAP_device_map, .ref = 100, .dom = 0},
    };
    for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        long value = grant(GNTTABOP_map_grant_ref, 1, &maps[i], sizeof(maps[i]));
        line("map %u = %ld, status %d", i, value, ((struct gnttab_map_grant_ref *)page)->status);
    }
    static const uint32_t handles[] = {0, 1, 1000, ~0u};
    for (int i = 0; i < 4; i++) {
        long value = GRANT(GNTTABOP_unmap_grant_ref, 1,
                           (struct gnttab_unmap_grant_ref){.handle = handles[i]});
        line("unmap(%u) = %ld, status %d", handles[i], value,
             ((struct gnttab_unmap_grant_ref *)page)->status);
        value = GRANT(GNTTABOP_unmap_and_replace, 1,
                      (struct gnttab_unmap_and_replace){.handle = handles[i]});
        line("unmap_and_replace(%u) = %ld, status %d", handles[i], value,
             ((struct gnttab_unmap_and_replace *)page)->status);
    }
}

static void grant_copies(void)
{
    static const struct gnttab_copy copies[] = {
        {.source = {.domid = DOMID_SELF}, .dest = {.domid = DOMID_SELF}, .len = 4097},
        {.source = {.domid = DOMID_SELF, .offset = 4000},
         .dest = {.domid = DOMID_SELF},
         .len = 100},
        {.source = {.domid = DOMID_SELF}, .dest = {.domid = DOMID_SELF, .offset = 4096}, .len = 1},
        {.source = {.domid = 0}, .dest = {.domid = DOMID_SELF}, .len = 1},
        {.source = {.domid = DOMID_SELF}, .dest = {.domid = 0}, .len = 1},
        {.source = {.domid = DOMID_NONE}, .dest = {.domid = DOMID_SELF}, .len = 1},
        {.source = {.domid = DOMID_NONE, .u.ref = 1},
         .dest = {.domid = DOMID_SELF},
         .len = 1,
         .flags = GNTCOPY_source_gref},
        {.source = {.domid = 0, .u.ref = NO_REF},
         .dest = {.domid = DOMID_SELF},
         .len = 1,
         .flags = GNTCOPY_source_gref},
        {.source = {.domid = 0, .u.ref = 100},
         .dest = {.domid = DOMID_SELF},
         .len = 1,
         .flags = GNTCOPY_source_gref},
        {.source = {.domid = DOMID_SELF},
         .dest = {.domid = 0, .u.ref = 100},
         .len = 1,
         .flags = GNTCOPY_dest_gref},
        {.source = {.domid = DOMID_SELF, .u.gmfn = 0xfffffffff},
         .dest = {.domid = DOMID_SELF, .u.gmfn = 0xfffffffff},
         .len = 1},
        {.source = {.domid = DOMID_SELF}, .dest = {.domid = DOMID_SELF}, .len = 1, .flags = 0x8000},
        {.source = {.domid = DOMID_XEN, .u.ref = 1},
         .dest = {.domid = DOMID_SELF},
         .len = 1,
         .flags = GNTCOPY_source_gref},
    };
    for (unsigned i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        long value = grant(GNTTABOP_copy, 1, &copies[i], sizeof(copies[i]));
        line("copy %u = %ld, status %d", i, value, ((struct gnttab_copy *)page)->status);
    }
}

void probe_grant(void)
{
    group("grant");
    page = page_new();
    for (uint32_t cmd = 0; cmd <= 14; cmd++) {
        static const uint64_t bad[] = {BAD_UNMAPPED, BAD_NONCANONICAL, BAD_HYPERVISOR};
        for (int i = 0; i < 3; i++)
            line("command %u(bad address %d) = %ld", cmd, i,
                 hypercall(__HYPERVISOR_grant_table_op, cmd, bad[i], 1, 0, 0));
        memset(page, 0, 256);
        line("command %u(none) = %ld", cmd,
             hypercall(__HYPERVISOR_grant_table_op, cmd, BAD_UNMAPPED, 0, 0, 0));
        line("command %u(2^31) = %ld", cmd,
             hypercall(__HYPERVISOR_grant_table_op, cmd, address(page), 1u << 31, 0, 0));
        line("command %u(2^31 - 1) = %ld", cmd,
             hypercall(__HYPERVISOR_grant_table_op, cmd, BAD_UNMAPPED, (1u << 31) - 1, 0, 0));
    }
    result("command -1", hypercall(__HYPERVISOR_grant_table_op, ~0u, address(page), 1, 0, 0));
    grant_queries();
    grant_maps();
    grant_copies();
    static const struct gnttab_transfer transfers[] = {
        {.mfn = 0xfffffffff, .domid = 0, .ref = 1},
        {.mfn = 0, .domid = DOMID_NONE, .ref = 1},
    };
    for (int i = 0; i < 2; i++) {
        long value = grant(GNTTABOP_transfer, 1, &transfers[i], sizeof(transfers[i]));
        line("transfer %d = %ld, status %d", i, value, ((struct gnttab_transfer *)page)->status);
    }
    static const struct gnttab_swap_grant_ref swaps[] = {
        {NO_REF, 1, 0}, {1, ~0u, 0}, {100, 100, 0}, {100, 101, 0}, {101, 100, 0}};
    for (int i = 0; i < 5; i++) {
        long value = grant(GNTTABOP_swap_grant_ref, 1, &swaps[i], sizeof(swaps[i]));
        line("swap %d = %ld, status %d", i, value, ((struct gnttab_swap_grant_ref *)page)->status);
    }
    static const struct gnttab_cache_flush flushes[] = {
        {.op = GNTTAB_CACHE_CLEAN},
        {.offset = 4000, .length = 97, .op = GNTTAB_CACHE_CLEAN},
        {.length = 1, .op = 4},
        {.length = 1, .op = GNTTAB_CACHE_SOURCE_GREF | GNTTAB_CACHE_CLEAN},
        {.a.dev_bus_addr = 0xfffffffff000, .length = 1, .op = GNTTAB_CACHE_CLEAN},
    };
    for (int i = 0; i < 5; i++)
        line("cache_flush %d = %ld", i,
             grant(GNTTABOP_cache_flush, 1, &flushes[i], sizeof(flushes[i])));
}
