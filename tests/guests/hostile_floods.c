/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that keeps everybody busy, for as long as it is let: without ever yielding it rings the
 * bells of domain 0's store and console, writes to its console both ways, opens and closes ports by
 * the hundred, and takes turns with the versions of its grant table while entries that point
 * everywhere fill it.
 */
#include "abi/grant_table.h"
#include "guest.h"

#define NR_PORTS      300
#define CONSOLE_BYTES 2048
#define GRANT_FRAMES  4

static char page[PAGE_SIZE] PAGE_ALIGNED;

static void ring_bells(void)
{
    struct evtchn_send console = {.port = start_info->console.domU.evtchn};
    struct evtchn_send store = {.port = start_info->store_evtchn};
    for (u32 i = 0; i < 100; i++) {
        HYPERCALL2(event_channel_op, EVTCHNOP_send, &console);
        HYPERCALL2(event_channel_op, EVTCHNOP_send, &store);
    }
}

/* Whether or not domain 0 has taken what was said before. */
static void console_flood(void)
{
    u32 *indices = (u32 *)((u8 *)virt_of_mfn(start_info->console.domU.mfn) + 1024 + CONSOLE_BYTES);
    memset((u8 *)virt_of_mfn(start_info->console.domU.mfn) + 1024, 'f', CONSOLE_BYTES);
    __atomic_store_n(&indices[3], indices[2] + CONSOLE_BYTES, __ATOMIC_RELEASE);
    memset(page, 'h', sizeof(page));
    page[sizeof(page) - 1] = '\n';
    HYPERCALL3(console_io, CONSOLEIO_write, sizeof(page), page);
}

static void ports_flood(void)
{
    static u32 ports[NR_PORTS];
    struct evtchn_alloc_unbound unbound = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    u32 n = 0;
    while (n < NR_PORTS && !HYPERCALL2(event_channel_op, EVTCHNOP_alloc_unbound, &unbound))
        ports[n++] = unbound.port;
    for (u32 i = 0; i + 1 < n; i += 2) {
        struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF, .remote_port = ports[i]};
        if (HYPERCALL2(event_channel_op, EVTCHNOP_bind_interdomain, &bind))
            continue;
        struct evtchn_send send = {.port = bind.local_port};
        HYPERCALL2(event_channel_op, EVTCHNOP_send, &send);
        struct evtchn_close close = {.port = bind.local_port};
        HYPERCALL2(event_channel_op, EVTCHNOP_close, &close);
    }
    while (n) {
        struct evtchn_close close = {.port = ports[--n]};
        HYPERCALL2(event_channel_op, EVTCHNOP_close, &close);
    }
}

static void grants_flood(void)
{
    u64 frames[GRANT_FRAMES];
    struct gnttab_set_version version = {.version = 1 + random() % 2};
    struct gnttab_setup_table setup = {
        .dom = DOMID_SELF, .nr_frames = 1 + random() % GRANT_FRAMES, .frame_list = {(u64)frames}};
    HYPERCALL3(grant_table_op, GNTTABOP_set_version, &version, 1);
    if (HYPERCALL3(grant_table_op, GNTTABOP_setup_table, &setup, 1) || setup.status)
        return;
    /* Mapped over our own page, for as long as it takes to fill it. */
    u64 own = pte_of(page, PTE_ORDINARY);
    if (!map(page, frames[0] * PAGE_SIZE | PTE_ORDINARY)) {
        u64 *words = (u64 *)page;
        for (u32 i = 16; i < PAGE_SIZE / sizeof(u64); i++)
            words[i] = random();
    }
    map(page, own);
    for (u32 i = 0; i < 50; i++) {
        struct gnttab_map_grant_ref grant = {.host_addr = (u64)page,
                                             .dom = random() % 4 ? DOMID_SELF : random() % 8,
                                             .ref = (u32)(random() % 700),
                                             .flags = (u32)(random() % 64)};
        HYPERCALL3(grant_table_op, GNTTABOP_map_grant_ref, &grant, 1);
        if (grant.status)
            continue;
        struct gnttab_unmap_grant_ref unmap = {.host_addr = (u64)page, .handle = grant.handle};
        HYPERCALL3(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1);
        map(page, own);
    }
}

void guest_main(void)
{
    static void (*const floods[])(void) = {ring_bells, console_flood, ports_flood, grants_flood};
    random_seed(rdtsc());
    traps_tolerated = true;
    for (;;)
        floods[random() % COUNT(floods)]();
}
