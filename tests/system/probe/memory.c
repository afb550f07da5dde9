/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's group memory_op: the machine's memory, what a domain has of it, and errors. */
#include "abi/memory.h"
#include "probe.h"

#define MEMORY(cmd, p) hypercall(__HYPERVISOR_memory_op, (cmd), address(p), 0, 0, 0)
#define LAST_COMMAND   30u
#define NO_FRAME       0xfffffffffull

static void memory_domains(void *page)
{
    static const domid_t ids[] = {DOMID_NONE, DOMID_IO,      DOMID_XEN,
                                  DOMID_COW,  DOMID_INVALID, DOMID_IDLE};
    static const struct {
        const char *name;
        uint32_t cmd;
    } queries[] = {
        {"current_reservation", XENMEM_current_reservation},
        {"maximum_reservation", XENMEM_maximum_reservation},
        {"maximum_gpfn", XENMEM_maximum_gpfn},
    };
    for (unsigned q = 0; q < 3; q++) {
        struct xen_memory_domain *op = page;
        for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            op->domid = ids[i];
            line("%s(%#x) = %ld", queries[q].name, ids[i], MEMORY(queries[q].cmd, op));
        }
        op->domid = DOMID_SELF;
        long self = MEMORY(queries[q].cmd, op);
        op->domid = 0;
        line("%s: self and 0 agree %d", queries[q].name, self == MEMORY(queries[q].cmd, op));
        line("%s: positive %d, less than 2^32 %d", queries[q].name, self > 0, self < 1l << 32);
    }
    struct xen_memory_domain *op = page;
    op->domid = DOMID_SELF;
    result("maximum_reservation", MEMORY(XENMEM_maximum_reservation, op));
    long have = MEMORY(XENMEM_current_reservation, op);
    line("current_reservation: within a page table's worth of the 1 GiB given %d",
         have > 261000 && have <= 262144);
}

static void memory_map(void *page)
{
    struct xen_memory_map *map = page;
    struct xen_e820_entry *entries = (void *)((char *)page + 64);
    static const uint32_t rooms[] = {0, 1, 4};
    for (unsigned i = 0; i < 3; i++) {
        *map = (struct xen_memory_map){.nr_entries = rooms[i], .buffer.va = address(entries)};
        line("machine_memory_map(%u) = %ld", rooms[i], MEMORY(XENMEM_machine_memory_map, map));
    }
    *map = (struct xen_memory_map){.nr_entries = 100, .buffer.va = BAD_UNMAPPED};
    result("machine_memory_map(unmapped buffer)", MEMORY(XENMEM_machine_memory_map, map));
    *map = (struct xen_memory_map){.nr_entries = 100, .buffer.va = BAD_HYPERVISOR};
    result("machine_memory_map(hypervisor's buffer)", MEMORY(XENMEM_machine_memory_map, map));
    *map = (struct xen_memory_map){.nr_entries = 100, .buffer.va = address(entries)};
    long value = MEMORY(XENMEM_machine_memory_map, map);
    line("machine_memory_map = %ld, %u entries", value, map->nr_entries);
    for (uint32_t i = 0; !value && i < map->nr_entries; i++)
        line("%#lx + %#lx type %u", (unsigned long)entries[i].addr, (unsigned long)entries[i].size,
             entries[i].type);
    *map = (struct xen_memory_map){.nr_entries = 100, .buffer.va = address(entries)};
    result("memory_map", MEMORY(XENMEM_memory_map, map));
}

static void memory_tables(void *page)
{
    struct xen_machphys_mapping *mapping = page;
    long value = MEMORY(XENMEM_machphys_mapping, mapping);
    line("machphys_mapping = %ld: %#lx - %#lx, %#lx", value, (unsigned long)mapping->v_start,
         (unsigned long)mapping->v_end, (unsigned long)mapping->max_mfn);
    struct xen_machphys_mfn_list *list = page;
    uint64_t *frames = (void *)((char *)page + 64);
    static const uint32_t rooms[] = {0, 1, 2, 100};
    for (unsigned i = 0; i < 4; i++) {
        *list = (struct xen_machphys_mfn_list){.max_extents = rooms[i],
                                               .extent_start.va = address(frames)};
        value = MEMORY(XENMEM_machphys_mfn_list, list);
        line("machphys_mfn_list(%u) = %ld, %u", rooms[i], value, list->nr_extents);
    }
    *list = (struct xen_machphys_mfn_list){.max_extents = 1, .extent_start.va = BAD_UNMAPPED};
    result("machphys_mfn_list(unmapped)", MEMORY(XENMEM_machphys_mfn_list, list));
    result("maximum_ram_page", MEMORY(XENMEM_maximum_ram_page, NULL));
}

static void memory_resources(void *page)
{
    struct xen_mem_acquire_resource *op = page;
    static const struct {
        domid_t d;
        uint16_t type;
        uint32_t id, count;
        uint64_t frame;
    } wanted[] = {
        {DOMID_SELF, XENMEM_resource_grant_table, 0, 0, 0},
        {DOMID_SELF, XENMEM_resource_grant_table, 0, 1, 0},
        {DOMID_NONE, XENMEM_resource_grant_table, 0, 0, 0},
        {0, XENMEM_resource_grant_table, 0, 0, 0},
        {DOMID_SELF, XENMEM_resource_ioreq_server, 0, 0, 0},
        {DOMID_SELF, XENMEM_resource_vmtrace_buf, 0, 0, 0},
        {DOMID_SELF, 3, 0, 0, 0},
        {DOMID_XEN, XENMEM_resource_grant_table, 0, 0, 0},
    };
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        *op = (struct xen_mem_acquire_resource){.domid = wanted[i].d,
                                                .type = wanted[i].type,
                                                .id = wanted[i].id,
                                                .nr_frames = wanted[i].count,
                                                .frame = wanted[i].frame,
                                                .frame_list.va =
                                                    wanted[i].count ? address(op + 1) : 0};
        long value = MEMORY(XENMEM_acquire_resource, op);
        line("acquire_resource(%u) = %ld, %u", i, value, op->nr_frames);
    }
}

void probe_memory(void)
{
    group("memory");
    void *page = page_new();
    for (uint32_t cmd = 0; cmd <= LAST_COMMAND; cmd++) {
        char name[32];
        if (cmd == XENMEM_maximum_ram_page)
            continue;
        snprintf(name, sizeof(name), "command %u", cmd);
        bad_addresses(name, __HYPERVISOR_memory_op, cmd);
    }
    result("command 63", MEMORY(63, page));
    result("query with progress", MEMORY(XENMEM_maximum_ram_page | 1 << 6, page));
    memory_domains(page);
    memory_map(page);
    memory_tables(page);
    memory_resources(page);
    struct xen_reserved_device_memory_map *rdm = page;
    *rdm = (struct xen_reserved_device_memory_map){.flags = XENMEM_RDM_ALL, .nr_entries = 5};
    long value = MEMORY(XENMEM_reserved_device_memory_map, rdm);
    line("reserved_device_memory_map(all) = %ld, %u", value, rdm->nr_entries);
    *rdm = (struct xen_reserved_device_memory_map){.flags = 2};
    result("reserved_device_memory_map(bad flags)", MEMORY(XENMEM_reserved_device_memory_map, rdm));
    for (uint32_t cmd = 13; cmd <= 27; cmd++) {
        if (cmd == XENMEM_maximum_gpfn || cmd == XENMEM_claim_pages)
            continue;
        memset(page, 0, 256);
        *(domid_t *)page = DOMID_SELF;
        line("command %u, about itself = %ld", cmd, MEMORY(cmd, page));
        memset(page, 0, 256);
        *(domid_t *)page = DOMID_NONE;
        line("command %u, no domain = %ld", cmd, MEMORY(cmd, page));
    }
}

/* --- operations on reservations */

static long reservation(void *page, uint32_t cmd, const struct xen_memory_reservation *r)
{
    memcpy(page, r, sizeof(*r));
    return MEMORY(cmd, page);
}

static void reservation_errors(void *page, uint32_t cmd, const char *name)
{
    uint64_t *frames = (void *)((char *)page + 256);
    frames[0] = NO_FRAME;
    struct xen_memory_reservation r = {
        .extent_start.va = address(frames), .nr_extents = 0, .domid = DOMID_SELF};
    line("%s(nothing) = %ld", name, reservation(page, cmd, &r));
    r.nr_extents = 1ull << 32;
    line("%s(2^32) = %ld", name, reservation(page, cmd, &r));
    r.nr_extents = 1;
    r.domid = DOMID_NONE;
    line("%s(no domain) = %ld", name, reservation(page, cmd, &r));
    r.domid = DOMID_IO;
    line("%s(I/O) = %ld", name, reservation(page, cmd, &r));
    r.domid = DOMID_SELF;
    r.extent_order = 40;
    line("%s(order 40) = %ld", name, reservation(page, cmd, &r));
    r.extent_order = 0;
    r.extent_start.va = BAD_UNMAPPED;
    if (cmd != XENMEM_increase_reservation)
        line("%s(unmapped list) = %ld", name, reservation(page, cmd, &r));
    r.extent_start.va = BAD_HYPERVISOR;
    if (cmd != XENMEM_increase_reservation)
        line("%s(hypervisor's list) = %ld", name, reservation(page, cmd, &r));
}

static void exchange_errors(void *page)
{
    struct xen_memory_exchange *x = page;
    uint64_t *frames = (void *)((char *)page + 512);
    const struct xen_memory_reservation r = {
        .extent_start.va = address(frames), .nr_extents = 1, .domid = DOMID_SELF};
    const struct xen_memory_exchange good = {.in = r, .out = r};
    frames[0] = NO_FRAME;
    *x = good;
    long value = MEMORY(XENMEM_exchange, x);
    line("exchange(no frame) = %ld, done %lu", value, (unsigned long)x->nr_exchanged);
    *x = good;
    x->nr_exchanged = 1;
    result("exchange(all done)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->nr_exchanged = 2;
    result("exchange(more than all done)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->out.nr_extents = 2;
    result("exchange(unequal)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->out.domid = 0;
    result("exchange(two domains)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->in.domid = x->out.domid = DOMID_NONE;
    result("exchange(no domain)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->in.extent_order = x->out.extent_order = 30;
    result("exchange(order 30)", MEMORY(XENMEM_exchange, x));
    *x = good;
    x->in.extent_start.va = BAD_UNMAPPED;
    result("exchange(unmapped list)", MEMORY(XENMEM_exchange, x));
}

/* A page more, and back. */
static void reservation_change(void *page)
{
    uint64_t *frames = (void *)((char *)page + 256);
    struct xen_memory_reservation r = {
        .extent_start.va = address(frames), .nr_extents = 2, .domid = DOMID_SELF};
    struct xen_memory_domain *self = page;
    self->domid = DOMID_SELF;
    long before = MEMORY(XENMEM_current_reservation, self);
    frames[0] = 0x7ffffff0;
    frames[1] = 0x7ffffff1;
    long done = reservation(page, XENMEM_populate_physmap, &r);
    line("populate_physmap(2) = %ld, frames are new %d", done,
         frames[0] < 0x7fffffe0 && frames[1] < 0x7fffffe0);
    self->domid = DOMID_SELF;
    line("pages more = %ld", MEMORY(XENMEM_current_reservation, self) - before);
    r.nr_extents = done > 0 ? (uint64_t)done : 0;
    result("decrease_reservation(them)", reservation(page, XENMEM_decrease_reservation, &r));
    result("decrease_reservation(again)", reservation(page, XENMEM_decrease_reservation, &r));
    r.nr_extents = 1;
    frames[0] = 0;
    done = reservation(page, XENMEM_increase_reservation, &r);
    line("increase_reservation(1) = %ld, frame is new %d", done, frames[0] != 0);
    result("decrease_reservation(it)",
           done > 0 ? reservation(page, XENMEM_decrease_reservation, &r) : 0);
    self->domid = DOMID_SELF;
    line("pages more at the end = %ld", MEMORY(XENMEM_current_reservation, self) - before);
    r.mem_flags = XENMEMF_exact_node(200);
    result("populate_physmap(node 200)", reservation(page, XENMEM_populate_physmap, &r));
    r.mem_flags = XENMEMF_address_bits(12);
    result("populate_physmap(12 bits)", reservation(page, XENMEM_populate_physmap, &r));
    struct xen_memory_reservation claim = {.nr_extents = 0, .domid = DOMID_SELF};
    result("claim_pages(0)", reservation(page, XENMEM_claim_pages, &claim));
    claim.nr_extents = 16;
    result("claim_pages(fewer than it has)", reservation(page, XENMEM_claim_pages, &claim));
    claim.extent_order = 1;
    result("claim_pages(order 1)", reservation(page, XENMEM_claim_pages, &claim));
    claim.extent_order = 0;
    claim.domid = DOMID_NONE;
    result("claim_pages(no domain)", reservation(page, XENMEM_claim_pages, &claim));
}

void probe_memory_change(void)
{
    group("reservation");
    void *page = page_new();
    reservation_errors(page, XENMEM_increase_reservation, "increase_reservation");
    reservation_errors(page, XENMEM_decrease_reservation, "decrease_reservation");
    reservation_errors(page, XENMEM_populate_physmap, "populate_physmap");
    exchange_errors(page);
    reservation_change(page);
}
