/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory operations of a domain on itself: giving frames back, getting others, exchanging them, and
 * what is said of reservations, tables and maps; each with every wrong argument.
 */
#define SUBJECT "memory"
#include "subject.h"

#define SPARE 64

static u8 spare[SPARE][PAGE_SIZE] PAGE_ALIGNED;
static u64 list[1024];

static s64 op(u32 cmd, const void *arg)
{
    return HYPERCALL2(memory_op, cmd, arg);
}

static s64 reserve(u32 cmd, u64 *frames, u64 count, u32 order, u32 flags, domid_t dom)
{
    struct xen_memory_reservation r = {.extent_start.va = (u64)frames,
                                       .nr_extents = count,
                                       .extent_order = order,
                                       .mem_flags = flags,
                                       .domid = dom};
    return op(cmd, &r);
}

static s64 pages(void)
{
    struct xen_memory_domain d = {.domid = DOMID_SELF};
    return op(XENMEM_current_reservation, &d);
}

static u64 gfn_of(const void *p)
{
    return ((u64)p - GUEST_VIRT_BASE) / PAGE_SIZE;
}

static void questions(void)
{
    static const domid_t doms[] = {DOMID_SELF, 4711,          DOMID_IO,  DOMID_XEN,
                                   DOMID_COW,  DOMID_INVALID, DOMID_IDLE};
    for (u32 i = 0; i < COUNT(doms); i++) {
        struct xen_memory_domain d = {.domid = doms[i]};
        for (u32 cmd = XENMEM_current_reservation; cmd <= XENMEM_maximum_gpfn; cmd++) {
            if (cmd != XENMEM_current_reservation && cmd != XENMEM_maximum_reservation &&
                cmd != XENMEM_maximum_gpfn)
                continue;
            s64 result = op(cmd, &d);
            SAY("question %u of %x -> %ld", cmd, doms[i], result > 0 ? 1 : result);
        }
    }
    SAY("pages are those of the start -> %u", (u64)pages() == start_info->nr_pages);
    struct xen_machphys_mapping m;
    answer = op(XENMEM_machphys_mapping, &m);
    SAY("machphys_mapping -> %ld, %lx %lx", answer, m.v_start, m.v_end);
    for (u32 room = 0; room < 3; room++) {
        struct xen_machphys_mfn_list l = {.max_extents = room, .extent_start.va = (u64)list};
        answer = op(XENMEM_machphys_mfn_list, &l);
        SAY("machphys_mfn_list(%u) -> %ld, %u", room, answer, l.nr_extents);
    }
    static const u32 rooms[] = {0, 1, 2, 128, ~0u};
    for (u32 i = 0; i < COUNT(rooms); i++) {
        struct xen_memory_map map = {.nr_entries = rooms[i], .buffer.va = (u64)list};
        answer = op(XENMEM_memory_map, &map);
        SAY("memory_map(%u) -> %ld, %u", rooms[i], answer, map.nr_entries);
    }
    struct xen_pod_target pod = {.domid = DOMID_SELF};
    SAY("get_pod_target -> %ld", op(XENMEM_get_pod_target, &pod));
    SAY("set_pod_target -> %ld", op(XENMEM_set_pod_target, &pod));
    SAY("sharing -> %ld %ld", op(XENMEM_get_sharing_freed_pages, 0),
        op(XENMEM_get_sharing_shared_pages, 0));
    struct xen_vnuma_topology_info v = {.domid = DOMID_SELF};
    SAY("get_vnumainfo -> %ld", op(XENMEM_get_vnumainfo, &v));
    for (u32 cmd = 0; cmd < 40; cmd++) {
        if (cmd == XENMEM_maximum_ram_page)
            continue;
        SAY("op %u nowhere -> %ld", cmd, op(cmd, (void *)NONCANONICAL));
        SAY("op %u of what is not there -> %ld", cmd, op(cmd, (void *)LOW_NONE));
        SAY("op %u of the hypervisor's -> %ld", cmd, op(cmd, (void *)HYPERVISORS));
    }
}

/* Gives spare pages 0 to n back: they are unmapped first. */
static s64 give(u32 n, u32 order)
{
    for (u32 i = 0; i < n; i++)
        list[i] = mfn_of(spare[i]);
    for (u32 i = 0; i < n << order; i++)
        map(spare[i], 0);
    return reserve(XENMEM_decrease_reservation, list, n, order, 0, DOMID_SELF);
}

static void decreases(void)
{
    s64 before = pages();
    list[0] = mfn_of(spare[0]);
    RESULT("decrease by what is mapped",
           reserve(XENMEM_decrease_reservation, list, 1, 0, 0, DOMID_SELF));
    SAY("pages -> %ld", pages() - before);
    map(spare[0], 0);
    list[0] = 0xfffffff;
    RESULT("decrease by no frame", reserve(XENMEM_decrease_reservation, list, 1, 0, 0, DOMID_SELF));
    list[0] = start_info->shared_info / PAGE_SIZE;
    RESULT("decrease by shared_info",
           reserve(XENMEM_decrease_reservation, list, 1, 0, 0, DOMID_SELF));
    list[0] = mfn_of((void *)start_info->pt_base);
    RESULT("decrease by a page table",
           reserve(XENMEM_decrease_reservation, list, 1, 0, 0, DOMID_SELF));
    RESULT("decrease by nothing", reserve(XENMEM_decrease_reservation, list, 0, 0, 0, DOMID_SELF));
    RESULT("decrease by order 63",
           reserve(XENMEM_decrease_reservation, list, 1, 63, 0, DOMID_SELF));
    RESULT("decrease by too many",
           reserve(XENMEM_decrease_reservation, list, ~0ull, 0, 0, DOMID_SELF));
    RESULT("decrease by 2^32",
           reserve(XENMEM_decrease_reservation, list, 1ull << 32, 0, 0, DOMID_SELF));
    RESULT("decrease of nobody", reserve(XENMEM_decrease_reservation, list, 1, 0, 0, 4711));
    RESULT("decrease by a list that is not there",
           reserve(XENMEM_decrease_reservation, (void *)LOW_NONE, 1, 0, 0, DOMID_SELF));
    SAY("pages -> %ld", pages() - before);
    RESULT("decrease by four", give(4, 0));
    SAY("pages -> %ld", pages() - before);
    RESULT("again by the same", reserve(XENMEM_decrease_reservation, list, 4, 0, 0, DOMID_SELF));
    RESULT("map one that was given", map(spare[0], list[0] * PAGE_SIZE | PTE_ORDINARY));
    RESULT("pin one that was given", mmuext(MMUEXT_PIN_L1_TABLE, list[0], 0));
}

static void increases(void)
{
    s64 before = pages();
    for (u32 i = 0; i < 4; i++)
        list[i] = gfn_of(spare[i]);
    RESULT("populate four", reserve(XENMEM_populate_physmap, list, 4, 0, 0, DOMID_SELF));
    SAY("pages -> %ld", pages() - before);
    for (u32 i = 0; i < 4; i++) {
        bool named = ((const u64 *)MACH2PHYS_VIRT_START)[list[i]] == gfn_of(spare[i]);
        s64 mapped = map(spare[i], list[i] * PAGE_SIZE | PTE_ORDINARY);
        ((u64 *)start_info->mfn_list)[gfn_of(spare[i])] = list[i];
        u64 sum = 0;
        for (u32 k = 0; !mapped && k < PAGE_SIZE; k++)
            sum += spare[i][k];
        SAY("populated %u -> named %u, mapped %ld, holds %lx", i, named, mapped, sum);
    }
    list[0] = gfn_of(spare[0]);
    RESULT("populate one too many", reserve(XENMEM_populate_physmap, list, 1, 0, 0, DOMID_SELF));
    SAY("pages -> %ld", pages() - before);
    RESULT("increase by one too many",
           reserve(XENMEM_increase_reservation, list, 1, 0, 0, DOMID_SELF));
    give(2, 0);
    before = pages();
    static const u32 orders[] = {1, 9, 18, 30, 63, ~0u};
    for (u32 i = 0; i < COUNT(orders); i++) {
        list[0] = gfn_of(spare[0]);
        SAY("populate order %u -> %ld", orders[i],
            orders[i] == 1 ? 0
                           : reserve(XENMEM_populate_physmap, list, 1, orders[i], 0, DOMID_SELF));
    }
    static const u32 flags[] = {XENMEMF_populate_on_demand,
                                XENMEMF_address_bits(11),
                                XENMEMF_exact_node(0),
                                XENMEMF_exact_node(9),
                                XENMEMF_node(200),
                                XENMEMF_vnode,
                                0xfff80000};
    for (u32 i = 0; i < COUNT(flags); i++) {
        list[0] = gfn_of(spare[0]);
        s64 result = reserve(XENMEM_populate_physmap, list, 1, 0, flags[i], DOMID_SELF);
        SAY("populate with flags %x -> %ld", flags[i], result);
        if (result == 1) {
            u64 frame = list[0];
            RESULT("given back", reserve(XENMEM_decrease_reservation, &frame, 1, 0, 0, DOMID_SELF));
        }
    }
    RESULT("increase without a list", reserve(XENMEM_increase_reservation, 0, 1, 0, 0, DOMID_SELF));
    RESULT("increase", reserve(XENMEM_increase_reservation, list, 1, 0, 0, DOMID_SELF));
    RESULT("populate to a list that is not there",
           reserve(XENMEM_populate_physmap, (void *)LOW_NONE, 1, 0, 0, DOMID_SELF));
    RESULT("populate to a read-only list",
           reserve(XENMEM_populate_physmap, (void *)LOW_CONST, 1, 0, 0, DOMID_SELF));
    RESULT("populate for nobody", reserve(XENMEM_populate_physmap, list, 1, 0, 0, 4711));
    SAY("pages -> %ld", pages() - before);
}

static void exchanges(void)
{
    u64 in_list[8], out_list[8];
    static const struct {
        u64 in, out;
        u32 in_order, out_order, flags;
        domid_t in_dom, out_dom;
    } cases[] = {
        {4, 4, 0, 0, 0, DOMID_SELF, DOMID_SELF},
        {4, 1, 0, 2, 0, DOMID_SELF, DOMID_SELF},
        {1, 4, 2, 0, 0, DOMID_SELF, DOMID_SELF},
        {4, 3, 0, 0, 0, DOMID_SELF, DOMID_SELF},
        {0, 0, 0, 0, 0, DOMID_SELF, DOMID_SELF},
        {4, 4, 0, 0, 0, DOMID_SELF, 4711},
        {4, 4, 0, 0, 0, 4711, 4711},
        {1, 1, 63, 63, 0, DOMID_SELF, DOMID_SELF},
        {1, 1, 30, 30, 0, DOMID_SELF, DOMID_SELF},
        {1ull << 60, 1ull << 60, 4, 4, 0, DOMID_SELF, DOMID_SELF},
        {2, 2, 0, 0, XENMEMF_address_bits(11), DOMID_SELF, DOMID_SELF},
    };
    for (u32 i = 0; i < COUNT(cases); i++) {
        s64 before = pages();
        for (u32 k = 0; k < 8; k++) {
            in_list[k] = mfn_of(spare[8 + k]);
            out_list[k] = gfn_of(spare[8 + k]);
            map(spare[8 + k], 0);
        }
        struct xen_memory_exchange x = {
            .in = {.extent_start.va = (u64)in_list,
                   .nr_extents = cases[i].in,
                   .extent_order = cases[i].in_order,
                   .domid = cases[i].in_dom},
            .out = {.extent_start.va = (u64)out_list,
                    .nr_extents = cases[i].out,
                    .extent_order = cases[i].out_order,
                    .mem_flags = cases[i].flags,
                    .domid = cases[i].out_dom},
        };
        s64 result = op(XENMEM_exchange, &x);
        SAY("exchange %u -> %ld, done %lu, pages %ld", i, result, x.nr_exchanged, pages() - before);
        for (u32 k = 0; k < 8; k++) {
            u64 mfn = x.nr_exchanged && k < 4
                          ? out_list[cases[i].out_order ? 0 : k] + (cases[i].out_order ? k : 0)
                          : in_list[k];
            ((u64 *)start_info->mfn_list)[gfn_of(spare[8 + k])] = mfn;
            map(spare[8 + k], mfn * PAGE_SIZE | PTE_ORDINARY);
        }
    }
}

static void bad_exchanges(void)
{
    u64 in_list[2] = {0xfffffff, 0xfffffff}, out_list[2] = {0xfffffff, 0xfffffff};
    struct xen_memory_exchange x = {
        .in = {.extent_start.va = (u64)in_list, .nr_extents = 2, .domid = DOMID_SELF},
        .out = {.extent_start.va = (u64)out_list, .nr_extents = 2, .domid = DOMID_SELF}};
    answer = op(XENMEM_exchange, &x);
    SAY("exchange of no frames -> %ld, done %lu", answer, x.nr_exchanged);
    in_list[0] = mfn_of(spare[20]);
    in_list[1] = in_list[0];
    answer = op(XENMEM_exchange, &x);
    SAY("exchange of one twice -> %ld, done %lu", answer, x.nr_exchanged);
    in_list[1] = mfn_of((void *)start_info->pt_base);
    answer = op(XENMEM_exchange, &x);
    SAY("exchange of a page table -> %ld, done %lu", answer, x.nr_exchanged);
    x.nr_exchanged = 5;
    answer = op(XENMEM_exchange, &x);
    SAY("exchange with a wrong progress -> %ld, done %lu", answer, x.nr_exchanged);
    x.nr_exchanged = 0;
    x.in.extent_start.va = LOW_NONE;
    answer = op(XENMEM_exchange, &x);
    SAY("exchange of a list that is not there -> %ld, done %lu", answer, x.nr_exchanged);
    x.in.extent_start.va = HYPERVISORS;
    answer = op(XENMEM_exchange, &x);
    SAY("exchange of the hypervisor's list -> %ld, done %lu", answer, x.nr_exchanged);
}

static void physmap(void)
{
    for (u32 space = 0; space < 7; space++) {
        struct xen_add_to_physmap a = {
            .domid = DOMID_SELF, .size = 1, .space = space, .idx = 0, .gpfn = 0x100000};
        SAY("add_to_physmap space %u -> %ld", space, op(XENMEM_add_to_physmap, &a));
    }
    struct xen_remove_from_physmap r = {.domid = DOMID_SELF, .gpfn = 0x100000};
    RESULT("remove_from_physmap", op(XENMEM_remove_from_physmap, &r));
    static const u16 types[] = {XENMEM_resource_ioreq_server, XENMEM_resource_grant_table,
                                XENMEM_resource_vmtrace_buf, 3};
    for (u32 i = 0; i < COUNT(types); i++) {
        struct xen_mem_acquire_resource a = {.domid = DOMID_SELF, .type = types[i]};
        SAY("acquire_resource %u -> %ld", types[i], op(XENMEM_acquire_resource, &a));
    }
    struct xen_memory_reservation claim = {.nr_extents = 1, .domid = DOMID_SELF};
    RESULT("claim", op(XENMEM_claim_pages, &claim));
}

void guest_main(void)
{
    subject_start();
    questions();
    decreases();
    increases();
    exchanges();
    bad_exchanges();
    physmap();
    SAY("end -> 0");
}
