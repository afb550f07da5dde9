/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall sysctl: what the tools ask of the machine as a whole. Rows: core/ops/sysctl.def;
 * what depends on the processors is in arch/x86/control.
 */
#include "arch/control.h"
#include "arch/cpu.h"
#include "arch/memory.h"
#include "core/claim.h"
#include "core/console.h"
#include "core/control.h"
#include "core/cpupool.h"
#include "core/guest_access.h"
#include "core/heap.h"
#include "core/hypercall_handlers.h"
#include "core/sched.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define CHUNK_BYTES    256u
#define DEBUG_KEYS_MAX 32u /* in one call: each may print a lot */

long hypercall_sysctl(struct vcpu *v, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 a6)
{
    struct {
        u32 cmd, interface_version;
    } head;
    STATIC_ASSERT(sizeof(head) == offsetof(struct xen_sysctl, u));
    if (guest_copy_in(&head, a1, sizeof(head)))
        return -EFAULT;
    int error =
        control_version_check(v, "sysctl", head.interface_version, XEN_SYSCTL_INTERFACE_VERSION);
    if (error)
        return error;
    if (!v->domain->is_control)
        return -EPERM;
    return subop_dispatch(v, &sysctl_ops, head.cmd, a1);
}

/* --- the log and the keys */

long sysctl_readconsole(struct vcpu *v, void *arg)
{
    struct xen_sysctl_readconsole *op = &((struct xen_sysctl *)arg)->u.readconsole;
    char chunk[CHUNK_BYTES];
    u64 position = console_ring_start(op->incremental ? op->index : 0, op->incremental);
    u32 done = 0;
    while (done < op->count) {
        size_t bytes = console_ring_read(chunk, MIN(op->count - done, CHUNK_BYTES), &position);
        if (!bytes)
            break;
        if (guest_copy_out(guest_element_address(op->buffer.va, 1, done), chunk, bytes))
            return -EFAULT;
        done += (u32)bytes;
    }
    if (op->clear)
        console_ring_clear(position);
    op->count = done;
    op->index = (u32)position;
    return 0;
}

long sysctl_debug_keys(struct vcpu *v, void *arg)
{
    const struct xen_sysctl_debug_keys *op = &((struct xen_sysctl *)arg)->u.debug_keys;
    if (op->nr_keys > DEBUG_KEYS_MAX)
        return -E2BIG;
    for (u32 i = 0; i < op->nr_keys; i++) {
        char key;
        if (guest_copy_in(&key, guest_element_address(op->keys.va, sizeof(key), i), sizeof(key)))
            return -EFAULT;
        key_handle((u8)key);
    }
    return 0;
}

/* --- the machine */

long sysctl_physinfo(struct vcpu *v, void *arg)
{
    struct xen_sysctl_physinfo *info = &((struct xen_sysctl *)arg)->u.physinfo;
    u32 cpu, last = 0;
    memset(info, 0, sizeof(*info));
    for_each_online_cpu (cpu) /* also those that are out of use: they may come back */
        last = cpu;
    info->nr_cpus = cpumask_count(&cpu_active_mask);
    info->max_cpu_id = last;
    info->nr_nodes = arch_nodes();
    info->max_node_id = info->nr_nodes - 1;
    info->total_pages = heap_total_frames();
    info->free_pages = heap_free_frames();
    info->outstanding_pages = claims_total();
    info->max_mfn = arch_ram_end().v - 1;
    arch_physinfo(info);
    return 0;
}

/* Hyperthreads are not switched on and off. */
long sysctl_cpu_hotplug(struct vcpu *v, void *arg)
{
    const struct xen_sysctl_cpu_hotplug *op = &((struct xen_sysctl *)arg)->u.cpu_hotplug;
    switch (op->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        return cpupool_cpu_online(op->cpu);
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return cpupool_cpu_offline(op->cpu);
    default:
        return -EOPNOTSUPP;
    }
}

long sysctl_getcpuinfo(struct vcpu *v, void *arg)
{
    struct xen_sysctl_getcpuinfo *op = &((struct xen_sysctl *)arg)->u.getcpuinfo;
    u32 n = MIN(op->max_cpus, cpumask_count(&cpu_online_mask));
    for (u32 cpu = 0; cpu < n; cpu++) {
        struct xen_sysctl_cpuinfo info = {.idletime = sched_idle_time(cpu)};
        if (guest_write_at(op->info, cpu, &info))
            return -EFAULT;
    }
    op->nr_cpus = n;
    return 0;
}

long sysctl_availheap(struct vcpu *v, void *arg)
{
    struct xen_sysctl_availheap *op = &((struct xen_sysctl *)arg)->u.availheap;
    /* The allocator keeps no count by address: a limit that excludes nothing answers all. */
    u64 frames = op->node < 0 ? heap_free_frames() : heap_free_frames_node((u32)op->node);
    if (op->max_bitwidth && op->max_bitwidth < 64 &&
        arch_ram_end().v > 1ull << (MAX(op->max_bitwidth, (u32)PAGE_SHIFT) - PAGE_SHIFT))
        return -EOPNOTSUPP;
    op->avail_bytes = frames << PAGE_SHIFT;
    return 0;
}

long sysctl_cputopoinfo(struct vcpu *v, void *arg)
{
    struct xen_sysctl_cputopoinfo *op = &((struct xen_sysctl *)arg)->u.cputopoinfo;
    u32 cpu, last = 0;
    for_each_active_cpu (cpu)
        last = cpu;
    u32 count = last + 1;
    if (guest_handle_is_null(op->cputopo)) {
        op->num_cpus = count;
        return 0;
    }
    count = MIN(count, op->num_cpus);
    for (cpu = 0; cpu < count; cpu++) {
        struct xen_sysctl_cputopo place = {XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID,
                                           XEN_INVALID_NODE_ID};
        if (cpumask_test(&cpu_active_mask, cpu)) {
            struct cpu_place p = arch_cpu_place(cpu);
            place = (struct xen_sysctl_cputopo){p.core, p.socket, cpu_node(cpu)};
        }
        if (guest_write_at(op->cputopo, cpu, &place))
            return -EFAULT;
    }
    op->num_cpus = count;
    return 0;
}

static int numa_write_distances(const struct xen_sysctl_numainfo *op, u32 row, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        u32 distance = arch_node_distance(row, i);
        if (!distance)
            distance = XEN_INVALID_NODE_DIST;
        if (guest_write_at(op->distance, (u64)row * count + i, &distance))
            return -EFAULT;
    }
    return 0;
}

long sysctl_numainfo(struct vcpu *v, void *arg)
{
    struct xen_sysctl_numainfo *op = &((struct xen_sysctl *)arg)->u.numainfo;
    u32 count = arch_nodes();
    bool memory = !guest_handle_is_null(op->meminfo);
    bool distances = !guest_handle_is_null(op->distance);
    if (!memory && !distances) {
        op->num_nodes = count;
        return 0;
    }
    count = MIN(count, op->num_nodes);
    for (u32 node = 0; node < count; node++) {
        struct xen_sysctl_meminfo info = {
            .memsize = arch_node_memory(node),
            .memfree = heap_free_frames_node(node) << PAGE_SHIFT,
        };
        if (memory && guest_write_at(op->meminfo, node, &info))
            return -EFAULT;
        if (distances && numa_write_distances(op, node, count))
            return -EFAULT;
    }
    op->num_nodes = count;
    return 0;
}

/* --- domains */

long sysctl_getdomaininfolist(struct vcpu *v, void *arg)
{
    struct xen_sysctl_getdomaininfolist *op = &((struct xen_sysctl *)arg)->u.getdomaininfolist;
    struct xen_domctl_getdomaininfo info;
    u32 n = 0;
    s32 last = -1;
    /* The list is in the order of creation; the tools want that of the numbers. */
    while (n < op->max_domains) {
        struct domain *d = domain_get_from(MAX((u32)(last + 1), (u32)op->first_domain));
        if (!d)
            break;
        last = d->id;
        control_domain_info(d, &info);
        domain_put(d);
        if (guest_write_at(op->buffer, n, &info))
            return -EFAULT;
        n++;
    }
    op->num_domains = n;
    return 0;
}

/* --- scheduling */

long sysctl_sched_id(struct vcpu *v, void *arg)
{
    ((struct xen_sysctl *)arg)->u.sched_id.sched_id = CONTROL_SCHEDULER;
    return 0;
}

long sysctl_scheduler_op(struct vcpu *v, void *arg)
{
    struct xen_sysctl_scheduler_op *op = &((struct xen_sysctl *)arg)->u.scheduler_op;
    u32 limit = op->u.sched_credit2.ratelimit_us;
    if (!cpupool_exists(op->cpupool_id))
        return -ESRCH;
    if (op->sched_id != CONTROL_SCHEDULER)
        return -EINVAL;
    switch (op->cmd) {
    case XEN_SYSCTL_SCHEDOP_getinfo:
        op->u.sched_credit2.ratelimit_us = (u32)(sched_rate_limit / MICROSECONDS(1));
        return 0;
    case XEN_SYSCTL_SCHEDOP_putinfo:
        if (limit &&
            (limit < XEN_SYSCTL_SCHED_RATELIMIT_MIN || limit > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
            return -EINVAL;
        /* One for all pools. */
        WRITE_ONCE(sched_rate_limit, MICROSECONDS(limit));
        return 0;
    default:
        return -EINVAL;
    }
}
