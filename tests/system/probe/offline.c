/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that are taken out of use, and given back (XEN_SYSCTL_page_offline_op): a free one, and
 * what is no frame. None that has an owner: Xen does not come back from the second of those.
 */
#include "abi/sysctl.h"
#include "probe.h"

#define FRAMES   8
#define NOT_SAID 0x77777777

static struct xen_sysctl *op;
static uint32_t *status;

static long offline_op(uint32_t cmd, uint32_t start, uint32_t end, uint64_t where)
{
    memset(op, 0, sizeof(*op));
    op->cmd = XEN_SYSCTL_page_offline_op;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    op->u.page_offline =
        (struct xen_sysctl_page_offline_op){.cmd = cmd, .start = start, .end = end};
    op->u.page_offline.status.va = where;
    for (unsigned i = 0; i < FRAMES; i++)
        status[i] = NOT_SAID;
    return hypercall(__HYPERVISOR_sysctl, address(op), 0, 0, 0, 0);
}

static void offline_line(const char *what, uint32_t cmd, uint32_t frame, uint32_t count)
{
    static const char *const commands[] = {"nothing", "offline", "online", "query", "4"};
    long value = offline_op(cmd, frame, frame + count - 1, address(status));
    line("%s(%s) = %ld: %x %x %x", commands[cmd], what, value, status[0], status[1], status[2]);
}

static uint64_t free_frames(void)
{
    memset(op, 0, sizeof(*op));
    op->cmd = XEN_SYSCTL_physinfo;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    hypercall(__HYPERVISOR_sysctl, address(op), 0, 0, 0, 0);
    return op->u.physinfo.free_pages;
}

/* A free frame, which both have in the middle of the machine's memory. */
static uint32_t frame_find(void)
{
    for (uint32_t frame = 0x8003; frame < 0x80000; frame += 0x1000) {
        offline_op(sysctl_page_offline, frame, frame, address(status));
        if (status[0] == PG_OFFLINE_OFFLINED) {
            offline_op(sysctl_page_online, frame, frame, address(status));
            return frame;
        }
    }
    line("no free frame");
    return 0;
}

static void offline_life(const char *what, uint32_t frame)
{
    uint64_t before = free_frames();
    static const uint32_t commands[] = {3, 2, 1, 3, 1, 3, 2, 3, 2, 3};
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        offline_line(what, commands[i], frame, 1);
        line("free frames less %d", (int)(before - free_frames()));
    }
}

void probe_offline(void)
{
    group("offline");
    op = page_new();
    status = page_new();
    uint32_t unused = frame_find();
    offline_life("a free frame", unused);
    offline_line("two free frames", sysctl_page_offline, unused, 2);
    offline_line("three", sysctl_query_page_offline, unused, 3);
    offline_line("three", sysctl_page_online, unused, 3);
    offline_line("beyond all", sysctl_page_offline, 0xfffffff0, 2);
    offline_line("beyond all", sysctl_page_online, 0xfffffff0, 2);
    offline_line("beyond all", sysctl_query_page_offline, 0xfffffff0, 2);
    for (uint32_t cmd = 1; cmd < 4; cmd++)
        offline_line("a hole", cmd, 0xa0, 2);
    for (uint32_t cmd = 0; cmd < 5; cmd += 4)
        offline_line("a free frame", cmd, unused, 1);
    line("backwards = %ld", offline_op(3, unused + 9, unused, address(status)));
    line("no status = %ld", offline_op(3, unused, unused, 0));
    line("status unmapped = %ld", offline_op(3, unused, unused, BAD_UNMAPPED));
    line("status hypervisor's = %ld", offline_op(3, unused, unused, BAD_HYPERVISOR));
}
