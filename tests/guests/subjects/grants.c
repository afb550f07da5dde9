/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grant tables, by what a domain grants to itself: the table's size and versions, mappings of every
 * kind and their ends, copies, transfers, and every way in which each can be wrong.
 */
#define SUBJECT "grants"
#include "subject.h"

#include "abi/grant_table.h"

static struct grant_entry_v1 table[2][PAGE_SIZE / sizeof(struct grant_entry_v1)] PAGE_ALIGNED;
static u8 granted[2][PAGE_SIZE] PAGE_ALIGNED, window[4][PAGE_SIZE] PAGE_ALIGNED;
static u64 window_entry[4];
static domid_t self;

static s64 op(u32 cmd, void *arg, u64 count)
{
    return HYPERCALL3(grant_table_op, cmd, arg, count);
}

/* The caller's number, as the other end of a channel to itself tells it. */
static domid_t own_id(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    HYPERCALL2(event_channel_op, EVTCHNOP_alloc_unbound, &a);
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = a.port};
    HYPERCALL2(event_channel_op, EVTCHNOP_bind_interdomain, &b);
    struct evtchn_status s = {.dom = DOMID_SELF, .port = b.local_port};
    HYPERCALL2(event_channel_op, EVTCHNOP_status, &s);
    return s.u.interdomain.dom;
}

static void tables(void)
{
    u64 frames[64] = {0};
    static const u32 counts[] = {0, 1, 2, 64, 65, ~0u};
    struct gnttab_query_size q = {.dom = DOMID_SELF};
    op(GNTTABOP_query_size, &q, 1);
    SAY("size at first -> %u, status %d", q.nr_frames != 0, q.status);
    for (u32 i = 0; i < COUNT(counts); i++) {
        struct gnttab_setup_table s = {
            .dom = DOMID_SELF, .nr_frames = counts[i], .frame_list.va = (u64)frames};
        s64 result = op(GNTTABOP_setup_table, &s, 1);
        SAY("setup_table(%u) -> %ld, status %d", counts[i], result, s.status);
        op(GNTTABOP_query_size, &q, 1);
        SAY("size then -> %u of %u", q.nr_frames, q.max_nr_frames);
    }
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 2, .frame_list.va = LOW_NONE};
    answer = op(GNTTABOP_setup_table, &s, 1);
    SAY("setup_table without a list -> %ld, status %d", answer, s.status);
    for (u32 i = 0; i < 2; i++)
        SAY("map frame %u -> %ld", i, map(table[i], frames[i] * PAGE_SIZE | PTE_ORDINARY));
    SAY("a frame as a page table -> %ld", mmuext(MMUEXT_PIN_L1_TABLE, frames[0], 0));
    static const u32 versions[] = {0, 1, 3, ~0u};
    for (u32 i = 0; i < COUNT(versions); i++) {
        struct gnttab_set_version v = {.version = versions[i]};
        answer = op(GNTTABOP_set_version, &v, 1);
        SAY("set_version(%u) -> %ld, %u", versions[i], answer, v.version);
    }
}

static void grant(u32 ref, u16 flags, domid_t dom, u64 frame)
{
    table[0][ref].flags = 0;
    table[0][ref].domid = dom;
    table[0][ref].frame = (u32)frame;
    __atomic_store_n(&table[0][ref].flags, flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref last;

static int map_grant(u32 ref, domid_t dom, u32 flags, u64 address)
{
    last = (struct gnttab_map_grant_ref){
        .host_addr = address, .flags = flags, .ref = ref, .dom = dom, .handle = 0x777};
    s64 result = op(GNTTABOP_map_grant_ref, &last, 1);
    return result ? (int)result : last.status;
}

static int unmap(u32 handle, u64 address, u64 bus)
{
    struct gnttab_unmap_grant_ref u = {.host_addr = address, .dev_bus_addr = bus, .handle = handle};
    s64 result = op(GNTTABOP_unmap_grant_ref, &u, 1);
    return result ? (int)result : u.status;
}

static void entry_say(const char *what, u32 ref)
{
    SAY("%s -> grant flags %x", what, table[0][ref].flags);
}

/*
 * How the entry of the first window looks after a mapping with that result. Xen marks what is for
 * the kernel only by bit 52.
 */
static char *entry_text(int status, u32 ref)
{
    u64 entry = *table_entry(window[0], 1);
    if (status || !(entry & PTE_P))
        return text("-");
    bool right = (entry & PTE_ADDRESS) == mfn_of(granted[ref - 8]) * PAGE_SIZE;
    return text("%lx %s", (u64)(entry & ~PTE_ADDRESS & ~(PTE_A | PTE_D | PTE_G | 1ull << 52)),
                right ? "the frame" : "?");
}

static void map_case(u32 ref, domid_t dom, u32 flags)
{
    u64 at = (u64)window[0];
    map(window[0], 0);
    int status = map_grant(ref, dom, flags, at);
    SAY("map %u of %s with %x -> %d, handle %s, bus %u, entry %s", ref,
        dom == self ? "itself" : "nobody", flags, status,
        last.handle == 0x777 ? "untouched" : "given",
        last.dev_bus_addr == mfn_of(granted[0]) * PAGE_SIZE, entry_text(status, ref));
    entry_say("mapped", ref < 512 ? ref : 0);
    if (status)
        return;
    SAY("unmap elsewhere -> %d", unmap(last.handle, at + PAGE_SIZE, 0));
    SAY("unmap -> %d", unmap(last.handle, flags & GNTMAP_host_map ? at : 0,
                             flags & GNTMAP_device_map ? last.dev_bus_addr : 0));
    SAY("unmap again -> %d", unmap(last.handle, at, 0));
    entry_say("unmapped", ref);
}

static void mappings(void)
{
    static const struct {
        u32 ref;
        u32 flags;
    } cases[] = {
        {8, GNTMAP_host_map},
        {8, GNTMAP_host_map | GNTMAP_readonly},
        {8, GNTMAP_host_map | GNTMAP_application_map},
        {8, GNTMAP_host_map | 0xffff0000},
        {8, GNTMAP_host_map | 0xff00},
        {8, GNTMAP_device_map},
        {8, GNTMAP_device_map | GNTMAP_host_map},
        {8, 0},
        {8, GNTMAP_readonly},
        {9, GNTMAP_host_map},
        {9, GNTMAP_host_map | GNTMAP_readonly},
        {10, GNTMAP_host_map},
        {11, GNTMAP_host_map},
        {12, GNTMAP_host_map},
        {13, GNTMAP_host_map},
        {13, GNTMAP_host_map | GNTMAP_readonly},
        {14, GNTMAP_host_map},
        {1023, GNTMAP_host_map},
        {100000, GNTMAP_host_map},
        {~0u, GNTMAP_host_map},
    };
    grant(8, GTF_permit_access, self, mfn_of(granted[0]));
    grant(9, GTF_permit_access | GTF_readonly, self, mfn_of(granted[1]));
    grant(10, GTF_permit_access, 4711, mfn_of(granted[1]));
    grant(11, GTF_permit_access, self, 0xfffffff);
    grant(12, GTF_accept_transfer, self, 0);
    grant(13, GTF_permit_access, self, mfn_of((void *)start_info->pt_base));
    for (u32 i = 0; i < COUNT(cases); i++)
        map_case(cases[i].ref, self, cases[i].flags);
    map_case(8, 4711, GNTMAP_host_map);
}

static void mapping_places(void)
{
    static const u64 places[] = {NONCANONICAL, HYPERVISORS, LOW_NONE, 0x10, 0, 0x900000000000};
    for (u32 i = 0; i < COUNT(places); i++) {
        SAY("map at %lx -> %d", places[i], map_grant(8, self, GNTMAP_host_map, places[i]));
        if (!last.status)
            unmap(last.handle, places[i], 0);
        SAY("map by an entry at %lx -> %d", places[i],
            map_grant(8, self, GNTMAP_host_map | GNTMAP_contains_pte, places[i]));
    }
    entry_say("after all that", 8);
    SAY("map over a mapping of its own -> %d", map_grant(8, self, GNTMAP_host_map, (u64)window[3]));
    SAY("unmap -> %d", unmap(last.handle, (u64)window[3], 0));
    u64 entry = entry_address(window[0], 1);
    SAY("map by an entry -> %d", map_grant(8, self, GNTMAP_host_map | GNTMAP_contains_pte, entry));
    SAY("in place -> %s", entry_text(0, 8));
    SAY("unmap by the entry -> %d", unmap(last.handle, entry, 0));
}

/* Unmapping leaves nothing where the windows were. */
static void windows_restore(void)
{
    for (u32 i = 0; i < COUNT(window); i++)
        map(window[i], window_entry[i]);
}

static void mapped_twice(void)
{
    SAY("twice -> %d", map_grant(8, self, GNTMAP_host_map, (u64)window[0]));
    u32 first = last.handle;
    SAY("twice -> %d", map_grant(8, self, GNTMAP_host_map | GNTMAP_readonly, (u64)window[1]));
    entry_say("mapped twice", 8);
    SAY("the writable one ends -> %d", unmap(first, (u64)window[0], 0));
    entry_say("one left", 8);
    struct gnttab_unmap_and_replace r = {
        .host_addr = (u64)window[1], .new_addr = (u64)window[2], .handle = last.handle};
    map(window[2], window_entry[2]);
    s64 replaced = op(GNTTABOP_unmap_and_replace, &r, 1);
    SAY("unmap and replace -> %ld %d, entries %u %u", replaced, r.status,
        (*table_entry(window[1], 1) & PTE_ADDRESS) == (window_entry[2] & PTE_ADDRESS),
        *table_entry(window[2], 1) != 0);
    entry_say("none left", 8);
    static const u32 handles[] = {0, 1000, 0x777, ~0u};
    for (u32 i = 0; i < COUNT(handles); i++)
        SAY("unmap handle %x -> %d", handles[i], unmap(handles[i], (u64)window[0], 0));
    windows_restore();
}

static struct gnttab_copy_ptr frame_side(u64 mfn, domid_t dom, u16 offset)
{
    return (struct gnttab_copy_ptr){.u.gmfn = mfn, .domid = dom, .offset = offset};
}

static struct gnttab_copy_ptr ref_side(u32 ref, domid_t dom, u16 offset)
{
    return (struct gnttab_copy_ptr){.u.ref = ref, .domid = dom, .offset = offset};
}

static void copy(const char *what, struct gnttab_copy_ptr source, struct gnttab_copy_ptr dest,
                 u16 len, u16 flags)
{
    struct gnttab_copy c = {.source = source, .dest = dest, .len = len, .flags = flags};
    memset(window[0], 0, 16);
    s64 result = op(GNTTABOP_copy, &c, 1);
    SAY("copy %s -> %ld, status %d, %x", what, result, c.status, *(u32 *)window[0]);
}

static void copies(void)
{
    u64 ours = mfn_of(window[0]), source = mfn_of(granted[0]);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        granted[0][i] = (u8)i;
    copy("frame to frame", frame_side(source, DOMID_SELF, 1), frame_side(ours, DOMID_SELF, 0), 4,
         0);
    copy("grant to frame", ref_side(8, self, 2), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("read-only grant to frame", ref_side(9, self, 2), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("frame to read-only grant", frame_side(source, DOMID_SELF, 0), ref_side(9, self, 0), 4,
         GNTCOPY_dest_gref);
    copy("frame to grant", frame_side(source, DOMID_SELF, 0), ref_side(8, self, 8), 4,
         GNTCOPY_dest_gref);
    copy("grant of others", ref_side(10, self, 0), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("no grant", ref_side(14, self, 0), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("grant of no domain", ref_side(8, 4711, 0), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("grant of SELF", ref_side(8, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("frame of its number", frame_side(source, self, 0), frame_side(ours, DOMID_SELF, 0), 4, 0);
    copy("no frame", frame_side(0xfffffff, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 4, 0);
    copy("into a page table", frame_side(source, DOMID_SELF, 0),
         frame_side(mfn_of((void *)start_info->pt_base), DOMID_SELF, 0), 4, 0);
    copy("out of a page table", frame_side(mfn_of((void *)start_info->pt_base), DOMID_SELF, 4092),
         frame_side(ours, DOMID_SELF, 0), 4, 0);
    copy("nothing", frame_side(source, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 0, 0);
    copy("a page", frame_side(source, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 4096, 0);
    copy("beyond the source", frame_side(source, DOMID_SELF, 4094), frame_side(ours, DOMID_SELF, 0),
         4, 0);
    copy("beyond the destination", frame_side(source, DOMID_SELF, 0),
         frame_side(ours, DOMID_SELF, 4094), 4, 0);
    copy("from behind the page", frame_side(source, DOMID_SELF, 4097),
         frame_side(ours, DOMID_SELF, 0), 4, 0);
    copy("too much", frame_side(source, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 4097, 0);
    copy("all ones", frame_side(source, DOMID_SELF, 0xffff), frame_side(ours, DOMID_SELF, 0xffff),
         0xffff, 0);
    copy("other flags", frame_side(source, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 0), 4,
         0xfffc);
    copy("onto itself", frame_side(ours, DOMID_SELF, 0), frame_side(ours, DOMID_SELF, 8), 4, 0);
    entry_say("after copies", 8);
    entry_say("after copies", 9);
}

static void others(void)
{
    struct gnttab_swap_grant_ref s = {.ref_a = 20, .ref_b = 21};
    grant(20, GTF_permit_access, self, 1);
    grant(21, GTF_permit_access | GTF_readonly, self, 2);
    answer = op(GNTTABOP_swap_grant_ref, &s, 1);
    SAY("swap -> %ld %d, %x %x", answer, s.status, table[0][20].frame, table[0][21].frame);
    s.ref_b = 20;
    answer = op(GNTTABOP_swap_grant_ref, &s, 1);
    SAY("swap with itself -> %ld %d", answer, s.status);
    s.ref_b = 100000;
    answer = op(GNTTABOP_swap_grant_ref, &s, 1);
    SAY("swap with none -> %ld %d", answer, s.status);
    struct gnttab_transfer t = {.mfn = mfn_of(granted[1]), .domid = self, .ref = 12};
    answer = op(GNTTABOP_transfer, &t, 1);
    SAY("transfer to itself -> %ld %d", answer, t.status);
    t.domid = 4711;
    answer = op(GNTTABOP_transfer, &t, 1);
    SAY("transfer to nobody -> %ld %d", answer, t.status);
    t.mfn = 0xfffffff;
    answer = op(GNTTABOP_transfer, &t, 1);
    SAY("transfer of no frame -> %ld %d", answer, t.status);
    static const struct gnttab_cache_flush flushes[] = {{.op = 0},
                                                        {.op = 1, .length = 1},
                                                        {.op = 4, .length = 8},
                                                        {.op = 1, .length = 8, .offset = 4095},
                                                        {.op = 3, .length = 4096}};
    for (u32 i = 0; i < COUNT(flushes); i++) {
        struct gnttab_cache_flush f = flushes[i];
        f.a.dev_bus_addr = mfn_of(granted[0]) * PAGE_SIZE;
        SAY("cache_flush %u -> %ld", i, op(GNTTABOP_cache_flush, &f, 1));
        f.a.ref = 8;
        f.op |= GNTTAB_CACHE_SOURCE_GREF;
        SAY("cache_flush %u of a grant -> %ld", i, op(GNTTABOP_cache_flush, &f, 1));
    }
    for (u32 cmd = 0; cmd < 16; cmd++) {
        SAY("op %u, none -> %ld", cmd, op(cmd, (void *)LOW_DATA, 0));
        SAY("op %u, none, nowhere -> %ld", cmd, op(cmd, (void *)NONCANONICAL, 0));
        SAY("op %u nowhere -> %ld", cmd, op(cmd, (void *)NONCANONICAL, 1));
        SAY("op %u of what is not there -> %ld", cmd, op(cmd, (void *)LOW_NONE, 1));
        SAY("op %u, two, the second not there -> %ld", cmd,
            cmd == GNTTABOP_dump_table ? 0 : op(cmd, (void *)(LOW_NONE - 8), 2));
        SAY("op %u, ~0 -> %ld", cmd, op(cmd, (void *)LOW_NONE, 0xffffffff));
    }
    struct gnttab_map_grant_ref three[3];
    for (u32 i = 0; i < 3; i++)
        three[i] = (struct gnttab_map_grant_ref){.host_addr = (u64)window[i],
                                                 .flags = GNTMAP_host_map,
                                                 .ref = i == 1 ? 14 : 8,
                                                 .dom = self};
    answer = op(GNTTABOP_map_grant_ref, three, 3);
    SAY("three at once -> %ld: %d %d %d", answer, three[0].status, three[1].status,
        three[2].status);
    SAY("unmap them -> %d %d", unmap(three[0].handle, (u64)window[0], 0),
        unmap(three[2].handle, (u64)window[2], 0));
    entry_say("at the end", 8);
    windows_restore();
}

static void version2(void)
{
    struct gnttab_set_version v = {.version = 2};
    s64 result = op(GNTTABOP_set_version, &v, 1);
    SAY("set_version(2) -> %ld, %u", result, v.version);
    struct gnttab_get_version g = {.dom = DOMID_SELF};
    answer = op(GNTTABOP_get_version, &g, 1);
    SAY("get_version -> %ld, %u", answer, g.version);
    for (u32 count = 0; count < 3; count++) {
        static const domid_t doms[] = {0, 1, 4711, DOMID_SELF, DOMID_IO};
        for (u32 i = 0; i < COUNT(doms); i++) {
            g = (struct gnttab_get_version){.dom = doms[i], .version = 99};
            answer = op(GNTTABOP_get_version, &g, count);
            SAY("get_version of %x, count %u -> %ld, %u", doms[i], count, answer, g.version);
        }
    }
    u64 frames[4] = {0};
    struct gnttab_get_status_frames s = {
        .dom = DOMID_SELF, .nr_frames = 1, .frame_list.va = (u64)frames};
    answer = op(GNTTABOP_get_status_frames, &s, 1);
    SAY("get_status_frames -> %ld %d, %u", answer, s.status, frames[0] != 0);
    if (result)
        return;
    union grant_entry_v2 *entries = (void *)table[0];
    memset(&entries[8], 0, sizeof(entries[8]));
    entries[8].sub_page.frame = mfn_of(granted[0]);
    entries[8].sub_page.page_off = 16;
    entries[8].sub_page.length = 32;
    entries[8].hdr.domid = self;
    entries[8].hdr.flags = GTF_permit_access | GTF_sub_page;
    copy("of a part", ref_side(8, self, 16), frame_side(mfn_of(window[0]), DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    copy("before the part", ref_side(8, self, 12), frame_side(mfn_of(window[0]), DOMID_SELF, 0), 8,
         GNTCOPY_source_gref);
    copy("behind the part", ref_side(8, self, 44), frame_side(mfn_of(window[0]), DOMID_SELF, 0), 8,
         GNTCOPY_source_gref);
    SAY("map a part -> %d", map_grant(8, self, GNTMAP_host_map, (u64)window[0]));
    memset(&entries[9], 0, sizeof(entries[9]));
    entries[9].transitive.trans_domid = self;
    entries[9].transitive.gref = 8;
    entries[9].hdr.domid = self;
    entries[9].hdr.flags = GTF_transitive;
    copy("through a second grant", ref_side(9, self, 16),
         frame_side(mfn_of(window[0]), DOMID_SELF, 0), 4, GNTCOPY_source_gref);
    entries[9].transitive.gref = 9;
    copy("through itself", ref_side(9, self, 16), frame_side(mfn_of(window[0]), DOMID_SELF, 0), 4,
         GNTCOPY_source_gref);
    memset(&entries[8], 0, sizeof(entries[8]));
    memset(&entries[9], 0, sizeof(entries[9]));
    v.version = 1;
    answer = op(GNTTABOP_set_version, &v, 1);
    SAY("set_version(1) -> %ld, %u", answer, v.version);
}

void guest_main(void)
{
    subject_start();
    self = own_id();
    for (u32 i = 0; i < COUNT(window); i++)
        window_entry[i] = *table_entry(window[i], 1);
    tables();
    mappings();
    mapping_places();
    mapped_twice();
    copies();
    others();
    version2();
    SAY("end -> 0");
}
